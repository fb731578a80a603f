//! A plan as a graph: each node makes one image from earlier ones, so remembering an image needs no copy.

use crate::{
    error::EngineError,
    network::{Plan, Step, Weights},
};

/// Makes one image. Numbers are indices of the nodes whose images it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The network's input.
    Input,
    /// A convolution and what follows it; the number is the index of the convolution.
    Convolve(usize, usize, Activation),
    /// An activation that follows no convolution.
    Activate(usize, Activation),
    /// The largest of each 2×2 block.
    Pool(usize),
    /// Each value repeated 2×2.
    Unpool(usize),
    /// Sum of two images.
    Add(usize, usize),
    /// The first, each value repeated 2×2, plus the second.
    UnpoolAdd(usize, usize),
}

/// An operation on each value. Numbers are indices of weight tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    Identity,
    Relu,
    Prelu(usize),
}

/// What a convolution does for the next node while its rows are in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fusion {
    /// It pools them.
    Pool,
    /// It adds them, repeated 2×2, to the image of that node, which is no longer needed otherwise.
    UnpoolAdd(usize),
}

/// A convolution of the plan. The bias is the tensor after the weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Convolution {
    pub inputs: usize,
    pub outputs: usize,
    pub size: usize,
    pub weight: usize,
    /// Whether it is computed for 2×2 pixels at once (Winograd).
    pub paired: bool,
}

/// A plan's nodes in the order in which they run; the last makes the output.
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    /// Channels of each node's image, and the number of times it was halved.
    pub sizes: Vec<(usize, i32)>,
    /// The last node that needs each node's image.
    pub last_use: Vec<usize>,
    pub convolutions: Vec<Convolution>,
    /// Border for the widest kernel.
    pub halo: usize,
}

/// With fewer channels, computing pairs of pixels at once gains nothing.
const LEAST_PAIRED: usize = 8;

/// Whether a convolution of an image that was `halved` so often is computed for 2×2 pixels at once: where its sizes are
/// even. Tiles begin at multiples of the plan's, so the pairs are then the same in every tile.
fn is_paired(inputs: usize, outputs: usize, size: usize, halved: i32, multiple: usize) -> bool {
    size == 3 && inputs.min(outputs) >= LEAST_PAIRED && halved >= 0 && (multiple >> halved).is_multiple_of(2)
}

impl Graph {
    /// Checks that the steps fit together and that the weights fit them.
    pub fn new(plan: &Plan, weights: &Weights) -> Result<Self, EngineError> {
        weights.clone().fitted(plan).map_err(|error| unusable(error.to_string()))?;
        let mut graph = Self {
            nodes: vec![Node::Input],
            sizes: vec![(1, 0)],
            last_use: Vec::new(),
            convolutions: Vec::new(),
            halo: 0,
        };
        let (mut remembered, mut tensor) = (Vec::new(), 0);
        for (at, step) in plan.steps.iter().enumerate() {
            graph
                .step(step, plan.multiple, &mut remembered, &mut tensor)
                .map_err(|reason| unusable(format!("step {} of the plan, {step:?}, {reason}", at + 1)))?;
        }
        if graph.sizes.last() != Some(&(1, 0)) {
            return Err(unusable("the plan must end with one channel of the input's size".to_owned()));
        }
        let deepest = graph.sizes.iter().map(|&(_, halved)| halved).max().unwrap_or(0);
        if plan.multiple == 0 || deepest >= 32 || !(plan.multiple as u64).is_multiple_of(1 << deepest) {
            return Err(unusable(format!("the plan's multiple, {}, must be one of 2^{deepest}", plan.multiple)));
        }
        graph.last_use = (0..graph.nodes.len()).map(|node| graph.last_use_of(node)).collect();
        Ok(graph)
    }

    /// Width or height of a node's image when the input's is `length`.
    pub fn length(&self, node: usize, length: usize) -> usize {
        match self.sizes[node].1 {
            halved @ 0.. => length >> halved,
            doubled => length << -doubled,
        }
    }

    /// What the convolution at `node` does for the next node.
    pub fn fusion(&self, node: usize) -> Option<Fusion> {
        match (self.nodes[node], *self.nodes.get(node + 1)?) {
            (Node::Convolve(..), Node::Pool(of)) if of == node => Some(Fusion::Pool),
            (Node::Convolve(..), Node::UnpoolAdd(small, large))
                if small == node && self.last_use[large] == node + 1 =>
            {
                Some(Fusion::UnpoolAdd(large))
            }
            _ => None,
        }
    }

    /// The nodes whose images depend on any weight.
    pub fn trained(&self) -> Vec<bool> {
        let mut trained = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            trained.push(match *node {
                Node::Input => false,
                Node::Convolve(..) | Node::Activate(_, Activation::Prelu(_)) => true,
                Node::Activate(from, _) | Node::Pool(from) | Node::Unpool(from) => trained[from],
                Node::Add(one, other) | Node::UnpoolAdd(one, other) => trained[one] || trained[other],
            });
        }
        trained
    }

    fn step(
        &mut self,
        step: &Step,
        multiple: usize,
        remembered: &mut Vec<usize>,
        tensor: &mut usize,
    ) -> Result<(), String> {
        let current = self.nodes.len() - 1;
        let (channels, halved) = self.sizes[current];
        match *step {
            Step::Convolve { inputs, outputs, kernel: size, .. } => {
                if inputs != channels || outputs == 0 || size % 2 == 0 {
                    return Err(format!("cannot convolve {channels} channels"));
                }
                self.push(Node::Convolve(current, self.convolutions.len(), Activation::Identity), outputs, halved);
                let paired = is_paired(inputs, outputs, size, halved, multiple);
                self.convolutions.push(Convolution { inputs, outputs, size, weight: *tensor, paired });
                self.halo = self.halo.max(size / 2);
                *tensor += 2;
            }
            Step::Relu => self.activate(Activation::Relu, remembered),
            Step::Prelu { channels: slopes, .. } => {
                if slopes != channels {
                    return Err(format!("has not one slope for each of {channels} channels"));
                }
                self.activate(Activation::Prelu(*tensor), remembered);
                *tensor += 1;
            }
            Step::Remember => remembered.push(current),
            Step::MaxPool => self.push(Node::Pool(current), channels, halved + 1),
            Step::Unpool => self.push(Node::Unpool(current), channels, halved - 1),
            Step::AddRemembered => {
                let other = remembered.pop().ok_or("has nothing remembered to add")?;
                self.add(other, remembered)?;
            }
            Step::AddInput => self.add(0, remembered)?,
        }
        Ok(())
    }

    fn push(&mut self, node: Node, channels: usize, halved: i32) {
        self.nodes.push(node);
        self.sizes.push((channels, halved));
    }

    /// Joins an activation to the convolution before it, unless the image between was remembered.
    fn activate(&mut self, activation: Activation, remembered: &[usize]) {
        let current = self.nodes.len() - 1;
        match &mut self.nodes[current] {
            Node::Convolve(_, _, joined @ Activation::Identity) if !remembered.contains(&current) => {
                *joined = activation
            }
            _ => {
                let (channels, halved) = self.sizes[current];
                self.push(Node::Activate(current, activation), channels, halved);
            }
        }
    }

    /// Joins an addition to the un-pooling before it, unless the image between was remembered.
    fn add(&mut self, other: usize, remembered: &[usize]) -> Result<(), String> {
        let current = self.nodes.len() - 1;
        if self.sizes[current] != self.sizes[other] {
            return Err("adds images of different sizes or channels".to_owned());
        }
        match self.nodes[current] {
            Node::Unpool(small) if other != current && !remembered.contains(&current) => {
                self.nodes[current] = Node::UnpoolAdd(small, other);
            }
            _ => {
                let (channels, halved) = self.sizes[current];
                self.push(Node::Add(current, other), channels, halved);
            }
        }
        Ok(())
    }

    fn last_use_of(&self, image: usize) -> usize {
        let uses = |node: &Node| match *node {
            Node::Input => false,
            Node::Convolve(from, ..) | Node::Activate(from, _) | Node::Pool(from) | Node::Unpool(from) => from == image,
            Node::Add(a, b) | Node::UnpoolAdd(a, b) => a == image || b == image,
        };
        // The output is needed until the end.
        let last = self.nodes.len() - 1;
        if image == last { last } else { self.nodes.iter().rposition(uses).unwrap_or(image) }
    }
}

fn unusable(reason: String) -> EngineError {
    EngineError::Unusable { device: "cpu".to_owned(), reason }
}
