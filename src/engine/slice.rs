//! Slices of any size through a network.

use super::{EngineError, Images, Runner};
use crate::frame::Frame;

/// Pads slices of one size by reflection for a network, and crops what comes out; its buffer is used again and again.
pub struct SliceRunner {
    frame: Frame,
    images: Images,
}

impl SliceRunner {
    /// For slices as the frame has them.
    pub fn new(frame: Frame) -> Self {
        let Frame { padded_width: width, padded_height: height, .. } = frame;
        Self { frame, images: Images { count: 1, height, width, values: Vec::with_capacity(frame.padded_pixels()) } }
    }

    /// Runs one slice, row-major: its values go through `before`, the network's through `after`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn run(
        &mut self,
        runner: &mut dyn Runner,
        slice: &[f32],
        before: impl Fn(f32) -> f32,
        after: impl Fn(f32) -> f32,
        out: &mut [f32],
    ) -> Result<(), EngineError> {
        self.images.values.clear();
        self.frame.pad_into(slice, before, &mut self.images.values);
        self.frame.crop_into(&runner.run(&self.images)?, after, out);
        Ok(())
    }
}
