//! The CPU engine against Burn, which knows nothing of it.

use burn::DispatchDevice;
use undulator_compute::{
    ADAM, Images, Loss, Runner, Trainer, TrainerState, cpu,
    network::{Activation, Architecture, Plan, Spec, Weights},
};
use undulator_gpu::{BurnRunner, BurnTrainer, MatmulPrecision};

fn flex() -> DispatchDevice {
    DispatchDevice::Flex(Default::default())
}

fn images(count: usize, height: usize, width: usize, phase: f32) -> Images {
    let values = (0..count * height * width).map(|i| 0.5 + 0.5 * (i as f32 * 0.37 + phase).sin()).collect();
    Images { count, height, width, values }
}

fn specs() -> impl Iterator<Item = Spec> {
    let all = [
        (Architecture::RedNet, 3, 5, Activation::Relu, false),
        (Architecture::RedNet, 4, 8, Activation::Prelu, true),
        (Architecture::RedNet, 5, 19, Activation::Prelu, false),
        (Architecture::Srcnn, 4, 6, Activation::Prelu, true),
    ];
    let spec =
        |(network, layers, channels, activation, residual)| Spec { network, layers, activation, channels, residual };
    all.into_iter().map(spec)
}

/// A small image that every network takes and every loss is defined for.
fn size(plan: &Plan) -> (usize, usize) {
    let height = 12usize.next_multiple_of(plan.multiple);
    (height, height + 2 * plan.multiple)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn both_engines_restore_alike() {
    for spec in specs() {
        let plan = spec.plan().unwrap();
        let weights = Weights::initial(&spec, &plan, 11);
        let (height, width) = size(&plan);
        let images = images(2, height, width, 0.0);
        let ours = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
        let burns = BurnRunner::new(&plan, &weights, flex(), MatmulPrecision::Float32).unwrap().run(&images).unwrap();
        let difference = largest_difference(&ours, &burns);
        assert!(difference < 1e-5, "{spec}: {difference}");
    }
}

#[test]
fn both_engines_train_alike() {
    for (spec, loss) in specs().zip(Loss::ALL) {
        let (height, width) = size(&spec.plan().unwrap());
        let (input, target) = (images(2, height, width, 0.3), images(2, height, width, 0.4));
        train_alike(&spec, loss, &input, &target);
    }
}

/// What was not measured is NaN in a target: both engines leave it out, and no more than it.
#[test]
fn both_engines_leave_out_what_was_not_measured() {
    let spec = specs().next().unwrap();
    let plan = spec.plan().unwrap();
    let (height, width) = size(&plan);
    let (height, width) = (height + plan.multiple, width + plan.multiple);
    let (input, mut target) = (images(2, height, width, 0.3), images(2, height, width, 0.4));
    // A corner of the first image, a pixel of the second.
    (0..4).for_each(|y| target.values[y * width..y * width + 6 - y].fill(f32::NAN));
    target.values[height * width + width + 1] = f32::NAN;
    for loss in Loss::ALL {
        train_alike(&spec, loss, &input, &target);
        let mut invented = target.clone();
        invented.values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 3.0);
        let start = TrainerState::start(Weights::initial(&spec, &plan, 5));
        let loss_of = |target: &Images| {
            let mut burns = BurnTrainer::new(&plan, &start, loss, flex(), MatmulPrecision::Float32).unwrap();
            burns.step(&input, target, 1e-3).unwrap();
            burns.loss().unwrap()
        };
        assert!(loss_of(&target) < loss_of(&invented), "{loss:?}");
    }
}

/// One step of both engines from the same weights: the same loss, and weights that move alike.
fn train_alike(spec: &Spec, loss: Loss, input: &Images, target: &Images) {
    let plan = spec.plan().unwrap();
    let weights = Weights::initial(spec, &plan, 5);
    let start = TrainerState::start(weights.clone());
    let mut ours = cpu::trainer(&plan, &start, loss).unwrap();
    let mut burns = BurnTrainer::new(&plan, &start, loss, flex(), MatmulPrecision::Float32).unwrap();
    let rate = 1e-3;
    // The first step of Adam moves every weight by the rate, up or down: a gradient near zero may fall on either side.
    ours.step(input, target, rate).unwrap();
    burns.step(input, target, rate).unwrap();
    let (mut moved, mut apart) = (0, 0);
    for ((before, a), b) in weights.0.iter().zip(ours.state().unwrap().weights.0).zip(burns.state().unwrap().weights.0)
    {
        for ((before, a), b) in before.values.iter().zip(&a.values).zip(&b.values) {
            moved += 1;
            assert!((a - before).abs() <= 1.001 * rate as f32 + ADAM.epsilon as f32, "{spec}: {before} to {a}");
            apart += usize::from((a - b).abs() > 1e-5);
        }
    }
    assert!(apart * 200 < moved, "{spec}, {loss:?}: {apart} of {moved} weights moved differently");
    let (a, b) = (ours.loss().unwrap(), burns.loss().unwrap());
    assert!((a - b).abs() < 1e-5 * b.max(1.0), "{spec}: loss {a} against {b}");
}

#[test]
fn burn_goes_on_from_a_state_as_if_it_had_never_stopped() {
    let spec = specs().nth(1).unwrap();
    let plan = spec.plan().unwrap();
    let (height, width) = size(&plan);
    let (input, target) = (images(1, height, width, 0.1), images(1, height, width, 0.7));
    let start = TrainerState::start(Weights::initial(&spec, &plan, 3));
    let mut whole = BurnTrainer::new(&plan, &start, Loss::Mse, flex(), MatmulPrecision::Float32).unwrap();
    let mut first = BurnTrainer::new(&plan, &start, Loss::Mse, flex(), MatmulPrecision::Float32).unwrap();
    for trainer in [&mut whole, &mut first] {
        (0..3).for_each(|_| trainer.step(&input, &target, 0.01).unwrap());
    }
    let state = first.state().unwrap();
    assert_eq!(state.steps, 3);
    let mut second = BurnTrainer::new(&plan, &state, Loss::Mse, flex(), MatmulPrecision::Float32).unwrap();
    for trainer in [&mut whole, &mut second] {
        (0..3).for_each(|_| trainer.step(&input, &target, 0.01).unwrap());
    }
    let (whole, second) = (whole.state().unwrap(), second.state().unwrap());
    for (a, b) in whole.weights.0.iter().zip(&second.weights.0) {
        assert!(largest_difference(&a.values, &b.values) < 1e-6, "{}", a.name);
    }
}
