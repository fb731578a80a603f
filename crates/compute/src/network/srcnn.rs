//! SRCNN: convolutions and activations in sequence, after C. Dong, C. C. Loy, K. He and X. Tang, IEEE Transactions on
//! Pattern Analysis and Machine Intelligence 38 (2016) 295.
//!
//! The base has their three layers 9-1-5: feature extraction (9×9, `channels`), mapping (1×1, half as many channels) and
//! reconstruction (5×5, the grey value); 64 channels are theirs. More layers are further feature extraction (3×3,
//! `channels`) after the first. The image keeps its size throughout, and zeros surround it.

use super::{NetworkError, Plan, Spec, Step};

const FIRST: usize = 9;
const INSERTED: usize = 3;
const MAPPING: usize = 1;
const LAST: usize = 5;

/// The base network's layers.
const LEAST_LAYERS: usize = 3;
/// Dong et al. saw no gain beyond five; more than this many do not train at all.
const MOST_LAYERS: usize = 20;

pub(super) fn plan(spec: &Spec) -> Result<Plan, NetworkError> {
    spec.check("layers", spec.layers, LEAST_LAYERS, MOST_LAYERS)?;
    let (channels, mapped) = (spec.channels, spec.channels.div_ceil(2));
    let mut steps = Vec::new();
    let mut layer = |name: String, inputs, outputs, kernel| {
        steps.push(Step::Convolve { name: name.clone(), inputs, outputs, kernel });
        steps.push(spec.activate(&name, outputs));
    };
    layer("features.0".to_owned(), 1, channels, FIRST);
    for inserted in 1..=spec.layers - LEAST_LAYERS {
        layer(format!("features.{inserted}"), channels, channels, INSERTED);
    }
    layer("mapping".to_owned(), channels, mapped, MAPPING);
    steps.push(Step::Convolve { name: "output".to_owned(), inputs: mapped, outputs: 1, kernel: LAST });
    if spec.residual {
        steps.push(Step::AddInput);
    }
    Ok(Plan { steps, multiple: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Architecture};

    fn spec(layers: usize) -> Spec {
        let (network, activation) = (Architecture::Srcnn, Activation::Relu);
        Spec { network, layers, activation, channels: 64, residual: false }
    }

    #[test]
    fn the_base_is_the_published_one() {
        // Dong et al.: 64 × 81 + 32 × 64 + 32 × 25 weights, 8032, and here as many biases as channels.
        assert_eq!(plan(&spec(3)).unwrap().parameters(), 8032 + 64 + 32 + 1);
    }

    #[test]
    fn deeper_ones_insert_feature_extraction() {
        let kernels = |layers| {
            let steps = plan(&spec(layers)).unwrap().steps;
            let kernel = |step: &Step| if let Step::Convolve { kernel, .. } = step { Some(*kernel) } else { None };
            steps.iter().filter_map(kernel).collect::<Vec<_>>()
        };
        assert_eq!(kernels(3), [9, 1, 5]);
        assert_eq!(kernels(6), [9, 3, 3, 3, 1, 5]);
        let message = plan(&spec(2)).unwrap_err().to_string();
        assert_eq!(message, "layers=2 is not possible for SRCNN: choose 3 to 20");
    }
}
