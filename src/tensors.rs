//! Named tensors in safetensors files: the weights of a model, and all that a checkpoint holds.

use std::{collections::HashMap, io};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use undulator_compute::network::{Tensor, Weights};

/// A tensor on its way to a file: its name, its shape, and its numbers in the order of the file.
pub(crate) struct Entry {
    name: String,
    shape: Vec<usize>,
    kind: Dtype,
    bytes: Vec<u8>,
}

impl Entry {
    /// 32-bit floats.
    pub fn floats(name: impl Into<String>, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), shape: shape.to_vec(), kind: Dtype::F32, bytes }
    }

    /// 64-bit floats.
    pub fn doubles(name: impl Into<String>, shape: &[usize], values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), shape: shape.to_vec(), kind: Dtype::F64, bytes }
    }
}

/// The bytes of a file with these tensors and, if given, one text in its header under a key.
///
/// # Errors
/// When a tensor's numbers do not fill its shape.
pub(crate) fn write(entries: &[Entry], header: Option<(&str, String)>) -> io::Result<Vec<u8>> {
    let views = entries.iter().map(|Entry { name, shape, kind, bytes }| {
        let view = TensorView::new(*kind, shape.clone(), bytes).map_err(io::Error::other)?;
        Ok((name.as_str(), view))
    });
    let header = header.map(|(key, text)| HashMap::from([(key.to_owned(), text)]));
    safetensors::serialize(views.collect::<io::Result<Vec<_>>>()?, header).map_err(io::Error::other)
}

/// The bytes of a file with weights alone.
///
/// # Errors
/// When a tensor's numbers do not fill its shape.
pub(crate) fn write_weights(weights: &Weights) -> io::Result<Vec<u8>> {
    let entry = |tensor: &Tensor| Entry::floats(tensor.name.as_str(), &tensor.shape, &tensor.values);
    write(&weights.0.iter().map(entry).collect::<Vec<_>>(), None)
}

/// The tensors of a file of weights, in whatever order it has them.
///
/// # Errors
/// In words, when it is damaged or holds other numbers than `f32`.
pub(crate) fn read_weights(bytes: &[u8]) -> Result<Weights, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let tensor = |(name, view): (&str, TensorView)| {
        Ok(Tensor { name: name.to_owned(), shape: view.shape().to_vec(), values: floats(name, &view)? })
    };
    Ok(Weights(file.iter().map(tensor).collect::<Result<_, String>>()?))
}

/// The numbers of a tensor of 32-bit floats.
///
/// # Errors
/// In words, when it holds others.
pub(crate) fn floats(name: &str, view: &TensorView) -> Result<Vec<f32>, String> {
    match view.dtype() {
        Dtype::F32 => Ok(view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        other => Err(format!("{name} is {other:?}, not F32")),
    }
}

/// The numbers of a tensor of 64-bit floats.
///
/// # Errors
/// In words, when it holds others.
pub(crate) fn doubles(name: &str, view: &TensorView) -> Result<Vec<f64>, String> {
    match view.dtype() {
        Dtype::F64 => Ok(view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
        other => Err(format!("{name} is {other:?}, not F64")),
    }
}
