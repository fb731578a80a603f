//! Configures CubeCL before the first kernel.

use std::sync::Once;

use burn::DispatchDevice;
use burn_cuda::CudaDevice;

use crate::{kernel_cache, search};

/// The GPU with this index, for Burn.
pub(crate) fn cuda(index: usize) -> DispatchDevice {
    static SETTLED: Once = Once::new();
    SETTLED.call_once(|| {
        let cuda = search::cuda();
        if let Ok(include) = &cuda.headers {
            search::announce(include);
        }
        kernel_cache::keep(&cuda);
    });
    DispatchDevice::Cuda(CudaDevice::new(index))
}
