//! Whole trainings, and stacks that are restored.

use std::{path::Path, sync::Mutex};

use undulator::{
    apply::apply,
    engine::device::Wanted,
    model::{Epoch, Model},
    monitor::Monitor,
    network::{Activation, Architecture, Spec},
    stack::{GreyType, Shape, Size, SliceSource, VoxelSize},
    train::{Outset, Pace, Preview, Request, TrainError, TrainMonitor, TrainOptions, Trained, train},
    volume::Volume,
};

/// Remembers the log.
#[derive(Default)]
pub struct Listener(Mutex<Vec<String>>);

impl Listener {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Monitor for Listener {
    fn progress(&self, _fraction: f64, _doing: &str) {}

    fn log(&self, line: &str) {
        println!("log: {line}");
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainMonitor for Listener {
    fn begin(&self, _outset: &Outset) {}

    fn epoch(&self, _epoch: &Epoch, _best: bool, _pace: &Pace) {}

    fn preview(&self, _preview: &Preview) {}

    fn request(&self) -> Request {
        Request::GoOn
    }
}

fn volume(name: &str, size: Size, value: impl Fn(usize, usize, usize) -> f32) -> Volume {
    let shape = Shape { size, voxel: VoxelSize::isotropic(0.6), grey: GreyType::F32 };
    let mut values = Vec::with_capacity(size.voxels());
    for z in 0..size.slices {
        for y in 0..size.height {
            values.extend((0..size.width).map(|x| value(x, y, z)));
        }
    }
    Volume::from_values(name, shape, &values)
}

/// Waves, and which side of zero they are on.
pub fn pair(size: Size) -> (Volume, Volume) {
    let wave = |x: usize, y: usize, z: usize| (x as f32 * 0.7 + z as f32).sin() + (y as f32 * 0.5).cos();
    (volume("low", size, |x, y, z| 3.0 * wave(x, y, z)), volume("reference", size, |x, y, z| wave(x, y, z).signum()))
}

pub fn options(folder: &Path, device: Wanted) -> TrainOptions {
    let spec =
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 4, residual: true };
    TrainOptions {
        spec,
        epochs: 2,
        validation: 2,
        device,
        model: folder.join("model.zip"),
        checkpoint: 0.0,
        ..Default::default()
    }
}

pub fn trained(size: Size, options: &TrainOptions) -> (Result<Trained, TrainError>, Vec<String>) {
    let (low, reference) = pair(size);
    let listener = Listener::default();
    let outcome = train(&low, &reference, options, &listener);
    (outcome, listener.lines())
}

/// The losses of all epochs.
pub fn losses(model: &Model) -> Vec<f64> {
    model.card.training.history.iter().map(|epoch| epoch.loss).collect()
}

/// A stack restored, and the log.
pub fn restored(size: Size, model: &Model, device: Wanted) -> (Vec<f32>, Vec<String>) {
    let (low, _) = pair(size);
    let listener = Listener::default();
    let mut restored = Volume::new("restored", low.shape());
    apply(&low, None, model, device, &mut restored, &listener).unwrap();
    (restored.to_values(), listener.lines())
}
