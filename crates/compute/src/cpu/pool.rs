//! Pooling, un-pooling, and their gradients, on rows of blocks.

use super::layout::Image;
use crate::simd::{Isa, Simd, Task, read, write};

/// Layout of the rows of the smaller image; those of the larger one have the same blocks, twice as wide.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    lanes: usize,
    blocks: usize,
    halo: usize,
    width: usize,
}

impl Layout {
    /// Of the smaller image.
    pub fn of(small: &Image) -> Self {
        Self { lanes: small.lanes, blocks: small.blocks(), halo: small.halo, width: small.shape.width }
    }

    /// Maximum of each 2×2 block. Takes twice as many rows of the larger image as of the smaller.
    pub fn pool(self, isa: Isa, large: &[f32], small: &mut [f32]) {
        isa.run(self.lanes, Pool { layout: self, large, small });
    }

    /// Adds each value to 2×2 values.
    pub fn unpool_add(self, isa: Isa, small: &[f32], large: &mut [f32]) {
        isa.run(self.lanes, UnpoolAdd { layout: self, small, large });
    }

    /// Adds the gradient of the pooled image to that of the larger image's first largest value in each 2×2 block, in
    /// the order of the rows.
    pub fn pool_gradient(self, isa: Isa, large: &[f32], small: &[f32], from: &[f32], to: &mut [f32]) {
        isa.run(self.lanes, PoolGradient { layout: self, large, small, from, to });
    }

    /// Sums of 2×2: the gradient of the image before un-pooling.
    pub fn unpool_gradient(self, isa: Isa, from: &[f32], to: &mut [f32]) {
        isa.run(self.lanes, UnpoolGradient { layout: self, from, to });
    }

    /// Floats of a row of the smaller image.
    pub fn small_row(self) -> usize {
        self.blocks * (self.width + 2 * self.halo) * self.lanes
    }

    /// Floats of a row of the larger image.
    pub fn large_row(self) -> usize {
        self.blocks * (2 * self.width + 2 * self.halo) * self.lanes
    }

    /// Range of the pixels of a block in a row of the smaller image.
    fn small(self, block: usize) -> std::ops::Range<usize> {
        let start = (block * (self.width + 2 * self.halo) + self.halo) * self.lanes;
        start..start + self.width * self.lanes
    }

    /// Range of the pixels of a block in a row of the larger image.
    fn large(self, block: usize) -> std::ops::Range<usize> {
        let start = (block * (2 * self.width + 2 * self.halo) + self.halo) * self.lanes;
        start..start + 2 * self.width * self.lanes
    }
}

struct Pool<'a> {
    layout: Layout,
    large: &'a [f32],
    small: &'a mut [f32],
}

impl Task for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let layout = self.layout;
        let rows = self.large.chunks_exact(2 * layout.large_row()).zip(self.small.chunks_exact_mut(layout.small_row()));
        for (large, small) in rows {
            let (upper, lower) = large.split_at(layout.large_row());
            for block in 0..layout.blocks {
                let small = small[layout.small(block)].chunks_exact_mut(S::LANES);
                let upper = upper[layout.large(block)].chunks_exact(2 * S::LANES);
                let lower = lower[layout.large(block)].chunks_exact(2 * S::LANES);
                for ((small, upper), lower) in small.zip(upper).zip(lower) {
                    let above = S::max(read::<S>(upper), read::<S>(&upper[S::LANES..]));
                    let below = S::max(read::<S>(lower), read::<S>(&lower[S::LANES..]));
                    write::<S>(small, S::max(above, below));
                }
            }
        }
    }
}

struct UnpoolAdd<'a> {
    layout: Layout,
    small: &'a [f32],
    large: &'a mut [f32],
}

impl Task for UnpoolAdd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let layout = self.layout;
        let rows = self.small.chunks_exact(layout.small_row()).zip(self.large.chunks_exact_mut(2 * layout.large_row()));
        for (small, large) in rows {
            for large in large.chunks_exact_mut(layout.large_row()) {
                for block in 0..layout.blocks {
                    let small = small[layout.small(block)].chunks_exact(S::LANES);
                    let large = large[layout.large(block)].chunks_exact_mut(2 * S::LANES);
                    for (small, large) in small.zip(large) {
                        let value = read::<S>(small);
                        for large in large.chunks_exact_mut(S::LANES) {
                            write::<S>(large, S::add(read::<S>(large), value));
                        }
                    }
                }
            }
        }
    }
}

struct PoolGradient<'a> {
    layout: Layout,
    large: &'a [f32],
    small: &'a [f32],
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Task for PoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let layout = self.layout;
        let small = self.small.chunks_exact(layout.small_row()).zip(self.from.chunks_exact(layout.small_row()));
        let large = self.large.chunks_exact(2 * layout.large_row());
        let large = large.zip(self.to.chunks_exact_mut(2 * layout.large_row()));
        for ((small, from), (large, to)) in small.zip(large) {
            let (upper, lower) = large.split_at(layout.large_row());
            let (to_upper, to_lower) = to.split_at_mut(layout.large_row());
            for block in 0..layout.blocks {
                let small = small[layout.small(block)].chunks_exact(S::LANES);
                let from = from[layout.small(block)].chunks_exact(S::LANES);
                let upper = upper[layout.large(block)].chunks_exact(2 * S::LANES);
                let lower = lower[layout.large(block)].chunks_exact(2 * S::LANES);
                let to_upper = to_upper[layout.large(block)].chunks_exact_mut(2 * S::LANES);
                let to_lower = to_lower[layout.large(block)].chunks_exact_mut(2 * S::LANES);
                let values = small.zip(from).zip(upper).zip(lower);
                for ((((small, from), upper), lower), (to_upper, to_lower)) in values.zip(to_upper.zip(to_lower)) {
                    let (zero, largest) = (S::splat(0.0), read::<S>(small));
                    // The remaining gradient: zero once a value equalled the maximum.
                    let mut left = read::<S>(from);
                    for (values, to) in [(upper, to_upper), (lower, to_lower)] {
                        for (value, to) in values.chunks_exact(S::LANES).zip(to.chunks_exact_mut(S::LANES)) {
                            let value = read::<S>(value);
                            let given = S::greater(largest, value, zero, left);
                            left = S::greater(largest, value, left, zero);
                            write::<S>(to, S::add(read::<S>(to), given));
                        }
                    }
                }
            }
        }
    }
}

struct UnpoolGradient<'a> {
    layout: Layout,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Task for UnpoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let layout = self.layout;
        let rows = self.from.chunks_exact(2 * layout.large_row()).zip(self.to.chunks_exact_mut(layout.small_row()));
        for (from, to) in rows {
            let (upper, lower) = from.split_at(layout.large_row());
            for block in 0..layout.blocks {
                let to = to[layout.small(block)].chunks_exact_mut(S::LANES);
                let upper = upper[layout.large(block)].chunks_exact(2 * S::LANES);
                let lower = lower[layout.large(block)].chunks_exact(2 * S::LANES);
                for ((to, upper), lower) in to.zip(upper).zip(lower) {
                    let above = S::add(read::<S>(upper), read::<S>(&upper[S::LANES..]));
                    let below = S::add(read::<S>(lower), read::<S>(&lower[S::LANES..]));
                    write::<S>(to, S::add(above, below));
                }
            }
        }
    }
}
