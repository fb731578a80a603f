//! The gradient of a convolution's weights.

use rayon::prelude::*;

use super::{
    convolve::each_weight,
    graph::Convolution,
    kernels::{GROUP, OuterProducts},
    layout::Image,
};
use crate::simd::Isa;

/// Pixels of a tile: as many vectors and scalars as stay in a first-level cache.
const TILE: usize = 128;
/// Pixels of a tile's row.
const TILE_WIDTH: usize = 64;
/// Least number of parts, if there are enough rows. Their sums are added in a fixed order, so it must not depend on the
/// number of threads.
const PARTS: usize = 64;
/// Fewest pixels for which splitting pays.
const SMALLEST: usize = 4096;

/// Sums over all pixels of `gradient × input`, for weights (output, input, ky, kx).
pub(super) fn weight_gradient(isa: Isa, convolution: &Convolution, input: &Image, gradient: &Image) -> Vec<f32> {
    let Convolution { inputs, outputs, size, .. } = *convolution;
    // With one output, the input's blocks are the vectors and the gradient's pixels the scalars, so the offset of a
    // weight's tap changes its sign.
    let exchanged = outputs == 1 && inputs > 1;
    let (vectors, scalars) = if exchanged { (input, gradient) } else { (gradient, input) };

    let groups: Vec<_> = (0..vectors.blocks()).step_by(GROUP).collect();
    let (height, width) = (input.shape.height, input.shape.width);
    let rows = part_rows(groups.len() * scalars.blocks(), height, width);
    let bands: Vec<_> = (0..input.shape.count)
        .flat_map(|image| (0..height).step_by(rows).map(move |y| (image, y..(y + rows).min(height))))
        .collect();

    let blocks: Vec<_> = groups.iter().flat_map(|&g| (0..scalars.blocks()).map(move |block| (g, block))).collect();
    let tasks: Vec<_> = bands.iter().flat_map(|band| blocks.iter().map(move |block| (band, block))).collect();
    let mut sums: Vec<Vec<f32>> = tasks
        .into_par_iter()
        .map(|((image, rows), &(first, block))| {
            let part = Part { isa, vectors, scalars, size, exchanged, first, block };
            part.sums(*image, rows.clone())
        })
        .collect();
    // The sums of all bands are added to the first band's, in order.
    let (total, others) = sums.split_at_mut(blocks.len());
    for others in others.chunks(blocks.len()) {
        for (total, other) in total.iter_mut().zip(others) {
            total.iter_mut().zip(other).for_each(|(total, other)| *total += other);
        }
    }

    let mut weights = vec![0.0; outputs * inputs * size * size];
    let mut sums = total.iter().flatten();
    let mut put = |weight: Option<[usize; 4]>| {
        let sum = sums.next();
        if let (Some([o, i, ky, kx]), Some(&sum)) = (weight, sum) {
            let (output, input) = if exchanged { (i, o) } else { (o, i) };
            weights[((output * inputs + input) * size + ky) * size + kx] = sum;
        }
    };
    if exchanged {
        each_weight(isa, outputs, inputs, size, &mut put);
    } else {
        each_weight(isa, inputs, outputs, size, &mut put);
    }
    weights
}

/// Rows of each part into which the sums over an image of `height` × `width` are split.
fn part_rows(blocks: usize, height: usize, width: usize) -> usize {
    let parts = PARTS.div_ceil(blocks).min((height * width).div_ceil(SMALLEST)).min(height);
    height.div_ceil(parts)
}

/// Bytes of the sums of [`weight_gradient`], for `count` images of `height` × `width`.
pub(super) fn scratch(isa: Isa, convolution: &Convolution, count: usize, height: usize, width: usize) -> u64 {
    let Convolution { inputs, outputs, size, .. } = *convolution;
    let (vectors, scalars) = if outputs == 1 && inputs > 1 { (inputs, outputs) } else { (outputs, inputs) };
    let lanes = |channels: usize| if channels == 1 { 1 } else { isa.lanes() };
    let blocks = |channels: usize| channels.div_ceil(lanes(channels));
    let groups = blocks(vectors).div_ceil(GROUP) * blocks(scalars);
    let bands = count * height.div_ceil(part_rows(groups, height, width));
    let sums = size * size * scalars * blocks(vectors) * lanes(vectors);
    (bands * sums * size_of::<f32>()) as u64
}

/// The weights between a group of blocks of vectors and a block of scalars.
struct Part<'a> {
    isa: Isa,
    vectors: &'a Image,
    scalars: &'a Image,
    size: usize,
    exchanged: bool,
    first: usize,
    block: usize,
}

impl Part<'_> {
    /// Their sums over some rows, in the order of [`each_weight`].
    fn sums(&self, image: usize, rows: std::ops::Range<usize>) -> Vec<f32> {
        let Self { vectors, scalars, size, first, .. } = *self;
        let (halo, width) = (vectors.halo, vectors.shape.width);
        let group = GROUP.min(vectors.blocks() - first);
        let offsets = self.offsets();
        let mut sums = vec![0.0; offsets.len() * group * vectors.lanes];
        let tile_width = width.min(TILE_WIDTH);
        for top in rows.clone().step_by(TILE / tile_width) {
            for left in (0..width).step_by(tile_width) {
                let vector = (halo + top) * vectors.row_length()
                    + first * vectors.block_length()
                    + (halo + left) * vectors.lanes;
                let scalar = (halo + top - size / 2) * scalars.row_length()
                    + self.block * scalars.block_length()
                    + (halo + left - size / 2) * scalars.lanes;
                let task = OuterProducts {
                    vectors: &vectors.image(image)[vector..],
                    vector_block: vectors.block_length(),
                    vector_row: vectors.row_length(),
                    group,
                    scalars: &scalars.image(image)[scalar..],
                    scalar_pixel: scalars.lanes,
                    scalar_row: scalars.row_length(),
                    offsets: &offsets,
                    rows: (TILE / tile_width).min(rows.end - top),
                    width: tile_width.min(width - left),
                    sums: &mut sums,
                };
                self.isa.run(vectors.lanes, task);
            }
        }
        sums
    }

    /// Offsets of the scalars of the weights from that of the first tap.
    fn offsets(&self) -> Vec<usize> {
        let Self { scalars, size, .. } = *self;
        let channels = scalars.lanes.min(scalars.shape.channels - self.block * scalars.lanes);
        let tap = |k: usize| if self.exchanged { size - 1 - k } else { k };
        let taps = (0..size).flat_map(|ky| (0..size).map(move |kx| (ky, kx)));
        let offsets = taps.flat_map(|(ky, kx)| {
            let start = tap(ky) * scalars.row_length() + tap(kx) * scalars.lanes;
            start..start + channels
        });
        offsets.collect()
    }
}
