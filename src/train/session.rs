//! The epochs of one training, on the device thread.

use super::{TrainError, TrainMonitor, TrainOptions, progress::Clock};
use crate::{
    dataset::{Cutter, Pair, Split},
    engine::{
        Images, Trainer,
        device::{self, Device},
    },
    measure::{Baselines, WHITE_8, psnr::SquaredError},
    model::{Card, Epoch, Model, Scores, Training},
    network::{Plan, Weights},
    stack::read_finite,
};

/// Everything that one training needs.
pub(super) struct Session<'a> {
    pub pair: Pair<'a>,
    pub split: &'a Split,
    pub cutter: Cutter,
    pub plan: &'a Plan,
    pub options: &'a TrainOptions,
    pub device: &'a Device,
    pub baselines: Option<Baselines>,
    pub monitor: &'a dyn TrainMonitor,
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Finished,
    Cancelled,
    Diverged { epoch: usize },
}

/// The best epoch so far.
struct Best {
    epoch: Epoch,
    weights: Weights,
}

impl Session<'_> {
    /// Trains to the end, or until cancelled or diverged; gives back the best model.
    pub fn run(&self) -> Result<(Model, Ending), TrainError> {
        let start = Weights::initial(&self.options.spec, self.plan, self.options.seed);
        let mut trainer = device::trainer(self.device, self.plan, &start, self.options.loss)?;
        let clock = Clock::start();
        let mut history: Vec<Epoch> = Vec::with_capacity(self.options.epochs);
        let mut best: Option<Best> = None;
        let mut ending = Ending::Finished;
        for number in 1..=self.options.epochs {
            if !self.steps(trainer.as_mut(), number, &clock)? {
                ending = Ending::Cancelled;
                break;
            }
            let loss = trainer.loss()?;
            if !loss.is_finite() {
                ending = Ending::Diverged { epoch: number };
                break;
            }
            let psnr = self.validate(trainer.as_mut())?;
            let epoch = Epoch { epoch: number, loss, psnr, seconds: clock.seconds() };
            let improved = best.as_ref().is_none_or(|best| better(&epoch, &best.epoch));
            if improved {
                best = Some(Best { epoch, weights: trainer.weights()? });
            }
            history.push(epoch);
            self.report(&epoch, improved, &clock);
        }
        match (best, ending) {
            (Some(best), ending) => Ok((self.model(best, history), ending)),
            (None, Ending::Diverged { epoch }) => {
                Err(TrainError::Diverged { epoch, rate: self.options.rate, kept: None })
            }
            (None, _) => Err(TrainError::Cancelled),
        }
    }

    /// All steps of one epoch; false when the user cancelled.
    fn steps(&self, trainer: &mut dyn Trainer, number: usize, clock: &Clock) -> Result<bool, TrainError> {
        let options = self.options;
        let samples = self.cutter.samples(self.split.training.clone(), options.augment, options.seed, number);
        let batches = samples.chunks(options.batch);
        let count = batches.len();
        for (at, batch) in batches.enumerate() {
            if self.monitor.cancelled() {
                return Ok(false);
            }
            let (inputs, targets) = self.cutter.batch(&self.pair, batch)?;
            trainer.step(&inputs, &targets, options.rate)?;
            let fraction = ((number - 1) as f64 + (at + 1) as f64 / count as f64) / options.epochs as f64;
            let left = clock.left(fraction);
            self.monitor.progress(fraction, &format!("training: epoch {number} of {}, {left} left", options.epochs));
        }
        Ok(true)
    }

    /// PSNR of the restored validation slices on 8 bits in the reference's window.
    fn validate(&self, trainer: &mut dyn Trainer) -> Result<Option<f64>, TrainError> {
        let (pair, frame) = (&self.pair, self.cutter.frame);
        let window = pair.reference_window;
        let mut slice = vec![0.0; frame.width * frame.height];
        let mut restored = slice.clone();
        let mut error = SquaredError::default();
        for z in self.split.validation.clone() {
            read_finite(pair.low, z, &mut slice)?;
            let mut values = Vec::with_capacity(frame.padded_pixels());
            frame.pad_into(&slice, |grey| pair.low_window.normalise(grey), &mut values);
            let images = Images { count: 1, height: frame.padded_height, width: frame.padded_width, values };
            let output = trainer.run(&images)?;
            frame.crop_into(&output, |value| window.to_8_bit(window.restore(value)).into(), &mut restored);
            read_finite(pair.reference, z, &mut slice)?;
            slice.iter_mut().for_each(|grey| *grey = window.to_8_bit(*grey).into());
            error.add(SquaredError::of(&restored, &slice));
        }
        Ok((!self.split.validation.is_empty()).then(|| error.psnr(WHITE_8)))
    }

    fn report(&self, epoch: &Epoch, best: bool, clock: &Clock) {
        let options = self.options;
        let fraction = epoch.epoch as f64 / options.epochs as f64;
        let psnr = epoch.psnr.map(|psnr| format!(", validation {psnr:.2} dB")).unwrap_or_default();
        let mark = if best { " (best)" } else { "" };
        self.monitor.log(&format!(
            "epoch {}/{}: loss {:.6}{psnr}{mark}, {} left",
            epoch.epoch,
            options.epochs,
            epoch.loss,
            clock.left(fraction)
        ));
        self.monitor.epoch(epoch, best);
    }

    fn model(&self, best: Best, history: Vec<Epoch>) -> Model {
        let options = self.options;
        let shape = self.pair.low.shape();
        let scores = best.epoch.psnr.zip(self.baselines.as_ref()).map(|(restored, baselines)| Scores {
            restored,
            raw: baselines.raw.psnr,
            matched: baselines.matched.psnr,
            filtered: baselines.filtered.psnr,
        });
        let training = Training {
            size: shape.size,
            voxel: shape.voxel,
            training_slices: (self.split.training.start, self.split.training.end),
            validation_slices: (self.split.validation.start, self.split.validation.end),
            batch: options.batch,
            patch: options.patch,
            rate: options.rate,
            loss: options.loss,
            augment: options.augment,
            seed: options.seed,
            device: self.device.to_string(),
            best_epoch: best.epoch.epoch,
            history,
        };
        let card = Card {
            network: options.spec,
            input_window: self.pair.low_window,
            output_window: self.pair.reference_window,
            output_grey: self.pair.reference.shape().grey,
            training,
            scores,
        };
        Model { card, weights: best.weights }
    }
}

/// Whether `epoch` beats `best`: by validation PSNR, or without validation by training loss.
fn better(epoch: &Epoch, best: &Epoch) -> bool {
    match (epoch.psnr, best.psnr) {
        (Some(psnr), Some(best)) => psnr > best,
        _ => epoch.loss < best.loss,
    }
}
