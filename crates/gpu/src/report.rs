//! What was found of CUDA and what is missing, as rows of a table for users.

use undulator_compute::device::Row;

use crate::cuda::{Cuda, Gpu};

/// The driver, each GPU and whether it is `usable`, NVRTC and the headers.
pub(crate) fn rows(cuda: &Cuda, usable: &dyn Fn(usize) -> Result<(), String>) -> Vec<Row> {
    let found = |item: &str, what: Result<String, &String>| match what {
        Ok(detail) => row(item, "found", detail),
        Err(reason) => row(item, "missing", reason.clone()),
    };
    let mut rows =
        vec![found("NVIDIA driver", cuda.driver.as_ref().map(|(major, minor)| format!("CUDA {major}.{minor}")))];
    rows.extend(cuda.gpus.iter().enumerate().map(|(index, gpu)| gpu_row(index, gpu, usable(index))));
    let compiles = |(major, minor)| format!("version {major}.{minor}, compiles kernels for the GPU");
    rows.push(found("NVRTC", cuda.nvrtc.as_ref().map(|nvrtc| compiles(nvrtc.version))));
    rows.push(found("CUDA headers", cuda.headers.as_ref().map(|folder| folder.display().to_string())));
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
