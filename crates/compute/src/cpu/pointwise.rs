//! Pointwise operations: activations and additions.

use rayon::prelude::*;

use super::layout::Image;
use crate::simd::{Isa, Simd, Task, read, write};

/// Rows per task, whose sums are added together, independently of the number of threads.
const ROWS: usize = 8;

/// Multiplies values below zero by `slope`, one per channel, in blocks.
pub(super) fn activate(isa: Isa, slope: &[f32], from: &Image, to: &mut Image) {
    let lanes = from.lanes;
    let block = from.block_length();
    to.bands(ROWS).into_par_iter().for_each(|band| {
        let from = rows_beside(from, band.image, band.y, band.data.len());
        isa.run(lanes, Activate { slope, block, from, to: band.data });
    });
}

/// The sum of two images.
pub(super) fn add(isa: Isa, one: &Image, other: &Image, to: &mut Image) {
    copy(one, to);
    add_to(isa, other, to);
}

/// Adds an image to another.
pub(super) fn add_to(isa: Isa, from: &Image, to: &mut Image) {
    let lanes = from.lanes;
    to.bands(ROWS).into_par_iter().for_each(|band| {
        let from = rows_beside(from, band.image, band.y, band.data.len());
        isa.run(lanes, Add { from, to: band.data });
    });
}

/// Overwrites an image with another.
pub(super) fn copy(from: &Image, to: &mut Image) {
    to.bands(ROWS).into_par_iter().for_each(|band| {
        band.data.copy_from_slice(rows_beside(from, band.image, band.y, band.data.len()));
    });
}

/// Overwrites an image with zeros.
pub(super) fn clear(image: &mut Image) {
    image.bands(ROWS).into_par_iter().for_each(|band| band.data.fill(0.0));
}

/// Sums over all pixels, one per channel, in blocks.
pub(super) struct Sums {
    /// Of the gradient before the activation: the bias's gradient.
    pub bias: Vec<f64>,
    /// Of the gradient after the activation times the values below zero.
    pub below: Vec<f64>,
}

/// Turns the gradient after an activation into that before it, in place. `values` are those before or after the
/// activation: only their sign matters here, and `Sums::below` uses them unchanged.
pub(super) fn activation_gradient(isa: Isa, slope: Option<&[f32]>, values: &Image, gradient: &mut Image) -> Sums {
    let (lanes, block, channels) = (values.lanes, values.block_length(), values.blocks() * values.lanes);
    let identity;
    let slope = match slope {
        Some(slope) => slope,
        None => {
            identity = vec![1.0; channels];
            &identity
        }
    };
    let bands: Vec<Vec<f32>> = gradient
        .bands(ROWS)
        .into_par_iter()
        .map(|band| {
            let values = rows_beside(values, band.image, band.y, band.data.len());
            let mut sums = vec![0.0; 2 * channels];
            isa.run(lanes, ActivationGradient { slope, block, values, gradient: band.data, sums: &mut sums });
            sums
        })
        .collect();
    // Added in the order of the rows, independently of the threads.
    let mut total = vec![0.0; 2 * channels];
    for band in bands {
        total.iter_mut().zip(band).for_each(|(total, sum)| *total += f64::from(sum));
    }
    let below = total.split_off(channels);
    Sums { bias: total, below }
}

fn rows_beside(image: &Image, index: usize, y: usize, length: usize) -> &[f32] {
    image.rows(index, y, length / image.row_length())
}

struct Activate<'a> {
    slope: &'a [f32],
    block: usize,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Task for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let blocks = self.slope.len() / S::LANES;
        let zero = S::splat(0.0);
        let from = self.from.chunks_exact(self.block).enumerate();
        for ((at, from), to) in from.zip(self.to.chunks_exact_mut(self.block)) {
            let slope = read::<S>(&self.slope[at % blocks * S::LANES..]);
            for (from, to) in from.chunks_exact(S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
                let value = read::<S>(from);
                write::<S>(to, S::fma(slope, S::min(zero, value), S::max(zero, value)));
            }
        }
    }
}

struct Add<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Task for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (from, to) in self.from.chunks_exact(S::LANES).zip(self.to.chunks_exact_mut(S::LANES)) {
            write::<S>(to, S::add(read::<S>(to), read::<S>(from)));
        }
    }
}

struct ActivationGradient<'a> {
    slope: &'a [f32],
    block: usize,
    values: &'a [f32],
    gradient: &'a mut [f32],
    /// Of the gradient, and behind it of the gradient times the values below zero.
    sums: &'a mut [f32],
}

impl Task for ActivationGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let blocks = self.slope.len() / S::LANES;
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        let (bias, below) = self.sums.split_at_mut(self.slope.len());
        let values = self.values.chunks_exact(self.block).enumerate();
        for ((at, values), gradient) in values.zip(self.gradient.chunks_exact_mut(self.block)) {
            let channel = at % blocks * S::LANES;
            let slope = read::<S>(&self.slope[channel..]);
            let (mut before, mut times) = (zero, zero);
            for (value, gradient) in values.chunks_exact(S::LANES).zip(gradient.chunks_exact_mut(S::LANES)) {
                let (value, after) = (read::<S>(value), read::<S>(gradient));
                let inner = S::mul(after, S::greater(value, zero, one, slope));
                before = S::add(before, inner);
                times = S::fma(after, S::min(zero, value), times);
                write::<S>(gradient, inner);
            }
            let (bias, below) = (&mut bias[channel..], &mut below[channel..]);
            write::<S>(bias, S::add(read::<S>(bias), before));
            write::<S>(below, S::add(read::<S>(below), times));
        }
    }
}
