//! How the work is done, by the memory that it takes.

use super::axis::most_taps;
use super::{Interpolation, ResampleError};
use crate::memory;
use crate::stack::{GreyType, Shape, Size, SliceSource, StackError};

/// New rows that a thread makes at once.
const ROWS: usize = 8;

/// Slices that are made at the same time: threads share their rows, and wait for each other once for all.
const SLICES_AT_ONCE: usize = 4;

/// Memory for them.
const MOST_BYTES_AT_ONCE: f64 = (256u64 << 20) as f64;

/// Memory of a thread for old rows, beyond which a whole slice is blended first.
const MOST_STRIP_BYTES: f64 = (4u64 << 20) as f64;

/// From so many old slices a new one on, sums may take less memory than the slices.
const MANY: f64 = 4.0;

/// How new slices are made of old ones. The result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Some new slices at once, strips of rows straight from the old slices.
    Strips { at_once: usize, rows: usize },
    /// One new slice at a time, blended along z as a whole: from old slices that are held, or `summed` up as they come.
    Planes { summed: bool },
}

/// Sizes, and what one new voxel is made of.
struct Sizes {
    old: Size,
    new: Size,
    /// Bytes of an old grey value.
    grey: f64,
    /// Whether something may not have been measured.
    holes: bool,
    /// New edges in old ones, along x, y and z.
    ratio: [f64; 3],
    /// Old voxels that are blended to one new, along x, y and z.
    taps: [f64; 3],
}

impl Way {
    /// The usual one, unless another takes less memory and the usual one much.
    ///
    /// # Errors
    /// When the memory that is free holds none.
    pub(super) fn choose(
        source: &dyn SliceSource,
        new: Size,
        voxel: f64,
        interpolation: Interpolation,
    ) -> Result<Self, ResampleError> {
        let Shape { size: old, voxel: edges, grey, .. } = source.shape();
        let ratio = [edges.x, edges.y, edges.z].map(|edge| voxel / edge);
        let lengths = [old.width, old.height, old.slices];
        let taps = std::array::from_fn(|a| most_taps(lengths[a], ratio[a], interpolation));
        // What a mark removes is read as NaN.
        let holes = source.has_filler() || grey == GreyType::F32;
        let bytes = if holes { 4.0 } else { f64::from(grey.bits() / 8) };
        let sizes = Sizes { old, new, grey: bytes, holes, ratio, taps };
        let (way, bytes) = sizes.choose(memory::usable(memory::free()), rayon::current_num_threads());
        let what = || format!("resampling {} ({old} voxels) to {new} voxels with edges of {voxel}", source.name());
        let advice = || match interpolation {
            Interpolation::Linear => "close other programs, or crop the stack".to_owned(),
            Interpolation::AntiAliased => {
                "close other programs, crop the stack, or take Linear interpolation, which needs fewer slices at once"
                    .to_owned()
            }
        };
        memory::require(memory::bytes(bytes), what, advice).map_err(StackError::from)?;
        Ok(way)
    }
}

impl Sizes {
    /// The way for that much memory, and its bytes.
    fn choose(&self, free: u64, threads: usize) -> (Way, f64) {
        let usual = self.strips(threads);
        if usual.1 <= (2.0 * MOST_BYTES_AT_ONCE).min(free as f64 / 2.0) {
            return usual;
        }
        let held = (Way::Planes { summed: false }, self.planes(self.taps[2] + 1.0, 1.0));
        // A new slice overlaps with its neighbours; one more begins before the first is complete.
        let open = (self.taps[2] / self.ratio[2]).ceil() + 1.0;
        let summed = (Way::Planes { summed: true }, self.planes(2.0, open));
        let others = [held, summed].into_iter().filter(|(way, _)| *way == held.0 || self.taps[2] > MANY);
        others.fold(usual, |best, other| if other.1 < best.1 { other } else { best })
    }

    fn old_slice(&self) -> f64 {
        self.old.plane() as f64 * self.grey
    }

    fn new_slice(&self) -> f64 {
        4.0 * self.new.plane() as f64
    }

    /// Positions and weights along the three axes.
    fn axes(&self) -> f64 {
        let new = [self.new.width, self.new.height, self.new.slices];
        (0..3).map(|a| 4.0 * new[a] as f64 * (self.taps[a] + 1.0)).sum()
    }

    fn strips(&self, threads: usize) -> (Way, f64) {
        let read = self.old.slices.div_ceil(self.new.slices) as f64;
        let fitting = MOST_BYTES_AT_ONCE / 2.0 / (read * self.old_slice() + self.new_slice());
        let at_once = (fitting as usize).clamp(1, SLICES_AT_ONCE).min(self.new.slices);
        let row = 4.0 * self.old.width.max(self.new.width) as f64;
        let strip = |rows: usize| (rows as f64 * self.ratio[1] + self.taps[1] + 1.0).min(self.old.height as f64) * row;
        let rows = (1..=ROWS).rev().find(|rows| strip(*rows) <= MOST_STRIP_BYTES).unwrap_or(1);
        // What the slices are made of, and what is read for the next.
        let held = (self.taps[2] + 2.0 * (at_once as f64 * self.ratio[2].max(1.0)).ceil()).min(self.old.slices as f64);
        let made = 2.0 * at_once as f64 * self.new_slice();
        let bytes = held * self.old_slice() + made + 2.0 * threads as f64 * strip(rows) + self.axes();
        (Way::Strips { at_once, rows }, bytes)
    }

    /// With so many old slices, and old slices of 32-bit sums: of three layers where something was not measured.
    fn planes(&self, slices: f64, sums: f64) -> f64 {
        let sums = if self.holes { 3.0 * sums } else { sums };
        slices * self.old_slice() + sums * 4.0 * self.old.plane() as f64 + self.new_slice() + self.axes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(old: Size, ratio: f64, interpolation: Interpolation) -> Sizes {
        let along = |n: usize| ((n as f64 / ratio) as usize).max(1);
        let new = Size::new(along(old.width), along(old.height), along(old.slices));
        let lengths = [old.width, old.height, old.slices];
        let taps = lengths.map(|n| most_taps(n, ratio, interpolation));
        Sizes { old, new, grey: 2.0, holes: false, ratio: [ratio; 3], taps }
    }

    #[test]
    fn usual_stacks_go_the_usual_way() {
        for ratio in [0.5, 1.2, 2.0] {
            let (way, _) = sizes(Size::new(512, 512, 200), ratio, Interpolation::Linear).choose(8 << 30, 16);
            assert_eq!(way, Way::Strips { at_once: 4, rows: 8 }, "{ratio}");
        }
    }

    #[test]
    fn kernels_over_thousands_of_slices_take_no_more_than_a_few() {
        let old = Size::new(4096, 4096, 4096);
        for (ratio, threads) in [(64.0, 2), (1000.0, 64), (1e9, 64)] {
            let (way, bytes) = sizes(old, ratio, Interpolation::AntiAliased).choose(u64::MAX, threads);
            assert_eq!(way, Way::Planes { summed: true });
            assert!(bytes < 8.0 * 4.0 * 4096.0 * 4096.0, "{ratio}: {bytes}");
            // Linear interpolation skips the others.
            let (_, bytes) = sizes(old, ratio, Interpolation::Linear).choose(u64::MAX, threads);
            assert!(bytes < 8.0 * 4.0 * 4096.0 * 4096.0, "{ratio}: {bytes}");
        }
    }
}
