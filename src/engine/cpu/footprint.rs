//! The memory that applying a network takes.

use std::collections::HashMap;

use super::{graph::Fusion, layout::Shape, network::Network};

impl Network {
    /// Bytes of all images that the walk takes for an input of one image of `height` × `width`.
    ///
    /// The graph is walked as [`Walk`](super::runner::Walk) does, with counts in place of images: an image that is no
    /// longer needed serves the next of its shape, and none is given back before the end.
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
        engine::{Images, Runner, cpu},
        network::{Activation, Architecture, Spec, Weights},
    };

    #[test]
    fn the_footprint_is_what_the_engine_takes() {
        for (network, layers) in [(Architecture::RedNet, 3), (Architecture::RedNet, 6), (Architecture::Srcnn, 4)] {
            for (activation, channels, residual) in
                [(Activation::Relu, 1, false), (Activation::Prelu, 5, true), (Activation::Prelu, 32, false)]
            {
                let spec = Spec { network, layers, activation, channels, residual };
                let plan = spec.plan().unwrap();
                let mut runner = cpu::runner(&plan, &Weights::initial(&spec, &plan, 1)).unwrap();
                for (height, width) in [(plan.multiple, 2 * plan.multiple), (96, 64)] {
                    let values = vec![0.5; height * width];
                    runner.run(&Images { count: 1, height, width, values }).unwrap();
                    assert_eq!(runner.footprint(height, width), Some(runner.taken()), "{spec}, {width}×{height}");
                }
            }
        }
    }
}
