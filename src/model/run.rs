//! A model of this project run once, on the CPU.

use undulator_compute::{EngineError, Frame, SliceRunner, TileChoice, cpu, network::Plan};

use super::Model;
use crate::memory;

/// What the model makes of an image of raw grey values, row-major, whose width and height the network takes: grey values
/// that are not rounded. Cut into tiles where the memory does not hold the whole, which leave no trace.
///
/// # Errors
/// When the network does not take that size, or the memory does not hold the smallest tile.
pub(super) fn restored(model: &Model, plan: &Plan, greys: &[f32], width: usize) -> Result<Vec<f32>, EngineError> {
    let (card, multiple, height) = (&model.card, plan.multiple, greys.len() / width.max(1));
    let frame = Frame::new(width, height, multiple);
    if greys.is_empty() || (frame.padded_width, frame.padded_height) != (width, height) {
        return Err(EngineError::Size { width, height, multiple });
    }
    let full = |error: memory::OutOfMemory| EngineError::Memory { reason: error.to_string() };
    let mut values = memory::copied(greys).map_err(full)?;
    values.iter_mut().for_each(|grey| *grey = card.input_window.normalise(*grey));
    let mut made = memory::filled(0.0, greys.len()).map_err(full)?;
    let tiles = TileChoice::new(frame, multiple, plan.halo());
    let mut runner = cpu::runner(plan, &model.weights)?;
    SliceRunner::new(tiles, memory::free(), &|line| log::debug!("{line}")).run(&mut runner, &values, &mut made)?;
    made.iter_mut().for_each(|value| *value = card.restore(*value));
    Ok(made)
}
