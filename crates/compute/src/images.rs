//! Images as plain numbers.

use crate::{error::EngineError, network::Plan};

/// Images of one size, normalised grey values, (image, y, x) row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// How many images.
    pub count: usize,
    /// Pixels along y; a multiple of the plan's.
    pub height: usize,
    /// Pixels along x; a multiple of the plan's.
    pub width: usize,
    /// `count × height × width` values.
    pub values: Vec<f32>,
}

/// Refuses images that the plan cannot take.
///
/// # Errors
/// [`EngineError::Size`].
pub fn check_images(plan: &Plan, images: &Images) -> Result<(), EngineError> {
    let Images { width, height, .. } = *images;
    if width > 0 && height > 0 && width % plan.multiple == 0 && height % plan.multiple == 0 {
        return Ok(());
    }
    Err(EngineError::Size { width, height, multiple: plan.multiple })
}
