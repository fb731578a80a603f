//! Training a network.

use rayon::prelude::*;

use super::{
    adam::Moments,
    convolve::{Filter, Tail, convolve},
    gradient::weight_gradient,
    graph::{Activation, Node},
    layout::{Buffers, Image},
    loss::loss_gradient,
    network::{Network, ROWS, check_values, pool_gradient, put_input},
    pointwise::{self, Sums, activation_gradient},
    pool,
    runner::Walk,
};
use crate::{
    error::EngineError,
    images::{Images, check_images},
    loss::Loss,
    memory,
    network::{Plan, Weights},
    runner::Runner,
    simd::Isa,
    trainer::{Trainer, TrainerState},
};

/// Trains a network on the CPU, on all threads of the current rayon pool. Sums are split and added in an order that does
/// not depend on the threads: the same steps give the same weights, bit for bit.
///
/// Memory: all images of the network for the whole batch, kept for the next step.
pub struct CpuTrainer {
    plan: Plan,
    network: Network,
    weights: Weights,
    moments: Vec<Moments>,
    loss: Loss,
    steps: u32,
    /// Losses since they were last read, and of how many steps.
    summed: (f64, u32),
    buffers: Buffers,
    walk: Walk,
    /// (images, height, width) that the buffers are for.
    size: (usize, usize, usize),
}

/// Bytes of a state for each trained number: the weight and its two running means.
const STATE: u64 = 3 * size_of::<f32>() as u64;
/// Bytes of all that a trainer makes for each of them.
const TENSORS: u64 = 8 * size_of::<f32>() as u64;

/// Slopes down to this are undone to get the values before an activation: with smaller ones, those are kept instead.
const INVERTIBLE: f32 = 1e-6;

impl CpuTrainer {
    pub(super) fn new(isa: Isa, plan: &Plan, state: &TrainerState, loss: Loss) -> Result<Self, EngineError> {
        state.check(plan)?;
        // The copy of the state, the weights laid out for the kernels, and gradients of as many numbers.
        memory::check_room(TENSORS * plan.parameters() as u64)?;
        let TrainerState { weights, first, second, steps } = state.clone();
        let network = Network::new(isa, plan, &weights)?;
        let (buffers, walk) = (network.buffers(), Walk::new(&network));
        let moments = first.into_iter().zip(second).map(|(first, second)| Moments { first, second }).collect();
        let (plan, size) = (plan.clone(), (0, 0, 0));
        Ok(Self { plan, network, weights, moments, loss, steps, summed: (0.0, 0), buffers, walk, size })
    }
}

impl Runner for CpuTrainer {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        check_values(images)?;
        self.walk.run(&self.network, images)
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        Some(self.network.footprint(height, width))
    }
}

impl Trainer for CpuTrainer {
    /// For the present weights: once a slope falls below zero, one more image is kept.
    fn training_footprint(&self, count: usize, height: usize, width: usize) -> Option<u64> {
        let size = [count, height, width];
        Some(self.step_images(size) + batch_bytes(size) + self.scratch(size))
    }

    fn step(&mut self, images: &Images, targets: &Images, rate: f64) -> Result<(), EngineError> {
        let (loss, gradients) = self.gradients(images, targets)?;
        self.steps += 1;
        for ((tensor, gradient), moments) in self.weights.0.iter_mut().zip(&gradients).zip(&mut self.moments) {
            moments.step(&mut tensor.values, gradient, rate, self.steps);
        }
        self.network.load(&self.weights);
        self.summed = (self.summed.0 + loss, self.summed.1 + 1);
        Ok(())
    }

    fn loss(&mut self) -> Result<f64, EngineError> {
        let (sum, steps) = std::mem::take(&mut self.summed);
        Ok(if steps == 0 { 0.0 } else { sum / f64::from(steps) })
    }

    fn state(&mut self) -> Result<TrainerState, EngineError> {
        memory::check_more_room(STATE * self.plan.parameters() as u64)?;
        let (first, second) = self.moments.iter().map(|m| (m.first.clone(), m.second.clone())).unzip();
        Ok(TrainerState { weights: self.weights.clone(), first, second, steps: self.steps })
    }
}

impl CpuTrainer {
    /// The loss, and its gradient for each tensor of weights.
    pub(super) fn gradients(&mut self, images: &Images, targets: &Images) -> Result<(f64, Vec<Vec<f32>>), EngineError> {
        check_images(&self.plan, images)?;
        check_values(images)?;
        check_values(targets)?;
        let size = |images: &Images| (images.count, images.height, images.width);
        if size(images) != size(targets) || images.count == 0 {
            let reason = format!("{:?} images cannot be trained towards {:?}", size(images), size(targets));
            return Err(EngineError::Device { reason });
        }
        let step = [images.count, images.height, images.width];
        // The images are allocated one by one, and each may fail. What the threads take for their sums may not.
        if self.size == size(images) {
            memory::check_more_room(self.scratch(step))?;
        } else {
            self.buffers.clear();
            self.size = size(images);
            memory::check_room(self.scratch(step) + self.step_images(step))?;
        }
        let values = self.forward(images)?;
        let last = self.network.graph.nodes.len() - 1;
        let mut gradient = self.take(last)?;
        let output = values.after[last].as_ref().expect("the last node makes the output");
        let loss = loss_gradient(self.loss, output, &targets.values, &mut gradient)?;
        let gradients = self.backward(&values, gradient)?;
        let Values { before, after } = values;
        before.into_iter().chain(after).flatten().for_each(|image| self.buffers.give(image));
        Ok((loss, gradients))
    }

    /// Bytes of all images that a step takes.
    pub(super) fn step_images(&self, size: [usize; 3]) -> u64 {
        self.network.training_images(size, |node| self.keeps_before(node))
    }

    /// Bytes that a step takes beside its images and the batch.
    fn scratch(&self, size: [usize; 3]) -> u64 {
        self.network.training_scratch(size, self.loss, self.plan.parameters())
    }

    /// Bytes of all images that it holds to apply the network, and to train it.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (u64, u64) {
        (self.walk.taken(), self.buffers.bytes())
    }

    fn take(&mut self, node: usize) -> Result<Image, EngineError> {
        let (count, height, width) = self.size;
        self.buffers.take(self.network.shape(node, count, height, width))
    }

    fn forward(&mut self, images: &Images) -> Result<Values, EngineError> {
        let nodes = self.network.graph.nodes.len();
        let mut values = Values::none(nodes);
        let mut input = self.take(0)?;
        put_input(images, 0, &mut input);
        values.after[0] = Some(input);
        for node in 1..nodes {
            let mut to = self.take(node)?;
            let mut before = if self.keeps_before(node) { Some(self.take(node)?) } else { None };
            let Network { isa, graph, filters, slopes } = &self.network;
            match graph.nodes[node] {
                Node::Convolve(from, filter, _) => {
                    let (from, slope) = (values.after(from), slopes[node].as_deref());
                    match (&mut before, slope) {
                        (Some(before), Some(slope)) => {
                            convolve(*isa, &filters[filter], None, from, before, Tail::Keep);
                            pointwise::activate(*isa, slope, before, &mut to);
                        }
                        _ => convolve(*isa, &filters[filter], slope, from, &mut to, Tail::Keep),
                    }
                }
                _ => self.network.pass(node, &values.after, &mut to),
            }
            values.after[node] = Some(to);
            values.before[node] = before;
        }
        Ok(values)
    }

    /// Whether the values before a convolution's activation cannot be recovered from those after it.
    fn keeps_before(&self, node: usize) -> bool {
        match self.network.graph.nodes[node] {
            Node::Convolve(_, _, Activation::Prelu(tensor)) => {
                !self.weights.0[tensor].values.iter().all(|&slope| slope > INVERTIBLE)
            }
            _ => false,
        }
    }

    fn backward(&mut self, values: &Values, gradient: Image) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut gradients: Vec<_> = self.weights.0.iter().map(|tensor| vec![0.0; tensor.values.len()]).collect();
        let nodes = self.network.graph.nodes.clone();
        let trained = self.network.graph.trained();
        let mut flow: Vec<Option<Image>> = nodes.iter().map(|_| None).collect();
        flow[nodes.len() - 1] = Some(gradient);
        for (node, step) in nodes.iter().enumerate().rev() {
            let Some(mut gradient) = flow[node].take() else { continue };
            let isa = self.network.isa;
            match *step {
                Node::Input => self.buffers.give(gradient),
                Node::Convolve(from, at, activation) => {
                    let sums = self.before_activation(node, values, &mut gradient);
                    let convolution = self.network.graph.convolutions[at];
                    self.put_slopes(activation, &sums, values.before[node].is_none(), &mut gradients);
                    let weight = convolution.weight;
                    gradients[weight + 1].iter_mut().zip(&sums.bias).for_each(|(to, &sum)| *to = sum as f32);
                    gradients[weight] = weight_gradient(isa, &convolution, values.after(from), &gradient);
                    if trained[from] {
                        let filter = Filter::backward(isa, &convolution, &self.weights.0[weight].values);
                        let mut to = self.take(from)?;
                        convolve(isa, &filter, None, &gradient, &mut to, Tail::Keep);
                        self.add_flow(&mut flow[from], to);
                    }
                    self.buffers.give(gradient);
                }
                Node::Activate(from, activation) => {
                    let slope = self.network.slopes[node].as_deref();
                    let sums = activation_gradient(isa, slope, values.after(from), &mut gradient);
                    self.put_slopes(activation, &sums, false, &mut gradients);
                    self.add_flow(&mut flow[from], gradient);
                }
                Node::Pool(from) => {
                    let mut to = match flow[from].take() {
                        Some(flow) => flow,
                        None => {
                            let mut zeros = self.take(from)?;
                            pointwise::clear(&mut zeros);
                            zeros
                        }
                    };
                    pool_gradient(isa, values.after(from), values.after(node), &gradient, &mut to);
                    flow[from] = Some(to);
                    self.buffers.give(gradient);
                }
                Node::Unpool(from) => {
                    let to = self.unpool_gradient(from, &gradient)?;
                    self.add_flow(&mut flow[from], to);
                    self.buffers.give(gradient);
                }
                Node::UnpoolAdd(small, large) => {
                    let to = self.unpool_gradient(small, &gradient)?;
                    self.add_flow(&mut flow[small], to);
                    self.add_flow(&mut flow[large], gradient);
                }
                Node::Add(one, other) => {
                    let mut copy = self.take(one)?;
                    pointwise::copy(&gradient, &mut copy);
                    self.add_flow(&mut flow[one], copy);
                    self.add_flow(&mut flow[other], gradient);
                }
            }
        }
        Ok(gradients)
    }

    /// Turns a convolution's gradient into that before its activation.
    fn before_activation(&self, node: usize, values: &Values, gradient: &mut Image) -> Sums {
        let at_hand = values.before[node].as_ref().unwrap_or_else(|| values.after(node));
        activation_gradient(self.network.isa, self.network.slopes[node].as_deref(), at_hand, gradient)
    }

    /// The slopes' gradients, from sums with the values before the activation or (`undo`) after it.
    fn put_slopes(&self, activation: Activation, sums: &Sums, undo: bool, gradients: &mut [Vec<f32>]) {
        let Activation::Prelu(tensor) = activation else { return };
        let slopes = self.weights.0[tensor].values.iter();
        for ((gradient, &sum), &slope) in gradients[tensor].iter_mut().zip(&sums.below).zip(slopes) {
            *gradient = if undo { sum / f64::from(slope) } else { sum } as f32;
        }
    }

    fn unpool_gradient(&mut self, small: usize, gradient: &Image) -> Result<Image, EngineError> {
        let mut to = self.take(small)?;
        let (isa, layout) = (self.network.isa, pool::Layout::of(&to));
        to.bands(ROWS).into_par_iter().for_each(|band| {
            let rows = band.data.len() / layout.small_row();
            layout.unpool_gradient(isa, gradient.rows(band.image, 2 * band.y, 2 * rows), band.data);
        });
        Ok(to)
    }

    /// Adds a gradient to those that have already reached an image.
    fn add_flow(&mut self, flow: &mut Option<Image>, gradient: Image) {
        match flow {
            None => *flow = Some(gradient),
            Some(flow) => {
                pointwise::add_to(self.network.isa, &gradient, flow);
                self.buffers.give(gradient);
            }
        }
    }
}

/// Bytes of the inputs and targets of a step.
fn batch_bytes(size: [usize; 3]) -> u64 {
    2 * size_of::<f32>() as u64 * size.iter().map(|&length| length as u64).product::<u64>()
}

/// What a forward walk leaves for the backward one.
struct Values {
    /// Each node's image before its activation, where it must be kept.
    before: Vec<Option<Image>>,
    /// Each node's image.
    after: Vec<Option<Image>>,
}

impl Values {
    fn none(nodes: usize) -> Self {
        let none = || (0..nodes).map(|_| None).collect();
        Self { before: none(), after: none() }
    }

    fn after(&self, node: usize) -> &Image {
        self.after[node].as_ref().expect("a training keeps every node's image")
    }
}
