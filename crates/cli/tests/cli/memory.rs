//! Large slices in little memory: every command ends well or says that there is too little, and never dies of it.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use ndarray::Array2;
use tempfile::tempdir;
use undulator::{
    stack::{GreyType, Shape, Size, SliceSink, VoxelSize},
    stack_file::{DisplaySettings, Job, StackFile},
};

/// A stack of `width` × `width` × `slices` voxels in 16 bits, as a file.
fn stack(folder: &Path, name: &str, width: usize, slices: usize, voxel: VoxelSize, shift: usize) {
    let display =
        DisplaySettings { unit: "µm".to_owned(), channels: 1, frames: 1, range: None, value_unit: String::new() };
    let mut file = StackFile::new(&folder.join(name), display, Job::default());
    let size = Size::new(width, width, slices);
    file.begin(Shape::new(size, voxel, GreyType::U16)).unwrap();
    for z in 0..slices {
        let grain = |(y, x): (usize, usize)| {
            let cell = ((y + shift) / 61) << 40 | (x / 53) << 20 | (z / 3);
            // SplitMix64's mixing: no two places look alike.
            let mixed = (cell as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ mixed >> 27) >> 48
        };
        let slice = Array2::from_shape_fn((width, width), |at| grain(at) as f32);
        file.write(z, slice.view()).unwrap();
    }
    file.finish().unwrap();
}

/// Runs the program in an address space of so many MB.
fn limited(folder: &Path, megabytes: u64, arguments: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_undulator");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -v \"$1\" && shift && exec \"$@\"", "sh", &(megabytes << 10).to_string(), program]);
    shell.args(arguments.split_whitespace()).args(["--folder", "results"]);
    // As many threads everywhere, and the system's reserves of memory for each are small.
    shell.envs([("RAYON_NUM_THREADS", "2"), ("MALLOC_ARENA_MAX", "1")]);
    shell.current_dir(folder).env("XDG_DATA_HOME", folder.join("data")).stdin(Stdio::null()).output().unwrap()
}

/// Whether it ended well. Anything but success and the error of the memory's kind fails the test.
fn ends_well(folder: &Path, megabytes: u64, arguments: &str) -> bool {
    let results = folder.join("results");
    std::fs::create_dir_all(&results).unwrap();
    let Output { status, stderr, .. } = limited(folder, megabytes, arguments);
    let said = String::from_utf8_lossy(&stderr);
    println!("{megabytes} MB, {arguments}: {status}, {}", said.lines().last().unwrap_or_default());
    let memory = status.code() == Some(7) && said.contains("of memory, and") && said.contains("MB are free");
    assert!(status.success() || memory, "{megabytes} MB, {arguments}: {status}\n{said}");
    let left = std::fs::read_dir(&results).unwrap().count();
    assert!(status.success() || left == 0, "{megabytes} MB, {arguments} left {left} files");
    std::fs::remove_dir_all(&results).unwrap();
    status.success()
}

/// Tries every limit, of which the last must do.
fn in_little_memory(folder: &Path, limits: &[u64], arguments: &str) {
    let ended: Vec<bool> = limits.iter().map(|limit| ends_well(folder, *limit, arguments)).collect();
    assert_eq!(ended.last(), Some(&true), "{arguments}: {limits:?} MB");
}

/// The same, where the first must not do.
fn not_in_least_memory(folder: &Path, limits: &[u64], arguments: &str) {
    assert!(!ends_well(folder, limits[0], arguments), "{arguments}: {} MB do", limits[0]);
    in_little_memory(folder, &limits[1..], arguments);
}

#[test]
fn large_slices_are_measured_and_resampled_or_refused() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    stack(at, "a.tif", 4096, 4, VoxelSize::isotropic(0.5), 0);
    stack(at, "b.tif", 4096, 4, VoxelSize::isotropic(0.5), 1);
    not_in_least_memory(at, &[150, 250, 1000], "measure test=a.tif reference=b.tif");
    not_in_least_memory(at, &[150, 250, 2000], "resample image=a.tif voxel=0.6");
    stack(at, "thick.tif", 4096, 4, VoxelSize::new(0.5, 0.5, 40.0), 0);
    not_in_least_memory(at, &[150, 300, 2000], "resample image=thick.tif voxel=40 interpolation=Anti-aliased");
    // Twice as many voxels along every axis.
    not_in_least_memory(at, &[150, 400, 3000], "resample image=a.tif voxel=0.25");
}

#[test]
fn kernels_over_all_slices_take_no_more_than_a_few() {
    let folder = tempdir().unwrap();
    // 512 MB in 16 bits.
    stack(folder.path(), "deep.tif", 1024, 256, VoxelSize::isotropic(0.5), 0);
    in_little_memory(folder.path(), &[120, 300], "resample image=deep.tif voxel=100 interpolation=Anti-aliased");
}

#[test]
fn large_volumes_are_aligned_or_refused() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    stack(at, "a.tif", 1024, 8, VoxelSize::isotropic(0.5), 0);
    stack(at, "b.tif", 1024, 8, VoxelSize::isotropic(0.5), 6);
    in_little_memory(at, &[120, 250, 4000], "align moving=a.tif reference=b.tif transform=Rigid");
}

#[test]
fn voxel_sizes_of_two_units_end_in_an_error() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    stack(at, "a.tif", 64, 40, VoxelSize::isotropic(600.0), 0);
    stack(at, "b.tif", 64, 40, VoxelSize::isotropic(0.6), 0);
    std::fs::create_dir(at.join("results")).unwrap();
    for limit in [400, 4000] {
        let Output { status, stderr, .. } = limited(at, limit, "align moving=a.tif reference=b.tif");
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(3), "{said}");
        assert!(said.contains("38.4×38.4×24") && said.contains("38400×38400×24000"), "{said}");
    }
}

#[test]
fn pairs_too_large_for_the_memory_are_refused() {
    let folder = tempdir().unwrap();
    in_little_memory(folder.path(), &[120, 500], "sample-data width=64 height=64 slices=2");
    assert!(!ends_well(folder.path(), 250, "sample-data width=2048 height=2048 slices=1"));
    // Misaligned pairs are scanned at 0.31 µm: 19,819 pixels along each edge.
    let huge = "sample-data width=2048 height=2048 slices=4 voxel=3 misaligned";
    assert!(!ends_well(folder.path(), 4000, huge));
}
