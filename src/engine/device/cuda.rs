//! What there is of CUDA on this machine.

use std::path::PathBuf;

#[cfg(feature = "cuda")]
use super::{probe, search};
#[cfg(not(feature = "cuda"))]
use crate::engine::driver;

/// One NVIDIA GPU that the driver shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Its memory, bytes.
    pub memory: usize,
    /// Its compute capability, as (major, minor).
    pub capability: (i32, i32),
}

impl Gpu {
    /// Whether it has tensor cores for TF32, which the fast kernels need.
    pub fn has_tf32(&self) -> bool {
        self.capability >= (8, 0)
    }

    /// Its name and compute capability.
    pub(super) fn title(&self) -> String {
        let (major, minor) = self.capability;
        format!("{} (compute capability {major}.{minor})", self.name)
    }
}

/// NVRTC, CUDA's run-time compiler, as it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nvrtc {
    /// Its version, as (major, minor).
    pub version: (i32, i32),
    /// Its file, where this program chose it; the system's loader chose it otherwise.
    pub file: Option<PathBuf>,
    /// What would suit better but cannot be used, and what to do.
    pub passed_over: Option<String>,
}

/// What was found of CUDA. Everything is looked up at run time: nothing of CUDA is needed to build or to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuda {
    /// The driver's CUDA version as (major, minor), or what is missing and what to do.
    pub driver: Result<(i32, i32), String>,
    /// The GPUs that the driver shows.
    pub gpus: Vec<Gpu>,
    /// NVRTC, or what is missing and what to do.
    pub nvrtc: Result<Nvrtc, String>,
    /// The folder of the CUDA headers, or what is missing and what to do.
    pub headers: Result<PathBuf, String>,
}

/// The oldest CUDA that a driver must speak.
const OLDEST: (i32, i32) = (12, 0);

impl Cuda {
    /// Looks for the driver, its GPUs, NVRTC and the headers.
    #[cfg(feature = "cuda")]
    pub fn find() -> Self {
        search::cuda()
    }

    /// Finds nothing: this build has no CUDA.
    #[cfg(not(feature = "cuda"))]
    pub fn find() -> Self {
        let absent = || driver::ABSENT.to_owned();
        Self { driver: Err(absent()), gpus: Vec::new(), nvrtc: Err(absent()), headers: Err(absent()) }
    }

    /// The first thing that keeps CUDA from being used, with what to do; `None` when all is there.
    pub fn missing(&self) -> Option<String> {
        let none = || "the NVIDIA driver shows no GPU (nvidia-smi lists them)".to_owned();
        let too_old = |version: &(i32, i32)| {
            let ((major, minor), (least, _)) = (*version, OLDEST);
            (*version < OLDEST).then(|| {
                format!(
                    "the NVIDIA driver is too old: it speaks CUDA {major}.{minor}, and {least}.0 or newer is needed \
                     (update the NVIDIA driver)"
                )
            })
        };
        (self.driver.as_ref().err().cloned())
            .or_else(|| self.gpus.is_empty().then(none))
            .or_else(|| self.driver.as_ref().ok().and_then(too_old))
            .or_else(|| self.nvrtc.as_ref().err().cloned())
            .or_else(|| self.headers.as_ref().err().cloned())
    }

    /// Whether GPU `index` computes what it should, or why not and what to do. The first time it compiles and runs a
    /// small kernel.
    ///
    /// # Errors
    /// What is missing or does not fit, in words for users.
    pub fn usable(&self, index: usize) -> Result<(), String> {
        if let Some(reason) = self.missing() {
            return Err(reason);
        }
        let Some(gpu) = self.gpus.get(index) else {
            return Err(format!("there is no GPU {index}, only {}", self.gpus.len()));
        };
        self.probe(index, gpu)
    }

    #[cfg(feature = "cuda")]
    fn probe(&self, index: usize, gpu: &Gpu) -> Result<(), String> {
        let (Ok(driver), Ok(nvrtc), Ok(include)) = (&self.driver, &self.nvrtc, &self.headers) else {
            return Err(self.missing().unwrap_or_default());
        };
        probe::run(index, &probe::Case { gpu, driver: *driver, nvrtc, include })
    }

    #[cfg(not(feature = "cuda"))]
    fn probe(&self, _index: usize, _gpu: &Gpu) -> Result<(), String> {
        Err(driver::ABSENT.to_owned())
    }
}
