//! What comes before the steps: a portion that fits the memory, and a device that is ready for it.

use super::{
    TrainError,
    checkpoint::Journey,
    portion::{Grain, Portion, Room},
    session::{Course, Ending, Session},
};
use crate::{
    dataset::Cutter,
    engine::{TileChoice, Trainer},
};

impl Session<'_> {
    /// Makes the portion smaller until a step with it fits the memory that is free. Nothing is done where a step takes no
    /// more than when this was last looked at: a network may take more as it is trained.
    pub(super) fn fit(&self, trainer: &dyn Trainer, course: &mut Course) -> Result<(), TrainError> {
        let first = course.portion;
        let needs = |portion| self.needs(trainer, portion, self.counts(portion).0);
        let needed = needs(first);
        if course.needed.is_some_and(|before| needed.unwrap_or(0) <= before) {
            return Ok(());
        }
        // A trainer keeps what the last step of an epoch took, and takes it again.
        let held = course.needed.and_then(|_| self.needs(trainer, first, self.counts(first).1)).unwrap_or(0);
        let Some(free) = (self.free)() else { return Ok(()) };
        let (width, height) = self.tiles().least();
        let room = Room { free: free + held, tile: trainer.footprint(height, width).unwrap_or(0) };
        course.portion = first.fitting(room, self.grain(), needs)?;
        if course.portion != first {
            self.progress.message(&first.why(course.portion, needed, room, self.frame));
        }
        let needed = needs(course.portion).unwrap_or(0);
        (course.needed, course.left) = (Some(needed), Some(room.free - needed));
        Ok(())
    }

    /// Lets the device compile and tune what the steps of an epoch need; an ending where the user stops that.
    pub(super) fn prepare(
        &self,
        trainer: &mut dyn Trainer,
        journey: &Journey,
        course: &mut Course,
    ) -> Result<Option<Ending>, TrainError> {
        let compiling = match journey.history.is_empty() {
            true => self.compiling,
            false => self.next_epoch(journey).share(0.0..0.0),
        };
        let (width, height) = self.cutter(course.portion).image_size();
        let (most, last) = self.counts(course.portion);
        let counts = if last < most { vec![most, last] } else { vec![most] };
        let (mut ending, mut announced) = (None, false);
        for (at, &count) in counts.iter().enumerate() {
            let mut go_on = |share: f64| {
                if !std::mem::replace(&mut announced, true) {
                    compiling.phase("Compiling kernels for the GPU (once)");
                }
                let step = compiling.at((at as f64 + share) / counts.len() as f64);
                ending = ending.or_else(|| self.heard(step, journey, course));
                ending.is_none()
            };
            trainer.prepare(count, height, width, &mut go_on)?;
            if ending.is_some() {
                break;
            }
        }
        Ok(ending)
    }

    /// How slices are cut that the memory does not hold whole.
    pub fn tiles(&self) -> TileChoice {
        TileChoice::new(self.frame, self.plan.multiple, self.plan.halo())
    }

    pub(super) fn cutter(&self, portion: Portion) -> Cutter {
        Cutter { frame: self.frame, patch: portion.patch }
    }

    pub(super) fn grain(&self) -> Grain {
        Grain { frame: self.frame, multiple: self.plan.multiple, least: self.options.loss.least_length() }
    }

    /// Images of the first step of an epoch and of the last, which may be fewer.
    fn counts(&self, portion: Portion) -> (usize, usize) {
        let images = self.cutter(portion).images(self.split.training.len());
        (portion.batch.min(images), (images - 1) % portion.batch + 1)
    }

    fn needs(&self, trainer: &dyn Trainer, portion: Portion, count: usize) -> Option<u64> {
        let (width, height) = self.cutter(portion).image_size();
        trainer.training_footprint(count, height, width)
    }
}
