//! Which tiles the memory allows.

use crate::{error::EngineError, frame::Frame, memory::mebibytes, runner::Runner, tiles::Tiling};

/// Chooses the tiles of slices of one size, and smaller ones when the device's memory turned out to be full.
#[derive(Clone, Debug)]
pub struct TileChoice {
    frame: Frame,
    multiple: usize,
    halo: usize,
    /// Pixels that a tile may have.
    most: usize,
    /// Pixels of the tiles that were chosen last; none before the first.
    chosen: usize,
}

impl TileChoice {
    /// `multiple` and `halo` are the network's.
    pub fn new(frame: Frame, multiple: usize, halo: usize) -> Self {
        Self { frame, multiple, halo, most: usize::MAX, chosen: 0 }
    }

    /// The least work that the memory allows: half of what is free, so that nobody else runs out of it, or all of it
    /// where the smallest tiles need that. What is not known sets no limit.
    ///
    /// # Errors
    /// [`EngineError::Memory`] when the smallest tiles need more than is free.
    pub fn choose(&mut self, runner: &dyn Runner, free: Option<u64>) -> Result<Tiling, EngineError> {
        let fitting = |share: u64| {
            Tiling::fitting(self.frame, self.multiple, self.halo, |width, height| {
                let fits = |bytes: u64| free.is_none_or(|free| bytes <= free / share);
                width * height <= self.most && runner.footprint(height, width).is_none_or(fits)
            })
        };
        let tiling = fitting(2).or_else(|| fitting(1)).ok_or_else(|| self.refusal(runner, free))?;
        self.chosen = tiling.width() * tiling.height();
        Ok(tiling)
    }

    /// Allows tiles of half the size of the last from now on; whether there are any.
    pub fn halve(&mut self) -> bool {
        let (width, height) = self.least();
        let smaller = self.chosen > width * height;
        if smaller {
            self.most = (self.chosen / 2).max(width * height);
            self.chosen = 0;
        }
        smaller
    }

    /// Width and height of the smallest tiles.
    pub fn least(&self) -> (usize, usize) {
        Tiling::least(self.frame, self.multiple, self.halo)
    }

    /// Why slices are cut, for the log; nothing where they stay whole.
    pub fn reason(&self, tiling: &Tiling, runner: &dyn Runner, free: Option<u64>) -> Option<String> {
        let whole = || mebibytes(runner.footprint(self.frame.padded_height, self.frame.padded_width));
        (tiling.count() > 1).then(|| {
            format!(
                "each slice is restored in {} tiles of {}×{} pixels: as a whole it takes {} of memory, and {} are free",
                tiling.count(),
                tiling.width(),
                tiling.height(),
                whole(),
                mebibytes(free),
            )
        })
    }

    fn refusal(&self, runner: &dyn Runner, free: Option<u64>) -> EngineError {
        let (width, height) = self.least();
        let (least, free) = (mebibytes(runner.footprint(height, width)), mebibytes(free));
        EngineError::Memory {
            reason: format!(
                "the smallest tiles of this network, {width}×{height} pixels, take {least}, and {free} are free: close \
                 other programs, or take a model with fewer layers or channels"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cpu,
        network::{Activation, Architecture, Spec, Weights},
    };

    #[test]
    fn tiles_of_a_large_slice_take_half_of_the_free_memory_and_most_of_that() {
        let (network, activation) = (Architecture::RedNet, Activation::Prelu);
        let spec = Spec { network, layers: 6, activation, channels: 64, residual: true };
        let plan = spec.plan().unwrap();
        let runner = cpu::runner(&plan, &Weights::initial(&spec, &plan, 1)).unwrap();
        let whole = runner.footprint(7008, 9024).unwrap();
        let choice = TileChoice::new(Frame::new(9000, 7000, plan.multiple), plan.multiple, plan.halo());
        let tiling = |free: u64| choice.clone().choose(&runner, Some(free));
        let bytes = |tiling: &Tiling| runner.footprint(tiling.height(), tiling.width()).unwrap();
        let uncut = tiling(2 * whole).unwrap();
        assert_eq!((uncut.count(), choice.reason(&uncut, &runner, None)), (1, None));
        for free in [2 * whole - 2, whole, 4 << 30, 1 << 30] {
            let tiling = tiling(free).unwrap();
            assert!(tiling.count() > 1 && bytes(&tiling) <= free / 2, "{free} bytes free: {tiling:?}");
            // Another row or column of tiles would have done with a good deal less.
            assert!(bytes(&tiling) > free / 8, "{free} bytes free: {tiling:?}");
            let reason = choice.reason(&tiling, &runner, Some(free)).unwrap();
            assert!(reason.contains(&format!("{} MB are free", free >> 20)), "{reason}");
        }
        assert!(matches!(tiling(1 << 20), Err(EngineError::Memory { .. })));
    }
}
