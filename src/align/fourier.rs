//! Discrete Fourier transforms of three-dimensional arrays, one axis after the other (crate `rustfft`).

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Plans for arrays of one size, index `(z * height + y) * width + x`. Both directions are unnormalised.
pub(super) struct Fourier {
    size: [usize; 3],
    forward: [Arc<dyn Fft<f32>>; 3],
    inverse: [Arc<dyn Fft<f32>>; 3],
}

/// The smallest number not below `n` without prime factors above 5, for which transforms are fast.
pub(super) fn fast_length(n: usize) -> usize {
    let smooth = |mut n: usize| {
        for p in [2, 3, 5] {
            while n.is_multiple_of(p) {
                n /= p;
            }
        }
        n == 1
    };
    (n.max(1)..).find(|n| smooth(*n)).unwrap_or(n)
}

impl Fourier {
    /// Plans for arrays of `size` (z, y, x).
    pub fn new(size: [usize; 3]) -> Self {
        let mut planner = FftPlanner::new();
        Self {
            size,
            forward: size.map(|n| planner.plan_fft_forward(n)),
            inverse: size.map(|n| planner.plan_fft_inverse(n)),
        }
    }

    /// Elements of an array.
    pub fn len(&self) -> usize {
        self.size.iter().product()
    }

    /// Transforms `data` in place.
    pub fn forward(&self, data: &mut [Complex32]) {
        self.transform(data, &self.forward);
    }

    /// Transforms `data` back in place; the result is [`len`](Self::len) times too large.
    pub fn inverse(&self, data: &mut [Complex32]) {
        self.transform(data, &self.inverse);
    }

    fn transform(&self, data: &mut [Complex32], plans: &[Arc<dyn Fft<f32>>; 3]) {
        let [depth, height, width] = self.size;
        let empty = |part: &[Complex32]| part.iter().all(|v| *v == Complex32::default());
        let mut turned = vec![Complex32::default(); width * height.max(depth)];
        // Zero-padded volumes are mostly empty rows and planes, which stay empty.
        for plane in data.chunks_exact_mut(width * height) {
            let mut rows = plane.chunks_exact_mut(width).filter(|row| !empty(row)).peekable();
            if rows.peek().is_some() {
                rows.for_each(|row| plans[2].process(row));
                columns(plane, &mut turned[..width * height], height, width, width, &plans[1]);
            }
        }
        for y in 0..height {
            columns(&mut data[y * width..], &mut turned[..width * depth], depth, width, width * height, &plans[0]);
        }
    }
}

/// Transforms `width` columns of `count` numbers that lie `stride` apart.
fn columns(
    data: &mut [Complex32],
    turned: &mut [Complex32],
    count: usize,
    width: usize,
    stride: usize,
    plan: &Arc<dyn Fft<f32>>,
) {
    for i in 0..count {
        for x in 0..width {
            turned[x * count + i] = data[i * stride + x];
        }
    }
    plan.process(turned);
    for i in 0..count {
        for x in 0..width {
            data[i * stride + x] = turned[x * count + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let fourier = Fourier::new([3, 4, 5]);
        let data: Vec<Complex32> = (0..60).map(|i| Complex32::new((i * i % 17) as f32, i as f32)).collect();
        let mut turned = data.clone();
        fourier.forward(&mut turned);
        let sum: Complex32 = data.iter().sum();
        assert!((turned[0] - sum).norm() < 1e-3);
        fourier.inverse(&mut turned);
        assert!(data.iter().zip(&turned).all(|(a, b)| (a - b / 60.0).norm() < 1e-3));
    }

    #[test]
    fn a_wave_along_each_axis_is_one_point() {
        let size = [4, 6, 10];
        let fourier = Fourier::new(size);
        for axis in 0..3 {
            let phase = |i: usize| {
                let at = [i / 60, i / 10 % 6, i % 10][axis];
                Complex32::from_polar(1.0, std::f32::consts::TAU * 2.0 * at as f32 / size[axis] as f32)
            };
            let mut data: Vec<_> = (0..240).map(phase).collect();
            fourier.forward(&mut data);
            let expected = [2 * 60, 2 * 10, 2][axis];
            assert!((data[expected].re - 240.0).abs() < 1e-2);
            assert!(data.iter().enumerate().all(|(i, v)| i == expected || v.norm() < 1e-2));
        }
    }

    #[test]
    fn fast_lengths() {
        assert_eq!([1, 7, 11, 97, 121].map(fast_length), [1, 8, 12, 100, 125]);
    }
}
