//! What anyone gets without a network: the baselines that a network's score must stand beside.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::gaussian::Gaussian;
use super::scorer::Scorer;
use super::{MeasureError, Score, WHITE_8, to_8_bit};
use crate::grey::Window;
use crate::progress::Progress;
use crate::stack::{self, SliceSource, black_slice, flat, read_measured};

/// The widths σ, in voxels, among which the Gaussian baseline is the best.
pub const SIGMAS: [f32; 8] = [0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0];

/// Voxels summed by one thread before it takes more: fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

/// Scores of three images made from the input without a network, each in 8 bits against the reference in 8 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baselines {
    /// The input through its own window.
    pub raw: Score,
    /// The input on the reference's grey scale, a · input + b with the least squared error.
    pub matched: Score,
    /// The input through the best Gaussian filter, slice by slice, and then on the reference's grey scale.
    pub filtered: Score,
    /// The width σ of that filter in voxels.
    pub sigma: f32,
}

/// Scores an input against a reference of the same size as it is, grey-matched, and Gaussian-filtered and grey-matched.
///
/// `slices` (counted from 0) are fitted and scored; the windows may come from others, such as the training block. The
/// reference's window brings it to 8 bits, rounded and clipped, and the fits are to those grey values. The Gaussian's
/// σ is the one of [`SIGMAS`] that leaves the least squared error. What is NaN in either stack takes no part; the
/// filter is normalised by the weights of what was measured. Two passes over the slices; memory: a few slices.
///
/// # Errors
/// [`MeasureError`] for stacks of different sizes, slices that they do not have, and when the user asks to stop.
pub fn baselines(
    input: &dyn SliceSource,
    reference: &dyn SliceSource,
    input_window: Window,
    reference_window: Window,
    slices: Range<usize>,
    progress: Progress<'_>,
) -> Result<Baselines, MeasureError> {
    stack::check(input)?;
    stack::check(reference)?;
    stack::check_same_size(input, reference)?;
    let size = input.shape().size;
    if slices.is_empty() || slices.end > size.slices {
        let (first, last) = (slices.start + 1, slices.end);
        return Err(MeasureError::Slices { name: input.name().to_owned(), first, last, slices: size.slices });
    }
    let slices: Vec<usize> = slices.collect();
    baselines_of(input, reference, [input_window, reference_window], &slices, progress)
}

/// [`baselines`] of slices that need not stand side by side, of stacks of one size that have them.
pub(crate) fn baselines_of(
    input: &dyn SliceSource,
    reference: &dyn SliceSource,
    windows: [Window; 2],
    slices: &[usize],
    progress: Progress<'_>,
) -> Result<Baselines, MeasureError> {
    let size = input.shape().size;
    let mut pair = Pair { input, reference, windows, test: black_slice(size)?, target: black_slice(size)? };
    let mut image = black_slice(size)?;
    let step = |pass: usize, at: usize| progress.step(pass * slices.len() + at, 2 * slices.len());

    let filters = SIGMAS.map(|sigma| Gaussian::new(sigma, size.width, size.height));
    let (mut plain_fit, mut fits) = (Fit::default(), [Fit::default(); SIGMAS.len()]);
    for (at, &z) in slices.iter().enumerate() {
        step(0, at)?;
        pair.read(z)?;
        plain_fit.add(pair.test.view(), pair.target.view());
        for (filter, fit) in filters.iter().zip(&mut fits) {
            filter.apply(pair.test.view(), image.view_mut());
            fit.add(image.view(), pair.target.view());
        }
    }
    let residual = |&at: &usize| fits[at].residual();
    let best = (0..SIGMAS.len()).min_by(|a, b| residual(a).total_cmp(&residual(b))).unwrap_or(0);

    let unchanged = Line { slope: 1.0, offset: 0.0 };
    let (plain_line, best_line) = (plain_fit.line(), fits[best].line());
    let [mut raw, mut matched, mut filtered] = std::array::from_fn(|_| Scorer::new(WHITE_8));
    for (at, &z) in slices.iter().enumerate() {
        step(1, at)?;
        pair.read(z)?;
        unchanged.to_8_bit(&pair.test, &mut image);
        raw.add(image.view(), pair.target.view());
        plain_line.to_8_bit(&pair.test, &mut image);
        matched.add(image.view(), pair.target.view());
        filters[best].apply(pair.test.view(), image.view_mut());
        best_line.to_8_bit(&image, &mut pair.test);
        filtered.add(pair.test.view(), pair.target.view());
    }
    let [raw, matched, filtered] = [raw, matched, filtered].map(|scorer| scorer.finish().stack);
    Ok(Baselines { raw, matched, filtered, sigma: SIGMAS[best] })
}

/// The two stacks and their current slices.
struct Pair<'a> {
    input: &'a dyn SliceSource,
    reference: &'a dyn SliceSource,
    windows: [Window; 2],
    /// The input's slice on its window's scale, 0–255, neither rounded nor clipped.
    test: Array2<f32>,
    /// The reference's slice in 8 bits.
    target: Array2<f32>,
}

impl Pair<'_> {
    fn read(&mut self, z: usize) -> Result<(), MeasureError> {
        let [input_window, reference_window] = self.windows;
        read_measured(self.input, z, self.test.view_mut())?;
        read_measured(self.reference, z, self.target.view_mut())?;
        self.test.mapv_inplace(|grey| input_window.normalise(grey) * WHITE_8 as f32);
        to_8_bit(reference_window, &mut self.target);
        Ok(())
    }
}

/// slope · x + offset.
#[derive(Clone, Copy)]
struct Line {
    slope: f64,
    offset: f64,
}

impl Line {
    /// The grey values on the line, rounded half up and clipped to 8 bits; NaN stays.
    fn to_8_bit(self, greys: &Array2<f32>, out: &mut Array2<f32>) {
        let (slope, offset) = (self.slope as f32, self.offset as f32);
        out.zip_mut_with(greys, |out, &grey| {
            *out = if grey.is_nan() { grey } else { f32::from((slope * grey + offset + 0.5) as u8) };
        });
    }
}

/// The sums of a least-squares fit of a line.
#[derive(Clone, Copy, Default)]
struct Fit {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Fit {
    fn add(&mut self, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) {
        let (x, y) = (flat(&x), flat(&y));
        let parts: Vec<Self> = x.par_chunks(CHUNK).zip(y.par_chunks(CHUNK)).map(|(x, y)| Self::of(x, y)).collect();
        parts.iter().for_each(|part| self.join(part));
    }

    fn of(x: &[f32], y: &[f32]) -> Self {
        let mut fit = Self::of_all(x.len(), x.iter().zip(y));
        if fit.xy.is_nan() {
            let measured = || x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
            fit = Self::of_all(measured().count(), measured());
        }
        fit
    }

    fn of_all<'a>(count: usize, values: impl Iterator<Item = (&'a f32, &'a f32)>) -> Self {
        let mut fit = Self { n: count as f64, ..Self::default() };
        for (&x, &y) in values {
            let (x, y) = (f64::from(x), f64::from(y));
            fit.x += x;
            fit.y += y;
            fit.xx += x * x;
            fit.xy += x * y;
            fit.yy += y * y;
        }
        fit
    }

    fn join(&mut self, other: &Self) {
        self.n += other.n;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.xy += other.xy;
        self.yy += other.yy;
    }

    /// The line of least squared error; flat where x does not vary.
    fn line(&self) -> Line {
        let (variance, covariance) = (self.xx - self.x * self.x / self.n, self.xy - self.x * self.y / self.n);
        let slope = if variance > 0.0 { covariance / variance } else { 0.0 };
        Line { slope, offset: (self.y - slope * self.x) / self.n }
    }

    /// The sum of squared errors that the line leaves.
    fn residual(&self) -> f64 {
        self.yy - self.y * self.y / self.n - self.line().slope * (self.xy - self.x * self.y / self.n)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};

    use super::*;

    #[test]
    fn a_fit_finds_the_line() {
        let x = Array2::from_shape_fn((60, 1000), |(row, at)| ((row * 1000 + at) % 977) as f32 / 4.0);
        let y = x.mapv(|x| 40.0 - 0.5 * x);
        let mut fit = Fit::default();
        for part in [s![..31, ..], s![31.., ..]] {
            fit.add(x.slice(part), y.slice(part));
        }
        let line = fit.line();
        assert!((line.slope + 0.5).abs() < 1e-9 && (line.offset - 40.0).abs() < 1e-9);
        assert!(fit.residual().abs() < 1e-3);

        let mut flat = Fit::default();
        flat.add(array![[3.0, 3.0, 3.0, 3.0]].view(), array![[1.0, 2.0, 3.0, 4.0]].view());
        assert_eq!((flat.line().slope, flat.line().offset), (0.0, 2.5));
    }
}
