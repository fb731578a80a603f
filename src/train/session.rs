//! The epochs of one training, where the device computes.

use std::time::{Duration, Instant};

use super::{
    CheckpointError, Pace, Request, TrainError, TrainMonitor, TrainOptions,
    checkpoint::{self, Best, Journey, Task, checkpoint_of},
    progress::Clock,
    validation::Validation,
};
use crate::{
    dataset::{Cutter, Pair, Split},
    engine::{EngineError, SliceRunner, TileChoice, Trainer, TrainerState, device::Device},
    frame::Frame,
    measure::Baselines,
    model::{Card, Epoch, Model, Scores, Training},
    network::Plan,
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
    pub monitor: &'a dyn TrainMonitor,
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

/// How much the device computes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// Images a step.
    pub batch: usize,
    /// Edge of the patches, 0 for whole slices.
    pub patch: usize,
}

/// How the steps of an epoch ended.
enum Steps {
    Done { images_per_second: f64 },
    Stopped(Ending),
}

/// What goes with the epochs but not into a checkpoint.
struct Course {
    clock: Clock,
    /// When the last checkpoint was written.
    saved: Instant,
    /// The user wants a checkpoint at the end of this epoch.
    save: bool,
    /// The user wants this epoch to be the last.
    finish: bool,
}

impl Session<'_> {
    /// Trains to the end, or until stopped or diverged.
    pub fn run(&self, mut journey: Journey, mut portion: Portion) -> Result<(Journey, Ending), TrainError> {
        let earlier = journey.history.last().map_or(0.0, |epoch| epoch.seconds);
        let clock = Clock::start(journey.history.len() as f64 / self.options.epochs as f64, earlier);
        let mut course = Course { clock, saved: Instant::now(), save: false, finish: false };
        let ending = loop {
            if journey.history.len() >= self.options.epochs {
                break Ending::Finished;
            }
            match self.epochs(&mut journey, portion, &mut course) {
                Err(TrainError::Engine(EngineError::Memory { reason })) => {
                    // The epoch begins again from its start, in smaller portions.
                    let smaller = portion.halved(self.frame, self.plan.multiple, self.options.loss.least_length());
                    portion = smaller.ok_or(EngineError::Memory { reason })?;
                    self.monitor.log(&format!("the device's memory is full: going on with {portion}"));
                }
                Err(error) => {
                    // A device that failed after hours is no reason to lose them.
                    self.save(&journey, &mut course);
                    return Err(error);
                }
                Ok(ending) => break ending,
            }
        };
        if self.options.checkpoint > 0.0 && !matches!(ending, Ending::Diverged { .. }) {
            self.save(&journey, &mut course);
        }
        Ok((journey, ending))
    }

    /// The epochs that are left.
    fn epochs(&self, journey: &mut Journey, portion: Portion, course: &mut Course) -> Result<Ending, TrainError> {
        let options = self.options;
        let done = journey.history.len() as f64 / options.epochs as f64;
        // The first step on a GPU waits until its kernels are compiled.
        self.monitor.progress(done, "preparing the device");
        let mut trainer = (self.trainer)(&journey.state)?;
        let log = |line: &str| self.monitor.log(line);
        let mut slices = SliceRunner::new(self.tiles(), (self.free)(), &log);
        while journey.history.len() < options.epochs {
            let number = journey.history.len() + 1;
            let scores: Vec<f64> = journey.history.iter().map(Epoch::score).collect();
            let rate = options.schedule.rate(options.rate, options.epochs, &scores);
            let images_per_second = match self.steps(trainer.as_mut(), journey, rate, portion, course)? {
                Steps::Stopped(ending) => return Ok(ending),
                Steps::Done { images_per_second } => images_per_second,
            };
            let loss = trainer.loss()?;
            if !loss.is_finite() {
                return Ok(Ending::Diverged { epoch: number, rate });
            }
            let validation = self.validate(trainer.as_mut(), &mut slices, number)?;
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

    /// How slices are cut that the memory does not hold whole.
    pub fn tiles(&self) -> TileChoice {
        TileChoice::new(self.frame, self.plan.multiple, self.plan.halo())
    }

    /// All steps of one epoch, or those until the user stopped.
    fn steps(
        &self,
        trainer: &mut dyn Trainer,
        journey: &Journey,
        rate: f64,
        portion: Portion,
        course: &mut Course,
    ) -> Result<Steps, TrainError> {
        let (options, number) = (self.options, journey.history.len() + 1);
        let cutter = Cutter { frame: self.frame, patch: portion.patch };
        let samples = cutter.samples(self.split.training.clone(), options.augment, options.seed, number);
        let batches = samples.chunks(portion.batch);
        let count = batches.len();
        let start = Instant::now();
        for (at, batch) in batches.enumerate() {
            if self.monitor.cancelled() {
                return Ok(Steps::Stopped(Ending::Cancelled));
            }
            match self.monitor.request() {
                Request::GoOn => {}
                Request::SaveCheckpoint => course.save = true,
                Request::Cancel => return Ok(Steps::Stopped(Ending::Discarded)),
                Request::Finish if journey.best.is_some() => return Ok(Steps::Stopped(Ending::Finished)),
                // There is nothing to keep before the first epoch has ended.
                Request::Finish => course.finish = true,
            }
            let (inputs, targets) = cutter.batch(&self.pair, batch)?;
            trainer.step(&inputs, &targets, rate)?;
            let fraction = ((number - 1) as f64 + (at + 1) as f64 / count as f64) / options.epochs as f64;
            let left = course.clock.left(fraction);
            self.monitor.progress(fraction, &format!("training: epoch {number} of {}, {left} left", options.epochs));
        }
        let seconds = start.elapsed().max(Duration::from_micros(1)).as_secs_f64();
        Ok(Steps::Done { images_per_second: samples.len() as f64 / seconds })
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
        self.monitor.log(&format!(
            "epoch {}/{epochs}: loss {:.6}{psnr}{mark}, {images_per_second:.1} images/s, {} left",
            epoch.epoch,
            epoch.loss,
            clock.left(fraction)
        ));
        if let Some(validation) = validation.filter(|_| best) {
            self.monitor.preview(&validation.preview);
        }
        let memory = memory_stats::memory_stats().map(|memory| memory.physical_mem);
        let pace = Pace { images_per_second, seconds_left: clock.seconds_left(fraction), memory };
        self.monitor.epoch(epoch, best, &pace);
    }

    /// Writes a checkpoint. A full disk must not end a training: it is said, and the training goes on.
    fn save(&self, journey: &Journey, course: &mut Course) {
        if journey.history.is_empty() {
            return;
        }
        (course.saved, course.save) = (Instant::now(), false);
        let path = checkpoint_of(&self.options.model);
        let written: Result<(), CheckpointError> = checkpoint::save(&path, self.task, journey);
        self.monitor.log(&match written {
            Ok(()) => format!("checkpoint after epoch {}: {}", journey.history.len(), path.display()),
            Err(error) => format!("Warning: {error}; the training goes on"),
        });
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

impl Portion {
    /// Half the images a step; of one image, patches of half its edge. `None` when it cannot be smaller.
    fn halved(self, frame: Frame, multiple: usize, least: usize) -> Option<Self> {
        if self.batch > 1 {
            return Some(Self { batch: self.batch / 2, ..self });
        }
        let edge = if self.patch > 0 { self.patch } else { frame.width.min(frame.height) };
        let patch = edge / 2 / multiple * multiple;
        (patch >= least.max(multiple)).then_some(Self { patch, ..self })
    }
}

impl std::fmt::Display for Portion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.patch {
            0 => write!(f, "batch={}, whole slices", self.batch),
            patch => write!(f, "batch={}, patch={patch}", self.batch),
        }
    }
}
