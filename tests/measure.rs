//! PSNR against ImageMagick, SSIM against scikit-image, percentiles and baselines against numpy and scipy.

#[path = "common/data.rs"]
mod data;
#[path = "common/python.rs"]
mod python;

use std::process::Command;

use data::battery;
use serde_json::{Value, json};
use tempfile::TempDir;
use undulator::grey::{HIGH_PERCENT, LOW_PERCENT, Window};
use undulator::measure::{Baselines, Measurement, Options, Score, baselines, measure};
use undulator::progress::Progress;
use undulator::stack::{GreyType, Shape, Size, SliceSource, VoxelSize};
use undulator::volume::Volume;

const AS_THEY_ARE: Options = Options { windowed: false };
const WINDOWED: Options = Options { windowed: true };

fn volume(name: &str, grey: GreyType, size: Size, value: impl Fn(usize) -> f32) -> Volume {
    let values: Vec<f32> = (0..size.voxels() as usize).map(value).collect();
    Volume::from_values(name, Shape::new(size, VoxelSize::isotropic(0.6), grey), &values)
}

/// Waves with noise on them: the same structure, noisier, for a larger `noise`.
fn waves(name: &str, grey: GreyType, size: Size, noise: f32) -> Volume {
    let (low, high) = grey.white().map_or((-0.4, 2.1), |white| (0.1 * white, 0.8 * white));
    volume(name, grey, size, |i| {
        let (x, y, z) = ((i % size.width) as f32, (i / size.width % size.height) as f32, (i / size.plane()) as f32);
        let wave = (x / 3.0 + z).sin() * (y / 5.0).cos();
        let random = ((i as u64 + 1).wrapping_mul(6_364_136_223_846_793_005) >> 40) as f32 / (1 << 24) as f32 - 0.5;
        low + (high - low) * (0.5 + 0.4 * wave + noise * random)
    })
}

fn pair(grey: GreyType, size: Size) -> (Volume, Volume) {
    (waves("restored", grey, size, 0.2), waves("synchrotron", grey, size, 0.0))
}

/// What ImageMagick's `compare -metric PSNR` says of two stacks, all slices below one another in one image.
fn imagemagick(test: &Volume, reference: &Volume) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, volume: &Volume| {
        let Shape { size, grey, .. } = volume.shape();
        let white = grey.white().expect("ImageMagick compares whole grey values");
        let mut image = format!("P5\n{} {}\n{white}\n", size.width, size.height * size.slices).into_bytes();
        for v in volume.to_values() {
            match grey {
                GreyType::U8 => image.push(v as u8),
                _ => image.extend((v as u16).to_be_bytes()),
            }
        }
        std::fs::write(folder.path().join(name), image).unwrap();
    };
    write("test.pgm", test);
    write("reference.pgm", reference);
    let output = Command::new("compare")
        .args(["-metric", "PSNR", "test.pgm", "reference.pgm", "null:"])
        .current_dir(folder.path())
        .output()
        .expect("`compare` does not run: install ImageMagick (Debian and Ubuntu: apt-get install imagemagick)");
    let said = String::from_utf8_lossy(&output.stderr);
    let number = said.split_whitespace().next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("compare says {said:?}"))
}

/// Writes stacks for a Python peer and returns the request that names them.
fn request(folder: &TempDir, what: &str, test: &Volume, reference: &Volume) -> Value {
    let size = test.shape().size;
    let write = |name: &str, volume: &Volume| {
        let path = folder.path().join(name);
        python::write_floats(&path, &volume.to_values());
        path
    };
    json!({
        "what": what, "shape": [size.slices, size.height, size.width],
        "test": write("test", test), "reference": write("reference", reference),
    })
}

fn window(source: &dyn SliceSource) -> Window {
    Window::of_percentiles(source, LOW_PERCENT, HIGH_PERCENT, Progress::silent()).unwrap()
}

fn all_baselines(input: &Volume, reference: &Volume) -> Baselines {
    let slices = 0..input.shape().size.slices;
    baselines(input, reference, window(input), window(reference), slices, Progress::silent()).unwrap()
}

#[test]
fn psnr_is_that_of_imagemagick() {
    for grey in [GreyType::U8, GreyType::U16] {
        let (test, reference) = pair(grey, Size::new(37, 23, 4));
        let ours = measure(&test, &reference, AS_THEY_ARE, Progress::silent()).unwrap().stack.psnr;
        let theirs = imagemagick(&test, &reference);
        // Its answer has six digits.
        assert!((ours - theirs).abs() < 1e-4, "{grey:?}: {ours} here, {theirs} there");
    }
}

#[test]
fn psnr_of_the_battery_is_that_of_imagemagick() {
    let (laboratory, synchrotron) = battery::aligned(battery::MARGIN);
    let ours = measure(&laboratory, &synchrotron, AS_THEY_ARE, Progress::silent()).unwrap().stack.psnr;
    let theirs = imagemagick(&laboratory, &synchrotron);
    assert!((ours - theirs).abs() < 1e-4, "{ours} here, {theirs} there");
}

#[test]
fn ssim_is_that_of_scikit_image() {
    for (grey, peak) in [(GreyType::U8, 255.0), (GreyType::U16, 65535.0), (GreyType::F32, 0.0)] {
        let (test, reference) = pair(grey, Size::new(53, 31, 3));
        let measured = measure(&test, &reference, AS_THEY_ARE, Progress::silent()).unwrap();
        let values = reference.to_values();
        let range = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let folder = tempfile::tempdir().unwrap();
        let mut request = request(&folder, "ssim", &test, &reference);
        request["peak"] = json!(if grey == GreyType::F32 { f64::from(range.1) - f64::from(range.0) } else { peak });
        let theirs = python::ask("measure.py", &request);
        let theirs: Vec<f64> = theirs.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(theirs.len(), 3);
        for (slice, theirs) in measured.slices.iter().zip(&theirs) {
            assert!((slice.ssim - theirs).abs() < 1e-8, "{grey:?}: {} here, {theirs} there", slice.ssim);
            assert!((0.05..0.999).contains(theirs), "{grey:?}: {theirs} tests nothing");
        }
        assert!((measured.stack.ssim - theirs.iter().sum::<f64>() / 3.0).abs() < 1e-8);
    }
}

#[test]
fn percentiles_are_those_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    for grey in [GreyType::U8, GreyType::U16, GreyType::F32] {
        let source = waves("laboratory", grey, Size::new(41, 29, 5), 0.7);
        for (low, high) in [(LOW_PERCENT, HIGH_PERCENT), (0.0, 100.0), (33.3, 66.6)] {
            let mut request = request(&folder, "percentiles", &source, &source);
            request["percents"] = json!([low, high]);
            let theirs = python::ask("measure.py", &request);
            let ours = Window::of_percentiles(&source, low, high, Progress::silent()).unwrap();
            for (ours, theirs) in [ours.low, ours.high].iter().zip(theirs.as_array().unwrap()) {
                let theirs = theirs.as_f64().unwrap();
                let tolerance = 1e-6 * f64::from(grey.white().unwrap_or(2.5));
                assert!((f64::from(*ours) - theirs).abs() < tolerance, "{grey:?}: {ours} here, {theirs} there");
            }
        }
    }
}

#[test]
fn the_battery_has_the_baselines_of_its_readme() {
    let (laboratory, synchrotron) = battery::aligned(battery::MARGIN);
    let found = all_baselines(&laboratory, &synchrotron);
    assert_eq!(found.sigma, 1.2);
    let folder = tempfile::tempdir().unwrap();
    let mut request = request(&folder, "baselines", &laboratory, &synchrotron);
    request["sigma"] = json!(found.sigma);
    let theirs = python::ask("measure.py", &request);
    for (name, ours, readme) in
        [("raw", found.raw, 12.7), ("matched", found.matched, 14.1), ("filtered", found.filtered, 21.8)]
    {
        let [psnr, ssim] = [0, 1].map(|i| theirs[name][i].as_f64().unwrap());
        println!("{name}: {:.2} dB, SSIM {:.4}; the peer {psnr:.2} dB, SSIM {ssim:.4}", ours.psnr, ours.ssim);
        assert!((ours.psnr - psnr).abs() < 0.01, "{name}: {} dB here, {psnr} dB there", ours.psnr);
        assert!((ours.ssim - ssim).abs() < 1e-3, "{name}: SSIM {} here, {ssim} there", ours.ssim);
        assert!((ours.psnr - readme).abs() < 0.25, "{name}: {} dB", ours.psnr);
    }
}

#[test]
fn raw_baseline_and_windowed_measurement_are_one() {
    let (test, reference) = pair(GreyType::U16, Size::new(30, 20, 6));
    let measured = measure(&test, &reference, WINDOWED, Progress::silent()).unwrap();
    assert_eq!(all_baselines(&test, &reference).raw, measured.stack);

    let other_scale = volume("laboratory", GreyType::F32, Size::new(30, 20, 6), {
        let values = test.to_values();
        move |i| values[i] * 1e-5 - 3.0
    });
    let rescaled = measure(&other_scale, &reference, WINDOWED, Progress::silent()).unwrap();
    assert!((rescaled.stack.psnr - measured.stack.psnr).abs() < 0.01);
}

#[test]
fn a_grey_match_undoes_an_affine_change_and_a_block_is_fitted_alone() {
    let reference = waves("synchrotron", GreyType::F32, Size::new(30, 25, 6), 0.0);
    let values = reference.to_values();
    let half = values.len() / 2;
    let input = volume("laboratory", GreyType::F32, Size::new(30, 25, 6), |i| {
        if i < half { 5.0 - 2.0 * values[i] } else { 1.0 + 9.0 * values[i] }
    });
    let windows = (Window::new(-1.0, 6.0).unwrap(), window(&reference));
    let block = |slices| baselines(&input, &reference, windows.0, windows.1, slices, Progress::silent()).unwrap();
    // What is left is the rounding of the reference to 8 bits, seldom off by one.
    assert!(block(0..3).matched.psnr > 55.0 && block(0..3).raw.psnr < 12.0);
    assert!(block(3..6).matched.psnr > 55.0);
    assert!(block(0..6).matched.psnr < 30.0);
}

#[test]
fn a_stack_is_scored_as_one_and_by_slices() {
    let size = Size::new(12, 12, 3);
    let reference = waves("synchrotron", GreyType::U8, size, 0.0);
    let values = reference.to_values();
    let test = volume("restored", GreyType::U8, size, |i| values[i] + [0.0, 1.0, 2.0][i / size.plane()]);
    let Measurement { stack, slices } = measure(&test, &reference, AS_THEY_ARE, Progress::silent()).unwrap();
    let decibels = |mse: f64| 10.0 * (255.0f64.powi(2) / mse).log10();
    assert_eq!(slices[0], Score { psnr: f64::INFINITY, ssim: 1.0 });
    assert!((slices[1].psnr - decibels(1.0)).abs() < 1e-9 && (slices[2].psnr - decibels(4.0)).abs() < 1e-9);
    assert!((stack.psnr - decibels(5.0 / 3.0)).abs() < 1e-9);
    assert!((stack.ssim - slices.iter().map(|slice| slice.ssim).sum::<f64>() / 3.0).abs() < 1e-12);
}

#[test]
fn slices_too_small_for_ssim_still_have_a_psnr() {
    for size in [Size::new(10, 40, 2), Size::new(40, 10, 2), Size::new(2, 1, 1)] {
        let (test, reference) = pair(GreyType::U8, size);
        let measured = measure(&test, &reference, AS_THEY_ARE, Progress::silent()).unwrap();
        assert!(measured.stack.psnr.is_finite() && measured.stack.ssim.is_nan(), "{size}");
    }
}

#[test]
fn scores_do_not_depend_on_the_number_of_threads() {
    let (test, reference) = pair(GreyType::F32, Size::new(201, 190, 3));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (measure(&test, &reference, AS_THEY_ARE, Progress::silent()).unwrap(), all_baselines(&test, &reference))
        })
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn stacks_that_cannot_be_compared_are_explained() {
    let size = Size::new(12, 13, 2);
    let (test, reference) = pair(GreyType::U8, size);
    let refuse = |test: &Volume, reference: &Volume, options| {
        measure(test, reference, options, Progress::silent()).unwrap_err().to_string()
    };
    let said = refuse(&test, &waves("synchrotron", GreyType::U8, Size::new(12, 13, 3), 0.0), AS_THEY_ARE);
    assert!(said.contains("12×13×2") && said.contains("12×13×3"), "{said}");
    let said = refuse(&test, &waves("synchrotron", GreyType::U16, size, 0.0), AS_THEY_ARE);
    assert!(said.contains("restored has 8 bits but synchrotron has 16"), "{said}");
    let flat = volume("synchrotron", GreyType::F32, size, |_| 0.25);
    let said = refuse(&waves("restored", GreyType::F32, size, 0.0), &flat, AS_THEY_ARE);
    assert!(said.contains("0.25") && said.contains("synchrotron"), "{said}");
    assert!(refuse(&test, &volume("synchrotron", GreyType::U8, size, |_| 9.0), WINDOWED).contains("no contrast"));
    let infinite = volume("restored", GreyType::F32, size, |_| f32::INFINITY);
    let said = refuse(&infinite, &waves("synchrotron", GreyType::F32, size, 0.0), AS_THEY_ARE);
    assert!(said.contains("only 0.00 % of restored is measured"), "{said}");
    let empty = Volume::black("restored", Shape { size: Size::new(12, 0, 2), ..test.shape() });
    assert!(refuse(&empty, &reference, AS_THEY_ARE).contains("empty"));

    let windows = (window(&test), window(&reference));
    for slices in [1..1, 1..3] {
        let said =
            baselines(&test, &reference, windows.0, windows.1, slices, Progress::silent()).unwrap_err().to_string();
        assert!(said.contains("which has 2"), "{said}");
    }
}
