//! Grey windows: which grey values count as black and as white.
//!
//! Two scanners give the same material different grey values. A [`Window`] brings each stack to a common scale, 0 at
//! its low end and 1 at its high end, and its percentiles leave out the few voxels of dust, metal or noise that would
//! otherwise stretch the scale.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::progress::{Cancelled, Progress};
use crate::stack::{self, GreyType, SliceSource, StackError, black_slice, flat, read_measured};

/// The percentile that is black by default.
///
/// Together with [`HIGH_PERCENT`] it leaves out three voxels in a thousand at either end. Kodama et al., Energy and AI 14
/// (2023) 100305, compare 8-bit images but do not say how they windowed them; with these percentiles a simulated pair
/// like theirs has a raw PSNR of 12.7 dB, next to their 12.8 dB.
pub const LOW_PERCENT: f64 = 0.3;

/// The percentile that is white by default: see [`LOW_PERCENT`].
pub const HIGH_PERCENT: f64 = 99.7;

/// One bin for each 16-bit grey value, and for each value of half of a 32-bit number.
const BINS: usize = 1 << 16;

/// Why there is no grey window.
#[derive(Debug, thiserror::Error)]
pub enum GreyError {
    /// The stack could not be read.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The ends of a window are not two finite values in rising order.
    #[error("a grey window from {low} to {high} is impossible: its low end must lie below its high end, both finite")]
    Window {
        /// The value that should be black.
        low: f32,
        /// The value that should be white.
        high: f32,
    },
    /// Both percentiles fall on one grey value.
    #[error(
        "{name} has no contrast: its {low_percent} and {high_percent} percentiles are both {grey}; \
         choose a stack that shows the sample"
    )]
    NoContrast {
        /// What the stack is to the command.
        name: String,
        /// The lower percentile, 0–100.
        low_percent: f64,
        /// The upper percentile, 0–100.
        high_percent: f64,
        /// The grey value of both.
        grey: f32,
    },
    /// Nothing, or next to nothing, was measured.
    #[error(
        "only {percent:.2} % of {name} is measured (the rest is NaN, infinite or filler of one value): \
         choose a stack that shows the sample"
    )]
    NotMeasured {
        /// What the stack is to the command.
        name: String,
        /// The share that was measured, in percent.
        percent: f64,
    },
    /// The percentiles are out of order or out of range.
    #[error("percentiles {low} and {high} are impossible: both must lie in 0–100, the first below the second")]
    Percents {
        /// The lower percentile.
        low: f64,
        /// The upper percentile.
        high: f64,
    },
    /// A range of slices that the stack does not have.
    #[error("slices {first} to {last} do not exist in {name}, which has {slices}: choose at least one of its slices")]
    Slices {
        /// What the stack is to the command.
        name: String,
        /// First slice, counted from one.
        first: usize,
        /// Last slice, counted from one.
        last: usize,
        /// The slices that there are.
        slices: usize,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The grey values that count as black (0) and white (1).
///
/// ```
/// use undulator::grey::Window;
///
/// let window = Window::new(1000.0, 3000.0).unwrap();
/// assert_eq!(window.normalise(2000.0), 0.5);
/// assert_eq!(window.restore(0.5), 2000.0);
/// assert_eq!(window.to_8_bit(9999.0), 255);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The grey value that becomes 0.
    pub low: f32,
    /// The grey value that becomes 1.
    pub high: f32,
}

impl Window {
    /// A window from `low` (black) to `high` (white).
    ///
    /// # Errors
    /// [`GreyError::Window`] unless both are finite, `low` is below `high` and their difference is finite too.
    pub fn new(low: f32, high: f32) -> Result<Self, GreyError> {
        let width = high - low;
        if width > 0.0 && width.is_finite() { Ok(Self { low, high }) } else { Err(GreyError::Window { low, high }) }
    }

    /// The grey value on the window's scale: 0 at the low end, 1 at the high end, beyond them outside. Nothing is
    /// clipped, so [`restore`](Self::restore) undoes it.
    pub fn normalise(self, grey: f32) -> f32 {
        (grey - self.low) / (self.high - self.low)
    }

    /// The grey value of a number on the window's scale.
    pub fn restore(self, scaled: f32) -> f32 {
        self.low + scaled * (self.high - self.low)
    }

    /// The grey value in 8 bits: 0 at and below the low end, 255 at and above the high end, rounded half up between.
    pub fn to_8_bit(self, grey: f32) -> u8 {
        // A conversion to u8 truncates, and stops at 0 and 255 by itself.
        (self.normalise(grey) * 255.0 + 0.5) as u8
    }

    /// The window between two percentiles (0–100) of all measured grey values of a stack, slice by slice: all but NaN.
    ///
    /// A percentile is numpy's default, linear one: of n values in rising order, counted from 0, the q-th percentile
    /// lies at q / 100 · (n − 1), between two values on the straight line between them (type 7 of Hyndman and Fan, The
    /// American Statistician 50 (1996) 361). It is exact: 8- and 16-bit stacks are counted in one pass, 32-bit
    /// ones in two, first by the upper half of each value's bits and then, where a percentile falls, by the lower.
    /// Memory: one slice, and at most 2 MiB of counts for each thread.
    ///
    /// # Errors
    /// [`GreyError`] for an empty stack, one of which nothing was measured, impossible percentiles, a stack without
    /// contrast, and when the user asks to stop.
    pub fn of_percentiles(
        source: &dyn SliceSource,
        low_percent: f64,
        high_percent: f64,
        progress: Progress<'_>,
    ) -> Result<Self, GreyError> {
        Self::of_percentiles_in(source, 0..source.shape().size.slices, low_percent, high_percent, progress)
    }

    /// As [`of_percentiles`](Self::of_percentiles), of some slices (counted from 0) alone: a training block, say.
    ///
    /// # Errors
    /// As there, and for slices that the stack does not have.
    pub fn of_percentiles_in(
        source: &dyn SliceSource,
        slices: Range<usize>,
        low_percent: f64,
        high_percent: f64,
        progress: Progress<'_>,
    ) -> Result<Self, GreyError> {
        if !(0.0 <= low_percent && low_percent < high_percent && high_percent <= 100.0) {
            return Err(GreyError::Percents { low: low_percent, high: high_percent });
        }
        stack::check(source)?;
        let available = source.shape().size.slices;
        if slices.is_empty() || slices.end > available {
            let (first, last) = (slices.start + 1, slices.end);
            return Err(GreyError::Slices { name: source.name().to_owned(), first, last, slices: available });
        }
        let percents = [low_percent, high_percent];
        let [low, high] = match source.shape().grey {
            GreyType::U8 | GreyType::U16 if source.shape().scale.is_identity() => {
                whole_percentiles(source, slices, percents, progress)?
            }
            _ => float_percentiles(source, slices, percents, progress)?,
        };
        if low == high {
            return Err(GreyError::NoContrast { name: source.name().to_owned(), low_percent, high_percent, grey: low });
        }
        Self::new(low, high)
    }
}

/// Where a percentile lies among values in rising order: between the values `at` and `at + 1`.
#[derive(Clone, Copy)]
struct Rank {
    at: u64,
    fraction: f64,
    last: u64,
}

impl Rank {
    fn of_percent(percent: f64, values: u64) -> Self {
        let last = values - 1;
        let position = percent / 100.0 * last as f64;
        Self { at: (position.floor() as u64).min(last), fraction: position.fract(), last }
    }

    /// The ranks of the values on either side.
    fn neighbours(self) -> [u64; 2] {
        [self.at, (self.at + 1).min(self.last)]
    }

    /// The percentile, given the value at each rank.
    fn interpolate(self, value_at: impl Fn(u64) -> f32) -> f32 {
        let [below, above] = self.neighbours().map(|at| f64::from(value_at(at)));
        (below + self.fraction * (above - below)) as f32
    }
}

/// Percentiles of whole grey values, 0–65535, each of which has a bin.
fn whole_percentiles(
    source: &dyn SliceSource,
    slices: Range<usize>,
    percents: [f64; 2],
    progress: Progress<'_>,
) -> Result<[f32; 2], GreyError> {
    let counts = count(source, slices, 1, |grey| Some(usize::from(grey as u16)), progress)?;
    let ranks = ranks(source, percents, &counts)?;
    Ok(ranks.map(|rank| rank.interpolate(|at| find(&counts, at).0 as f32)))
}

/// Percentiles of floating-point grey values: their bits, ordered as the values are, are found half by half.
fn float_percentiles(
    source: &dyn SliceSource,
    slices: Range<usize>,
    percents: [f64; 2],
    progress: Progress<'_>,
) -> Result<[f32; 2], GreyError> {
    let upper = count(source, slices.clone(), 1, |grey| Some(upper_half(grey)), progress.share(0.0..0.5))?;
    let ranks = ranks(source, percents, &upper)?;
    let mut halves: Vec<usize> = ranks.iter().flat_map(|rank| rank.neighbours()).map(|at| find(&upper, at).0).collect();
    halves.dedup();
    let bin = |grey| {
        let half = upper_half(grey);
        halves.iter().position(|&wanted| wanted == half).map(|table| table * BINS + lower_half(grey))
    };
    let lower = count(source, slices, halves.len(), bin, progress.share(0.5..1.0))?;
    let value_at = |at| {
        let (half, within) = find(&upper, at);
        let table = halves.partition_point(|&wanted| wanted < half);
        let (rest, _) = find(&lower[table * BINS..][..BINS], within);
        from_halves(half, rest)
    };
    Ok(ranks.map(|rank| rank.interpolate(value_at)))
}

/// Where percentiles lie among the values counted.
fn ranks(source: &dyn SliceSource, percents: [f64; 2], counts: &[u64]) -> Result<[Rank; 2], GreyError> {
    match counts.iter().sum() {
        0 => Err(GreyError::NotMeasured { name: source.name().to_owned(), percent: 0.0 }),
        values => Ok(percents.map(|percent| Rank::of_percent(percent, values))),
    }
}

/// Counts the measured grey values of some slices in `tables` × [`BINS`] bins.
fn count(
    source: &dyn SliceSource,
    slices: Range<usize>,
    tables: usize,
    bin: impl Fn(f32) -> Option<usize> + Sync,
    progress: Progress<'_>,
) -> Result<Vec<u64>, GreyError> {
    let mut slice = black_slice(source.shape().size)?;
    let share = slice.len().div_ceil(rayon::current_num_threads());
    let mut counts = vec![vec![0; tables * BINS]; slice.len().div_ceil(share)];
    let (first, total) = (slices.start, slices.len());
    for z in slices {
        progress.step(z - first, total)?;
        read_measured(source, z, slice.view_mut())?;
        flat(&slice).par_chunks(share).zip(&mut counts).for_each(|(greys, counts)| {
            let measured = greys.iter().filter(|grey| !grey.is_nan());
            measured.filter_map(|&grey| bin(grey)).for_each(|bin| counts[bin] += 1);
        });
    }
    let mut all = counts.pop().unwrap_or_default();
    counts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(sum, n)| *sum += n));
    Ok(all)
}

/// The bin that holds the value of rank `at`, and the rank within that bin.
fn find(counts: &[u64], mut at: u64) -> (usize, u64) {
    for (bin, &n) in counts.iter().enumerate() {
        if at < n {
            return (bin, at);
        }
        at -= n;
    }
    (counts.len() - 1, at)
}

/// The bits of a finite number as an integer that rises with it: the sign bit is flipped, and below zero all others.
fn ordered(grey: f32) -> u32 {
    let bits = grey.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

fn upper_half(grey: f32) -> usize {
    (ordered(grey) >> 16) as usize
}

fn lower_half(grey: f32) -> usize {
    (ordered(grey) & 0xffff) as usize
}

fn from_halves(upper: usize, lower: usize) -> f32 {
    let ordered = (upper as u32) << 16 | lower as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Shape, Size, VoxelSize};
    use crate::volume::Volume;

    fn volume(grey: GreyType, size: Size, values: &[f32]) -> Volume {
        Volume::from_values("laboratory", Shape::new(size, VoxelSize::isotropic(0.6), grey), values)
    }

    /// The definition, by sorting.
    fn sorted_percentile(values: &[f32], percent: f64) -> f64 {
        let mut sorted: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        sorted.sort_by(f64::total_cmp);
        let position = percent / 100.0 * (sorted.len() - 1) as f64;
        let at = position as usize;
        sorted[at] + position.fract() * (sorted[(at + 1).min(sorted.len() - 1)] - sorted[at])
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let size = Size::new(13, 7, 5);
        let noise = |i: u64| (i.wrapping_mul(6_364_136_223_846_793_005) >> 40) as f32 / 16_777_216.0;
        let unit: Vec<f32> = (1..=size.voxels()).map(noise).collect();
        for (grey, scale, shift) in [
            (GreyType::U8, 255.0, 0.0),
            (GreyType::U16, 65535.0, 0.0),
            (GreyType::F32, 3.0, -1.5),
            (GreyType::F32, 2.0, 7000.0),
            (GreyType::F32, 1e30, -5e29),
        ] {
            let values: Vec<f32> = unit.iter().map(|v| grey.nearest(v * scale + shift)).collect();
            let source = volume(grey, size, &values);
            for (low, high) in [(0.3, 99.7), (0.0, 100.0), (12.5, 13.0), (50.0, 87.6)] {
                let window = Window::of_percentiles(&source, low, high, Progress::silent()).unwrap();
                assert_eq!(window.low, sorted_percentile(&values, low) as f32, "{grey:?} {low}");
                assert_eq!(window.high, sorted_percentile(&values, high) as f32, "{grey:?} {high}");
            }
        }
    }

    #[test]
    fn a_block_of_slices_has_its_own_window() {
        let values: Vec<f32> = (0..40).map(|v| v as f32).collect();
        let source = volume(GreyType::U8, Size::new(5, 2, 4), &values);
        let window = Window::of_percentiles_in(&source, 1..3, 0.0, 100.0, Progress::silent()).unwrap();
        assert_eq!(window, Window { low: 10.0, high: 29.0 });
    }

    #[test]
    fn eight_bits_round_half_up_and_stop_at_the_ends() {
        let window = Window::new(-1.0, 1.0).unwrap();
        let greys = [-1e30, -1.0, -1.0 + 0.9 / 255.0, -1.0 + 1.1 / 255.0, 0.0, 1.0, 1e30];
        assert_eq!(greys.map(|grey| window.to_8_bit(grey)), [0, 0, 0, 1, 128, 255, 255]);
    }

    #[test]
    fn what_is_no_number_takes_no_part() {
        let mut values: Vec<f32> = (0..18).map(|v| v as f32).collect();
        (values[13], values[17]) = (f32::NAN, f32::INFINITY);
        let source = volume(GreyType::F32, Size::new(3, 3, 2), &values);
        let window = Window::of_percentiles(&source, 0.0, 100.0, Progress::silent()).unwrap();
        assert_eq!(window, Window { low: 0.0, high: 16.0 });
    }

    #[test]
    fn bad_input_is_named() {
        let flat = volume(GreyType::F32, Size::new(3, 3, 2), &[4.5; 18]);
        let message = |result: Result<Window, GreyError>| result.unwrap_err().to_string();
        let said = message(Window::of_percentiles(&flat, 0.3, 99.7, Progress::silent()));
        assert!(said.contains("laboratory has no contrast") && said.contains("4.5"), "{said}");
        let said = message(Window::of_percentiles(&flat, 99.7, 0.3, Progress::silent()));
        assert!(said.contains("99.7 and 0.3"), "{said}");
        for slices in [2..2, 1..3, 7..9] {
            let said = message(Window::of_percentiles_in(&flat, slices, 0.3, 99.7, Progress::silent()));
            assert!(said.contains("which has 2"), "{said}");
        }
        let none = volume(GreyType::U8, Size::new(0, 3, 2), &[]);
        assert!(message(Window::of_percentiles(&none, 0.3, 99.7, Progress::silent())).contains("empty"));
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (0.0, f32::INFINITY), (f32::MIN, f32::MAX)] {
            assert!(Window::new(low, high).is_err());
        }
    }
}
