//! Networks on NVIDIA GPUs, by Burn: the backend behind `device=cuda`.
//!
//! [`register`] adds it to the [devices](undulator_compute::device). `search` looks for CUDA before it is used: `driver`
//! queries the NVIDIA driver, `toolkit` knows the usual folders, and `headers` and `nvrtc` find the files there. `probe` tests a
//! GPU with a small computation before it is used, `backend` picks one, and `report` shows users what was found. `engine`
//! computes, on what `settle` and `kernel_cache` have configured.

mod accelerator;
mod backend;
mod cache;
mod cuda;
mod driver;
mod engine;
mod headers;
mod kernel_cache;
mod matmul_precision;
mod nvrtc;
mod probe;
mod report;
mod search;
mod settle;
mod toolkit;

pub use engine::{BurnRunner, BurnTrainer};
pub use matmul_precision::MatmulPrecision;

/// Registers CUDA with [`undulator_compute::device`]. Nothing is searched for yet.
pub fn register() {
    undulator_compute::device::register(&backend::CudaBackend);
}
