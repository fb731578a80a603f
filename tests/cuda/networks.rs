//! Networks on the card beside the same on the CPU engine.

use burn::DispatchDevice;
use undulator::{
    engine::{
        EngineError, Images, Loss, Multiply, Runner, Trainer, TrainerState,
        burn::{BurnRunner, BurnTrainer},
        cpu,
        device::{self, Device, Wanted},
    },
    network::{Activation, Architecture, Plan, Spec, Weights},
};

/// Every network with every activation. `channels` are few, so that kernels are quickly compiled and run.
pub fn every_network(channels: usize) -> impl Iterator<Item = Spec> {
    let networks = [
        (Architecture::RedNet, 3),
        (Architecture::RedNet, 4),
        (Architecture::RedNet, 5),
        (Architecture::RedNet, 6),
        (Architecture::Srcnn, 3),
        (Architecture::Srcnn, 5),
    ];
    let both = [Activation::Relu, Activation::Prelu];
    let all = both.into_iter().flat_map(move |activation| networks.map(|network| (network, activation)));
    // Every other one is residual, so that both outputs meet both networks and both activations.
    let spec = move |(at, ((network, layers), activation)): (usize, _)| {
        let residual = (at + usize::from(activation == Activation::Prelu)).is_multiple_of(2);
        Spec { network, layers, activation, channels, residual }
    };
    all.enumerate().map(spec)
}

pub fn red_net(layers: usize, activation: Activation, channels: usize) -> Spec {
    Spec { network: Architecture::RedNet, layers, activation, channels, residual: false }
}

/// The first card, or what is wrong with it.
pub fn card() -> Result<Device, EngineError> {
    numbered_card(0)
}

pub fn numbered_card(index: usize) -> Result<Device, EngineError> {
    device::pick(Wanted::Cuda(index)).map(|(device, _)| device)
}

fn images(plan: &Plan, phase: f32) -> Images {
    let height = 12usize.next_multiple_of(plan.multiple);
    let width = height + plan.multiple;
    let count = 2;
    let values = (0..count * height * width).map(|i| 0.5 + 0.5 * (i as f32 * 0.37 + phase).sin()).collect();
    Images { count, height, width, values }
}

/// How far the card's output is from the CPU engine's, at most, for values that are about 1.
pub fn apart_restored(device: &Device, spec: Spec) -> Result<f32, EngineError> {
    let plan = spec.plan().unwrap();
    let weights = Weights::initial(&spec, &plan, 11);
    let images = images(&plan, 0.0);
    let expected = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
    let found = device::compute(device, || device::runner(device, &plan, &weights)?.run(&images)).flatten()?;
    Ok(largest_difference(&expected, &found))
}

/// As [`apart_restored`], multiplied in another way than the device would.
pub fn apart_restored_with(multiply: Multiply, spec: Spec) -> Result<f32, EngineError> {
    let plan = spec.plan().unwrap();
    let weights = Weights::initial(&spec, &plan, 11);
    let images = images(&plan, 0.0);
    let expected = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
    let found = device::compute(&card()?, || {
        BurnRunner::new(&plan, &weights, DispatchDevice::Cuda(Default::default()), multiply)?.run(&images)
    });
    Ok(largest_difference(&expected, &found.flatten()?))
}

/// Not a number is as far as can be.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| if b.is_nan() { f32::INFINITY } else { (a - b).abs() }).fold(0.0, f32::max)
}

/// What steps on the card came to beside the same on the CPU engine.
#[derive(Debug)]
pub struct Steps {
    /// The largest relative difference of the losses.
    pub losses: f64,
    /// Weights of which the difference is above 2e-5.
    pub apart: usize,
    /// All weights.
    pub weights: usize,
    /// The largest difference of a weight.
    pub worst: f32,
}

/// Takes `count` steps on both.
pub fn steps(device: &Device, spec: Spec, loss: Loss, count: usize) -> Result<Steps, EngineError> {
    steps_of(device, spec, loss, count, |plan, state| device::trainer(device, plan, state, loss))
}

/// As [`steps`], multiplied in another way than the device would.
pub fn steps_with(multiply: Multiply, spec: Spec, loss: Loss, count: usize) -> Result<Steps, EngineError> {
    steps_of(&card()?, spec, loss, count, |plan, state| {
        let device = DispatchDevice::Cuda(Default::default());
        Ok(Box::new(BurnTrainer::new(plan, state, loss, device, multiply)?))
    })
}

fn steps_of(
    device: &Device,
    spec: Spec,
    loss: Loss,
    count: usize,
    trainer: impl Fn(&Plan, &TrainerState) -> Result<Box<dyn Trainer>, EngineError> + Sync,
) -> Result<Steps, EngineError> {
    let plan = spec.plan().unwrap();
    let start = TrainerState::start(Weights::initial(&spec, &plan, 5));
    let (input, target) = (images(&plan, 0.3), images(&plan, 0.4));
    let walk = |trainer: &mut dyn Trainer| -> Result<_, EngineError> {
        let mut losses = Vec::new();
        for _ in 0..count {
            trainer.step(&input, &target, 1e-3)?;
            losses.push(trainer.loss()?);
        }
        Ok((losses, trainer.state()?))
    };
    let (expected, state) = walk(cpu::trainer(&plan, &start, loss)?.as_mut())?;
    let (found, found_state) = device::compute(device, || walk(trainer(&plan, &start)?.as_mut())).flatten()?;
    let relative = |(a, b): (&f64, &f64)| if b.is_nan() { f64::INFINITY } else { ((a - b) / a).abs() };
    let mut steps = Steps {
        losses: expected.iter().zip(&found).map(relative).fold(0.0, f64::max),
        apart: 0,
        weights: 0,
        worst: 0.0,
    };
    for (a, b) in state.weights.0.iter().zip(&found_state.weights.0) {
        steps.worst = steps.worst.max(largest_difference(&a.values, &b.values));
        steps.weights += a.values.len();
        steps.apart += a.values.iter().zip(&b.values).filter(|(a, b)| b.is_nan() || (*a - *b).abs() > 2e-5).count();
    }
    Ok(steps)
}
