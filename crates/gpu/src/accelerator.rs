//! A usable GPU.

use std::fmt;

use undulator_compute::{
    EngineError, Loss, Runner, Trainer, TrainerState,
    device::Accelerator,
    network::{Plan, Weights},
};

use crate::{
    driver,
    engine::{BurnRunner, BurnTrainer},
    matmul_precision::MatmulPrecision,
    settle,
};

/// One NVIDIA GPU, and the precision of its multiplications.
#[derive(Clone, Debug)]
pub(crate) struct CudaGpu {
    /// Its index.
    pub index: usize,
    /// Its name, as reported by the driver.
    pub name: String,
    pub matmul: MatmulPrecision,
}

impl fmt::Display for CudaGpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = match self.matmul {
            MatmulPrecision::Tf32 => "TF32",
            MatmulPrecision::Float32 | MatmulPrecision::SplitTf32 => "float32",
        };
        write!(f, "CUDA GPU {} ({}), {precision}", self.index, self.name)
    }
}

impl Accelerator for CudaGpu {
    fn runner(&self, plan: &Plan, weights: &Weights) -> Result<Box<dyn Runner>, EngineError> {
        Ok(Box::new(BurnRunner::new(plan, weights, settle::cuda(self.index), self.matmul)?))
    }

    fn trainer(&self, plan: &Plan, state: &TrainerState, loss: Loss) -> Result<Box<dyn Trainer>, EngineError> {
        Ok(Box::new(BurnTrainer::new(plan, state, loss, settle::cuda(self.index), self.matmul)?))
    }

    fn free_memory(&self) -> Option<u64> {
        driver::free_memory(self.index)
    }
}
