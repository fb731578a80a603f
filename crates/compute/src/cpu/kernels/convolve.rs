//! Convolution of a band of rows.

use super::activate;
use crate::simd::{Simd, Task};

/// Where the values of a band's input lie, in floats.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Geometry {
    /// Channels.
    pub channels: usize,
    /// From a pixel to the next: the input's lanes.
    pub pixel: usize,
    /// From a row of a block to the same row of the next block.
    pub block: usize,
    /// From a row to the next.
    pub row: usize,
}

/// A band of rows, to be convolved for all output channels, in blocks.
pub(in crate::cpu) struct Rows<'a> {
    /// From the first tap of the first pixel of the first row on.
    pub input: &'a [f32],
    pub geometry: Geometry,
    /// In the order of the kernel that takes the rows.
    pub weights: &'a [f32],
    /// One for each output channel, in whole blocks.
    pub bias: &'a [f32],
    /// What values below zero are multiplied with, as `bias`.
    pub slope: Option<&'a [f32]>,
    /// Rows of all output blocks, from the first pixel of the first row on.
    pub output: &'a mut [f32],
    /// From a block of the output to the next, and from a row to the next.
    pub output_block: usize,
    pub output_row: usize,
    pub rows: usize,
    pub width: usize,
}

impl Rows<'_> {
    /// Panics where a kernel of that size would read or write beyond the ends, or has not so many weights for each pair
    /// of channels. Returns the blocks of the input and of the output.
    #[inline(always)]
    pub(super) fn check<S: Simd>(&self, size: usize, weights: usize) -> (usize, usize) {
        let Geometry { channels, pixel, block, row } = self.geometry;
        let (blocks, outputs) = (channels.div_ceil(pixel), self.bias.len() / S::LANES);
        assert!(self.rows > 0 && self.width > 0 && outputs > 0 && channels > 0 && size > 0);
        let end = (self.rows + size - 2) * row + (blocks - 1) * block + (self.width + size - 1) * pixel;
        assert!(end <= self.input.len(), "the input has {} floats, not {end}", self.input.len());
        let end = (self.rows - 1) * self.output_row + (outputs - 1) * self.output_block + self.width * S::LANES;
        assert!(end <= self.output.len(), "the output has {} floats, not {end}", self.output.len());
        assert_eq!(self.bias.len(), outputs * S::LANES);
        assert_eq!(self.weights.len(), weights * channels * outputs * S::LANES);
        assert!(self.slope.is_none_or(|slope| slope.len() == self.bias.len()));
        (blocks, outputs)
    }
}

/// Convolves rows, whose weights are in the order (group of output blocks, input block, ky, kx, input channel, output
/// channel in the group); see `each_weight`.
pub(in crate::cpu) struct ConvolveBand<'a> {
    pub band: Rows<'a>,
    /// Edge of the kernel.
    pub size: usize,
}

/// Most output blocks that are computed together.
pub(in crate::cpu) const GROUP: usize = 2;
/// Pixels in a tile: 6 pixels × 2 blocks are 12 sums, which leaves 4 of AVX2's 16 registers for the operands.
pub(super) const TILE: usize = 6;
/// Tiles that use the same weights before the next ones are loaded.
const STRIP: usize = 8 * TILE;
/// Bytes of weights that stay in the first-level cache beside the images.
const CACHED: usize = 20 << 10;

impl Task for ConvolveBand<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { band, size } = self;
        let (Geometry { channels, pixel, block, row }, taps) = (band.geometry, size * size);
        // All that the tiles read and write lies below the ends that are checked.
        let (blocks, outputs) = band.check::<S>(size, taps);
        assert!(pixel == 1 || pixel == S::LANES);

        let cached = (CACHED / (taps * pixel * GROUP * S::LANES * size_of::<f32>())).max(1);
        for y in 0..band.rows {
            for left in (0..band.width).step_by(STRIP) {
                let right = (left + STRIP).min(band.width);
                for first in (0..outputs).step_by(GROUP) {
                    for from in (0..blocks).step_by(cached) {
                        let to = (from + cached).min(blocks);
                        let (bias, slope) =
                            (&band.bias[first * S::LANES..], band.slope.map(|s| &s[first * S::LANES..]));
                        let group = GROUP.min(outputs - first);
                        let weights = taps * S::LANES * (channels * first + pixel * group * from);
                        let part = Part {
                            input: band.input[y * row + from * block + left * pixel..].as_ptr(),
                            channels: (channels - from * pixel).min((to - from) * pixel),
                            block,
                            row,
                            size,
                            weights: band.weights[weights..].as_ptr(),
                            start: if from == 0 { Some(bias.as_ptr()) } else { None },
                            slope: if to == blocks { slope.map(<[f32]>::as_ptr) } else { None },
                            output: band.output[y * band.output_row + first * band.output_block + left * S::LANES..]
                                .as_mut_ptr(),
                            output_block: band.output_block,
                        };
                        // SAFETY: the strip ends within the row, the group within the output blocks, and the part
                        // within the input blocks, all asserted above.
                        unsafe {
                            match (group, pixel) {
                                (1, 1) => part.strip::<S, 1, true>(right - left),
                                (1, _) => part.strip::<S, 1, false>(right - left),
                                (_, 1) => part.strip::<S, GROUP, true>(right - left),
                                (_, _) => part.strip::<S, GROUP, false>(right - left),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a strip of a row gets from some input blocks, for a group of output blocks.
struct Part {
    /// The first tap of the first pixel.
    input: *const f32,
    channels: usize,
    block: usize,
    row: usize,
    size: usize,
    weights: *const f32,
    /// Values that the sums start from; without, they go on from the output.
    start: Option<*const f32>,
    /// The activation, after the last part.
    slope: Option<*const f32>,
    output: *mut f32,
    output_block: usize,
}

impl Part {
    /// `N` output blocks of `width` pixels; `PLAIN` when the input has blocks of one channel.
    ///
    /// # Safety
    /// All pointers are valid for that.
    #[inline(always)]
    unsafe fn strip<S: Simd, const N: usize, const PLAIN: bool>(&self, width: usize) {
        let mut x = 0;
        // SAFETY: every tile ends at `width` at the most.
        unsafe {
            while x + TILE <= width {
                self.tile::<S, TILE, N, PLAIN>(x);
                x += TILE;
            }
            while x + 2 <= width {
                self.tile::<S, 2, N, PLAIN>(x);
                x += 2;
            }
            if x < width {
                self.tile::<S, 1, N, PLAIN>(x);
            }
        }
    }

    /// `P` pixels from `x` on.
    ///
    /// # Safety
    /// As for `strip`, with `x + P <= width`.
    #[inline(always)]
    unsafe fn tile<S: Simd, const P: usize, const N: usize, const PLAIN: bool>(&self, x: usize) {
        let pixel = if PLAIN { 1 } else { S::LANES };
        let blocks = self.channels.div_ceil(pixel);
        let mut sums = [[S::splat(0.0); N]; P];
        // SAFETY: the caller's promise; weights are walked in the order in which they lie.
        unsafe {
            let output = self.output.add(x * S::LANES);
            for (p, sums) in sums.iter_mut().enumerate() {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = match self.start {
                        Some(bias) => S::load(bias.add(n * S::LANES)),
                        None => S::load(output.add(n * self.output_block + p * S::LANES)),
                    };
                }
            }
            let mut weights = self.weights;
            for block in 0..blocks {
                let channels = pixel.min(self.channels - block * pixel);
                let rows = self.input.add(block * self.block + x * pixel);
                for ky in 0..self.size {
                    let taps = rows.add(ky * self.row);
                    for kx in 0..self.size {
                        let tap = taps.add(kx * pixel);
                        for channel in 0..channels {
                            add::<S, P, N>(&mut sums, tap.add(channel), pixel, weights.add(channel * N * S::LANES));
                        }
                        weights = weights.add(channels * N * S::LANES);
                    }
                }
            }
            for (p, sums) in sums.iter().enumerate() {
                for (n, &sum) in sums.iter().enumerate() {
                    let value = match self.slope {
                        Some(slope) => activate::<S>(sum, S::load(slope.add(n * S::LANES))),
                        None => sum,
                    };
                    S::store(output.add(n * self.output_block + p * S::LANES), value);
                }
            }
        }
    }
}

/// Adds one input channel's share at one tap.
///
/// # Safety
/// `P` values `pixel` floats apart, and `N` vectors of weights.
#[inline(always)]
pub(super) unsafe fn add<S: Simd, const P: usize, const N: usize>(
    sums: &mut [[S::V; N]; P],
    values: *const f32,
    pixel: usize,
    weights: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let weights: [S::V; N] = std::array::from_fn(|n| S::load(weights.add(n * S::LANES)));
        for (p, sums) in sums.iter_mut().enumerate() {
            let value = S::splat(*values.add(p * pixel));
            for (sum, &weight) in sums.iter_mut().zip(&weights) {
                *sum = S::fma(value, weight, *sum);
            }
        }
    }
}
