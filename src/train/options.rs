//! The options of a training.

use std::path::PathBuf;

use undulator_compute::{
    Loss, Schedule,
    device::{DeviceRequest, Precision},
    network::{Activation, Architecture, Spec},
};

use super::TrainError;
use crate::{model::Credits, stack::Size};

/// The options of a training. The defaults are those of the macro command.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// The network.
    pub spec: Spec,
    /// Number of passes over the training slices.
    pub epochs: usize,
    /// Images per step.
    pub batch: usize,
    /// Edge of square patches in pixels, a multiple of the network's; 0 for whole slices.
    pub patch: usize,
    /// Adam's learning rate.
    pub rate: f64,
    /// The loss function.
    pub loss: Loss,
    /// Number of validation slices, at the end of the stack.
    pub validation: usize,
    /// Whether slices are flipped and turned at random.
    pub augment: bool,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Where to compute.
    pub device: DeviceRequest,
    /// How exactly a GPU computes.
    pub precision: Precision,
    /// Where the model goes.
    pub model: PathBuf,
    /// How the learning rate changes over the epochs.
    pub schedule: Schedule,
    /// A model of the same network whose weights to start from.
    pub start: Option<PathBuf>,
    /// Whether to go on from the checkpoint beside the model file, where there is one.
    pub resume: bool,
    /// Minutes between checkpoints; 0 writes one only when asked.
    pub checkpoint: f64,
    /// Who made the model, and what others may do with it.
    pub credits: Credits,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            spec: Spec {
                network: Architecture::RedNet,
                layers: 6,
                activation: Activation::Prelu,
                channels: 32,
                residual: false,
            },
            epochs: 100,
            batch: 4,
            patch: 0,
            rate: 0.001,
            loss: Loss::Mse,
            validation: 10,
            augment: false,
            seed: 1,
            device: DeviceRequest::Auto,
            precision: Precision::Auto,
            model: PathBuf::new(),
            schedule: Schedule::Constant,
            start: None,
            resume: false,
            checkpoint: 10.0,
            credits: Credits::default(),
        }
    }
}

impl TrainOptions {
    /// Refuses values that no training can use with stacks of this size and a network that takes whole multiples of
    /// `multiple` pixels.
    pub(super) fn check(&self, size: Size, multiple: usize) -> Result<(), TrainError> {
        for (key, value) in [("epochs", self.epochs), ("batch", self.batch)] {
            if value == 0 {
                return Err(TrainError::Option {
                    key,
                    value: value.to_string(),
                    rule: "a whole number from 1".to_owned(),
                });
            }
        }
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            let rule = "a number above 0 and at most 1 (0.001 is usual)".to_owned();
            return Err(TrainError::Option { key: "rate", value: self.rate.to_string(), rule });
        }
        if !(self.checkpoint >= 0.0 && self.checkpoint.is_finite()) {
            let rule = "minutes between checkpoints, or 0 for none".to_owned();
            return Err(TrainError::Option { key: "checkpoint", value: self.checkpoint.to_string(), rule });
        }
        let longest = size.width.min(size.height) / multiple * multiple;
        if self.patch > 0 && (!self.patch.is_multiple_of(multiple) || self.patch > longest) {
            let rule = match longest {
                0 => format!(
                    "0 (whole slices): slices of {}×{} pixels hold no patch of {multiple}",
                    size.width, size.height
                ),
                _ => {
                    format!("0 (whole slices) or a multiple of {multiple} up to {longest}, for this network and stack")
                }
            };
            return Err(TrainError::Option { key: "patch", value: self.patch.to_string(), rule });
        }
        let edges = [size.width, size.height, if self.patch > 0 { self.patch } else { usize::MAX }];
        let (shortest, least) = (edges.into_iter().min().unwrap_or(0), self.loss.least_length());
        if shortest < least {
            let rule = format!("another: this one needs images of {least} pixels, these have {shortest}");
            return Err(TrainError::Option { key: "loss", value: self.loss.to_string(), rule });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_must_suit_the_network_and_the_stack() {
        let size = Size::new(128, 100, 40);
        let check = |patch| TrainOptions { patch, ..Default::default() }.check(size, 32);
        assert!(check(0).is_ok() && check(96).is_ok());
        for patch in [128, 50, 31] {
            let message = check(patch).unwrap_err().to_string();
            assert!(
                message.contains(&format!("patch={patch}")) && message.contains("multiple of 32 up to 96"),
                "{message}"
            );
        }
        let small = TrainOptions { patch: 32, ..Default::default() }.check(Size::new(20, 20, 4), 32).unwrap_err();
        assert!(small.to_string().contains("hold no patch of 32"));
    }

    #[test]
    fn a_similarity_needs_room() {
        let options = TrainOptions { loss: Loss::SsimL1, ..Default::default() };
        assert!(options.check(Size::new(64, 64, 20), 4).is_ok());
        let message = TrainOptions { patch: 8, ..options }.check(Size::new(64, 64, 20), 4).unwrap_err().to_string();
        assert!(message.contains("loss=SSIM+L1") && message.contains("11 pixels, these have 8"), "{message}");
    }

    #[test]
    fn rates_that_cannot_train_are_refused() {
        for rate in [0.0, -0.1, f64::NAN, f64::INFINITY, 2.0] {
            let options = TrainOptions { rate, ..Default::default() };
            assert!(options.check(Size::new(64, 64, 20), 32).unwrap_err().to_string().contains("rate="));
        }
    }
}
