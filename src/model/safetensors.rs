//! Weights as safetensors.

use std::io;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use undulator_compute::network::{Tensor, Weights};

pub(super) fn write(weights: &Weights) -> io::Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> =
        weights.0.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = weights.0.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(io::Error::other)?;
        Ok((tensor.name.as_str(), view))
    });
    let views = views.collect::<io::Result<Vec<_>>>()?;
    safetensors::serialize(views, None).map_err(io::Error::other)
}

/// The tensors of a file, in whatever order it has them.
///
/// # Errors
/// In words, when it is damaged or holds other numbers than `f32`.
pub(super) fn read(bytes: &[u8]) -> Result<Weights, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let tensors = tensors.iter().map(|(name, view)| {
        if view.dtype() != Dtype::F32 {
            return Err(format!("{name} is {:?}, not F32", view.dtype()));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tensor { name: name.to_owned(), shape: view.shape().to_vec(), values })
    });
    Ok(Weights(tensors.collect::<Result<_, _>>()?))
}
