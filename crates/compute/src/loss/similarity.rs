//! The structural similarity of [`ssim`](crate::ssim) with its gradient.
//!
//! With S the similarity of a window, µ, σ² and σ₁₂ its means, variances and covariance, and g its weights, the derivative
//! with respect to a value x of the test image under it is g [∂S/∂µ + 2 (x − µ) ∂S/∂σ² + (y − µ_y) ∂S/∂σ₁₂]: three
//! images of factors, spread back over the windows by the same weights.

use rayon::prelude::*;

use crate::ssim::{K1, K2, WINDOW, window};

/// What [`add_gradient`] takes for each pixel: four images of means, three of factors, and one that
/// is spread.
pub(super) const BYTES_A_PIXEL: u64 = 8 * size_of::<f64>() as u64;

/// The mean similarity of two images of a peak of one; its gradient with respect to `test`, times `factor`, is added.
///
/// Windows that touch a pixel that is NaN in `reference` take no part; `None` where no other is left.
pub(super) fn add_gradient(
    test: &[f32],
    reference: &[f32],
    width: usize,
    factor: f64,
    gradient: &mut [f32],
) -> Option<f64> {
    let filter = Filter { width, height: test.len() / width, weights: window() };
    let of = |value: &(dyn Fn(f64, f64) -> f64 + Sync)| {
        let values: Vec<f64> = test.iter().zip(reference).map(|(&x, &y)| value(x.into(), y.into())).collect();
        filter.gather(&values)
    };
    let means = [of(&|x, _| x), of(&|_, y| y), of(&|x, y| x * x + y * y), of(&|x, y| x * y)];
    let windows = means[0].len();
    let mut factors = [const { Vec::new() }; 3].map(|mut image: Vec<f64>| {
        image.reserve(windows);
        image
    });
    let (c1, c2) = (K1 * K1, K2 * K2);
    let (mut sum, mut measured) = (0.0, 0);
    for (((&x, &y), &squares), &products) in means[0].iter().zip(&means[1]).zip(&means[2]).zip(&means[3]) {
        let (above_1, above_2) = (2.0 * x * y + c1, 2.0 * (products - x * y) + c2);
        let (below_1, below_2) = (x * x + y * y + c1, squares - x * x - y * y + c2);
        let similarity = above_1 * above_2 / (below_1 * below_2);
        if similarity.is_nan() {
            factors.iter_mut().for_each(|image| image.push(0.0));
            continue;
        }
        sum += similarity;
        measured += 1;
        let by_mean = 2.0 * (y * above_2 / (below_1 * below_2) - x * similarity / below_1);
        let by_variance = -similarity / below_2;
        let by_covariance = 2.0 * above_1 / (below_1 * below_2);
        factors[0].push(by_mean - 2.0 * by_variance * x - by_covariance * y);
        factors[1].push(2.0 * by_variance);
        factors[2].push(by_covariance);
    }
    if measured == 0 {
        return None;
    }
    let mean = 1.0 / f64::from(measured);
    let [constant, by_test, by_reference] = factors.map(|image| filter.scatter(&image));
    let values = test.iter().zip(reference).zip(constant.iter().zip(&by_test).zip(&by_reference));
    for (gradient, ((&x, &y), ((constant, by_test), by_reference))) in gradient.iter_mut().zip(values) {
        // No window is over it.
        if y.is_nan() {
            continue;
        }
        let slope = constant + by_test * f64::from(x) + by_reference * f64::from(y);
        *gradient += (factor * mean * slope) as f32;
    }
    Some(sum * mean)
}

/// Weighted sums over the windows that lie inside an image of `width` × `height` pixels.
struct Filter {
    width: usize,
    height: usize,
    weights: [f64; WINDOW],
}

impl Filter {
    fn across(&self) -> usize {
        self.width - WINDOW + 1
    }

    fn down(&self) -> usize {
        self.height - WINDOW + 1
    }

    /// One sum for each window.
    fn gather(&self, image: &[f64]) -> Vec<f64> {
        let across = self.across();
        let mut windows = vec![0.0; across * self.down()];
        windows.par_chunks_exact_mut(across).enumerate().for_each_init(
            || vec![0.0; self.width],
            |columns, (y, sums)| {
                columns.fill(0.0);
                for (weight, row) in self.weights.iter().zip(image[y * self.width..].chunks_exact(self.width)) {
                    columns.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
                }
                for (k, weight) in self.weights.iter().enumerate() {
                    sums.iter_mut().zip(&columns[k..]).for_each(|(sum, column)| *sum += weight * column);
                }
            },
        );
        windows
    }

    /// Each window's value spread over its pixels: the transpose of [`gather`](Self::gather).
    fn scatter(&self, windows: &[f64]) -> Vec<f64> {
        let (across, down) = (self.across(), self.down());
        let mut image = vec![0.0; self.width * self.height];
        image.par_chunks_exact_mut(self.width).enumerate().for_each_init(
            || vec![0.0; across],
            |columns, (y, row)| {
                columns.fill(0.0);
                for (k, weight) in self.weights.iter().enumerate() {
                    let Some(top) = y.checked_sub(k).filter(|&top| top < down) else { continue };
                    let values = &windows[top * across..][..across];
                    columns.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
                }
                for (k, weight) in self.weights.iter().enumerate() {
                    row[k..].iter_mut().zip(columns.iter()).for_each(|(sum, column)| *sum += weight * column);
                }
            },
        );
        image
    }
}
