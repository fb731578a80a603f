//! Training: two aligned stacks in, a model file out.

mod checkpoint;
mod error;
mod options;
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
pub use progress::{Preview, Request, Speed, TrainEvent, TrainListener, TrainingStarted};

use std::{cell::Cell, fmt, ops::Range, path::PathBuf};

use undulator_compute::{
    Frame, TrainerState, cpu, device, memory,
    network::{Plan, Weights},
    queue::QueuePosition,
};

use crate::{
    dataset::{Cutter, Pair, Split, fingerprint},
    grey::{HIGH_PERCENT, LOW_PERCENT, Window},
    measure::{Baselines, baselines_of},
    model::{Model, check_writable},
    progress::{Cancelled, Progress},
    stack::{self, Measured, SliceSource},
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
            None => Ok(()),
            Some(scores) => write!(
                f,
                ": validation {:.2} dB (raw {:.2}, grey-matched {:.2}, Gaussian-filtered and matched {:.2})",
                scores.restored, scores.raw, scores.matched, scores.filtered
            ),
        }
    }
}

/// Trains a network that turns `low` into `reference`, two aligned stacks of one size, and saves the best model.
///
/// What was not measured in either stack, see [`Measured`], takes no part. The best is the one with the highest PSNR on the
/// validation slices, or without these the one with the lowest training loss. Cancelling keeps the best so far. A checkpoint beside the model, [`checkpoint_of`], holds what an
/// interrupted training needs to go on. Several trainings run one after the other. Memory: the network's own buffers and
/// one batch; slices are read when they are needed.
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
    train_as_part(low, reference, options, listener, Progress::new(listener))
}

/// [`train`], as a part of other work.
pub(crate) fn train_as_part(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &TrainOptions,
    listener: &dyn TrainListener,
    progress: Progress<'_>,
) -> Result<Trained, TrainError> {
    let plan = options.spec.plan()?;
    stack::check(low)?;
    stack::check(reference)?;
    stack::check_same_size(low, reference)?;
    let size = low.shape().size;
    options.check(size, plan.multiple)?;
    let split = Split::new(size.slices, options.validation)
        .ok_or(TrainError::TooFewSlices { slices: size.slices, validation: options.validation })?;
    check_writable(&options.model)?;
    let (device, lines) = device::pick(options.device, options.precision)?;
    let _place = wait_in_queue(listener, progress)?;
    lines.iter().for_each(|line| progress.message(line));

    let preparing = progress.part(PREPARING, "Preparing");
    let low = &Measured::told(low, preparing.share(0.0..0.2))?;
    let reference = &Measured::told(reference, preparing.share(0.2..0.4))?;
    let window = |stack, share| {
        let reading = preparing.share(share);
        Window::of_percentiles_in(stack, split.training.clone(), LOW_PERCENT, HIGH_PERCENT, reading)
    };
    let (low_window, reference_window) = (window(low, 0.4..0.6)?, window(reference, 0.6..0.8)?);
    let pair = Pair { low, reference, low_window, reference_window };
    let whole = Cutter { frame: Frame::new(size.width, size.height, plan.multiple), patch: 0 };
    if whole.shown(&pair, split.training.clone()).next().is_none() {
        return Err(TrainError::NothingShown { slices: split.training.len() });
    }
    let validation = scored_slices(&pair, &split, progress)?;
    let baselines = match validation.is_empty() {
        true => None,
        false => {
            let scoring = preparing.share(0.8..1.0);
            Some(baselines_of(low, reference, [low_window, reference_window], &validation, scoring)?)
        }
    };
    let shown = validation.get(validation.len() / 2).copied().unwrap_or(split.shown());
    let task = Task {
        network: options.spec,
        loss: options.loss,
        size,
        validation: options.validation,
        fingerprint: fingerprint([low, reference])?,
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
        baselines,
        history: checkpoint.history.clone(),
    }));

    let trainer = |state: &TrainerState| device::trainer(&device, &plan, state, options.loss);
    let session = Session {
        pair,
        split: &split,
        validation: &validation,
        shown,
        frame: Frame::new(size.width, size.height, plan.multiple),
        plan: &plan,
        options,
        task: &task,
        trainer: &trainer,
        free: &|| memory::free(&device),
        listener,
        compiling: progress.share(COMPILING),
        progress: progress.share(COMPILING.end..1.0),
    };
    let step_size = StepSize { batch: options.batch, patch: options.patch };
    let (checkpoint, outcome) = device::compute(&device, || session.run(checkpoint, step_size))??;
    let kept = session.model(checkpoint, &device, baselines.as_ref()).filter(|_| outcome != Outcome::Discarded);
    let Some(model) = kept else {
        return Err(error_without_a_model(outcome, options));
    };
    let saving = Saving { pair, slice: shown, tiles: session.tiles(), options, progress };
    saving.save(&model, || Ok(Box::new(cpu::runner(&plan, &model.weights)?)))?;
    if let Outcome::Diverged { epoch, rate } = outcome {
        return Err(TrainError::Diverged { epoch, rate, kept: Some(options.model.clone()) });
    }
    progress.done();
    Ok(Trained { model, path: options.model.clone(), cancelled: outcome == Outcome::Cancelled, baselines })
}

/// The validation slices on which something can be scored. A score on others would choose a wrong epoch, so they are named
/// and left out.
fn scored_slices(pair: &Pair, split: &Split, progress: Progress<'_>) -> Result<Vec<usize>, TrainError> {
    let (mut scored, mut left_out) = (Vec::new(), Vec::new());
    for z in split.validation.clone() {
        progress.check()?;
        if pair.has_contrast(z)? { scored.push(z) } else { left_out.push(z) }
    }
    if !left_out.is_empty() {
        let chosen = match scored.is_empty() {
            true => "no validation slice is left, so the best epoch is that of the least training loss",
            false => "the best epoch is chosen on the others",
        };
        progress.warning(&format!(
            "validation slices without contrast, or not measured, are left out: {}; {chosen} (crop the stacks to what both \
             show)",
            ranges(&left_out)
        ));
    }
    Ok(scored)
}

/// Slices from zero, in rising order, as people count and write them: `3, 7-9`.
fn ranges(slices: &[usize]) -> String {
    let parts = slices.chunk_by(|a, b| a + 1 == *b).map(|part| match part {
        [one] => (one + 1).to_string(),
        [first, .., last] => format!("{}-{}", first + 1, last + 1),
        [] => String::new(),
    });
    parts.collect::<Vec<_>>().join(", ")
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
    task: &Task,
    plan: &Plan,
    progress: Progress<'_>,
) -> Result<Checkpoint, TrainError> {
    let path = checkpoint_of(&options.model);
    if options.resume && path.exists() {
        let checkpoint = checkpoint::load(&path, task, plan)?;
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
