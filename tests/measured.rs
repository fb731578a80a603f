//! Stacks of which a part was not measured: it takes no part anywhere, and stays as it was.

#[path = "common/heard.rs"]
mod heard;
#[path = "common/host.rs"]
mod host;

use heard::Heard;
use host::MemoryHost;
use ndarray::{Array3, s};
use tempfile::TempDir;
use undulator::{
    align::{Target, Transform, apply_transform},
    apply::apply,
    command,
    grey::Window,
    measure::{Options, baselines, measure},
    model::Model,
    progress::{Progress, Silent},
    resample::{Interpolation, resample},
    stack::{GreyType, Measured, Shape, Size, SliceSource, VoxelSize},
    train::{TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    Loss,
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

const SIZE: Size = Size { width: 48, height: 40, slices: 14 };

/// A number from 0 to 1 that follows from three, without pattern.
fn noise(x: usize, y: usize, z: usize) -> f32 {
    let mut bits =
        (x as u32).wrapping_mul(73_856_093) ^ (y as u32).wrapping_mul(19_349_663) ^ (z as u32).wrapping_mul(83_492_791);
    bits = (bits ^ bits >> 15).wrapping_mul(2_246_822_519);
    bits = (bits ^ bits >> 13).wrapping_mul(3_266_489_917);
    (bits >> 8) as f32 / (1 << 24) as f32
}

/// A crisp reference, grey values about 40 to 160, and a noisy laboratory scan of it, 60 to 240.
fn pair() -> [Array3<f32>; 2] {
    let crisp = |(z, y, x): (usize, usize, usize)| {
        let wave = (x as f32 * 0.4 + z as f32 * 0.3).sin() + (y as f32 * 0.5).cos();
        (if wave > 0.0 { 140.0 } else { 60.0 }) + 20.0 * noise(x, y, z + 99)
    };
    let reference = Array3::from_shape_fn(SIZE.dim(), crisp);
    let low = Array3::from_shape_fn(SIZE.dim(), |at| 1.2 * crisp(at) + 40.0 * noise(at.2, at.1, at.0));
    [low, reference]
}

fn volume(name: &str, values: &Array3<f32>, grey: GreyType) -> Volume {
    let shape = Shape::new(values.dim().into(), VoxelSize::isotropic(0.6), grey);
    Volume::from_values(name, shape, &values.iter().copied().collect::<Vec<_>>())
}

fn outside(y: usize, x: usize) -> bool {
    (x as f32 - 23.5).powi(2) + (y as f32 - 19.5).powi(2) > 20f32.powi(2)
}

/// The values with `filler` where `gone` holds of (z, y, x).
fn without(values: &Array3<f32>, filler: f32, gone: impl Fn(usize, usize, usize) -> bool) -> Array3<f32> {
    let mut holed = values.clone();
    holed.indexed_iter_mut().filter(|((z, y, x), _)| gone(*z, *y, *x)).for_each(|(_, v)| *v = filler);
    holed
}

fn window(stack: &dyn SliceSource) -> Window {
    Window::of_percentiles(stack, 0.3, 99.7, Progress::silent()).unwrap()
}

fn options(folder: &TempDir, loss: Loss) -> TrainOptions {
    TrainOptions {
        spec: Spec {
            network: Architecture::RedNet,
            layers: 3,
            activation: Activation::Prelu,
            channels: 4,
            residual: true,
        },
        epochs: 3,
        batch: 2,
        patch: 16,
        validation: 4,
        loss,
        device: DeviceRequest::Cpu,
        model: folder.path().join("model.zip"),
        ..Default::default()
    }
}

/// Windows and scores of a stack that lacks its left third are those of the rest, whatever stands there.
#[test]
fn windows_and_scores_are_those_of_what_was_measured() {
    let [low, reference] = pair();
    let part = |values: &Array3<f32>| values.slice(s![.., .., 16..]).to_owned();
    let cut = [&low, &reference].map(|values| volume("cut", &part(values), GreyType::F32));
    let windowed = Options { windowed: true };
    let expected = measure(&cut[0], &cut[1], windowed, Progress::silent()).unwrap();
    let [low_window, reference_window] = [window(&cut[0]), window(&cut[1])];
    let all = 0..SIZE.slices;
    let expected_lines =
        baselines(&cut[0], &cut[1], low_window, reference_window, all.clone(), Progress::silent()).unwrap();
    for (filler, grey) in [(f32::NAN, GreyType::F32), (f32::INFINITY, GreyType::F32), (0.0, GreyType::F32)] {
        for (gone_low, gone_reference) in [(true, true), (true, false), (false, true)] {
            let made = |values: &Array3<f32>, gone: bool| {
                volume("holed", &without(values, filler, |_, _, x| gone && x < 16), grey)
            };
            let holed = [made(&low, gone_low), made(&reference, gone_reference)];
            let heard = Heard::default();
            let measured = measure(&holed[0], &holed[1], Options { windowed: false }, Progress::new(&heard));
            assert!(heard.0.lock().unwrap()[0].contains("33.3 % of holed is not measured"), "{:?}", heard.0);
            assert!(measured.unwrap().stack.ssim.is_finite());
            let stacks = [&holed[0], &holed[1]].map(|stack| Measured::of(stack, Progress::silent()).unwrap());
            if gone_low && gone_reference {
                assert_eq!([window(&stacks[0]), window(&stacks[1])], [low_window, reference_window]);
                let found = measure(&holed[0], &holed[1], windowed, Progress::silent()).unwrap();
                for (found, expected) in
                    found.slices.iter().zip(&expected.slices).chain([(&found.stack, &expected.stack)])
                {
                    assert!((found.psnr - expected.psnr).abs() < 1e-9 && (found.ssim - expected.ssim).abs() < 1e-9);
                }
            }
            let lines =
                baselines(&stacks[0], &stacks[1], low_window, reference_window, all.clone(), Progress::silent())
                    .unwrap();
            assert!((lines.raw.psnr - expected_lines.raw.psnr).abs() < 1e-9);
            assert!((lines.matched.psnr - expected_lines.matched.psnr).abs() < 1e-6);
            // The filter of the cut stack mirrors what lies beyond its border.
            assert!((lines.filtered.psnr - expected_lines.filtered.psnr).abs() < 0.3, "{lines:?} {expected_lines:?}");
        }
    }
}

/// A circle of NaN or of zeros: trained with every loss, applied, measured; it comes out as it came in.
#[test]
fn a_round_reconstruction_goes_the_whole_way() {
    let [low, reference] = pair();
    let gone = |_, y, x| outside(y, x);
    for (filler, grey, loss) in [
        (f32::NAN, GreyType::F32, Loss::Mse),
        (f32::NAN, GreyType::F32, Loss::SsimL1),
        (0.0, GreyType::U8, Loss::L1),
        (0.0, GreyType::U16, Loss::Charbonnier),
    ] {
        let folder = TempDir::new().unwrap();
        let low = volume("low", &without(&low, filler, gone), grey);
        let reference = volume("reference", &without(&reference, filler, gone), grey);
        let options = options(&folder, loss);
        let trained = train(&low, &reference, &options, &Silent).unwrap();
        let history = &trained.model.card.training.history;
        assert!(history.iter().all(|epoch| epoch.loss.is_finite() && epoch.psnr.is_some_and(f64::is_finite)), "{loss}");
        let scores = trained.model.card.scores.unwrap();
        assert!(scores.raw > 5.0 && scores.matched < 40.0, "{scores:?}");

        let model = Model::load(&options.model).unwrap();
        let mut restored = Volume::black("restored", low.shape());
        let applied =
            apply(&low, Some(&reference), &model, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
        let comparison = applied.comparison.unwrap();
        assert!(comparison.restored.psnr.is_finite() && comparison.restored.ssim.is_finite());
        let values = restored.to_array();
        for ((_, y, x), value) in values.indexed_iter() {
            match (outside(y, x), grey) {
                (true, GreyType::F32) => assert!(value.is_nan()),
                (true, _) => assert_eq!(*value, 0.0),
                (false, _) => assert!(value.is_finite()),
            }
        }
        let measured = measure(&restored, &reference, Options { windowed: false }, Progress::silent()).unwrap();
        assert!(measured.stack.psnr.is_finite());
        let share = Measured::of(&restored, Progress::silent()).unwrap().share();
        let inside = (0..SIZE.plane()).filter(|i| !outside(i / SIZE.width, i % SIZE.width)).count();
        assert!((share - inside as f64 / SIZE.plane() as f64).abs() < 1e-9, "{share}");
    }
}

/// What stands in the filler has no influence on the training.
#[test]
fn a_training_does_not_depend_on_what_stands_in_the_filler() {
    let [low, reference] = pair();
    let trained = |filler: f32| {
        let folder = TempDir::new().unwrap();
        let [low, reference] = [&low, &reference]
            .map(|values| volume("stack", &without(values, filler, |_, y, x| outside(y, x)), GreyType::F32));
        let trained = train(&low, &reference, &options(&folder, Loss::Mse), &Silent).unwrap();
        (trained.model.weights.clone(), trained.model.card.scores)
    };
    let by_nan = trained(f32::NAN);
    assert!(by_nan == trained(0.0) && by_nan == trained(-5000.0));
}

#[test]
fn validation_slices_of_filler_are_named_and_choose_nothing() {
    let [low, reference] = pair();
    let last = |z: usize| z > 11;
    let low = volume("low", &without(&low, 0.0, |z, _, _| last(z)), GreyType::U8);
    let reference = volume("reference", &reference, GreyType::U8);
    let (folder, heard) = (TempDir::new().unwrap(), Heard::default());
    let options = options(&folder, Loss::Mse);
    let trained = train(&low, &reference, &options, &heard).unwrap();
    let lines = heard.0.into_inner().unwrap();
    assert!(
        lines.iter().any(|line| line.contains("left out: 13-14; the best epoch is chosen on the others")),
        "{lines:?}"
    );
    assert!(trained.model.card.scores.is_some());

    // None is left: the training loss chooses.
    let heard = Heard::default();
    let trained = train(&low, &reference, &TrainOptions { validation: 2, ..options }, &heard).unwrap();
    let lines = heard.0.into_inner().unwrap();
    assert!(lines.iter().any(|line| line.contains("no validation slice is left")), "{lines:?}");
    let training = &trained.model.card.training;
    let least = training.history.iter().min_by(|a, b| a.loss.total_cmp(&b.loss)).unwrap();
    assert_eq!((training.best_epoch, trained.model.card.scores), (least.epoch, None));
}

#[test]
fn stacks_without_common_measurements_are_refused() {
    let [low, reference] = pair();
    let low = volume("low", &without(&low, f32::NAN, |_, _, x| x < 46), GreyType::F32);
    let reference = volume("reference", &reference, GreyType::F32);
    let folder = TempDir::new().unwrap();
    let said = train(&low, &reference, &options(&folder, Loss::Mse), &Silent).map(drop).unwrap_err().to_string();
    assert!(said.contains("none of the 10 training slices"), "{said}");
    let nothing = volume("nothing", &Array3::from_elem(SIZE.dim(), f32::NAN), GreyType::F32);
    let said = train(&nothing, &reference, &options(&folder, Loss::Mse), &Silent).map(drop).unwrap_err().to_string();
    assert!(said.contains("only 0.00 % of nothing is measured"), "{said}");
}

#[test]
fn aligning_makes_up_no_value() {
    let [low, _] = pair();
    let shift = Transform::similarity([0.0; 3], 1.0, [0.0, 0.0, 0.6 * 16.0]);
    let target = Target::of(volume("grid", &low, GreyType::F32).shape());
    for grey in [GreyType::F32, GreyType::U8] {
        let moving = volume("moving", &without(&low, f32::NAN, |_, y, _| y < 8), grey);
        let measured = Measured::of(&moving, Progress::silent()).unwrap();
        let mut aligned = Volume::black("aligned", moving.shape());
        let empty = apply_transform(&measured, &target, &shift, &mut aligned, Progress::silent()).unwrap();
        let (expected, values) = (moving.to_array(), aligned.to_array());
        for ((z, y, x), value) in values.indexed_iter() {
            match y >= 8 && x < 32 {
                true => assert!((value - expected[[z, y, x + 16]]).abs() < 1e-3),
                false => assert!(if grey == GreyType::F32 { value.is_nan() } else { *value == 0.0 }),
            }
        }
        assert!((empty - (1.0 - 0.8 * 2.0 / 3.0)).abs() < 1e-9, "{empty}");
    }
}

#[test]
fn resampling_makes_values_of_what_was_measured_alone() {
    let flat = Array3::from_elem(SIZE.dim(), 50.0f32);
    let holed = volume("holed", &without(&flat, f32::NAN, |_, y, x| outside(y, x)), GreyType::F32);
    for (voxel, interpolation) in [(0.5, Interpolation::Linear), (1.3, Interpolation::AntiAliased)] {
        let mut result = Volume::black("result", holed.shape());
        resample(&holed, voxel, interpolation, &mut result, Progress::silent()).unwrap();
        let values = result.to_array();
        assert!(values.iter().all(|value| value.is_nan() || (value - 50.0).abs() < 1e-4));
        let (before, after) = (holed.to_values(), result.to_values());
        let share = |values: &[f32]| values.iter().filter(|v| v.is_nan()).count() as f64 / values.len() as f64;
        assert!((share(&before) - share(&after)).abs() < 0.03, "{} {}", share(&before), share(&after));
    }
}

/// A transform that leaves a third of the field empty: it is said, and marked.
#[test]
fn align_tells_the_share_that_is_empty() {
    let [low, reference] = pair();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("shift.json");
    Transform::similarity([0.0; 3], 1.0, [0.0, 0.0, 0.6 * 16.0]).save(&file).unwrap();
    let host = MemoryHost::default().with(volume("low", &low, GreyType::U16)).with(volume(
        "reference",
        &reference,
        GreyType::U16,
    ));
    let given = [("moving", "low"), ("reference", "reference"), ("transform", file.to_str().unwrap())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    command::run("align", &given, &host).unwrap();
    let warned = |line: &String| line.starts_with("Warning: 33.3 % of low-aligned is empty") && line.contains("crop");
    assert!(host.kept(|kept| kept.lines.iter().any(warned)), "{:?}", host.kept(|kept| kept.lines.clone()));
    let made = host.made("aligned");
    assert!(made.has_filler);
    // The training that follows looks at the rest, with the mark or without it.
    let aligned = made.volume.unwrap();
    let measured = Measured::of(&aligned, Progress::silent()).unwrap();
    assert!((measured.share() - 2.0 / 3.0).abs() < 1e-9);
}
