//! Networks of other programs on the CPU.

use std::cell::OnceCell;

use undulator_compute::{EngineError, Images, Runner};

use crate::{
    input::Input,
    network::{Network, Ready},
    placed::Placed,
};

/// Width and height, about, of the image whose memory tells that of others.
const PROBE: usize = 256;

/// A network, made ready for images of one size at a time.
pub struct TractRunner {
    network: Network,
    input: Input,
    /// Whether images are continued by the input's border.
    bordered: bool,
    ready: Option<Ready>,
    /// Bytes that an image takes for each of its pixels, once they are known.
    per_pixel: OnceCell<Option<f64>>,
}

impl TractRunner {
    /// Images are continued to a size that the network takes; before that, if they are to be `bordered`, by the input's
    /// border on all sides.
    pub fn new(network: Network, input: Input, bordered: bool) -> Self {
        Self { network, input, bordered, ready: None, per_pixel: OnceCell::new() }
    }

    fn place(&self, height: usize, width: usize) -> Option<Placed> {
        Placed::new(&self.input, self.bordered, height, width)
    }

    /// The network for images of that size.
    ///
    /// # Errors
    /// In words: when it does not take them.
    pub fn ready(&mut self, placed: Placed) -> Result<&Ready, String> {
        let shape = Input::shape(&self.input.axes, placed.size());
        let ready = match self.ready.take() {
            Some(ready) if ready.shape == shape => ready,
            _ => self.make_ready(placed)?,
        };
        Ok(self.ready.insert(ready))
    }

    fn make_ready(&self, placed: Placed) -> Result<Ready, String> {
        let shape = |axes| Input::shape(axes, placed.size());
        self.network.ready(shape(&self.input.axes), shape(&self.input.made))
    }

    /// The network's answer to a slice.
    ///
    /// # Errors
    /// In words: when it fails.
    pub fn slice(&mut self, placed: Placed, slice: &[f32]) -> Result<Vec<f32>, String> {
        let [height, width] = placed.size();
        let [given, answered] = [&self.input.axes, &self.input.made].map(|axes| Input::by_rows(axes));
        let image = placed.pad(slice);
        let image = if given { image } else { transposed(&image, width) };
        let made = self.ready(placed)?.run(&image)?;
        let made = if answered { made } else { transposed(&made, height) };
        Ok(placed.crop(&made))
    }

    fn per_pixel(&self) -> Option<f64> {
        let placed = self.place(PROBE, PROBE).or_else(|| self.place(1, 1))?;
        let ready = self.make_ready(placed).ok()?;
        Some(ready.bytes as f64 / placed.pixels() as f64)
    }
}

/// Columns for rows, of an image whose rows have that length.
pub fn transposed(image: &[f32], length: usize) -> Vec<f32> {
    (0..length).flat_map(|column| image.iter().skip(column).step_by(length)).copied().collect()
}

impl Runner for TractRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        let &Images { width, height, ref values, .. } = images;
        let failed = |reason| EngineError::Model { reason };
        let placed = self
            .place(height, width)
            .ok_or_else(|| failed(format!("it takes no images of {width}×{height} pixels")))?;
        let mut made = Vec::with_capacity(values.len());
        for image in values.chunks_exact(width * height) {
            made.extend(self.slice(placed, image).map_err(failed)?);
        }
        Ok(made)
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        match self.place(height, width) {
            Some(placed) => {
                let per_pixel = *self.per_pixel.get_or_init(|| self.per_pixel());
                per_pixel.map(|bytes| (bytes * placed.pixels() as f64) as u64)
            }
            // It does not fit, whatever is free.
            None => Some(u64::MAX),
        }
    }
}
