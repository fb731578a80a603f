//! Errors of a training.

use std::path::PathBuf;

use undulator_compute::{
    EngineError,
    network::{NetworkError, Spec},
};

use super::CheckpointError;
use crate::{grey::GreyError, measure::MeasureError, model::ModelError, progress::Cancelled, stack::StackError};

/// An error of a training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// An option is outside what can be used.
    #[error("{key}={value} is not possible: choose {rule}")]
    Option {
        /// The macro key.
        key: &'static str,
        /// The value given.
        value: String,
        /// What is possible.
        rule: String,
    },
    /// Nothing would be left to train on.
    #[error(
        "the stacks have {slices} slices, and validation={validation} leaves none to train on: lower it, 0 validates on none"
    )]
    TooFewSlices {
        /// Slices of the stacks.
        slices: usize,
        /// Slices asked for validation.
        validation: usize,
    },
    /// Nothing can be learnt from the training slices.
    #[error(
        "none of the {slices} training slices has a part that was measured in both stacks: align them, and crop them to what \
         both show"
    )]
    NothingShown {
        /// How many training slices there are.
        slices: usize,
    },
    /// The user stopped before there was anything to keep.
    #[error("cancelled before the first epoch was finished: no model was written")]
    Cancelled(#[from] Cancelled),
    /// The user cancelled without keeping a model.
    #[error("cancelled: no model was written{}",
        match checkpoint { Some(path) => format!(" (resume goes on from the checkpoint {})", path.display()), None => String::new() })]
    Discarded {
        /// The checkpoint that it can go on from.
        checkpoint: Option<PathBuf>,
    },
    /// The model to start from is of another network.
    #[error("start={path} is not possible: its network is {found}, and {wanted} is to be trained")]
    Start {
        /// The model.
        path: PathBuf,
        /// Its network.
        found: Spec,
        /// The network to train.
        wanted: Spec,
    },
    /// The loss is NaN or infinite.
    #[error("the loss is not a number in epoch {epoch}: train again with a lower rate than {rate}{}",
        match kept { Some(path) => format!(" (the best model before that is in {})", path.display()), None => String::new() })]
    Diverged {
        /// The epoch, from one.
        epoch: usize,
        /// The learning rate.
        rate: f64,
        /// Where the best model before that is.
        kept: Option<PathBuf>,
    },
    /// The model could not be saved where it should go, but it is not lost.
    #[error("{source}; the trained model is in {path}")]
    SavedElsewhere {
        /// Why not.
        source: ModelError,
        /// Where it is.
        path: PathBuf,
    },
    /// Not even the smallest step fits the memory.
    #[error(
        "the memory does not hold this training: its smallest step, {step}, takes {needed}, and {free} are free: close \
         other programs, or take fewer layers or channels"
    )]
    InsufficientMemory {
        /// Images and patches of that step.
        step: String,
        /// What it takes, in words.
        needed: String,
        /// What is free, in words.
        free: String,
    },
    /// Another training has the model file.
    #[error("another training writes {path} now: wait until it has ended, or choose another model file")]
    Busy {
        /// The model file.
        path: PathBuf,
    },
    /// The stacks cannot be used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The grey windows cannot be found.
    #[error(transparent)]
    Grey(GreyError),
    /// The baselines cannot be computed.
    #[error(transparent)]
    Measure(MeasureError),
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device cannot be used or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model could not be saved, or the model to start from not be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl TrainError {
    /// Whether less memory would have sufficed for smaller steps.
    pub(super) fn is_full_memory(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Memory { .. }) | Self::Stack(StackError::Memory(_)))
    }
}

impl From<GreyError> for TrainError {
    fn from(error: GreyError) -> Self {
        match error {
            GreyError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Grey(other),
        }
    }
}

impl From<MeasureError> for TrainError {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Measure(other),
        }
    }
}
