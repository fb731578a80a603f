//! What applies a network.

use crate::{error::EngineError, images::Images};

/// A network that can be applied.
pub trait Runner {
    /// The network's output for each image, as long as `images.values`.
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError>;

    /// Bytes that it takes for its own images when an image of `height` × `width` is run, both whole multiples of the
    /// plan's; `None` where that is not known.
    fn footprint(&self, _height: usize, _width: usize) -> Option<u64> {
        None
    }
}
