//! Applying a network.

use super::{
    convolve::{Tail, convolve},
    graph::{Fusion, Node},
    layout::{Buffers, Image},
    network::{Network, check_values, put_input},
};
use crate::{
    error::EngineError,
    images::{Images, check_images},
    memory,
    network::{Plan, Weights},
    runner::Runner,
    simd::Isa,
};

/// Applies a network on the CPU, one image after the other, each on all threads of the current rayon pool.
///
/// Memory: the network's images that are needed at the same time, kept for the next image of the same size.
pub struct CpuRunner {
    plan: Plan,
    network: Network,
    walk: Walk,
}

impl CpuRunner {
    pub(super) fn new(isa: Isa, plan: &Plan, weights: &Weights) -> Result<Self, EngineError> {
        let network = Network::new(isa, plan, weights)?;
        let walk = Walk::new(&network);
        Ok(Self { plan: plan.clone(), network, walk })
    }

    /// Bytes of all images that it holds.
    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        self.walk.taken()
    }
}

impl Runner for CpuRunner {
    fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
        check_images(&self.plan, images)?;
        check_values(images)?;
        self.walk.run(&self.network, images)
    }

    fn footprint(&self, height: usize, width: usize) -> Option<u64> {
        Some(self.network.footprint(height, width))
    }
}

/// The forward pass, keeping nothing for a backward pass.
pub(super) struct Walk {
    buffers: Buffers,
    /// Of the images that the buffers are for.
    size: (usize, usize),
}

impl Walk {
    pub fn new(network: &Network) -> Self {
        Self { buffers: network.buffers(), size: (0, 0) }
    }

    /// Bytes of all images that it holds.
    #[cfg(test)]
    pub fn taken(&self) -> u64 {
        self.buffers.bytes()
    }

    /// The network's output for each image.
    ///
    /// # Errors
    /// [`EngineError::Memory`]; what it held is given back then.
    pub fn run(&mut self, network: &Network, images: &Images) -> Result<Vec<f32>, EngineError> {
        let outputs = self.outputs(network, images);
        if outputs.is_err() {
            self.buffers.clear();
        }
        outputs
    }

    fn outputs(&mut self, network: &Network, images: &Images) -> Result<Vec<f32>, EngineError> {
        if self.size != (images.height, images.width) {
            self.buffers.clear();
            self.size = (images.height, images.width);
        }
        let mut outputs = Vec::new();
        memory::reserve(&mut outputs, images.values.len())?;
        for image in 0..images.count {
            let mut input = self.take(network, 0)?;
            put_input(images, image, &mut input);
            let output = self.image(network, input)?;
            output.pixels().for_each(|row| outputs.extend_from_slice(row));
            self.buffers.give(output);
        }
        Ok(outputs)
    }

    fn take(&mut self, network: &Network, node: usize) -> Result<Image, EngineError> {
        self.buffers.take(network.shape(node, 1, self.size.0, self.size.1))
    }

    fn image(&mut self, network: &Network, input: Image) -> Result<Image, EngineError> {
        let nodes = &network.graph.nodes;
        let mut values: Vec<Option<Image>> = nodes.iter().map(|_| None).collect();
        values[0] = Some(input);
        for node in 1..nodes.len() {
            if values[node].is_none() {
                match nodes[node] {
                    Node::Convolve(..) => self.convolve(network, node, &mut values)?,
                    _ => {
                        let mut to = self.take(network, node)?;
                        network.pass(node, &values, &mut to);
                        values[node] = Some(to);
                    }
                }
            }
            for (value, &last) in values.iter_mut().zip(&network.graph.last_use) {
                if last == node
                    && last + 1 < nodes.len()
                    && let Some(image) = value.take()
                {
                    self.buffers.give(image);
                }
            }
        }
        let output = values.pop().flatten();
        values.into_iter().flatten().for_each(|image| self.buffers.give(image));
        Ok(output.expect("the last node makes the output"))
    }

    /// Convolves, and does what the next node says as long as the rows are in the cache.
    fn convolve(&mut self, network: &Network, node: usize, values: &mut [Option<Image>]) -> Result<(), EngineError> {
        let Network { isa, graph, filters, slopes } = network;
        let Node::Convolve(from, filter, _) = graph.nodes[node] else { return Ok(()) };
        let mut to = self.take(network, node)?;
        let fusion = graph.fusion(node);
        let mut next = match fusion {
            Some(Fusion::Pool) => Some(self.take(network, node + 1)?),
            Some(Fusion::UnpoolAdd(large)) => values[large].take(),
            None => None,
        };
        let tail = match (fusion, &mut next) {
            (Some(Fusion::Pool), Some(small)) => Tail::Pool(small),
            (_, Some(large)) => Tail::UnpoolAdd(large),
            (_, None) => Tail::Keep,
        };
        let input = values[from].as_ref().expect("a node's image is kept until its last use");
        convolve(*isa, &filters[filter], slopes[node].as_deref(), input, &mut to, tail);
        values[node] = Some(to);
        if let Some(image) = next {
            values[node + 1] = Some(image);
        }
        Ok(())
    }
}
