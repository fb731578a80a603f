//! The epochs of one training, where the device computes.

use std::time::{Duration, Instant};

use super::{
    CheckpointError, Pace, Request, TrainError, TrainEvent, TrainListener, TrainOptions,
    checkpoint::{self, Best, Journey, Task, checkpoint_of},
    portion::Portion,
    progress::Clock,
    validation::Validation,
};
use crate::{
    dataset::{Pair, Split},
    engine::{EngineError, SliceRunner, Trainer, TrainerState, device::Device},
    frame::Frame,
    measure::Baselines,
    model::{Card, Epoch, Model, Scores, Training},
    network::Plan,
    progress::{Cancelled, Progress},
};

/// Makes a trainer that goes on from a state.
pub(super) type NewTrainer<'a> = dyn Fn(&TrainerState) -> Result<Box<dyn Trainer>, EngineError> + Sync + 'a;

/// Everything that one training needs.
pub(super) struct Session<'a> {
    pub pair: Pair<'a>,
    pub split: &'a Split,
    pub frame: Frame,
    pub plan: &'a Plan,
    pub options: &'a TrainOptions,
    pub task: &'a Task,
    pub trainer: &'a NewTrainer<'a>,
    /// Bytes that are free on the device.
    pub free: &'a (dyn Fn() -> Option<u64> + Sync),
    pub listener: &'a dyn TrainListener,
    /// For what the device compiles before the first epoch.
    pub compiling: Progress<'a>,
    /// For the epochs.
    pub progress: Progress<'a>,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
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
    Stopped(Ending),
}

/// What goes with the epochs but not into a checkpoint.
pub(super) struct Course {
    clock: Clock,
    /// When the last checkpoint was written.
    saved: Instant,
    /// The user wants a checkpoint at the end of this epoch.
    save: bool,
    /// The user wants this epoch to be the last.
    finish: bool,
    /// How much the device computes at once.
    pub portion: Portion,
    /// Bytes that a step takes, as they were compared last with the memory that is free.
    pub needed: Option<u64>,
    /// Bytes that a step leaves free, where that is known.
    pub left: Option<u64>,
}

impl Session<'_> {
    /// Trains to the end, or until stopped or diverged.
    pub fn run(&self, mut journey: Journey, portion: Portion) -> Result<(Journey, Ending), TrainError> {
        let earlier = journey.history.last().map_or(0.0, |epoch| epoch.seconds);
        let clock = Clock::start(journey.history.len() as f64 / self.options.epochs as f64, earlier);
        let saved = Instant::now();
        let mut course = Course { clock, saved, save: false, finish: false, portion, needed: None, left: None };
        let ending = loop {
            if journey.history.len() >= self.options.epochs {
                break Ending::Finished;
            }
            let error = match self.epochs(&mut journey, &mut course) {
                Ok(ending) => break ending,
                Err(error) => error,
            };
            let full = matches!(error, TrainError::Engine(EngineError::Memory { .. }));
            let Some(smaller) = course.portion.halved(self.grain()).filter(|_| full) else {
                // A device that failed after hours is no reason to lose them.
                self.save(&journey, &mut course);
                return Err(error);
            };
            // The epoch begins again from its start, in smaller portions.
            self.progress.message(&format!("the device's memory is full: going on with {smaller}"));
            course.portion = smaller;
        };
        if self.options.checkpoint > 0.0 && !matches!(ending, Ending::Diverged { .. }) {
            self.save(&journey, &mut course);
        }
        Ok((journey, ending))
    }

    /// The epochs that are left.
    fn epochs(&self, journey: &mut Journey, course: &mut Course) -> Result<Ending, TrainError> {
        let options = self.options;
        // The first step on a GPU waits until its kernels are compiled.
        self.next_epoch(journey).phase("Preparing the device");
        let mut trainer = (self.trainer)(&journey.state)?;
        let log = |line: &str| self.progress.message(line);
        let (mut slices, mut prepared) = (None, None);
        while journey.history.len() < options.epochs {
            let number = journey.history.len() + 1;
            let scores: Vec<f64> = journey.history.iter().map(Epoch::score).collect();
            let rate = options.schedule.rate(options.rate, options.epochs, &scores);
            self.fit(trainer.as_ref(), course)?;
            if prepared.replace(course.portion) != Some(course.portion)
                && let Some(ending) = self.prepare(trainer.as_mut(), journey, course)?
            {
                return Ok(ending);
            }
            let images_per_second = match self.steps(trainer.as_mut(), journey, rate, course)? {
                Steps::Stopped(ending) => return Ok(ending),
                Steps::Done { images_per_second } => images_per_second,
            };
            let loss = trainer.loss()?;
            if !loss.is_finite() {
                return Ok(Ending::Diverged { epoch: number, rate });
            }
            let slices = slices.get_or_insert_with(|| SliceRunner::new(self.tiles(), course.left, &log));
            let validation = self.validate(trainer.as_mut(), slices, number)?;
            let epoch = Epoch {
                epoch: number,
                loss,
                validation_loss: validation.as_ref().map(|validation| validation.loss),
                psnr: validation.as_ref().map(|validation| validation.psnr),
                rate,
                seconds: course.clock.seconds(),
            };
            journey.state = trainer.state()?;
            let improved = journey.best.as_ref().is_none_or(|best| epoch.score() > best.epoch.score());
            if improved {
                journey.best = Some(Best { epoch, weights: journey.state.weights.clone() });
            }
            journey.history.push(epoch);
            self.report(&epoch, improved, validation.as_ref(), images_per_second, &course.clock);

            let minutes = course.saved.elapsed().as_secs_f64() / 60.0;
            if course.save || (options.checkpoint > 0.0 && minutes >= options.checkpoint) {
                self.save(journey, course);
            }
            if course.finish {
                break;
            }
        }
        Ok(Ending::Finished)
    }

    /// All steps of one epoch, or those until the user stopped.
    fn steps(
        &self,
        trainer: &mut dyn Trainer,
        journey: &Journey,
        rate: f64,
        course: &mut Course,
    ) -> Result<Steps, TrainError> {
        let (options, number) = (self.options, journey.history.len() + 1);
        let cutter = self.cutter(course.portion);
        let samples = cutter.samples(self.split.training.clone(), options.augment, options.seed, number);
        let batches = samples.chunks(course.portion.batch);
        let count = batches.len();
        let progress = self.next_epoch(journey);
        progress.phase(&format!("Epoch {number} of {}", options.epochs));
        let start = Instant::now();
        for (at, batch) in batches.enumerate() {
            if let Some(ending) = self.heard(progress.step(at, count), journey, course) {
                return Ok(Steps::Stopped(ending));
            }
            let (inputs, targets) = cutter.batch(&self.pair, batch)?;
            trainer.step(&inputs, &targets, rate)?;
        }
        let seconds = start.elapsed().max(Duration::from_micros(1)).as_secs_f64();
        Ok(Steps::Done { images_per_second: samples.len() as f64 / seconds })
    }

    /// The part of the work that the epoch after those of the journey is.
    pub(super) fn next_epoch(&self, journey: &Journey) -> Progress<'_> {
        let at = |epoch: usize| epoch as f64 / self.options.epochs as f64;
        let done = journey.history.len();
        self.progress.share(at(done)..at(done + 1))
    }

    /// What the user wants at this step; an ending where that is to stop at once.
    pub(super) fn heard(&self, step: Result<(), Cancelled>, journey: &Journey, course: &mut Course) -> Option<Ending> {
        if step.is_err() {
            return Some(Ending::Cancelled);
        }
        match self.listener.request() {
            Request::GoOn => return None,
            Request::SaveCheckpoint => course.save = true,
            Request::Cancel => return Some(Ending::Discarded),
            Request::Finish if journey.best.is_some() => return Some(Ending::Finished),
            // There is nothing to keep before the first epoch has ended.
            Request::Finish => course.finish = true,
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
        let memory = memory_stats::memory_stats().map(|memory| memory.physical_mem);
        let pace = Pace { images_per_second, seconds_left: clock.seconds_left(fraction), memory };
        self.listener.training(TrainEvent::Epoch { epoch, best, pace: &pace });
    }

    /// Writes a checkpoint. A full disk must not end a training: it is said, and the training goes on.
    fn save(&self, journey: &Journey, course: &mut Course) {
        if journey.history.is_empty() {
            return;
        }
        (course.saved, course.save) = (Instant::now(), false);
        let path = checkpoint_of(&self.options.model);
        let written: Result<(), CheckpointError> = checkpoint::save(&path, self.task, journey);
        match written {
            Ok(()) => {
                let line = format!("checkpoint after epoch {}: {}", journey.history.len(), path.display());
                self.progress.message(&line);
            }
            Err(error) => self.progress.warning(&format!("{error}; the training goes on")),
        }
    }

    /// The best model; `None` before the first epoch.
    pub fn model(&self, journey: Journey, device: &Device, baselines: Option<&Baselines>) -> Option<Model> {
        let Journey { best, history, .. } = journey;
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
            training,
            scores,
        };
        Some(Model { card, weights: best.weights })
    }
}
