//! What a training must not lose: models that two trainings write, models that cannot be written, and the truth about
//! those that learned nothing.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use undulator::{
    model::Model,
    progress::{Event, Listener, Silent},
    stack::{GreyType, Shape, Size, VoxelSize},
    train::{Request, TrainError, TrainEvent, TrainListener, TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

fn options(folder: &Path) -> TrainOptions {
    let spec =
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 4, residual: false };
    TrainOptions {
        spec,
        epochs: 2,
        batch: 2,
        validation: 2,
        device: DeviceRequest::Cpu,
        model: folder.join("model.zip"),
        ..Default::default()
    }
}

/// A noisy and a clean pattern.
fn pair() -> (Volume, Volume) {
    let shape = Shape::new(Size::new(24, 20, 10), VoxelSize::isotropic(0.6), GreyType::F32);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let clean: Vec<f32> = (0..shape.size.voxels()).map(|i| (i as f32 * 0.21).sin()).collect();
    let noisy: Vec<f32> = clean.iter().map(|grey| 3.0 * grey + random.random_range(-1.0..1.0)).collect();
    (Volume::from_values("low", shape, &noisy), Volume::from_values("reference", shape, &clean))
}

/// Does something at the end of every epoch, and keeps the warnings.
struct AtEpochs<F> {
    does: F,
    warnings: Mutex<Vec<String>>,
}

impl<F: Fn() + Send + Sync> AtEpochs<F> {
    fn new(does: F) -> Self {
        Self { does, warnings: Mutex::default() }
    }
}

impl<F: Fn() + Send + Sync> Listener for AtEpochs<F> {
    fn event(&self, event: Event<'_>) {
        if let Event::Warning(line) = event {
            self.warnings.lock().unwrap().push(line.to_owned());
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl<F: Fn() + Send + Sync> TrainListener for AtEpochs<F> {
    fn training(&self, event: TrainEvent<'_>) {
        if let TrainEvent::Epoch { .. } = event {
            (self.does)();
        }
    }

    fn request(&self) -> Request {
        Request::GoOn
    }
}

#[test]
fn a_model_that_is_trained_is_nobody_elses() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair();
    let options = options(folder.path());
    let second = AtEpochs::new(|| {
        let error = train(&low, &reference, &options, &Silent).unwrap_err();
        assert!(matches!(&error, TrainError::Busy { path } if *path == options.model), "{error}");
        assert!(error.to_string().contains("another training writes"), "{error}");
    });
    train(&low, &reference, &options, &second).unwrap();
    // Its end gives it free, and so does an error.
    train(&low, &reference, &TrainOptions { patch: 3, ..options.clone() }, &Silent).unwrap_err();
    train(&low, &reference, &options, &Silent).unwrap();
    assert!(fs::read_dir(folder.path()).unwrap().all(|file| !file.unwrap().path().ends_with("model.zip.lock")));
}

/// The program that has the model; it does nothing by itself.
#[test]
#[ignore = "is started, and killed, by the next test"]
fn trains_slowly() {
    let Some(folder) = std::env::var_os("UNDULATOR_SLOW").map(PathBuf::from) else { return };
    let (low, reference) = pair();
    let slow = AtEpochs::new(|| {
        println!("\nan epoch has ended");
        thread::sleep(Duration::from_secs(1));
    });
    let options = TrainOptions { epochs: 600, ..options(&folder) };
    train(&low, &reference, &options, &slow).unwrap();
}

#[test]
fn a_model_that_another_program_trains_is_free_when_that_dies() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["trains_slowly", "--exact", "--ignored", "--nocapture"])
        .env("UNDULATOR_SLOW", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(other.stdout.take().unwrap()).lines();
    let trains = lines.map_while(Result::ok).any(|line| line == "an epoch has ended");
    let refused = train(&low, &reference, &options(folder.path()), &Silent);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(trains && matches!(refused, Err(TrainError::Busy { .. })), "{refused:?}");
    train(&low, &reference, &options(folder.path()), &Silent).unwrap();
}

#[test]
#[cfg(unix)]
fn rescued_models_have_names_of_their_own() {
    let (low, reference) = pair();
    let rescued = [(); 2].map(|()| {
        let folder = TempDir::new().unwrap();
        let options = options(folder.path());
        let gone = AtEpochs::new(|| drop(fs::remove_dir_all(folder.path())));
        match train(&low, &reference, &options, &gone).unwrap_err() {
            TrainError::SavedElsewhere { path, .. } => path,
            error => panic!("{error}"),
        }
    });
    assert_ne!(rescued[0], rescued[1]);
    for path in rescued {
        assert!(path.file_name().unwrap().to_string_lossy().starts_with("undulator-rescued-model"), "{path:?}");
        assert!(Model::load(&path).is_ok());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_network_that_makes_one_grey_value_of_everything_is_told() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair();
    let mut dead = train(&low, &reference, &options(folder.path()), &Silent).unwrap().model;
    dead.weights.0.iter_mut().for_each(|tensor| tensor.values.fill(0.0));
    let start = folder.path().join("dead.zip");
    dead.save(&start).unwrap();
    for validation in [0, 2] {
        let user = AtEpochs::new(|| ());
        let start = Some(start.clone());
        let options = TrainOptions { start, validation, rate: 1e-9, ..options(folder.path()) };
        let trained = train(&low, &reference, &options, &user).unwrap();
        let card = Model::load(&trained.path).unwrap().card;
        assert!(card.contrast.unwrap() < 0.01, "{:?}", card.contrast);
        let warnings = user.warnings.into_inner().unwrap();
        let told = |text: &str| text.contains("learned nothing of use: what it restores is nearly one grey value");
        assert!(warnings.iter().any(|line| told(line)), "{warnings:?}");
        assert!(told(&trained.to_string()) && card.summary().iter().any(|(_, value)| told(value)));
    }
}

#[test]
fn a_training_that_works_is_not_called_one_that_does_not() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair();
    let user = AtEpochs::new(|| ());
    let options = TrainOptions { epochs: 60, rate: 0.01, ..options(folder.path()) };
    let trained = train(&low, &reference, &options, &user).unwrap();
    let contrast = trained.model.card.contrast.unwrap();
    assert!((0.5..1.5).contains(&contrast), "{contrast}");
    assert_eq!(trained.model.card.failure(), None, "{trained}");
    assert!(user.warnings.into_inner().unwrap().is_empty());
}

#[test]
fn a_rate_that_kills_the_network_is_told() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair();
    let spec = Spec { activation: Activation::Relu, ..options(folder.path()).spec };
    let options = TrainOptions { spec, epochs: 10, rate: 0.3, ..options(folder.path()) };
    let trained = train(&low, &reference, &options, &Silent).unwrap();
    let failure = trained.model.card.failure().unwrap_or_else(|| panic!("{trained}"));
    assert!(failure.contains("a lower learning rate than 0.3") && failure.contains("PReLU"), "{failure}");
    println!("{failure}");
}
