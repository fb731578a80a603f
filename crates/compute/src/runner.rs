//! The interface of engines that apply networks.

use crate::{error::EngineError, images::Images};

/// A network ready to be applied.
pub trait Runner {
    /// The network's output, (image, y, x), as many values as `images.values`.
    ///
    /// # Errors
    /// When the size does not fit the network, or the device fails or runs out of memory.
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError>;

    /// Bytes that running one image of `height` × `width` pixels takes, both multiples of the plan's `multiple`; `None` if
    /// unknown.
    fn footprint(&self, _height: usize, _width: usize) -> Option<u64> {
        None
    }
}
