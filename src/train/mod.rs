//! Training: two aligned stacks in, a model file out.

mod batches;
mod checkpoint;
mod error;
mod options;
mod prepared;
mod progress;
mod saving;
mod session;
mod start;
mod step_size;
#[cfg(test)]
mod tests;
mod validator;

pub use checkpoint::{CheckpointError, checkpoint_of};
pub use error::TrainError;
pub use options::TrainOptions;
pub(crate) use prepared::Prepared;
pub use progress::{Preview, Request, Speed, TrainEvent, TrainListener, TrainingStarted};

use std::{
    cell::Cell,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use undulator_compute::{
    Frame, TrainerState, cpu,
    device::{self, Device},
    memory,
    network::{Plan, Weights},
    queue::QueuePosition,
};

use crate::{
    disk::{self, Lock},
    measure::Baselines,
    model::{Model, ModelError, check_writable},
    progress::{Cancelled, Progress},
    stack::{Size, SliceSource},
};
use checkpoint::{Checkpoint, Task};
use saving::Saving;
use session::{Outcome, Session};
use step_size::StepSize;

/// The parts of a training that come before its epochs. They are small, so that the time left follows from the epochs.
const PREPARING: Range<f64> = 0.0..0.005;
const COMPILING: Range<f64> = PREPARING.end..0.01;

/// A finished or stopped training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The best model.
    pub model: Model,
    /// Where it was saved.
    pub path: PathBuf,
    /// Whether the user stopped the training before its last epoch.
    pub cancelled: bool,
    /// The baselines on the validation slices; absent when none were held back.
    pub baselines: Option<Baselines>,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let training = &self.model.card.training;
        let how = if self.cancelled { "cancelled; the best model so far" } else { "the best model" };
        write!(f, "{how} (epoch {}) is in {}", training.best_epoch, self.path.display())?;
        match &self.model.card.scores {
            None => {}
            Some(scores) => write!(
                f,
                ": validation {:.2} dB (raw {:.2}, grey-matched {:.2}, Gaussian-filtered and matched {:.2})",
                scores.restored, scores.raw, scores.matched, scores.filtered
            )?,
        }
        match self.model.card.failure() {
            None => Ok(()),
            Some(failure) => write!(f, "; {failure}"),
        }
    }
}

/// Trains a network that turns `low` into `reference`, two aligned stacks of one size, and saves the best model.
///
/// What was not measured in either stack, see [`Measured`](crate::stack::Measured), takes no part. The best is the one with
/// the highest PSNR on the validation slices, or without these the one with the lowest training loss. Cancelling keeps the
/// best so far. A checkpoint beside the model, [`checkpoint_of`], holds what an interrupted training needs to go on. Several
/// trainings run one after the other. Memory: the network's own buffers, two batches, and slices up to a quarter of what is
/// free, which need not be read again.
///
/// # Errors
/// [`TrainError`] for stacks that do not fit or of which nothing was measured, impossible options, a device that cannot be used, a loss that is no longer
/// a number, cancelling before the first epoch, a checkpoint of another training, and a model that cannot be saved.
pub fn train(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &TrainOptions,
    listener: &dyn TrainListener,
) -> Result<Trained, TrainError> {
    train_as_part(low, reference, None, options, listener, Progress::new(listener))
}

/// [`train`], as a part of other work, which may have `prepared` the pair already.
pub(crate) fn train_as_part(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    prepared: Option<&Prepared<'_>>,
    options: &TrainOptions,
    listener: &dyn TrainListener,
    progress: Progress<'_>,
) -> Result<Trained, TrainError> {
    let plan = options.spec.plan()?;
    prepared::split(low, reference, options.validation)?;
    let size = low.shape().size;
    options.check(size, plan.multiple)?;
    check_writable(&options.model)?;
    let _lock = lock(&options.model)?;
    let (device, lines) = device::pick(options.device, options.precision)?;
    let _place = wait_in_queue(listener, progress)?;
    lines.iter().for_each(|line| progress.message(line));

    let preparing = progress.part(PREPARING, "Preparing");
    let beside = bytes_beside_steps(size, &plan);
    memory::check_room(beside)?;
    let own;
    let prepared = match prepared {
        Some(prepared) => prepared,
        None => {
            own = Prepared::new(low, reference, options.validation, preparing.share(0.0..0.6))?;
            &own
        }
    };
    let Prepared { split, validation, shown, baselines, .. } = prepared;
    let resumes = options.resume && checkpoint_of(&options.model).exists();
    if resumes || options.checkpoint > 0.0 {
        prepared.fingerprint(preparing.share(0.6..1.0))?;
    }
    // Where no checkpoint is expected, the stacks are read only when one is written all the same.
    let task = || {
        Ok(Task {
            network: options.spec,
            loss: options.loss,
            size,
            validation: options.validation,
            fingerprint: prepared.fingerprint(Progress::silent())?.to_owned(),
        })
    };
    let checkpoint = initial_checkpoint(options, &task, &plan, progress)?;
    progress.message(&format!(
        "training {} ({} parameters) on {device}: slices {}-{} train, {}",
        options.spec,
        plan.parameters(),
        split.training.start + 1,
        split.training.end,
        match split.validation.is_empty() {
            true => "none validate".to_owned(),
            false => format!("slices {}-{} validate", split.validation.start + 1, split.validation.end),
        }
    ));
    listener.training(TrainEvent::Started(&TrainingStarted {
        network: options.spec.to_string(),
        parameters: plan.parameters(),
        device: device.to_string(),
        epochs: options.epochs,
        training: split.training.clone(),
        validation: split.validation.clone(),
        baselines: *baselines,
        history: checkpoint.history.clone(),
    }));

    let trainer = |state: &TrainerState| device::trainer(&device, &plan, state, options.loss);
    // Steps on the CPU are in the same memory.
    let taken = if matches!(device, Device::Cpu { .. }) { beside + memory::SMALL_THINGS } else { 0 };
    let session = Session {
        pair: prepared.pair(),
        split,
        validation,
        shown: *shown,
        frame: Frame::new(size.width, size.height, plan.multiple),
        plan: &plan,
        options,
        task: &task,
        trainer: &trainer,
        free: &|| memory::free(&device).map(|free| free.saturating_sub(taken)),
        room_for_slices: &|step| room_for_slices(&device, step),
        listener,
        compiling: progress.share(COMPILING),
        progress: progress.share(COMPILING.end..1.0),
    };
    let step_size = StepSize { batch: options.batch, patch: options.patch };
    let (checkpoint, outcome) = device::compute(&device, || session.run(checkpoint, step_size))??;
    let kept = session.model(checkpoint, &device, baselines.as_ref()).filter(|_| outcome != Outcome::Discarded);
    let Some(mut model) = kept else {
        return Err(error_without_a_model(outcome, options));
    };
    let saving = Saving { pair: prepared.pair(), slice: *shown, tiles: session.tiles(), options, progress };
    saving.save(&mut model, |model| Ok(Box::new(cpu::runner(&plan, &model.weights)?)))?;
    if let Outcome::Diverged { epoch, rate } = outcome {
        return Err(TrainError::Diverged { epoch, rate, kept: Some(options.model.clone()) });
    }
    progress.done();
    let (path, cancelled) = (options.model.clone(), outcome == Outcome::Cancelled);
    Ok(Trained { model, path, cancelled, baselines: *baselines })
}

/// Keeps every other training from writing the same model and checkpoint, in this program and in others.
fn lock(model: &Path) -> Result<Lock, TrainError> {
    let failed = |source| ModelError::Write { path: model.to_owned(), source };
    let busy = || TrainError::Busy { path: model.to_owned() };
    Lock::take(&disk::with_ending(model, ".lock")).map_err(failed)?.ok_or_else(busy)
}

/// Bytes that a training takes beside its steps: slices that are scored and shown, and copies of the weights with their
/// running means.
fn bytes_beside_steps(size: Size, plan: &Plan) -> u64 {
    // Input, target and restored slice, as floats and for the eye, and two that are being read.
    const SLICES: u64 = 5 * size_of::<f32>() as u64 + 3;
    // The first state, the last, a copy of the last, and the best weights.
    const WEIGHTS: u64 = 10 * size_of::<f32>() as u64;
    SLICES * size.plane() as u64 + WEIGHTS * plan.parameters() as u64
}

/// Bytes of slices that stay in memory: a quarter of what is free beside a step that is still to be allocated.
fn room_for_slices(device: &Device, step: u64) -> u64 {
    // Where the system does not say what is free, so much does no harm.
    const UNKNOWN: u64 = 1 << 30;
    let free = memory::free(&Device::Cpu { threads: 1 }).unwrap_or(UNKNOWN);
    let step = if matches!(device, Device::Cpu { .. }) { step } else { 0 };
    free.saturating_sub(step) / 4
}

fn wait_in_queue(listener: &dyn TrainListener, progress: Progress<'_>) -> Result<QueuePosition, Cancelled> {
    let announced = Cell::new(0);
    let stays = |before: usize| {
        if announced.replace(before) != before {
            let others = if before == 1 { "another training".to_owned() } else { format!("{before} other trainings") };
            progress.phase(&format!("Waiting for {others}"));
        }
        progress.check().is_ok() && !matches!(listener.request(), Request::Finish | Request::Cancel)
    };
    QueuePosition::wait(stays).ok_or(Cancelled)
}

/// Where the training starts from: a checkpoint, an earlier model, or the seed.
fn initial_checkpoint(
    options: &TrainOptions,
    task: &dyn Fn() -> Result<Task, TrainError>,
    plan: &Plan,
    progress: Progress<'_>,
) -> Result<Checkpoint, TrainError> {
    let path = checkpoint_of(&options.model);
    if options.resume && path.exists() {
        let checkpoint = checkpoint::load(&path, &task()?, plan)?;
        progress.message(&format!("going on after epoch {} from {}", checkpoint.history.len(), path.display()));
        return Ok(checkpoint);
    }
    if options.resume {
        progress.message(&format!("there is no checkpoint {}: training from the start", path.display()));
    }
    let weights = match &options.start {
        None => Weights::initial(&options.spec, plan, options.seed),
        Some(file) => {
            let model = Model::load(file)?;
            if model.card.network != options.spec {
                let (path, found) = (file.clone(), model.card.network);
                return Err(TrainError::Start { path, found, wanted: options.spec });
            }
            progress.message(&format!("starting from the weights of {}", file.display()));
            model.weights
        }
    };
    let unwritable = |source| CheckpointError::Write { path: path.clone(), source };
    if let Some(aside) = checkpoint::set_aside(&path).map_err(unwritable)? {
        progress.message(&format!("the checkpoint of an earlier training is now {}", aside.display()));
    }
    Ok(Checkpoint { state: TrainerState::start(weights), history: Vec::new(), best: None })
}

fn error_without_a_model(outcome: Outcome, options: &TrainOptions) -> TrainError {
    match outcome {
        Outcome::Diverged { epoch, rate } => TrainError::Diverged { epoch, rate, kept: None },
        Outcome::Discarded => {
            TrainError::Discarded { checkpoint: Some(checkpoint_of(&options.model)).filter(|path| path.exists()) }
        }
        Outcome::Finished | Outcome::Cancelled => TrainError::Cancelled(Cancelled),
    }
}
