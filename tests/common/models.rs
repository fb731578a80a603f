//! Models of every network, as if they had been trained.
#![allow(dead_code)] // Each test that includes it uses a part.

use undulator::{
    grey::Window,
    model::{Card, Epoch, Model, Scores, Training},
    stack::{GreyScale, GreyType, Size, VoxelSize},
};
use undulator_compute::{
    Images, Loss, Schedule,
    network::{Activation, Architecture, Spec, Weights},
};

/// The facts of a training that never was, without epochs.
pub fn training() -> Training {
    Training {
        size: Size::new(64, 48, 10),
        voxel: VoxelSize::isotropic(0.6),
        training_slices: (0, 7),
        validation_slices: (8, 10),
        batch: 4,
        patch: 0,
        rate: 1e-3,
        schedule: Schedule::Constant,
        loss: Loss::Mse,
        augment: true,
        seed: 1,
        device: "CPU".to_owned(),
        best_epoch: 2,
        history: Vec::new(),
    }
}

/// Every network, with both activations and both outputs among them.
pub fn specs() -> Vec<Spec> {
    let mut specs = Vec::new();
    for (at, activation) in [Activation::Relu, Activation::Prelu].into_iter().enumerate() {
        let mut add = |network, layers: usize| {
            specs.push(Spec {
                network,
                layers,
                activation,
                channels: 3 + at,
                residual: (layers + at).is_multiple_of(2),
            });
        };
        (3..=7).for_each(|layers| add(Architecture::RedNet, layers));
        [3, 5].into_iter().for_each(|layers| add(Architecture::Srcnn, layers));
    }
    specs
}

/// Weights that leave nothing at its start: biases and slopes differ.
pub fn weights(spec: &Spec) -> Weights {
    let plan = spec.plan().unwrap();
    let mut weights = Weights::initial(spec, &plan, 11);
    for tensor in &mut weights.0 {
        if tensor.shape.len() == 1 {
            let values = tensor.values.iter_mut().enumerate();
            values.for_each(|(at, value)| *value += 0.05 * (at as f32 + 1.0).sin());
        }
    }
    weights
}

pub fn images(count: usize, height: usize, width: usize) -> Images {
    let values = (0..count * height * width).map(|at| (at as f32 * 0.37).sin() * (at as f32 * 0.011).cos()).collect();
    Images { count, height, width, values }
}

/// A model of that network, as if it had been trained; grey types and windows differ from one to the next.
pub fn model(at: usize, network: Spec) -> Model {
    let (low, high, output_grey) = [
        (0.0, 1.0, GreyType::F32),
        (20_000.0, 30_000.0, GreyType::U16),
        (0.0, 255.0, GreyType::U8),
        (-1e-3, 2e-3, GreyType::F32),
    ][at % 4];
    let output_window = Window::new(low, high).unwrap();
    let input_window = [output_window, Window::new(40_000.0, 41_000.0).unwrap()][at / 2 % 2];
    let epoch = |epoch| Epoch { epoch, loss: 0.5, psnr: Some(20.0), ..Default::default() };
    let training =
        Training { device: "CPU | 2 threads".to_owned(), history: (1..=100).map(epoch).collect(), ..training() };
    let scores = Some(Scores { restored: 26.0, raw: 12.8, matched: 15.5, filtered: 22.4 });
    let card = Card {
        network,
        input_window,
        output_window,
        output_grey,
        output_scale: GreyScale::IDENTITY,
        value_unit: String::new(),
        training,
        scores,
        contrast: None,
    };
    Model { card, weights: inside_the_window(&network) }
}

/// Weights whose output lies inside the grey window, as a trained network's does: an output that is clipped everywhere
/// has one grey value, and the specification refuses that.
fn inside_the_window(network: &Spec) -> Weights {
    let mut weights = weights(network);
    for tensor in &mut weights.0 {
        match tensor.name.as_str() {
            "output.weight" => tensor.values.iter_mut().for_each(|value| *value *= 0.02),
            "output.bias" => tensor.values.fill(if network.residual { 0.0 } else { 0.5 }),
            _ => {}
        }
    }
    weights
}
