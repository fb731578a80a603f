//! Applying: a model and a laboratory stack in, a restored stack out, slice by slice.

use std::fmt;

use crate::{
    engine::{EngineError, Runner, SliceRunner, device, device::Wanted},
    frame::Frame,
    measure::{Baselines, MeasureError, Score, Scorer, WHITE_8, baselines},
    model::Model,
    monitor::Monitor,
    network::NetworkError,
    stack::{self, Shape, SliceSink, SliceSource, StackError, read_finite},
};

/// What applying a model came to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Size, voxel size and grey type of the restored stack.
    pub shape: Shape,
    /// How close it came to the reference, where one was given.
    pub comparison: Option<Comparison>,
}

/// How close a restored stack came to its reference, on 8 bits in the model's grey windows.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The restored stack against the reference.
    pub restored: Score,
    /// What simple means reach.
    pub baselines: Baselines,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { restored, baselines } = self;
        write!(
            f,
            "restored {:.2} dB, SSIM {:.3} (raw {:.2}, grey-matched {:.2}, Gaussian-filtered and matched {:.2} dB)",
            restored.psnr, restored.ssim, baselines.raw.psnr, baselines.matched.psnr, baselines.filtered.psnr
        )
    }
}

/// Why a model could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The user asked to stop.
    #[error("cancelled at slice {slice} of {slices}")]
    Cancelled {
        /// The slice that would have been next, from one.
        slice: usize,
        /// Slices of the stack.
        slices: usize,
    },
    /// The stack cannot be read or the result not written.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The model's network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device cannot be used or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The comparison with the reference failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

/// Restores every slice of `image` with the model and hands it to `sink`, in the grey scale and grey type of the
/// reference that the model was trained on. Slices may have any size: they are padded by reflection and cropped back.
/// Memory: one slice and the network's own buffers.
///
/// # Errors
/// [`ApplyError`] for an empty stack, a reference of another size, grey values that are not finite, a device that cannot
/// be used, and cancelling.
pub fn apply(
    image: &dyn SliceSource,
    reference: Option<&dyn SliceSource>,
    model: &Model,
    wanted: Wanted,
    sink: &mut dyn SliceSink,
    monitor: &dyn Monitor,
) -> Result<Applied, ApplyError> {
    stack::check(image)?;
    if let Some(reference) = reference {
        stack::check_same_size(image, reference)?;
    }
    let plan = model.card.network.plan()?;
    let (device, why_cpu) = device::pick(wanted)?;
    if let Some(why) = why_cpu {
        monitor.log(&why);
    }
    let shape = Shape { grey: model.card.output_grey, ..image.shape() };
    sink.begin(shape)?;
    let restored = device::compute(&device, || {
        let mut runner = device::runner(&device, &plan, &model.weights)?;
        restore(image, reference, model, runner.as_mut(), plan.multiple, sink, monitor)
    })??;
    let comparison = match (reference, restored) {
        (Some(reference), Some(restored)) => {
            let (input_window, output_window) = (model.card.input_window, model.card.output_window);
            let slices = 0..shape.size.slices;
            let baselines = baselines(image, reference, input_window, output_window, slices, monitor)?;
            Some(Comparison { restored, baselines })
        }
        _ => None,
    };
    monitor.progress(1.0, "applied");
    Ok(Applied { shape, comparison })
}

/// Restores slice after slice; with a reference, gives back how close they came.
fn restore(
    image: &dyn SliceSource,
    reference: Option<&dyn SliceSource>,
    model: &Model,
    runner: &mut dyn Runner,
    multiple: usize,
    sink: &mut dyn SliceSink,
    monitor: &dyn Monitor,
) -> Result<Option<Score>, ApplyError> {
    let size = image.shape().size;
    let frame = Frame::new(size.width, size.height, multiple);
    let card = &model.card;
    let mut slice = vec![0.0; size.plane()];
    let mut target = vec![0.0; if reference.is_some() { size.plane() } else { 0 }];
    let (mut restored, mut slices) = (slice.clone(), SliceRunner::new(frame));
    let mut scorer = Scorer::new(size.width, WHITE_8);
    for z in 0..size.slices {
        if monitor.cancelled() {
            return Err(ApplyError::Cancelled { slice: z + 1, slices: size.slices });
        }
        read_finite(image, z, &mut slice)?;
        let grey = |value| card.output_grey.nearest(card.output_window.restore(value));
        slices.run(runner, &slice, |grey| card.input_window.normalise(grey), grey, &mut restored)?;
        sink.write(z, &restored)?;
        if let Some(reference) = reference {
            read_finite(reference, z, &mut target)?;
            let to_8_bit = |grey: &mut f32| *grey = card.output_window.to_8_bit(*grey).into();
            restored.iter_mut().for_each(to_8_bit);
            target.iter_mut().for_each(to_8_bit);
            scorer.add(&restored, &target);
        }
        monitor.progress((z + 1) as f64 / size.slices as f64, &format!("applying: slice {} of {}", z + 1, size.slices));
    }
    Ok(reference.map(|_| scorer.finish().stack))
}
