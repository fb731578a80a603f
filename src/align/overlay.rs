//! A picture to judge an alignment by eye: tiles of both volumes in turn, in which edges must run on.

use crate::grey::{HIGH_PERCENT, LOW_PERCENT, Window};
use crate::monitor::Monitor;
use crate::stack::{GreyType, Shape, SliceSink, SliceSource, check, check_same_size, read_finite};

use super::AlignError;

/// Writes a chequerboard of both volumes, which must have one size, with square tiles of `tile` voxels: the aligned
/// volume in the top left one. Both are shown in 8 bits through their own 0.3–99.7 percentile windows.
///
/// ```
/// use undulator::align::checkerboard;
/// use undulator::monitor::Silent;
/// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
/// use undulator::volume::Volume;
///
/// let shape = Shape { size: Size::new(4, 4, 2), voxel: VoxelSize::isotropic(0.6), grey: GreyType::U16 };
/// let ramp: Vec<f32> = (0..32).map(|v| v as f32).collect();
/// let volume = Volume::from_values("aligned", shape, &ramp);
/// let mut board = Volume::new("board", shape);
/// checkerboard(&volume, &volume, 2, &mut board, &Silent)?;
/// # Ok::<(), undulator::align::AlignError>(())
/// ```
pub fn checkerboard(
    aligned: &dyn SliceSource,
    reference: &dyn SliceSource,
    tile: usize,
    sink: &mut dyn SliceSink,
    monitor: &dyn Monitor,
) -> Result<(), AlignError> {
    check(aligned)?;
    check_same_size(aligned, reference)?;
    let shape = aligned.shape();
    let window = |source| Window::of_percentiles(source, LOW_PERCENT, HIGH_PERCENT, monitor);
    let windows = [window(aligned)?, window(reference)?];
    sink.begin(Shape { grey: GreyType::U8, ..shape })?;
    let plane = shape.size.plane();
    let (mut slice, mut other) = (vec![0.0f32; plane], vec![0.0f32; plane]);
    for z in 0..shape.size.slices {
        if monitor.cancelled() {
            return Err(AlignError::Cancelled);
        }
        read_finite(aligned, z, &mut slice)?;
        read_finite(reference, z, &mut other)?;
        for (i, v) in slice.iter_mut().enumerate() {
            let (y, x) = (i / shape.size.width, i % shape.size.width);
            let odd = (y / tile.max(1) + x / tile.max(1)) % 2;
            *v = f32::from(windows[odd].to_8_bit([*v, other[i]][odd]));
        }
        sink.write(z, &slice)?;
        monitor.progress((z + 1) as f64 / shape.size.slices as f64, "Drawing the overlay");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Silent;
    use crate::stack::{Size, VoxelSize};
    use crate::volume::Volume;

    #[test]
    fn tiles_take_turns() {
        let shape = Shape { size: Size::new(6, 4, 1), voxel: VoxelSize::isotropic(1.0), grey: GreyType::U16 };
        let rising: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let falling: Vec<f32> = rising.iter().map(|v| 1000.0 - v).collect();
        let [aligned, reference] = [rising, falling].map(|v| Volume::from_values("v", shape, &v));
        let mut board = Volume::new("board", shape);
        checkerboard(&aligned, &reference, 2, &mut board, &Silent).unwrap();
        let values = board.to_values();
        assert_eq!(board.shape(), Shape { grey: GreyType::U8, ..shape });
        // Rising within tiles of the aligned volume, falling within those of the reference.
        for (i, rises) in [(0, true), (2, false), (4, true), (12, false), (14, true)] {
            assert_eq!(values[i] < values[i + 1], rises, "at {i}: {values:?}");
        }
        let smaller = Volume::new("smaller", Shape { size: Size::new(5, 4, 1), ..shape });
        assert!(checkerboard(&aligned, &smaller, 2, &mut board, &Silent).is_err());
    }
}
