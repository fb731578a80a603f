//! The option of commands whose result may go to a file, for stacks that the memory does not hold.

use super::{Code, CommandError, Image, Key};
use crate::{grey::Window, stack_file::DisplaySettings};

/// `output=`.
pub fn key() -> Key {
    Key::file_to_save("output", "Output file", ".tif")
        .help("A TIFF file for the result, for stacks of any size. If empty, the result stays in memory.")
        .optional()
}

/// How ImageJ is to show the file: as the image that it was made from.
pub fn display_settings(image: &dyn Image, range: Option<Window>) -> DisplaySettings {
    DisplaySettings { unit: image.unit().to_owned(), channels: image.channels(), frames: image.frames(), range }
}

/// A file takes its slices in one order, and the volumes of a hyperstack would come one after the other.
///
/// # Errors
/// [`Code::Image`] for several channels or frames.
pub fn refuse_volumes(image: &dyn Image) -> Result<(), CommandError> {
    let (name, channels, frames) = (image.name(), image.channels(), image.frames());
    if channels * frames == 1 {
        return Ok(());
    }
    let message =
        format!("{name} is a hyperstack of {channels} channels and {frames} frames, and a file takes one volume");
    Err(CommandError::new(Code::Hyperstack, message)
        .advice("take one volume out of it first, or leave the output file empty"))
}
