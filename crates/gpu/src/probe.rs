//! Tests a GPU with a small computation before it is used.
//!
//! Driver, compiler, headers and GPU must be compatible; otherwise CubeCL panics on one of its own threads. So a small kernel is
//! compiled with CubeCL's options, loaded, run and read back, and incompatibilities are reported in words.

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString, c_char, c_void},
    path::Path,
    sync::Mutex,
    thread,
};

use cudarc::{
    driver::{
        DriverError, result as driver,
        sys::{CUresult, CUstream},
    },
    nvrtc::{
        result as nvrtc,
        sys::{nvrtcProgram, nvrtcResult},
    },
};
use undulator_compute::worker;

use crate::cuda::{Cuda, Gpu, Nvrtc};

/// A GPU and what it is to be used with.
struct Case<'a> {
    gpu: &'a Gpu,
    /// The CUDA version of the driver.
    driver: (i32, i32),
    nvrtc: &'a Nvrtc,
    /// The folder of the headers.
    include: &'a Path,
}

/// Values that the kernel writes.
const COUNT: usize = 32;

/// Whether GPU `index` computes correctly. The first call compiles and runs a small kernel.
///
/// # Errors
/// What is missing or does not fit, and what to do, in words for users.
pub(crate) fn usable(cuda: &Cuda, index: usize) -> Result<(), String> {
    let (Ok(driver), Ok(nvrtc), Ok(include), None) = (&cuda.driver, &cuda.nvrtc, &cuda.headers, cuda.missing()) else {
        return Err(cuda.missing().unwrap_or_default());
    };
    let Some(gpu) = cuda.gpus.get(index) else {
        return Err(format!("there is no GPU {index}, only {}", cuda.gpus.len()));
    };
    run(index, &Case { gpu, driver: *driver, nvrtc, include })
}

/// Tests GPU `index`. A success is remembered for the process, a failure is tested again.
///
/// # Errors
/// What does not fit, and what to do.
fn run(index: usize, case: &Case) -> Result<(), String> {
    static USABLE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
    let mut usable = USABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if usable.contains(&index) {
        return Ok(());
    }
    // On a separate thread, because a CUDA context belongs to a thread.
    thread::scope(|scope| scope.spawn(|| worker::catch(|| attempt(index, case))).join())
        .map_err(|panic| worker::describe(panic.as_ref()))
        .and_then(|caught| caught.map_err(|error| error.to_string()))
        .unwrap_or_else(|reason| Err(format!("the NVIDIA driver or NVRTC cannot be used: {reason}")))?;
    usable.insert(index);
    Ok(())
}

fn attempt(index: usize, case: &Case) -> Result<(), String> {
    let ptx = compile(case)?;
    let values = launch(index, &ptx).map_err(|(step, error)| case.driver_failed(step, error))?;
    case.check(&values)
}

impl Case<'_> {
    /// The test kernel, with the includes of CubeCL's kernels on that GPU.
    fn source(&self) -> String {
        let mut source = "#include <cuda_runtime.h>\n".to_owned();
        if self.gpu.capability >= (7, 0) {
            source += "#include <mma.h>\n";
        }
        if self.gpu.capability >= (8, 0) {
            source += "#include <cooperative_groups.h>\n#include <cuda/barrier>\n";
        }
        source
            + "extern \"C\" __global__ void __launch_bounds__(32) probe (float* out) {\n    \
               out[threadIdx.x] = 2.0f * threadIdx.x + 1.0f;\n}\n"
    }

    /// CubeCL's options.
    fn options(&self) -> Vec<String> {
        let (major, minor) = self.gpu.capability;
        let own = if major >= 9 { "a" } else { "" };
        let mut options = vec![
            format!("--gpu-architecture=sm_{major}{minor}{own}"),
            format!("--include-path={}", self.include.display()),
            "-lineinfo".to_owned(),
        ];
        let cccl = self.include.join("cccl");
        if cccl.exists() {
            options.push(format!("--include-path={}", cccl.display()));
        }
        options
    }

    fn not_compiled(&self, error: nvrtcResult, log: &str) -> String {
        let ((major, minor), said) = (self.nvrtc.version, first_error(log));
        self.with_passed_over(match error {
            nvrtcResult::NVRTC_ERROR_INVALID_OPTION => {
                let advice = match self.gpu.capability {
                    (..=6, _) | (7, ..=4) => "GPUs below 7.5 need NVRTC 12.9 or older: install that",
                    (10.., _) => "GPUs from 10.0 need NVRTC 12.8 or newer: install that",
                    _ => "install a newer one",
                };
                format!("NVRTC {major}.{minor} does not know the {} ({advice})", self.gpu.title())
            }
            nvrtcResult::NVRTC_ERROR_COMPILATION => format!(
                "the CUDA headers do not compile: {said} (the headers are in {}, and NVRTC is {major}.{minor}: install both \
                 of one version)",
                self.include.display()
            ),
            other => format!("NVRTC {major}.{minor} fails: {other:?}: {said} (install it anew)"),
        })
    }

    fn driver_failed(&self, step: &str, DriverError(error): DriverError) -> String {
        let (speaks_major, speaks_minor) = self.driver;
        let (major, minor) = self.nvrtc.version;
        if error == CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION {
            return self.with_passed_over(format!(
                "the NVIDIA driver is too old for NVRTC {major}.{minor}: it speaks CUDA {speaks_major}.{speaks_minor} \
                 (update the NVIDIA driver, or install NVRTC {speaks_major}.{speaks_minor})"
            ));
        }
        self.with_passed_over(format!(
            "the {} does not run a kernel of NVRTC {major}.{minor} with a driver for CUDA {speaks_major}.{speaks_minor}: \
             {step}: {error:?} (update the NVIDIA driver)",
            self.gpu.title()
        ))
    }

    fn check(&self, values: &[f32; COUNT]) -> Result<(), String> {
        let expected = |at: usize| 2.0 * at as f32 + 1.0;
        match values.iter().enumerate().find(|(at, value)| **value != expected(*at)) {
            None => Ok(()),
            Some((at, value)) => Err(format!(
                "the {} computes wrong numbers: {value} in place of {} (update the NVIDIA driver)",
                self.gpu.title(),
                expected(at)
            )),
        }
    }

    fn with_passed_over(&self, reason: String) -> String {
        match &self.nvrtc.passed_over {
            Some(other) => format!("{reason}; {other}"),
            None => reason,
        }
    }
}

/// The first line of a compiler's log that names an error, in at most 200 characters.
fn first_error(log: &str) -> String {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| line.contains("error")).or_else(|| lines().next());
    line.unwrap_or("NVRTC does not say why").chars().take(200).collect()
}

fn compile(case: &Case) -> Result<Vec<c_char>, String> {
    let failed = |error: nvrtc::NvrtcError| case.not_compiled(error.0, "");
    let source = CString::new(case.source()).unwrap_or_default();
    let program = Program(nvrtc::create_program(&source, None).map_err(failed)?);
    // SAFETY: the program was just made and is destroyed after the last use.
    unsafe {
        if let Err(error) = nvrtc::compile_program(program.0, &case.options()) {
            let log = nvrtc::get_program_log(program.0).unwrap_or_default();
            return Err(case.not_compiled(error.0, &text(&log)));
        }
        nvrtc::get_ptx(program.0).map_err(failed)
    }
}

struct Program(nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the program is used nowhere else. Its result no longer matters.
        let _ = unsafe { nvrtc::destroy_program(self.0) };
    }
}

/// The text of a C string written by NVRTC.
fn text(bytes: &[c_char]) -> String {
    let bytes: Vec<u8> = bytes.iter().map(|byte| byte.to_ne_bytes()[0]).collect();
    CStr::from_bytes_until_nul(&bytes).map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}

/// Loads and runs the kernel. Returns what it wrote, or the step that failed.
fn launch(index: usize, ptx: &[c_char]) -> Result<[f32; COUNT], (&'static str, DriverError)> {
    let step = |name: &'static str| move |error| (name, error);
    let ordinal = i32::try_from(index).unwrap_or(i32::MAX);
    let device = driver::device::get(ordinal).map_err(step("cuDeviceGet"))?;
    // SAFETY: the driver's own handles are given back to it in order; `values` and `out` outlive the kernel, which writes
    // as many values as they have room for. The context takes the module with it when it is given back.
    unsafe {
        let context = driver::primary_ctx::retain(device).map_err(step("cuDevicePrimaryCtxRetain"))?;
        let result = driver::ctx::set_current(context).map_err(step("cuCtxSetCurrent")).and_then(|()| {
            let module = driver::module::load_data(ptx.as_ptr().cast()).map_err(step("cuModuleLoadData"))?;
            let kernel =
                driver::module::get_function(module, c"probe".to_owned()).map_err(step("cuModuleGetFunction"))?;
            let mut values = [0.0_f32; COUNT];
            let stream: CUstream = std::ptr::null_mut();
            let mut out = driver::malloc_sync(size_of_val(&values)).map_err(step("cuMemAlloc"))?;
            let mut arguments = [(&raw mut out).cast::<c_void>()];
            let ran = driver::launch_kernel(kernel, (1, 1, 1), (COUNT as u32, 1, 1), 0, stream, &mut arguments)
                .map_err(step("cuLaunchKernel"))
                .and_then(|()| driver::memcpy_dtoh_async(&mut values, out, stream).map_err(step("cuMemcpyDtoH")))
                .and_then(|()| driver::stream::synchronize(stream).map_err(step("cuStreamSynchronize")));
            let freed = driver::free_sync(out).map_err(step("cuMemFree"));
            ran.and(freed).map(|()| values)
        });
        let released = driver::primary_ctx::release(device).map_err(step("cuDevicePrimaryCtxRelease"));
        result.and_then(|values| released.map(|()| values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(capability: (i32, i32), version: (i32, i32), driver: (i32, i32), ask: impl FnOnce(&Case) -> T) -> T {
        let gpu = Gpu { name: "A GPU".to_owned(), memory: 1, capability };
        let nvrtc = Nvrtc { version, file: None, passed_over: None };
        ask(&Case { gpu: &gpu, driver, nvrtc: &nvrtc, include: Path::new("include") })
    }

    #[test]
    fn the_kernel_includes_what_those_of_the_gpu_do() {
        let includes =
            |capability| with(capability, (12, 8), (12, 8), |case| case.source().matches("#include").count());
        assert_eq!([(6, 1), (7, 5), (8, 6)].map(includes), [1, 2, 4]);
        let option = |capability| with(capability, (12, 8), (12, 8), |case| case.options()[0].clone());
        assert_eq!(option((8, 6)), "--gpu-architecture=sm_86");
        assert_eq!(option((12, 0)), "--gpu-architecture=sm_120a");
    }

    #[test]
    fn what_does_not_fit_is_told_in_words() {
        let unknown = |capability, version| {
            with(capability, version, (12, 2), |case| case.not_compiled(nvrtcResult::NVRTC_ERROR_INVALID_OPTION, ""))
        };
        let pascal = "NVRTC 13.0 does not know the A GPU (compute capability 6.1) (GPUs below 7.5 need NVRTC 12.9 or older: \
                      install that)";
        assert_eq!(unknown((6, 1), (13, 0)), pascal);
        assert!(unknown((12, 0), (12, 6)).ends_with("(GPUs from 10.0 need NVRTC 12.8 or newer: install that)"));
        assert!(unknown((8, 9), (11, 2)).ends_with("(install a newer one)"));
        let log = "\nprobe(2): warning: something\nmma.h(3): catastrophic error: cannot open crt/mma.h\n1 error\n";
        let headers =
            with((8, 6), (12, 8), (12, 8), |case| case.not_compiled(nvrtcResult::NVRTC_ERROR_COMPILATION, log));
        let expected = "the CUDA headers do not compile: mma.h(3): catastrophic error: cannot open crt/mma.h (the headers \
                        are in include, and NVRTC is 12.8: install both of one version)";
        assert_eq!(headers, expected);
        let driver =
            |error| with((8, 6), (12, 8), (12, 2), |case| case.driver_failed("cuLaunchKernel", DriverError(error)));
        let expected = "the NVIDIA driver is too old for NVRTC 12.8: it speaks CUDA 12.2 (update the NVIDIA driver, or \
                        install NVRTC 12.2)";
        assert_eq!(driver(CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION), expected);
        let other = driver(CUresult::CUDA_ERROR_ILLEGAL_ADDRESS);
        assert!(other.contains("cuLaunchKernel: CUDA_ERROR_ILLEGAL_ADDRESS"), "{other}");
    }

    #[test]
    fn wrong_numbers_are_no_success() {
        let mut values: [f32; COUNT] = std::array::from_fn(|at| 2.0 * at as f32 + 1.0);
        let check = |values: &[f32; COUNT]| with((8, 6), (12, 8), (12, 8), |case| case.check(values));
        check(&values).unwrap();
        values[3] = 0.0;
        let expected =
            "the A GPU (compute capability 8.6) computes wrong numbers: 0 in place of 7 (update the NVIDIA driver)";
        assert_eq!(check(&values).unwrap_err(), expected);
    }

    #[test]
    fn a_better_nvrtc_that_is_passed_over_is_named() {
        let gpu = Gpu { name: "A GPU".to_owned(), memory: 1, capability: (6, 1) };
        let nvrtc = Nvrtc { version: (13, 0), file: None, passed_over: Some("there is another".to_owned()) };
        let case = Case { gpu: &gpu, driver: (13, 0), nvrtc: &nvrtc, include: Path::new("include") };
        let reason = case.not_compiled(nvrtcResult::NVRTC_ERROR_INVALID_OPTION, "");
        assert!(reason.ends_with("install that); there is another"), "{reason}");
    }
}
