//! Training: two aligned stacks in, a model file out.

mod error;
mod options;
mod progress;
mod session;

pub use error::TrainError;
pub use options::TrainOptions;
pub use progress::TrainMonitor;

use std::{fmt, path::PathBuf};

use crate::{
    dataset::{Cutter, Pair, Split},
    engine::{device, worker},
    frame::Frame,
    grey::{HIGH_PERCENT, LOW_PERCENT, Window},
    measure::{Baselines, baselines},
    model::{Model, check_writable},
    stack::{self, SliceSource},
};
use session::{Ending, Session};

/// A finished or stopped training.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The best model.
    pub model: Model,
    /// Where it was saved.
    pub path: PathBuf,
    /// Whether the user stopped the training before its last epoch.
    pub cancelled: bool,
    /// The baselines on the validation slices; absent when none were held back.
    pub baselines: Option<Baselines>,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let training = &self.model.card.training;
        let how = if self.cancelled { "cancelled; the best model so far" } else { "the best model" };
        write!(f, "{how} (epoch {}) is in {}", training.best_epoch, self.path.display())?;
        match &self.model.card.scores {
            None => Ok(()),
            Some(scores) => write!(
                f,
                ": validation {:.2} dB (raw {:.2}, grey-matched {:.2}, Gaussian-filtered and matched {:.2})",
                scores.restored, scores.raw, scores.matched, scores.filtered
            ),
        }
    }
}

/// Trains a network that turns `low` into `reference`, two aligned stacks of one size, and saves the best model.
///
/// The best is the one with the highest PSNR on the validation slices, or without these the one with the lowest
/// training loss. Cancelling keeps the best so far. Memory: the network's own buffers and one batch; slices are read
/// when they are needed.
///
/// # Errors
/// [`TrainError`] for stacks that do not fit, impossible options, a device that cannot be used, a loss that is no longer
/// a number, cancelling before the first epoch, and a model that cannot be saved.
pub fn train(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &TrainOptions,
    monitor: &dyn TrainMonitor,
) -> Result<Trained, TrainError> {
    let plan = options.spec.plan()?;
    stack::check(low)?;
    stack::check(reference)?;
    stack::check_same_size(low, reference)?;
    let size = low.shape().size;
    options.check(size, plan.multiple)?;
    let split = Split::new(size.slices, options.validation)
        .ok_or(TrainError::TooFewSlices { slices: size.slices, validation: options.validation })?;
    check_writable(&options.model)?;
    let (device, why_cpu) = device::pick(options.device)?;
    if let Some(why) = why_cpu {
        monitor.log(&why);
    }

    monitor.progress(0.0, "preparing: grey windows and baselines");
    let window = |stack| Window::of_percentiles_in(stack, split.training.clone(), LOW_PERCENT, HIGH_PERCENT, monitor);
    let (low_window, reference_window) = (window(low)?, window(reference)?);
    let pair = Pair { low, reference, low_window, reference_window };
    let baselines = match split.validation.is_empty() {
        true => None,
        false => Some(baselines(low, reference, low_window, reference_window, split.validation.clone(), monitor)?),
    };
    let cutter = Cutter { frame: Frame::new(size.width, size.height, plan.multiple), patch: options.patch };
    monitor.log(&format!(
        "training {} ({} parameters) on {device}: slices {}-{} train, {}",
        options.spec,
        plan.parameters(),
        split.training.start + 1,
        split.training.end,
        match split.validation.is_empty() {
            true => "none validate".to_owned(),
            false => format!("slices {}-{} validate", split.validation.start + 1, split.validation.end),
        }
    ));

    let session = Session { pair, split: &split, cutter, plan: &plan, options, device: &device, baselines, monitor };
    let (best, ending) = worker::run(|| session.run())??;
    let model = save(best, options)?;
    if let Ending::Diverged { epoch } = ending {
        return Err(TrainError::Diverged { epoch, rate: options.rate, kept: Some(options.model.clone()) });
    }
    monitor.progress(1.0, "trained");
    Ok(Trained { model, path: options.model.clone(), cancelled: ending == Ending::Cancelled, baselines })
}

/// Saves where the user wants, or else where the system keeps temporary files: hours of training must not be lost.
fn save(model: Model, options: &TrainOptions) -> Result<Model, TrainError> {
    let Err(source) = model.save(&options.model) else {
        return Ok(model);
    };
    let refuge = std::env::temp_dir().join(format!("undulator-rescued-{}.zip", std::process::id()));
    match model.save(&refuge) {
        Ok(()) => Err(TrainError::Rescued { source, refuge }),
        Err(_) => Err(TrainError::Model(source)),
    }
}
