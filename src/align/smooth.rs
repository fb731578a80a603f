//! Gaussian smoothing of a [`Grid`] whose unusable voxels (NaN) take no part.
//!
//! Normalised convolution (Knutsson and Westin, CVPR 1993): both the grey values and their validity are smoothed, and
//! the first is divided by the second. Voxels that were unusable stay so.

use rayon::prelude::*;
use undulator_compute::gaussian::half;

use crate::memory::{filled, with_capacity};

use super::AlignError;
use super::grid::Grid;

/// One half of a Gaussian kernel of deviation `sigma` voxels, from its centre, cut at three deviations and at the length
/// of the lines, beyond which it reaches nothing.
fn kernel(sigma: f64, most: usize) -> Vec<f32> {
    half(sigma, ((3.0 * sigma).ceil() as usize).min(most)).into_iter().map(|weight| weight as f32).collect()
}

/// `out = Σ kernel[|k|] line[i + k]` over lines of `width` values: whole rows are weighed and added, so the inner loop
/// runs over neighbours in memory for every axis.
fn blend(out: &mut [f32], i: usize, count: usize, kernel: &[f32], line: impl Fn(usize) -> usize, from: &[f32]) {
    let reach = kernel.len() - 1;
    out.fill(0.0);
    for j in i.saturating_sub(reach)..=(i + reach).min(count - 1) {
        let weight = kernel[i.abs_diff(j)];
        let start = line(j);
        for (o, v) in out.iter_mut().zip(&from[start..]) {
            *o += weight * v;
        }
    }
}

fn along_row(out: &mut [f32], row: &[f32], kernel: &[f32]) {
    let count = row.len();
    for (i, o) in out.iter_mut().enumerate() {
        let low = i.saturating_sub(kernel.len() - 1);
        let high = (i + kernel.len()).min(count);
        *o = (low..high).map(|j| kernel[i.abs_diff(j)] * row[j]).sum();
    }
}

fn convolve(values: &mut Vec<f32>, size: [usize; 3], sigma: [f64; 3]) -> Result<(), AlignError> {
    let [_, height, width] = size;
    let plane = height * width;
    let mut out = filled(0.0f32, values.len())?;
    for (axis, sigma) in sigma.into_iter().enumerate().filter(|(_, sigma)| *sigma >= 0.1) {
        let kernel = kernel(sigma, size[axis]);
        out.par_chunks_mut(width).enumerate().for_each(|(row, out)| {
            let (z, y) = (row / height, row % height);
            match axis {
                0 => blend(out, z, size[0], &kernel, |j| j * plane + y * width, values),
                1 => blend(out, y, height, &kernel, |j| z * plane + j * width, values),
                _ => along_row(out, &values[row * width..][..width], &kernel),
            }
        });
        std::mem::swap(values, &mut out);
    }
    Ok(())
}

/// Smooths with a Gaussian of deviation `sigma`, in the stack's unit, along every axis.
pub(super) fn smooth(grid: &mut Grid, sigma: f64) -> Result<(), AlignError> {
    let sigma: [f64; 3] = std::array::from_fn(|a| sigma / grid.voxel[a]);
    if grid.grey.iter().all(|v| !v.is_nan()) {
        // Kernels are cut at the border, so even there the weights must be divided out: one line an axis has them all.
        let mut border: [Vec<f32>; 3] = grid.size.map(|n| vec![1.0; n]);
        for (axis, line) in border.iter_mut().enumerate() {
            let size = std::array::from_fn(|a| if a == axis { grid.size[a] } else { 1 });
            let only = std::array::from_fn(|a| if a == axis { sigma[a] } else { 0.0 });
            convolve(line, size, only)?;
        }
        convolve(&mut grid.grey, grid.size, sigma)?;
        let [_, height, width] = grid.size;
        grid.grey.par_chunks_mut(width).enumerate().for_each(|(row, line)| {
            let outer = border[0][row / height] * border[1][row % height];
            line.iter_mut().zip(&border[2]).for_each(|(v, b)| *v /= outer * b);
        });
    } else {
        let (values, validity) = both(grid, sigma)?;
        for ((grey, value), validity) in grid.grey.iter_mut().zip(values).zip(validity) {
            if !grey.is_nan() {
                *grey = value / validity;
            }
        }
    }
    Ok(())
}

/// Smoothed sums of the usable voxels' grey values, and of their validity.
fn both(grid: &Grid, sigma: [f64; 3]) -> Result<(Vec<f32>, Vec<f32>), AlignError> {
    let of = |number: &dyn Fn(f32) -> f32| {
        let mut numbers = with_capacity(grid.grey.len())?;
        numbers.extend(grid.grey.iter().map(|v| if v.is_nan() { 0.0 } else { number(*v) }));
        convolve(&mut numbers, grid.size, sigma)?;
        Ok::<_, AlignError>(numbers)
    };
    Ok((of(&|v| v)?, of(&|_| 1.0)?))
}

/// Takes away what changes more slowly than a Gaussian of deviation `sigma` (in the stack's unit): cupping and shading
/// say little about where the structure lies. The slow part is found on a copy of voxel edge `edge`, which may be coarse.
pub(super) fn flatten(grid: &mut Grid, sigma: f64, edge: f64) -> Result<(), AlignError> {
    let mut slow = grid.reduced(edge)?;
    let (values, validity) = both(&slow, std::array::from_fn(|a| sigma / slow.voxel[a]))?;
    for (slow, (v, n)) in slow.grey.iter_mut().zip(values.iter().zip(&validity)) {
        *slow = if *n > 1e-6 { v / n } else { 0.0 };
    }
    let [_, height, width] = grid.size;
    let (origin, voxel) = (grid.origin, grid.voxel);
    grid.grey.par_chunks_mut(width).enumerate().for_each(|(row, line)| {
        for (x, v) in line.iter_mut().enumerate() {
            let index = [row / height, row % height, x];
            *v -= slow.nearest_inside(std::array::from_fn(|a| origin[a] + index[a] as f64 * voxel[a]));
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(size: [usize; 3], grey: Vec<f32>) -> Grid {
        Grid { size, voxel: [2.0, 1.0, 1.0], origin: [0.0; 3], grey }
    }

    #[test]
    fn a_constant_stays_constant_beside_a_hole() {
        let mut values = vec![3.0; 6 * 7 * 8];
        values[100] = f32::NAN;
        let mut grid = grid([6, 7, 8], values);
        smooth(&mut grid, 1.5).unwrap();
        assert!(grid.grey[100].is_nan());
        assert!(grid.grey.iter().filter(|v| !v.is_nan()).all(|v| (v - 3.0).abs() < 1e-5));
    }

    #[test]
    fn a_point_spreads_by_sigma_along_every_axis() {
        let size = [21, 31, 31];
        let mut values = vec![0.0; size.iter().product()];
        values[(10 * 31 + 15) * 31 + 15] = 1.0;
        let mut grid = grid(size, values);
        smooth(&mut grid, 2.0).unwrap();
        let total: f32 = grid.grey.iter().sum();
        for axis in 0..3 {
            let centre = [20.0, 15.0, 15.0][axis];
            let spread = |i: usize| (grid.place(i)[axis] - centre).powi(2) * f64::from(grid.grey[i] / total);
            let variance: f64 = (0..grid.grey.len()).map(spread).sum();
            assert!((variance.sqrt() - 2.0).abs() < 0.05, "axis {axis}: {}", variance.sqrt());
        }
    }
}
