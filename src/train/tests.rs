//! What a device that fails, that has little memory or that compiles for long does to a training.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use undulator_compute::{
    EngineError, Frame, Images, Runner, TileChoice, Trainer, TrainerState, cpu,
    network::{Activation, Architecture, Plan, Spec, Weights},
};

use super::{
    Request, TrainEvent, TrainListener, TrainOptions,
    checkpoint::{Checkpoint, Task},
    saving::Saving,
    session::{Outcome, Session},
    step_size::StepSize,
};
use crate::{
    dataset::{Pair, Split},
    grey::Window,
    model::Model,
    progress::{Event, Listener, Progress},
    stack::{GreyType, Measured, Shape, Size, SliceSource, VoxelSize},
    volume::Volume,
};

/// What is wrong with a device.
#[derive(Clone, Copy)]
struct Flaws {
    /// Pixels that a step may have.
    most: usize,
    /// Pixels that an image to apply the network to may have.
    tile: usize,
    /// The steps that go well, before losses are not numbers.
    good: u32,
    /// Bytes that are free, where the device tells.
    free: Option<u64>,
    /// How often it tells how far it is while it compiles.
    compiles: usize,
    /// Bytes that slices may take.
    room_for_slices: u64,
    /// The steps that go well, before weights are not numbers although losses are.
    sound: u32,
}

/// None.
const FINE: Flaws = Flaws {
    most: usize::MAX,
    tile: usize::MAX,
    good: u32::MAX,
    free: None,
    compiles: 0,
    room_for_slices: 1 << 20,
    sound: u32::MAX,
};

/// The CPU with flaws. A step is said to take a byte for each pixel.
struct Poor {
    inner: cpu::CpuTrainer,
    flaws: Flaws,
}

fn full(images: &Images, most: usize) -> Result<(), EngineError> {
    match images.values.len() {
        pixels if pixels > most => Err(EngineError::Memory { reason: format!("{pixels} pixels") }),
        _ => Ok(()),
    }
}

impl Runner for Poor {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        full(images, self.flaws.tile)?;
        self.inner.run(images)
    }
}

impl Trainer for Poor {
    fn prepare(
        &mut self,
        _count: usize,
        _height: usize,
        _width: usize,
        go_on: &mut dyn FnMut(f64) -> bool,
    ) -> Result<bool, EngineError> {
        let kernels = self.flaws.compiles;
        Ok((1..=kernels).all(|done| go_on(done as f64 / kernels as f64)))
    }

    fn training_footprint(&self, count: usize, height: usize, width: usize) -> Option<u64> {
        Some((count * height * width) as u64)
    }

    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        full(images, self.flaws.most)?;
        self.inner.step(images, targets, rate)
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        let loss = self.inner.loss()?;
        Ok(if self.inner.state()?.steps > self.flaws.good { f64::NAN } else { loss })
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        let mut state = self.inner.state()?;
        if state.steps > self.flaws.sound {
            state.weights.0[0].values[0] = f32::NAN;
        }
        Ok(state)
    }
}

/// Asks for something when it was asked so often, and keeps what it heard.
struct User {
    asks: Request,
    after: usize,
    asked: AtomicUsize,
    phase: Mutex<String>,
    heard: Mutex<Vec<String>>,
}

impl User {
    fn asking(asks: Request, after: usize) -> Self {
        Self { asks, after, asked: AtomicUsize::new(0), phase: Mutex::default(), heard: Mutex::default() }
    }

    fn quiet() -> Self {
        Self::asking(Request::GoOn, 0)
    }

    fn heard(&self, words: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|line| line.contains(words))
    }
}

impl Listener for User {
    fn event(&self, event: Event<'_>) {
        let mut phase = self.phase.lock().unwrap();
        let line = match event {
            Event::Phase(name) => {
                name.clone_into(&mut phase);
                format!("{name} begins")
            }
            Event::Fraction(fraction) => {
                assert!((0.0..=1.0).contains(&fraction));
                format!("{phase}: {:.0} %", 100.0 * fraction)
            }
            Event::Message(line) => line.to_owned(),
            Event::Warning(line) => format!("Warning: {line}"),
        };
        self.heard.lock().unwrap().push(line);
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for User {
    fn training(&self, _event: TrainEvent<'_>) {}

    fn request(&self) -> Request {
        if self.asked.fetch_add(1, Ordering::SeqCst) == self.after { self.asks } else { Request::GoOn }
    }
}

fn spec() -> Spec {
    Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Relu, channels: 3, residual: true }
}

fn checkpoint(plan: &Plan) -> Checkpoint {
    let state = TrainerState::start(Weights::initial(&spec(), plan, 1));
    Checkpoint { state, history: Vec::new(), best: None }
}

fn stack(width: usize, height: usize) -> Volume {
    let size = Size::new(width, height, 9);
    let shape = Shape::new(size, VoxelSize::isotropic(1.0), GreyType::F32);
    let values: Vec<f32> = (0..size.voxels()).map(|i| (i as f32 * 0.3).sin()).collect();
    Volume::from_values("stack", shape, &values)
}

fn pair<'a>(stack: &'a Measured<'a>) -> Pair<'a> {
    let window = Window::new(-1.0, 1.0).unwrap();
    Pair { low: stack, reference: stack, low_window: window, reference_window: window }
}

/// Five epochs with eight slices, one more validates.
fn train_on(
    flaws: Flaws,
    stack: &Volume,
    step_size: StepSize,
    user: &User,
) -> Result<(Checkpoint, Outcome), super::TrainError> {
    let size = stack.shape().size;
    let folder = tempfile::tempdir().unwrap();
    let plan = spec().plan().unwrap();
    let options =
        TrainOptions { spec: spec(), epochs: 5, model: folder.path().join("m.zip"), rate: 0.01, ..Default::default() };
    let task = || Ok(Task { network: spec(), loss: options.loss, size, validation: 1, fingerprint: String::new() });
    let trainer = |state: &TrainerState| {
        let inner = cpu::trainer(&plan, state, options.loss)?;
        Ok::<Box<dyn Trainer>, _>(Box::new(Poor { inner, flaws }))
    };
    let measured = Measured::of(stack, Progress::silent()).unwrap();
    let session = Session {
        pair: pair(&measured),
        split: &Split::new(9, 1).unwrap(),
        validation: &[8],
        shown: 8,
        frame: Frame::new(size.width, size.height, plan.multiple),
        plan: &plan,
        options: &options,
        task: &task,
        trainer: &trainer,
        free: &|| flaws.free,
        room_for_slices: &|_| flaws.room_for_slices,
        listener: user,
        compiling: Progress::new(user),
        progress: Progress::new(user),
    };
    session.run(checkpoint(&plan), step_size)
}

/// Of whole slices.
fn batch(batch: usize) -> StepSize {
    StepSize { batch, patch: 0 }
}

#[test]
fn a_full_memory_halves_the_batch_and_then_the_patch() {
    for most in [1024, 256, 64] {
        let (checkpoint, outcome) = train_on(Flaws { most, ..FINE }, &stack(16, 16), batch(8), &User::quiet()).unwrap();
        assert_eq!((outcome, checkpoint.history.len()), (Outcome::Finished, 5));
        // Eight whole slices an epoch; patches of 8×8 are four a slice.
        let steps = match most {
            1024 => 2,
            256 => 8,
            _ => 32,
        };
        assert_eq!(checkpoint.state.steps, 5 * steps, "{most} pixels a step");
    }
    let refused = train_on(Flaws { most: 15, ..FINE }, &stack(16, 16), batch(8), &User::quiet());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("memory is full: 16 pixels"), "{error}");
}

#[test]
fn the_first_step_size_follows_from_what_is_free_and_the_log_says_why() {
    let stack = stack(16, 16);
    // A step that takes more would fail.
    let flaws = |free| Flaws { free: Some(free), most: free as usize, ..FINE };
    for (free, steps) in [(2400, 1), (2300, 2), (1200, 2), (1100, 4), (300, 8), (280, 32), (80, 32), (16, 128)] {
        let user = User::quiet();
        let (checkpoint, _) = train_on(flaws(free), &stack, batch(8), &user).unwrap();
        assert_eq!(checkpoint.state.steps, 5 * steps, "{free} bytes free");
        assert_eq!(user.heard("a step with batch=8 on whole slices of 16×16 takes 0 MB"), steps > 1);
        assert!(!user.heard("memory is full"));
    }
    let user = User::quiet();
    let error = train_on(flaws(15), &stack, batch(8), &user).unwrap_err().to_string();
    assert!(error.contains("its smallest step, batch=1, patch=4, takes 0 MB") && !user.heard("full"), "{error}");
}

#[test]
fn a_training_that_fits_is_the_same_as_where_nobody_knows_what_is_free() {
    let stack = stack(16, 16);
    let state = |free| train_on(Flaws { free, ..FINE }, &stack, batch(3), &User::quiet()).unwrap().0.state;
    assert!(state(None) == state(Some(1 << 20)));
}

#[test]
fn validation_in_tiles_is_that_of_whole_slices() {
    let stack = stack(96, 80);
    let train = |tile, user: &User| train_on(Flaws { tile, ..FINE }, &stack, batch(4), user).unwrap().0;
    let user = User::quiet();
    let [whole, tiled] = [usize::MAX, 40 * 40].map(|tile| train(tile, &user));
    assert!(user.heard("going on with tiles of half the size") && user.heard("tiles of"));
    let scores = |checkpoint: &Checkpoint| -> Vec<_> {
        checkpoint.history.iter().map(|epoch| (epoch.validation_loss.unwrap(), epoch.psnr.unwrap())).collect()
    };
    assert_eq!(scores(&whole), scores(&tiled));
    assert!(whole.state == tiled.state && whole.history.len() == 5);
}

#[test]
fn a_stop_is_heard_while_the_device_compiles() {
    let stack = stack(16, 16);
    let compiling = |asks, after| {
        // Batches of three and one of two: both are prepared, in twenty parts.
        let user = User::asking(asks, after);
        let (checkpoint, outcome) = train_on(Flaws { compiles: 10, ..FINE }, &stack, batch(3), &user).unwrap();
        (checkpoint, outcome, user)
    };
    let (checkpoint, outcome, user) = compiling(Request::Cancel, 7);
    assert_eq!((outcome, checkpoint.state.steps), (Outcome::Discarded, 0));
    assert!(user.heard("Compiling kernels for the GPU (once): 40 %") && !user.heard("(once): 45 %"));
    assert!(!user.heard("Epoch 1 of 5"));
    let (_, outcome, user) = compiling(Request::Cancel, 19);
    assert!(outcome == Outcome::Discarded && user.heard("(once): 100 %") && !user.heard("Epoch 1 of 5"));
    // As during the first epoch: there is nothing to keep before it has ended.
    let (checkpoint, outcome, _) = compiling(Request::Finish, 7);
    assert_eq!((outcome, checkpoint.history.len()), (Outcome::Finished, 1));
    let (checkpoint, outcome, user) = compiling(Request::GoOn, 0);
    assert_eq!((outcome, checkpoint.history.len()), (Outcome::Finished, 5));
    for line in ["Compiling kernels for the GPU (once) begins", "Compiling kernels for the GPU (once): 40 %"] {
        let times = user.heard.lock().unwrap().iter().filter(|heard| *heard == line).count();
        assert_eq!(times, 1, "one trainer is prepared once: {line}");
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_and_keeps_the_best() {
    let (checkpoint, outcome) = train_on(Flaws { good: 4, ..FINE }, &stack(16, 16), batch(4), &User::quiet()).unwrap();
    assert_eq!(outcome, Outcome::Diverged { epoch: 3, rate: 0.01 });
    assert_eq!((checkpoint.history.len(), checkpoint.state.steps), (2, 4));
    assert!(checkpoint.best.is_some());
}

#[test]
fn weights_that_are_no_numbers_are_never_the_best_nor_a_checkpoint() {
    for sound in [0, 4] {
        let (checkpoint, outcome) =
            train_on(Flaws { sound, ..FINE }, &stack(16, 16), batch(4), &User::quiet()).unwrap();
        assert_eq!(outcome, Outcome::Diverged { epoch: sound as usize / 2 + 1, rate: 0.01 });
        assert_eq!((checkpoint.history.len(), checkpoint.state.steps), (sound as usize / 2, sound));
        assert_eq!(checkpoint.best.is_some(), sound > 0);
        let best = checkpoint.best.iter().flat_map(|best| &best.weights.0).flat_map(|tensor| &tensor.values);
        assert!(best.chain(checkpoint.state.weights.0.iter().flat_map(|tensor| &tensor.values)).all(|v| v.is_finite()));
    }
}

#[test]
fn what_is_kept_of_the_stacks_goes_before_steps_become_smaller() {
    let stack = stack(16, 16);
    let state = |room_for_slices, most| {
        let user = User::quiet();
        let flaws = Flaws { room_for_slices, most, ..FINE };
        (train_on(flaws, &stack, batch(8), &user).unwrap().0.state, user)
    };
    let (expected, _) = state(0, usize::MAX);
    assert!(state(1 << 20, usize::MAX).0 == expected, "what is kept makes no difference");
    // Two halvings, told as one.
    let (smaller, user) = state(1 << 20, 512);
    assert_eq!(smaller.steps, 5 * 4);
    let said = user.heard.into_inner().unwrap().iter().filter(|line| line.contains("memory is full")).count();
    assert_eq!(said, 1);
}

/// Fails to apply a network.
struct Broken {
    panics: bool,
}

impl Runner for Broken {
    fn run(&mut self, _images: &Images) -> Result<Vec<f32>, EngineError> {
        assert!(!self.panics, "a kernel is missing");
        Err(EngineError::Memory { reason: "every tile is too large".to_owned() })
    }
}

#[test]
fn a_model_is_saved_whatever_becomes_of_its_example() {
    let (stack, folder) = (stack(16, 16), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    let first = TrainOptions { spec: spec(), epochs: 1, validation: 1, model: path("m.zip"), ..Default::default() };
    let user = User::quiet();
    let mut model = super::train(&stack, &stack, &first, &user).unwrap().model;
    assert!(!user.heard("Warning: the model is saved, but"));
    // Bytes of the file, in which a slice leaves a third picture.
    let length = |file: &Path| fs::metadata(file).unwrap().len();
    let plan = spec().plan().unwrap();
    let frame = Frame::new(16, 16, plan.multiple);
    let mut save = |name: &str, runner: &dyn Fn() -> Result<Box<dyn Runner>, EngineError>| {
        let (options, user) = (TrainOptions { model: path(name), ..first.clone() }, User::quiet());
        let tiles = TileChoice::new(frame, plan.multiple, plan.halo());
        let measured = Measured::of(&stack, Progress::silent()).unwrap();
        let saving =
            Saving { pair: pair(&measured), slice: 8, tiles, options: &options, progress: Progress::new(&user) };
        saving.save(&mut model, |_| runner()).unwrap();
        assert!(Model::load(&options.model).unwrap().weights == model.weights);
        user
    };
    let unmade = || Err(EngineError::Device { reason: "no device".to_owned() });
    assert!(save("a.zip", &unmade).heard("without a slice that shows what it does: the device failed: no device"));
    assert!(save("b.zip", &|| Ok(Box::new(Broken { panics: true }))).heard("a kernel is missing"));
    assert!(save("c.zip", &|| Ok(Box::new(Broken { panics: false }))).heard("every tile is too large"));
    let weights = Weights::initial(&spec(), &plan, 1);
    let whole = save("d.zip", &|| Ok(Box::new(cpu::runner(&plan, &weights)?)));
    assert!(!whole.heard("Warning: the model is saved, but"));
    assert_ne!(length(&path("d.zip")), length(&path("a.zip")));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6, "the models and a checkpoint, no temporary file");
}
