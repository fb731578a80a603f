//! Weights as plain numbers, the same for every engine and for the model file.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Activation, Plan, Spec, Step};

/// One named array of weights, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// For example `encoder.0.weight`.
    pub name: String,
    /// For example (outputs, inputs, kernel y, kernel x).
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// All weights of a network, in the order in which its steps use them.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights(pub Vec<Tensor>);

/// Why weights do not belong to a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// A tensor that the network needs is absent.
    #[error("the weights lack {name}: the file is of another network or incomplete")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the network needs.
    #[error("the weights {name} have the shape {found:?}, but this network needs {needed:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The shape found.
        found: Vec<usize>,
        /// The shape needed.
        needed: Vec<usize>,
    },
    /// A tensor that the network does not know.
    #[error("the weights hold {name}, which this network does not have")]
    Unknown {
        /// The tensor.
        name: String,
    },
    /// A weight is not a finite number.
    #[error(
        "the weights {name} hold a value that is not a finite number: the file is damaged or its training diverged"
    )]
    NotFinite {
        /// The tensor.
        name: String,
    },
}

/// The slope that PReLU starts from (He et al. 2015).
const START_SLOPE: f32 = 0.25;

impl Weights {
    /// Weights to start a training from: kernels drawn from the normal distribution of He et al. (2015),
    /// "Delving deep into rectifiers", biases zero, slopes 0.25. The last convolution of a residual network starts
    /// small, so that training begins near the identity. The same seed gives the same weights everywhere.
    pub fn initial(spec: &Spec, plan: &Plan, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let slope = match spec.activation {
            Activation::Relu => 0.0,
            Activation::Prelu => START_SLOPE,
        };
        let mut tensors = Vec::new();
        let last = plan.steps.iter().rposition(|step| matches!(step, Step::Convolve { .. }));
        for (at, step) in plan.steps.iter().enumerate() {
            match step {
                Step::Convolve { name, inputs, outputs, kernel } => {
                    let fan_in = (inputs * kernel * kernel) as f32;
                    let gain = match (Some(at) == last, spec.residual) {
                        (false, _) => (2.0 / (1.0 + slope * slope)).sqrt(),
                        (true, false) => 1.0,
                        (true, true) => 0.1,
                    };
                    let deviation = gain / fan_in.sqrt();
                    let shape = vec![*outputs, *inputs, *kernel, *kernel];
                    let values = (0..shape.iter().product()).map(|_| deviation * normal(&mut random)).collect();
                    tensors.push(Tensor { name: format!("{name}.weight"), shape, values });
                    tensors.push(Tensor {
                        name: format!("{name}.bias"),
                        shape: vec![*outputs],
                        values: vec![0.0; *outputs],
                    });
                }
                Step::Prelu { name, channels } => tensors.push(Tensor {
                    name: format!("{name}.slope"),
                    shape: vec![*channels],
                    values: vec![START_SLOPE; *channels],
                }),
                _ => {}
            }
        }
        Self(tensors)
    }

    /// Brings tensors into the plan's order and refuses what does not belong to it.
    ///
    /// # Errors
    /// When a tensor is absent, unknown, of another shape, or holds a value that is not finite.
    pub fn fitted(self, plan: &Plan) -> Result<Self, WeightsError> {
        let mut found = self.0;
        let mut ordered = Vec::with_capacity(found.len());
        for (name, needed) in plan.weight_shapes() {
            let Some(at) = found.iter().position(|tensor| tensor.name == name) else {
                return Err(WeightsError::Missing { name });
            };
            let tensor = found.swap_remove(at);
            if tensor.shape != needed || tensor.values.len() != needed.iter().product::<usize>() {
                return Err(WeightsError::Shape { name, found: tensor.shape, needed });
            }
            if !tensor.values.iter().all(|value| value.is_finite()) {
                return Err(WeightsError::NotFinite { name });
            }
            ordered.push(tensor);
        }
        match found.pop() {
            Some(tensor) => Err(WeightsError::Unknown { name: tensor.name }),
            None => Ok(Self(ordered)),
        }
    }
}

/// A number from the normal distribution of mean 0 and deviation 1 (Box and Muller 1958).
fn normal(random: &mut impl Rng) -> f32 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    let angle = std::f64::consts::TAU * random.random::<f64>();
    (radius * angle.cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Architecture;

    fn spec() -> Spec {
        Spec { network: Architecture::RedNet, layers: 3, activation: Activation::Prelu, channels: 16, residual: false }
    }

    #[test]
    fn initial_weights_follow_the_seed_and_he() {
        let plan = spec().plan().unwrap();
        let weights = Weights::initial(&spec(), &plan, 7);
        assert_eq!(weights, Weights::initial(&spec(), &plan, 7));
        assert_ne!(weights, Weights::initial(&spec(), &plan, 8));
        let kernel = weights.0.iter().find(|tensor| tensor.name == "encoder.1.weight").unwrap();
        let variance = kernel.values.iter().map(|v| v * v).sum::<f32>() / kernel.values.len() as f32;
        let expected = 2.0 / 1.0625 / (16.0 * 9.0);
        assert!((variance / expected - 1.0).abs() < 0.1, "{variance} against {expected}");
    }

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let plan = spec().plan().unwrap();
        let good = Weights::initial(&spec(), &plan, 1);
        let mut shuffled = good.clone();
        shuffled.0.reverse();
        assert_eq!(shuffled.fitted(&plan).unwrap(), good);

        let mut short = good.clone();
        short.0.pop();
        assert!(short.fitted(&plan).unwrap_err().to_string().contains("output.bias"));
        let mut odd = good.clone();
        odd.0[0].shape = vec![16, 9];
        assert!(matches!(odd.fitted(&plan), Err(WeightsError::Shape { .. })));
        let mut extra = good.clone();
        extra.0.push(Tensor { name: "extra".into(), shape: vec![0], values: vec![] });
        assert!(matches!(extra.fitted(&plan), Err(WeightsError::Unknown { .. })));
        let mut broken = good;
        broken.0[0].values[3] = f32::NAN;
        assert!(matches!(broken.fitted(&plan), Err(WeightsError::NotFinite { .. })));
    }
}
