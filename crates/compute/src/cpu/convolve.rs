//! Convolutions of whole images: weights in the kernels' layout, bands of rows spread over the threads.

use rayon::prelude::*;

use super::{
    graph::Convolution,
    kernels::{ConvolveBand, GROUP, Geometry, ReduceBand, Rows, VALUES, WinogradBand, transformed},
    layout::{Band, Image},
    pool,
};
use crate::simd::Isa;

/// The weights of a convolution, laid out for the kernels.
pub(super) struct Filter {
    outputs: usize,
    inputs: usize,
    size: usize,
    order: Order,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Layout of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// In the order of [`each_weight`].
    Taps,
    /// (input block, ky, kx, input channel in the block), for one output channel with several inputs.
    Reduced,
    /// (group of output blocks, value, input channel, output channel in the group), of transformed kernels.
    Winograd,
}

/// What follows for each band of the output while it is in the cache.
pub(super) enum Tail<'a> {
    /// Nothing.
    Keep,
    /// 2×2 max-pooling into this image.
    Pool(&'a mut Image),
    /// Each value is added to 2×2 pixels of this image.
    UnpoolAdd(&'a mut Image),
}

/// Floats in a band of the output: half a second-level cache, so that the band is still there for what follows.
const BAND: usize = (256 << 10) / size_of::<f32>();

impl Filter {
    /// The filter of a convolution, from weights (output, input, ky, kx).
    pub fn forward(isa: Isa, convolution: &Convolution, weights: &[f32], bias: &[f32]) -> Self {
        let Convolution { inputs, outputs, size, paired, .. } = *convolution;
        let at = |o: usize, i: usize, ky: usize, kx: usize| weights[((o * inputs + i) * size + ky) * size + kx];
        Self::pack(isa, [outputs, inputs, size], paired, bias, at)
    }

    /// The filter that maps the gradient of the convolution's output to that of its input: channels exchanged, kernel
    /// rotated by 180°.
    pub fn backward(isa: Isa, convolution: &Convolution, weights: &[f32]) -> Self {
        let Convolution { inputs, outputs, size, paired, .. } = *convolution;
        let last = size - 1;
        let at = |o: usize, i: usize, ky: usize, kx: usize| {
            weights[((i * inputs + o) * size + last - ky) * size + last - kx]
        };
        Self::pack(isa, [inputs, outputs, size], paired, &vec![0.0; inputs], at)
    }

    fn pack(
        isa: Isa,
        [outputs, inputs, size]: [usize; 3],
        paired: bool,
        bias: &[f32],
        at: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let (order, weights) = if paired {
            (Order::Winograd, in_winograd_order(isa, inputs, outputs, at))
        } else if outputs == 1 && inputs > 1 {
            (Order::Reduced, in_reduced_order(isa, inputs, size, at))
        } else {
            let mut weights = Vec::new();
            each_weight(isa, inputs, outputs, size, |weight| {
                weights.push(weight.map_or(0.0, |[output, input, ky, kx]| at(output, input, ky, kx)));
            });
            (Order::Taps, weights)
        };
        Self { outputs, inputs, size, order, weights, bias: in_blocks(isa, bias) }
    }
}

/// The layout for one output channel: that of the exchanged filter, since sums run over vectors of input channels.
fn in_reduced_order(isa: Isa, inputs: usize, size: usize, at: impl Fn(usize, usize, usize, usize) -> f32) -> Vec<f32> {
    let mut weights = vec![0.0; inputs.next_multiple_of(isa.lanes()) * size * size];
    for (index, value) in weights.iter_mut().enumerate() {
        let (block, lane) = (index / isa.lanes() / (size * size), index % isa.lanes());
        let (tap, input) = (index / isa.lanes() % (size * size), block * isa.lanes() + lane);
        if input < inputs {
            *value = at(0, input, tap / size, tap % size);
        }
    }
    weights
}

/// Winograd-transformed 3×3 kernels.
fn in_winograd_order(
    isa: Isa,
    inputs: usize,
    outputs: usize,
    at: impl Fn(usize, usize, usize, usize) -> f32,
) -> Vec<f32> {
    let padded = outputs.next_multiple_of(isa.lanes());
    let mut weights = vec![0.0; VALUES * inputs * padded];
    for output in 0..outputs {
        let first = output / (GROUP * isa.lanes()) * GROUP * isa.lanes();
        let group = (GROUP * isa.lanes()).min(padded - first);
        let weights = &mut weights[VALUES * inputs * first + output - first..];
        for input in 0..inputs {
            let kernel = [0, 1, 2].map(|ky| [0, 1, 2].map(|kx| at(output, input, ky, kx)));
            for (value, weight) in transformed(kernel).into_iter().enumerate() {
                weights[(value * inputs + input) * group] = weight;
            }
        }
    }
    weights
}

/// Pads one value per channel to whole blocks.
pub(super) fn in_blocks(isa: Isa, values: &[f32]) -> Vec<f32> {
    let mut padded = values.to_vec();
    if values.len() > 1 {
        padded.resize(values.len().next_multiple_of(isa.lanes()), 0.0);
    }
    padded
}

/// Visits [output, input, ky, kx] in the order of the kernels' weights, (group of output blocks, input block, ky, kx,
/// input channel, output channel in the group); the channels that pad the last output block are visited as `None`.
pub(super) fn each_weight(
    isa: Isa,
    inputs: usize,
    outputs: usize,
    size: usize,
    mut visit: impl FnMut(Option<[usize; 4]>),
) {
    let lanes = |channels| if channels == 1 { 1 } else { isa.lanes() };
    let padded = outputs.next_multiple_of(lanes(outputs));
    for first in (0..padded).step_by(GROUP * lanes(outputs)) {
        let group = first..(first + GROUP * lanes(outputs)).min(padded);
        for block in (0..inputs).step_by(lanes(inputs)) {
            for tap in 0..size * size {
                for input in block..(block + lanes(inputs)).min(inputs) {
                    for output in group.clone() {
                        visit((output < outputs).then_some([output, input, tap / size, tap % size]));
                    }
                }
            }
        }
    }
}

/// Convolves, adds the bias, and multiplies values below zero by `slope` (one per channel, in blocks).
pub(super) fn convolve(
    isa: Isa,
    filter: &Filter,
    slope: Option<&[f32]>,
    input: &Image,
    output: &mut Image,
    tail: Tail,
) {
    debug_assert_eq!((input.shape.channels, output.shape.channels), (filter.inputs, filter.outputs));
    let rows = band_rows(output);
    let one = |scratch: &mut Vec<f32>, band: &mut Band| convolve_band(isa, filter, slope, input, scratch, band);
    match tail {
        Tail::Keep => {
            output.bands(rows).into_par_iter().for_each_init(Vec::new, |scratch, mut band| one(scratch, &mut band));
        }
        Tail::Pool(small) => {
            let layout = pool::Layout::of(small);
            let bands = output.bands(rows).into_par_iter().zip(small.bands(rows / 2));
            bands.for_each_init(Vec::new, |scratch, (mut band, small)| {
                one(scratch, &mut band);
                layout.pool(isa, band.data, small.data);
            });
        }
        Tail::UnpoolAdd(large) => {
            let layout = pool::Layout::of(output);
            let bands = output.bands(rows).into_par_iter().zip(large.bands(2 * rows));
            bands.for_each_init(Vec::new, |scratch, (mut band, large)| {
                one(scratch, &mut band);
                layout.unpool_add(isa, band.data, large.data);
            });
        }
    }
}

/// Rows of a band: few enough for the cache and to share the work, and even for pooling.
fn band_rows(output: &Image) -> usize {
    let rows = output.shape.count * output.shape.height;
    let fair = rows.div_ceil(4 * rayon::current_num_threads());
    (BAND / output.row_length()).min(fair).next_multiple_of(2).max(2)
}

fn convolve_band(
    isa: Isa,
    filter: &Filter,
    slope: Option<&[f32]>,
    input: &Image,
    scratch: &mut Vec<f32>,
    band: &mut Band,
) {
    let Filter { outputs, inputs, size, order, ref weights, ref bias } = *filter;
    let (halo, width) = (input.halo, input.shape.width);
    let lanes = if outputs == 1 { 1 } else { isa.lanes() };
    let geometry =
        Geometry { channels: inputs, pixel: input.lanes, block: input.block_length(), row: input.row_length() };
    let output_block = (width + 2 * halo) * lanes;
    let output_row = outputs.div_ceil(lanes) * output_block;
    let rows = band.data.len() / output_row;
    // The kernel's first tap lies `size / 2` pixels above and to the left.
    let start = (halo + band.y - size / 2) * geometry.row + (halo - size / 2) * geometry.pixel;
    let input = &input.image(band.image)[start..];
    let output = &mut band.data[halo * lanes..];
    if order == Order::Reduced {
        let (bias, slope) = (bias[0], slope.map(|slope| slope[0]));
        let task = ReduceBand { input, geometry, size, weights, bias, slope, output, output_row, rows, width };
        return isa.run(geometry.pixel, task);
    }
    let band = Rows { input, geometry, weights, bias, slope, output, output_block, output_row, rows, width };
    match order {
        Order::Winograd => isa.run(lanes, WinogradBand { band, scratch }),
        _ => isa.run(lanes, ConvolveBand { band, size }),
    }
}
