//! The interface of backends: crates that compute on other devices than the CPU.

use std::{fmt, sync::Arc};

use super::precision::Precision;
use crate::{
    error::EngineError,
    loss::Loss,
    network::{Plan, Weights},
    runner::Runner,
    trainer::{Trainer, TrainerState},
};

/// A row of a table: item, state, detail.
pub type Row = [String; 3];

/// An accelerator, and lines for the log: what differs from what was asked.
pub type Picked = (Arc<dyn Accelerator>, Vec<String>);

/// A kind of accelerator.
pub trait Backend: Send + Sync {
    /// Its name in `device=`.
    fn name(&self) -> &'static str;

    /// The accelerator with that number, or the first that can be used.
    ///
    /// # Errors
    /// What is missing or does not fit, and what to do, in words for users.
    fn pick(&self, index: Option<usize>, precision: Precision) -> Result<Picked, String>;

    /// What was found and what is missing, as table rows.
    fn report(&self) -> Vec<Row>;
}

/// One device that can be used, other than the CPU. As text it is what logs and models call it. All its work is called
/// on the one thread of [`worker::run`](crate::worker::run).
pub trait Accelerator: fmt::Debug + fmt::Display + Send + Sync {
    /// A network, ready to be applied.
    ///
    /// # Errors
    /// When the device has no memory for the weights, or fails.
    fn runner(&self, plan: &Plan, weights: &Weights) -> Result<Box<dyn Runner>, EngineError>;

    /// A network, ready to be trained on from that state.
    ///
    /// # Errors
    /// When the state is not the plan's, or the device has no memory for it, or fails.
    fn trainer(&self, plan: &Plan, state: &TrainerState, loss: Loss) -> Result<Box<dyn Trainer>, EngineError>;

    /// Bytes of its memory that are free; `None` where it does not say.
    fn free_memory(&self) -> Option<u64>;
}
