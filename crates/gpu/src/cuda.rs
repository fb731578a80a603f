//! What was found of CUDA on this machine.

use std::path::PathBuf;

/// One NVIDIA GPU that the driver reports.
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
    pub(crate) fn title(&self) -> String {
        let (major, minor) = self.capability;
        format!("{} (compute capability {major}.{minor})", self.name)
    }
}

/// The NVRTC, CUDA's run-time compiler, that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nvrtc {
    /// Its version, as (major, minor).
    pub version: (i32, i32),
    /// Its file, if this program chose it rather than the system's loader.
    pub file: Option<PathBuf>,
    /// What would fit better but cannot be used, and what to do.
    pub passed_over: Option<String>,
}

/// What was found of CUDA. Everything is looked up at run time: nothing of CUDA is needed to build or to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuda {
    /// The driver's CUDA version as (major, minor), or what is missing and what to do.
    pub driver: Result<(i32, i32), String>,
    /// The GPUs that the driver reports.
    pub gpus: Vec<Gpu>,
    /// NVRTC, or what is missing and what to do.
    pub nvrtc: Result<Nvrtc, String>,
    /// The folder of the CUDA headers, or what is missing and what to do.
    pub headers: Result<PathBuf, String>,
}

/// The oldest CUDA version that a driver must support.
const OLDEST: (i32, i32) = (12, 0);

impl Cuda {
    /// The first reason why CUDA cannot be used, with what to do; `None` if everything is there.
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
}

/// A complete machine.
#[cfg(test)]
pub(crate) fn complete() -> Cuda {
    Cuda {
        driver: Ok((12, 8)),
        gpus: vec![Gpu { name: "A GPU".to_owned(), memory: 1 << 30, capability: (8, 6) }],
        nvrtc: Ok(Nvrtc { version: (12, 8), file: None, passed_over: None }),
        headers: Ok("include".into()),
    }
}
