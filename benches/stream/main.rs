//! What reading ahead hides, and what tiles cost: `cargo bench --bench stream`.
//!
//! Prints medians in milliseconds. Slices come from memory, after a pause that stands for a disk.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use ndarray::ArrayViewMut2;
use tempfile::TempDir;
use undulator::{
    apply::apply,
    model::Model,
    progress::{Progress, Silent},
    resample::{Interpolation, resample},
    stack::{GreyType, Shape, Size, SliceSource, StackError, VoxelSize},
    train::{TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    Images, Runner, cpu,
    device::DeviceRequest,
    network::{Activation, Architecture, Plan, Spec, Weights},
};

const ROUNDS: usize = 7;

/// A stack whose slices take their time.
struct Slow<'a>(&'a Volume, Duration);

impl SliceSource for Slow<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        std::thread::sleep(self.1);
        self.0.read(z, out)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let stack = stack(512, 24);
    let model = model(16)?;
    println!("applying 16 channels to 24 slices of 512×512, a slice:");
    for pause in [0, 5, 10, 20] {
        let source = Slow(&stack, Duration::from_millis(pause));
        let milliseconds = median(|| {
            let mut restored = Volume::black("restored", stack.shape());
            apply(&source, None, &model, DeviceRequest::Cpu, &mut restored, Progress::silent()).map(drop)
        })?;
        println!("  read in {pause:2} ms: {:.1}", milliseconds / 24.0);
    }
    let stack = self::stack(512, 200);
    let milliseconds = median(|| {
        let mut resampled = Volume::black("resampled", stack.shape());
        resample(&stack, 0.6, Interpolation::Linear, &mut resampled, Progress::silent()).map(drop)
    })?;
    println!("resampling 512×512×200 from 0.5 to 0.6: {milliseconds:.0}");
    println!("one slice of 2048×2048 in tiles, 16 channels, RED-Net of six levels:");
    for (tiles, edge) in [(1, 2048), (4, 1152), (9, 864), (25, 640)] {
        let (plan, weights) = network(16)?;
        let mut runner = cpu::runner(&plan, &weights)?;
        let images = Images { count: 1, height: edge, width: edge, values: vec![0.5; edge * edge] };
        let milliseconds = median(|| (0..tiles).try_for_each(|_| runner.run(&images).map(drop)))?;
        let memory = runner.footprint(edge, edge).unwrap_or(0) >> 20;
        println!("  {tiles:2} tiles of {edge}×{edge}: {milliseconds:.0}, {memory} MB");
    }
    Ok(())
}

/// Milliseconds, without the first round.
fn median<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut times = Vec::new();
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 2])
}

fn stack(edge: usize, slices: usize) -> Volume {
    let shape = Shape::new(Size::new(edge, edge, slices), VoxelSize::isotropic(0.5), GreyType::U16);
    let values: Vec<f32> = (0..shape.size.voxels()).map(|i| (i * 7919 % 4001) as f32).collect();
    Volume::from_values("stack", shape, &values)
}

fn spec(channels: usize) -> Spec {
    Spec { network: Architecture::RedNet, layers: 6, activation: Activation::Prelu, channels, residual: true }
}

fn network(channels: usize) -> Result<(Plan, Weights), Box<dyn Error>> {
    let spec = spec(channels);
    let plan = spec.plan()?;
    let weights = Weights::initial(&spec, &plan, 1);
    Ok((plan, weights))
}

/// A model that has hardly been trained.
fn model(channels: usize) -> Result<Model, Box<dyn Error>> {
    let (folder, small) = (TempDir::new()?, stack(64, 4));
    let options = TrainOptions {
        spec: spec(channels),
        epochs: 1,
        validation: 1,
        device: DeviceRequest::Cpu,
        model: folder.path().join("model.zip"),
        ..Default::default()
    };
    Ok(train(&small, &small, &options, &Silent)?.model)
}
