//! Times resampling for `compare.py`, which runs it in turn with other programs.
//!
//! Reads lines `FROM TO RUNS`, edges of cubic voxels, and answers each with the seconds of its runs on a stack of
//! 512×512×200 voxels of 16 bits, from memory to memory. `copy RUNS` copies as many bytes as the last line read and
//! wrote, on all cores.

use std::{
    error::Error,
    io::{BufRead, Write},
    time::Instant,
};

use ndarray::Array3;
use rayon::prelude::*;
use undulator::{
    progress::Progress,
    resample::{Interpolation, resample},
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

fn main() -> Result<(), Box<dyn Error>> {
    let size = Size::new(512, 512, 200);
    let greys = (0..size.voxels()).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u16).collect();
    let greys = Array3::from_shape_vec(size.dim(), greys)?;
    let shape = Shape::new(size, VoxelSize::isotropic(1.0), GreyType::U16);
    let mut stack = Volume::new("noise", shape.voxel, greys);
    let mut bytes = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let seconds = match words[..] {
            ["copy", runs] => (0..runs.parse()?).map(|_| copy(bytes)).collect(),
            [from, to, runs] => {
                stack.set_voxel(VoxelSize::isotropic(from.parse()?));
                let (to, mut seconds) = (to.parse()?, Vec::new());
                for _ in 0..runs.parse()? {
                    let mut resampled = Volume::black("resampled", Shape { size: Size::new(1, 1, 1), ..shape });
                    let start = Instant::now();
                    let shape = resample(&stack, to, Interpolation::Linear, &mut resampled, Progress::silent())?;
                    seconds.push(start.elapsed().as_secs_f64());
                    bytes = 2 * (size.voxels() + shape.size.voxels()) as usize;
                }
                seconds
            }
            _ => return Err("a line is: FROM TO RUNS, or: copy RUNS".into()),
        };
        let seconds: Vec<String> = seconds.iter().map(|second| format!("{second:.6}")).collect();
        println!("{}", seconds.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Reads half of the bytes and writes the other half, both already in memory.
fn copy(bytes: usize) -> f64 {
    const CHUNK: usize = 1 << 18;
    let (from, mut to) = (vec![1u16; bytes / 4], vec![2u16; bytes / 4]);
    let start = Instant::now();
    to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)).for_each(|(to, from)| to.copy_from_slice(from));
    let seconds = start.elapsed().as_secs_f64();
    std::hint::black_box(&to);
    seconds
}
