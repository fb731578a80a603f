//! Settles, before the first kernel, what CubeCL takes from its surroundings.

use std::sync::Once;

use burn::DispatchDevice;
use burn_cuda::CudaDevice;

use crate::{kernel_cache, search};

/// The GPU with this number, as Burn takes it.
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
