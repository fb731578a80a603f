//! The networks, written once as plain data.
//!
//! A [`Spec`] is what the user chooses; its [`Plan`] is the sequence of steps that every engine walks,
//! with weights beside it as plain [`Weights`]. Images are (batch, channel, y, x), one channel in and one out.
//!
//! A new network is one file that writes its steps, and one line in [`Spec::plan`].

mod peak;
mod reach;
mod rednet;
mod srcnn;
mod weights;

pub use weights::{Tensor, Weights, WeightsError};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// The available networks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown_network)]
pub enum Architecture {
    /// Residual encoder-decoder, `layers` resolutions deep.
    #[serde(rename = "RED-Net")]
    #[strum(serialize = "RED-Net")]
    RedNet,
    /// Convolutions and activations in sequence, `layers` convolutions.
    #[serde(rename = "SRCNN")]
    #[strum(serialize = "SRCNN")]
    Srcnn,
}

/// The activation after each inner convolution.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown_activation)]
pub enum Activation {
    /// `x` above zero and `slope × x` below, with a trained slope for each channel (He et al. 2015).
    #[serde(rename = "PReLU")]
    #[strum(serialize = "PReLU")]
    Prelu,
    /// `max(0, x)`.
    #[serde(rename = "ReLU")]
    #[strum(serialize = "ReLU")]
    Relu,
}

/// A network as the user chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Which network.
    pub network: Architecture,
    /// RED-Net: how many resolutions, as the paper counts layers. SRCNN: how many convolutions, 3 for the base.
    pub layers: usize,
    /// The activation after each inner convolution.
    pub activation: Activation,
    /// Channels between the first and the last convolution.
    pub channels: usize,
    /// Whether the input is added to the output, so that the network learns the difference.
    pub residual: bool,
}

/// One step of a network. The steps work on one current image, on the input, and on a stack of remembered images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Convolution with zero padding and a bias: `kernel` × `kernel`, stride 1, the size stays.
    /// Weights: `name.weight` (outputs, inputs, kernel, kernel) and `name.bias` (outputs).
    Convolve {
        /// Start of the names of its weights.
        name: String,
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// Edge of the kernel, odd.
        kernel: usize,
    },
    /// `max(0, x)`.
    Relu,
    /// `x` above zero, `slope × x` below. Weights: `name.slope` (channels).
    Prelu {
        /// Start of the name of its weights.
        name: String,
        /// Channels in and out.
        channels: usize,
    },
    /// Puts a copy of the current image on the stack.
    Remember,
    /// The largest of each 2×2 block.
    MaxPool,
    /// Each value repeated 2×2.
    Unpool,
    /// Takes the last remembered image off the stack and adds it.
    AddRemembered,
    /// Adds the network's input.
    AddInput,
}

/// A network as a sequence of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The steps, in the order in which they run.
    pub steps: Vec<Step>,
    /// Width and height of an image must be whole multiples of this.
    pub multiple: usize,
}

/// An error of a network's options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A number is outside what the network allows.
    #[error("{key}={value} is not possible for {network}: choose {low} to {high}")]
    Range {
        /// The macro key.
        key: &'static str,
        /// The value given.
        value: usize,
        /// The network.
        network: Architecture,
        /// The smallest value.
        low: usize,
        /// The largest value.
        high: usize,
    },
}

/// Channels that any network may have, at the most: wider ones do not fit a slice into memory.
const MOST_CHANNELS: usize = 512;

impl Spec {
    /// The network's steps.
    ///
    /// # Errors
    /// When the number of layers or channels is outside what the network allows.
    ///
    /// ```
    /// use undulator_compute::network::{Activation, Architecture, Spec};
    ///
    /// let spec = Spec { network: Architecture::RedNet, layers: 6, activation: Activation::Prelu, channels: 32, residual: false };
    /// let plan = spec.plan()?;
    /// assert_eq!(plan.multiple, 32); // five poolings
    /// assert_eq!(plan.parameters(), 93_441);
    /// # Ok::<(), undulator_compute::network::NetworkError>(())
    /// ```
    pub fn plan(&self) -> Result<Plan, NetworkError> {
        self.check("channels", self.channels, 1, MOST_CHANNELS)?;
        match self.network {
            Architecture::RedNet => rednet::plan(self),
            Architecture::Srcnn => srcnn::plan(self),
        }
    }

    fn check(&self, key: &'static str, value: usize, low: usize, high: usize) -> Result<(), NetworkError> {
        if (low..=high).contains(&value) {
            return Ok(());
        }
        Err(NetworkError::Range { key, value, network: self.network, low, high })
    }

    fn activate(&self, name: &str, channels: usize) -> Step {
        match self.activation {
            Activation::Relu => Step::Relu,
            Activation::Prelu => Step::Prelu { name: name.to_owned(), channels },
        }
    }
}

impl Plan {
    /// Multiplications for an image of `pixels` pixels, the most of the work.
    pub fn multiplications(&self, pixels: u64) -> u64 {
        let (mut at, mut count) = (pixels, 0u64);
        for step in &self.steps {
            match step {
                Step::MaxPool => at /= 4,
                Step::Unpool => at *= 4,
                Step::Convolve { inputs, outputs, kernel, .. } => {
                    count += (inputs * outputs * kernel * kernel) as u64 * at
                }
                _ => {}
            }
        }
        count
    }

    /// Names and shapes of the weights, in the order in which the steps use them.
    pub fn weight_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        for step in &self.steps {
            match step {
                Step::Convolve { name, inputs, outputs, kernel } => {
                    shapes.push((format!("{name}.weight"), vec![*outputs, *inputs, *kernel, *kernel]));
                    shapes.push((format!("{name}.bias"), vec![*outputs]));
                }
                Step::Prelu { name, channels } => shapes.push((format!("{name}.slope"), vec![*channels])),
                _ => {}
            }
        }
        shapes
    }

    /// Number of trained parameters.
    pub fn parameters(&self) -> usize {
        self.weight_shapes().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

fn unknown_network(name: &str) -> UnknownName {
    UnknownName::of::<Architecture>("network", name)
}

fn unknown_activation(name: &str) -> UnknownName {
    UnknownName::of::<Activation>("activation", name)
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} layers, {}, {} channels", self.network, self.layers, self.activation, self.channels)?;
        if self.residual { f.write_str(", residual") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_channels_out_of_range_name_the_value_and_the_range() {
        let spec = |layers, channels| Spec {
            network: Architecture::RedNet,
            layers,
            activation: Activation::Relu,
            channels,
            residual: false,
        };
        let message = spec(8, 32).plan().unwrap_err().to_string();
        assert_eq!(message, "layers=8 is not possible for RED-Net: choose 3 to 7");
        assert!(spec(6, 0).plan().unwrap_err().to_string().starts_with("channels=0 "));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for activation in [Activation::Relu, Activation::Prelu] {
            assert_eq!(activation.to_string().parse(), Ok(activation));
        }
        for network in [Architecture::RedNet, Architecture::Srcnn] {
            assert_eq!(network.to_string().parse(), Ok(network));
        }
        assert!("Tanh".parse::<Activation>().unwrap_err().to_string().contains("choose PReLU or ReLU"));
    }
}
