//! Peak signal-to-noise ratio, as ImageMagick's `compare -metric PSNR` computes it.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::stack::flat;

/// Grey values summed by one thread before it takes more: fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

/// The peak signal-to-noise ratio in dB, 10 · log10(peak² / MSE): infinite for a mean squared error of zero.
///
/// `peak` is the largest grey value that the type can hold, 255 in 8 bits and 65535 in 16 bits.
///
/// ```
/// use undulator::measure::psnr::psnr;
///
/// assert!((psnr(1.0, 255.0) - 48.1308).abs() < 1e-4);
/// assert_eq!(psnr(0.0, 255.0), f64::INFINITY);
/// ```
pub fn psnr(mean_squared_error: f64, peak: f64) -> f64 {
    10.0 * (peak * peak / mean_squared_error).log10()
}

/// Squared differences, added up slice by slice. Voxels that are NaN in either slice were not measured and take no part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredError {
    sum: f64,
    voxels: u64,
}

impl SquaredError {
    /// The squared differences of two slices of one size, in standard layout, where both are measured.
    ///
    /// # Panics
    /// If the sizes differ, or the layout is another one.
    ///
    /// ```
    /// use ndarray::array;
    /// use undulator::measure::psnr::SquaredError;
    ///
    /// let (test, reference) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0, 2.0], [3.0, 2.0]]);
    /// assert_eq!(SquaredError::of(test.view(), reference.view()).mean(), 1.0);
    /// ```
    pub fn of(test: ArrayView2<'_, f32>, reference: ArrayView2<'_, f32>) -> Self {
        assert_eq!(test.dim(), reference.dim(), "slices to compare");
        let (test, reference) = (flat(&test), flat(&reference));
        let chunks = test.par_chunks(CHUNK).zip(reference.par_chunks(CHUNK));
        let parts: Vec<Self> = chunks.map(|(test, reference)| Self::of_chunk(test, reference)).collect();
        let sums = parts.iter().map(|part| part.sum);
        Self { sum: sums.sum(), voxels: parts.iter().map(|part| part.voxels).sum() }
    }

    fn of_chunk(test: &[f32], reference: &[f32]) -> Self {
        let sum = squared_difference(test, reference);
        if !sum.is_nan() {
            return Self { sum, voxels: test.len() as u64 };
        }
        let difference = |(t, r): (&f32, &f32)| f64::from(*t) - f64::from(*r);
        let measured = test.iter().zip(reference).map(difference).filter(|difference| !difference.is_nan());
        measured.fold(Self::default(), |all, d| Self { sum: all.sum + d * d, voxels: all.voxels + 1 })
    }

    /// Adds the differences of further slices.
    pub fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.voxels += other.voxels;
    }

    /// The mean over all measured voxels so far; not a number where there are none.
    pub fn mean(self) -> f64 {
        self.sum / self.voxels as f64
    }

    /// The peak signal-to-noise ratio over all voxels so far, in dB.
    pub fn psnr(self, peak: f64) -> f64 {
        psnr(self.mean(), peak)
    }
}

/// Eight sums side by side let the compiler use wide registers, which one chain of additions would not.
fn squared_difference(test: &[f32], reference: &[f32]) -> f64 {
    let square = |(t, r): (&f32, &f32)| (f64::from(*t) - f64::from(*r)).powi(2);
    let (tests, references) = (test.chunks_exact(8), reference.chunks_exact(8));
    let rest: f64 = tests.remainder().iter().zip(references.remainder()).map(square).sum();
    let mut lanes = [0.0; 8];
    for (test, reference) in tests.zip(references) {
        lanes.iter_mut().zip(test.iter().zip(reference)).for_each(|(lane, pair)| *lane += square(pair));
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;

    #[test]
    fn differences_of_slices_add_up() {
        let at = |y, x| 1000 * y + x;
        let reference = Array2::from_shape_fn((50, 1000), |(y, x)| (at(y, x) % 251) as f32);
        let test = Array2::from_shape_fn((50, 1000), |(y, x)| reference[[y, x]] + (at(y, x) % 3) as f32);
        let [first, rest] =
            [s![..21, ..], s![21.., ..]].map(|part| SquaredError::of(test.slice(part), reference.slice(part)));
        let mut sum = first;
        sum.add(rest);
        let expected = (0..50_000).map(|i| f64::from(i % 3).powi(2)).sum::<f64>() / 50_000.0;
        assert!((sum.mean() - expected).abs() < 1e-12);
        assert!((sum.psnr(255.0) - 10.0 * (65025.0 / expected).log10()).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_measured_takes_no_part() {
        let reference = Array2::from_shape_fn((50, 1000), |(y, x)| ((1000 * y + x) % 251) as f32);
        let mut test = reference.mapv(|grey| grey + 2.0);
        test.slice_mut(s![.., ..300]).mapv_inplace(|grey| 7.0 * grey);
        let [seen, beside] = [&test, &reference].map(|slice| slice.slice(s![.., 300..]).to_owned());
        let expected = SquaredError::of(seen.view(), beside.view());
        test.slice_mut(s![.., ..300]).fill(f32::NAN);
        assert_eq!(SquaredError::of(test.view(), reference.view()).voxels, expected.voxels);
        assert_eq!(SquaredError::of(reference.view(), test.view()).mean(), 4.0);
        test.fill(f32::NAN);
        assert!(SquaredError::of(test.view(), reference.view()).psnr(255.0).is_nan());
    }

    #[test]
    fn equal_slices_have_infinite_psnr() {
        let slice = array![[3.0, 70.0, 12.5]];
        assert_eq!(SquaredError::of(slice.view(), slice.view()).psnr(255.0), f64::INFINITY);
    }
}
