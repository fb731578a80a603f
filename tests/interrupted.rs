//! Trainings that are stopped, killed, steered, queued and gone on with.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use undulator::{
    apply::apply,
    model::{Epoch, Model},
    progress::{Event, Listener, Progress, Silent},
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    train::{
        Preview, Request, Speed, TrainError, TrainEvent, TrainListener, TrainOptions, TrainingStarted, checkpoint_of,
        train,
    },
    volume::Volume,
};
use undulator_compute::{
    Loss, Schedule,
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

const EPOCHS: usize = 6;

fn options(folder: &Path) -> TrainOptions {
    TrainOptions {
        spec: Spec {
            network: Architecture::RedNet,
            layers: 3,
            activation: Activation::Prelu,
            channels: 4,
            residual: true,
        },
        epochs: EPOCHS,
        batch: 2,
        validation: 2,
        augment: true,
        schedule: Schedule::Cosine,
        device: DeviceRequest::Cpu,
        model: folder.join("model.zip"),
        ..Default::default()
    }
}

/// A noisy and a clean pattern.
fn pair(seed: u64) -> (Volume, Volume) {
    let shape = Shape::new(Size::new(24, 20, 10), VoxelSize::isotropic(0.6), GreyType::F32);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let clean: Vec<f32> = (0..shape.size.voxels()).map(|i| (i as f32 * 0.21).sin()).collect();
    let noisy: Vec<f32> = clean.iter().map(|grey| 3.0 * grey + random.random_range(-1.0..1.0)).collect();
    (Volume::from_values("low", shape, &noisy), Volume::from_values("reference", shape, &clean))
}

/// Asks for something when an epoch has ended, and remembers what it heard.
struct User {
    asks: Request,
    after: usize,
    epochs: AtomicUsize,
    asked: AtomicUsize,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    phases: Vec<String>,
    fractions: Vec<f64>,
    lines: Vec<String>,
    begun: Option<TrainingStarted>,
    previews: Vec<Preview>,
    paces: Vec<Speed>,
}

impl User {
    fn asking(asks: Request, after: usize) -> Self {
        Self { asks, after, epochs: AtomicUsize::new(0), asked: AtomicUsize::new(0), heard: Mutex::default() }
    }

    fn said(&self, words: &str) -> bool {
        self.heard.lock().unwrap().lines.iter().any(|line| line.contains(words))
    }
}

impl Listener for User {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Phase(name) => self.heard.lock().unwrap().phases.push(name.to_owned()),
            Event::Fraction(fraction) => self.heard.lock().unwrap().fractions.push(fraction),
            Event::Message(line) | Event::Warning(line) => self.heard.lock().unwrap().lines.push(line.to_owned()),
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for User {
    fn training(&self, event: TrainEvent<'_>) {
        let mut heard = self.heard.lock().unwrap();
        match event {
            TrainEvent::Started(started) => assert!(heard.begun.replace(started.clone()).is_none()),
            TrainEvent::Preview(preview) => heard.previews.push(preview.clone()),
            TrainEvent::Epoch { speed, .. } => {
                self.epochs.fetch_add(1, Ordering::SeqCst);
                heard.paces.push(*speed);
            }
        }
    }

    fn request(&self) -> Request {
        let begun = self.heard.lock().unwrap().begun.is_some();
        let now = begun && self.epochs.load(Ordering::SeqCst) >= self.after;
        if now && self.asked.fetch_add(1, Ordering::SeqCst) == 0 { self.asks } else { Request::GoOn }
    }
}

/// What must not hang on interruptions: everything but the time it took, and what the example slice shows, which is saved
/// after the model.
fn outcome(model: &Model) -> (Model, Vec<Epoch>) {
    let mut model = model.clone();
    model.card.training.history.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    model.card.contrast = None;
    let history = model.card.training.history.clone();
    (model, history)
}

#[test]
fn a_resumed_training_equals_an_uninterrupted_one_bit_by_bit() {
    let (low, reference) = pair(1);
    for (schedule, loss) in [(Schedule::Cosine, Loss::Mse), (Schedule::Plateau, Loss::SsimL1)] {
        let [whole, parts] = [(); 2].map(|()| TempDir::new().unwrap());
        let expected = train(&low, &reference, &TrainOptions { schedule, loss, ..options(whole.path()) }, &Silent);

        let options = TrainOptions { schedule, loss, ..options(parts.path()) };
        let first = User::asking(Request::Cancel, 2);
        let error = train(&low, &reference, &options, &first).unwrap_err();
        assert!(matches!(&error, TrainError::Discarded { checkpoint: Some(_) }), "{error}");
        assert!(error.to_string().contains("model.zip.checkpoint") && !options.model.exists(), "{error}");
        let options = TrainOptions { resume: true, ..options };
        let second = User::asking(Request::Finish, 2);
        train(&low, &reference, &options, &second).unwrap();
        let last = User::asking(Request::GoOn, 0);
        let resumed = train(&low, &reference, &options, &last).unwrap();
        assert_eq!(last.heard.lock().unwrap().begun.as_ref().unwrap().history.len(), 4);
        assert!(last.said("going on after epoch 4"));
        assert!(outcome(&resumed.model) == outcome(&expected.unwrap().model));

        // What is finished stays as it is; more epochs go on from it.
        let again = train(&low, &reference, &options, &Silent).unwrap();
        assert!(again.model.weights == resumed.model.weights);
        let longer = train(&low, &reference, &TrainOptions { epochs: EPOCHS + 2, ..options }, &Silent).unwrap();
        assert_eq!(longer.model.card.training.history.len(), EPOCHS + 2);
    }
}

/// The program that is killed; it does nothing by itself.
#[test]
#[ignore = "is started, and killed, by the next test"]
fn trains_until_killed() {
    let Some(folder) = std::env::var_os("UNDULATOR_KILLED").map(PathBuf::from) else { return };
    let (low, reference) = pair(1);
    let options = TrainOptions { epochs: 40, resume: true, checkpoint: 1e-9, ..options(&folder) };
    train(&low, &reference, &options, &Silent).unwrap();
}

#[test]
fn killed_at_any_moment_it_goes_on_from_a_whole_checkpoint() {
    let [whole, parts] = [(); 2].map(|()| TempDir::new().unwrap());
    let (low, reference) = pair(1);
    let expected = TrainOptions { epochs: 40, ..options(whole.path()) };
    let start = Instant::now();
    train(&low, &reference, &expected, &Silent).unwrap();
    // However fast the machine is, the training is killed often before it ends.
    let longest = start.elapsed() / 6;

    let model = parts.path().join("model.zip");
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut kills = 0;
    while !model.exists() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["trains_until_killed", "--exact", "--ignored"])
            .env("UNDULATOR_KILLED", parts.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        if kills < 25 {
            std::thread::sleep(longest.mul_f64(random.random()));
            child.kill().unwrap();
            kills += 1;
            child.wait().unwrap();
        } else {
            assert!(child.wait().unwrap().success());
        }
    }
    println!("killed {kills} times");
    assert!(kills > 5);
    let [found, expected] = [&model, &expected.model].map(|file| outcome(&Model::load(file).unwrap()));
    assert!(found == expected);
}

#[test]
fn a_checkpoint_of_another_pair_or_network_is_refused_and_stays() {
    let folder = TempDir::new().unwrap();
    let options = options(folder.path());
    let (low, reference) = pair(1);
    train(&low, &reference, &options, &Silent).unwrap();
    let checkpoint = std::fs::read(checkpoint_of(&options.model)).unwrap();

    let options = TrainOptions { resume: true, epochs: 9, ..options };
    let (other, _) = pair(2);
    let message = train(&other, &reference, &options, &Silent).unwrap_err().to_string();
    assert!(message.contains("another pair of stacks"), "{message}");
    let deeper = TrainOptions { spec: Spec { layers: 4, ..options.spec }, ..options.clone() };
    let message = train(&low, &reference, &deeper, &Silent).unwrap_err().to_string();
    assert!(message.contains("3 layers") && message.contains("4 layers"), "{message}");
    assert!(std::fs::read(checkpoint_of(&options.model)).unwrap() == checkpoint);

    // Without resume the old one makes room, and is not lost.
    let user = User::asking(Request::GoOn, 0);
    train(&other, &reference, &TrainOptions { resume: false, ..options.clone() }, &user).unwrap();
    assert!(user.said("model.zip.checkpoint.old"));
    assert!(std::fs::read(folder.path().join("model.zip.checkpoint.old")).unwrap() == checkpoint);
}

#[test]
fn fine_tuning_starts_from_the_weights_of_a_model() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(1);
    let first = TrainOptions { epochs: 40, rate: 0.01, ..options(folder.path()) };
    let model = train(&low, &reference, &first, &Silent).unwrap().model;
    let second = TrainOptions {
        start: Some(first.model.clone()),
        model: folder.path().join("tuned.zip"),
        epochs: 1,
        rate: 1e-6,
        ..first.clone()
    };
    let (other, _) = pair(2);
    let tuned = train(&other, &reference, &second, &Silent).unwrap().model;
    let [before, after] = [&model, &tuned].map(|model| model.card.scores.unwrap().restored);
    assert!((before - after).abs() < 1.0, "{before} dB became {after} dB");
    let fresh = TrainOptions { start: None, model: folder.path().join("fresh.zip"), ..second.clone() };
    let fresh = train(&other, &reference, &fresh, &Silent).unwrap().model.card.scores.unwrap().restored;
    assert!(after > fresh + 3.0, "{after} dB, and {fresh} dB from the seed");

    let wider = TrainOptions { spec: Spec { channels: 8, ..second.spec }, ..second };
    let message = train(&other, &reference, &wider, &Silent).unwrap_err().to_string();
    assert!(message.contains("4 channels") && message.contains("8 channels"), "{message}");
}

#[test]
fn finishing_keeps_the_best_and_a_checkpoint_comes_when_asked() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(1);
    let options = TrainOptions { epochs: 100_000, checkpoint: 0.0, ..options(folder.path()) };
    for (after, least) in [(0, 1), (3, 3)] {
        let user = User::asking(Request::Finish, after);
        let trained = train(&low, &reference, &options, &user).unwrap();
        assert!(!trained.cancelled && options.model.exists());
        assert_eq!(trained.model.card.training.history.len(), least);
    }
    assert!(!checkpoint_of(&options.model).exists(), "nobody asked for one");
    let user = User::asking(Request::SaveCheckpoint, 1);
    train(&low, &reference, &TrainOptions { epochs: 3, ..options.clone() }, &user).unwrap();
    assert!(user.said("checkpoint after epoch 2"));
    assert!(checkpoint_of(&options.model).exists());
}

#[test]
fn a_watcher_sees_the_start_the_phases_the_pace_and_the_best_slices() {
    let folder = TempDir::new().unwrap();
    let (low, reference) = pair(1);
    let user = User::asking(Request::GoOn, 0);
    let trained = train(&low, &reference, &options(folder.path()), &user).unwrap();
    let heard = user.heard.into_inner().unwrap();
    let started = heard.begun.unwrap();
    assert_eq!((started.epochs, started.training, started.validation), (EPOCHS, 0..8, 8..10));
    assert_eq!(started.baselines, trained.baselines);
    let epochs = (1..=EPOCHS).map(|epoch| format!("Epoch {epoch} of {EPOCHS}"));
    let phases: Vec<_> = ["Preparing", "Preparing the device"].map(str::to_owned).into_iter().chain(epochs).collect();
    // The other tests train, too.
    let waited = heard.phases.iter().take_while(|name| name.starts_with("Waiting for ")).count();
    assert_eq!(heard.phases[waited..], phases);
    assert!(heard.fractions.is_sorted() && heard.fractions.last() == Some(&1.0), "{:?}", heard.fractions);
    assert_eq!(heard.paces.len(), EPOCHS);
    assert!(
        heard
            .paces
            .iter()
            .all(|speed| speed.images_per_second > 0.0 && speed.memory.is_some_and(|bytes| bytes > 1 << 20))
    );
    assert_eq!(heard.paces.last().unwrap().seconds_left, 0.0);
    let history = &trained.model.card.training.history;
    assert!(history.iter().all(|epoch| epoch.validation_loss.unwrap() > 0.0));
    assert!(history[0].rate == 0.001 && history[EPOCHS - 1].rate < 2e-5);
    let best = heard.previews.last().unwrap();
    assert_eq!((best.epoch, best.slice), (trained.model.card.training.best_epoch, 9));
    assert!([&best.input, &best.restored, &best.reference].iter().all(|slice| slice.len() == 24 * 20));

    // The preview is what applying the saved model gives.
    let mut restored = Volume::black("restored", low.shape());
    apply(&low, None, &trained.model, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
    let window = trained.model.card.output_window;
    let slice = &restored.to_values()[9 * 480..];
    assert!(slice.iter().zip(&best.restored).all(|(grey, byte)| window.to_8_bit(*grey) == *byte));
}

/// Applies a model whenever an epoch has ended.
struct Applying<'a>(&'a Volume, Model, AtomicUsize);

impl Listener for Applying<'_> {
    fn event(&self, _event: Event<'_>) {}

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for Applying<'_> {
    fn training(&self, event: TrainEvent<'_>) {
        let TrainEvent::Epoch { .. } = event else { return };
        let mut restored = Volume::black("restored", self.0.shape());
        apply(self.0, None, &self.1, DeviceRequest::Cpu, &mut restored, Progress::silent()).unwrap();
        self.2.fetch_add(1, Ordering::SeqCst);
    }

    fn request(&self) -> Request {
        Request::GoOn
    }
}

#[test]
fn a_stack_is_restored_while_a_training_runs_and_trainings_wait_for_each_other() {
    let [first, second] = [(); 2].map(|()| TempDir::new().unwrap());
    let (low, reference) = pair(1);
    let model = train(&low, &reference, &options(first.path()), &Silent).unwrap().model;
    let applying = Applying(&low, model, AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let trainings = [first.path(), second.path()].map(|folder| {
            let (low, reference, applying) = (&low, &reference, &applying);
            scope.spawn(move || train(low, reference, &options(folder), applying).unwrap())
        });
        let [a, b] = trainings.map(|training| training.join().unwrap());
        assert!(outcome(&a.model) == outcome(&b.model));
    });
    assert_eq!(applying.2.into_inner(), 2 * EPOCHS);
}
