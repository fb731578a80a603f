//! Training and applying on measured data, and what happens when it cannot go well.

#[path = "common/data.rs"]
mod data;
#[path = "common/patterns.rs"]
mod patterns;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use data::{battery, tiff_volume};
use patterns::{pair, volume};
use tempfile::TempDir;
use undulator::{
    apply::{ApplyError, apply},
    model::Model,
    progress::{Event, Listener, Progress, Silent},
    stack::{Size, SliceSource},
    train::{Request, TrainEvent, TrainListener, TrainOptions, Trained, train},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

fn spec(layers: usize, channels: usize) -> Spec {
    Spec { network: Architecture::RedNet, layers, activation: Activation::Prelu, channels, residual: true }
}

fn options(folder: &TempDir) -> TrainOptions {
    TrainOptions {
        spec: spec(3, 4),
        epochs: 2,
        batch: 2,
        validation: 2,
        device: DeviceRequest::Cpu,
        model: folder.path().join("model.zip"),
        ..Default::default()
    }
}

#[test]
fn measured_tooth_slice_gains_three_decibels_over_the_grey_matched_input() {
    let folder = TempDir::new().unwrap();
    let low = tiff_volume("tooth/every_6th_view.tif", 1.0);
    let reference = tiff_volume("tooth/all_181_views.tif", 1.0);
    let options = TrainOptions {
        spec: spec(3, 16),
        epochs: 25,
        batch: 4,
        patch: 64,
        validation: 1,
        augment: true,
        ..options(&folder)
    };
    let trained = train(&low, &reference, &options, &Silent).unwrap();
    let scores = trained.model.card.scores.unwrap();
    println!("tooth, slice 2: {scores:?}");
    assert!(scores.restored >= scores.matched + 3.0, "{scores:?}");

    // The saved model, applied to the whole stack, gives the same slice.
    let model = Model::load(&options.model).unwrap();
    let mut restored = Volume::black("restored", low.shape());
    apply(&low, None, &model, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
    let second = |volume: &Volume| data::slices(volume, 1..2);
    let applied = apply(
        &second(&low),
        Some(&second(&reference)),
        &model,
        DeviceRequest::Cpu,
        &mut Volume::black("x", low.shape()),
        Progress::silent(),
    );
    let comparison = applied.unwrap().comparison.unwrap();
    assert!((comparison.restored.psnr - scores.restored).abs() < 0.01, "{comparison} against {scores:?}");
}

#[test]
fn simulated_battery_gains_over_the_gaussian_filter() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = battery::aligned(battery::MARGIN);
    let options = TrainOptions { spec: spec(3, 24), epochs: 40, validation: 8, augment: true, ..options(&folder) };
    let trained = train(&low, &reference, &options, &Silent).unwrap();
    let scores = trained.model.card.scores.unwrap();
    println!("battery, the last 8 of 37 slices: {scores:?}");
    assert!(scores.restored > scores.filtered + 1.0, "{scores:?}");
}

#[test]
fn the_same_seed_gives_the_same_model_and_another_seed_another() {
    let (low, reference) = pair(Size::new(32, 24, 8));
    let weights = |seed| {
        let folder = TempDir::new().unwrap();
        train(&low, &reference, &TrainOptions { seed, ..options(&folder) }, &Silent).unwrap().model.weights
    };
    assert!(weights(3) == weights(3));
    assert!(weights(3) != weights(4));
}

#[test]
fn a_model_file_holds_all_that_the_model_is() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(Size::new(30, 20, 8));
    let options = options(&folder);
    let trained = train(&low, &reference, &options, &Silent).unwrap();
    let loaded = Model::load(&options.model).unwrap();
    assert!(loaded.weights == trained.model.weights);
    assert_eq!(loaded.card.network, trained.model.card.network);
    assert_eq!(loaded.card.input_window, trained.model.card.input_window);
    assert_eq!(loaded.card.output_window, trained.model.card.output_window);
    let psnr = |model: &Model| model.card.training.history.iter().map(|epoch| epoch.psnr.unwrap()).collect::<Vec<_>>();
    assert_eq!(psnr(&loaded).len(), 2);
    assert!(psnr(&loaded).iter().zip(psnr(&trained.model)).all(|(a, b)| (a - b).abs() < 1e-9));
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 2, "the model and its checkpoint, and no temporary file");
}

#[test]
fn any_width_and_height_is_restored_and_keeps_its_calibration() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(Size::new(32, 32, 8));
    let model = train(&low, &reference, &options(&folder), &Silent).unwrap().model;
    for size in [Size::new(1, 1, 1), Size::new(33, 7, 2), Size::new(5, 64, 3)] {
        let (low, reference) = pair(size);
        let mut restored = Volume::black("restored", low.shape());
        let applied =
            apply(&low, Some(&reference), &model, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
        assert_eq!(restored.shape().size, size);
        assert_eq!(restored.shape().voxel, low.shape().voxel);
        assert!(applied.comparison.is_some());
        assert!(restored.to_values().iter().all(|grey| grey.is_finite()));
    }
}

#[test]
fn stacks_of_different_sizes_are_named_with_both_sizes() {
    let folder = TempDir::new().unwrap();
    let (low, _) = pair(Size::new(32, 24, 8));
    let (_, reference) = pair(Size::new(32, 24, 9));
    let message = train(&low, &reference, &options(&folder), &Silent).unwrap_err().to_string();
    assert!(message.contains("32×24×8") && message.contains("32×24×9"), "{message}");
}

#[test]
fn bad_stacks_and_options_are_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let size = Size::new(16, 16, 8);
    let (low, reference) = pair(size);
    let refuse = |low: &Volume, reference: &Volume, options: TrainOptions| {
        let message = train(low, reference, &options, &Silent).unwrap_err().to_string();
        assert!(!options.model.exists(), "{message}");
        message
    };
    for bad in [f32::NAN, f32::INFINITY] {
        let broken = volume("low", size, |_, _, _| bad);
        let message = refuse(&broken, &reference, options(&folder));
        assert!(message.contains("only 0.00 % of low is measured"), "{message}");
    }
    let flat = volume("low", size, |_, _, _| 7.0);
    assert!(refuse(&flat, &reference, options(&folder)).contains("no contrast"));
    let (one, one_reference) = pair(Size::new(16, 16, 1));
    let message = refuse(&one, &one_reference, TrainOptions { validation: 1, ..options(&folder) });
    assert!(message.contains("1 slices") && message.contains("validation=1"), "{message}");
    let message = refuse(&low, &reference, TrainOptions { spec: spec(9, 4), ..options(&folder) });
    assert!(message.contains("layers=9"), "{message}");
    let message =
        refuse(&low, &reference, TrainOptions { model: folder.path().join("absent/m.zip"), ..options(&folder) });
    assert!(message.contains("absent"), "{message}");
}

/// Cancels after some progress; keeps the lines.
struct Impatient {
    patience: AtomicUsize,
    lines: Mutex<Vec<String>>,
}

impl Impatient {
    fn new(patience: usize) -> Self {
        Self { patience: AtomicUsize::new(patience), lines: Mutex::new(Vec::new()) }
    }
}

impl Listener for Impatient {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Phase(_) => {}
            Event::Fraction(fraction) => assert!((0.0..=1.0).contains(&fraction)),
            Event::Message(line) | Event::Warning(line) => self.lines.lock().unwrap().push(line.to_owned()),
        }
    }

    fn cancelled(&self) -> bool {
        self.patience.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

impl TrainListener for Impatient {
    fn training(&self, _event: TrainEvent<'_>) {}

    fn request(&self) -> Request {
        Request::GoOn
    }
}

#[test]
fn cancelling_keeps_the_best_model_so_far() {
    let (low, reference) = pair(Size::new(16, 16, 8));
    let run = |patience| {
        let folder = TempDir::new().unwrap();
        let options = TrainOptions { epochs: 1000, ..options(&folder) };
        let result: Result<Trained, _> = train(&low, &reference, &options, &Impatient::new(patience));
        (result, options.model.exists())
    };
    let (early, saved) = run(0);
    assert!(early.unwrap_err().to_string().contains("cancelled") && !saved);
    let (late, saved) = run(60);
    let late = late.unwrap();
    assert!(late.cancelled && saved);
    let epochs = late.model.card.training.history.len();
    assert!((1..1000).contains(&epochs), "{epochs}");
}

#[test]
fn applying_stops_when_asked() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(Size::new(16, 16, 8));
    let model = train(&low, &reference, &options(&folder), &Silent).unwrap().model;
    let mut sink = Volume::black("restored", low.shape());
    let error =
        apply(&low, None, &model, DeviceRequest::Cpu, &mut sink, Progress::new(&Impatient::new(3))).unwrap_err();
    assert!(matches!(error, ApplyError::Cancelled { slice: 4, slices: 8 }), "{error}");
}

#[test]
fn a_model_that_cannot_be_saved_leaves_the_old_one() {
    // A folder of the same name can be neither replaced nor overwritten.
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(Size::new(16, 16, 8));
    let mut options = options(&folder);
    options.model = folder.path().to_owned();
    let message = train(&low, &reference, &options, &Silent).unwrap_err().to_string();
    assert!(message.contains("folder"), "{message}");
    assert!(Path::new(&options.model).is_dir());
}
