//! Convolution of a band of rows for a single output channel.

use super::convolve::Geometry;
use crate::simd::{Simd, Task};

/// Convolves rows of an input in blocks for one output channel, which is plain.
pub(in crate::cpu) struct ReduceBand<'a> {
    /// As in [`ConvolveBand`](super::ConvolveBand).
    pub input: &'a [f32],
    pub geometry: Geometry,
    /// Edge of the kernel.
    pub size: usize,
    /// (input block, ky, kx, input channel in the block), in whole blocks.
    pub weights: &'a [f32],
    pub bias: f32,
    /// What values below zero are multiplied with.
    pub slope: Option<f32>,
    /// Rows of the output, from the first pixel of the first row on.
    pub output: &'a mut [f32],
    /// From a row of the output to the next.
    pub output_row: usize,
    pub rows: usize,
    pub width: usize,
}

/// Pixels whose sums are held together.
const REDUCED: usize = 8;

impl Task for ReduceBand<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Geometry { channels, pixel, block, row } = self.geometry;
        let (blocks, size) = (channels.div_ceil(pixel), self.size);
        assert!(self.rows > 0 && self.width > 0 && channels > 0 && size > 0);
        let end = (self.rows + size - 2) * row + (blocks - 1) * block + (self.width + size - 1) * pixel;
        assert!(end <= self.input.len(), "the input has {} floats, not {end}", self.input.len());
        assert_eq!(pixel, S::LANES);
        assert_eq!(self.weights.len(), blocks * size * size * pixel);
        let reduced = Reduced { blocks, block, row, size, weights: self.weights.as_ptr() };
        let finish = |sum: f32| match self.slope {
            Some(slope) if sum + self.bias < 0.0 => slope * (sum + self.bias),
            _ => sum + self.bias,
        };
        for (y, output) in self.output.chunks_mut(self.output_row).take(self.rows).enumerate() {
            let output = &mut output[..self.width];
            for (at, output) in output.chunks_mut(REDUCED).enumerate() {
                let input = self.input[y * row + at * REDUCED * pixel..].as_ptr();
                // SAFETY: each tile ends within the row's width, whose last tap lies in the input as asserted above.
                unsafe {
                    match output.len() {
                        REDUCED => {
                            let sums = reduced.tile::<S, REDUCED>(input);
                            output.iter_mut().zip(sums).for_each(|(output, sum)| *output = finish(sum));
                        }
                        _ => {
                            for (x, output) in output.iter_mut().enumerate() {
                                *output = finish(reduced.tile::<S, 1>(input.add(x * pixel))[0]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the tiles of a reduction share.
struct Reduced {
    blocks: usize,
    block: usize,
    row: usize,
    size: usize,
    weights: *const f32,
}

impl Reduced {
    /// Sums for `P` pixels, the first with its first tap at `input`.
    ///
    /// # Safety
    /// All taps and weights are valid.
    #[inline(always)]
    unsafe fn tile<S: Simd, const P: usize>(&self, input: *const f32) -> [f32; P] {
        let mut sums = [S::splat(0.0); P];
        let mut weights = self.weights;
        // SAFETY: the caller's promise.
        unsafe {
            for block in 0..self.blocks {
                for ky in 0..self.size {
                    let taps = input.add(block * self.block + ky * self.row);
                    for kx in 0..self.size {
                        let weight = S::load(weights);
                        for (p, sum) in sums.iter_mut().enumerate() {
                            *sum = S::fma(S::load(taps.add((kx + p) * S::LANES)), weight, *sum);
                        }
                        weights = weights.add(S::LANES);
                    }
                }
            }
        }
        // A loop, as what `map` calls would not be compiled for these vectors.
        let mut totals = [0.0; P];
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = S::sum(sum);
        }
        totals
    }
}
