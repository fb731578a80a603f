//! What a device that fails does to a training.

use super::{
    TrainOptions,
    checkpoint::{Journey, Task},
    session::{Ending, Portion, Session},
};
use crate::{
    dataset::{Pair, Split},
    engine::{EngineError, Images, Runner, Trainer, TrainerState, cpu},
    frame::Frame,
    grey::Window,
    monitor::Silent,
    network::{Activation, Architecture, Plan, Spec, Weights},
    stack::{GreyType, Shape, Size, VoxelSize},
    volume::Volume,
};

/// The CPU with little memory, or with losses that end as not a number.
struct Poor {
    inner: cpu::CpuTrainer,
    /// Pixels that a step may have.
    most: usize,
    /// The steps that go well.
    good: u32,
}

impl Runner for Poor {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        self.inner.run(images)
    }
}

impl Trainer for Poor {
    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        if images.values.len() > self.most {
            return Err(EngineError::Memory { reason: format!("{} pixels", images.values.len()) });
        }
        self.inner.step(images, targets, rate)
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        let loss = self.inner.loss()?;
        Ok(if self.inner.state()?.steps > self.good { f64::NAN } else { loss })
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        self.inner.state()
    }
}

fn spec() -> Spec {
    Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Relu, channels: 3, residual: true }
}

fn journey(plan: &Plan) -> Journey {
    let state = TrainerState::start(Weights::initial(&spec(), plan, 1));
    Journey { state, history: Vec::new(), best: None }
}

fn train_on(most: usize, good: u32, portion: Portion) -> Result<(Journey, Ending), super::TrainError> {
    let size = Size::new(16, 16, 9);
    let shape = Shape { size, voxel: VoxelSize::isotropic(1.0), grey: GreyType::F32 };
    let values: Vec<f32> = (0..size.voxels()).map(|i| (i as f32 * 0.3).sin()).collect();
    let stack = Volume::from_values("stack", shape, &values);
    let window = Window::new(-1.0, 1.0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = spec().plan().unwrap();
    let options =
        TrainOptions { spec: spec(), epochs: 5, model: folder.path().join("m.zip"), rate: 0.01, ..Default::default() };
    let task = Task { network: spec(), loss: options.loss, size, validation: 1, fingerprint: String::new() };
    let trainer = |state: &TrainerState| {
        let inner = cpu::trainer(&plan, state, options.loss)?;
        Ok::<Box<dyn Trainer>, _>(Box::new(Poor { inner, most, good }))
    };
    let session = Session {
        pair: Pair { low: &stack, reference: &stack, low_window: window, reference_window: window },
        split: &Split::new(9, 1).unwrap(),
        frame: Frame::new(16, 16, plan.multiple),
        plan: &plan,
        options: &options,
        task: &task,
        trainer: &trainer,
        free: &|| None,
        monitor: &Silent,
    };
    session.run(journey(&plan), portion)
}

#[test]
fn a_full_memory_halves_the_batch_and_then_the_patch() {
    for most in [1024, 256, 64] {
        let (journey, ending) = train_on(most, u32::MAX, Portion { batch: 8, patch: 0 }).unwrap();
        assert_eq!((ending, journey.history.len()), (Ending::Finished, 5));
        // Eight whole slices an epoch; patches of 8×8 are four a slice.
        let steps = match most {
            1024 => 2,
            256 => 8,
            _ => 32,
        };
        assert_eq!(journey.state.steps, 5 * steps, "{most} pixels a step");
    }
    let error = train_on(15, u32::MAX, Portion { batch: 8, patch: 0 }).unwrap_err().to_string();
    assert!(error.contains("memory is full: 16 pixels"), "{error}");
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_and_keeps_the_best() {
    let (journey, ending) = train_on(usize::MAX, 4, Portion { batch: 4, patch: 0 }).unwrap();
    assert_eq!(ending, Ending::Diverged { epoch: 3, rate: 0.01 });
    assert_eq!((journey.history.len(), journey.state.steps), (2, 4));
    assert!(journey.best.is_some());
}
