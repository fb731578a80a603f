//! Random features in unbounded space: every cell of a cubic lattice holds one, which depends on the seed and the cell only.
//!
//! So a sample is the same on every grid, and only the cells around a slice are held in memory.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::point::Point;
use crate::memory::{OutOfMemory, with_capacity};

/// One kind of feature. `make` is called with the centre, somewhere in the feature's cell, and random numbers.
pub(super) struct Kind<T> {
    /// Edge of a cell in µm; no feature may reach further than this from its centre.
    pub edge: f64,
    /// Distinguishes the kinds of one sample.
    pub tag: u64,
    /// Makes the feature of a cell, or leaves the cell empty.
    pub make: fn(Point, &mut ChaCha8Rng) -> Option<T>,
}

/// The features in and around a box.
pub(super) struct Cells<T> {
    edge: f64,
    first: [i64; 3],
    counts: [usize; 3],
    features: Vec<Option<T>>,
}

impl<T> Kind<T> {
    /// All features that reach into the box from `low` to `high` (z, y, x).
    ///
    /// # Errors
    /// When the memory does not hold them.
    pub(super) fn around(&self, seed: u64, low: Point, high: Point) -> Result<Cells<T>, OutOfMemory> {
        let index = |at: f64| (at / self.edge).floor() as i64;
        let first = low.map(|at| index(at) - 1);
        let counts: [usize; 3] = std::array::from_fn(|axis| (index(high[axis]) + 2 - first[axis]) as usize);
        let [layers, rows, columns] = counts;
        let cells = (0..layers).flat_map(|k| (0..rows).flat_map(move |j| (0..columns).map(move |i| [k, j, i])));
        let mut features = with_capacity(counts.iter().product())?;
        features.extend(cells.map(|at| self.feature(seed, std::array::from_fn(|axis| first[axis] + at[axis] as i64))));
        Ok(Cells { edge: self.edge, first, counts, features })
    }

    /// About the bytes of all features that reach into a square box of that half-width and height, in µm.
    pub(super) fn bytes(&self, half_width: f64, height: f64) -> f64 {
        let (across, up) = (2.0 * half_width / self.edge + 4.0, height / self.edge + 4.0);
        across * across * up * size_of::<Option<T>>() as f64
    }

    fn feature(&self, seed: u64, cell: [i64; 3]) -> Option<T> {
        let mut key = [0; 32];
        for (bytes, part) in key.chunks_exact_mut(8).zip([seed, cell[0] as u64, cell[1] as u64, cell[2] as u64]) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(self.tag);
        let centre = cell.map(|index| (index as f64 + uniform(&mut random, 0.0, 1.0)) * self.edge);
        (self.make)(centre, &mut random)
    }
}

impl<T> Cells<T> {
    /// Calls `visit` with every feature that may reach `p`, in an order that does not depend on the box.
    pub(super) fn visit<'a>(&'a self, p: Point, mut visit: impl FnMut(&'a T)) {
        let [layers, rows, columns] = self.counts;
        let cell: [i64; 3] = std::array::from_fn(|axis| (p[axis] / self.edge).floor() as i64 - self.first[axis]);
        let range = |axis: usize, count: usize| {
            let [from, to] = [cell[axis] - 1, cell[axis] + 2].map(|at| at.clamp(0, count as i64) as usize);
            from..to
        };
        for k in range(0, layers) {
            for j in range(1, rows) {
                for i in range(2, columns) {
                    let at = (k * rows + j) * columns + i;
                    if let Some(feature) = &self.features[at] {
                        visit(feature);
                    }
                }
            }
        }
    }
}

/// A random number between `low` and `high`.
pub(super) fn uniform(random: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    rand::Rng::random_range(random, low..high)
}
