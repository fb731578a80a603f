//! Arrays on a Burn device.

use burn::tensor::Tensor;
use undulator_compute::{EngineError, worker};

/// Chooses the device at run time.
pub(super) use burn::Dispatch as Backend;

pub(super) type Array<const D: usize> = Tensor<Backend, D>;

/// The values of an array, once the device has computed them.
pub(super) fn download<const D: usize>(array: Array<D>) -> Result<Vec<f32>, EngineError> {
    let data = array.try_into_data().map_err(|error| worker::failure(format!("{error:?}")))?;
    data.into_vec::<f32>().map_err(|error| worker::failure(format!("{error:?}")))
}
