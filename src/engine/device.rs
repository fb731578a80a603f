//! Which devices there are, what is missing, and which one `auto` picks.

use std::{fmt, path::PathBuf, str::FromStr, thread::available_parallelism};

use super::{EngineError, Loss, Runner, Trainer, TrainerState, cpu, driver, worker};
#[cfg(feature = "cuda")]
use super::{
    burn::{BurnRunner, BurnTrainer},
    kernel_cache,
};
use crate::network::{Plan, Weights};

/// The device that a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// CUDA where there is a usable one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU with this number.
    Cuda(usize),
}

impl FromStr for Wanted {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || EngineError::Unusable {
            wanted: name.to_owned(),
            reason: "choose auto, cpu, cuda, or cuda:1 for the second GPU".to_owned(),
        };
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => name.strip_prefix("cuda:").and_then(|n| n.parse().ok()).map(Self::Cuda).ok_or_else(unknown),
        }
    }
}

/// A device that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// All cores of this machine.
    Cpu {
        /// How many threads compute.
        threads: usize,
    },
    /// One NVIDIA GPU.
    Cuda {
        /// Its number.
        index: usize,
        /// Its name, as the driver gives it.
        name: String,
    },
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads } => write!(f, "CPU ({threads} threads)"),
            Self::Cuda { index, name } => write!(f, "CUDA GPU {index} ({name})"),
        }
    }
}

/// One NVIDIA GPU that the driver shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Its memory, bytes.
    pub memory: usize,
}

/// What was found of CUDA. Everything is looked up at run time: nothing of CUDA is needed to build or to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuda {
    /// The driver's CUDA version as (major, minor), or what is missing and what to do.
    pub driver: Result<(i32, i32), String>,
    /// The GPUs that the driver shows.
    pub gpus: Vec<Gpu>,
    /// NVRTC, the run-time compiler: nothing, or what is missing and what to do.
    pub nvrtc: Result<(), String>,
    /// The folder of the CUDA headers, or what is missing and what to do.
    pub headers: Result<PathBuf, String>,
}

impl Cuda {
    /// Looks for the driver, its GPUs, NVRTC and the headers.
    pub fn find() -> Self {
        let (driver, gpus) = match driver::find() {
            Ok((version, gpus)) => (Ok(version), gpus),
            Err(reason) => (Err(reason), Vec::new()),
        };
        Self { driver, gpus, nvrtc: driver::find_nvrtc(), headers: find_headers() }
    }

    /// The first thing that keeps CUDA from being used, with what to do; `None` when all is there.
    pub fn missing(&self) -> Option<String> {
        let none = || "the NVIDIA driver shows no GPU (nvidia-smi lists them)".to_owned();
        (self.driver.as_ref().err().cloned())
            .or_else(|| self.gpus.is_empty().then(none))
            .or_else(|| self.nvrtc.as_ref().err().cloned())
            .or_else(|| self.headers.as_ref().err().cloned())
    }
}

fn find_headers() -> Result<PathBuf, String> {
    let advice = "install the CUDA toolkit, or its package cuda-cudart-dev, and let CUDA_PATH name its folder";
    // The places where CubeCL looks, so that it never panics for want of them.
    let root = match std::env::var_os("CUDA_PATH") {
        Some(path) => Some(PathBuf::from(path)),
        None if cfg!(windows) => Some(PathBuf::from("C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/")),
        None => {
            let usual = ["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from).into_iter().find(|path| path.exists());
            usual.or_else(|| PathBuf::from("/usr/bin/nvcc").exists().then(|| PathBuf::from("/usr")))
        }
    };
    let Some(root) = root else {
        return Err(format!("the CUDA headers are missing: no CUDA_PATH, /usr/local/cuda or /opt/cuda ({advice})"));
    };
    let include = root.join("include");
    match include.join("cuda_runtime.h").exists() {
        true => Ok(include),
        false => Err(format!("the CUDA headers are missing: no cuda_runtime.h in {} ({advice})", include.display())),
    }
}

/// Picks the device to use. With `auto`, the second value says in one line why it is not CUDA.
///
/// # Errors
/// When CUDA was asked for by name and cannot be used: it never falls back to the CPU in silence.
pub fn pick(wanted: Wanted) -> Result<(Device, Option<String>), EngineError> {
    if wanted == Wanted::Cpu {
        return Ok((this_cpu(), None));
    }
    pick_with(wanted, &Cuda::find(), this_cpu())
}

fn this_cpu() -> Device {
    Device::Cpu { threads: threads() }
}

fn threads() -> usize {
    available_parallelism().map_or(1, |n| n.get())
}

fn pick_with(wanted: Wanted, cuda: &Cuda, cpu: Device) -> Result<(Device, Option<String>), EngineError> {
    let index = if let Wanted::Cuda(index) = wanted { index } else { 0 };
    let reason = match (cuda.missing(), cuda.gpus.get(index)) {
        (None, Some(gpu)) => return Ok((Device::Cuda { index, name: gpu.name.clone() }, None)),
        (None, None) => format!("there is no GPU {index}, only {}", cuda.gpus.len()),
        (Some(reason), _) => reason,
    };
    match wanted {
        Wanted::Cuda(index) => Err(EngineError::Unusable { wanted: format!("cuda:{index}"), reason }),
        Wanted::Auto | Wanted::Cpu => Ok((cpu, Some(format!("computing on the CPU, because {reason}")))),
    }
}

/// Everything that was found and what is missing, in rows of item, state and detail, for a table.
pub fn report() -> Vec<[String; 3]> {
    let cuda = Cuda::find();
    let row = |item: &str, state: &str, detail: String| [item.to_owned(), state.to_owned(), detail];
    let mut rows = vec![match &cuda.driver {
        Ok((major, minor)) => row("NVIDIA driver", "found", format!("CUDA {major}.{minor}")),
        Err(reason) => row("NVIDIA driver", "missing", reason.clone()),
    }];
    for (index, gpu) in cuda.gpus.iter().enumerate() {
        let memory = gpu.memory as f64 / f64::from(1 << 30);
        rows.push(row(&format!("GPU {index}"), "found", format!("{}, {memory:.1} GiB", gpu.name)));
    }
    rows.push(match &cuda.nvrtc {
        Ok(()) => row("NVRTC", "found", "compiles kernels for the GPU".to_owned()),
        Err(reason) => row("NVRTC", "missing", reason.clone()),
    });
    rows.push(match &cuda.headers {
        Ok(folder) => row("CUDA headers", "found", folder.display().to_string()),
        Err(reason) => row("CUDA headers", "missing", reason.clone()),
    });
    rows.push(row("CPU", "found", format!("{} threads", threads())));
    rows.push(match pick_with(Wanted::Auto, &cuda, this_cpu()) {
        Ok((device, why)) => row("auto", &device.to_string(), why.unwrap_or_else(|| "nothing is missing".to_owned())),
        Err(error) => row("auto", "none", error.to_string()),
    });
    rows
}

/// Runs `job` on the thread that the device wants, waits for it, and turns a panic into an error. The CPU takes the
/// caller's own thread, so that stacks can be restored while a training runs.
///
/// # Errors
/// When the job panicked.
pub fn compute<T: Send>(device: &Device, job: impl FnOnce() -> T + Send) -> Result<T, EngineError> {
    match device {
        Device::Cpu { .. } => worker::catch(job),
        Device::Cuda { .. } => worker::run(job),
    }
}

/// A network on that device, ready to be applied. Call it where [`compute`] calls.
///
/// # Errors
/// When the weights are not the plan's.
pub fn runner(device: &Device, plan: &Plan, weights: &Weights) -> Result<Box<dyn Runner>, EngineError> {
    Ok(match device {
        Device::Cpu { .. } => Box::new(cpu::runner(plan, weights)?),
        #[cfg(feature = "cuda")]
        Device::Cuda { index, .. } => Box::new(BurnRunner::new(plan, weights, cuda(*index), super::Multiply::Tf32)?),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda { .. } => return Err(without_cuda(device)),
    })
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
    Ok(match device {
        Device::Cpu { .. } => Box::new(cpu::trainer(plan, state, loss)?),
        #[cfg(feature = "cuda")]
        Device::Cuda { index, .. } => {
            Box::new(BurnTrainer::new(plan, state, loss, cuda(*index), super::Multiply::Tf32)?)
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda { .. } => return Err(without_cuda(device)),
    })
}

#[cfg(not(feature = "cuda"))]
fn without_cuda(device: &Device) -> EngineError {
    EngineError::Unusable { wanted: device.to_string(), reason: driver::ABSENT.to_owned() }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> burn::DispatchDevice {
    kernel_cache::keep();
    burn::DispatchDevice::Cuda(burn_cuda::CudaDevice::new(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Device = Device::Cpu { threads: 2 };

    fn complete() -> Cuda {
        Cuda {
            driver: Ok((12, 8)),
            gpus: vec![Gpu { name: "A GPU".to_owned(), memory: 1 << 30 }],
            nvrtc: Ok(()),
            headers: Ok(PathBuf::from("include")),
        }
    }

    #[test]
    fn auto_takes_cuda_only_when_nothing_is_missing() {
        let (device, why) = pick_with(Wanted::Auto, &complete(), CPU).unwrap();
        assert_eq!((device, why), (Device::Cuda { index: 0, name: "A GPU".to_owned() }, None));
        let lacking = [
            (Cuda { driver: Err("no driver".to_owned()), gpus: vec![], ..complete() }, "no driver"),
            (Cuda { gpus: vec![], ..complete() }, "shows no GPU"),
            (Cuda { nvrtc: Err("no NVRTC".to_owned()), ..complete() }, "no NVRTC"),
            (Cuda { headers: Err("no headers".to_owned()), ..complete() }, "no headers"),
        ];
        for (cuda, what) in lacking {
            let (device, why) = pick_with(Wanted::Auto, &cuda, CPU).unwrap();
            assert_eq!(device, CPU);
            assert!(why.unwrap().contains(what));
            let error = pick_with(Wanted::Cuda(0), &cuda, CPU).unwrap_err().to_string();
            assert!(error.starts_with("device=cuda:0 cannot be used: ") && error.contains(what), "{error}");
        }
        let error = pick_with(Wanted::Cuda(3), &complete(), CPU).unwrap_err().to_string();
        assert!(error.contains("there is no GPU 3, only 1"), "{error}");
    }

    #[test]
    fn looking_for_cuda_never_panics_and_says_what_is_missing() {
        let cuda = Cuda::find();
        if cuda.gpus.is_empty() {
            assert!(cuda.missing().is_some());
        }
        assert!(matches!(pick(Wanted::Cpu), Ok((Device::Cpu { .. }, None))));
    }

    #[test]
    fn device_names_are_read() {
        let names =
            [("auto", Wanted::Auto), ("cpu", Wanted::Cpu), ("cuda", Wanted::Cuda(0)), ("cuda:2", Wanted::Cuda(2))];
        for (name, wanted) in names {
            assert_eq!(name.parse::<Wanted>().unwrap(), wanted);
        }
        assert!("gpu".parse::<Wanted>().unwrap_err().to_string().contains("device=gpu"));
    }
}
