//! A device that can be used, and its work.

use std::{fmt, sync::Arc};

use super::backend::Accelerator;
use crate::{
    cpu,
    error::EngineError,
    loss::Loss,
    network::{Plan, Weights},
    runner::Runner,
    trainer::{Trainer, TrainerState},
    worker,
};

/// A device that can be used.
#[derive(Clone, Debug)]
pub enum Device {
    /// All cores of this machine, as one device.
    Cpu {
        /// Number of threads.
        threads: usize,
    },
    /// An accelerator of a backend.
    Accelerator(Arc<dyn Accelerator>),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads } => write!(f, "CPU ({threads} threads)"),
            Self::Accelerator(accelerator) => accelerator.fmt(f),
        }
    }
}

/// Runs `job` on the thread that the device wants, waits for it, and turns a panic into an error. The CPU takes the
/// caller's own thread, so that stacks can be restored while a training runs.
///
/// # Errors
/// When the job panicked.
pub fn compute<T: Send>(device: &Device, job: impl FnOnce() -> T + Send) -> Result<T, EngineError> {
    match device {
        Device::Cpu { .. } => worker::catch(job),
        Device::Accelerator(_) => worker::run(job),
    }
}

/// A network on that device, ready to be applied. Call it where [`compute`] calls.
///
/// # Errors
/// When the weights are not the plan's.
pub fn runner(device: &Device, plan: &Plan, weights: &Weights) -> Result<Box<dyn Runner>, EngineError> {
    match device {
        Device::Cpu { .. } => Ok(Box::new(cpu::runner(plan, weights)?)),
        Device::Accelerator(accelerator) => accelerator.runner(plan, weights),
    }
}

/// A network on that device, ready to be trained on from that state. Call it where [`compute`] calls.
///
/// # Errors
/// When the state is not the plan's.
pub fn trainer(
    device: &Device,
    plan: &Plan,
    state: &TrainerState,
    loss: Loss,
) -> Result<Box<dyn Trainer>, EngineError> {
    match device {
        Device::Cpu { .. } => Ok(Box::new(cpu::trainer(plan, state, loss)?)),
        Device::Accelerator(accelerator) => accelerator.trainer(plan, state, loss),
    }
}
