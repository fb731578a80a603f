//! Networks on NVIDIA GPUs, by Burn: the backend behind `device=cuda`.
//!
//! [`register`] makes it one of the [devices](undulator_compute::device). `search` finds what there is of CUDA before
//! anything touches it: `driver` asks the NVIDIA driver, `toolkit` knows where CUDA's files may be, `headers` and `nvrtc`
//! take them from there. `probe` has a GPU compute something before anybody counts on it, `backend` picks one, and
//! `report` tells users. `engine` computes, on what `settle` and `kernel_cache` have set up.

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

/// Makes CUDA known to [`undulator_compute::device`]. Nothing is looked for yet.
pub fn register() {
    undulator_compute::device::register(&backend::CudaBackend);
}
