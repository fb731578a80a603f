//! Why a training could not be done.

use std::path::PathBuf;

use crate::{
    engine::EngineError, grey::GreyError, measure::MeasureError, model::ModelError, network::NetworkError,
    stack::StackError,
};

/// Why a training could not be done.
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
    /// The user stopped before there was anything to keep.
    #[error("cancelled before the first epoch was finished: no model was written")]
    Cancelled,
    /// The loss is not a number any more.
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
    #[error("{source}; the trained model is in {refuge}")]
    Rescued {
        /// Why not.
        source: ModelError,
        /// Where it is.
        refuge: PathBuf,
    },
    /// The stacks cannot be used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The grey windows cannot be found.
    #[error(transparent)]
    Grey(#[from] GreyError),
    /// The baselines cannot be computed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device cannot be used or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model could not be saved.
    #[error(transparent)]
    Model(#[from] ModelError),
}
