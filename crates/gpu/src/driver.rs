//! Queries the NVIDIA driver. Its libraries are opened at run time.

use cudarc::driver::{
    CudaContext, result as driver,
    sys::{self as driver_library, CUdevice_attribute as Attribute},
};

use crate::cuda::Gpu;

/// The driver's CUDA version as (major, minor), and its GPUs.
pub(crate) type Driver = ((i32, i32), Vec<Gpu>);

pub(crate) fn find() -> Result<Driver, String> {
    // SAFETY: opening the driver's library runs only its own initialisers.
    if !unsafe { driver_library::is_culib_present() } {
        let file = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so" };
        return Err(format!("no NVIDIA driver: {file} was not found (install the NVIDIA driver for your GPU)"));
    }
    let failed =
        |what: &str, error: driver::DriverError| format!("the NVIDIA driver does not answer ({what}: {error})");
    driver::init().map_err(|error| failed("cuInit", error))?;
    let mut version = 0;
    // SAFETY: the library is there, and `version` outlives the call.
    unsafe { driver_library::cuDriverGetVersion(&mut version) }
        .result()
        .map_err(|error| failed("cuDriverGetVersion", error))?;
    let count = driver::device::get_count().map_err(|error| failed("cuDeviceGetCount", error))?;
    let gpus = (0..count).map(|index| {
        let device = driver::device::get(index).map_err(|error| failed("cuDeviceGet", error))?;
        let name = driver::device::get_name(device).map_err(|error| failed("cuDeviceGetName", error))?;
        // SAFETY: `device` was just given by the driver.
        let memory = unsafe { driver::device::total_mem(device) }.map_err(|error| failed("cuDeviceTotalMem", error))?;
        // SAFETY: as above.
        let number = |attribute| {
            unsafe { driver::device::get_attribute(device, attribute) }
                .map_err(|error| failed("cuDeviceGetAttribute", error))
        };
        let major = number(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = number(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        Ok(Gpu { name, memory, capability: (major, minor) })
    });
    Ok(((version / 1000, version % 1000 / 10), gpus.collect::<Result<_, String>>()?))
}

/// Bytes of a GPU's memory that are free; `None` where the driver does not say.
pub(crate) fn free_memory(index: usize) -> Option<u64> {
    // SAFETY: opening the driver's library runs only its own initialisers.
    if !unsafe { driver_library::is_culib_present() } {
        return None;
    }
    // On a separate thread, because the query binds the thread to a context.
    let asked = std::thread::spawn(move || CudaContext::new(index).and_then(|context| context.mem_get_info()));
    asked.join().ok()?.ok().map(|(free, _)| free as u64)
}
