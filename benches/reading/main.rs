//! What reading costs a training: `cargo bench --bench reading`.
//!
//! One epoch with patches of 128 pixels on slices of 2048×2048, from memory and from slices that take their time. Before,
//! each patch read its whole slice, and the device waited for it: that is measured here on the same pair, patch by patch
//! (the reading alone), beside a training of now.

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use ndarray::{Array2, ArrayViewMut2, Ix2};
use tempfile::TempDir;
use undulator::{
    dataset::{Cutter, Pair},
    grey::Window,
    progress::{Event, Listener, Progress},
    stack::{GreyType, Measured, Shape, Size, SliceSource, StackError, VoxelSize, Voxels, read_measured},
    train::{Request, TrainEvent, TrainListener, TrainOptions, train},
    volume::Volume,
};
use undulator_compute::{
    Frame,
    device::DeviceRequest,
    network::{Activation, Architecture, Spec},
};

const EDGE: usize = 2048;
const PATCH: usize = 128;
const SLICES: usize = 6;
const EPOCHS: usize = 2;

/// A stack whose slices take their time, and are counted.
struct Slow<'a>(&'a Volume, Duration, AtomicUsize);

impl SliceSource for Slow<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
        self.2.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.1);
        self.0.read(z, out)
    }

    fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
        self.2.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.1);
        self.0.read_voxels(z, out)
    }
}

/// Remembers how fast the last epoch was.
struct Speed(AtomicUsize);

impl Listener for Speed {
    fn event(&self, _event: Event<'_>) {}

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for Speed {
    fn training(&self, event: TrainEvent<'_>) {
        if let TrainEvent::Epoch { speed, .. } = event {
            self.0.store((1000.0 * speed.images_per_second) as usize, Ordering::SeqCst);
        }
    }

    fn request(&self) -> Request {
        Request::GoOn
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let shape = Shape::new(Size::new(EDGE, EDGE, SLICES), VoxelSize::isotropic(0.5), GreyType::U16);
    let values: Vec<f32> = (0..shape.size.voxels()).map(|i| (i * 7919 % 4001) as f32).collect();
    let volume = Volume::from_values("stack", shape, &values);
    let cutter = Cutter { frame: Frame::new(EDGE, EDGE, 4), patch: PATCH };
    println!("{SLICES} slices of {EDGE}×{EDGE}, 16 bits, patches of {PATCH}, RED-Net 3 layers, 8 channels, an epoch:");
    for pause in [0, 10] {
        let source = || Slow(&volume, Duration::from_millis(pause), AtomicUsize::new(0));
        let stack = source();
        // A part of the samples will do: each costs the same.
        let measured = Measured::of(&volume, Progress::silent())?;
        let window = Window::new(0.0, 4000.0)?;
        let pair = Pair { low: &measured, reference: &measured, low_window: window, reference_window: window };
        let samples = cutter.samples(&pair, 0..SLICES, false, 1, 1);
        let (part, start) = (samples.len() / 16, Instant::now());
        let mut slice = Array2::zeros((EDGE, EDGE));
        for sample in &samples[..part] {
            // The laboratory's and the synchrotron's.
            for _ in 0..2 {
                read_measured(&stack, sample.slice(), slice.view_mut())?;
            }
        }
        let reading_before = start.elapsed().as_secs_f64() * samples.len() as f64 / part as f64;
        let (folder, low, reference) = (TempDir::new()?, source(), source());
        let options = TrainOptions {
            spec: Spec {
                network: Architecture::RedNet,
                layers: 3,
                activation: Activation::Prelu,
                channels: 8,
                residual: true,
            },
            epochs: EPOCHS,
            batch: 16,
            patch: PATCH,
            validation: 0,
            checkpoint: 0.0,
            device: DeviceRequest::Cpu,
            model: folder.path().join("model.zip"),
            ..Default::default()
        };
        let speed = Speed(AtomicUsize::new(0));
        train(&low, &reference, &options, &speed)?;
        let now = samples.len() as f64 / (speed.0.into_inner() as f64 / 1000.0);
        println!(
            "  read in {pause:2} ms: {now:.2} s now, with {} slices read by the whole training; reading alone took \
             {reading_before:.2} s before ({:.1} of an epoch now), with {} slices",
            low.2.into_inner() + reference.2.into_inner(),
            reading_before / now,
            2 * samples.len() * EPOCHS,
        );
    }
    Ok(())
}
