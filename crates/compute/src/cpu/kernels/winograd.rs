//! 3×3 convolutions of a band of rows for 2×2 pixels at once, with 16 products in place of 36.
//!
//! S. Winograd's minimal filtering F(2×2, 3×3), as A. Lavin and S. Gray use it for networks (Fast Algorithms for
//! Convolutional Neural Networks, CVPR 2016): with `d` a 4×4 patch of the input and `g` the kernel, the 2×2 outputs are
//! `Aᵀ (Σ (G g Gᵀ) · (Bᵀ d B)) A`, the sum over the input channels, and the product that of each of 16 pairs of values.
//! An output is computed from its own nine inputs alone, rounding included: what a patch has beyond them enters only the
//! values that the other outputs are made of.

use super::{
    activate,
    convolve::{GROUP, Geometry, Rows, TILE, add},
};
use crate::simd::{Simd, Task};

/// Values of a transformed patch or kernel.
pub(in crate::cpu) const VALUES: usize = 16;

/// Convolves an even number of rows, of an even width, with kernels of 3×3, transformed, in the order (group of output
/// blocks, value, input channel, output channel in the group).
pub(in crate::cpu) struct WinogradBand<'a> {
    pub band: Rows<'a>,
    /// Memory for what lies between, which grows as needed.
    pub scratch: &'a mut Vec<f32>,
}

/// Floats of the transformed patches of a strip: a part of the second-level cache.
const CACHED: usize = (96 << 10) / size_of::<f32>();
/// Most patches in a strip.
const STRIP: usize = 8 * TILE;
/// Floats that keep the 16 values of a patch out of each other's place in the cache.
const GAP: usize = 16;

/// The transformed kernel, (row, column): `G g Gᵀ`.
pub(in crate::cpu) fn transformed(kernel: [[f32; 3]; 3]) -> [f32; VALUES] {
    let four = |[a, b, c]: [f64; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let rows = kernel.map(|row| four(row.map(f64::from)));
    let mut values = [0.0; VALUES];
    for column in 0..4 {
        for (row, value) in four([0, 1, 2].map(|row| rows[row][column])).into_iter().enumerate() {
            values[4 * row + column] = value as f32;
        }
    }
    values
}

impl Task for WinogradBand<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { band, scratch } = self;
        let Geometry { channels, pixel, block, row } = band.geometry;
        // All that is read and written lies below the ends that are checked.
        let (blocks, outputs) = band.check::<S>(3, VALUES);
        assert!(band.rows.is_multiple_of(2) && band.width.is_multiple_of(2));
        assert_eq!(pixel, S::LANES);

        let most = (CACHED / (VALUES * blocks * S::LANES) / TILE * TILE).clamp(TILE, STRIP);
        let strip = Strip {
            channels,
            patches: most,
            value: blocks * most * S::LANES + GAP,
            sum: GROUP * most * S::LANES + GAP,
            row,
            output_row: band.output_row,
        };
        let (values, sums) = (VALUES * strip.value, VALUES * strip.sum);
        scratch.resize((values + sums).max(scratch.len()), 0.0);
        let (values, sums) = scratch[..values + sums].split_at_mut(values);
        for y in (0..band.rows).step_by(2) {
            for left in (0..band.width).step_by(2 * most) {
                let patches = most.min((band.width - left) / 2);
                for at in 0..blocks {
                    let patch = &band.input[y * row + at * block + left * pixel..];
                    // SAFETY: the last patch ends one pixel and one row beyond the last output, as asserted above, and
                    // the values of `most` patches of a block lie behind those of the blocks before.
                    unsafe {
                        strip.transform::<S>(patch.as_ptr(), patches, values[at * most * S::LANES..].as_mut_ptr());
                    }
                }
                for first in (0..outputs).step_by(GROUP) {
                    let group = GROUP.min(outputs - first);
                    let weights = band.weights[VALUES * channels * first * S::LANES..].as_ptr();
                    let output = &mut band.output[y * band.output_row + first * band.output_block + left * S::LANES..];
                    let (bias, slope) = (&band.bias[first * S::LANES..], band.slope.map(|s| &s[first * S::LANES..]));
                    // SAFETY: values and sums of a whole strip are there; the strip ends within the rows, and the group
                    // within the output blocks, as asserted above.
                    unsafe {
                        match group {
                            1 => strip.multiply::<S, 1>(values.as_ptr(), patches, weights, sums.as_mut_ptr()),
                            _ => strip.multiply::<S, GROUP>(values.as_ptr(), patches, weights, sums.as_mut_ptr()),
                        }
                        for n in 0..group {
                            let bias = S::load(bias[n * S::LANES..].as_ptr());
                            let slope = slope.map(|slope| S::load(slope[n * S::LANES..].as_ptr()));
                            let sums = sums[n * most * S::LANES..].as_ptr();
                            let output = output[n * band.output_block..].as_mut_ptr();
                            strip.transform_back::<S>(sums, patches, bias, slope, output);
                        }
                    }
                }
            }
        }
    }
}

/// Patches that follow one another along two rows: how their values lie, in floats.
struct Strip {
    channels: usize,
    /// Places for patches in a block.
    patches: usize,
    /// From one of the 16 values to the next, of the input and of the sums.
    value: usize,
    sum: usize,
    /// From a row of the input to the next.
    row: usize,
    /// From a row of the output to the next.
    output_row: usize,
}

impl Strip {
    /// `Bᵀ d B` of each patch of a block, (value, patch, channel).
    ///
    /// # Safety
    /// `2 × patches + 2` vectors in each of four rows, and places for the values.
    #[inline(always)]
    unsafe fn transform<S: Simd>(&self, input: *const f32, patches: usize, values: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let (mut a, mut b) = (self.column::<S>(input), self.column::<S>(input.add(S::LANES)));
            for patch in 0..patches {
                let next = input.add((2 * patch + 2) * S::LANES);
                let (c, d) = (self.column::<S>(next), self.column::<S>(next.add(S::LANES)));
                let to = values.add(patch * S::LANES);
                for k in 0..4 {
                    let to = to.add(4 * k * self.value);
                    S::store(to, S::sub(a[k], c[k]));
                    S::store(to.add(self.value), S::add(b[k], c[k]));
                    S::store(to.add(2 * self.value), S::sub(c[k], b[k]));
                    S::store(to.add(3 * self.value), S::sub(b[k], d[k]));
                }
                (a, b) = (c, d);
            }
        }
    }

    /// `Bᵀ d` of a column.
    ///
    /// # Safety
    /// A vector in each of four rows.
    #[inline(always)]
    unsafe fn column<S: Simd>(&self, input: *const f32) -> [S::V; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (S::load(input), S::load(input.add(self.row)));
            let (c, d) = (S::load(input.add(2 * self.row)), S::load(input.add(3 * self.row)));
            [S::sub(a, c), S::add(b, c), S::sub(c, b), S::sub(b, d)]
        }
    }

    /// The sums over the input channels of the products of values, (value, output block, patch, channel). Patches are
    /// taken six at once; what stands behind the last is computed too, and not used.
    ///
    /// # Safety
    /// Values and sums of a whole strip, and the weights of `N` output blocks.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const N: usize>(
        &self,
        values: *const f32,
        patches: usize,
        weights: *const f32,
        sums: *mut f32,
    ) {
        for value in 0..VALUES {
            for first in (0..patches).step_by(TILE) {
                // SAFETY: the caller's promise; a strip has places for a whole number of tiles.
                unsafe {
                    let mut weights = weights.add(value * self.channels * N * S::LANES);
                    let mut held = [[S::splat(0.0); N]; TILE];
                    let mut from = values.add(value * self.value + first * S::LANES);
                    let mut left = self.channels;
                    while left > 0 {
                        let channels = left.min(S::LANES);
                        for channel in 0..channels {
                            add::<S, TILE, N>(&mut held, from.add(channel), S::LANES, weights);
                            weights = weights.add(N * S::LANES);
                        }
                        from = from.add(self.patches * S::LANES);
                        left -= channels;
                    }
                    let to = sums.add(value * self.sum + first * S::LANES);
                    for (p, held) in held.iter().enumerate() {
                        for (n, &held) in held.iter().enumerate() {
                            S::store(to.add((n * self.patches + p) * S::LANES), held);
                        }
                    }
                }
            }
        }
    }

    /// `Aᵀ m A` of each patch of an output block, with bias and activation.
    ///
    /// # Safety
    /// Sums of the patches, and `2 × patches` vectors in each of two rows of the output.
    #[inline(always)]
    unsafe fn transform_back<S: Simd>(
        &self,
        sums: *const f32,
        patches: usize,
        bias: S::V,
        slope: Option<S::V>,
        output: *mut f32,
    ) {
        for patch in 0..patches {
            // SAFETY: the caller's promise.
            unsafe {
                let (mut upper, mut lower) = ([S::splat(0.0); 4], [S::splat(0.0); 4]);
                for k in 0..4 {
                    let column = sums.add(k * self.sum + patch * S::LANES);
                    let (a, b) = (S::load(column), S::load(column.add(4 * self.sum)));
                    let (c, d) = (S::load(column.add(8 * self.sum)), S::load(column.add(12 * self.sum)));
                    upper[k] = S::add(a, S::add(b, c));
                    lower[k] = S::sub(S::sub(b, c), d);
                }
                let to = output.add(2 * patch * S::LANES);
                for (to, [a, b, c, d]) in [(to, upper), (to.add(self.output_row), lower)] {
                    let (left, right) = (S::add(a, S::add(b, c)), S::sub(S::sub(b, c), d));
                    for (to, sum) in [(to, left), (to.add(S::LANES), right)] {
                        let sum = S::add(sum, bias);
                        let value = match slope {
                            Some(slope) => activate::<S>(sum, slope),
                            None => sum,
                        };
                        S::store(to, value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_of_one_tap_is_spread_as_the_products_want_it() {
        let mut kernel = [[0.0; 3]; 3];
        kernel[1][1] = 4.0;
        let rows = [[0.0; 4], [0.0, 1.0, -1.0, 0.0], [0.0, -1.0, 1.0, 0.0], [0.0; 4]];
        assert_eq!(transformed(kernel).chunks(4).collect::<Vec<_>>(), rows);
    }
}
