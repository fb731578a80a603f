//! The option of commands whose result may go to a file, for stacks that the memory does not hold.

use super::{Axes, Code, CommandError, Image, Key, NewImage};
use crate::{grey::Window, stack_file::DisplaySettings};

/// `output=`.
pub fn key() -> Key {
    Key::file_to_save("output", "Output file", ".tif")
        .help("A TIFF file for the result, for stacks of any size. If empty, the result stays in memory.")
        .optional()
}

/// How ImageJ is to show the file: as the new image that it stands for.
pub fn display_settings(image: &NewImage, range: Option<Window>) -> DisplaySettings {
    let NewImage { unit, value_unit, channels, frames, .. } = image.clone();
    DisplaySettings { unit, value_unit, channels, frames, range }
}

/// A file takes its slices in one order, and the volumes of a hyperstack would come one after the other.
///
/// # Errors
/// [`Code::Image`] for several channels or frames.
pub fn refuse_volumes(image: &dyn Image) -> Result<(), CommandError> {
    let axes @ Axes { channels, frames } = image.axes();
    let name = image.name();
    if axes == Axes::VOLUME {
        return Ok(());
    }
    let message =
        format!("{name} is a hyperstack of {channels} channels and {frames} frames, and a file takes one volume");
    Err(CommandError::new(Code::Hyperstack, message)
        .advice("take one volume out of it first, or leave the output file empty"))
}
