//! The project's own engine for the CPU.
//!
//! A plan becomes a `graph` whose nodes are images in blocks of channels as wide as the processor's vectors (`layout`).
//! Convolutions run in register tiles (`kernels`, for AVX-512, AVX2, NEON or whatever there is) with bias, activation and
//! pooling done while the values are at hand; those of 3×3 on all but the smallest images by Winograd's algorithm, with
//! 16 products in place of 36. The `trainer` walks the same graph backward: the gradient of an image is one more
//! convolution, that of the weights a sum over pixels (`gradient`).

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

/// Makes a plan ready to be applied.
///
/// # Errors
/// When the weights are not the plan's, or the plan's steps do not follow one another.
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

/// Makes a plan ready to be trained on from that state, whose weights must be in the plan's order.
///
/// # Errors
/// As for [`runner`].
pub fn trainer(plan: &Plan, state: &TrainerState, loss: Loss) -> Result<CpuTrainer, EngineError> {
    CpuTrainer::new(Isa::best(), plan, state, loss)
}
