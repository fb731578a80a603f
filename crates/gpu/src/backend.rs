//! CUDA as one of the devices.

use std::sync::Arc;

use undulator_compute::device::{Backend, Picked, Precision, Row};

use crate::{
    accelerator::CudaGpu,
    cuda::{Cuda, Gpu},
    matmul_precision::MatmulPrecision,
    probe, report, search,
};

/// `device=cuda`.
pub(crate) struct CudaBackend;

impl Backend for CudaBackend {
    fn name(&self) -> &'static str {
        "cuda"
    }

    fn pick(&self, index: Option<usize>, precision: Precision) -> Result<Picked, String> {
        let cuda = search::cuda();
        pick(&cuda, &|index| probe::usable(&cuda, index), index, precision)
    }

    fn report(&self) -> Vec<Row> {
        let cuda = search::cuda();
        report::rows(&cuda, &|index| probe::usable(&cuda, index))
    }
}

/// The GPU with that index, or the first that is `usable`.
fn pick(
    cuda: &Cuda,
    usable: &dyn Fn(usize) -> Result<(), String>,
    index: Option<usize>,
    precision: Precision,
) -> Result<Picked, String> {
    let (first, last) = index.map_or((0, cuda.gpus.len().saturating_sub(1)), |index| (index, index));
    let mut reasons = Vec::new();
    for index in first..=last {
        match (cuda.missing().map_or_else(|| usable(index), Err), cuda.gpus.get(index)) {
            (Ok(()), Some(gpu)) => return Ok(on_gpu(index, gpu, precision)),
            (Ok(()), None) => reasons.push(format!("there is no GPU {index}, only {}", cuda.gpus.len())),
            (Err(reason), _) => reasons.push(reason),
        }
    }
    reasons.dedup();
    Err(reasons.join("; "))
}

fn on_gpu(index: usize, gpu: &Gpu, precision: Precision) -> Picked {
    let (mut lines, title) = (Vec::new(), gpu.title());
    if !gpu.has_tf32() {
        if precision == Precision::Tf32 {
            lines.push(format!("precision=TF32 is not possible on the {title}: it computes with 32-bit floats"));
        }
        lines.push(format!(
            "the {title} has no tensor cores for TF32: plain kernels run there, and may be no faster than the CPU"
        ));
    }
    (Arc::new(CudaGpu { index, name: gpu.name.clone(), matmul: MatmulPrecision::on(gpu, precision) }), lines)
}

#[cfg(test)]
mod tests {
    use undulator_compute::{
        EngineError,
        device::{self, Device, DeviceRequest, Devices},
    };

    use super::*;
    use crate::cuda::complete;

    /// A machine with a two-thread CPU.
    struct Machine<'a> {
        cuda: &'a Cuda,
        usable: fn(usize) -> Result<(), String>,
    }

    impl Backend for Machine<'_> {
        fn name(&self) -> &'static str {
            CudaBackend.name()
        }

        fn pick(&self, index: Option<usize>, precision: Precision) -> Result<Picked, String> {
            pick(self.cuda, &self.usable, index, precision)
        }

        fn report(&self) -> Vec<Row> {
            report::rows(self.cuda, &self.usable)
        }
    }

    const CPU: &str = "CPU (2 threads)";

    impl Machine<'_> {
        fn picked(&self, request: DeviceRequest, precision: Precision) -> Result<(Device, Vec<String>), EngineError> {
            Devices::new(2, &[self]).pick(request, precision)
        }

        fn table(&self) -> Vec<String> {
            Devices::new(2, &[self]).report().iter().map(|row| row.join(" | ")).collect()
        }
    }

    fn picked(request: DeviceRequest, precision: Precision, cuda: &Cuda) -> Result<(Device, Vec<String>), EngineError> {
        Machine { cuda, usable: |_| Ok(()) }.picked(request, precision)
    }

    #[test]
    fn auto_takes_cuda_only_when_nothing_is_missing() {
        let (device, lines) = picked(DeviceRequest::Auto, Precision::Auto, &complete()).unwrap();
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
            let (device, lines) = picked(DeviceRequest::Auto, Precision::Auto, &cuda).unwrap();
            assert_eq!(device.to_string(), CPU);
            assert!(lines[0].starts_with("computing on the CPU, because ") && lines[0].contains(what), "{lines:?}");
            let error = picked(DeviceRequest::Cuda(0), Precision::Auto, &cuda).unwrap_err().to_string();
            assert!(error.starts_with("device=cuda:0 cannot be used: ") && error.contains(what), "{error}");
        }
        let error = picked(DeviceRequest::Cuda(3), Precision::Auto, &complete()).unwrap_err().to_string();
        assert!(error.contains("there is no GPU 3, only 1"), "{error}");
    }

    #[test]
    fn auto_takes_the_first_gpu_that_computes() {
        let cuda = &Cuda { gpus: [complete().gpus, complete().gpus].concat(), ..complete() };
        let usable = |index| if index == 1 { Ok(()) } else { Err("it is broken".to_owned()) };
        let (device, _) = Machine { cuda, usable }.picked(DeviceRequest::Auto, Precision::Auto).unwrap();
        assert_eq!(device.to_string(), "CUDA GPU 1 (A GPU), TF32");
        let error = Machine { cuda, usable }.picked(DeviceRequest::Cuda(0), Precision::Auto).unwrap_err().to_string();
        assert_eq!(error, "device=cuda:0 cannot be used: it is broken");
        let usable = |_| Err("it is broken".to_owned());
        let (device, lines) = Machine { cuda, usable }.picked(DeviceRequest::Auto, Precision::Auto).unwrap();
        assert_eq!(
            (device.to_string().as_str(), lines),
            (CPU, vec!["computing on the CPU, because it is broken".to_owned()])
        );
    }

    #[test]
    fn what_the_precision_comes_to_is_told() {
        let old = Gpu { capability: (7, 5), ..complete().gpus[0].clone() };
        let old = Cuda { gpus: vec![old], ..complete() };
        let (device, lines) = picked(DeviceRequest::Cuda(0), Precision::Tf32, &old).unwrap();
        assert_eq!(device.to_string(), "CUDA GPU 0 (A GPU), float32");
        let expected = [
            "precision=TF32 is not possible on the A GPU (compute capability 7.5): it computes with 32-bit floats",
            "the A GPU (compute capability 7.5) has no tensor cores for TF32: plain kernels run there, and may be no \
             faster than the CPU",
        ];
        assert_eq!(lines, expected);
        assert_eq!(picked(DeviceRequest::Cuda(0), Precision::Float32, &old).unwrap().1, expected[1..]);
        let (device, lines) = picked(DeviceRequest::Cuda(0), Precision::Float32, &complete()).unwrap();
        assert_eq!((device.to_string().as_str(), lines.len()), ("CUDA GPU 0 (A GPU), float32", 0));
        let (_, lines) = device::pick(DeviceRequest::Cpu, Precision::Tf32).unwrap();
        assert_eq!(lines, ["precision=TF32 is for GPUs: the CPU computes with 32-bit floats"]);
    }

    #[test]
    fn looking_for_cuda_never_panics_and_says_what_is_missing() {
        let cuda = search::cuda();
        if cuda.gpus.is_empty() {
            assert!(cuda.missing().is_some() && probe::usable(&cuda, 0).is_err());
        }
        let on_cpu = device::pick(DeviceRequest::Cpu, Precision::Float32);
        assert!(matches!(on_cpu, Ok((Device::Cpu { .. }, lines)) if lines.is_empty()));
    }

    #[test]
    fn a_complete_machine_has_a_row_for_everything() {
        let expected = [
            "NVIDIA driver | found | CUDA 12.8",
            "GPU 0 | usable | A GPU, compute capability 8.6, 1.0 GiB, TF32 tensor cores",
            "NVRTC | found | version 12.8, compiles kernels for the GPU",
            "CUDA headers | found | include",
            "CPU | found | 2 threads",
            "auto | CUDA GPU 0 (A GPU), TF32 | nothing is missing",
        ];
        assert_eq!(Machine { cuda: &complete(), usable: |_| Ok(()) }.table(), expected);
    }

    #[test]
    fn a_gpu_that_cannot_be_used_says_why() {
        let mut cuda = complete();
        cuda.gpus[0].capability = (6, 1);
        let table = Machine { cuda: &cuda, usable: |_| Err("NVRTC does not know it".to_owned()) }.table();
        let facts = "A GPU, compute capability 6.1, 1.0 GiB, plain kernels, may be no faster than the CPU";
        assert_eq!(table[1], format!("GPU 0 | not usable | {facts}: NVRTC does not know it"));
        assert_eq!(table[5], "auto | CPU (2 threads) | computing on the CPU, because NVRTC does not know it");
    }
}
