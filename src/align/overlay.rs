//! An image of two aligned volumes, to judge the alignment by eye.

use undulator_compute::UnknownName;

use ndarray::Zip;

use crate::grey::{HIGH_PERCENT, LOW_PERCENT, Window};
use crate::progress::Progress;
use crate::stack::{GreyType, Shape, Size, SliceSink, SliceSource, black_slice, check, check_same_size, read_measured};

use super::AlignError;

/// How both volumes are shown in one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Overlay {
    /// Tiles of both volumes in turn: edges must continue across tiles.
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
fn tile(size: Size) -> usize {
    (size.width.min(size.height) / TILES).max(1)
}

impl Overlay {
    /// Channels of the image.
    pub fn channels(self) -> usize {
        match self {
            Self::Checkerboard => 1,
            Self::RedGreen => 2,
        }
    }

    /// Draws one channel of the overlay of two volumes of the same size, in 8 bits, each volume through its own
    /// 0.3–99.7 percentile window. The tiles of a checkerboard are an eighth of the shorter side; the top left one shows
    /// the aligned volume.
    ///
    /// ```
    /// use undulator::align::Overlay;
    /// use undulator::progress::Progress;
    /// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
    /// use undulator::volume::Volume;
    ///
    /// let shape = Shape::new(Size::new(16, 16, 2), VoxelSize::isotropic(0.6), GreyType::U16);
    /// let ramp: Vec<f32> = (0..512).map(|v| v as f32).collect();
    /// let volume = Volume::from_values("aligned", shape, &ramp);
    /// let mut board = Volume::black("board", shape);
    /// Overlay::Checkerboard.draw(0, &volume, &volume, &mut board, Progress::silent())?;
    /// # Ok::<(), undulator::align::AlignError>(())
    /// ```
    ///
    /// # Errors
    /// [`AlignError`] for stacks that cannot be read, are of different sizes or have no contrast, and when the user asks
    /// to stop.
    ///
    /// # Panics
    /// If the overlay has no such channel.
    pub fn draw(
        self,
        channel: usize,
        aligned: &dyn SliceSource,
        reference: &dyn SliceSource,
        sink: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), AlignError> {
        check_same_size(aligned, reference)?;
        match (self, channel) {
            (Self::Checkerboard, 0) => checkerboard(aligned, reference, tile(aligned.shape().size), sink, progress),
            (Self::RedGreen, 0) => in_eight_bits(aligned, sink, progress),
            (Self::RedGreen, 1) => in_eight_bits(reference, sink, progress),
            _ => panic!("{self} has {} channels, and none with index {channel}", self.channels()),
        }
    }
}

/// Writes a volume in 8 bits through its own 0.3–99.7 percentile window.
fn in_eight_bits(volume: &dyn SliceSource, sink: &mut dyn SliceSink, progress: Progress<'_>) -> Result<(), AlignError> {
    check(volume)?;
    let shape = volume.shape();
    let window = Window::of_percentiles(volume, LOW_PERCENT, HIGH_PERCENT, progress.share(0.0..0.5))?;
    let writing = progress.share(0.5..1.0);
    sink.begin(Shape::new(shape.size, shape.voxel, GreyType::U8))?;
    let mut slice = black_slice(shape.size)?;
    for z in 0..shape.size.slices {
        writing.step(z, shape.size.slices)?;
        read_measured(volume, z, slice.view_mut())?;
        slice.mapv_inplace(|v| f32::from(window.to_8_bit(v)));
        sink.write(z, slice.view())?;
    }
    Ok(())
}

/// Writes a checkerboard of both volumes, with tiles of `tile` voxels, each volume through its own window.
fn checkerboard(
    aligned: &dyn SliceSource,
    reference: &dyn SliceSource,
    tile: usize,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<(), AlignError> {
    check(aligned)?;
    let shape = aligned.shape();
    let window = |source, share| Window::of_percentiles(source, LOW_PERCENT, HIGH_PERCENT, progress.share(share));
    let windows = [window(aligned, 0.0..0.25)?, window(reference, 0.25..0.5)?];
    let writing = progress.share(0.5..1.0);
    sink.begin(Shape::new(shape.size, shape.voxel, GreyType::U8))?;
    let tile = tile.max(1);
    let (mut slice, mut other) = (black_slice(shape.size)?, black_slice(shape.size)?);
    for z in 0..shape.size.slices {
        writing.step(z, shape.size.slices)?;
        read_measured(aligned, z, slice.view_mut())?;
        read_measured(reference, z, other.view_mut())?;
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
        let [red, green] = [0, 1].map(|channel| {
            let mut image = Volume::black("channel", shape);
            Overlay::RedGreen.draw(channel, &aligned, &reference, &mut image, Progress::silent()).unwrap();
            image.to_values()
        });
        assert!(red[0] == 0.0 && red[23] == 255.0 && green[0] == 255.0 && green[23] == 0.0, "{red:?} {green:?}");
        let smaller = Volume::black("smaller", Shape { size: Size::new(5, 4, 1), ..shape });
        for (overlay, channel) in [(Overlay::Checkerboard, 0), (Overlay::RedGreen, 0), (Overlay::RedGreen, 1)] {
            assert!(channel < overlay.channels());
            assert!(overlay.draw(channel, &aligned, &smaller, &mut board, Progress::silent()).is_err(), "{overlay}");
        }
    }
}
