//! Memory of a network, counted on the same graph that is executed.

use std::collections::HashMap;

use super::{
    gradient,
    graph::{Fusion, Node},
    layout::Shape,
    loss,
    network::Network,
};
use crate::loss::Loss;

impl Network {
    /// Bytes of all images in the forward pass for one input image of `height` × `width`.
    ///
    /// The graph is walked as by [`Walk`](super::runner::Walk), with counts in place of images: an image that is no longer
    /// needed is reused for the next of its shape, and none is freed before the end.
    pub fn footprint(&self, height: usize, width: usize) -> u64 {
        let (mut pool, buffers) = (Pool::default(), self.buffers());
        let take = |pool: &mut Pool, node| {
            let shape = self.shape(node, 1, height, width);
            pool.take(shape, buffers.bytes_of(shape));
            Some(shape)
        };
        let nodes = self.graph.nodes.len();
        let mut live: Vec<Option<Shape>> = vec![None; nodes];
        live[0] = take(&mut pool, 0);
        for node in 1..nodes {
            if live[node].is_none() {
                live[node] = take(&mut pool, node);
                match self.graph.fusion(node) {
                    Some(Fusion::Pool) => live[node + 1] = take(&mut pool, node + 1),
                    Some(Fusion::UnpoolAdd(large)) => live[node + 1] = live[large].take(),
                    None => {}
                }
            }
            for (image, &last) in live.iter_mut().zip(&self.graph.last_use) {
                if last == node && node + 1 < nodes {
                    image.take().inspect(|shape| pool.give(*shape));
                }
            }
        }
        pool.bytes
    }

    /// Bytes of all images in a training step for `count` images of `height` × `width`: those of all nodes, kept for the
    /// backward pass, another where `keeps_before` says so, and the gradients in flight.
    ///
    /// The graph is walked as by [`CpuTrainer`](super::CpuTrainer), forward and backward.
    pub fn training_images(&self, [count, height, width]: [usize; 3], keeps_before: impl Fn(usize) -> bool) -> u64 {
        let nodes = &self.graph.nodes;
        let shapes = (0..nodes.len()).map(|node| self.shape(node, count, height, width)).collect();
        let mut flow = Flow { pool: Pool::default(), shapes, network: self, flows: vec![false; nodes.len()] };
        for node in 0..nodes.len() {
            flow.take(node);
            if keeps_before(node) {
                flow.take(node);
            }
        }
        flow.back(&self.graph.trained());
        flow.pool.bytes
    }

    /// Bytes that a step takes beside those images and the batch: what the loss or the gradients of the weights take while
    /// they are computed.
    pub fn training_scratch(&self, [count, height, width]: [usize; 3], loss: Loss, parameters: usize) -> u64 {
        let pixels = (count * height * width) as u64;
        let convolutions = self.graph.convolutions.iter();
        let sums = convolutions.map(|convolution| gradient::scratch(self.isa, convolution, count, height, width)).max();
        let gradients = (size_of::<f32>() * parameters) as u64 + sums.unwrap_or(0);
        gradients.max((loss::BYTES_A_PIXEL + loss.scratch()) * pixels)
    }
}

/// Counts the gradients of the backward pass.
struct Flow<'a> {
    pool: Pool,
    network: &'a Network,
    /// Of each node's image, bytes.
    shapes: Vec<Shape>,
    /// Whether a gradient has reached a node.
    flows: Vec<bool>,
}

impl Flow<'_> {
    fn back(&mut self, trained: &[bool]) {
        let nodes = &self.network.graph.nodes;
        self.take(nodes.len() - 1);
        self.flows[nodes.len() - 1] = true;
        for (node, step) in nodes.iter().enumerate().rev() {
            if !std::mem::take(&mut self.flows[node]) {
                continue;
            }
            match *step {
                Node::Input => self.give(node),
                Node::Convolve(from, ..) => {
                    if trained[from] {
                        self.take(from);
                        self.add(from);
                    }
                    self.give(node);
                }
                Node::Activate(from, _) => self.add(from),
                Node::Pool(from) => {
                    if !self.flows[from] {
                        self.take(from);
                        self.add(from);
                    }
                    self.give(node);
                }
                Node::Unpool(from) => {
                    self.take(from);
                    self.add(from);
                    self.give(node);
                }
                Node::UnpoolAdd(one, other) | Node::Add(one, other) => {
                    self.take(one);
                    self.add(one);
                    self.add(other);
                }
            }
        }
    }

    /// Counts an image of a node's shape.
    fn take(&mut self, node: usize) {
        let shape = self.shapes[node];
        self.pool.take(shape, self.network.buffers().bytes_of(shape));
    }

    fn give(&mut self, node: usize) {
        self.pool.give(self.shapes[node]);
    }

    /// A gradient reaches a node; a second one is added to the first.
    fn add(&mut self, node: usize) {
        if std::mem::replace(&mut self.flows[node], true) {
            self.give(node);
        }
    }
}

/// Counts images as [`Buffers`](super::layout::Buffers) keeps them.
#[derive(Default)]
struct Pool {
    free: HashMap<Shape, usize>,
    bytes: u64,
}

impl Pool {
    fn take(&mut self, shape: Shape, bytes: u64) {
        match self.free.get_mut(&shape) {
            Some(free) if *free > 0 => *free -= 1,
            _ => self.bytes += bytes,
        }
    }

    fn give(&mut self, shape: Shape) {
        *self.free.entry(shape).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        cpu,
        images::Images,
        loss::Loss,
        network::{Activation, Architecture, Plan, Spec, Weights},
        runner::Runner,
        trainer::TrainerState,
    };

    /// Networks of both architectures, with initial weights.
    fn networks() -> impl Iterator<Item = (Spec, Plan, Weights)> {
        let networks = [(Architecture::RedNet, 3), (Architecture::RedNet, 6), (Architecture::Srcnn, 4)];
        networks.into_iter().flat_map(|(network, layers)| {
            let kinds = [(Activation::Relu, 1, false), (Activation::Prelu, 5, true), (Activation::Prelu, 32, false)];
            kinds.into_iter().map(move |(activation, channels, residual)| {
                let spec = Spec { network, layers, activation, channels, residual };
                let plan = spec.plan().unwrap();
                let weights = Weights::initial(&spec, &plan, 1);
                (spec, plan, weights)
            })
        })
    }

    fn images(count: usize, height: usize, width: usize) -> Images {
        Images { count, height, width, values: vec![0.5; count * height * width] }
    }

    #[test]
    fn the_footprint_is_what_the_engine_takes() {
        for (spec, plan, weights) in networks() {
            let mut runner = cpu::runner(&plan, &weights).unwrap();
            let mut trainer = cpu::trainer(&plan, &TrainerState::start(weights), Loss::Mse).unwrap();
            for (height, width) in [(plan.multiple, 2 * plan.multiple), (96, 64)] {
                runner.run(&images(1, height, width)).unwrap();
                assert_eq!(runner.footprint(height, width), Some(runner.taken()), "{spec}, {width}×{height}");
                trainer.run(&images(1, height, width)).unwrap();
                assert_eq!(trainer.footprint(height, width), Some(trainer.taken().0), "{spec}, {width}×{height}");
            }
        }
    }

    #[test]
    fn the_images_of_a_step_are_what_the_engine_takes() {
        let negative = |(spec, plan, mut weights): (Spec, Plan, Weights)| {
            // Values before an activation cannot be recovered where a slope is negative, so they are kept.
            let prelu = weights.0.iter_mut().find(|tensor| tensor.name.ends_with(".slope"));
            prelu.into_iter().for_each(|slope| slope.values[0] = -0.1);
            (spec, plan, weights)
        };
        for (spec, plan, weights) in networks().chain(networks().map(negative)) {
            let mut trainer = cpu::trainer(&plan, &TrainerState::start(weights), Loss::Mse).unwrap();
            for (count, height, width) in [(3, plan.multiple, 2 * plan.multiple), (2, 96, 64), (1, 64, 96)] {
                let images = images(count, height, width);
                let expected = trainer.step_images([count, height, width]);
                for _ in 0..2 {
                    trainer.gradients(&images, &images).unwrap();
                    assert_eq!(expected, trainer.taken().1, "{spec}, {count} of {width}×{height}");
                }
            }
        }
    }
}
