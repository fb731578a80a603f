//! Brings a stack to cubic voxels of a chosen size.
//!
//! # The grid
//! The new grid starts at the same corner of the field as the old one, and its voxel centres lie half a voxel inside:
//! along each axis new voxel `i` (from 0) has its centre at the old coordinate
//! `(i + 0.5) · new edge / old edge − 0.5`, and positions beyond the outermost old centres take the border's value.
//! There are `floor(n · old edge / new edge + 10⁻⁶)` new voxels, so that each lies inside the field, but at least one.

mod axis;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use rayon::prelude::*;

use crate::monitor::Monitor;
use crate::stack::{self, GreyType, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize};
use crate::stack_file::Job;
use crate::stream::{Ahead, read_ahead};
use axis::Axis;

/// The most voxels of a result: 4096³, 128 GiB in 16 bits.
const MOST_VOXELS: f64 = (1u64 << 36) as f64;

/// The most voxels of a result along one axis: beyond, the voxel sizes are surely in two units.
const MOST_ALONG_AN_AXIS: f64 = (1 << 24) as f64;

/// Voxels that a thread blends at once, few enough for its fastest memory.
const CHUNK: usize = 1 << 12;

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Trilinear between the eight voxels around a position, as `scipy.ndimage.affine_transform` with `order=1,
    /// mode="nearest"`. Where voxels grow it skips some, and structures finer than the new voxels alias.
    #[default]
    Linear,
    /// The same on axes whose voxels shrink or stay; on axes whose voxels grow the linear kernel is stretched to the
    /// new voxel, so that every old voxel counts, as Pillow's `BILINEAR` does when it reduces: P. Heckbert,
    /// Fundamentals of Texture Mapping and Image Warping (1989), section 3.
    AntiAliased,
}

impl fmt::Display for Interpolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linear => "Linear",
            Self::AntiAliased => "Anti-aliased",
        })
    }
}

impl FromStr for Interpolation {
    type Err = ResampleError;

    /// Reads "Linear" or "Anti-aliased", in capital or small letters.
    fn from_str(name: &str) -> Result<Self, ResampleError> {
        let known = [Self::Linear, Self::AntiAliased];
        let found = known.into_iter().find(|choice| choice.to_string().eq_ignore_ascii_case(name.trim()));
        found.ok_or_else(|| ResampleError::Interpolation(name.to_owned()))
    }
}

/// Why a stack could not be resampled.
#[derive(Debug, thiserror::Error)]
pub enum ResampleError {
    /// The stack could not be read, or the result not written.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The new voxel size is zero, negative or not a number.
    #[error("a voxel size of {0} is impossible: it must be a number above zero")]
    Voxel(f64),
    /// The result would be larger than any image.
    #[error(
        "{name}, {size} voxels of {voxel}, would become {new_size} voxels of {new}, more than an image holds: \
         choose larger voxels, and check that both voxel sizes are in one unit"
    )]
    TooLarge {
        /// What the stack is to the command.
        name: String,
        /// Its size.
        size: Size,
        /// Its voxel size.
        voxel: VoxelSize,
        /// Voxels along x, y and z that the result would have.
        new_size: String,
        /// Their edge.
        new: f64,
    },
    /// There is no interpolation of that name.
    #[error("the interpolation {0:?} does not exist: choose Linear or Anti-aliased")]
    Interpolation(String),
    /// The user asked to stop.
    #[error("cancelled while resampling")]
    Cancelled,
}

/// Brings a stack to cubic voxels with edges of `voxel`, in the unit of its own voxel size, and returns the result's
/// shape, which the sink has been told too. Slices that the sink has from an earlier start are not made again.
///
/// The grey type stays; whole grey values are rounded half up. Each slice is read at most once, in rising order, two
/// ahead of the work, and only those are held beside them that overlap the slice being made: two for
/// [`Interpolation::Linear`]. Interpolation is separable, first between slices, then rows, then columns, in 32-bit arithmetic, and the result is the same for any
/// number of threads.
///
/// # Errors
/// [`ResampleError`] for an empty stack, an impossible voxel size, old or new, grey values that are not finite, a
/// result of more than 2³⁶ voxels, 2³¹ pixels a slice or 2²⁴ voxels along an axis, and when the monitor asks to stop.
///
/// ```
/// use undulator::monitor::Silent;
/// use undulator::resample::{Interpolation, resample};
/// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
/// use undulator::volume::Volume;
///
/// let shape = Shape { size: Size::new(4, 1, 1), voxel: VoxelSize { x: 0.3, y: 0.6, z: 0.6 }, grey: GreyType::U8 };
/// let laboratory = Volume::from_values("laboratory", shape, &[10.0, 20.0, 30.0, 50.0]);
/// let mut resampled = Volume::new("resampled", shape);
/// let shape = resample(&laboratory, 0.6, Interpolation::Linear, &mut resampled, &Silent).unwrap();
/// assert_eq!(shape.size, Size::new(2, 1, 1));
/// assert_eq!(resampled.to_values(), [15.0, 40.0]);
/// ```
pub fn resample(
    source: &dyn SliceSource,
    voxel: f64,
    interpolation: Interpolation,
    sink: &mut dyn SliceSink,
    monitor: &dyn Monitor,
) -> Result<Shape, ResampleError> {
    stack::check(source)?;
    let Shape { size: old, voxel: edges, grey } = source.shape();
    let size = new_size(source, voxel)?;
    let shape = Shape { size, voxel: VoxelSize::isotropic(voxel), grey };
    sink.begin(shape)?;
    let across = Axis::new(old.width, size.width, voxel / edges.x, interpolation);
    let down = Axis::new(old.height, size.height, voxel / edges.y, interpolation);
    let along = Axis::new(old.slices, size.slices, voxel / edges.z, interpolation);
    let left = sink.done()..size.slices;
    let mut next = 0;
    let wanted = left.clone().flat_map(|z| along.terms(z).0).filter(move |z| {
        let new = *z >= next;
        next = next.max(z + 1);
        new
    });
    read_ahead(source, wanted, |ahead| {
        let mut held = Held { ahead, slices: VecDeque::new() };
        let mut blended = vec![0.0; old.plane()];
        let mut slice = vec![0.0; size.plane()];
        for z in left {
            monitor.progress(z as f64 / size.slices as f64, "Resampling");
            if monitor.cancelled() {
                return Err(ResampleError::Cancelled);
            }
            let (wanted, weights) = along.terms(z);
            held.hold(wanted)?;
            let plane = held.blend(weights, &mut blended);
            let row = || vec![0.0; old.width];
            slice.par_chunks_mut(size.width).enumerate().for_each_init(row, |row, (y, out)| {
                let (rows, weights) = down.terms(y);
                let terms = rows.map(|y| &plane[y * old.width..][..old.width]).zip(weights.iter().copied());
                blend(terms, row);
                across.apply(row, out);
                round(grey, out);
            });
            sink.write(z, &slice)?;
        }
        Ok(())
    })?;
    sink.finish()?;
    Ok(shape)
}

/// What resampling `source` is: for a [`StackFile`](crate::stack_file::StackFile).
///
/// # Errors
/// When the stack is empty or cannot be read.
pub fn job(source: &dyn SliceSource, voxel: f64, interpolation: Interpolation) -> Result<Job, StackError> {
    stack::check(source)?;
    Job::new(source, vec![("work", format!("resample to {voxel}, {interpolation}"))])
}

/// The new grid's size, refused where no image could have it.
pub(crate) fn new_size(source: &dyn SliceSource, voxel: f64) -> Result<Size, ResampleError> {
    if !(voxel.is_finite() && voxel > 0.0) {
        return Err(ResampleError::Voxel(voxel));
    }
    let Shape { size, voxel: old, .. } = source.shape();
    let along = |n: usize, edge: f64| (n as f64 * (edge / voxel) + 1e-6).floor().max(1.0);
    let counts = [along(size.width, old.x), along(size.height, old.y), along(size.slices, old.z)];
    let [width, height, slices] = counts;
    let possible = counts.iter().all(|count| *count <= MOST_ALONG_AN_AXIS)
        && width * height <= f64::from(i32::MAX)
        && width * height * slices <= MOST_VOXELS;
    if possible {
        return Ok(Size::new(width as usize, height as usize, slices as usize));
    }
    let [width, height, slices] =
        counts.map(|count| if count < 1e9 { count.to_string() } else { format!("{count:.1e}") });
    let (name, new_size) = (source.name().to_owned(), format!("{width}×{height}×{slices}"));
    Err(ResampleError::TooLarge { name, size, voxel: old, new_size, new: voxel })
}

/// The old slices that the new slice is made of, from the front on in rising order.
struct Held<'a> {
    ahead: &'a mut Ahead,
    slices: VecDeque<(usize, Vec<f32>)>,
}

impl Held<'_> {
    /// Lets go of slices before `wanted` and takes those of it that are missing.
    fn hold(&mut self, wanted: Range<usize>) -> Result<(), StackError> {
        let passed = self.slices.iter().take_while(|(z, _)| *z < wanted.start).count();
        self.slices.drain(..passed).for_each(|(_, slice)| self.ahead.give_back(slice));
        let next = self.slices.back().map_or(wanted.start, |(last, _)| last + 1);
        for z in next..wanted.end {
            self.slices.push_back((z, self.ahead.next()?));
        }
        Ok(())
    }

    /// The held slices, weighted: in `out`, unless a single slice is the answer.
    fn blend<'s>(&'s self, weights: &[f32], out: &'s mut [f32]) -> &'s [f32] {
        if let [_] = weights {
            return &self.slices[0].1;
        }
        let slices = &self.slices;
        out.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            let part = chunk * CHUNK..chunk * CHUNK + out.len();
            let parts = slices.iter().map(|(_, slice)| &slice[part.clone()]);
            blend(parts.zip(weights.iter().copied()), out);
        });
        out
    }
}

/// The weighted sum of equally long lines.
fn blend<'a>(mut terms: impl Iterator<Item = (&'a [f32], f32)>, out: &mut [f32]) {
    let Some((line, weight)) = terms.next() else { return };
    match terms.next() {
        None => out.iter_mut().zip(line).for_each(|(out, v)| *out = weight * v),
        Some((other, share)) => {
            out.iter_mut().zip(line.iter().zip(other)).for_each(|(out, (a, b))| *out = weight * a + share * b);
        }
    }
    for (line, weight) in terms {
        out.iter_mut().zip(line).for_each(|(out, v)| *out += weight * v);
    }
}

/// Brings values to the grey type as [`GreyType::nearest`] does, in a form that the compiler can vectorise.
fn round(grey: GreyType, values: &mut [f32]) {
    if let Some(white) = grey.white() {
        values.iter_mut().for_each(|v| *v = (*v + 0.5).clamp(0.0, white) as i32 as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_grey_type() {
        for grey in [GreyType::U8, GreyType::U16, GreyType::F32] {
            let white = grey.white().unwrap_or(9.0);
            let values =
                [-1.5, -0.5, -0.2, 0.0, 0.49, 0.5, 1.49, 1.5, white - 0.51, white - 0.5, white, white + 0.4, 1e9];
            let mut rounded = values;
            round(grey, &mut rounded);
            assert_eq!(rounded, values.map(|v| grey.nearest(v)), "{grey:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_macro_keys() {
        for choice in [Interpolation::Linear, Interpolation::AntiAliased] {
            assert_eq!(choice.to_string().parse::<Interpolation>().unwrap(), choice);
        }
        assert_eq!("anti-aliased".parse::<Interpolation>().unwrap(), Interpolation::AntiAliased);
        let said = "Cubic".parse::<Interpolation>().unwrap_err().to_string();
        assert!(said.contains("\"Cubic\"") && said.contains("Anti-aliased"), "{said}");
    }
}
