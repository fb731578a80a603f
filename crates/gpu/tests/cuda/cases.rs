//! What the processes do that have an emulated card.

use std::sync::Mutex;

use undulator_compute::{
    EngineError, Images, Loss, Runner, Trainer, TrainerState, cpu,
    device::{self, Device, DeviceRequest, Precision},
    memory,
    network::{Activation, Architecture, Plan, Spec, Weights},
};

use super::patterns::pair;
use undulator::{
    apply::apply,
    model::Model,
    progress::{self, Event, Progress},
    stack::{Size, SliceSource},
    train::{Request, TrainError, TrainEvent, TrainListener, TrainOptions, Trained, train},
    volume::Volume,
};

/// Runs the case of that name.
pub fn run(case: &str) {
    undulator_gpu::register();
    match case {
        "apply every network" => apply_every_network(),
        "apply one network" => applies_alike(&networks()[0], &gpu(0, Precision::Float32), 1e-5),
        "steps of every loss" => steps_of_every_loss(),
        "steps in TF32" => Loss::ALL.into_iter().for_each(step_in_tf32),
        "a step in TF32" => step_in_tf32(Loss::Mse),
        "float32 on tensor cores" => float32_on_tensor_cores(),
        "train and apply" => train_and_apply(),
        "memory after jobs" => memory_after_jobs(),
        "ask for every kernel" => ask_for_every_kernel(),
        "a fault" => a_fault(),
        "a fault that may be got over" => a_fault_that_may_be_got_over(),
        "what can be used" => println!("{}", table()),
        "two cards" => two_cards(),
        "a step that does not fit" => a_step_that_does_not_fit(),
        _ => panic!("there is no case {case:?}"),
    }
}

fn spec(network: Architecture, layers: usize, activation: Activation, channels: usize, residual: bool) -> Spec {
    Spec { network, layers, activation, channels, residual }
}

/// Those that are trained.
fn networks() -> [Spec; 3] {
    [
        spec(Architecture::RedNet, 3, Activation::Prelu, 8, true),
        spec(Architecture::RedNet, 4, Activation::Relu, 4, false),
        spec(Architecture::Srcnn, 3, Activation::Relu, 6, false),
    ]
}

/// Every network with every activation, and every other one residual, so that both outputs meet both of each.
fn every_network() -> impl Iterator<Item = Spec> {
    let [rednet, srcnn] = [Architecture::RedNet, Architecture::Srcnn];
    let networks = [(rednet, 3), (rednet, 4), (rednet, 5), (rednet, 6), (srcnn, 3), (srcnn, 5)];
    networks.into_iter().enumerate().flat_map(|(at, (network, layers))| {
        let even = at % 2 == 0;
        [(Activation::Relu, even), (Activation::Prelu, !even)]
            .map(|(activation, residual)| spec(network, layers, activation, 4, residual))
    })
}

fn apply_every_network() {
    let device = gpu(0, Precision::Auto);
    every_network().for_each(|spec| applies_alike(&spec, &device, 1e-5));
}

fn gpu(index: usize, precision: Precision) -> Device {
    let (device, lines) = device::pick(DeviceRequest::Cuda(index), precision).unwrap();
    lines.iter().for_each(|line| println!("log: {line}"));
    println!("{device}");
    device
}

fn images(count: usize, height: usize, width: usize, phase: f32) -> Images {
    let values = (0..count * height * width).map(|i| 0.5 + 0.5 * (i as f32 * 0.37 + phase).sin()).collect();
    Images { count, height, width, values }
}

/// A small image that the network takes and every loss is defined for.
fn size(plan: &Plan) -> (usize, usize) {
    let height = 12usize.next_multiple_of(plan.multiple);
    (height, height + plan.multiple)
}

fn largest(values: impl Iterator<Item = f32>) -> f32 {
    // A value that is no number is worse than any other.
    values.fold(0.0, |worst, value| if value.is_nan() { f32::INFINITY } else { worst.max(value.abs()) })
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    largest(a.iter().zip(b).map(|(a, b)| a - b))
}

fn on<T: Send>(device: &Device, job: impl FnOnce() -> Result<T, EngineError> + Send) -> Result<T, EngineError> {
    device::compute(device, job).flatten()
}

fn applies_alike(spec: &Spec, device: &Device, tolerance: f32) {
    let plan = spec.plan().unwrap();
    let weights = Weights::initial(spec, &plan, 11);
    let (height, width) = size(&plan);
    let images = images(2, height, width, 0.0);
    let ours = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
    let theirs = on(device, || device::runner(device, &plan, &weights)?.run(&images)).unwrap();
    let (difference, range) = (largest_difference(&theirs, &ours), largest(ours.iter().copied()));
    println!("{spec}: {difference:e} of {range}");
    assert!(difference <= tolerance * range.max(1.0), "{spec}: {difference} of {range}");
}

/// How far a GPU is from the CPU after some steps.
struct Apart {
    /// Largest difference of a step's loss, to the loss; of a similarity, to the largest one there is.
    loss: f64,
    /// Share of the weights that lie apart by more than 2e-5.
    weights: f64,
}

fn steps(spec: &Spec, loss: Loss, device: &Device, steps: usize) -> Apart {
    let plan = spec.plan().unwrap();
    let start = TrainerState::start(Weights::initial(spec, &plan, 5));
    let (height, width) = size(&plan);
    let (input, target) = (images(2, height, width, 0.3), images(2, height, width, 0.4));
    let take = |trainer: &mut dyn Trainer| -> Result<_, EngineError> {
        let mut losses = Vec::new();
        for _ in 0..steps {
            trainer.step(&input, &target, 1e-3)?;
            losses.push(trainer.loss()?);
        }
        Ok((losses, trainer.state()?))
    };
    let ours = take(&mut cpu::trainer(&plan, &start, loss).unwrap()).unwrap();
    let theirs = on(device, || take(device::trainer(device, &plan, &start, loss)?.as_mut())).unwrap();
    let whole = |value: f64| if loss == Loss::SsimL1 { 1.0 } else { value };
    let loss_apart = ours.0.iter().zip(&theirs.0).map(|(a, b)| ((a - b) / whole(*a)).abs());
    let pairs = ours.1.weights.0.iter().zip(&theirs.1.weights.0).flat_map(|(a, b)| a.values.iter().zip(&b.values));
    // A weight that is no number is apart, too.
    let apart = pairs.filter(|(a, b)| (*a - *b).abs().partial_cmp(&2e-5) != Some(std::cmp::Ordering::Less)).count();
    let all: usize = ours.1.weights.0.iter().map(|tensor| tensor.values.len()).sum();
    let found = Apart { loss: loss_apart.fold(0.0, f64::max), weights: apart as f64 / all as f64 };
    println!("{spec}, {loss}: losses {:?}, apart by {:e}; {apart} of {all} weights apart", theirs.0, found.loss);
    found
}

fn steps_of_every_loss() {
    let device = gpu(0, Precision::Auto);
    for spec in &networks() {
        for loss in Loss::ALL {
            let apart = steps(spec, loss, &device, 3);
            assert!(apart.loss < 1e-5 && apart.weights == 0.0, "{spec}, {loss}");
        }
    }
}

fn step_in_tf32(loss: Loss) {
    let apart = steps(&networks()[0], loss, &gpu(0, Precision::Auto), 1);
    assert!(apart.loss < 2e-3 && apart.weights <= 0.01, "{loss}");
}

fn float32_on_tensor_cores() {
    let device = gpu(0, Precision::Float32);
    assert!(format!("{device:?}").contains("SplitTf32"), "{device:?}");
    applies_alike(&networks()[0], &device, 1e-5);
    let apart = steps(&networks()[0], Loss::Mse, &device, 1);
    assert!(apart.loss < 1e-5 && apart.weights <= 0.001);
}

/// For machines on which kernels do nothing: whatever comes out is no matter.
fn ask_for_every_kernel() {
    for precision in [Precision::Auto, Precision::Float32] {
        let device = gpu(0, precision);
        for (spec, loss) in networks().iter().flat_map(|spec| Loss::ALL.map(|loss| (spec, loss))) {
            let plan = spec.plan().unwrap();
            let start = TrainerState::start(Weights::initial(spec, &plan, 5));
            let (height, width) = size(&plan);
            let images = images(2, height, width, 0.3);
            on(&device, || device::trainer(&device, &plan, &start, loss)?.step(&images, &images, 1e-3)).unwrap();
            on(&device, || device::runner(&device, &plan, &start.weights)?.run(&images)).unwrap();
        }
    }
}

/// Keeps what a training says.
#[derive(Default)]
struct Listener {
    lines: Mutex<Vec<String>>,
}

impl progress::Listener for Listener {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(line) | Event::Warning(line) = event {
            println!("log: {line}");
            self.lines.lock().unwrap().push(line.to_owned());
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for Listener {
    fn training(&self, _: TrainEvent<'_>) {}

    fn request(&self) -> Request {
        Request::GoOn
    }
}

fn trained(device: DeviceRequest, batch: usize, patch: usize, listener: &Listener) -> Result<Trained, TrainError> {
    let (low, reference) = pair(Size::new(64, 64, 14));
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(Architecture::RedNet, 3, Activation::Prelu, 8, false);
    let model = folder.path().join("model.zip");
    let options = TrainOptions {
        spec,
        epochs: 2,
        batch,
        patch,
        validation: 2,
        device,
        model,
        checkpoint: 0.0,
        ..Default::default()
    };
    train(&low, &reference, &options, listener)
}

/// The portion that the log says a training went on with last.
fn last_portion(lines: &[String]) -> Option<(usize, usize)> {
    let line = lines.iter().rev().find(|line| line.contains("going on with batch="))?;
    let number = |key: &str| {
        let (_, after) = line.rsplit_once(key)?;
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some((number("batch=").unwrap(), number("patch=").unwrap_or(0)))
}

fn losses(model: &Model) -> Vec<f64> {
    model.card.training.history.iter().flat_map(|epoch| [epoch.loss, epoch.validation_loss.unwrap()]).collect()
}

fn train_and_apply() {
    let listener = Listener::default();
    let on_gpu = trained(DeviceRequest::Cuda(0), 12, 0, &listener).unwrap();
    let (batch, patch) = last_portion(&listener.lines.lock().unwrap()).unwrap_or((12, 0));
    let on_cpu = trained(DeviceRequest::Cpu, batch, patch, &Listener::default()).unwrap();
    for (a, b) in losses(&on_gpu.model).iter().zip(losses(&on_cpu.model)) {
        assert!(((a - b) / b).abs() < 1e-3, "batch {batch}, patch {patch}: loss {a} instead of {b}");
    }
    // Slices that are larger than those of the training, so that they have to be cut.
    let (low, _) = pair(Size::new(200, 160, 2));
    let restored = [DeviceRequest::Cuda(0), DeviceRequest::Cpu].map(|device| {
        let mut restored = Volume::black("restored", low.shape());
        apply(&low, None, &on_gpu.model, device, &mut restored, Progress::new(&Listener::default())).unwrap();
        restored.to_values()
    });
    let (difference, range) = (largest_difference(&restored[0], &restored[1]), largest(restored[1].iter().copied()));
    println!("applied: {difference:e} of {range}");
    assert!(difference <= 1e-5 * range, "{difference} of {range}");
}

fn memory_after_jobs() {
    let device = gpu(0, Precision::Auto);
    let before = memory::free(&device).unwrap();
    for spec in [&networks()[0], &networks()[1]] {
        applies_alike(spec, &device, 1e-5);
        steps(spec, Loss::Mse, &device, 2);
    }
    let kept = before - memory::free(&device).unwrap();
    // One page of CubeCL's smallest may stay.
    assert!(kept <= 8 << 20, "{kept} bytes are kept");
}

/// Trains and applies on a card that fails, and prints the error.
fn a_fault() {
    match train_and_apply_once() {
        Err(error) => println!("{error}"),
        Ok(_) => panic!("the fault was not noticed"),
    }
    // Whatever has become of the card, the process lives and computes.
    trained(DeviceRequest::Cpu, 4, 0, &Listener::default()).unwrap();
}

/// A kernel that fails while kernels are chosen may be done without, but what went well must be right.
fn a_fault_that_may_be_got_over() {
    match train_and_apply_once() {
        Err(error) => println!("{error}"),
        Ok((difference, range)) => {
            println!("{difference:e} of {range}");
            assert!(difference <= 1e-5 * range, "{difference} of {range}");
        }
    }
}

/// Some steps and a run; gives back how far the output is from the CPU's, and its range.
fn train_and_apply_once() -> Result<(f32, f32), EngineError> {
    let spec = &networks()[0];
    let (device, _) = device::pick(DeviceRequest::Cuda(0), Precision::Auto)?;
    let plan = spec.plan().unwrap();
    let start = TrainerState::start(Weights::initial(spec, &plan, 5));
    let (height, width) = size(&plan);
    let (input, target) = (images(1, height, width, 0.3), images(1, height, width, 0.4));
    let work = |trainer: &mut dyn Trainer| {
        for _ in 0..8 {
            trainer.step(&input, &target, 1e-3)?;
        }
        trainer.loss()?;
        trainer.state()?;
        trainer.run(&input)
    };
    let theirs = on(&device, || work(device::trainer(&device, &plan, &start, Loss::Mse)?.as_mut()))?;
    let ours = work(&mut cpu::trainer(&plan, &start, Loss::Mse)?)?;
    Ok((largest_difference(&theirs, &ours), largest(ours.iter().copied())))
}

fn table() -> String {
    device::report().iter().map(|row| row.join(" | ") + "\n").collect()
}

fn two_cards() {
    for index in [0, 1, 0] {
        applies_alike(&networks()[0], &gpu(index, Precision::Float32), 1e-5);
    }
}

/// A full memory is an error, and no hindrance to a smaller step afterwards.
fn a_step_that_does_not_fit() {
    let (spec, device) = (&networks()[0], gpu(0, Precision::Auto));
    let plan = spec.plan().unwrap();
    let start = TrainerState::start(Weights::initial(spec, &plan, 5));
    let large = images(8, 256, 256, 0.3);
    let outcome = on(&device, || {
        let mut trainer = device::trainer(&device, &plan, &start, Loss::Mse)?;
        trainer.step(&large, &large, 1e-3)?;
        trainer.loss()
    });
    assert!(matches!(outcome, Err(EngineError::Memory { .. })), "{outcome:?}");
    let outcome = on(&device, || device::runner(&device, &plan, &start.weights)?.run(&large));
    assert!(matches!(outcome, Err(EngineError::Memory { .. })), "{outcome:?}");
    let apart = steps(spec, Loss::Mse, &device, 3);
    assert!(apart.loss < 1e-5 && apart.weights == 0.0);
    applies_alike(spec, &device, 1e-5);
}
