//! Aligns a pair of raw 16-bit little-endian stacks for `compare.py` and prints the transform as JSON on one line.
//!
//! Arguments: for moving and then reference: file, width, height, slices, voxel edge; then the metric (`ncc` or `mi`).

use std::error::Error;
use std::time::Instant;

use undulator::align::{AlignOptions, Metric, align};
use undulator::progress::Progress;
use undulator::stack::{GreyType, Shape, Size, VoxelSize};
use undulator::volume::Volume;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if arguments.len() != 11 {
        return Err("arguments: (file width height slices voxel) twice, metric".into());
    }
    let (moving, reference) = (read("moving", &arguments[..5])?, read("reference", &arguments[5..10])?);
    let metric = if arguments[10] == "mi" { Metric::MutualInformation } else { Metric::Ncc };
    let start = Instant::now();
    let found = align(&moving, &reference, &AlignOptions { metric, ..AlignOptions::default() }, Progress::silent())?;
    let seconds = start.elapsed().as_secs_f64();
    let (linear, shift) = (found.transform.linear, found.transform.shift);
    let rows: Vec<Vec<f64>> = linear.row_iter().map(|row| row.iter().copied().collect()).collect();
    println!("{}", serde_json::json!({ "matrix": rows, "shift": shift.as_slice(), "seconds": seconds }));
    Ok(())
}

fn read(name: &str, arguments: &[String]) -> Result<Volume, Box<dyn Error>> {
    let count = |i: usize| arguments[i].parse::<usize>();
    let size = Size::new(count(1)?, count(2)?, count(3)?);
    let shape = Shape::new(size, VoxelSize::isotropic(arguments[4].parse()?), GreyType::U16);
    let bytes = std::fs::read(&arguments[0])?;
    let values: Vec<f32> = bytes.chunks_exact(2).map(|b| f32::from(u16::from_le_bytes([b[0], b[1]]))).collect();
    if values.len() as u64 != size.voxels() {
        return Err(format!("{} holds {} voxels, not {size}", arguments[0], values.len()).into());
    }
    Ok(Volume::from_values(name, shape, &values))
}
