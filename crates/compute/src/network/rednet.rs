//! RED-Net: a residual encoder-decoder after Mao et al. (2016), in the shape that Kodama et al. (2023) describe.
//!
//! `layers` resolutions: the encoder convolves at each and halves between them (`layers` − 1 max-poolings by 2), the
//! decoder doubles (each value repeated 2×2), adds the encoder's image of that resolution, and convolves. One last
//! convolution makes the grey value. All kernels are 3×3, all images between have the same number of channels.

use super::{NetworkError, Plan, Spec, Step};

const KERNEL: usize = 3;

pub(super) fn plan(spec: &Spec) -> Result<Plan, NetworkError> {
    spec.check("layers", spec.layers, 3, 7)?;
    let convolve = |name: String, inputs, outputs| Step::Convolve { name, inputs, outputs, kernel: KERNEL };
    let mut steps = Vec::new();
    for level in 0..spec.layers {
        let inputs = if level == 0 { 1 } else { spec.channels };
        steps.push(convolve(format!("encoder.{level}"), inputs, spec.channels));
        steps.push(spec.activate(&format!("encoder.{level}"), spec.channels));
        if level + 1 < spec.layers {
            steps.extend([Step::Remember, Step::MaxPool]);
        }
    }
    for level in (0..spec.layers - 1).rev() {
        steps.extend([Step::Unpool, Step::AddRemembered]);
        steps.push(convolve(format!("decoder.{level}"), spec.channels, spec.channels));
        steps.push(spec.activate(&format!("decoder.{level}"), spec.channels));
    }
    steps.push(convolve("output".to_owned(), spec.channels, 1));
    if spec.residual {
        steps.push(Step::AddInput);
    }
    Ok(Plan { steps, multiple: 1 << (spec.layers - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Architecture};

    #[test]
    fn the_deepest_resolution_is_the_papers() {
        // The paper: 512 pixels become 128 with 3 layers and 8 with 7.
        for (layers, deepest) in [(3, 128), (7, 8)] {
            let spec = Spec {
                network: Architecture::RedNet,
                layers,
                activation: Activation::Relu,
                channels: 4,
                residual: true,
            };
            let plan = plan(&spec).unwrap();
            let poolings = plan.steps.iter().filter(|step| **step == Step::MaxPool).count();
            let unpoolings = plan.steps.iter().filter(|step| **step == Step::Unpool).count();
            assert_eq!((poolings, unpoolings), (layers - 1, layers - 1));
            assert_eq!(512 >> poolings, deepest);
            assert_eq!(plan.steps.last(), Some(&Step::AddInput));
        }
    }
}
