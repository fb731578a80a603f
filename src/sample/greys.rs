//! Grey values of the slices: scale, windows, and the PSNR between two scanners.

use ndarray::{Array2, ArrayView2};

use super::SampleError;
use crate::grey::{HIGH_PERCENT, LOW_PERCENT, Window};
use crate::measure::psnr::SquaredError;
use crate::progress::Progress;
use crate::stack::{GreyType, Shape, Size, SliceSink, StackError, VoxelSize};
use crate::volume::Volume;

/// Maps attenuation to 16-bit grey values.
#[derive(Clone, Copy, Debug)]
pub(super) struct GreyScale {
    black: f64,
    white: f64,
}

/// Keeps some slices of a stack, in 16 bits.
pub(super) struct Keeper {
    heights: Vec<usize>,
    volume: Volume,
}

impl GreyScale {
    /// A scale with headroom for noise below empty space and above the brightest material, whose attenuation is
    /// `brightest` (1/µm).
    pub(super) fn new(brightest: f64) -> Self {
        Self { black: -brightest, white: 3.0 * brightest }
    }

    /// The attenuations in 1/cm of grey value 0 and of the largest grey value.
    pub(super) fn ends_per_cm(self) -> (f64, f64) {
        (1e4 * self.black, 1e4 * self.white)
    }

    /// The grey values of a slice.
    pub(super) fn greys(self, attenuation: ArrayView2<'_, f32>) -> Array2<f32> {
        let factor = 65535.0 / (self.white - self.black);
        attenuation.mapv(|a| GreyType::U16.nearest(((f64::from(a) - self.black) * factor) as f32))
    }
}

impl Keeper {
    /// Keeps the slices of those heights, which rise, from a stack of that size.
    pub(super) fn new(name: &str, size: Size, heights: &[usize]) -> Result<Self, StackError> {
        let size = Size { slices: heights.len(), ..size };
        let shape = Shape::new(size, VoxelSize::isotropic(1.0), GreyType::U16);
        Ok(Self { heights: heights.to_vec(), volume: Volume::try_black(name, shape)? })
    }

    /// Takes slice `z`.
    pub(super) fn see(&mut self, z: usize, slice: ArrayView2<'_, f32>) -> Result<(), StackError> {
        match self.heights.binary_search(&z) {
            Ok(number) => self.volume.write(number, slice),
            Err(_) => Ok(()),
        }
    }

    /// The window of all slices that were kept.
    pub(super) fn window(&self) -> Result<Window, SampleError> {
        Ok(Window::of_percentiles(&self.volume, LOW_PERCENT, HIGH_PERCENT, Progress::silent())?)
    }
}

/// PSNR in dB between the slices of two keepers, in 8 bits, each through its own window.
pub(super) fn psnr(laboratory: &Keeper, synchrotron: &Keeper) -> Result<f64, SampleError> {
    let eight_bits = |keeper: &Keeper| {
        let window = keeper.window()?;
        let greys = keeper.volume.to_array().mapv(|grey| f32::from(window.to_8_bit(grey)));
        let (slices, height, width) = greys.dim();
        // One below the other.
        Ok::<_, SampleError>(greys.into_shape_with_order((slices * height, width)).expect("in standard layout"))
    };
    Ok(SquaredError::of(eight_bits(laboratory)?.view(), eight_bits(synchrotron)?.view()).psnr(255.0))
}

/// `count` evenly spaced slices out of `slices`, or all if there are fewer.
pub(super) fn spread(slices: usize, count: usize) -> Vec<usize> {
    let count = count.clamp(1, slices);
    (0..count).map(|number| (2 * number + 1) * slices / (2 * count)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn slices_are_spread_without_repeats() {
        assert_eq!(spread(40, 5), [4, 12, 20, 28, 36]);
        assert_eq!(spread(3, 9), [0, 1, 2]);
        assert_eq!(spread(1, 1), [0]);
    }

    #[test]
    fn the_scale_keeps_empty_space_and_the_brightest_material_apart_from_its_ends() {
        let scale = GreyScale::new(0.008);
        let greys = scale.greys(array![[-0.008, 0.0, 0.008, 0.024, 1.0]].view());
        assert_eq!(greys, array![[0.0, 16384.0, 32768.0, 65535.0, 65535.0]]);
        assert_eq!(scale.ends_per_cm(), (-80.0, 240.0));
    }

    #[test]
    fn windows_take_brightness_and_contrast_out_of_the_comparison() {
        let size = Size::new(16, 16, 4);
        let mut keepers = [1.0, 2.0].map(|_| Keeper::new("kept", size, &[1, 3]).unwrap());
        for z in 0..4 {
            let slice = Array2::from_shape_fn((16, 16), |(y, x)| (z as f32 + 1.0) * (16 * y + x) as f32);
            let brighter = slice.mapv(|grey| 500.0 + 3.0 * grey);
            keepers[0].see(z, slice.view()).unwrap();
            keepers[1].see(z, brighter.view()).unwrap();
        }
        let found = psnr(&keepers[0], &keepers[1]).unwrap();
        assert!(found > 45.0, "{found}");
    }
}
