//! What there is and what is missing, as a table for users.

use super::{Cuda, Device, Gpu, Precision, Wanted, pick_with, this_cpu};

type Row = [String; 3];

/// Everything that was found and what is missing, in rows of item, state and detail, for a table. Every GPU computes
/// something small for it.
pub fn report() -> Vec<Row> {
    let cuda = Cuda::find();
    rows(&cuda, &|index| cuda.usable(index), this_cpu())
}

fn rows(cuda: &Cuda, usable: &dyn Fn(usize) -> Result<(), String>, cpu: Device) -> Vec<Row> {
    let found = |item: &str, what: Result<String, &String>| match what {
        Ok(detail) => row(item, "found", detail),
        Err(reason) => row(item, "missing", reason.clone()),
    };
    let threads = if let Device::Cpu { threads } = cpu { threads } else { 0 };
    let mut rows =
        vec![found("NVIDIA driver", cuda.driver.as_ref().map(|(major, minor)| format!("CUDA {major}.{minor}")))];
    rows.extend(cuda.gpus.iter().enumerate().map(|(index, gpu)| gpu_row(index, gpu, usable(index))));
    let compiles = |(major, minor)| format!("version {major}.{minor}, compiles kernels for the GPU");
    rows.push(found("NVRTC", cuda.nvrtc.as_ref().map(|nvrtc| compiles(nvrtc.version))));
    rows.push(found("CUDA headers", cuda.headers.as_ref().map(|folder| folder.display().to_string())));
    rows.push(row("CPU", "found", format!("{threads} threads")));
    rows.push(match pick_with(Wanted::Auto, Precision::Auto, cuda, usable, cpu) {
        Ok((device, lines)) if lines.is_empty() => row("auto", &device.to_string(), "nothing is missing".to_owned()),
        Ok((device, lines)) => row("auto", &device.to_string(), lines.join("; ")),
        Err(error) => row("auto", "none", error.to_string()),
    });
    rows
}

fn row(item: &str, state: &str, detail: String) -> Row {
    [item.to_owned(), state.to_owned(), detail]
}

fn gpu_row(index: usize, gpu: &Gpu, usable: Result<(), String>) -> Row {
    let (major, minor) = gpu.capability;
    let memory = gpu.memory as f64 / f64::from(1 << 30);
    let kernels = if gpu.has_tf32() { "TF32 tensor cores" } else { "plain kernels, may be no faster than the CPU" };
    let facts = format!("{}, compute capability {major}.{minor}, {memory:.1} GiB, {kernels}", gpu.name);
    let item = format!("GPU {index}");
    match usable {
        Ok(()) => row(&item, "usable", facts),
        Err(reason) => row(&item, "not usable", format!("{facts}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::complete, *};

    const CPU: Device = Device::Cpu { threads: 2 };

    fn table(cuda: &Cuda, usable: &dyn Fn(usize) -> Result<(), String>) -> Vec<String> {
        rows(cuda, usable, CPU).iter().map(|row| row.join(" | ")).collect()
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
        assert_eq!(table(&complete(), &|_| Ok(())), expected);
    }

    #[test]
    fn a_gpu_that_cannot_be_used_says_why() {
        let mut cuda = complete();
        cuda.gpus[0].capability = (6, 1);
        let table = table(&cuda, &|_| Err("NVRTC does not know it".to_owned()));
        let facts = "A GPU, compute capability 6.1, 1.0 GiB, plain kernels, may be no faster than the CPU";
        assert_eq!(table[1], format!("GPU 0 | not usable | {facts}: NVRTC does not know it"));
        assert_eq!(table[5], "auto | CPU (2 threads) | computing on the CPU, because NVRTC does not know it");
    }
}
