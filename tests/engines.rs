//! The CPU engine against Burn, which knows nothing of it.

use burn::DispatchDevice;
use undulator::{
    engine::{
        ADAM, Images, Loss, Runner, Trainer, TrainerState,
        burn::{BurnRunner, BurnTrainer},
        cpu,
    },
    network::{Activation, Architecture, Spec, Weights},
};

fn flex() -> DispatchDevice {
    DispatchDevice::Flex(Default::default())
}

fn images(count: usize, height: usize, width: usize, phase: f32) -> Images {
    let values = (0..count * height * width).map(|i| 0.5 + 0.5 * (i as f32 * 0.37 + phase).sin()).collect();
    Images { count, height, width, values }
}

fn specs() -> impl Iterator<Item = Spec> {
    [(3, 5, Activation::Relu, false), (4, 8, Activation::Prelu, true), (5, 19, Activation::Prelu, false)]
        .into_iter()
        .map(|(layers, channels, activation, residual)| Spec {
            network: Architecture::RedNet,
            layers,
            activation,
            channels,
            residual,
        })
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
        let images = images(2, 3 * plan.multiple, 2 * plan.multiple, 0.0);
        let ours = cpu::runner(&plan, &weights).unwrap().run(&images).unwrap();
        let burns = BurnRunner::new(&plan, &weights, flex()).run(&images).unwrap();
        let difference = largest_difference(&ours, &burns);
        assert!(difference < 1e-5, "{spec}: {difference}");
    }
}

#[test]
fn both_engines_train_alike() {
    for (spec, loss) in specs().zip([Loss::Mse, Loss::L1, Loss::Charbonnier]) {
        let plan = spec.plan().unwrap();
        let weights = Weights::initial(&spec, &plan, 5);
        let start = TrainerState::start(weights.clone());
        let (input, target) =
            (images(2, plan.multiple, 2 * plan.multiple, 0.3), images(2, plan.multiple, 2 * plan.multiple, 0.4));
        let mut ours = cpu::trainer(&plan, &start, loss).unwrap();
        let mut burns = BurnTrainer::new(&plan, &start, loss, flex()).unwrap();
        let rate = 1e-3;
        // The first step of Adam moves every weight by the rate, up or down: a gradient near zero may fall on either side.
        ours.step(&input, &target, rate).unwrap();
        burns.step(&input, &target, rate).unwrap();
        let (mut moved, mut apart) = (0, 0);
        for ((before, a), b) in
            weights.0.iter().zip(ours.state().unwrap().weights.0).zip(burns.state().unwrap().weights.0)
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
}
