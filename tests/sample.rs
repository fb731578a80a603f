//! The simulated pair, as a user gets it.

use tempfile::TempDir;
use undulator::{
    align::{Target, Transform, apply_transform},
    measure::{Options, measure},
    progress::Progress,
    sample::{LABORATORY_VOXEL, SYNCHROTRON_VOXEL, SampleOptions, SampleSummary, sample_pair},
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    volume::Volume,
};

fn pair(options: &SampleOptions) -> (Volume, Volume, SampleSummary) {
    let shape = Shape::new(Size::new(1, 1, 1), VoxelSize::isotropic(1.0), GreyType::U16);
    let (mut laboratory, mut synchrotron) = (Volume::black("laboratory", shape), Volume::black("synchrotron", shape));
    let summary = sample_pair(options, &mut laboratory, &mut synchrotron, Progress::silent()).unwrap();
    (laboratory, synchrotron, summary)
}

fn small() -> SampleOptions {
    SampleOptions { width: 64, height: 48, slices: 12, ..Default::default() }
}

fn windowed_psnr(test: &Volume, reference: &Volume) -> f64 {
    measure(test, reference, Options { windowed: true }, Progress::silent()).unwrap().stack.psnr
}

#[test]
fn the_pair_has_the_wanted_psnr() {
    for (seed, psnr) in [(1, 12.8), (2, 11.0), (3, 15.0)] {
        let (laboratory, synchrotron, _) = pair(&SampleOptions { seed, psnr, ..small() });
        assert_eq!(laboratory.shape().size, Size::new(64, 48, 12));
        assert_eq!(laboratory.shape().voxel, VoxelSize::isotropic(0.6));
        let measured = windowed_psnr(&laboratory, &synchrotron);
        assert!((measured - psnr).abs() <= 0.5, "seed {seed}: {measured} dB instead of {psnr}");
    }
}

#[test]
fn a_seed_gives_one_pair_and_another_seed_another() {
    let [first, again, other] = [1, 1, 2].map(|seed| pair(&SampleOptions { seed, slices: 3, ..small() }));
    assert!(first.0 == again.0 && first.1 == again.1);
    assert!(first.1 != other.1);
}

#[test]
fn seventy_percent_are_active_and_the_synchrotron_shows_it_bright() {
    let (_, synchrotron, summary) = pair(&small());
    let (active, glass) = summary.fractions;
    assert!((active / (active + glass) - 0.7).abs() < 0.03, "{active} and {glass}");
    let values = synchrotron.to_values();
    let window = summary.synchrotron_window;
    let bright = values.iter().filter(|grey| window.normalise(**grey) > 0.5).count() as f64 / values.len() as f64;
    assert!((bright - active).abs() < 0.12, "{bright} bright, {active} active");
}

#[test]
fn a_misaligned_pair_is_aligned_by_its_transform() {
    let (laboratory, synchrotron, summary) = pair(&SampleOptions { misaligned: true, ..small() });
    assert_eq!(laboratory.shape().voxel, VoxelSize::isotropic(LABORATORY_VOXEL));
    assert_eq!(synchrotron.shape().voxel, VoxelSize::isotropic(SYNCHROTRON_VOXEL));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("transform.json");
    std::fs::write(&file, serde_json::to_string(&summary.transform.unwrap()).unwrap()).unwrap();
    let similarity_under = |transform: &Transform| {
        let mut aligned = Volume::black("aligned", synchrotron.shape());
        let target = Target::of(synchrotron.shape());
        apply_transform(&laboratory, &target, transform, &mut aligned, Progress::silent()).unwrap();
        correlation_inside(&aligned.to_values(), &synchrotron.to_values())
    };
    let (before, after) =
        (similarity_under(&Transform::identity()), similarity_under(&Transform::load(&file).unwrap()));
    assert!(after > before + 0.2, "{before} before, {after} after");
}

/// Pearson's correlation where the first volume has been measured: outside its field it is black.
fn correlation_inside(a: &[f32], b: &[f32]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.iter().zip(b).filter(|(a, _)| **a > 0.0).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
fn impossible_options_are_refused_by_name() {
    let shape = Shape::new(Size::new(1, 1, 1), VoxelSize::isotropic(1.0), GreyType::U16);
    for (options, key) in [
        (SampleOptions { width: 3, ..small() }, "width"),
        (SampleOptions { voxel: f64::NAN, ..small() }, "voxel"),
        (SampleOptions { psnr: 40.0, ..small() }, "psnr"),
        (SampleOptions { slices: 0, ..small() }, "slices"),
    ] {
        let (mut a, mut b) = (Volume::black("a", shape), Volume::black("b", shape));
        let message = sample_pair(&options, &mut a, &mut b, Progress::silent()).unwrap_err().to_string();
        assert!(message.contains(key), "{message}");
    }
}
