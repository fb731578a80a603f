//! Volumes whose values follow from their places.
#![allow(dead_code)] // Each test that includes it uses a part.

use undulator::{
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

/// A volume of 32-bit floats whose values follow from (x, y, z).
pub fn volume(name: &str, size: Size, value: impl Fn(usize, usize, usize) -> f32) -> Volume {
    let shape = Shape::new(size, VoxelSize::isotropic(0.6), GreyType::F32);
    let mut values = Vec::new();
    for z in 0..size.slices {
        for y in 0..size.height {
            values.extend((0..size.width).map(|x| value(x, y, z)));
        }
    }
    Volume::from_values(name, shape, &values)
}

/// A blurred and a crisp pattern.
pub fn pair(size: Size) -> (Volume, Volume) {
    let wave = |x: usize, y: usize, z: usize| (x as f32 * 0.7 + z as f32).sin() + (y as f32 * 0.5).cos();
    (volume("low", size, |x, y, z| 3.0 * wave(x, y, z)), volume("reference", size, |x, y, z| wave(x, y, z).signum()))
}
