//! Places in a sample.

/// A place in µm about the centre of the field, or a direction: (z, y, x).
pub(super) type Point = [f64; 3];
