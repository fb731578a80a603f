//! Applying: a model and a laboratory stack in, a restored stack out, slice by slice.
//!
//! `restoration` restores slice by slice, `scorer` compares the result with a reference, and `window_fit` says whether the
//! stack has the grey values that the model was trained on.

mod restoration;
mod scorer;
#[cfg(test)]
mod tests;
mod window_fit;

use std::{
    fmt,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ndarray::Array2;
use undulator_compute::{
    EngineError, UnknownName,
    device::{self, ComputeOptions, DeviceRequest, Precision},
    memory,
    network::NetworkError,
};

use crate::{
    grey::GreyError,
    measure::{Baselines, MeasureError, Score, baselines},
    model::{ExternalModel, Loaded, Model, StackMeasures, Statistics},
    progress::Progress,
    stack::{self, GreyType, Measured, Shape, SliceSink, SliceSource, StackError, filler_of},
    stack_file::Job,
};
use restoration::{Pipeline, Reach, Restoration};
use scorer::ReferenceScorer;

/// The result of applying a model.
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
    /// Scores of simple methods.
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

/// An error of applying a model.
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

/// Identifies the job of applying a model file (its bytes) to `image`, for a [`StackFile`](crate::stack_file::StackFile).
///
/// # Errors
/// When the image is empty or cannot be read.
pub fn job(image: &dyn SliceSource, model_file: &[u8], window: InputWindow) -> Result<Job, StackError> {
    stack::check(image)?;
    let mut parts = vec![("work", "apply".to_owned()), ("model", Job::hash(model_file))];
    if window != InputWindow::Model {
        parts.push(("window", window.to_string()));
    }
    Job::new(image, parts)
}

/// Which grey values the network sees as 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown_window)]
pub enum InputWindow {
    /// Those of the stack that the model was trained on.
    #[default]
    Model,
    /// The 0.3 and 99.7 percentiles of the stack that is restored: for one on another grey scale.
    Image,
}

fn unknown_window(name: &str) -> UnknownName {
    UnknownName::of::<InputWindow>("grey window", name)
}

/// Restores every slice of `image` with the model and hands it to `sink`, in the grey scale and grey type of the
/// reference that the model was trained on. Slices may have any size: they are padded by reflection and cropped back,
/// and cut into tiles where the network would take more memory for a whole one than half of what is free. Tiles leave
/// no trace: the result is the same. Slices that the sink has from an earlier start are not made again.
/// Where the image was not measured, see [`Measured`], neither is the result: it is NaN there, or the lowest grey value of
/// whole numbers, and takes no part in scores.
/// Memory: a few slices, read ahead, and the network's own images of one tile.
///
/// # Errors
/// [`ApplyError`] for an empty stack, a reference of another size, a stack of which nothing was measured, a device that
/// cannot be used or whose memory does not hold the smallest tile, and cancelling.
pub fn apply(
    image: &dyn SliceSource,
    reference: Option<&dyn SliceSource>,
    model: &Model,
    choice: impl Into<ComputeOptions>,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    stack::check(image)?;
    if let Some(reference) = reference {
        stack::check_same_size(image, reference)?;
    }
    let (card, plan) = (&model.card, model.card.network.plan()?);
    let ComputeOptions { device, precision } = choice.into();
    let (device, lines) = device::pick(device, precision)?;
    lines.iter().for_each(|line| progress.message(line));
    // A result that cannot be written is refused before anything is read.
    let Shape { size, voxel, .. } = image.shape();
    let shape = Shape { size, voxel, grey: card.output_grey, scale: card.output_scale };
    sink.begin(shape)?;
    let slices = size.slices;
    let image = &Measured::told(image, progress.part(READING, "Reading grey values")).map_err(unreadable(slices))?;
    let reference = match reference {
        Some(reference) => {
            let reading = progress.share(READING.end..2.0 * READING.end);
            Some(Measured::told(reference, reading).map_err(unreadable(slices))?)
        }
        None => None,
    };
    let reference = reference.as_ref().map(|reference| reference as &dyn SliceSource);
    if let Some(warning) = card.voxel_warning(image.shape().voxel) {
        progress.warning(&warning);
    }
    let (input_window, output_window) = (card.input_window, card.output_window);
    if let Some(warning) = window_fit::warning(image, input_window)? {
        progress.warning(&warning);
    }
    let pipeline = Pipeline {
        runner: &|| device::runner(&device, &plan, &model.weights),
        reach: Reach::Halo { multiple: plan.multiple, halo: plan.halo() },
        preprocess: &|greys| greys.iter_mut().for_each(|grey| *grey = input_window.normalise(*grey)),
        postprocess: &|values| {
            values.iter_mut().for_each(|value| *value = card.nearest(output_window.restore(*value)));
        },
        filler: filler_of(shape),
    };
    mark(image, shape, sink);
    let scorer = reference.map(|reference| ReferenceScorer::new(reference, output_window)).transpose()?;
    let applying = progress.part(2.0 * READING.end..if reference.is_some() { APPLYING } else { 1.0 }, "Applying");
    let restored = Restoration::new(image, scorer, pipeline, sink, applying).finish(&device)?;
    sink.finish()?;
    let comparison = match (reference, restored) {
        (Some(reference), Some(restored)) => {
            let slices = 0..shape.size.slices;
            let comparing = progress.part(APPLYING..1.0, "Comparing stacks");
            let baselines = baselines(image, reference, input_window, output_window, slices, comparing)?;
            Some(Comparison { restored, baselines })
        }
        _ => None,
    };
    progress.done();
    Ok(Applied { shape, comparison })
}

/// The part of the work that looking for what was not measured is, for each stack.
const READING: Range<f64> = 0.0..0.01;

/// NaN speaks for itself; whole numbers need a mark.
fn mark(image: &Measured, result: Shape, sink: &mut dyn SliceSink) {
    if image.share() < 1.0 && result.grey != GreyType::F32 {
        sink.mark_filler();
    }
}

/// An error of reading before the first slice.
fn unreadable(slices: usize) -> impl Fn(GreyError) -> ApplyError {
    move |error| match error {
        GreyError::Cancelled(_) => ApplyError::Cancelled { slice: 1, slices },
        other => MeasureError::from(other).into(),
    }
}

/// The part of the work that applying is, about, where a comparison with the reference follows.
const APPLYING: f64 = 0.9;

/// Calls [`apply`] or [`apply_external`], depending on the model. Results of other programs' models are not compared with
/// a reference, because those models do not define a grey window.
///
/// # Errors
/// Those of [`apply`] and [`apply_external`].
pub fn apply_any(
    image: &dyn SliceSource,
    reference: Option<&dyn SliceSource>,
    model: &Loaded,
    choice: impl Into<ComputeOptions>,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    match model {
        Loaded::Own(model) => apply(image, reference, model, choice, sink, progress),
        Loaded::External(model) => {
            if reference.is_some() {
                progress.warning("models of other programs are not compared with a reference: use Measure");
            }
            Ok(Applied { shape: apply_external(image, model, sink, progress)?, comparison: None })
        }
    }
}

/// Restores every slice of `image` with a model of another program, on the CPU, and writes it to `sink` in the grey type
/// of the model's description. Whole slices are padded by the description's halo and to a size that the model accepts,
/// and cropped back. If that takes more than half of the free memory, or the model accepts no image of that size, slices
/// are cut into tiles that overlap by the halo; without a halo this is an error. Pre- and postprocessing follow the
/// description, with the statistics of each slice, or of the whole stack where the description says so. What was not
/// measured takes no part, as in [`apply`].
///
/// # Errors
/// [`ApplyError`] for an empty stack, one of which nothing was measured, slices larger than the model or the memory takes,
/// a model that fails, and cancelling.
pub fn apply_external(
    image: &dyn SliceSource,
    model: &ExternalModel,
    sink: &mut dyn SliceSink,
    progress: Progress<'_>,
) -> Result<Shape, ApplyError> {
    stack::check(image)?;
    let (device, _) = device::pick(DeviceRequest::Cpu, Precision::Auto)?;
    let (grey, size) = (model.grey(), image.shape().size);
    let mode = SliceMode::choose(model, size.height, size.width, memory::free(&device))?;
    let shape = Shape::new(size, image.shape().voxel, grey);
    sink.begin(shape)?;
    let reading = progress.part(READING, "Reading grey values");
    let image = &Measured::told(image, reading).map_err(unreadable(size.slices))?;
    if !model.has_test() {
        progress.warning("the model has no test image, so nothing shows that it does here what it does elsewhere");
    }
    let (stack, applying) = match model.measures_stack() {
        false => (Statistics::default(), progress.part(READING.end..1.0, "Applying")),
        true => {
            let measuring = progress.part(READING.end..MEASURING, "Measuring grey values");
            (measure_stack(image, model, measuring)?, progress.part(MEASURING..1.0, "Applying"))
        }
    };
    // One slice is restored at a time.
    let measured = Mutex::new(Statistics::default());
    let pipeline = Pipeline {
        runner: &|| Ok(model.runner(mode.with_halo())),
        reach: mode.reach(model),
        preprocess: &|greys| {
            let mut measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
            *measured = model.measure(greys, &stack);
            model.preprocess(&measured, greys);
        },
        postprocess: &|values| {
            model.postprocess(&measured.lock().unwrap_or_else(PoisonError::into_inner), values);
            values.iter_mut().for_each(|value| *value = grey.nearest(*value));
        },
        filler: filler_of(shape),
    };
    mark(image, shape, sink);
    Restoration::new(image, None, pipeline, sink, applying).finish(&device)?;
    sink.finish()?;
    progress.done();
    Ok(shape)
}

/// The part of the work that measuring the stack is, about, where a model asks for that.
const MEASURING: f64 = 0.1;

/// The statistics of the whole stack that a model asks for.
fn measure_stack(
    image: &dyn SliceSource,
    model: &ExternalModel,
    progress: Progress<'_>,
) -> Result<Statistics, ApplyError> {
    let (mut measures, size) = (StackMeasures::default(), image.shape().size);
    let mut slice = Array2::zeros(size.slice_dim());
    for z in 0..size.slices {
        progress.step(z, size.slices).map_err(restoration::at_slice(z, size.slices))?;
        stack::read_measured(image, z, slice.view_mut())?;
        model.measure_stack(stack::flat(&slice), &mut measures);
    }
    Ok(measures.finish())
}

/// How slices are passed to a model of another program.
#[derive(Clone, Copy, Debug, PartialEq)]
enum SliceMode {
    /// Whole slices, padded by the halo or not.
    Whole { with_halo: bool },
    /// Tiles that overlap by the halo.
    Tiles,
}

impl SliceMode {
    /// Whether the runner pads images by the halo.
    fn with_halo(self) -> bool {
        self != Self::Whole { with_halo: false }
    }

    /// Whole slices stay whole, whatever becomes of the memory: they were not to be cut.
    fn reach(self, model: &ExternalModel) -> Reach {
        match self {
            Self::Whole { .. } => Reach::Slice,
            Self::Tiles => Reach::Halo { multiple: model.multiple(), halo: model.halo() },
        }
    }

    /// Whole slices if they fit in half of the free memory; otherwise tiles, if the model has a halo.
    fn choose(model: &ExternalModel, height: usize, width: usize, free: Option<u64>) -> Result<Self, EngineError> {
        let needs = |with_halo| model.runner(with_halo).footprint(height, width);
        let fits = |needs: Option<u64>, share: u64| match needs.zip(free) {
            Some((needs, free)) => needs <= free / share,
            None => needs != Some(u64::MAX),
        };
        let with_halo = needs(true);
        if fits(with_halo, 2) {
            return Ok(Self::Whole { with_halo: true });
        }
        let bare = needs(false);
        // A model of one size has no room for the halo around a slice of just that size.
        if with_halo == Some(u64::MAX) && fits(bare, 2) {
            return Ok(Self::Whole { with_halo: false });
        }
        if model.halo() > 0 {
            return Ok(Self::Tiles);
        }
        if fits(bare, 1) {
            return Ok(Self::Whole { with_halo: false });
        }
        let advice = "its description names no halo, without which slices cannot be cut into tiles";
        Err(match bare {
            Some(u64::MAX) => EngineError::Model {
                reason: format!("it takes no slices of {width}×{height} pixels, and {advice}: crop the stack"),
            },
            _ => {
                let [needs, free] = [bare, free].map(|bytes| bytes.unwrap_or_default() >> 20);
                EngineError::Memory {
                    reason: format!(
                        "the model takes {needs} MB for a slice of {width}×{height} pixels, {free} MB are free, and \
                         {advice}: close other programs, or crop the stack"
                    ),
                }
            }
        })
    }
}
