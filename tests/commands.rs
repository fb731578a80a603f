//! Commands as hosts run them: by names of keys and values, on a host whose images lie in memory.

#[path = "common/host.rs"]
mod host;

use std::path::Path;

use host::{MemoryHost, MemoryImage};
use tempfile::TempDir;
use undulator::{
    command::{self, Code, Command, CommandError, Greys, Grid, Kind, Report, Value},
    measure,
    progress::{Progress, Silent},
    resample::{Interpolation, resample},
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    volume::Volume,
};

/// What scripts of users hang on: every key that a released version had. Keys may be added.
const CONTRACT: [(&str, &str); 9] = [
    ("Sample Data", "width=128 height=128 slices=40 voxel=0.6 seed=1 psnr=12.8 misaligned"),
    ("Resample", "image=active voxel=0.6 interpolation=Linear output="),
    (
        "Align",
        "moving= reference= transform=Similarity metric=NCC rotation flip drift air start= voxel=0 crop overlay=None save=",
    ),
    (
        "Train",
        "low= reference= preset=None network=RED-Net layers=6 activation=PReLU channels=32 residual epochs=100 batch=4 \
         patch=0 rate=0.001 schedule=Constant loss=MSE validation=10 augment seed=1 device=auto precision=auto model= start= \
         checkpoint=10 resume authors= licence=CC-BY-4.0 cite=",
    ),
    ("Apply", "image=active model= reference=none device=auto precision=auto window=Model force output="),
    ("Measure", "test= reference= windowed"),
    (
        "Compare Networks",
        "low= reference= layers=3-7 activations=ReLU,PReLU channels=32 srcnn residual epochs=100 batch=4 patch=0 rate=0.001 \
         schedule=Constant loss=MSE validation=10 augment seed=1 device=auto precision=auto folder= authors= \
         licence=CC-BY-4.0 cite=",
    ),
    ("Models", "action=Inspect model= folder= format=ONNX force"),
    ("Devices", ""),
];

/// Reads `key=value flag`, without spaces in values.
fn options(text: &str) -> Vec<(String, String)> {
    let option = |word: &str| match word.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (word.to_owned(), "true".to_owned()),
    };
    text.split_whitespace().map(option).collect()
}

fn run(host: &MemoryHost, name: &str, text: &str) -> Result<Report, CommandError> {
    command::run(name, &options(text), host)
}

fn number(report: &Report, row: usize, column: &str) -> f64 {
    match report.rows[row].get(column) {
        Some(Value::Number(number)) => *number,
        other => panic!("{column} is {other:?}"),
    }
}

/// Waves in 16 bits.
fn waves(name: &str, size: Size, phase: f32) -> Volume {
    let values: Vec<f32> = (0..size.voxels() as usize)
        .map(|i| {
            let (x, y, z) = (i % size.width, i / size.width % size.height, i / size.plane());
            20_000.0 + 9_000.0 * ((x as f32 * 0.4 + phase).sin() + (y as f32 * 0.3 + z as f32 * 0.2).cos())
        })
        .collect();
    Volume::from_values(name, Shape::new(size, VoxelSize::isotropic(0.6), GreyType::U16), &values)
}

#[test]
fn every_released_key_is_there_with_its_default() {
    for (name, keys) in CONTRACT {
        let command = command::find(name).unwrap();
        for (key, default) in options(keys) {
            let known = command.key(&key).unwrap_or_else(|| panic!("{name} has no key {key}"));
            let flag = known.kind == Kind::Flag;
            assert_eq!(if flag { "true" } else { known.default.as_str() }, default, "{name} {key}");
        }
    }
    assert_eq!(command::all().iter().map(|command| command.name).collect::<Vec<_>>().len(), CONTRACT.len());
}

#[test]
fn the_schema_is_sound() {
    for command in command::all() {
        let Command { name, summary, keys, .. } = command;
        assert!(summary.ends_with('.'), "{name}: {summary}");
        assert_eq!(command::find(&command.slug()).unwrap().name, *name);
        for key in keys {
            assert!(key.name.chars().all(|c| c.is_ascii_lowercase()), "{name} {}", key.name);
            assert_eq!(keys.iter().filter(|other| other.name == key.name).count(), 1, "{name} {}", key.name);
            assert!(key.label.starts_with(char::is_uppercase), "{name} {}", key.label);
            assert!(key.help.is_empty() || key.help.ends_with('.') || key.name == "authors" || key.name == "cite");
            if !key.default.is_empty() {
                assert!(key.check(&key.default).is_ok(), "{name} {}", key.name);
            }
            if let Kind::Choice(choices) = &key.kind {
                for choice in choices {
                    assert_eq!(key.check(&choice.to_uppercase()).unwrap(), *choice);
                }
            }
            for (other, value) in key.presets.iter().flat_map(|preset| &preset.defaults) {
                assert!(command.key(other).unwrap().check(value).is_ok(), "{name} {} gives {other}={value}", key.name);
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_named_with_what_can() {
    let host = MemoryHost::default();
    let says = |name: &str, text: &str, words: &[&str]| {
        let error = run(&host, name, text).unwrap_err();
        assert_eq!(error.code, Code::Option, "{error}");
        words.iter().for_each(|words| assert!(error.to_string().contains(words), "{error}"));
    };
    says("Sharpen", "", &["no command Sharpen", "sample-data", "compare-networks"]);
    says("Measure", "test=a reference=b window", &["\"window\"", "test=, reference=, windowed"]);
    says("Devices", "device=cuda", &["it takes no options"]);
    says("Resample", "voxel=0.5 voxel=0.6", &["voxel is given twice"]);
    says("Resample", "voxel=small", &["voxel=small is not possible", "Voxel size is a number from"]);
    says("Resample", "voxel=NaN", &["voxel=NaN is not possible"]);
    says("Resample", "interpolation=Cubic", &["interpolation=Cubic", "Linear, Anti-aliased"]);
    says("Measure", "reference=b", &["Test (test) is missing"]);
    says("Train", "low=a reference=b model=m.zip batch=0", &["batch=0 is not possible", "from 1 to 4096"]);
    says("Train", "low=a reference=b model=m.zip epochs=2.5", &["epochs=2.5 is not possible", "whole number"]);
    says("Train", "low=a reference=b", &["Model file (model) is missing"]);
    says("Train", "low=a reference=b model=m.zip device=tpu", &["device=tpu"]);
    says("Train", "low=a reference=b model=m.zip cite=nobody", &["nobody", "DOI"]);
    says("Align", "moving=a reference=b transform=Elastic", &["Similarity, Rigid, Affine, or a file", ".json"]);
    let error = run(&host, "Measure", "test=a reference=b").unwrap_err();
    assert_eq!(error.code, Code::Image);
}

#[test]
fn numbers_may_be_written_as_macros_do() {
    let host = MemoryHost::default().with(waves("a", Size::new(12, 12, 12), 0.0));
    let report = run(&host, "Sample Data", "width=16.0 height=1.6e1 slices=1");
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(host.made("synchrotron").volume.unwrap().shape().size, Size::new(16, 16, 1));
}

#[test]
fn measuring_gives_the_numbers_of_the_library() {
    let (a, b) = (waves("a", Size::new(20, 16, 3), 0.0), waves("b", Size::new(20, 16, 3), 0.1));
    let expected = measure::measure(&a, &b, measure::Options { windowed: true }, Progress::new(&Silent)).unwrap();
    let host = MemoryHost::default().with(a).with(b);
    let report = run(&host, "Measure", "test=a reference=b windowed").unwrap();
    assert_eq!(report.rows.len(), 4);
    assert_eq!(report.rows[0].get("Slice"), Some(&Value::Text("stack".to_owned())));
    assert_eq!((number(&report, 0, "PSNR"), number(&report, 0, "SSIM")), (expected.stack.psnr, expected.stack.ssim));
    assert_eq!(number(&report, 3, "PSNR"), expected.slices[2].psnr);
    assert_eq!(host.kept(|kept| kept.rows.clone()), report.rows);
    assert!(report.sentence.starts_with(&format!("PSNR {:.2} dB", expected.stack.psnr)));
    assert!(report.sentence.ends_with("peak 255 (8 bits, each stack through its own window)"), "{}", report.sentence);
    assert_eq!(number(&report, 1, "Peak"), 255.0);
}

#[test]
fn a_reference_that_fills_little_of_its_scale_is_named() {
    let size = Size::new(20, 16, 3);
    let shape = Shape::new(size, VoxelSize::isotropic(1.0), GreyType::U16);
    let values: Vec<f32> = (0..960).map(|i| (i % 500) as f32).collect();
    let volume = |name| Volume::from_values(name, shape, &values);
    let host = MemoryHost::default().with(volume("a")).with(volume("b"));
    let report = run(&host, "Measure", "test=a reference=b").unwrap();
    assert!(report.sentence.ends_with("peak 65535 (16 bits; the reference fills 0 to 499)"), "{}", report.sentence);
    let warned = host.kept(|kept| kept.lines.iter().any(|line| line.contains("b fills little of its 16 bits")));
    assert!(warned, "{:?}", host.kept(|kept| kept.lines.clone()));
}

#[test]
fn looking_at_a_model_can_be_stopped() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sample-cathode.zip");
    let folder = tempfile::tempdir().unwrap();
    for action in ["Inspect", "Verify", "Install"] {
        let host = MemoryHost::default().with_models(folder.path().to_owned()).cancelling_after(1);
        let given = [("action", action), ("model", model.to_str().unwrap())].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let error = command::run("Models", &given, &host).unwrap_err();
        assert_eq!(error.code, Code::Cancelled, "{action}: {error}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn each_volume_of_a_hyperstack_is_resampled() {
    let (channels, frames, size) = (2, 2, Size::new(8, 6, 3));
    let volumes: Vec<Volume> = (0..4).map(|number| waves("v", size, number as f32)).collect();
    // Channels first, then z, then frames.
    let mut values = Vec::new();
    for frame in 0..frames {
        for z in 0..size.slices {
            for channel in 0..channels {
                let volume = volumes[frame * channels + channel].to_values();
                values.extend_from_slice(&volume[z * size.plane()..(z + 1) * size.plane()]);
            }
        }
    }
    let shape = volumes[0].shape();
    let whole = Size { slices: size.slices * channels * frames, ..size };
    let volume = Volume::from_values("hyper", Shape { size: whole, ..shape }, &values);
    let host = MemoryHost::default().with(MemoryImage { volume, unit: "mm", value_unit: "", channels, frames });
    run(&host, "Resample", "image=hyper voxel=0.0003").unwrap();
    let made = host.made("resampled");
    assert_eq!((made.image.channels, made.image.frames, made.image.grid), (2, 2, Grid::Resampled));
    let made = made.volume.unwrap();
    let values = made.to_values();
    for (number, volume) in volumes.iter().enumerate() {
        let mut expected = Volume::black("expected", shape);
        resample(volume, 0.3, Interpolation::Linear, &mut expected, Progress::new(&Silent)).unwrap();
        let (slices, plane) = (expected.shape().size.slices, expected.shape().size.plane());
        let (channel, frame) = (number % channels, number / channels);
        for z in 0..slices {
            let at = ((frame * slices + z) * channels + channel) * plane;
            assert_eq!(
                values[at..at + plane],
                expected.to_values()[z * plane..(z + 1) * plane],
                "volume {number} z {z}"
            );
        }
    }
    let error = run(&host, "Resample", "image=hyper voxel=0.0003 output=r.tif").unwrap_err();
    assert_eq!(error.code, Code::Hyperstack);
    let error = run(&host, "Measure", "test=hyper reference=hyper").unwrap_err();
    assert_eq!(error.code, Code::Hyperstack);
    assert!(error.message.contains("2 channels and 2 frames"), "{error}");
}

#[test]
fn a_result_may_go_to_a_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("resampled.tif");
    let host = MemoryHost::default().with(waves("a", Size::new(12, 12, 12), 0.0));
    let text = format!("image=a voxel=1.2 output={}", path.display());
    run(&host, "Resample", &text).unwrap();
    assert!(path.exists() && host.kept(|kept| kept.opened == [path.clone()] && kept.made.is_empty()));
    assert_eq!(run(&host, "Resample", &text).unwrap_err().code, Code::File);
}

#[test]
fn an_aligned_pair_lies_on_one_grid() {
    let folder = TempDir::new().unwrap();
    let host = MemoryHost::default();
    run(&host, "Sample Data", "width=48 height=48 slices=24 misaligned psnr=14").unwrap();
    let [low, reference] = ["laboratory", "synchrotron"].map(|name| host.made(name));
    assert!(low.properties["undulator.transform"].contains("\"scale\"") && low.range.is_some() && !low.image.main);
    let (low, reference) = (low.volume.unwrap(), reference.volume.unwrap());
    let host = MemoryHost::default().with(low.clone()).with(reference.clone());
    let saved = folder.path().join("found.json");
    let text =
        format!("moving=laboratory reference=synchrotron voxel=0.6 crop overlay=Red-green save={}", saved.display());
    let report = run(&host, "Align", &text).unwrap();
    assert!(number(&report, 0, "NCC after") > number(&report, 0, "NCC before"));
    let [aligned, matched, overlay] = ["aligned", "matched", "aligned-overlay"].map(|name| host.made(name));
    let Grid::Within { field: "reference", corner } = aligned.image.grid else { panic!("{:?}", aligned.image.grid) };
    assert!(corner.iter().all(|edge| *edge >= 0.0) && aligned.image.main && !overlay.image.main);
    assert_eq!(aligned.image.grid, matched.image.grid);
    assert_eq!(overlay.image.greys, Greys::Overlay);
    let [aligned, matched, overlay] = [aligned, matched, overlay].map(|made| made.volume.unwrap());
    assert_eq!(aligned.shape().size, matched.shape().size);
    assert_eq!(overlay.shape().size.slices, 2 * aligned.shape().size.slices);
    // The file gives the same again.
    let again = MemoryHost::default().with(low).with(reference);
    let text = format!("moving=laboratory reference=synchrotron voxel=0.6 crop transform={}", saved.display());
    let second = run(&again, "Align", &text).unwrap();
    assert_eq!(again.made("aligned").volume.unwrap(), aligned);
    assert!((number(&second, 0, "NCC after") - number(&report, 0, "NCC after")).abs() < 1e-6);
}

#[test]
fn a_trained_model_is_applied_inspected_and_installed() {
    let folder = TempDir::new().unwrap();
    let size = Size::new(32, 32, 12);
    let host = MemoryHost::default()
        .with_models(folder.path().join("models"))
        .with(waves("low", size, 0.3))
        .with(waves("reference", size, 0.0));
    let model = folder.path().join("tiny.zip");
    let text = format!(
        "low=low reference=reference layers=3 channels=4 epochs=3 validation=2 device=cpu model={}",
        model.display()
    );
    let report = run(&host, "Train", &text).unwrap();
    assert_eq!((report.rows.len(), host.kept(|kept| kept.epochs)), (4, 3));
    assert!(number(&report, 3, "PSNR").is_finite() && report.sentence.contains("tiny.zip"), "{}", report.sentence);
    assert!(host.kept(|kept| kept.written == [model.as_path()]));

    let text = format!("image=low reference=reference device=cpu model={}", model.display());
    let applied = run(&host, "Apply", &text).unwrap();
    let made = host.made("restored");
    assert!(made.range.is_some() && made.image.main && made.image.greys == Greys::Other);
    assert!((number(&applied, 0, "PSNR")).is_finite() && applied.sentence.starts_with("restored "));
    let file = folder.path().join("restored.tif");
    run(&host, "Apply", &format!("{text} output={}", file.display())).unwrap();
    let bytes: Vec<u8> =
        made.volume.unwrap().to_values().iter().flat_map(|grey| (*grey as u16).to_le_bytes()).collect();
    assert!(std::fs::read(&file).unwrap().ends_with(&bytes));

    let inspected = run(&host, "Models", &format!("model={} image=low", model.display())).unwrap();
    let tables: Vec<&str> = inspected.rows.iter().map(|row| row.table).collect();
    for (table, count) in [("results", 1), ("history", 3), ("scores", 1), ("check", 1), ("readme", 1)] {
        assert_eq!(tables.iter().filter(|name| **name == table).count(), count, "{table}");
    }
    assert!(host.kept(|kept| kept.pictures == ["cover"]));
    run(&host, "Models", &format!("action=Install model={}", model.display())).unwrap();
    let listed = run(&host, "Models", "action=List").unwrap();
    assert_eq!(listed.rows[0].get("File"), Some(&Value::Text("tiny.zip".to_owned())));
    let verified = run(&host, "Models", &format!("action=Verify model={}", model.display())).unwrap();
    assert!(verified.sentence.contains("reproduces its test image"), "{}", verified.sentence);
    let error = run(&host, "Models", "action=Verify").unwrap_err();
    assert_eq!(error.code, Code::Option);
}

#[test]
fn files_get_their_endings_and_a_host_that_asks_may_keep_them() {
    let folder = TempDir::new().unwrap();
    let size = Size::new(32, 32, 8);
    let pair = || MemoryHost::default().with(waves("low", size, 0.3)).with(waves("reference", size, 0.0));
    let named = folder.path().join("mm");
    let train = format!(
        "low=low reference=reference layers=3 channels=4 epochs=1 validation=2 device=cpu model={}",
        named.display()
    );
    let host = pair();
    let report = run(&host, "Train", &train).unwrap();
    let file = folder.path().join("mm.zip");
    assert!(file.exists() && !named.exists());
    assert!(report.sentence.contains(file.to_str().unwrap()), "{}", report.sentence);
    run(&host, "Apply", &format!("image=low device=cpu model={}", named.display())).unwrap();

    let before = std::fs::read(&file).unwrap();
    let kept = run(&pair().keeping_files(), "Train", &train).unwrap_err();
    assert!(kept.code == Code::Cancelled && kept.message.contains("mm.zip stays as it is"), "{kept}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let error = run(&pair(), "Train", &format!("{train}.tif")).unwrap_err();
    assert!(error.to_string().contains("it ends in .tif; end it in .zip"), "{error}");
}

#[test]
fn the_presets_defaults_give_way_to_what_is_given() {
    let train = command::find("Train").unwrap();
    let read = |text: &str| command::Options::read(train, &options(text)).unwrap();
    let paper = read("low=a reference=b model=m.zip preset=paper epochs=7");
    assert_eq!((paper.get::<usize>("epochs"), paper.get::<usize>("validation")), (7, 20));
    let none = read("low=a reference=b model=m.zip");
    assert_eq!((none.get::<usize>("epochs"), none.get::<usize>("validation")), (100, 10));
}

#[test]
fn several_networks_are_compared() {
    let folder = TempDir::new().unwrap();
    let size = Size::new(32, 32, 8);
    let host = MemoryHost::default().with(waves("low", size, 0.3)).with(waves("reference", size, 0.0));
    let text = format!(
        "low=low reference=reference layers=3 activations=ReLU channels=4 epochs=1 validation=2 device=cpu folder={}",
        folder.path().display()
    );
    let report = run(&host, "Compare Networks", &text).unwrap();
    assert_eq!(report.rows.len(), 1);
    assert_eq!(report.rows[0].get("Paper PSNR"), Some(&Value::Text("15.6".to_owned())));
    let written = host.kept(|kept| kept.written.clone());
    assert_eq!(written, [folder.path().join("comparison.csv"), folder.path().join("comparison.png")]);
    assert!(written.iter().all(|path| path.exists()));
}

#[test]
fn stopping_is_no_failure() {
    let size = Size::new(24, 24, 24);
    let host = MemoryHost::default().cancelling_after(1).with(waves("a", size, 0.0));
    for (name, text) in
        [("Resample", "image=a voxel=0.3"), ("Measure", "test=a reference=a"), ("Sample Data", "slices=4")]
    {
        let error = run(&host, name, text).unwrap_err();
        assert_eq!(error.code, Code::Cancelled, "{name}: {error}");
    }
}

#[test]
fn devices_are_rows() {
    let report = run(&MemoryHost::default(), "Devices", "").unwrap();
    let last = report.rows.last().unwrap();
    assert_eq!(last.get("Item"), Some(&Value::Text("auto".to_owned())));
}

#[test]
fn progress_rises_to_the_end() {
    let host =
        MemoryHost::default().with(waves("a", Size::new(24, 24, 24), 0.0)).with(waves("b", Size::new(24, 24, 24), 0.2));
    for (name, text) in [("Resample", "image=a voxel=0.3"), ("Measure", "test=a reference=b windowed")] {
        run(&host, name, text).unwrap();
        let fractions = host.kept(|kept| std::mem::take(&mut kept.fractions));
        assert!(fractions.windows(2).all(|pair| pair[0] <= pair[1]), "{name}: {fractions:?}");
        assert_eq!(*fractions.last().unwrap(), 1.0, "{name}");
    }
}
