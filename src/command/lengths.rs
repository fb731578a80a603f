//! Voxel sizes of pairs, compared as lengths.

use super::{Code, CommandError, Host, Image};
use crate::progress::Progress;

/// Refuses a pair of which only one voxel size is a length, for work that needs lengths. If neither is, both are taken to
/// be in one unit, and the user is told.
///
/// # Errors
/// [`Code::VoxelSize`], naming both units.
pub fn check_pair(first: &dyn Image, second: &dyn Image, host: &dyn Host) -> Result<(), CommandError> {
    let texts = [first, second].map(text);
    match (first.shape().voxel.known, second.shape().voxel.known) {
        (true, true) => Ok(()),
        (false, false) => {
            Progress::new(host).message(&format!(
                "neither {} nor {} has a unit of length: both voxel sizes are taken to be in the same unit",
                texts[0], texts[1]
            ));
            Ok(())
        }
        (known, _) => {
            let lacking = if known { second } else { first };
            let message = format!("the voxel sizes of {} and {} cannot be compared", texts[0], texts[1]);
            let advice = format!("set the voxel size of {} with a unit of length", lacking.name());
            Err(CommandError::new(Code::VoxelSize, message).advice(advice))
        }
    }
}

/// Warns of a pair on one grid whose voxel sizes differ: then the grids are not the same.
pub fn warn_of_unlike(first: &dyn Image, second: &dyn Image, host: &dyn Host) {
    if !first.shape().voxel.is_like(second.shape().voxel) {
        Progress::new(host).warning(&format!(
            "the voxel sizes of {} and {} differ: check that both stacks show the same place on the same grid",
            text(first),
            text(second)
        ));
    }
}

/// The stack with its voxel size as its user knows it.
fn text(image: &dyn Image) -> String {
    format!("{} ({})", image.name(), image.shape().voxel.text_in(image.unit()))
}
