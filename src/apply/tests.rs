//! Restoring with little memory.

use std::sync::Mutex;

use undulator_compute::{EngineError, Images, Runner, device::Device};

use super::{
    ApplyError,
    restoration::{Pipeline, Reach, Restoration},
};
use crate::{
    progress::Progress,
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

/// Adds one, on a device whose memory holds images of so many pixels.
struct Small<'a> {
    pixels: usize,
    footprint: Option<u64>,
    sizes: &'a Mutex<Vec<usize>>,
}

impl Runner for Small<'_> {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        let pixels = images.width * images.height;
        self.sizes.lock().unwrap().push(pixels);
        if pixels > self.pixels {
            return Err(EngineError::Memory { reason: "out of memory".to_owned() });
        }
        Ok(images.values.iter().map(|value| value + 1.0).collect())
    }

    fn footprint(&self, _height: usize, _width: usize) -> Option<u64> {
        self.footprint
    }
}

fn restore(pixels: usize, footprint: Option<u64>) -> (Result<Vec<f32>, ApplyError>, Vec<usize>) {
    restore_as_far_as(Reach::Halo { multiple: 4, halo: 3 }, pixels, footprint)
}

fn restore_as_far_as(
    reach: Reach,
    pixels: usize,
    footprint: Option<u64>,
) -> (Result<Vec<f32>, ApplyError>, Vec<usize>) {
    let shape = Shape::new(Size::new(50, 40, 3), VoxelSize::isotropic(1.0), GreyType::F32);
    let values: Vec<f32> = (0..shape.size.voxels()).map(|i| i as f32).collect();
    let (image, mut result) = (Volume::from_values("image", shape, &values), Volume::black("result", shape));
    let sizes: &'static Mutex<Vec<usize>> = Box::leak(Box::default());
    let pipeline = Pipeline {
        runner: &|| Ok(Box::new(Small { pixels, footprint, sizes })),
        reach,
        preprocess: &|greys| greys.iter_mut().for_each(|grey| *grey *= 2.0),
        postprocess: &|values| values.iter_mut().for_each(|value| *value *= 10.0),
        filler: f32::NAN,
    };
    let outcome = Restoration::new(&image, None, pipeline, &mut result, Progress::silent())
        .finish(&Device::Cpu { threads: 1 })
        .map(|_| result.to_values());
    (outcome, sizes.lock().unwrap().clone())
}

#[test]
fn a_full_memory_halves_the_tiles_until_they_fit() {
    let (result, sizes) = restore(700, None);
    assert!(result.unwrap().iter().enumerate().all(|(i, grey)| *grey == 10.0 * (2.0 * i as f32 + 1.0)));
    let tried: Vec<usize> = sizes.iter().copied().filter(|pixels| *pixels > 700).collect();
    assert!(tried.len() == 2 && tried[0] == 52 * 40 && tried[1] <= 52 * 20, "{tried:?}");
}

#[test]
fn a_memory_too_small_for_the_smallest_tile_is_an_error() {
    // Twice a halo of four and a multiple of four.
    assert!(restore(12 * 12, None).0.is_ok());
    let error = restore(12 * 12 - 1, None).0.unwrap_err().to_string();
    assert!(error.contains("memory is full"), "{error}");
    let (refused, tried) = restore(usize::MAX, Some(u64::MAX));
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("12×12 pixels") && error.contains("close other programs") && tried.is_empty(), "{error}");
}

#[test]
fn what_depends_on_the_whole_slice_is_never_cut_into_tiles() {
    let whole = 50 * 40;
    let (result, tried) = restore_as_far_as(Reach::Slice, whole, None);
    assert!(result.is_ok() && tried == [whole; 3], "{tried:?}");
    // The device runs out of memory, at once or in the middle, or it is known before.
    let (refused, tried) = restore_as_far_as(Reach::Slice, whole - 1, None);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("memory is full") && tried == [whole], "{error}: {tried:?}");
    let (refused, tried) = restore_as_far_as(Reach::Slice, whole, Some(u64::MAX));
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("takes as a whole") && error.contains("50×40 pixels") && tried.is_empty(),
        "{error}: {tried:?}"
    );
}
