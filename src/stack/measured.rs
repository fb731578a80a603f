//! Which voxels of a stack were measured.
//!
//! A slice as `f32` says "not measured here" by NaN, and by nothing else. Stacks of whole numbers have no NaN, and many of
//! 32 bits have a filler instead: [`Measured`] recognises it and reads NaN in its place, so that nobody else need know.

use std::ops::Range;
use std::time::{Duration, Instant};

use ndarray::{ArrayViewMut2, Ix2};

use super::filler::{Filler, Region};
use super::{
    Shape, SliceSource, StackError, Voxels, flat, flat_mut, read_measured, read_measured_voxels, read_stored_floats,
};
use crate::grey::GreyError;
use crate::progress::Progress;
use crate::stream::read_ahead;

/// The least share of a stack that must be measured.
const LEAST: f64 = 0.01;

/// How often progress is told, and the user's wish to stop asked for.
const BETWEEN_STEPS: Duration = Duration::from_millis(100);

/// Edge, in pixels, of the squares in which measured pixels are counted.
const SQUARE: usize = 16;

/// A stack that reads NaN wherever it was not measured.
///
/// Not measured are: values that are not finite; pixels along the border that hold one value, the same in all slices (the
/// corners of a round reconstruction, rows of a detector); whole slices of one value; and, in a stack that
/// [says so](SliceSource::has_filler), what holds the lowest grey value and is connected to the border of its slice.
pub struct Measured<'a> {
    source: &'a dyn SliceSource,
    /// Pixels that are filler in all slices.
    filler: Option<Vec<bool>>,
    /// Slices of one value.
    empty: Vec<bool>,
    counts: Counts,
}

impl<'a> Measured<'a> {
    /// Looks at all slices once. Memory: a few slices.
    ///
    /// # Errors
    /// [`GreyError`] when a slice cannot be read, less than a hundredth of the stack was measured, or the user asks to stop.
    pub fn of(source: &'a dyn SliceSource, progress: Progress<'_>) -> Result<Self, GreyError> {
        let size = source.shape().size;
        let marked = source.has_filler();
        let (mut filler, mut counts) = (Filler::new(size.width, size.height), Counts::new(source.shape()));
        let mut empty = vec![false; size.slices];
        let mut told = Instant::now();
        read_ahead(source, 0..size.slices, |ahead| {
            for (z, empty) in empty.iter_mut().enumerate() {
                // A look that is over at once is no step of the work.
                if told.elapsed() > BETWEEN_STEPS {
                    progress.step(z, size.slices)?;
                    told = Instant::now();
                }
                let mut slice = ahead.next()?;
                if marked {
                    remove_marked(source.shape(), &mut slice);
                }
                let greys = flat(&slice);
                counts.add(z, greys);
                *empty = !marked && has_one_value(greys);
                if !*empty && !marked {
                    filler.add(greys).map_err(StackError::from)?;
                }
                ahead.give_back(slice);
            }
            Ok::<_, GreyError>(())
        })?;
        // A stack of one value everywhere, or a pattern of such slices, has none that could tell filler from it.
        if empty.iter().all(|empty| *empty) {
            empty.fill(false);
        }
        let filler = filler.finish();
        counts.finish(filler.as_deref(), &empty);
        let measured = Self { source, filler, empty, counts };
        let share = measured.share();
        if share < LEAST {
            let (name, percent) = (source.name().to_owned(), 100.0 * share);
            return Err(GreyError::NotMeasured { name, percent });
        }
        Ok(measured)
    }

    /// Without a look at the slices: only what is not finite, and what a mark says, is not measured.
    pub(crate) fn by_mark(source: &'a dyn SliceSource) -> Self {
        let shape = source.shape();
        Self { source, filler: None, empty: vec![false; shape.size.slices], counts: Counts::new(shape) }
    }

    /// As [`of`](Self::of), and says the share that was not measured.
    ///
    /// # Errors
    /// As there.
    pub fn told(source: &'a dyn SliceSource, progress: Progress<'_>) -> Result<Self, GreyError> {
        let measured = Self::of(source, progress)?;
        let missing = 1.0 - measured.share();
        if missing > 0.0 {
            let percent = percent(missing);
            progress.message(&format!("{percent} of {} is not measured and takes no part", source.name()));
        }
        Ok(measured)
    }

    /// The share of the voxels that was measured, 0–1.
    pub fn share(&self) -> f64 {
        self.counts.share()
    }

    /// About the share of a part of slice `z` that was measured, 0–1: exactly that of squares of 16 pixels that lie in
    /// it.
    pub fn share_in(&self, z: usize, x: Range<usize>, y: Range<usize>) -> f64 {
        if self.empty[z] { 0.0 } else { self.counts.share_in(z, x, y) }
    }
}

/// A share in percent, in as many digits as tell it from none and all.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent >= 0.05 { format!("{percent:.1} %") } else { format!("{percent:.1e} %") }
}

impl SliceSource for Measured<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn shape(&self) -> Shape {
        self.source.shape()
    }

    fn unit(&self) -> &str {
        self.source.unit()
    }

    fn value_unit(&self) -> &str {
        self.source.value_unit()
    }

    fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        if self.empty[z] {
            out.fill(f32::NAN);
            return Ok(());
        }
        read_measured(self.source, z, out.view_mut())?;
        if self.source.has_filler() {
            remove_marked(self.source.shape(), &mut out);
        }
        if let Some(filler) = &self.filler {
            let pixels = flat_mut(&mut out).iter_mut().zip(filler);
            pixels.filter(|(_, filler)| **filler).for_each(|(grey, _)| *grey = f32::NAN);
        }
        Ok(())
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        if self.filler.is_none() && !self.empty[z] && !self.source.has_filler() {
            return read_measured_voxels(self.source, z, out);
        }
        read_stored_floats(self, z, out)
    }
}

/// What the marked filler of a stack of that shape is: NaN in 32 bits, else the lowest grey value.
pub(crate) fn filler_of(shape: Shape) -> f32 {
    shape.ends().map_or(f32::NAN, |[lowest, _]| lowest)
}

/// Writes NaN over regions of the lowest grey value that are connected to the border.
fn remove_marked(shape: Shape, slice: &mut ndarray::ArrayRef2<f32>) {
    let lowest = filler_of(shape);
    let mut region = Region::new(shape.size.width, shape.size.height);
    let greys = flat_mut(slice);
    region.grow(greys, |greys, pixel| greys[pixel] == lowest);
    region.pixels().iter().for_each(|pixel| greys[*pixel] = f32::NAN);
}

/// Whether all measured values are one; so too if there are none.
fn has_one_value(greys: &[f32]) -> bool {
    let mut measured = greys.iter().filter(|grey| !grey.is_nan());
    let first = measured.next();
    measured.all(|grey| Some(grey) == first)
}

/// How many pixels are not measured in each square of each slice; nothing is held for stacks that are measured everywhere.
struct Counts {
    shape: Shape,
    across: usize,
    /// (z, y, x) of the squares: pixels that are NaN.
    holes: Vec<u16>,
    /// (y, x) of the squares: pixels that are filler in all slices.
    filler: Vec<u16>,
    missing: u64,
}

impl Counts {
    fn new(shape: Shape) -> Self {
        Self { shape, across: shape.size.width.div_ceil(SQUARE), holes: Vec::new(), filler: Vec::new(), missing: 0 }
    }

    fn squares(&self) -> usize {
        self.across * self.shape.size.height.div_ceil(SQUARE)
    }

    fn add(&mut self, z: usize, greys: &[f32]) {
        if greys.iter().all(|grey| !grey.is_nan()) {
            return;
        }
        let (squares, slices) = (self.squares(), self.shape.size.slices);
        if self.holes.is_empty() {
            self.holes = vec![0; squares * slices];
        }
        let (width, across) = (self.shape.size.width, self.across);
        let counts = &mut self.holes[z * squares..][..squares];
        for (at, _) in greys.iter().enumerate().filter(|(_, grey)| grey.is_nan()) {
            counts[at / width / SQUARE * across + at % width / SQUARE] += 1;
            self.missing += 1;
        }
    }

    fn finish(&mut self, filler: Option<&[bool]>, empty: &[bool]) {
        let (width, plane, squares) = (self.shape.size.width, self.shape.size.plane() as u64, self.squares());
        let filled = filler.map_or(0, |filler| filler.iter().filter(|filler| **filler).count() as u64);
        if let Some(filler) = filler {
            self.filler = vec![0; squares];
            for (at, _) in filler.iter().enumerate().filter(|(_, filler)| **filler) {
                self.filler[at / width / SQUARE * self.across + at % width / SQUARE] += 1;
            }
        }
        for (z, empty) in empty.iter().enumerate() {
            let holes = if *empty && !self.holes.is_empty() {
                self.holes[z * squares..][..squares].iter().map(|count| u64::from(*count)).sum()
            } else {
                0
            };
            self.missing += if *empty { plane - holes } else { filled };
        }
    }

    fn share(&self) -> f64 {
        1.0 - self.missing as f64 / self.shape.size.voxels() as f64
    }

    fn share_in(&self, z: usize, x: Range<usize>, y: Range<usize>) -> f64 {
        if self.missing == 0 {
            return 1.0;
        }
        let size = self.shape.size;
        let (mut pixels, mut missing) = (0.0, 0.0);
        for row in y.start / SQUARE..y.end.div_ceil(SQUARE) {
            for column in x.start / SQUARE..x.end.div_ceil(SQUARE) {
                let common = |at: usize, range: &Range<usize>, end: usize| {
                    let square = at * SQUARE..((at + 1) * SQUARE).min(end);
                    let within = square.end.min(range.end).saturating_sub(square.start.max(range.start));
                    (within as f64, square.len() as f64)
                };
                let ((down, height), (across, width)) = (common(row, &y, size.height), common(column, &x, size.width));
                let (at, within) = (row * self.across + column, down * across);
                let count = |counts: &[u16], at: usize| counts.get(at).map_or(0.0, |count| f64::from(*count));
                let holes = count(&self.holes, z * self.squares() + at) + count(&self.filler, at);
                pixels += within;
                missing += holes * within / (width * height);
            }
        }
        1.0 - missing / f64::max(pixels, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::stack::{GreyType, Size, VoxelSize};
    use crate::volume::Volume;

    const SIZE: Size = Size { width: 64, height: 48, slices: 12 };

    /// Noise that never takes the value zero, through `change` at (value, x, y, z).
    fn stack(grey: GreyType, change: impl Fn(f32, usize, usize, usize) -> f32) -> Volume {
        let shape = Shape::new(SIZE, VoxelSize::isotropic(1.0), grey);
        let values: Vec<f32> = (0..SIZE.voxels() as usize)
            .map(|i| {
                let noise = (i as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519) >> 25;
                change(60.0 + noise as f32, i % 64, i / 64 % 48, i / SIZE.plane())
            })
            .collect();
        Volume::from_values("stack", shape, &values)
    }

    fn missing(volume: &Volume) -> Vec<bool> {
        let measured = Measured::of(volume, Progress::silent()).unwrap();
        let mut slice = Array2::zeros(SIZE.slice_dim());
        let mut all = Vec::new();
        for z in 0..SIZE.slices {
            measured.read(z, slice.view_mut()).unwrap();
            all.extend(slice.iter().map(|grey| grey.is_nan()));
        }
        let count = all.iter().filter(|missing| **missing).count();
        assert!((measured.share() - (1.0 - count as f64 / all.len() as f64)).abs() < 1e-12);
        let mean = (0..SIZE.slices).map(|z| measured.share_in(z, 0..64, 0..48)).sum::<f64>() / SIZE.slices as f64;
        assert!((mean - measured.share()).abs() < 1e-9);
        all
    }

    fn expected(is_missing: impl Fn(usize, usize, usize) -> bool) -> Vec<bool> {
        (0..SIZE.voxels() as usize).map(|i| is_missing(i % 64, i / 64 % 48, i / SIZE.plane())).collect()
    }

    fn outside(x: usize, y: usize) -> bool {
        (x as f32 - 31.5).powi(2) + (y as f32 - 23.5).powi(2) > 24f32.powi(2)
    }

    #[test]
    fn corners_rows_and_slices_of_one_value_are_filler_and_noise_is_none() {
        assert!(missing(&stack(GreyType::U8, |v, _, _, _| v)).iter().all(|missing| !missing));
        let round = stack(GreyType::U16, |v, x, y, _| if outside(x, y) { 0.0 } else { v });
        assert_eq!(missing(&round), expected(|x, y, _| outside(x, y)));
        let rows = stack(GreyType::F32, |v, _, y, _| if y < 2 { 7.5 } else { v });
        assert_eq!(missing(&rows), expected(|_, y, _| y < 2));
        let cut = stack(GreyType::U16, |v, x, _, z| if x < 20 || z > 8 { 0.0 } else { v });
        assert_eq!(missing(&cut), expected(|x, _, z| x < 20 || z > 8));
        let holes = stack(GreyType::F32, |v, x, y, _| if outside(x, y) { f32::NEG_INFINITY } else { v });
        assert_eq!(missing(&holes), expected(|x, y, _| outside(x, y)));
    }

    #[test]
    fn dark_pixels_inside_and_air_whose_outline_changes_are_measured() {
        let dark = stack(GreyType::U16, |v, x, y, _| if (30..40).contains(&x) && y > 20 && y < 30 { 0.0 } else { v });
        assert!(missing(&dark).iter().all(|missing| !missing));
        let air = stack(GreyType::U16, |v, x, y, z| if x + y < 20 + z { 0.0 } else { v });
        assert!(missing(&air).iter().all(|missing| !missing));
        let ramp = stack(GreyType::U16, |_, x, _, _| (x * 1000) as f32);
        assert!(missing(&ramp).iter().all(|missing| !missing));
        // The same in all slices, as a simulated pattern is: nothing tells what is filler.
        let still = stack(GreyType::U8, |_, x, y, _| (x / 8 * 20 + y) as f32);
        assert!(missing(&still).iter().all(|missing| !missing));
    }

    #[test]
    fn a_stack_of_which_nothing_was_measured_is_refused() {
        let none = stack(GreyType::F32, |_, _, _, _| f32::NAN);
        let said = Measured::of(&none, Progress::silent()).map(drop).unwrap_err().to_string();
        assert!(said.contains("stack") && said.contains("measured"), "{said}");
        // Without contrast, but measured: that is for others to say.
        assert!(missing(&stack(GreyType::U8, |_, _, _, _| 9.0)).iter().all(|missing| !missing));
    }

    /// A stack that says that it has filler.
    struct Marked(Volume);

    impl SliceSource for Marked {
        fn name(&self) -> &str {
            "marked"
        }

        fn shape(&self) -> Shape {
            self.0.shape()
        }

        fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
            self.0.read(z, out)
        }

        fn has_filler(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_mark_tells_filler_that_differs_from_slice_to_slice() {
        let tilted = |x: usize, y: usize, z: usize| x + y < 20 + z;
        let volume = stack(GreyType::U16, |v, x, y, z| match tilted(x, y, z) || (x, y) == (50, 30) {
            true => 0.0,
            false => v,
        });
        let marked = Marked(volume);
        let measured = Measured::of(&marked, Progress::silent()).unwrap();
        let mut slice = Array2::zeros(SIZE.slice_dim());
        for z in 0..SIZE.slices {
            measured.read(z, slice.view_mut()).unwrap();
            assert!(slice.indexed_iter().all(|((y, x), grey)| grey.is_nan() == tilted(x, y, z)));
        }
        assert!(measured.share_in(0, 0..8, 0..8) < measured.share_in(0, 40..64, 0..48));
    }
}
