//! Sums of products over pixels: the gradient of a convolution's weights.

use super::convolve::GROUP;
use crate::simd::{Simd, Task};

/// Adds, for each of some offsets, the sum over a tile of pixels of `vectors × scalar at the offset`.
pub(in crate::cpu) struct OuterProducts<'a> {
    /// From the first pixel's vector on: a vector a pixel, pixels one after the other.
    pub vectors: &'a [f32],
    /// From a block of the vectors to the next, and from a row to the next, in floats.
    pub vector_block: usize,
    pub vector_row: usize,
    /// Blocks of vectors taken together, at most `GROUP`.
    pub group: usize,
    /// From the first pixel's smallest offset on.
    pub scalars: &'a [f32],
    /// From a pixel to the next, and from a row to the next, in floats.
    pub scalar_pixel: usize,
    pub scalar_row: usize,
    /// Of each product's scalar, in floats.
    pub offsets: &'a [usize],
    pub rows: usize,
    pub width: usize,
    /// (offset, block of the group, lane): what the sums are added to.
    pub sums: &'a mut [f32],
}

/// Offsets whose sums are held together: with two blocks these are 12 sums, as in a convolution's tile.
const HELD: usize = 6;

impl Task for OuterProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        assert!(self.rows > 0 && self.width > 0 && (1..=GROUP).contains(&self.group));
        let group = self.group * S::LANES;
        let end = (self.rows - 1) * self.vector_row + (self.group - 1) * self.vector_block + self.width * S::LANES;
        assert!(end <= self.vectors.len(), "{} floats of vectors, not {end}", self.vectors.len());
        let furthest = self.offsets.iter().max().map_or(0, |&offset| offset);
        let end = (self.rows - 1) * self.scalar_row + (self.width - 1) * self.scalar_pixel + furthest + 1;
        assert!(end <= self.scalars.len(), "{} scalars, not {end}", self.scalars.len());
        assert_eq!(self.sums.len(), self.offsets.len() * group);

        let tile = Tile {
            vectors: self.vectors.as_ptr(),
            vector_block: self.vector_block,
            vector_row: self.vector_row,
            scalars: self.scalars.as_ptr(),
            scalar_row: self.scalar_row,
            rows: self.rows,
            width: self.width,
        };
        for (offsets, sums) in self.offsets.chunks(HELD).zip(self.sums.chunks_mut(HELD * group)) {
            // A last chunk that is not full computes its first offset again and drops the result.
            let held = std::array::from_fn(|at| offsets.get(at).copied().unwrap_or(offsets[0]));
            // SAFETY: the furthest vector and scalar lie in their slices, as asserted above.
            unsafe {
                match (self.group, self.scalar_pixel == S::LANES) {
                    (1, true) => tile.add::<S, 1>(&held, S::LANES, sums),
                    (1, false) => tile.add::<S, 1>(&held, self.scalar_pixel, sums),
                    (_, true) => tile.add::<S, GROUP>(&held, S::LANES, sums),
                    (_, false) => tile.add::<S, GROUP>(&held, self.scalar_pixel, sums),
                }
            }
        }
    }
}

struct Tile {
    vectors: *const f32,
    vector_block: usize,
    vector_row: usize,
    scalars: *const f32,
    scalar_row: usize,
    rows: usize,
    width: usize,
}

impl Tile {
    /// Adds to as many `sums` as there are.
    ///
    /// # Safety
    /// All vectors and scalars of the tile are valid.
    #[inline(always)]
    unsafe fn add<S: Simd, const N: usize>(&self, offsets: &[usize; HELD], pixel: usize, sums: &mut [f32]) {
        let mut held = [[S::splat(0.0); N]; HELD];
        // SAFETY: the caller's promise.
        unsafe {
            for y in 0..self.rows {
                let vectors = self.vectors.add(y * self.vector_row);
                let scalars: [*const f32; HELD] = offsets.map(|offset| self.scalars.add(y * self.scalar_row + offset));
                for x in 0..self.width {
                    let vectors: [S::V; N] =
                        std::array::from_fn(|n| S::load(vectors.add(n * self.vector_block + x * S::LANES)));
                    for (held, scalar) in held.iter_mut().zip(&scalars) {
                        let scalar = S::splat(*scalar.add(x * pixel));
                        for (held, &vector) in held.iter_mut().zip(&vectors) {
                            *held = S::fma(scalar, vector, *held);
                        }
                    }
                }
            }
        }
        for (held, sums) in held.iter().zip(sums.chunks_exact_mut(N * S::LANES)) {
            for (&held, sum) in held.iter().zip(sums.chunks_exact_mut(S::LANES)) {
                // SAFETY: each chunk is as long as a vector.
                unsafe { S::store(sum.as_mut_ptr(), S::add(S::load(sum.as_ptr()), held)) }
            }
        }
    }
}
