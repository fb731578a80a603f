//! All weights of a network as one array on the device, so that a step of Adam takes a few kernels in total rather than a
//! few per weight.

use burn::{DispatchDevice, tensor::TensorData};
use undulator_compute::{ADAM, EngineError, network::Plan};

use super::array::{Array, download};

/// Arrays that begin and end at multiples of this many numbers are used in place; others are copied.
const ALIGNED: usize = 128;

/// One array of weights on the device: kernels have four axes, biases and slopes one.
#[derive(Clone)]
pub(super) enum Parameter {
    Kernel(Array<4>),
    Vector(Array<1>),
}

impl Parameter {
    pub fn kernel(self) -> Array<4> {
        match self {
            Self::Kernel(array) => array,
            Self::Vector(_) => unreachable!("the weights fit the plan"),
        }
    }

    pub fn vector(self) -> Array<1> {
        match self {
            Self::Vector(array) => array,
            Self::Kernel(_) => unreachable!("the weights fit the plan"),
        }
    }

    fn flat(self) -> Array<1> {
        match self {
            Self::Kernel(array) => array.reshape([-1]),
            Self::Vector(array) => array,
        }
    }
}

/// Positions of a plan's weights in the array. Those of aligned length come first.
pub(super) struct Layout {
    shapes: Vec<Vec<usize>>,
    /// Indices of the weights, in the order of the array.
    order: Vec<usize>,
    /// Of each weight, by its index.
    offsets: Vec<usize>,
    /// Padding at the end.
    filler: usize,
}

impl Layout {
    pub fn new(plan: &Plan) -> Self {
        let shapes: Vec<Vec<usize>> = plan.weight_shapes().into_iter().map(|(_, shape)| shape).collect();
        let length = |at: usize| shapes[at].iter().product::<usize>();
        let mut order: Vec<usize> = (0..shapes.len()).collect();
        order.sort_by_key(|&at| !length(at).is_multiple_of(ALIGNED));
        let (mut offsets, mut end) = (vec![0; shapes.len()], 0);
        for &at in &order {
            offsets[at] = end;
            end += length(at);
        }
        Self { order, offsets, filler: end.next_multiple_of(ALIGNED) - end, shapes }
    }

    fn length(&self, at: usize) -> usize {
        self.shapes[at].iter().product()
    }

    /// Copies values, one list per weight, to the device.
    pub fn upload<'a>(&self, values: impl IntoIterator<Item = &'a Vec<f32>>, device: &DispatchDevice) -> Array<1> {
        let values: Vec<&Vec<f32>> = values.into_iter().collect();
        let mut flat: Vec<f32> = self.order.iter().flat_map(|&at| values[at].iter().copied()).collect();
        flat.resize(flat.len() + self.filler, 0.0);
        let length = flat.len();
        Array::from_data(TensorData::new(flat, [length]), device)
    }

    /// Copies values from the device, one list per weight.
    pub fn download(&self, flat: Array<1>) -> Result<Vec<Vec<f32>>, EngineError> {
        let flat = download(flat)?;
        Ok((0..self.shapes.len()).map(|at| flat[self.offsets[at]..][..self.length(at)].to_vec()).collect())
    }

    /// Each weight of the array.
    pub fn parameters(&self, flat: &Array<1>) -> Vec<Parameter> {
        let parameter = |at: usize| {
            let (start, length) = (self.offsets[at], self.length(at));
            let part = flat.clone().narrow(0, start, length);
            match self.shapes[at][..] {
                [outputs, inputs, height, width] => Parameter::Kernel(part.reshape([outputs, inputs, height, width])),
                _ => Parameter::Vector(part),
            }
        };
        (0..self.shapes.len()).map(parameter).collect()
    }

    /// The array of all gradients.
    fn join(&self, gradients: Vec<Parameter>, device: &DispatchDevice) -> Array<1> {
        let mut gradients: Vec<Option<Array<1>>> = gradients.into_iter().map(|part| Some(part.flat())).collect();
        let parts = self.order.iter().map(|&at| gradients[at].take().expect("each weight lies at one place"));
        let filler = (self.filler > 0).then(|| Array::zeros([self.filler], device));
        Array::cat(parts.chain(filler).collect(), 0)
    }
}

/// Adam's running means of the gradient and of its square, and the steps taken.
pub(super) struct Moments {
    pub first: Array<1>,
    pub second: Array<1>,
    pub steps: u32,
}

impl Moments {
    /// One step of Adam: the weights after it.
    pub fn step(&mut self, layout: &Layout, weights: Array<1>, gradients: Vec<Parameter>, rate: f64) -> Array<1> {
        self.steps += 1;
        let gradient = layout.join(gradients, &weights.device());
        let square = gradient.clone().square().mul_scalar(1.0 - ADAM.beta_2);
        self.first = self.first.clone().mul_scalar(ADAM.beta_1) + gradient.mul_scalar(1.0 - ADAM.beta_1);
        self.second = self.second.clone().mul_scalar(ADAM.beta_2) + square;
        let bias = |beta: f64| 1.0 - beta.powf(self.steps.into());
        let divisor = self.second.clone().sqrt().div_scalar(bias(ADAM.beta_2).sqrt()).add_scalar(ADAM.epsilon);
        weights - self.first.clone().div(divisor).mul_scalar(rate / bias(ADAM.beta_1))
    }
}
