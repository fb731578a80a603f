//! Lengths, grey values and axes as they cross the border: the same stack in another unit, on another grey scale or with
//! another name for its long axis gives the same result, and what cannot be compared is refused or warned of.

#[path = "common/host.rs"]
mod host;
#[path = "common/models.rs"]
mod models;

use host::{MemoryHost, MemoryImage};
use tempfile::tempdir;
use undulator::{
    align::Transform,
    command::{self, Code, CommandError, Report, Value},
    grey::Window,
    model::Model,
    stack::{GreyScale, GreyType, Shape, Size, SliceSource, VoxelSize},
    volume::Volume,
};
use undulator_compute::network::{Activation, Architecture, Spec, Weights};

const SIZE: Size = Size { width: 16, height: 12, slices: 8 };

/// Reads `key=value flag`, without spaces in values.
fn run(host: &MemoryHost, name: &str, text: &str) -> Result<Report, CommandError> {
    let option = |word: &str| match word.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (word.to_owned(), "true".to_owned()),
    };
    command::run(name, &text.split_whitespace().map(option).collect::<Vec<_>>(), host)
}

/// Waves in 16 bits, on a scale.
fn waves(name: &str, voxel: VoxelSize, scale: GreyScale) -> Volume {
    let shape = Shape { scale, ..Shape::new(SIZE, voxel, GreyType::U16) };
    let stored = |i: usize| {
        let (x, y, z) = (i % SIZE.width, i / SIZE.width % SIZE.height, i / SIZE.plane());
        20_000.0 + 9_000.0 * ((x as f32 * 0.4).sin() + (y as f32 * 0.3 + z as f32 * 0.2).cos())
    };
    let values: Vec<f32> = (0..SIZE.voxels() as usize).map(|i| scale.value(stored(i).round())).collect();
    Volume::from_values(name, shape, &values)
}

fn image(name: &str, edge: f64, unit: &'static str) -> MemoryImage {
    let volume = waves(name, VoxelSize::in_unit([edge; 3], unit), GreyScale::IDENTITY);
    MemoryImage { unit, ..MemoryImage::from(volume) }
}

fn said(host: &MemoryHost, words: &str) -> bool {
    host.kept(|kept| kept.lines.iter().any(|line| line.contains(words)))
}

/// A transform that changes nothing, as a file.
fn identity(folder: &std::path::Path) -> String {
    let path = folder.join("identity.json");
    Transform::identity().save(&path).unwrap();
    path.display().to_string()
}

#[test]
fn the_same_lengths_in_other_units_give_the_same_alignment() {
    let folder = tempdir().unwrap();
    let file = identity(folder.path());
    let aligned = |edge: f64, unit: &'static str| {
        let host = MemoryHost::default().with(image("lab", edge, unit)).with(image("sync", 0.6, "µm"));
        let report = run(&host, "Align", &format!("moving=lab reference=sync transform={file} crop")).unwrap();
        let shift = report.rows[0].cells.iter().find(|(column, _)| column.name == "Shift x").unwrap().0;
        assert_eq!(shift.unit, "µm");
        let made = host.made("aligned");
        assert_eq!(made.image.unit, "µm");
        made.volume.unwrap().to_values()
    };
    let expected = aligned(0.6, "µm");
    for (edge, unit) in [(600.0, "nm"), (0.0006, "mm"), (6000.0, "Å"), (0.6, "micron")] {
        assert_eq!(aligned(edge, unit), expected, "{edge} {unit}");
    }
}

#[test]
fn a_pair_of_which_one_has_no_unit_is_refused_with_both() {
    let host = MemoryHost::default().with(image("lab", 600.0, "nm")).with(image("sync", 1.0, "pixel"));
    let error = run(&host, "Align", "moving=lab reference=sync").unwrap_err();
    assert_eq!(error.code, Code::VoxelSize, "{error}");
    let words = error.to_string();
    assert!(words.contains("lab (600×600×600 nm)") && words.contains("sync (1×1×1 pixel)"), "{words}");
    assert!(error.advice.contains("set the voxel size of sync"), "{error}");
}

#[test]
fn a_pair_without_units_is_aligned_and_the_transform_says_so() {
    let folder = tempdir().unwrap();
    let host = MemoryHost::default().with(image("lab", 1.0, "pixel")).with(image("sync", 1.0, "pixels"));
    let in_micrometres = identity(folder.path());
    let error = run(&host, "Align", &format!("moving=lab reference=sync transform={in_micrometres}")).unwrap_err();
    assert!(error.to_string().contains("in micrometres") && error.to_string().contains("in pixels"), "{error}");
    let file = folder.path().join("unknown.json");
    Transform { known: false, ..Transform::identity() }.save(&file).unwrap();
    assert!(std::fs::read_to_string(&file).unwrap().contains("not micrometres"));
    let report = run(&host, "Align", &format!("moving=lab reference=sync transform={}", file.display())).unwrap();
    assert!(said(&host, "neither lab (1×1×1 pixel) nor sync (1×1×1 pixels) has a unit of length"));
    assert!(report.rows[0].cells.iter().any(|(column, _)| column.name == "Shift z" && column.unit == "pixel"));
}

#[test]
fn a_voxel_larger_than_the_field_is_refused_in_its_unit() {
    let host = MemoryHost::default().with(image("lab", 0.0006, "mm"));
    let words = run(&host, "Resample", "image=lab voxel=0.6").unwrap_err().to_string();
    assert!(words.contains("0.6 mm") && words.contains("0.0096×0.0072×0.0048 mm"), "{words}");
    run(&host, "Resample", "image=lab voxel=0.0012").unwrap();
    assert!(said(
        &host,
        "lab: 16×12×8 voxels of 0.0006×0.0006×0.0006 mm become 8×6×4 voxels of 0.0012×0.0012×0.0012 mm"
    ));
    let made = host.made("resampled");
    assert_eq!((made.image.unit.as_str(), made.volume.unwrap().shape().voxel), ("mm", VoxelSize::isotropic(1.2)));
}

#[test]
fn a_depth_of_nothing_matters_only_where_lengths_do() {
    for depth in [0.0, -0.6, f64::NAN] {
        let stack = |name| MemoryImage::from(waves(name, VoxelSize::new(0.6, 0.6, depth), GreyScale::IDENTITY));
        let host = MemoryHost::default().with(stack("a")).with(stack("b"));
        run(&host, "Measure", "test=a reference=b").unwrap();
        assert!(!said(&host, "Warning"), "{depth}");
        let error = run(&host, "Resample", "image=a voxel=1.2").unwrap_err();
        assert_eq!(error.code, Code::VoxelSize, "{error}");
        assert!(run(&host, "Align", "moving=a reference=b").is_err());
    }
}

#[test]
fn voxel_sizes_that_differ_are_a_warning() {
    let measured = |edge, unit| {
        let host = MemoryHost::default().with(image("a", 0.6, "µm")).with(image("b", edge, unit));
        run(&host, "Measure", "test=a reference=b").unwrap();
        host.kept(|kept| kept.lines.iter().find(|line| line.contains("differ")).cloned())
    };
    assert_eq!(measured(600.0, "nm"), None);
    assert_eq!(measured(0.602, "um"), None);
    let words = measured(1.2, "mm").unwrap();
    assert!(words.contains("a (0.6×0.6×0.6 µm)") && words.contains("b (1.2×1.2×1.2 mm)"), "{words}");
    assert!(measured(0.6, "pixel").unwrap().contains("0.6×0.6×0.6 pixel"));
}

#[test]
fn one_long_axis_is_a_volume_whatever_its_name() {
    let plain = image("plain", 0.6, "µm");
    for (channels, frames) in [(1, 1), (8, 1), (1, 8)] {
        let named = MemoryImage { channels, frames, ..image("named", 0.6, "µm") };
        let host = MemoryHost::default().with(named).with(plain.clone());
        let report = run(&host, "Measure", "test=named reference=plain").unwrap();
        assert_eq!(report.rows[0].get("SSIM"), Some(&Value::Number(1.0)));
        run(&host, "Resample", "image=named voxel=1.2").unwrap();
        let made = host.made("resampled");
        assert_eq!(made.volume.unwrap().shape().size, Size::new(8, 6, 4));
        assert_eq!((made.image.channels, made.image.frames), (1, 1));
        // As many planes as before are called what they were.
        let host = MemoryHost::default().with(MemoryImage { channels, frames, ..image("named", 0.6, "µm") });
        run(&host, "Resample", "image=named voxel=0.6").unwrap();
        let made = host.made("resampled").image;
        assert_eq!((made.channels, made.frames), (channels, frames));
    }
    let two = MemoryImage { channels: 2, frames: 4, ..image("two", 0.6, "µm") };
    let host = MemoryHost::default().with(two).with(plain);
    assert_eq!(run(&host, "Measure", "test=two reference=plain").unwrap_err().code, Code::Hyperstack);
}

#[test]
fn aligned_and_resampled_stacks_keep_their_own_grey_scale() {
    let folder = tempdir().unwrap();
    let file = identity(folder.path());
    let voxel = VoxelSize::isotropic(0.6);
    for scale in [GreyScale::IDENTITY, GreyScale::SIGNED_16, GreyScale { offset: -1024.0, slope: 0.25 }] {
        let moving = waves("lab", voxel, scale);
        let expected = moving.to_values();
        let reference = waves("sync", voxel, GreyScale::SIGNED_16);
        let host = MemoryHost::default().with(MemoryImage { value_unit: "HU", ..moving.into() }).with(reference);
        run(&host, "Align", &format!("moving=lab reference=sync transform={file}")).unwrap();
        run(&host, "Resample", "image=lab voxel=0.6").unwrap();
        for name in ["aligned", "resampled"] {
            let made = host.made(name);
            let volume = made.volume.unwrap();
            assert_eq!((volume.shape().scale, made.image.value_unit.as_str()), (scale, "HU"), "{name}");
            assert_eq!(volume.to_values(), expected, "{name}, {scale:?}");
        }
    }
}

#[test]
fn errors_are_those_of_the_values_shown() {
    let voxel = VoxelSize::isotropic(0.6);
    let psnr = |scale: GreyScale| {
        let (a, b) = (waves("a", voxel, scale), waves("b", voxel, scale));
        let shifted: Vec<f32> = b.to_values().iter().map(|grey| grey + 100.0).collect();
        let host = MemoryHost::default().with(a).with(Volume::from_values("b", b.shape(), &shifted));
        let report = run(&host, "Measure", "test=a reference=b").unwrap();
        let Some(Value::Number(psnr)) = report.rows[0].get("PSNR").cloned() else { panic!("no number") };
        psnr
    };
    assert_eq!(psnr(GreyScale::SIGNED_16), psnr(GreyScale::IDENTITY));
    // On a scale of half the range the same error is twice as large.
    let half = GreyScale { offset: -1024.0, slope: 0.5 };
    assert!((psnr(GreyScale::IDENTITY) - psnr(half) - 20.0 * 2f64.log10()).abs() < 1e-3);
}

/// A model that gives back what it sees: a single kernel of one, on these scales.
fn model(window: Window, scale: GreyScale) -> Model {
    let spec =
        Spec { network: Architecture::Srcnn, layers: 3, activation: Activation::Relu, channels: 1, residual: true };
    let mut model = models::model(1, spec);
    let mut weights = Weights::initial(&spec, &spec.plan().unwrap(), 1);
    weights.0.iter_mut().for_each(|tensor| tensor.values.fill(0.0));
    model.weights = weights;
    model.card.input_window = window;
    model.card.output_window = window;
    model.card.output_scale = scale;
    model.card.value_unit = "HU".to_owned();
    model
}

#[test]
fn the_restored_stack_has_the_grey_scale_of_the_training() {
    let scale = GreyScale { offset: -32_768.0, slope: 1.0 };
    let lab = waves("lab", VoxelSize::isotropic(0.6), scale);
    let expected = lab.to_values();
    let folder = tempdir().unwrap();
    let file = folder.path().join("model.zip");
    model(Window::new(-32_000.0, 6_000.0).unwrap(), scale).save(&file).unwrap();
    // The same grey values, stored as floats.
    let shape = Shape::new(SIZE, VoxelSize::isotropic(0.6), GreyType::F32);
    let floats = Volume::from_values("floats", shape, &expected);
    let host = MemoryHost::default().with(lab).with(floats);
    for name in ["lab", "floats"] {
        run(&host, "Apply", &format!("image={name} model={} device=cpu force", file.display())).unwrap();
    }
    for made in host.kept(|kept| kept.made.clone()) {
        let made = made.lock().unwrap().clone();
        let volume = made.volume.unwrap();
        assert_eq!((volume.shape().grey, volume.shape().scale), (GreyType::U16, scale));
        assert_eq!(made.image.value_unit, "HU");
        let apart = volume.to_values().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart <= 1.0, "{apart}");
    }
    assert!(!said(&host, "do not fit"));
}

#[test]
fn values_that_do_not_fit_the_window_are_warned_of_or_windowed_anew() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("model.zip");
    model(Window::new(10_000.0, 36_000.0).unwrap(), GreyScale::IDENTITY).save(&file).unwrap();
    let lab = waves("lab", VoxelSize::isotropic(0.6), GreyScale::IDENTITY);
    let eight: Vec<f32> = lab.to_values().iter().map(|grey| grey / 257.0).collect();
    let shape = Shape::new(SIZE, VoxelSize::isotropic(0.6), GreyType::U8);
    let host = MemoryHost::default().with(lab).with(Volume::from_values("eight", shape, &eight));
    let apply = |image: &str, how: &str| {
        run(&host, "Apply", &format!("image={image} model={} device=cpu force {how}", file.display())).unwrap();
        let made = host.kept(|kept| kept.made.last().cloned().unwrap());
        made.lock().unwrap().volume.clone().unwrap().to_values()
    };
    let spread = |values: &[f32]| {
        values.iter().copied().fold(f32::MIN, f32::max) - values.iter().copied().fold(f32::MAX, f32::min)
    };
    let expected = apply("lab", "");
    assert!(!said(&host, "do not fit"));
    assert!(spread(&apply("eight", "")) < 0.01 * spread(&expected));
    assert!(said(&host, "the grey values of eight") && said(&host, "from 10000 to 36000"));
    let windowed = apply("eight", "window=Image");
    assert!(spread(&windowed) > 0.9 * 26_000.0, "{}", spread(&windowed));
    assert!(said(&host, "grey window of the image"));
}

#[test]
fn fields_that_no_sample_can_fill_are_refused_before_the_memory_is() {
    let host = MemoryHost::default().with(image("lab", 600.0, "µm")).with(image("sync", 600.0, "nm"));
    for options in ["moving=lab reference=sync", "moving=sync reference=lab"] {
        let error = run(&host, "Align", options).unwrap_err().to_string();
        assert!(error.contains("9600×7200×4800 µm") && error.contains("nm"), "{error}");
    }
}
