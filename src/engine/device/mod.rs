//! Which devices there are, what is missing, and which one `auto` picks.
//!
//! `toolkit` knows where CUDA's files may be, `headers` and `nvrtc` take them from there, `probe` has a GPU compute
//! something before anybody counts on it, and `report` tells users.

mod cuda;
// Tested in every build, used in those with CUDA.
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
mod headers;
#[cfg(feature = "cuda")]
mod nvrtc;
mod precision;
#[cfg(feature = "cuda")]
mod probe;
mod report;
#[cfg(feature = "cuda")]
mod search;
#[cfg(feature = "cuda")]
mod settle;
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
mod toolkit;

use std::{fmt, str::FromStr, thread::available_parallelism};

pub use cuda::{Cuda, Gpu, Nvrtc};
pub use precision::{Choice, Precision};
pub use report::report;

#[cfg(feature = "cuda")]
use super::burn::{BurnRunner, BurnTrainer};
#[cfg(not(feature = "cuda"))]
use super::driver;
use super::{EngineError, Loss, Multiply, Runner, Trainer, TrainerState, cpu, worker};
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
        /// How it multiplies.
        multiply: Multiply,
    },
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads } => write!(f, "CPU ({threads} threads)"),
            Self::Cuda { index, name, multiply } => {
                let precision = match multiply {
                    Multiply::Tf32 => "TF32",
                    Multiply::Float32 | Multiply::SplitTf32 => "float32",
                };
                write!(f, "CUDA GPU {index} ({name}), {precision}")
            }
        }
    }
}

/// Picks the device to use, and gives lines for the log: why `auto` is not CUDA, and what else differs from what was asked.
///
/// # Errors
/// When CUDA was asked for by name and cannot be used: it never falls back to the CPU in silence.
pub fn pick(wanted: Wanted, precision: Precision) -> Result<(Device, Vec<String>), EngineError> {
    // The CPU needs no look at CUDA, which takes a moment.
    if wanted == Wanted::Cpu {
        return Ok(on_the_cpu(this_cpu(), precision, Vec::new()));
    }
    let cuda = Cuda::find();
    pick_with(wanted, precision, &cuda, &|index| cuda.usable(index), this_cpu())
}

fn this_cpu() -> Device {
    Device::Cpu { threads: available_parallelism().map_or(1, |n| n.get()) }
}

fn pick_with(
    wanted: Wanted,
    precision: Precision,
    cuda: &Cuda,
    usable: &dyn Fn(usize) -> Result<(), String>,
    cpu: Device,
) -> Result<(Device, Vec<String>), EngineError> {
    let (first, last) = match wanted {
        Wanted::Cpu => return Ok(on_the_cpu(cpu, precision, Vec::new())),
        Wanted::Cuda(index) => (index, index),
        Wanted::Auto => (0, cuda.gpus.len().saturating_sub(1)),
    };
    let mut reasons = Vec::new();
    for index in first..=last {
        match (cuda.missing().map_or_else(|| usable(index), Err), cuda.gpus.get(index)) {
            (Ok(()), Some(gpu)) => return Ok(on_gpu(index, gpu, precision)),
            (Ok(()), None) => reasons.push(format!("there is no GPU {index}, only {}", cuda.gpus.len())),
            (Err(reason), _) => reasons.push(reason),
        }
    }
    reasons.dedup();
    let reason = reasons.join("; ");
    match wanted {
        Wanted::Cuda(index) => Err(EngineError::Unusable { wanted: format!("cuda:{index}"), reason }),
        Wanted::Auto | Wanted::Cpu => {
            Ok(on_the_cpu(cpu, precision, vec![format!("computing on the CPU, because {reason}")]))
        }
    }
}

fn on_the_cpu(cpu: Device, precision: Precision, mut lines: Vec<String>) -> (Device, Vec<String>) {
    if precision == Precision::Tf32 {
        lines.push("precision=TF32 is for GPUs: the CPU computes with 32-bit floats".to_owned());
    }
    (cpu, lines)
}

fn on_gpu(index: usize, gpu: &Gpu, precision: Precision) -> (Device, Vec<String>) {
    let (mut lines, title) = (Vec::new(), gpu.title());
    if !gpu.has_tf32() {
        if precision == Precision::Tf32 {
            lines.push(format!("precision=TF32 is not possible on the {title}: it computes with 32-bit floats"));
        }
        lines.push(format!(
            "the {title} has no tensor cores for TF32: plain kernels run there, and may be no faster than the CPU"
        ));
    }
    (Device::Cuda { index, name: gpu.name.clone(), multiply: precision.on(gpu) }, lines)
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
        Device::Cuda { index, multiply, .. } => {
            Box::new(BurnRunner::new(plan, weights, settle::cuda(*index), *multiply)?)
        }
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
        Device::Cuda { index, multiply, .. } => {
            Box::new(BurnTrainer::new(plan, state, loss, settle::cuda(*index), *multiply)?)
        }
        #[cfg(not(feature = "cuda"))]
        Device::Cuda { .. } => return Err(without_cuda(device)),
    })
}

#[cfg(not(feature = "cuda"))]
fn without_cuda(device: &Device) -> EngineError {
    EngineError::Unusable { wanted: device.to_string(), reason: driver::ABSENT.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Device = Device::Cpu { threads: 2 };

    pub fn complete() -> Cuda {
        Cuda {
            driver: Ok((12, 8)),
            gpus: vec![Gpu { name: "A GPU".to_owned(), memory: 1 << 30, capability: (8, 6) }],
            nvrtc: Ok(Nvrtc { version: (12, 8), file: None, passed_over: None }),
            headers: Ok("include".into()),
        }
    }

    fn picked(wanted: Wanted, precision: Precision, cuda: &Cuda) -> Result<(Device, Vec<String>), EngineError> {
        pick_with(wanted, precision, cuda, &|_| Ok(()), CPU)
    }

    #[test]
    fn auto_takes_cuda_only_when_nothing_is_missing() {
        let (device, lines) = picked(Wanted::Auto, Precision::Auto, &complete()).unwrap();
        assert_eq!(device.to_string(), "CUDA GPU 0 (A GPU), TF32");
        assert!(lines.is_empty());
        let lacking = [
            (Cuda { driver: Err("no driver".to_owned()), gpus: vec![], ..complete() }, "no driver"),
            (Cuda { gpus: vec![], ..complete() }, "shows no GPU"),
            (Cuda { driver: Ok((11, 8)), ..complete() }, "it speaks CUDA 11.8, and 12.0 or newer is needed"),
            (Cuda { nvrtc: Err("no NVRTC".to_owned()), ..complete() }, "no NVRTC"),
            (Cuda { headers: Err("no headers".to_owned()), ..complete() }, "no headers"),
        ];
        for (cuda, what) in lacking {
            let (device, lines) = picked(Wanted::Auto, Precision::Auto, &cuda).unwrap();
            assert_eq!(device, CPU);
            assert!(lines[0].starts_with("computing on the CPU, because ") && lines[0].contains(what), "{lines:?}");
            let error = picked(Wanted::Cuda(0), Precision::Auto, &cuda).unwrap_err().to_string();
            assert!(error.starts_with("device=cuda:0 cannot be used: ") && error.contains(what), "{error}");
        }
        let error = picked(Wanted::Cuda(3), Precision::Auto, &complete()).unwrap_err().to_string();
        assert!(error.contains("there is no GPU 3, only 1"), "{error}");
    }

    #[test]
    fn auto_takes_the_first_gpu_that_computes() {
        let cuda = Cuda { gpus: [complete().gpus, complete().gpus].concat(), ..complete() };
        let second = |index| if index == 1 { Ok(()) } else { Err("it is broken".to_owned()) };
        let (device, _) = pick_with(Wanted::Auto, Precision::Auto, &cuda, &second, CPU).unwrap();
        assert!(matches!(device, Device::Cuda { index: 1, .. }));
        let error = pick_with(Wanted::Cuda(0), Precision::Auto, &cuda, &second, CPU).unwrap_err().to_string();
        assert_eq!(error, "device=cuda:0 cannot be used: it is broken");
        let none = |_| Err("it is broken".to_owned());
        let (device, lines) = pick_with(Wanted::Auto, Precision::Auto, &cuda, &none, CPU).unwrap();
        assert_eq!((device, lines), (CPU, vec!["computing on the CPU, because it is broken".to_owned()]));
    }

    #[test]
    fn what_the_precision_comes_to_is_told() {
        let old = Gpu { capability: (7, 5), ..complete().gpus[0].clone() };
        let old = Cuda { gpus: vec![old], ..complete() };
        let (device, lines) = picked(Wanted::Cuda(0), Precision::Tf32, &old).unwrap();
        assert_eq!(device.to_string(), "CUDA GPU 0 (A GPU), float32");
        let expected = [
            "precision=TF32 is not possible on the A GPU (compute capability 7.5): it computes with 32-bit floats",
            "the A GPU (compute capability 7.5) has no tensor cores for TF32: plain kernels run there, and may be no \
             faster than the CPU",
        ];
        assert_eq!(lines, expected);
        assert_eq!(picked(Wanted::Cuda(0), Precision::Float32, &old).unwrap().1, expected[1..]);
        let (device, lines) = picked(Wanted::Cuda(0), Precision::Float32, &complete()).unwrap();
        assert_eq!((device.to_string().as_str(), lines.len()), ("CUDA GPU 0 (A GPU), float32", 0));
        let (_, lines) = pick(Wanted::Cpu, Precision::Tf32).unwrap();
        assert_eq!(lines, ["precision=TF32 is for GPUs: the CPU computes with 32-bit floats"]);
    }

    #[test]
    fn looking_for_cuda_never_panics_and_says_what_is_missing() {
        let cuda = Cuda::find();
        if cuda.gpus.is_empty() {
            assert!(cuda.missing().is_some() && cuda.usable(0).is_err());
        }
        assert!(matches!(pick(Wanted::Cpu, Precision::Float32), Ok((Device::Cpu { .. }, lines)) if lines.is_empty()));
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
