//! Writing the moving volume on another grid, interpolated once, slice by slice.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ndarray::Array2;
use rayon::prelude::*;

use crate::memory::{self, OutOfMemory};
use crate::progress::Progress;
use crate::stack::{
    GreyType, Shape, SliceSink, SliceSource, black_slice, check_lengths, filler_of, flat, flat_mut, read_measured,
};

use super::AlignError;
use super::grid::{extent_zyx, size_zyx, voxel_zyx};
use super::target::Target;
use super::transform::Transform;

/// Slices of the moving volume that are needed at the moment.
#[derive(Default)]
struct Window {
    slices: BTreeMap<usize, Array2<f32>>,
}

impl Window {
    /// Reads slices `first..=last` and forgets all others.
    fn hold(&mut self, source: &dyn SliceSource, first: usize, last: usize) -> Result<(), AlignError> {
        let gone: Vec<usize> = self.slices.keys().copied().filter(|z| !(first..=last).contains(z)).collect();
        let mut spare: Vec<Array2<f32>> = gone.iter().filter_map(|z| self.slices.remove(z)).collect();
        for z in first..=last {
            if let Entry::Vacant(place) = self.slices.entry(z) {
                let slice = match spare.pop() {
                    Some(slice) => slice,
                    None => black_slice(source.shape().size)?,
                };
                read_measured(source, z, place.insert(slice).view_mut())?;
            }
        }
        Ok(())
    }
}

/// Where the moving volume's voxels lie.
struct Lattice {
    size: [usize; 3],
    voxel: [f64; 3],
    half: [f64; 3],
}

impl Lattice {
    fn of(shape: Shape) -> Self {
        Self { size: size_zyx(shape), voxel: voxel_zyx(shape), half: extent_zyx(shape).map(|e| e / 2.0) }
    }

    /// The voxel below a coordinate along `axis` and the way to the next, held at the outermost voxels.
    fn split(&self, axis: usize, coordinate: f64) -> (usize, usize, f32) {
        let last = self.size[axis] - 1;
        let at = ((coordinate + self.half[axis]) / self.voxel[axis] - 0.5).clamp(0.0, last as f64);
        let low = at as usize;
        (low, (low + 1).min(last), (at - low as f64) as f32)
    }

    fn contains(&self, p: [f64; 3]) -> bool {
        // The tolerance keeps the outermost voxels of a grid that ends where the field does.
        (0..3).all(|a| p[a].abs() <= self.half[a] * (1.0 + 1e-9))
    }

    /// The grey value at a place inside; NaN where that was not measured.
    fn value(&self, slices: &[Option<&[f32]>], first: usize, p: [f64; 3]) -> f32 {
        let [(z0, z1, tz), (y0, y1, ty), (x0, x1, tx)] = [0, 1, 2].map(|a| self.split(a, p[a]));
        let width = self.size[2];
        let plane = |z: usize| {
            let Some(slice) = slices.get(z - first).copied().flatten() else { return 0.0 };
            let (near, far) = (&slice[y0 * width..], &slice[y1 * width..]);
            let near = near[x0] + (near[x1] - near[x0]) * tx;
            let far = far[x0] + (far[x1] - far[x0]) * tx;
            near + (far - near) * ty
        };
        let (near, far) = (plane(z0), plane(z1));
        let value = near + (far - near) * tz;
        if !value.is_nan() {
            return value;
        }
        let (mut sum, mut measured) = (0.0, 0.0);
        for (z, share_z) in [(z0, 1.0 - tz), (z1, tz)] {
            for (y, share_y) in [(y0, 1.0 - ty), (y1, ty)] {
                for (x, share_x) in [(x0, 1.0 - tx), (x1, tx)] {
                    let weight = share_z * share_y * share_x;
                    let grey = slices.get(z - first).copied().flatten().map_or(f32::NAN, |slice| slice[y * width + x]);
                    // A neighbour without weight is none.
                    if weight > 0.0 && !grey.is_nan() {
                        sum += weight * grey;
                        measured += weight;
                    }
                }
            }
        }
        // From less than half of its neighbours a value would be invented.
        if measured >= 0.5 { sum / measured } else { f32::NAN }
    }
}

/// Between which heights of the moving volume slice `z` of the grid lies.
fn heights(target: &Target, transform: &Transform, z: usize) -> [f64; 2] {
    let (bottom, right) = (target.size.height - 1, target.size.width - 1);
    let corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)];
    let heights = corners.map(|(y, x)| transform.apply(target.place([z, y, x]))[0]);
    let low = heights.iter().copied().fold(f64::INFINITY, f64::min);
    [low, heights.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

/// Refuses a tilt so steep that the memory does not hold the slices that one of the grid crosses.
fn require(moving: &dyn SliceSource, target: &Target, transform: &Transform) -> Result<(), OutOfMemory> {
    let (Shape { size, voxel, .. }, [low, high]) = (moving.shape(), heights(target, transform, 0));
    let crossed = (((high - low) / voxel.z).ceil() + 2.0).min(size.slices as f64);
    // With the one that is read, in the type that it comes in, and that of the grid.
    let planes = (crossed + 1.0) * size.plane() as f64 + 2.0 * target.size.plane() as f64;
    let what = || format!("a slice of the result crosses {crossed} slices of {}, and holding them", moving.name());
    let advice = || format!("close other programs, or turn {} upright or crop it first", moving.name());
    memory::require(memory::bytes(4.0 * planes), what, advice)
}

/// Writes `moving` on the grid `target`, through `transform`: each output voxel is interpolated linearly between the
/// eight voxels around its place in the moving volume, which is the only interpolation. The result has the moving
/// volume's grey type. Voxels outside its field, and those less than half of whose neighbours (by weight) were measured, are
/// NaN, or in whole numbers the lowest grey value. The answer is the share of such voxels, 0–1.
///
/// Only those slices of the moving volume are held that an output slice crosses: few for a small tilt.
///
/// # Errors
/// [`AlignError`] for an empty stack, slices that cannot be read or written, a tilt so steep that the memory does not hold
/// the slices that it crosses, and when the user asks to stop.
pub fn apply_transform(
    moving: &dyn SliceSource,
    target: &Target,
    transform: &Transform,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<f64, AlignError> {
    check_lengths(moving)?;
    let shape = Shape { size: target.size, voxel: target.voxel, ..moving.shape() };
    let lattice = Lattice::of(moving.shape());
    let (size, width) = (target.size, target.size.width);
    require(moving, target, transform)?;
    sink.begin(shape)?;
    progress.phase("Writing the aligned volume");
    let mut window = Window::default();
    let mut out = black_slice(size)?;
    let (filler, mut missing) = (filler_of(shape), 0);
    for z in 0..size.slices {
        progress.step(z, size.slices)?;
        let [low, high] = heights(target, transform, z);
        if high < -lattice.half[0] || low > lattice.half[0] {
            out.fill(filler);
            missing += size.plane() as u64;
        } else {
            // Rounding may put a voxel a hair beyond its slice's corners.
            let hair = 1e-6 * lattice.voxel[0];
            let (first, last) = (lattice.split(0, low - hair).0, lattice.split(0, high + hair).1);
            window.hold(moving, first, last)?;
            let slices: Vec<Option<&[f32]>> =
                (first..=last).map(|z| window.slices.get(&z).map(|slice| flat(slice))).collect();
            let rows = flat_mut(&mut out).par_chunks_mut(width).enumerate().map(|(y, row)| {
                let mut missing = 0;
                for (x, v) in row.iter_mut().enumerate() {
                    let p = transform.apply(target.place([z, y, x]));
                    let value = if lattice.contains(p) { lattice.value(&slices, first, p) } else { f32::NAN };
                    missing += u64::from(value.is_nan());
                    *v = if value.is_nan() { filler } else { shape.nearest(value) };
                }
                missing
            });
            missing += rows.sum::<u64>();
        }
        sink.write(z, out.view())?;
    }
    if missing > 0 && shape.grey != GreyType::F32 {
        sink.mark_filler();
    }
    Ok(missing as f64 / size.voxels() as f64)
}
