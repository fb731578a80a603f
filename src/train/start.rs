//! Before the first step: a batch and patch size that fit the memory, and compiled kernels.

use undulator_compute::{TileChoice, Trainer};

use super::{
    TrainError,
    batches::Slices,
    checkpoint::Checkpoint,
    session::{Outcome, Session, SessionState},
    step_size::{MemoryLimit, PatchRules, StepSize},
};
use crate::dataset::Cutter;

impl Session<'_> {
    /// Reduces the batch, then the patches, until a step fits in the free memory. Does nothing where a step needs no more
    /// than at the last check: a network may need more as it is trained.
    pub(super) fn fit_to_memory(&self, trainer: &dyn Trainer, state: &mut SessionState) -> Result<(), TrainError> {
        let first = state.step_size;
        let needs = |step_size| self.step_footprint(trainer, step_size, self.batch_sizes(step_size).0);
        let needed = needs(first);
        if state.needed.is_some_and(|before| needed.unwrap_or(0) <= before) {
            return Ok(());
        }
        // Steps come first: what is kept only to be faster is read again.
        state.slices = Slices::default();
        // A trainer keeps what the last step of an epoch took, and takes it again.
        let held =
            state.needed.and_then(|_| self.step_footprint(trainer, first, self.batch_sizes(first).1)).unwrap_or(0);
        let Some(free) = (self.free)() else { return Ok(()) };
        let (width, height) = self.tiles().least();
        let limit = MemoryLimit { free: free + held, tile: trainer.footprint(height, width).unwrap_or(0) };
        state.step_size = first.fitting(limit, self.patch_rules(), needs)?;
        if state.step_size != first {
            self.progress.message(&first.describe_reduction(state.step_size, needed, limit, self.frame));
        }
        let needed = needs(state.step_size).unwrap_or(0);
        (state.needed, state.left) = (Some(needed), Some(limit.free - needed));
        Ok(())
    }

    /// Compiles and tunes kernels for the steps of an epoch; `Some` if the user stopped it.
    pub(super) fn prepare(
        &self,
        trainer: &mut dyn Trainer,
        checkpoint: &Checkpoint,
        state: &mut SessionState,
    ) -> Result<Option<Outcome>, TrainError> {
        let compiling = match checkpoint.history.is_empty() {
            true => self.compiling,
            false => self.next_epoch(checkpoint).share(0.0..0.0),
        };
        let (width, height) = self.cutter(state.step_size).image_size();
        let (most, last) = self.batch_sizes(state.step_size);
        let counts = if last < most { vec![most, last] } else { vec![most] };
        let (mut outcome, mut announced) = (None, false);
        for (at, &count) in counts.iter().enumerate() {
            let mut go_on = |share: f64| {
                if !std::mem::replace(&mut announced, true) {
                    compiling.phase("Compiling kernels for the GPU (once)");
                }
                let step = compiling.at((at as f64 + share) / counts.len() as f64);
                outcome = outcome.or_else(|| self.handle_request(step, checkpoint, state));
                outcome.is_none()
            };
            trainer.prepare(count, height, width, &mut go_on)?;
            if outcome.is_some() {
                break;
            }
        }
        Ok(outcome)
    }

    /// The tilings of slices that do not fit in the memory as a whole.
    pub fn tiles(&self) -> TileChoice {
        TileChoice::new(self.frame, self.plan.multiple, self.plan.halo())
    }

    pub(super) fn cutter(&self, step_size: StepSize) -> Cutter {
        Cutter { frame: self.frame, patch: step_size.patch }
    }

    pub(super) fn patch_rules(&self) -> PatchRules {
        PatchRules { frame: self.frame, multiple: self.plan.multiple, least: self.options.loss.least_length() }
    }

    /// Images of the first step of an epoch and of the last, which may be fewer.
    fn batch_sizes(&self, step_size: StepSize) -> (usize, usize) {
        let cutter = self.cutter(step_size);
        let images = cutter.images(cutter.shown(&self.pair, self.split.training.clone()).count());
        (step_size.batch.min(images), (images - 1) % step_size.batch + 1)
    }

    fn step_footprint(&self, trainer: &dyn Trainer, step_size: StepSize, count: usize) -> Option<u64> {
        let (width, height) = self.cutter(step_size).image_size();
        trainer.training_footprint(count, height, width)
    }
}
