//! The images of `tests/data`. Include it with `#[path = "common/data.rs"] mod data;`.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod battery;

use std::{fs::File, io::BufReader, path::PathBuf};

use tiff::decoder::{Decoder, DecodingResult};
use undulator::{
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

/// A file of the test data.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(name)
}

/// Reads every slice of a TIFF file of the test data, as cubic voxels of that edge.
pub fn tiff_volume(name: &str, voxel: f64) -> Volume {
    let path = path(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut decoder = Decoder::new(BufReader::new(file)).unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let (mut values, mut slices, mut grey) = (Vec::new(), 0, GreyType::F32);
    loop {
        match decoder.read_image().unwrap() {
            DecodingResult::U8(v) => {
                grey = GreyType::U8;
                values.extend(v.into_iter().map(f32::from));
            }
            DecodingResult::U16(v) => {
                grey = GreyType::U16;
                values.extend(v.into_iter().map(f32::from));
            }
            DecodingResult::F32(v) => values.extend(v),
            _ => panic!("{}: an unexpected grey type", path.display()),
        }
        slices += 1;
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().unwrap();
    }
    let size = Size::new(width as usize, height as usize, slices);
    let name = path.file_stem().unwrap().to_string_lossy();
    Volume::from_values(&name, Shape::new(size, VoxelSize::isotropic(voxel), grey), &values)
}

/// Some slices of a volume as a volume of their own.
pub fn slices(volume: &Volume, range: std::ops::Range<usize>) -> Volume {
    use undulator::stack::SliceSource;
    let shape = volume.shape();
    let plane = shape.size.plane();
    let values = &volume.to_values()[range.start * plane..range.end * plane];
    let size = Size { slices: range.len(), ..shape.size };
    Volume::from_values(volume.name(), Shape { size, ..shape }, values)
}
