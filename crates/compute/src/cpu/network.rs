//! A network's graph with its weights in the kernels' layout, and the forward pass.

use rayon::prelude::*;

use super::{
    convolve::{Filter, in_blocks},
    graph::{Activation, Convolution, Graph, Node},
    layout::{Buffers, Image, Shape},
    pointwise, pool,
};
use crate::{
    error::EngineError,
    images::Images,
    network::{Plan, Weights},
    simd::Isa,
};

/// What the runner and the trainer share.
pub(super) struct Network {
    pub isa: Isa,
    pub graph: Graph,
    /// The filter of each convolution.
    pub filters: Vec<Filter>,
    /// The factors for values below zero, of each node.
    pub slopes: Vec<Option<Vec<f32>>>,
}

impl Network {
    /// Checks the plan and its weights, and lays them out.
    pub fn new(isa: Isa, plan: &Plan, weights: &Weights) -> Result<Self, EngineError> {
        let graph = Graph::new(plan, weights)?;
        let mut network = Self { isa, graph, filters: Vec::new(), slopes: Vec::new() };
        network.load(weights);
        Ok(network)
    }

    /// Lays out weights that fit the plan.
    pub fn load(&mut self, weights: &Weights) {
        let Self { isa, graph, .. } = self;
        let filter = |convolution: &Convolution| {
            let (weight, bias) = (&weights.0[convolution.weight], &weights.0[convolution.weight + 1]);
            Filter::forward(*isa, convolution, &weight.values, &bias.values)
        };
        self.filters = graph.convolutions.iter().map(filter).collect();
        let slopes = graph.nodes.iter().zip(&graph.sizes).map(|(node, &(channels, _))| {
            let (Node::Convolve(_, _, activation) | Node::Activate(_, activation)) = node else { return None };
            match activation {
                Activation::Identity => None,
                Activation::Relu => Some(in_blocks(*isa, &vec![0.0; channels])),
                Activation::Prelu(tensor) => Some(in_blocks(*isa, &weights.0[*tensor].values)),
            }
        });
        self.slopes = slopes.collect();
    }

    /// Images that fit this network.
    pub fn buffers(&self) -> Buffers {
        Buffers::new(self.isa.lanes(), self.graph.halo)
    }

    /// Shape of a node's image for an input of `count` images of `height` × `width`.
    pub fn shape(&self, node: usize, count: usize, height: usize, width: usize) -> Shape {
        let (height, width) = (self.graph.length(node, height), self.graph.length(node, width));
        Shape { count, channels: self.graph.sizes[node].0, height, width }
    }

    /// Computes the image of a node that is not a convolution.
    pub fn pass(&self, node: usize, values: &[Option<Image>], to: &mut Image) {
        let isa = self.isa;
        let value = |node: usize| values[node].as_ref().expect("a node's image is kept until its last use");
        match self.graph.nodes[node] {
            Node::Input | Node::Convolve(..) => unreachable!("the walks make these images themselves"),
            Node::Activate(from, _) => match &self.slopes[node] {
                Some(slope) => pointwise::activate(isa, slope, value(from), to),
                None => pointwise::copy(value(from), to),
            },
            Node::Pool(from) => {
                let (layout, from) = (pool::Layout::of(to), value(from));
                to.bands(ROWS).into_par_iter().for_each(|band| {
                    let rows = band.data.len() / layout.small_row();
                    layout.pool(isa, from.rows(band.image, 2 * band.y, 2 * rows), band.data);
                });
            }
            Node::Unpool(from) => {
                pointwise::clear(to);
                unpool_add(isa, value(from), to);
            }
            Node::Add(one, other) => pointwise::add(isa, value(one), value(other), to),
            Node::UnpoolAdd(small, large) => {
                pointwise::copy(value(large), to);
                unpool_add(isa, value(small), to);
            }
        }
    }
}

/// Rows of the smaller image per task.
pub(super) const ROWS: usize = 4;

fn unpool_add(isa: Isa, small: &Image, to: &mut Image) {
    let layout = pool::Layout::of(small);
    to.bands(2 * ROWS).into_par_iter().for_each(|band| {
        let rows = band.data.len() / layout.large_row() / 2;
        layout.unpool_add(isa, small.rows(band.image, band.y / 2, rows), band.data);
    });
}

/// Adds the gradient of a pooled image to that of the image before the pooling.
pub(super) fn pool_gradient(isa: Isa, large: &Image, small: &Image, from: &Image, to: &mut Image) {
    let layout = pool::Layout::of(small);
    to.bands(2 * ROWS).into_par_iter().for_each(|band| {
        let rows = band.data.len() / layout.large_row() / 2;
        let (y, image) = (band.y, band.image);
        let (small, from) = (small.rows(image, y / 2, rows), from.rows(image, y / 2, rows));
        layout.pool_gradient(isa, large.rows(image, y, 2 * rows), small, from, band.data);
    });
}

/// Copies images from `first` on into the network's input.
pub(super) fn put_input(images: &Images, first: usize, to: &mut Image) {
    let values = &images.values[first * images.height * images.width..];
    for (row, values) in to.pixels_mut().zip(values.chunks_exact(images.width)) {
        row.copy_from_slice(values);
    }
}

/// Checks that images have the right number of values.
pub(super) fn check_values(images: &Images) -> Result<(), EngineError> {
    let Images { count, height, width, ref values } = *images;
    let expected = count.checked_mul(height).and_then(|pixels| pixels.checked_mul(width));
    if expected == Some(values.len()) {
        return Ok(());
    }
    let reason = format!("{count} images of {width}×{height} pixels come with {} values", values.len());
    Err(EngineError::Device { reason })
}
