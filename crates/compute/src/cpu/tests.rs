//! The engine against a slow, simple reference.

use proptest::prelude::*;

use super::{reference, runner::CpuRunner, trainer::CpuTrainer};
use crate::{
    error::EngineError,
    images::Images,
    loss::Loss,
    network::{Activation, Architecture, Plan, Spec, Step, Tensor, Weights},
    runner::Runner,
    simd::Isa,
    trainer::{Trainer, TrainerState},
};

fn convolve(name: &str, inputs: usize, outputs: usize, kernel: usize) -> Step {
    Step::Convolve { name: name.to_owned(), inputs, outputs, kernel }
}

fn prelu(name: &str, channels: usize) -> Step {
    Step::Prelu { name: name.to_owned(), channels }
}

/// Pseudo-random numbers between -0.5 and 0.5.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32) / (1 << 24) as f32 - 0.5
    }
}

/// Weights that keep images near the scale of the input, with biases, and slopes of both signs and zero.
fn weights(plan: &Plan, seed: u64) -> Weights {
    let mut noise = noise(seed);
    let tensors = plan.weight_shapes().into_iter().map(|(name, shape)| {
        let scale = if shape.len() == 4 { 3.0 / ((shape[1] * shape[2] * shape[3]) as f32).sqrt() } else { 0.6 };
        let mut values: Vec<f32> = (0..shape.iter().product()).map(|_| scale * noise()).collect();
        if name.ends_with(".slope") {
            values[0] = 0.0;
        }
        Tensor { name, shape, values }
    });
    Weights(tensors.collect())
}

fn exact(weights: &Weights) -> Vec<Vec<f64>> {
    weights.0.iter().map(|tensor| tensor.values.iter().map(|&value| f64::from(value)).collect()).collect()
}

fn images(count: usize, height: usize, width: usize, seed: u64) -> Images {
    let mut noise = noise(seed);
    Images { count, height, width, values: (0..count * height * width).map(|_| noise()).collect() }
}

fn red_net(layers: usize, channels: usize, activation: Activation, residual: bool) -> Plan {
    Spec { network: Architecture::RedNet, layers, activation, channels, residual }.plan().unwrap()
}

/// Every step, in orders that RED-Net does not have: activations after an addition and of what was remembered,
/// un-pooling without an addition, the input added twice, an image of one channel between.
fn odd_plan(channels: usize) -> Plan {
    let steps = vec![
        convolve("a", 1, channels, 5),
        Step::Remember,
        prelu("a", channels),
        Step::Remember,
        Step::MaxPool,
        convolve("b", channels, channels + 1, 1),
        Step::Relu,
        Step::Remember,
        convolve("c", channels + 1, channels + 1, 3),
        Step::AddRemembered,
        prelu("c", channels + 1),
        Step::Unpool,
        convolve("d", channels + 1, channels, 3),
        Step::AddRemembered,
        Step::Relu,
        Step::AddRemembered,
        convolve("e", channels, 1, 3),
        prelu("e", 1),
        Step::AddInput,
        Step::Remember,
        Step::MaxPool,
        convolve("f", 1, 1, 3),
        Step::Unpool,
        Step::AddRemembered,
        Step::AddInput,
    ];
    Plan { steps, multiple: 2 }
}

fn assert_forward(plan: &Plan, images: &Images, seed: u64) {
    let weights = weights(plan, seed);
    let expected = reference::images(plan, &exact(&weights), images);
    for isa in Isa::available() {
        let found = CpuRunner::new(isa, plan, &weights).unwrap().run(images).unwrap();
        let walked =
            CpuTrainer::new(isa, plan, &TrainerState::start(weights.clone()), Loss::Mse).unwrap().run(images).unwrap();
        assert_eq!(found, walked);
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
        for (at, (&found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (f64::from(found) - expected).abs() / largest;
            assert!(error < 1e-5, "{isa:?}, value {at}: {found} instead of {expected}");
        }
    }
}

#[test]
fn red_net_equals_the_reference() {
    for (channels, activation) in
        [(1, Activation::Prelu), (8, Activation::Relu), (20, Activation::Prelu), (64, Activation::Prelu)]
    {
        assert_forward(&red_net(3, channels, activation, true), &images(2, 12, 20, 3), 5);
    }
}

#[test]
fn odd_orders_of_steps_equal_the_reference() {
    assert_forward(&odd_plan(5), &images(2, 6, 10, 1), 2);
    assert_forward(&odd_plan(16), &images(1, 4, 14, 3), 4);
}

#[test]
fn wide_kernels_equal_the_reference() {
    // A small SRCNN (Dong et al. 2014).
    let steps = vec![convolve("a", 1, 18, 9), Step::Relu, convolve("b", 18, 9, 1), Step::Relu, convolve("c", 9, 1, 5)];
    let plan = Plan { steps, multiple: 1 };
    assert_forward(&plan, &images(1, 11, 13, 8), 9);
    assert_forward(&plan, &images(3, 1, 1, 8), 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_equals_the_reference(
        height in 1usize..8, width in 1usize..64, inner in 1usize..41, outer in 1usize..25,
        kernel in prop::sample::select(vec![1usize, 3, 5]), multiple in 1usize..3, seed in any::<u64>(),
    ) {
        let steps = vec![
            convolve("a", 1, inner, 3), prelu("a", inner), convolve("b", inner, outer, kernel), Step::Relu,
            convolve("c", outer, 1, kernel), Step::AddInput,
        ];
        // Kernels of 3×3 are computed for pairs of pixels where sizes are even.
        assert_forward(&Plan { steps, multiple }, &images(1, multiple * height, multiple * width, seed), seed);
    }
}

/// Compares gradients with finite differences of the reference's loss, for at most `checked` weights of each tensor.
fn assert_gradients(plan: &Plan, images: &Images, loss: Loss, seed: u64, checked: usize) {
    let start = weights(plan, seed);
    let mut noise = noise(seed ^ 77);
    let targets = Images { values: images.values.iter().map(|_| 2.0 * noise()).collect(), ..images.clone() };
    let mut found = Vec::new();
    for isa in Isa::available() {
        found.push(
            CpuTrainer::new(isa, plan, &TrainerState::start(start.clone()), loss)
                .unwrap()
                .gradients(images, &targets)
                .unwrap(),
        );
    }
    let mut exact = exact(&start);
    let expected = reference::loss(plan, &exact, images, &targets, loss);
    for (value, _) in &found {
        assert!((value - expected).abs() < 1e-5 * expected.max(1.0), "loss {value} instead of {expected}");
    }
    let mut compared = 0;
    for tensor in 0..exact.len() {
        let count = exact[tensor].len();
        // Gradients of a tensor are compared relative to its largest.
        let gradients = found.iter().map(|(_, gradients)| &gradients[tensor]);
        let scale = gradients.flatten().fold(1e-2, |scale: f64, &g| scale.max(f64::from(g).abs()));
        for at in (0..count).step_by(count.div_ceil(checked)) {
            let value = exact[tensor][at];
            let mut with = |value: f64| {
                exact[tensor][at] = value;
                reference::loss(plan, &exact, images, &targets, loss)
            };
            const STEP: f64 = 1e-7;
            let (above, below, here) = (with(value + STEP), with(value - STEP), with(value));
            // At a kink of an activation, a pooling or a loss there is no derivative to compare with.
            if (above - 2.0 * here + below).abs() > 1e-4 * scale * STEP {
                continue;
            }
            let expected = (above - below) / (2.0 * STEP);
            compared += 1;
            for (_, gradients) in &found {
                let gradient = f64::from(gradients[tensor][at]);
                let name = &start.0[tensor].name;
                assert!((gradient - expected).abs() < 2e-4 * scale, "{name}[{at}]: {gradient} instead of {expected}");
            }
        }
    }
    assert!(compared > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_gradient_equals_differences_of_the_reference(
        height in 1usize..3, width in 1usize..6, channels in 1usize..19, seed in any::<u64>(),
    ) {
        let plan = red_net(3, channels, Activation::Prelu, true);
        assert_gradients(&plan, &images(1, 4 * height, 4 * width, seed), Loss::Mse, seed, 6);
    }
}

#[test]
fn gradients_of_every_step_equal_differences() {
    assert_gradients(&odd_plan(3), &images(2, 6, 4, 1), Loss::Mse, 2, usize::MAX);
    assert_gradients(&odd_plan(9), &images(1, 4, 6, 3), Loss::Mse, 4, 20);
    // Without pooling, slopes of zero make no kinks.
    let steps =
        vec![convolve("a", 1, 9, 3), prelu("a", 9), convolve("b", 9, 9, 3), prelu("b", 9), convolve("c", 9, 1, 3)];
    assert_gradients(&Plan { steps: steps.clone(), multiple: 1 }, &images(2, 5, 7, 3), Loss::Mse, 4, 100);
    // Even sizes are computed for pairs of pixels.
    assert_gradients(&Plan { steps, multiple: 2 }, &images(2, 6, 8, 3), Loss::Mse, 4, 100);
}

#[test]
fn gradients_of_every_loss_equal_differences() {
    for loss in [Loss::Mse, Loss::L1, Loss::Charbonnier] {
        assert_gradients(&red_net(3, 4, Activation::Relu, false), &images(2, 8, 12, 5), loss, 6, 20);
    }
}

#[test]
fn gradients_of_wide_kernels_equal_differences() {
    let steps =
        vec![convolve("a", 1, 10, 9), Step::Relu, convolve("b", 10, 17, 1), Step::Relu, convolve("c", 17, 1, 5)];
    assert_gradients(&Plan { steps, multiple: 1 }, &images(1, 9, 11, 8), Loss::Mse, 9, 20);
}

#[test]
fn the_first_of_equal_values_gets_the_gradient_of_the_pooling() {
    // Constant images: every value of a block is the largest. Only the first may count, as its row and column are the
    // even ones; an identity kernel's gradient then is the sum over those pixels.
    let plan = Plan { steps: vec![convolve("a", 1, 1, 3), Step::MaxPool, Step::Unpool, Step::AddInput], multiple: 2 };
    let mut weights = weights(&plan, 1);
    weights.0[0].values = vec![0.0; 9];
    weights.0[1].values = vec![0.0];
    let ramp = Images { count: 1, height: 4, width: 4, values: (0..16).map(|i| i as f32).collect() };
    let ones = Images { values: ramp.values.iter().map(|v| v - 1.0).collect(), ..ramp.clone() };
    for isa in Isa::available() {
        let mut trainer = CpuTrainer::new(isa, &plan, &TrainerState::start(weights.clone()), Loss::L1).unwrap();
        let (_, gradients) = trainer.gradients(&ramp, &ones).unwrap();
        // Each pooled value has the gradient 4 × 1/16; the centre tap sees pixels 0, 2, 8 and 10 of the ramp.
        assert_eq!(gradients[0][4], 0.25 * (0.0 + 2.0 + 8.0 + 10.0));
        assert_eq!(gradients[1][0], 1.0);
    }
}

#[test]
fn threads_make_no_difference() {
    let plan = red_net(3, 9, Activation::Prelu, true);
    let (start, input) = (weights(&plan, 3), images(2, 72, 80, 4));
    let targets = images(2, 72, 80, 5);
    let train = || {
        let mut trainer =
            CpuTrainer::new(Isa::best(), &plan, &TrainerState::start(start.clone()), Loss::Charbonnier).unwrap();
        for _ in 0..2 {
            trainer.step(&input, &targets, 1e-3).unwrap();
        }
        (trainer.run(&input).unwrap(), trainer.loss().unwrap(), trainer.state().unwrap())
    };
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(train);
    let one = with(1);
    for threads in [2, 5] {
        assert!(with(threads) == one, "{threads} threads give other numbers than one");
    }
}

#[test]
fn training_makes_the_loss_small() {
    // Learns to sharpen a blurred image.
    let sharp = images(2, 16, 16, 9);
    let blurred = (0..2 * 16 * 16).map(|i| sharp.values[i] / 2.0 + sharp.values[i ^ 1] / 2.0).collect();
    let blurred = Images { values: blurred, ..sharp.clone() };
    for activation in [Activation::Relu, Activation::Prelu] {
        for residual in [false, true] {
            let spec = Spec { network: Architecture::RedNet, layers: 3, activation, channels: 8, residual };
            let plan = spec.plan().unwrap();
            let mut trainer =
                super::trainer(&plan, &TrainerState::start(Weights::initial(&spec, &plan, 1)), Loss::Mse).unwrap();
            trainer.step(&blurred, &sharp, 3e-3).unwrap();
            let first = trainer.loss().unwrap();
            for _ in 0..60 {
                trainer.step(&blurred, &sharp, 3e-3).unwrap();
            }
            trainer.loss().unwrap();
            trainer.step(&blurred, &sharp, 3e-3).unwrap();
            let last = trainer.loss().unwrap();
            assert!(last < 0.8 * first, "{spec}: loss {last} after {first}");
        }
    }
}

#[test]
fn other_sizes_and_broken_images_leave_no_traces() {
    let plan = red_net(3, 9, Activation::Prelu, false);
    let weights = weights(&plan, 1);
    let (small, large) = (images(2, 8, 12, 2), images(1, 20, 16, 3));
    let mut runner = super::runner(&plan, &weights).unwrap();
    let first = runner.run(&small).unwrap();
    let nothing = Images { count: 0, height: 8, width: 12, values: vec![] };
    assert!(runner.run(&nothing).unwrap().is_empty());
    let other = runner.run(&large).unwrap();
    let broken = Images { values: vec![f32::NAN; 2 * 8 * 12], ..small.clone() };
    assert!(runner.run(&broken).unwrap().iter().all(|value| value.is_nan()));
    assert_eq!(runner.run(&small).unwrap(), first);
    assert_eq!(super::runner(&plan, &weights).unwrap().run(&large).unwrap(), other);
}

#[test]
fn wrong_input_is_refused() {
    let plan = red_net(3, 4, Activation::Prelu, false);
    let good = weights(&plan, 1);
    let mut trainer = super::trainer(&plan, &TrainerState::start(good.clone()), Loss::Mse).unwrap();
    let input = images(1, 8, 8, 1);
    assert!(matches!(trainer.run(&images(1, 8, 6, 1)), Err(EngineError::Size { width: 6, height: 8, multiple: 4 })));
    let short = Images { values: vec![0.0; 63], ..input.clone() };
    assert!(trainer.run(&short).unwrap_err().to_string().contains("1 images of 8×8 pixels come with 63 values"));
    assert!(trainer.step(&input, &images(2, 8, 8, 1), 1e-3).unwrap_err().to_string().contains("(2, 8, 8)"));
    let none = Images { count: 0, height: 8, width: 8, values: vec![] };
    assert!(trainer.step(&none, &none, 1e-3).is_err());

    let mut broken = good.clone();
    broken.0.pop();
    assert!(super::runner(&plan, &broken).err().unwrap().to_string().contains("output.bias"));
}

#[test]
fn plans_whose_steps_do_not_fit_are_refused() {
    let refused = |steps: Vec<Step>, multiple| {
        let plan = Plan { steps, multiple };
        super::runner(&plan, &weights(&plan, 1)).err().unwrap().to_string()
    };
    assert!(refused(vec![convolve("a", 2, 1, 3)], 1).contains("cannot convolve 1 channels"));
    assert!(refused(vec![convolve("a", 1, 1, 2)], 1).contains("step 1"));
    assert!(refused(vec![convolve("a", 1, 3, 3)], 1).contains("must end with one channel"));
    assert!(refused(vec![Step::AddRemembered], 1).contains("nothing remembered"));
    assert!(refused(vec![Step::Remember, Step::MaxPool, Step::AddRemembered], 2).contains("different sizes"));
    assert!(refused(vec![prelu("a", 2)], 1).contains("one slope for each of 1 channels"));
    assert!(refused(vec![Step::MaxPool, Step::Unpool], 1).contains("multiple"));
}
