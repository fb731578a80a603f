//! Settles, before the first kernel, what CubeCL takes from its surroundings.

use std::sync::Once;

use burn::DispatchDevice;
use burn_cuda::CudaDevice;

use super::{Cuda, search};
use crate::engine::kernel_cache;

/// The GPU with this number, as Burn takes it.
pub(super) fn cuda(index: usize) -> DispatchDevice {
    static SETTLED: Once = Once::new();
    SETTLED.call_once(|| {
        let cuda = Cuda::find();
        if let Ok(include) = &cuda.headers {
            search::announce(include);
        }
        kernel_cache::keep(&cuda);
    });
    DispatchDevice::Cuda(CudaDevice::new(index))
}
