//! A Gaussian filter for slices.

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;
use undulator_compute::{gaussian::half, reflection::about_edges};

use crate::stack::{flat, flat_mut};

/// The kernel ends at this many σ.
const REACH: f32 = 4.0;

/// A Gaussian kernel, cut at 4 σ, for slices of one size.
///
/// Beyond its border a slice is mirrored, with the outermost row or column repeated once, as
/// `scipy.ndimage.gaussian_filter` does by default.
pub(super) struct Gaussian {
    /// Weights of the centre and of the neighbours at distance 1, 2, ….
    weights: Vec<f32>,
    width: usize,
    height: usize,
}

impl Gaussian {
    /// A filter of `sigma` pixels for slices of `width` × `height`.
    pub(super) fn new(sigma: f32, width: usize, height: usize) -> Self {
        let radius = (REACH * sigma).round() as usize;
        let half = half(sigma.into(), radius);
        let sum = 2.0 * half.iter().sum::<f64>() - half[0];
        let weights = half.into_iter().map(|weight| (weight / sum) as f32).collect();
        Self { weights, width, height }
    }

    /// Filters `slice` into `out`. NaN takes no part and stays: weights are normalised over the rest (normalised convolution,
    /// Knutsson and Westin, CVPR 1993).
    pub(super) fn apply(&self, slice: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        let (slice, out) = (flat(&slice), flat_mut(&mut out));
        if slice.iter().all(|grey| !grey.is_nan()) {
            return self.blend(slice, out);
        }
        let known: Vec<f32> = slice.iter().map(|grey| if grey.is_nan() { 0.0 } else { *grey }).collect();
        let seen: Vec<f32> = slice.iter().map(|grey| f32::from(u8::from(!grey.is_nan()))).collect();
        let mut weights = vec![0.0; slice.len()];
        self.blend(&known, out);
        self.blend(&seen, &mut weights);
        for ((out, weight), grey) in out.iter_mut().zip(&weights).zip(slice) {
            *out = if grey.is_nan() { f32::NAN } else { *out / weight };
        }
    }

    fn blend(&self, slice: &[f32], out: &mut [f32]) {
        let radius = self.weights.len() - 1;
        let room = || (vec![0.0; self.width], vec![0.0; self.width + 2 * radius]);
        out.par_chunks_mut(self.width).enumerate().for_each_init(room, |(blended, padded), (y, out)| {
            self.blend_rows(slice, y, blended);
            for (i, value) in padded.iter_mut().enumerate() {
                *value = blended[about_edges(i as isize - radius as isize, self.width)];
            }
            scale(out, &padded[radius..][..self.width], self.weights[0]);
            for (k, &weight) in self.weights.iter().enumerate().skip(1) {
                add_pair(out, &padded[radius - k..][..self.width], &padded[radius + k..][..self.width], weight);
            }
        });
    }

    fn blend_rows(&self, slice: &[f32], y: usize, out: &mut [f32]) {
        let row = |k: isize| &slice[about_edges(y as isize + k, self.height) * self.width..][..self.width];
        scale(out, row(0), self.weights[0]);
        for (k, &weight) in self.weights.iter().enumerate().skip(1) {
            add_pair(out, row(-(k as isize)), row(k as isize), weight);
        }
    }
}

fn scale(out: &mut [f32], values: &[f32], weight: f32) {
    out.iter_mut().zip(values).for_each(|(out, v)| *out = weight * v);
}

fn add_pair(out: &mut [f32], before: &[f32], after: &[f32], weight: f32) {
    out.iter_mut().zip(before.iter().zip(after)).for_each(|(out, (a, b))| *out += weight * (a + b));
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn a_constant_slice_stays_and_a_point_spreads_by_sigma() {
        let mut out = Array2::zeros((3, 7));
        Gaussian::new(3.0, 7, 3).apply(Array2::from_elem((3, 7), 5.0).view(), out.view_mut());
        assert!(out.iter().all(|v| (v - 5.0).abs() < 1e-5), "{out:?}");

        let (sigma, size) = (1.5f32, 41);
        let mut point = Array2::zeros((size, size));
        point[[20, 20]] = 1.0;
        let mut spread = Array2::zeros((size, size));
        Gaussian::new(sigma, size, size).apply(point.view(), spread.view_mut());
        let variance: f32 = spread.indexed_iter().map(|((_, x), v)| v * (x as f32 - 20.0).powi(2)).sum();
        assert!((variance - sigma * sigma).abs() < 0.01, "{variance}");
        assert!((spread.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_constant_slice_stays_beside_a_hole() {
        let mut slice = Array2::from_elem((20, 30), 5.0f32);
        slice.slice_mut(ndarray::s![..7, ..9]).fill(f32::NAN);
        let mut out = Array2::zeros((20, 30));
        Gaussian::new(2.0, 30, 20).apply(slice.view(), out.view_mut());
        assert!(out.iter().zip(&slice).all(|(out, grey)| (grey.is_nan() && out.is_nan()) || (out - 5.0).abs() < 1e-5));
    }

    #[test]
    fn borders_about_edges() {
        let indices: Vec<usize> = (-7..8).map(|i| about_edges(i, 3)).collect();
        assert_eq!(indices, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert_eq!(about_edges(-9, 1), 0);
    }
}
