//! Results that go to a file: what others read of it, and runs that are cancelled, killed and gone on with.

#[path = "common/python.rs"]
mod python;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use ndarray::{Array2, ArrayViewMut2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tempfile::TempDir;
use undulator::{
    apply::{self, Applied, ApplyError, InputWindow, apply},
    grey::Window,
    model::Model,
    progress::{Event, Listener, Progress, Silent},
    resample::{self, Interpolation, resample},
    stack::{GreyType, Shape, Size, SliceSink, SliceSource, StackError, VoxelSize},
    stack_file::{DisplaySettings, Job, StackFile},
    train::{TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

const HEADER: u64 = 4096;

/// A stack that is made when it is read.
struct Made(Shape);

impl SliceSource for Made {
    fn name(&self) -> &str {
        "made"
    }

    fn shape(&self) -> Shape {
        self.0
    }

    fn read(&self, z: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        out.iter_mut().enumerate().for_each(|(at, grey)| *grey = grey_at(z, at));
        Ok(())
    }
}

/// A pattern whose slices differ.
fn grey_at(z: usize, at: usize) -> f32 {
    ((z * 31 + at * 7 + at / 5) % 250) as f32
}

fn shape(width: usize, height: usize, slices: usize, grey: GreyType) -> Shape {
    Shape::new(Size::new(width, height, slices), VoxelSize::new(0.31, 0.5, 0.6), grey)
}

fn display() -> DisplaySettings {
    DisplaySettings { unit: "µm".to_owned(), value_unit: String::new(), channels: 1, frames: 1, range: None }
}

fn job(image: &dyn SliceSource) -> Job {
    Job::new(image, vec![("work", "a test".to_owned())]).unwrap()
}

/// Stops after some looks at it.
struct Stops(AtomicUsize);

impl Listener for Stops {
    fn event(&self, _event: Event<'_>) {}

    fn cancelled(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

/// A model file of a tiny network, and the model.
fn model(folder: &Path) -> (PathBuf, Model) {
    let network = Architecture::RedNet;
    let spec = Spec { network, layers: 3, activation: Activation::Prelu, channels: 2, residual: true };
    let low = Volume::from_values("low", shape(16, 16, 4, GreyType::U8), &pattern(16 * 16, 4));
    let options = TrainOptions {
        spec,
        epochs: 1,
        batch: 2,
        validation: 1,
        device: DeviceRequest::Cpu,
        model: folder.join("model.zip"),
        ..Default::default()
    };
    let model = train(&low, &low, &options, &Silent).unwrap().model;
    (options.model, model)
}

fn pattern(plane: usize, slices: usize) -> Vec<f32> {
    (0..slices).flat_map(|z| (0..plane).map(move |at| grey_at(z, at))).collect()
}

/// Applies the model file to a file.
fn apply_to(file: &Path, model_file: &Path, slices: usize, progress: Progress) -> Result<Applied, ApplyError> {
    let image = Made(shape(40, 24, slices, GreyType::U8));
    let (bytes, model) = (fs::read(model_file).unwrap(), Model::load(model_file).unwrap());
    let mut sink = StackFile::new(file, display(), apply::job(&image, &bytes, InputWindow::Model)?);
    apply(&image, Some(&image), &model, DeviceRequest::Cpu, &mut sink, progress)
}

#[test]
fn python_reads_every_grey_type_as_imagejs() {
    let folder = TempDir::new().unwrap();
    for (grey, dtype) in [(GreyType::U8, "uint8"), (GreyType::U16, "uint16"), (GreyType::F32, "float32")] {
        let path = folder.path().join(format!("{dtype}.tif"));
        let image = Made(shape(5, 3, 6, grey));
        let display = DisplaySettings { frames: 3, range: Some(Window::new(-1.5, 200.0).unwrap()), ..display() };
        let mut file = StackFile::new(&path, display, job(&image));
        file.begin(image.shape()).unwrap();
        let mut slice = Array2::zeros((3, 5));
        for z in 0..6 {
            image.read(z, slice.view_mut()).unwrap();
            file.write(z, slice.view()).unwrap();
        }
        file.finish().unwrap();
        let answer = python::ask("stack_file.py", &json!({ "path": path, "slices": [0, 5] }));
        assert_eq!(answer["dtype"], dtype);
        assert_eq!((&answer["shape"], &answer["axes"]), (&json!([3, 2, 3, 5]), &json!("TZYX")), "{answer}");
        assert_eq!((&answer["pages"], &answer["offset"]), (&json!(1), &json!(HEADER)));
        assert_eq!(answer["resolution"], json!([[100, 31], [10, 5]]));
        let (imagej, text) = (&answer["imagej"], |key: &str| answer["imagej"][key].to_string());
        assert_eq!((&imagej["images"], &imagej["hyperstack"]), (&json!(6), &json!(true)), "{imagej}");
        assert_eq!((text("spacing"), text("min"), text("max")), ("0.6".into(), "-1.5".into(), "200".into()));
        let written = |z| json!((0..15).map(|at| grey_at(z, at)).collect::<Vec<f32>>());
        for (at, z) in [(0, 0), (1, 5)] {
            let (read, written) = (answer["slices"][at].as_array().unwrap(), written(z));
            assert!(read.iter().zip(written.as_array().unwrap()).all(|(a, b)| a.as_f64() == b.as_f64()));
        }
    }
}

#[test]
fn beyond_two_to_the_31_voxels_a_run_goes_on_and_python_reads_the_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("large.tif");
    // Five thousand slices of 720 KB: 3.7 GB, of which the system keeps only what is written.
    let image = Made(shape(1000, 720, 5000, GreyType::U8));
    let (plane, slices) = (720_000, 5000);
    StackFile::new(&path, display(), job(&image)).begin(image.shape()).unwrap();
    let part = fs::OpenOptions::new().write(true).open(StackFile::part_of(&path)).unwrap();
    part.set_len(HEADER + (slices - 2) * plane + 77).unwrap();
    drop(part);

    let mut file = StackFile::new(&path, display(), job(&image));
    file.begin(image.shape()).unwrap();
    assert_eq!(file.done(), 4998);
    let mut slice = Array2::zeros((720, 1000));
    for z in 4998..5000 {
        image.read(z, slice.view_mut()).unwrap();
        file.write(z, slice.view()).unwrap();
    }
    file.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), HEADER + slices * plane);
    let answer = python::ask("stack_file.py", &json!({ "path": path, "slices": [4997, 4999] }));
    assert_eq!(answer["shape"], json!([5000, 720, 1000]));
    let [before, last] = [0, 1].map(|at| answer["slices"][at].as_array().unwrap());
    assert!(before.iter().all(|grey| grey.as_u64() == Some(0)));
    assert!(last.iter().zip(&slice).all(|(read, grey)| read.as_f64() == Some(f64::from(*grey))));
}

#[test]
fn a_cancelled_run_goes_on_to_the_same_file_and_the_same_scores() {
    let folder = TempDir::new().unwrap();
    let [whole, parts] = ["whole.tif", "parts.tif"].map(|name| folder.path().join(name));
    let (model, _) = model(folder.path());
    let expected = apply_to(&whole, &model, 12, Progress::silent()).unwrap().comparison.unwrap();
    for looks in [3, 0, 8] {
        let error = apply_to(&parts, &model, 12, Progress::new(&Stops(looks.into()))).unwrap_err();
        assert!(matches!(error, ApplyError::Cancelled { .. }), "{error}");
        assert!(!parts.exists() && StackFile::part_of(&parts).exists());
    }
    let found = apply_to(&parts, &model, 12, Progress::silent()).unwrap().comparison.unwrap();
    assert_eq!((found.restored, found.baselines), (expected.restored, expected.baselines));
    assert!(fs::read(&whole).unwrap() == fs::read(&parts).unwrap());
    assert!(!StackFile::part_of(&parts).exists());
    let error = apply_to(&parts, &model, 12, Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("parts.tif exists already"), "{error}");
}

#[test]
fn resampling_goes_on_to_the_same_file() {
    let folder = TempDir::new().unwrap();
    let [whole, parts] = ["whole.tif", "parts.tif"].map(|name| folder.path().join(name));
    let image = Made(shape(30, 20, 200, GreyType::U16));
    let to = |path: &Path, voxel, progress: Progress| {
        let job = resample::job(&image, voxel, Interpolation::AntiAliased).unwrap();
        let mut file = StackFile::new(path, display(), job);
        resample(&image, voxel, Interpolation::AntiAliased, &mut file, progress).map(drop)
    };
    to(&whole, 0.9, Progress::silent()).unwrap();
    to(&parts, 0.9, Progress::new(&Stops(5.into()))).unwrap_err();
    let error = to(&parts, 0.8, Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("unfinished result of other work") && error.contains("differs"), "{error}");
    to(&parts, 0.9, Progress::silent()).unwrap();
    assert!(fs::read(&whole).unwrap() == fs::read(&parts).unwrap());
}

#[test]
fn what_cannot_be_gone_on_with_is_refused_and_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("result.tif");
    let image = Made(shape(5, 3, 6, GreyType::U8));
    let begin = |path: &Path, image: &Made, job: Job| {
        StackFile::new(path, display(), job).begin(image.shape()).unwrap_err().to_string()
    };
    let mut file = StackFile::new(&path, display(), job(&image));
    file.begin(image.shape()).unwrap();
    assert!(begin(&path, &image, job(&image)).contains("is being written by another run"));
    // Without a slice it would be begun anew.
    file.write(0, Array2::from_elem((3, 5), 1.0f32).view()).unwrap();
    drop(file);

    let part = StackFile::part_of(&path);
    let before = fs::read(&part).unwrap();
    let other = Job::new(&image, vec![("work", "another".to_owned())]).unwrap();
    assert!(begin(&path, &image, other).contains("(work differs)"));
    let wider = Made(shape(6, 3, 6, GreyType::U8));
    assert!(begin(&path, &wider, job(&wider)).contains("(image differs)"));
    assert!(fs::read(&part).unwrap() == before);

    fs::write(&part, "notes of mine").unwrap();
    assert!(begin(&path, &image, job(&image)).contains("is not an unfinished result of Undulator"));
    assert_eq!(fs::read(&part).unwrap(), b"notes of mine");
    // A header that was cut off holds nothing.
    fs::write(&part, &before[..100]).unwrap();
    StackFile::new(&path, display(), job(&image)).begin(image.shape()).unwrap();
    assert!(fs::read(&part).unwrap() == before[..HEADER as usize]);

    assert!(begin(&folder.path().join("result.png"), &image, job(&image)).contains("must end in .tif"));
    assert!(begin(&folder.path().join("absent/result.tif"), &image, job(&image)).contains("cannot be written"));
    let huge = Made(shape(40_000, 40_000, 1 << 30, GreyType::U8));
    let place = folder.path().join("huge.tif");
    let error = begin(&place, &huge, job(&image));
    assert!(error.contains("needs 1717986918400000000 bytes more, but only "), "{error}");
    assert!(!StackFile::part_of(&place).exists());
    let deep = Made(shape(40_000, 40_000, 1, GreyType::U16));
    assert!(begin(&place, &deep, job(&image)).contains("larger than ImageJ can open"));
}

const SLICES: usize = 3000;

/// The program that is killed; it does nothing by itself.
#[test]
#[ignore = "is started, and killed, by the next test"]
fn applies_until_killed() {
    let Some(folder) = std::env::var_os("UNDULATOR_KILLED").map(PathBuf::from) else { return };
    apply_to(&folder.join("parts.tif"), &folder.join("model.zip"), SLICES, Progress::silent()).unwrap();
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_file() {
    let folder = TempDir::new().unwrap();
    let [whole, parts] = ["whole.tif", "parts.tif"].map(|name| folder.path().join(name));
    let (model, _) = model(folder.path());
    apply_to(&whole, &model, SLICES, Progress::silent()).unwrap();
    let slice = (fs::metadata(&whole).unwrap().len() - HEADER) / SLICES as u64;
    let length = || fs::metadata(StackFile::part_of(&parts)).map_or(0, |part| part.len());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut kills, mut within) = (0, 0);
    while !parts.exists() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["applies_until_killed", "--exact", "--ignored"])
            .env("UNDULATOR_KILLED", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        if kills < 20 {
            // Sometimes before the first slice, mostly some slices later than the last time.
            let more = if kills % 4 == 0 { 0 } else { random.random_range(1..150) * slice };
            let (goal, soon) = (length() + more, Duration::from_millis(random.random_range(1..40)));
            while length() < goal && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
            if more == 0 {
                std::thread::sleep(soon);
            }
            let _ = child.kill();
            kills += 1;
            child.wait().unwrap();
            within += usize::from(length() > HEADER);
        } else {
            assert!(child.wait().unwrap().success());
        }
    }
    println!("killed {kills} times, {within} of them between slices");
    assert!(kills >= 10 && within >= 5);
    assert!(fs::read(&whole).unwrap() == fs::read(&parts).unwrap());
}

#[test]
fn an_unfinished_file_without_a_slice_blocks_nobody_and_one_with_a_slice_does() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("result.tif");
    let image = Made(shape(5, 4, 3, GreyType::U16));
    let other = Job::new(&image, vec![("work", "something else".to_owned())]).unwrap();
    let slice = Array2::from_elem((4, 5), 7.0f32);
    let begun = |job: &Job| {
        let mut sink = StackFile::new(&file, display(), job.clone());
        sink.begin(image.shape()).map(|()| sink)
    };
    let (part, plane) = (StackFile::part_of(&file), 5 * 4 * 2);
    // Killed within the header, behind it, and within the first slice; of a job with other slices; and lost by the system.
    drop(begun(&other).unwrap());
    let whole = fs::read(&part).unwrap();
    assert_eq!(whole.len() as u64, HEADER);
    let with = |slice: usize| [&whole[..], &vec![1; slice]].concat();
    for left in [vec![], whole[..5].to_vec(), whole[..1000].to_vec(), whole.clone(), with(plane - 1), vec![0; 4096]] {
        fs::write(&part, &left).unwrap();
        let mut sink = begun(&job(&image)).unwrap_or_else(|error| panic!("{} bytes: {error}", left.len()));
        assert_eq!(sink.done(), 0);
        (0..3).for_each(|z| sink.write(z, slice.view()).unwrap());
        sink.finish().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), HEADER + 3 * plane as u64);
        fs::remove_file(&file).unwrap();
    }
    for (left, reason) in [(with(plane), "work"), (b"II*\0 a picture of somebody's".to_vec(), "not")] {
        fs::write(&part, &left).unwrap();
        let error = begun(&job(&image)).map(drop).unwrap_err().to_string();
        assert!(error.contains(reason) && fs::read(&part).unwrap() == left, "{error}");
    }
}
