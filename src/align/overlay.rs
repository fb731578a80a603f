//! A picture to judge an alignment by eye: tiles of both volumes in turn, in which edges must run on.

use undulator_compute::UnknownName;

use ndarray::{Array2, Zip};

use crate::grey::{HIGH_PERCENT, LOW_PERCENT, Window};
use crate::progress::Progress;
use crate::stack::{GreyType, Shape, Size, SliceSink, SliceSource, check, check_same_size, read_finite};

use super::AlignError;

/// How both volumes are shown in one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Overlay {
    /// Tiles in turn.
    Checkerboard,
    /// The aligned volume in red, the reference in green: yellow where they agree.
    #[strum(serialize = "Red-green")]
    RedGreen,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Overlay>("overlay", name)
}

/// Tiles along the shorter side of a checkerboard.
const TILES: usize = 8;

/// Edge of a checkerboard's tiles, in voxels, for volumes of that size.
pub fn tile(size: Size) -> usize {
    (size.width.min(size.height) / TILES).max(1)
}

impl Overlay {
    /// Draws the overlay of two volumes of one size. The chequerboard goes to `first`, in tiles of an eighth of the
    /// shorter side; of the colours, red goes to `first` and green to `second`.
    ///
    /// # Errors
    /// [`AlignError`] for stacks that cannot be read, are of different sizes or have no contrast, and when the user asks
    /// to stop.
    pub fn draw(
        self,
        aligned: &dyn SliceSource,
        reference: &dyn SliceSource,
        first: &mut dyn SliceSink,
        second: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), AlignError> {
        progress.phase("Drawing the overlay");
        match self {
            Self::Checkerboard => checkerboard(aligned, reference, tile(aligned.shape().size), first, progress),
            Self::RedGreen => {
                check_same_size(aligned, reference)?;
                in_eight_bits(aligned, first, progress.share(0.0..0.5))?;
                in_eight_bits(reference, second, progress.share(0.5..1.0))
            }
        }
    }
}

/// Writes a volume in 8 bits through its own 0.3–99.7 percentile window.
///
/// # Errors
/// [`AlignError`] for a stack that cannot be read or has no contrast, and when the user asks to stop.
pub fn in_eight_bits(
    volume: &dyn SliceSource,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<(), AlignError> {
    check(volume)?;
    let shape = volume.shape();
    let window = Window::of_percentiles(volume, LOW_PERCENT, HIGH_PERCENT, progress.share(0.0..0.5))?;
    let writing = progress.share(0.5..1.0);
    sink.begin(Shape::new(shape.size, shape.voxel, GreyType::U8))?;
    let mut slice = Array2::<f32>::zeros(shape.size.slice_dim());
    for z in 0..shape.size.slices {
        writing.step(z, shape.size.slices)?;
        read_finite(volume, z, slice.view_mut())?;
        slice.mapv_inplace(|v| f32::from(window.to_8_bit(v)));
        sink.write(z, slice.view())?;
    }
    Ok(())
}

/// Writes a chequerboard of both volumes, which must have one size, with square tiles of `tile` voxels: the aligned
/// volume in the top left one. Both are shown in 8 bits through their own 0.3–99.7 percentile windows.
///
/// ```
/// use undulator::align::checkerboard;
/// use undulator::progress::Progress;
/// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
/// use undulator::volume::Volume;
///
/// let shape = Shape::new(Size::new(4, 4, 2), VoxelSize::isotropic(0.6), GreyType::U16);
/// let ramp: Vec<f32> = (0..32).map(|v| v as f32).collect();
/// let volume = Volume::from_values("aligned", shape, &ramp);
/// let mut board = Volume::black("board", shape);
/// checkerboard(&volume, &volume, 2, &mut board, Progress::silent())?;
/// # Ok::<(), undulator::align::AlignError>(())
/// ```
pub fn checkerboard(
    aligned: &dyn SliceSource,
    reference: &dyn SliceSource,
    tile: usize,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<(), AlignError> {
    check(aligned)?;
    check_same_size(aligned, reference)?;
    let shape = aligned.shape();
    let window = |source, share| Window::of_percentiles(source, LOW_PERCENT, HIGH_PERCENT, progress.share(share));
    let windows = [window(aligned, 0.0..0.25)?, window(reference, 0.25..0.5)?];
    let writing = progress.share(0.5..1.0);
    sink.begin(Shape::new(shape.size, shape.voxel, GreyType::U8))?;
    let tile = tile.max(1);
    let mut slice = Array2::<f32>::zeros(shape.size.slice_dim());
    let mut other = slice.clone();
    for z in 0..shape.size.slices {
        writing.step(z, shape.size.slices)?;
        read_finite(aligned, z, slice.view_mut())?;
        read_finite(reference, z, other.view_mut())?;
        Zip::indexed(&mut slice).and(&other).for_each(|(y, x), v, other| {
            let odd = (y / tile + x / tile) % 2;
            *v = f32::from(windows[odd].to_8_bit([*v, *other][odd]));
        });
        sink.write(z, slice.view())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::VoxelSize;
    use crate::volume::Volume;

    #[test]
    fn tiles_take_turns() {
        let shape = Shape::new(Size::new(6, 4, 1), VoxelSize::isotropic(1.0), GreyType::U16);
        let rising: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let falling: Vec<f32> = rising.iter().map(|v| 1000.0 - v).collect();
        let [aligned, reference] = [rising, falling].map(|v| Volume::from_values("v", shape, &v));
        let mut board = Volume::black("board", shape);
        checkerboard(&aligned, &reference, 2, &mut board, Progress::silent()).unwrap();
        let values = board.to_values();
        assert_eq!(board.shape(), Shape::new(shape.size, shape.voxel, GreyType::U8));
        // Rising within tiles of the aligned volume, falling within those of the reference.
        for (i, rises) in [(0, true), (2, false), (4, true), (12, false), (14, true)] {
            assert_eq!(values[i] < values[i + 1], rises, "at {i}: {values:?}");
        }
        let (mut red, mut green) = (Volume::black("red", shape), Volume::black("green", shape));
        Overlay::RedGreen.draw(&aligned, &reference, &mut red, &mut green, Progress::silent()).unwrap();
        let (red, green) = (red.to_values(), green.to_values());
        assert!(red[0] == 0.0 && red[23] == 255.0 && green[0] == 255.0 && green[23] == 0.0, "{red:?} {green:?}");
        let smaller = Volume::black("smaller", Shape { size: Size::new(5, 4, 1), ..shape });
        assert!(checkerboard(&aligned, &smaller, 2, &mut board, Progress::silent()).is_err());
    }
}
