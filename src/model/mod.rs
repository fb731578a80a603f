//! A trained model: its network, its weights, the grey windows it was trained in, and how well it did.
//!
//! On disk it is a bioimage.io package, which other programs run too. See [`Model::save_as`] and [`Model::load`].

mod decibels;
mod external;
mod file;
mod package;
mod run;
mod summary;

pub use external::ExternalModel;
pub(crate) use external::{StackMeasures, Statistics};
pub use file::{
    Export, ModelError, bytes, check, check_writable, export, inspect, install, install_checked, load, verify,
};
pub use package::{Author, Citation, Credits, CreditsError, Example, Facts, LICENCES, Packaging, Verification};

use serde::{Deserialize, Serialize};
use undulator_compute::{
    Loss, Schedule,
    network::{Spec, Weights},
};

use crate::{
    grey::Window,
    stack::{GreyScale, GreyType, Size, VoxelSize},
};

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Everything but the weights.
    pub card: Card,
    /// The weights, in the order of the network's plan.
    pub weights: Weights,
}

/// A model that can be applied.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// One that was trained here.
    Own(Box<Model>),
    /// One of another program.
    External(ExternalModel),
}

impl Loaded {
    /// Grey window of the reference stack, where the model tells it.
    pub fn output_window(&self) -> Option<Window> {
        match self {
            Self::Own(model) => Some(model.card.output_window),
            Self::External(_) => None,
        }
    }

    /// What the grey values of restored stacks are measured in, where the model tells it.
    pub fn value_unit(&self) -> &str {
        match self {
            Self::Own(model) => &model.card.value_unit,
            Self::External(_) => "",
        }
    }
}

/// A model's metadata: network, grey windows, training and scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The network.
    pub network: Spec,
    /// Grey window of the laboratory stack: `low` becomes 0 and `high` 1 before the network.
    pub input_window: Window,
    /// Grey window of the reference stack: the network's 0 becomes `low` and 1 `high`.
    pub output_window: Window,
    /// Grey type of the reference stack, and so of restored stacks.
    pub output_grey: GreyType,
    /// What the reference's stored numbers mean, and so those of restored stacks. Windows are in grey values, not in these.
    #[serde(default, skip_serializing_if = "GreyScale::is_plain")]
    pub output_scale: GreyScale,
    /// What the reference's grey values are measured in, "HU" for example; empty if that is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value_unit: String,
    /// What it was trained on and how.
    pub training: Training,
    /// How well it did on the validation slices; absent when none were held back.
    pub scores: Option<Scores>,
    /// Standard deviation of the example slice after the network, as a share of the reference's: near to nothing where the
    /// network makes one grey value of everything. Absent when there is no example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<f64>,
}

impl Card {
    /// The grey value of the network's number, inside the grey type's range but not rounded.
    fn restore(&self, value: f32) -> f32 {
        let grey = self.output_window.restore(value);
        self.output_scale.ends(self.output_grey).map_or(grey, |[low, high]| grey.clamp(low, high))
    }

    /// The nearest grey value that a restored stack can hold.
    pub fn nearest(&self, grey: f32) -> f32 {
        self.output_scale.nearest(self.output_grey, grey)
    }
}

/// What a model was trained on and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Size of both stacks.
    pub size: Size,
    /// Voxel size of the laboratory stack.
    pub voxel: VoxelSize,
    /// Slices trained on: first and one past the last, from zero.
    pub training_slices: (usize, usize),
    /// Slices validated on: first and one past the last, from zero.
    pub validation_slices: (usize, usize),
    /// Batch size: images per step.
    pub batch: usize,
    /// Edge of the square patches in pixels, 0 for whole slices.
    pub patch: usize,
    /// Adam's learning rate in the first epoch.
    pub rate: f64,
    /// How the learning rate changed over the epochs.
    pub schedule: Schedule,
    /// The loss function.
    pub loss: Loss,
    /// Whether slices were flipped and turned at random.
    pub augment: bool,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The device that it was trained on.
    pub device: String,
    /// The epoch, from one, whose weights these are.
    pub best_epoch: usize,
    /// All epochs, in order.
    pub history: Vec<Epoch>,
}

/// One epoch of a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from one.
    pub epoch: usize,
    /// Mean training loss, in units of the grey window.
    pub loss: f64,
    /// Mean loss of the validation slices; absent when none were held back.
    pub validation_loss: Option<f64>,
    /// PSNR of the validation slices in dB, on 8 bits in the grey window; absent when none were held back.
    #[serde(with = "decibels::optional")]
    pub psnr: Option<f64>,
    /// The learning rate.
    pub rate: f64,
    /// Seconds since the training began.
    pub seconds: f64,
}

impl Epoch {
    /// How good it is, for comparison with the other epochs of its training: the validation PSNR, or without validation
    /// the training loss, negative.
    pub fn score(&self) -> f64 {
        self.psnr.unwrap_or(-self.loss)
    }
}

/// PSNR in dB on the validation slices, on 8 bits in the grey windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// After the network.
    #[serde(with = "decibels")]
    pub restored: f64,
    /// The laboratory slices as they are.
    #[serde(with = "decibels")]
    pub raw: f64,
    /// After the best straight line through the grey values.
    #[serde(with = "decibels")]
    pub matched: f64,
    /// After the best Gaussian filter and the best straight line.
    #[serde(with = "decibels")]
    pub filtered: f64,
}
