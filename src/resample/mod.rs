//! Brings a stack to cubic voxels of a chosen size.
//!
//! # The grid
//! The new grid starts at the same corner of the field as the old one, and its voxel centres lie half a voxel inside:
//! along each axis new voxel `i` (from 0) has its centre at the old coordinate
//! `(i + 0.5) · new edge / old edge − 0.5`, and positions beyond the outermost old centres take the border's value.
//! There are `floor(n · old edge / new edge + 10⁻⁶)` new voxels, so that each lies inside the field, but at least one.

mod axis;
mod planes;
mod way;

use std::collections::VecDeque;
use std::ops::Range;

use ndarray::{Array2, Ix2};
use rayon::prelude::*;
use undulator_compute::{
    UnknownName,
    simd::{Isa, Simd, Task},
};

use crate::progress::{Cancelled, Progress};
use crate::stack::{
    GreyScale, GreyType, Measured, STANDARD, Shape, Size, SliceSink, SliceSource, StackError, Voxels, black_slice,
    check_lengths, filler_of, flat_mut, length, read_measured_voxels,
};
use crate::stack_file::Job;
use axis::Axis;
use planes::Plane;
use way::Way;

/// The most voxels of a result: 4096³, 128 GiB in 16 bits.
const MOST_VOXELS: f64 = (1u64 << 36) as f64;

/// The most voxels of a result along one axis: beyond, the voxel sizes are surely in two units.
const MOST_ALONG_AN_AXIS: f64 = (1 << 24) as f64;

/// The least share of a new voxel's weights that must lie on old voxels that were measured: half, as rounding leaves it.
const LEAST_WEIGHT: f32 = 0.499;

/// How values between voxels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Interpolation {
    /// Trilinear between the eight voxels around a position, as `scipy.ndimage.affine_transform` with `order=1,
    /// mode="nearest"`. Where voxels grow it skips some, and structures finer than the new voxels alias.
    #[default]
    Linear,
    /// The same on axes whose voxels shrink or stay; on axes whose voxels grow the linear kernel is stretched to the
    /// new voxel, so that every old voxel counts, as Pillow's `BILINEAR` does when it reduces: P. Heckbert,
    /// Fundamentals of Texture Mapping and Image Warping (1989), section 3.
    #[strum(serialize = "Anti-aliased")]
    AntiAliased,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Interpolation>("interpolation", name)
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
        /// Its voxel size, with its unit.
        voxel: String,
        /// Voxels along x, y and z that the result would have.
        new_size: String,
        /// Their edge, with its unit.
        new: String,
    },
    /// The new voxels are larger than what the stack shows.
    #[error("a voxel of {new} is larger than {name}, whose field is {field}: choose a smaller one, and check its unit")]
    LargerThanField {
        /// What the stack is to the command.
        name: String,
        /// The edges of its field, with their unit.
        field: String,
        /// The new edge, with its unit.
        new: String,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Brings a stack to cubic voxels with edges of `voxel`, in micrometres (in its own unit if that is no length), and
/// returns the result's shape, which the sink has been told too. Slices that the sink has from an earlier start are not made again.
///
/// The grey type stays; whole grey values are rounded half up. A new voxel is NaN, not measured, where less than half of
/// the weights of the old voxels that it is made of lie on measured ones; otherwise it is made of these alone. Four slices
/// are made at once, or as many as fit 256 MiB, while those before them are written and what the next are made of is read.
/// Each old slice is read at most once, in rising order, and held in the grey type that it came in as long as slices are
/// made of it. Where these are so many that they take much memory, a few sums are held in their place, with the same
/// result. Interpolation is separable,
/// in 32-bit arithmetic, first between slices, then between rows or columns, whichever is less work. The result is the
/// same for any number of threads.
///
/// # Errors
/// [`ResampleError`] for an empty stack, an impossible voxel size, old or new, a result of more than 2³⁶ voxels, voxels
/// larger than the field, 2³¹ pixels a slice or 2²⁴ voxels along an axis, too little memory (before anything is begun),
/// and when the user asks to stop.
///
/// ```
/// use undulator::progress::Progress;
/// use undulator::resample::{Interpolation, resample};
/// use undulator::stack::{GreyType, Shape, Size, VoxelSize};
/// use undulator::volume::Volume;
///
/// let shape = Shape::new(Size::new(4, 1, 1), VoxelSize::new(0.3, 0.6, 0.6), GreyType::U8);
/// let laboratory = Volume::from_values("laboratory", shape, &[10.0, 20.0, 30.0, 50.0]);
/// let mut resampled = Volume::black("resampled", shape);
/// let shape = resample(&laboratory, 0.6, Interpolation::Linear, &mut resampled, Progress::silent()).unwrap();
/// assert_eq!(shape.size, Size::new(2, 1, 1));
/// assert_eq!(resampled.to_values(), [15.0, 40.0]);
/// ```
pub fn resample(
    source: &dyn SliceSource,
    voxel: f64,
    interpolation: Interpolation,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<Shape, ResampleError> {
    let Shape { size: old, voxel: edges, grey, scale } = source.shape();
    let shape = new_shape(source, voxel)?;
    let size = shape.size;
    let way = Way::choose(source, size, voxel, interpolation)?;
    let axis = |old, new, edge: f64| Axis::new(old, new, voxel / edge, interpolation).map_err(StackError::from);
    let grid = Grid {
        grey,
        scale,
        filler: scale.stored(filler_of(shape)),
        old,
        new: size,
        across: axis(old.width, size.width, edges.x)?,
        down: axis(old.height, size.height, edges.y)?,
        along: axis(old.slices, size.slices, edges.z)?,
        isa: Isa::best(),
    };
    sink.begin(shape)?;
    progress.phase("Resampling");
    match source.has_filler() {
        true => {
            sink.mark_filler();
            grid.resample(way, &Measured::by_mark(source), sink, progress)?;
        }
        false => grid.resample(way, source, sink, progress)?,
    }
    sink.finish()?;
    Ok(shape)
}

/// What resampling `source` is: for a [`StackFile`](crate::stack_file::StackFile).
///
/// # Errors
/// When the stack is empty or cannot be read.
pub fn job(source: &dyn SliceSource, voxel: f64, interpolation: Interpolation) -> Result<Job, StackError> {
    check_lengths(source)?;
    Job::new(source, vec![("work", format!("resample to {voxel}, {interpolation}"))])
}

/// Both grids, and how the new one's voxels are made of the old.
struct Grid {
    grey: GreyType,
    /// Numbers are blended as stored, which gives the same on a straight line, and calibrated at the end.
    scale: GreyScale,
    /// The stored number where nothing was measured.
    filler: f32,
    old: Size,
    new: Size,
    across: Axis,
    down: Axis,
    along: Axis,
    isa: Isa,
}

impl Grid {
    /// The old slices that new ones are made of, each once, in rising order.
    fn needed(&self, slices: Range<usize>) -> impl Iterator<Item = usize> {
        let mut next = 0;
        slices.flat_map(|z| self.along.terms(z).0).filter(move |z| {
            let new = *z >= next;
            next = next.max(z + 1);
            new
        })
    }

    /// Makes the new slices that the sink lacks.
    fn resample(
        &self,
        way: Way,
        source: &dyn SliceSource,
        sink: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), ResampleError> {
        match way {
            Way::Strips { at_once, rows } => self.by_strips(at_once, rows, source, sink, progress),
            Way::Planes { summed: false } => self.by_planes(source, sink, progress),
            Way::Planes { summed: true } => self.by_sums(source, sink, progress),
        }
    }

    /// Makes the new slices that the sink lacks, some at once, while it takes those before them and what the next are made
    /// of is read.
    fn by_strips(
        &self,
        at_once: usize,
        rows: usize,
        source: &dyn SliceSource,
        sink: &mut dyn SliceSink,
        progress: Progress<'_>,
    ) -> Result<(), ResampleError> {
        let (first, end) = (sink.done(), self.new.slices);
        let group = |start: usize| start..end.min(start + at_once);
        let some = || (0..at_once).map(|_| black_slice(self.new)).collect::<Result<Vec<_>, _>>();
        let (mut made, mut finished) = (some()?, some()?);
        let mut write = |from: usize, finished: &[Array2<f32>]| {
            (from..).zip(finished).try_for_each(|(z, slice)| sink.write(z, slice.view()))
        };
        let mut unwritten = first..first;
        let mut held = Held::default();
        held.go_on(0, read(source, self.needed(group(first)), Vec::new())?);
        for start in (first..end).step_by(at_once) {
            progress.step(start, end)?;
            let (now, next) = (group(start), group(end.min(start + at_once)));
            let (last, spare) = (held.last(), std::mem::take(&mut held.spare));
            let wanted = self.needed(next.clone()).filter(|z| last < Some(*z));
            let (written, (read, ())) = rayon::join(
                || write(unwritten.start, &finished[..unwritten.len()]),
                || rayon::join(|| read(source, wanted, spare), || self.make(rows, &now, &held, &mut made)),
            );
            written?;
            held.go_on(self.needed(next).next().unwrap_or(self.old.slices), read?);
            std::mem::swap(&mut made, &mut finished);
            unwritten = now;
        }
        Ok(write(unwritten.start, &finished[..unwritten.len()])?)
    }

    fn make(&self, rows: usize, slices: &Range<usize>, held: &Held, made: &mut [Array2<f32>]) {
        slices.clone().into_par_iter().zip(made).for_each(|(z, made)| {
            self.make_slice(rows, Old::Held(held, z), made);
        });
    }

    /// Makes a slice, some rows at a time.
    fn make_slice(&self, rows: usize, old: Old, made: &mut Array2<f32>) {
        let strips = flat_mut(made).par_chunks_mut(rows * self.new.width).enumerate();
        strips.for_each_init(Scratch::default, |scratch, (at, out)| {
            self.isa.run(self.isa.lanes(), Strip { grid: self, old, top: at * rows, scratch, out });
        });
    }
}

/// What a new slice is made of.
#[derive(Clone, Copy)]
enum Old<'a> {
    /// The slices that are blended to the new slice of that number.
    Held(&'a Held, usize),
    /// They are blended already: old rows of the new slice.
    Blended(&'a Plane),
}

impl Old<'_> {
    /// Whether some of the values may be NaN.
    fn may_have_holes(self) -> bool {
        match self {
            Old::Held(held, _) => held.may_have_holes(),
            Old::Blended(plane) => plane.may_have_holes(),
        }
    }
}

/// What is blended of old voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Their grey values: NaN where one of them was not measured.
    Greys,
    /// Their grey values, and zero for what was not measured.
    Measured,
    /// One for each that was measured.
    Weights,
}

/// New rows from row `top` of a slice on: so few that what lies between stays in the cache.
struct Strip<'a> {
    grid: &'a Grid,
    old: Old<'a>,
    top: usize,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl Task for Strip<'_> {
    type Output = ();

    /// The compiler makes vectors of its loops, as wide as the processor's.
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        self.blend(Layer::Greys);
        if self.old.may_have_holes() && self.out.iter().any(|grey| grey.is_nan()) {
            self.blend_measured();
        }
        self.grid.grey.round(self.out);
        self.grid.scale.calibrate(self.out);
    }
}

impl Strip<'_> {
    /// Normalised convolution (Knutsson and Westin, CVPR 1993) where something was not measured: weights are those of
    /// what was measured alone. From less than half of them a value would be invented.
    fn blend_measured(&mut self) {
        let whole = self.out.to_vec();
        self.blend(Layer::Weights);
        let weights = self.out.to_vec();
        self.blend(Layer::Measured);
        for ((out, weight), whole) in self.out.iter_mut().zip(weights).zip(whole) {
            *out = match whole.is_nan() {
                false => whole,
                true if weight >= LEAST_WEIGHT => *out / weight,
                true => self.grid.filler,
            };
        }
    }

    /// Blends the old voxels.
    #[inline(always)]
    fn blend(&mut self, layer: Layer) {
        let Self { grid, old, top, scratch: Scratch { strip, between }, out } = self;
        let (grid, top) = (*grid, *top);
        let (old_width, new_width) = (grid.old.width, grid.new.width);
        let rows = out.len() / new_width;
        let (first, end) = (grid.down.terms(top).0.start, grid.down.terms(top + rows - 1).0.end);
        let part = first * old_width..end * old_width;
        let strip = match old {
            Old::Held(held, z) => {
                strip.resize(part.len(), 0.0);
                held.blend_layer(layer, grid.along.terms(*z), part, strip);
                &strip[..]
            }
            Old::Blended(plane) => &plane.layer(layer)[part],
        };
        // Gathering along x costs the most: it is done where there are fewer rows.
        if grid.old.height < grid.new.height {
            between.resize((end - first) * new_width, 0.0);
            let lines = strip.chunks_exact(old_width).zip(between.chunks_exact_mut(new_width));
            lines.for_each(|(old, line)| grid.across.apply(old, line));
            for (y, out) in (top..).zip(out.chunks_exact_mut(new_width)) {
                let (lines, weights) = grid.down.terms(y);
                blend(lines.map(|y| &between[(y - first) * new_width..][..new_width]), weights, |grey| grey, out);
            }
        } else {
            between.resize(old_width, 0.0);
            for (y, out) in (top..).zip(out.chunks_exact_mut(new_width)) {
                let (lines, weights) = grid.down.terms(y);
                blend(lines.map(|y| &strip[(y - first) * old_width..][..old_width]), weights, |grey| grey, between);
                grid.across.apply(between, out);
            }
        }
    }
}

/// A thread's own memory.
#[derive(Default)]
struct Scratch {
    /// Old rows, blended along z.
    strip: Vec<f32>,
    /// Such rows made new along one more axis.
    between: Vec<f32>,
}

/// What the result of [`resample`] will be.
///
/// # Errors
/// [`ResampleError`] for an empty stack, an impossible voxel size, old or new, and an impossible result.
pub fn new_shape(source: &dyn SliceSource, voxel: f64) -> Result<Shape, ResampleError> {
    let size = new_size(source, voxel)?;
    Ok(Shape { size, voxel: source.shape().voxel.cube(voxel), ..source.shape() })
}

/// The new grid's size, refused where no image could have it.
pub(crate) fn new_size(source: &dyn SliceSource, voxel: f64) -> Result<Size, ResampleError> {
    if !(voxel.is_finite() && voxel > 0.0) {
        return Err(ResampleError::Voxel(voxel));
    }
    check_lengths(source)?;
    let Shape { size, voxel: old, .. } = source.shape();
    let (name, unit) = (source.name().to_owned(), source.unit());
    let [edge, ..] = old.cube(voxel).edges_in(unit);
    let new = format!("{} {}", length::short(edge), length::name(unit));
    // A single slice has its own thickness, whatever it says.
    let larger = |n: usize, edge: f64| n > 1 && voxel > n as f64 * edge * (1.0 + 1e-6);
    if larger(size.width, old.x) || larger(size.height, old.y) || larger(size.slices, old.z) {
        return Err(ResampleError::LargerThanField { name, field: source.shape().field_in(unit), new });
    }
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
    let new_size = format!("{width}×{height}×{slices}");
    Err(ResampleError::TooLarge { name, size, voxel: old.text_in(unit), new_size, new })
}

/// Reads slices, into `spare` ones as long as there are some.
fn read(
    source: &dyn SliceSource,
    wanted: impl Iterator<Item = usize>,
    mut spare: Vec<Voxels<Ix2>>,
) -> Result<Vec<(usize, Voxels<Ix2>)>, StackError> {
    let read = |z| {
        let mut slice = spare.pop().unwrap_or_default();
        read_measured_voxels(source, z, &mut slice).map(|()| (z, slice))
    };
    wanted.map(read).collect()
}

/// The old slices that the new slices are made of, from the front on in rising order.
#[derive(Default)]
struct Held {
    slices: VecDeque<(usize, Voxels<Ix2>)>,
    /// Slices that are not needed any more, to be read into.
    spare: Vec<Voxels<Ix2>>,
}

impl Held {
    /// The last slice held.
    fn last(&self) -> Option<usize> {
        self.slices.back().map(|(z, _)| *z)
    }

    /// Lets go of the slices before `first`, and takes those that come after the last.
    fn go_on(&mut self, first: usize, read: Vec<(usize, Voxels<Ix2>)>) {
        let passed = self.slices.partition_point(|(z, _)| *z < first);
        self.spare.extend(self.slices.drain(..passed).map(|(_, slice)| slice));
        self.slices.extend(read);
    }

    /// Whether some of the values may be NaN.
    fn may_have_holes(&self) -> bool {
        matches!(self.slices.front(), Some((_, Voxels::F32(_))))
    }

    /// A part of the held slices, weighted.
    #[inline(always)]
    fn blend_layer(&self, layer: Layer, terms: (Range<usize>, &[f32]), part: Range<usize>, out: &mut [f32]) {
        match layer {
            Layer::Greys => self.blend(terms, part, |grey| grey, out),
            Layer::Measured => self.blend(terms, part, measured, out),
            Layer::Weights => self.blend(terms, part, weight, out),
        }
    }

    /// A part of the held slices, each value through `map`, weighted.
    #[inline(always)]
    fn blend(
        &self,
        (wanted, weights): (Range<usize>, &[f32]),
        part: Range<usize>,
        map: impl Fn(f32) -> f32 + Copy,
        out: &mut [f32],
    ) {
        // What is between two that are wanted together is wanted too, so they stand side by side.
        let at = self.slices.partition_point(|(held, _)| *held < wanted.start);
        let slices = self.slices.range(at..at + wanted.len()).map(|(_, slice)| slice);
        // All slices of a stack come in one type.
        macro_rules! parts {
            ($kind:ident) => {
                slices.filter_map(|slice| match slice {
                    Voxels::$kind(slice) => Some(&slice.as_slice().expect(STANDARD)[part.clone()]),
                    _ => None,
                })
            };
        }
        match self.slices.front() {
            Some((_, Voxels::U8(_))) => blend(parts!(U8), weights, map, out),
            Some((_, Voxels::U16(_))) => blend(parts!(U16), weights, map, out),
            _ => blend(parts!(F32), weights, map, out),
        }
    }
}

/// A grey value in [`Layer::Measured`].
#[inline(always)]
fn measured(grey: f32) -> f32 {
    if grey.is_nan() { 0.0 } else { grey }
}

/// The same in [`Layer::Weights`].
#[inline(always)]
fn weight(grey: f32) -> f32 {
    f32::from(u8::from(!grey.is_nan()))
}

/// The weighted sum of equally long lines.
#[inline(always)]
fn blend<'a, T: Copy + Into<f32> + 'a>(
    lines: impl Iterator<Item = &'a [T]>,
    weights: &[f32],
    map: impl Fn(f32) -> f32 + Copy,
    out: &mut [f32],
) {
    let mut terms = lines.zip(weights.iter().copied());
    let Some((line, weight)) = terms.next() else { return };
    match terms.next() {
        None if weight == 1.0 => out.iter_mut().zip(line).for_each(|(out, v)| *out = map((*v).into())),
        None => out.iter_mut().zip(line).for_each(|(out, v)| *out = weight * map((*v).into())),
        Some((other, share)) => out
            .iter_mut()
            .zip(line.iter().zip(other))
            .for_each(|(out, (a, b))| *out = weight * map((*a).into()) + share * map((*b).into())),
    }
    for (line, weight) in terms {
        out.iter_mut().zip(line).for_each(|(out, v)| *out += weight * map((*v).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
