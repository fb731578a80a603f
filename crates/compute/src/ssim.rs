//! Structural similarity of two slices.
//!
//! Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, IEEE Transactions on Image Processing 13 (2004) 600, with
//! their settings: an 11×11 Gaussian window of σ = 1.5 pixels, K₁ = 0.01, K₂ = 0.03, and the mean over all windows that
//! lie inside the slice.

use rayon::prelude::*;

use crate::gaussian;

/// Rows and columns of the window.
pub const WINDOW: usize = 11;

const SIGMA: f64 = 1.5;
/// Keeps the division of the means finite, times the peak.
pub const K1: f64 = 0.01;
/// Keeps the division of the variances finite, times the peak.
pub const K2: f64 = 0.03;

/// The mean structural similarity of two slices of `width` × `height` pixels, row-major: 1 for equal slices.
///
/// `peak` is the range of the grey values, 255 in 8 bits and 65535 in 16. The variances are those of the population,
/// as in scikit-image's `structural_similarity` with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
/// Windows that touch a pixel that is NaN in either slice take no part: it was not measured. A slice without any window,
/// such as one narrower or lower than [`WINDOW`], has no similarity: the result is not a number.
///
/// # Panics
/// If a slice does not hold exactly `width` × `height` values.
///
/// ```
/// use undulator_compute::ssim::ssim;
///
/// let ramp: Vec<f32> = (0..20 * 16).map(|i| (i % 20) as f32).collect();
/// assert_eq!(ssim(&ramp, &ramp, 20, 16, 255.0), 1.0);
/// assert!(ssim(&ramp[..20 * 10], &ramp[..20 * 10], 20, 10, 255.0).is_nan());
/// ```
pub fn ssim(test: &[f32], reference: &[f32], width: usize, height: usize, peak: f64) -> f64 {
    assert!(test.len() == width * height && reference.len() == test.len(), "two slices of {width}×{height}");
    if width < WINDOW || height < WINDOW {
        return f64::NAN;
    }
    let weights = window();
    let (across, down) = (width - WINDOW + 1, height - WINDOW + 1);
    // One sum a row, added in the order of the rows, so that the result does not depend on the number of threads.
    let rows: Vec<(f64, usize)> = (0..down)
        .into_par_iter()
        .map_init(
            || Moments::new(width),
            |moments, y| {
                let rows = y * width..(y + WINDOW) * width;
                moments.gather(&test[rows.clone()], &reference[rows], &weights);
                moments.similarity(across, &weights, peak)
            },
        )
        .collect();
    let (sum, windows) = rows.iter().fold((0.0, 0), |(sum, count), (row, windows)| (sum + row, count + windows));
    sum / windows as f64
}

/// The Gaussian window along one axis, of sum one.
pub fn window() -> [f64; WINDOW] {
    let half = gaussian::half(SIGMA, WINDOW / 2);
    let mut weights: [f64; WINDOW] = std::array::from_fn(|i| half[i.abs_diff(WINDOW / 2)]);
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// Weighted sums over a window of the test slice, the reference, the squares of both together (the formula wants no
/// variance alone) and their product: first over its rows, one for each column, then over its columns.
struct Moments {
    columns: [Vec<f64>; 4],
    windows: [Vec<f64>; 4],
}

impl Moments {
    fn new(width: usize) -> Self {
        Self {
            columns: std::array::from_fn(|_| vec![0.0; width]),
            windows: std::array::from_fn(|_| vec![0.0; width - WINDOW + 1]),
        }
    }

    fn gather(&mut self, test: &[f32], reference: &[f32], weights: &[f64; WINDOW]) {
        self.columns.iter_mut().for_each(|sums| sums.fill(0.0));
        let width = self.columns[0].len();
        // Slices of one known length spare the loop below its bounds checks.
        let [t, r, squares, products] = self.columns.each_mut().map(|sums| &mut sums[..width]);
        for (k, &weight) in weights.iter().enumerate() {
            let (test, reference) = (&test[k * width..][..width], &reference[k * width..][..width]);
            for x in 0..width {
                let (a, b) = (f64::from(test[x]), f64::from(reference[x]));
                t[x] += weight * a;
                r[x] += weight * b;
                // Multiplied in one order, so that rounding leaves equal slices a similarity of exactly one.
                squares[x] += weight * (a * a + b * b);
                products[x] += weight * (a * b);
            }
        }
    }

    /// The sum of the similarities of one row of `across` windows, and how many of them are measured.
    fn similarity(&mut self, across: usize, weights: &[f64; WINDOW], peak: f64) -> (f64, usize) {
        for (columns, windows) in self.columns.iter().zip(&mut self.windows) {
            windows.fill(0.0);
            for (k, &weight) in weights.iter().enumerate() {
                let columns = &columns[k..k + across];
                windows.iter_mut().zip(columns).for_each(|(sum, column)| *sum += weight * column);
            }
        }
        let (c1, c2) = ((K1 * peak).powi(2), (K2 * peak).powi(2));
        let [t, r, squares, products] = &self.windows;
        let of = |x: usize| {
            let (square, product) = (t[x] * t[x] + r[x] * r[x], t[x] * r[x]);
            let (variances, covariance) = (squares[x] - square, products[x] - product);
            (2.0 * product + c1) * (2.0 * covariance + c2) / ((square + c1) * (variances + c2))
        };
        let mut sum = 0.0;
        for x in 0..across {
            sum += of(x);
        }
        if !sum.is_nan() {
            return (sum, across);
        }
        // What was not measured made its windows NaN.
        let measured = (0..across).map(of).filter(|similarity| !similarity.is_nan());
        measured.fold((0.0, 0), |(sum, windows), similarity| (sum + similarity, windows + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula, window by window.
    fn plain(test: &[f32], reference: &[f32], width: usize, height: usize, peak: f64) -> f64 {
        let weights = window();
        let (c1, c2) = ((0.01 * peak).powi(2), (0.03 * peak).powi(2));
        let (mut sum, mut windows) = (0.0, 0.0);
        for top in 0..height - 10 {
            for left in 0..width - 10 {
                let mean = |of: &dyn Fn(usize) -> f64| -> f64 {
                    let at = |i: usize| (top + i / 11) * width + left + i % 11;
                    (0..121).map(|i| weights[i / 11] * weights[i % 11] * of(at(i))).sum()
                };
                let (t, r) = (mean(&|i| f64::from(test[i])), mean(&|i| f64::from(reference[i])));
                let (dt, dr) = (|i: usize| f64::from(test[i]) - t, |i: usize| f64::from(reference[i]) - r);
                let (vt, vr) = (mean(&|i| dt(i).powi(2)), mean(&|i| dr(i).powi(2)));
                let covariance = mean(&|i| dt(i) * dr(i));
                sum += (2.0 * t * r + c1) * (2.0 * covariance + c2) / ((t * t + r * r + c1) * (vt + vr + c2));
                windows += 1.0;
            }
        }
        sum / windows
    }

    #[test]
    fn sums_by_rows_equal_the_formula() {
        for (width, height) in [(11, 11), (12, 29), (40, 13)] {
            let reference: Vec<f32> = (0..width * height).map(|i| ((i * i) % 199) as f32).collect();
            let test: Vec<f32> = reference.iter().enumerate().map(|(i, v)| 0.8 * v + ((i * 7) % 31) as f32).collect();
            let (fast, slow) =
                (ssim(&test, &reference, width, height, 255.0), plain(&test, &reference, width, height, 255.0));
            assert!((fast - slow).abs() < 1e-10, "{width}×{height}: {fast} and {slow}");
        }
    }

    #[test]
    fn windows_that_touch_what_was_not_measured_take_no_part() {
        let (width, height) = (40, 30);
        let reference: Vec<f32> = (0..width * height).map(|i| ((i * i) % 199) as f32).collect();
        let mut test: Vec<f32> = reference.iter().enumerate().map(|(i, v)| 0.8 * v + ((i * 7) % 31) as f32).collect();
        let columns = |slice: &[f32], from: usize| -> Vec<f32> {
            slice.chunks(width).flat_map(|row| row[from..].to_vec()).collect()
        };
        let expected = ssim(&columns(&test, 9), &columns(&reference, 9), width - 9, height, 255.0);
        test.chunks_mut(width).for_each(|row| row[..9].fill(f32::NAN));
        assert!((ssim(&test, &reference, width, height, 255.0) - expected).abs() < 1e-12);
        assert!((ssim(&reference, &test, width, height, 255.0) - expected).abs() < 1e-12);
        assert!(ssim(&vec![f32::NAN; test.len()], &reference, width, height, 255.0).is_nan());
    }

    #[test]
    fn a_slice_without_a_window_has_no_similarity() {
        for (width, height) in [(1, 1), (10, 50), (50, 10), (0, 0)] {
            let slice = vec![1.0; width * height];
            assert!(ssim(&slice, &slice, width, height, 255.0).is_nan());
        }
    }
}
