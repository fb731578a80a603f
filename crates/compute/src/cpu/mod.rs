//! The project's own engine for the CPU.
//!
//! A plan becomes a `graph` whose nodes are images in blocks of channels as wide as the processor's vectors (`layout`).
//! Convolutions are register-tiled (`kernels`, for AVX-512, AVX2, NEON or portable), with bias, activation and pooling fused;
//! 3×3 convolutions of all but the smallest images use Winograd's algorithm, with 16 multiplications instead of 36. The
//! `trainer` walks the same graph backward: the gradient of an image is another convolution, that of the weights a sum over
//! pixels (`gradient`).

mod adam;
mod convolve;
mod footprint;
mod gradient;
mod graph;
mod kernels;
mod layout;
mod loss;
mod network;
mod pointwise;
mod pool;
#[cfg(test)]
mod reference;
mod runner;
#[cfg(test)]
mod tests;
mod trainer;

pub use runner::CpuRunner;
pub use trainer::CpuTrainer;

use crate::{
    error::EngineError,
    loss::Loss,
    network::{Plan, Weights},
    simd::Isa,
    trainer::TrainerState,
};

/// Prepares a plan for applying it.
///
/// # Errors
/// When the weights do not fit the plan, or its steps do not fit together.
///
/// ```
/// use undulator_compute::{Images, Runner, cpu};
/// use undulator_compute::network::{Activation, Architecture, Spec, Weights};
///
/// let spec = Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 8, residual: true };
/// let plan = spec.plan()?;
/// let mut runner = cpu::runner(&plan, &Weights::initial(&spec, &plan, 1))?;
/// let images = Images { count: 1, height: 8, width: 12, values: vec![0.5; 96] };
/// assert_eq!(runner.run(&images)?.len(), 96);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn runner(plan: &Plan, weights: &Weights) -> Result<CpuRunner, EngineError> {
    CpuRunner::new(Isa::best(), plan, weights)
}

/// Prepares a plan for training from that state, whose weights must be in the plan's order.
///
/// # Errors
/// As for [`runner`].
pub fn trainer(plan: &Plan, state: &TrainerState, loss: Loss) -> Result<CpuTrainer, EngineError> {
    CpuTrainer::new(Isa::best(), plan, state, loss)
}
