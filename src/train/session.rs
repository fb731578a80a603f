//! The epochs of one training, where the device computes.

use std::time::{Duration, Instant};

use undulator_compute::{
    EngineError, Frame, SliceRunner, Trainer, TrainerState, device::Device, memory, network::Plan,
};

use super::{
    Request, Speed, TrainError, TrainEvent, TrainListener, TrainOptions,
    batches::{Batches, Slices},
    checkpoint::{self, Best, Checkpoint, Task, checkpoint_of},
    progress::Clock,
    step_size::StepSize,
    validator::{Validation, Validator},
};
use crate::{
    dataset::{Pair, Split},
    measure::Baselines,
    model::{Card, Epoch, Model, Scores, Training},
    progress::{Cancelled, Progress},
    stack::SliceSource,
};

/// Makes a trainer that goes on from a state.
pub(super) type NewTrainer<'a> = dyn Fn(&TrainerState) -> Result<Box<dyn Trainer>, EngineError> + Sync + 'a;

/// Everything that one training needs.
pub(super) struct Session<'a> {
    pub pair: Pair<'a>,
    pub split: &'a Split,
    /// The validation slices on which something can be scored.
    pub validation: &'a [usize],
    /// The slice that stands for all when one is shown.
    pub shown: usize,
    pub frame: Frame,
    pub plan: &'a Plan,
    pub options: &'a TrainOptions,
    /// What the checkpoints are of.
    pub task: &'a (dyn Fn() -> Result<Task, TrainError> + Sync),
    pub trainer: &'a NewTrainer<'a>,
    /// Bytes that are free on the device.
    pub free: &'a (dyn Fn() -> Option<u64> + Sync),
    /// Bytes that slices may take to stay in memory, when a step that takes so many is still to be allocated.
    pub room_for_slices: &'a (dyn Fn(u64) -> u64 + Sync),
    pub listener: &'a dyn TrainListener,
    /// For what the device compiles before the first epoch.
    pub compiling: Progress<'a>,
    /// For the epochs.
    pub progress: Progress<'a>,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    Finished,
    /// By Escape; the best model is kept.
    Cancelled,
    /// By the user, who wants no model.
    Discarded,
    Diverged {
        epoch: usize,
        rate: f64,
    },
}

/// How the steps of an epoch ended.
enum Steps {
    Done { images_per_second: f64 },
    Stopped(Outcome),
}

/// State of a running training that is not part of a checkpoint.
pub(super) struct SessionState {
    clock: Clock,
    /// When the last checkpoint was written.
    saved: Instant,
    /// The user wants a checkpoint at the end of this epoch.
    save: bool,
    /// The user wants this epoch to be the last.
    finish: bool,
    /// Batch size and patch size of a training step.
    pub step_size: StepSize,
    /// Why the memory made the step smaller than the one before, not said yet.
    full: Option<String>,
    /// Slices that need not be read again.
    pub slices: Slices,
    /// Whether slices may be kept: the memory was never full.
    keep_slices: bool,
    /// Bytes that a step takes, as they were compared last with the memory that is free.
    pub needed: Option<u64>,
    /// Bytes that a step leaves free, where that is known.
    pub left: Option<u64>,
}

impl Session<'_> {
    /// Trains to the end, or until stopped or diverged.
    pub fn run(&self, mut checkpoint: Checkpoint, step_size: StepSize) -> Result<(Checkpoint, Outcome), TrainError> {
        let earlier = checkpoint.history.last().map_or(0.0, |epoch| epoch.seconds);
        let clock = Clock::start(checkpoint.history.len() as f64 / self.options.epochs as f64, earlier);
        let saved = Instant::now();
        let mut state = SessionState {
            clock,
            saved,
            save: false,
            finish: false,
            step_size,
            full: None,
            slices: Slices::default(),
            keep_slices: true,
            needed: None,
            left: None,
        };
        let outcome = loop {
            if checkpoint.history.len() >= self.options.epochs {
                break Outcome::Finished;
            }
            let error = match self.epochs(&mut checkpoint, &mut state) {
                Ok(outcome) => break outcome,
                Err(error) => error,
            };
            if error.is_full_memory() && state.slices.bytes() > 0 {
                // What is kept only to be faster goes first: smaller steps change what is learnt.
                (state.slices, state.keep_slices) = (Slices::default(), false);
                continue;
            }
            let Some(smaller) = state.step_size.halved(self.patch_rules()).filter(|_| error.is_full_memory()) else {
                // A device that failed after hours is no reason to lose them.
                self.save(&checkpoint, &mut state);
                return Err(error);
            };
            // The epoch begins again from its start, with a smaller batch or patches.
            // Said once, when a step fits.
            state.full.get_or_insert_with(|| error.to_string());
            state.step_size = smaller;
        };
        let wanted = self.options.checkpoint > 0.0 || state.save;
        if wanted && !matches!(outcome, Outcome::Diverged { .. }) {
            self.save(&checkpoint, &mut state);
        }
        Ok((checkpoint, outcome))
    }

    /// The epochs that are left.
    fn epochs(&self, checkpoint: &mut Checkpoint, state: &mut SessionState) -> Result<Outcome, TrainError> {
        let options = self.options;
        // The first step on a GPU waits until its kernels are compiled.
        self.next_epoch(checkpoint).phase("Preparing the device");
        let mut trainer = (self.trainer)(&checkpoint.state)?;
        let log = |line: &str| self.progress.message(line);
        let (mut slices, mut prepared, mut held) = (None, None, false);
        while checkpoint.history.len() < options.epochs {
            let number = checkpoint.history.len() + 1;
            let scores: Vec<f64> = checkpoint.history.iter().map(Epoch::score).collect();
            let rate = options.schedule.rate(options.rate, options.epochs, &scores);
            self.fit_to_memory(trainer.as_ref(), state)?;
            let needed = if std::mem::replace(&mut held, true) { 0 } else { state.needed.unwrap_or(0) };
            let room = (self.room_for_slices)(needed) + state.slices.bytes() / 4;
            state.slices.set_budget(if state.keep_slices { room } else { 0 });
            if prepared.replace(state.step_size) != Some(state.step_size)
                && let Some(outcome) = self.prepare(trainer.as_mut(), checkpoint, state)?
            {
                return Ok(outcome);
            }
            let images_per_second = match self.steps(trainer.as_mut(), checkpoint, rate, state)? {
                Steps::Stopped(outcome) => return Ok(outcome),
                Steps::Done { images_per_second } => images_per_second,
            };
            let loss = trainer.loss()?;
            let diverged = Ok(Outcome::Diverged { epoch: number, rate });
            let next = trainer.state()?;
            // Weights may be no numbers although the loss, which was computed before the last step, is one.
            if !loss.is_finite() || !checkpoint::is_finite(&next) {
                return diverged;
            }
            let slices = slices.get_or_insert_with(|| SliceRunner::new(self.tiles(), state.left, &log));
            memory::check_more_room(self.validation_bytes())?;
            let validation = self.validator().validate(trainer.as_mut(), slices, number)?;
            if validation.as_ref().is_some_and(|found| !found.loss.is_finite() || found.psnr.is_nan()) {
                return diverged;
            }
            let epoch = Epoch {
                epoch: number,
                loss,
                validation_loss: validation.as_ref().map(|validation| validation.loss),
                psnr: validation.as_ref().map(|validation| validation.psnr),
                rate,
                seconds: state.clock.seconds(),
            };
            checkpoint.state = next;
            let improved = checkpoint.best.as_ref().is_none_or(|best| epoch.score() > best.epoch.score());
            if improved {
                checkpoint.best = Some(Best { epoch, weights: checkpoint.state.weights.clone() });
            }
            checkpoint.history.push(epoch);
            self.report(&epoch, improved, validation.as_ref(), images_per_second, &state.clock);

            let minutes = state.saved.elapsed().as_secs_f64() / 60.0;
            if state.save || (options.checkpoint > 0.0 && minutes >= options.checkpoint) {
                self.save(checkpoint, state);
            }
            if state.finish {
                break;
            }
        }
        Ok(Outcome::Finished)
    }

    /// Bytes of what a validation takes beside the network: three slices of floats and three of bytes.
    fn validation_bytes(&self) -> u64 {
        let bytes = 3 * (size_of::<f32>() + 1) * self.frame.width * self.frame.height;
        if self.split.validation.is_empty() { 0 } else { bytes as u64 }
    }

    fn validator(&self) -> Validator<'_> {
        let (slices, shown) = (self.validation, self.shown);
        Validator { pair: &self.pair, slices, shown, frame: self.frame, loss: self.options.loss }
    }

    /// All steps of one epoch, or those until the user stopped.
    fn steps(
        &self,
        trainer: &mut dyn Trainer,
        checkpoint: &Checkpoint,
        rate: f64,
        state: &mut SessionState,
    ) -> Result<Steps, TrainError> {
        let (options, number) = (self.options, checkpoint.history.len() + 1);
        let cutter = self.cutter(state.step_size);
        let samples = cutter.samples(&self.pair, self.split.training.clone(), options.augment, options.seed, number);
        let batches = Batches { pair: &self.pair, cutter, samples: &samples, size: state.step_size.batch };
        let count = batches.count();
        let progress = self.next_epoch(checkpoint);
        progress.phase(&format!("Epoch {number} of {}", options.epochs));
        let start = Instant::now();
        let mut slices = std::mem::take(&mut state.slices);
        let stopped = batches.read_ahead(&mut slices, |ahead| {
            for at in 0..count {
                if let Some(outcome) = self.handle_request(progress.step(at, count), checkpoint, state) {
                    return Ok(Some(outcome));
                }
                let batch = ahead.next()?;
                trainer.step(&batch.0, &batch.1, rate)?;
                ahead.give_back(batch);
                if let Some(full) = state.full.take() {
                    self.progress.message(&format!("{full}: going on with {}", state.step_size));
                }
            }
            Ok::<_, TrainError>(None)
        });
        state.slices = slices;
        if let Some(outcome) = stopped? {
            return Ok(Steps::Stopped(outcome));
        }
        let seconds = start.elapsed().max(Duration::from_micros(1)).as_secs_f64();
        Ok(Steps::Done { images_per_second: samples.len() as f64 / seconds })
    }

    /// The share of the work that the next epoch is.
    pub(super) fn next_epoch(&self, checkpoint: &Checkpoint) -> Progress<'_> {
        let at = |epoch: usize| epoch as f64 / self.options.epochs as f64;
        let done = checkpoint.history.len();
        self.progress.share(at(done)..at(done + 1))
    }

    /// Handles the user's request at this step; `Some` if the training stops now.
    pub(super) fn handle_request(
        &self,
        step: Result<(), Cancelled>,
        checkpoint: &Checkpoint,
        state: &mut SessionState,
    ) -> Option<Outcome> {
        if step.is_err() {
            // A program that ends may ask for both.
            state.save |= self.listener.request() == Request::SaveCheckpoint;
            return Some(Outcome::Cancelled);
        }
        match self.listener.request() {
            Request::GoOn => return None,
            Request::SaveCheckpoint => state.save = true,
            Request::Cancel => return Some(Outcome::Discarded),
            Request::Finish if checkpoint.best.is_some() => return Some(Outcome::Finished),
            // There is nothing to keep before the first epoch has ended.
            Request::Finish => state.finish = true,
        }
        None
    }

    fn report(
        &self,
        epoch: &Epoch,
        best: bool,
        validation: Option<&Validation>,
        images_per_second: f64,
        clock: &Clock,
    ) {
        let epochs = self.options.epochs;
        let fraction = epoch.epoch as f64 / epochs as f64;
        let psnr = epoch.psnr.map(|psnr| format!(", validation {psnr:.2} dB")).unwrap_or_default();
        let mark = if best { " (best)" } else { "" };
        self.progress.message(&format!(
            "epoch {}/{epochs}: loss {:.6}{psnr}{mark}, {images_per_second:.1} images/s, {} left",
            epoch.epoch,
            epoch.loss,
            clock.left(fraction)
        ));
        if let Some(validation) = validation.filter(|_| best) {
            self.listener.training(TrainEvent::Preview(&validation.preview));
        }
        let memory = memory::used();
        let speed = Speed { images_per_second, seconds_left: clock.seconds_left(fraction), memory };
        self.listener.training(TrainEvent::Epoch { epoch, best, speed: &speed });
    }

    /// Writes a checkpoint. A full disk must not end a training: it is said, and the training goes on.
    fn save(&self, checkpoint: &Checkpoint, state: &mut SessionState) {
        if checkpoint.history.is_empty() {
            return;
        }
        (state.saved, state.save) = (Instant::now(), false);
        let path = checkpoint_of(&self.options.model);
        // Weights, their running means and the best ones, as numbers and as a file.
        let bytes = 2 * 4 * (size_of::<f32>() * self.plan.parameters()) as u64;
        let room = memory::check_more_room(bytes).map_err(TrainError::from);
        let written =
            room.and_then(|()| (self.task)()).and_then(|task| Ok(checkpoint::save(&path, &task, checkpoint)?));
        match written {
            Ok(()) => {
                let line = format!("checkpoint after epoch {}: {}", checkpoint.history.len(), path.display());
                self.progress.message(&line);
            }
            Err(error) => self.progress.warning(&format!("{error}; the training goes on")),
        }
    }

    /// The best model; `None` before the first epoch.
    pub fn model(&self, checkpoint: Checkpoint, device: &Device, baselines: Option<&Baselines>) -> Option<Model> {
        let Checkpoint { best, history, .. } = checkpoint;
        let best = best?;
        let options = self.options;
        let shape = self.pair.low.shape();
        let scores = best.epoch.psnr.zip(baselines).map(|(restored, baselines)| Scores {
            restored,
            raw: baselines.raw.psnr,
            matched: baselines.matched.psnr,
            filtered: baselines.filtered.psnr,
        });
        let training = Training {
            size: shape.size,
            voxel: shape.voxel,
            training_slices: (self.split.training.start, self.split.training.end),
            validation_slices: (self.split.validation.start, self.split.validation.end),
            batch: options.batch,
            patch: options.patch,
            rate: options.rate,
            schedule: options.schedule,
            loss: options.loss,
            augment: options.augment,
            seed: options.seed,
            device: device.to_string(),
            best_epoch: best.epoch.epoch,
            history,
        };
        let card = Card {
            network: options.spec,
            input_window: self.pair.low_window,
            output_window: self.pair.reference_window,
            output_grey: self.pair.reference.shape().grey,
            output_scale: self.pair.reference.shape().scale,
            value_unit: self.pair.reference.value_unit().to_owned(),
            training,
            scores,
            contrast: None,
        };
        Some(Model { card, weights: best.weights })
    }
}
