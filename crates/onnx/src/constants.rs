//! What is known of a graph's values before anything is computed.

use std::collections::{HashMap, HashSet};

use crate::{fold, protobuf::text};

/// Values that are computed to learn how large another becomes, together.
const MOST_FOLDED: u64 = 1 << 12;
/// Steps that compute them.
const MOST_STEPS: usize = 256;
/// How often that is done in a file.
const MOST_FOLDS: usize = 64;

/// What is known of a value.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// It depends on the image's numbers.
    Image,
    /// It has so many values at the most.
    Constant { most: u64, origin: Origin<'a> },
}

/// Where a constant comes from.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A tensor in the file.
    Stored(&'a [u8]),
    /// A step that takes constants alone.
    Made(usize),
    /// The size of an image.
    Sized,
}

/// The values that are known so far.
#[derive(Default)]
pub(crate) struct Constants<'a> {
    known: HashMap<&'a str, Known<'a>>,
    /// Steps that take constants alone, with their inputs.
    steps: Vec<(&'a [u8], Vec<&'a str>)>,
    folds: usize,
}

impl<'a> Constants<'a> {
    pub fn get(&self, name: &str) -> Option<Known<'a>> {
        self.known.get(name).copied()
    }

    /// Adds a value.
    ///
    /// # Errors
    /// In words: when there is one of the name.
    pub fn add(&mut self, name: &'a str, known: Known<'a>) -> Result<(), String> {
        match self.known.insert(name, known) {
            None => Ok(()),
            Some(_) => Err(format!("two of its values have the name {name:?}")),
        }
    }

    /// Adds a step that takes constants alone.
    pub fn step(&mut self, node: &'a [u8], inputs: Vec<&'a str>) -> Origin<'a> {
        let sized =
            inputs.iter().any(|input| matches!(self.get(input), Some(Known::Constant { origin: Origin::Sized, .. })));
        if sized {
            return Origin::Sized;
        }
        self.steps.push((node, inputs));
        Origin::Made(self.steps.len() - 1)
    }

    /// Values that the file holds.
    pub fn stored(&self) -> u64 {
        let values = |known: &Known| match known {
            Known::Constant { most, .. } => *most,
            Known::Image => 0,
        };
        self.known.values().map(values).sum()
    }

    /// The numbers of constants, which are computed from as few as say how large something is.
    ///
    /// # Errors
    /// In words: when they follow from an image's size, are too many, or cannot be computed.
    pub fn numbers(&mut self, names: &[&'a str], opset: u64) -> Result<Vec<f64>, String> {
        self.folds += 1;
        if self.folds > MOST_FOLDS {
            return Err(format!("follows from other values more than {MOST_FOLDS} times"));
        }
        let (mut open, mut seen, mut steps, mut tensors, mut most) =
            (names.to_vec(), HashSet::new(), Vec::new(), Vec::new(), 0);
        while let Some(name) = open.pop() {
            let Some(Known::Constant { most: values, origin }) = self.get(name).filter(|_| seen.insert(name)) else {
                continue;
            };
            most += values;
            match origin {
                Origin::Stored(tensor) => tensors.push(tensor),
                Origin::Made(at) => {
                    steps.push(at);
                    open.extend(&self.steps[at].1);
                }
                Origin::Sized => return Err("follows from the size of the image".to_owned()),
            }
            if most > MOST_FOLDED || steps.len() > MOST_STEPS {
                return Err(format!("follows from more than {MOST_FOLDED} values or {MOST_STEPS} steps"));
            }
        }
        // A step may come before another that it does not know of, but after all that it takes.
        steps.sort_unstable();
        steps.dedup();
        let nodes: Vec<&[u8]> = steps.iter().map(|at| self.steps[*at].0).collect();
        let mut numbers = Vec::new();
        for name in names {
            let found = fold::numbers(&nodes, &tensors, name, opset);
            numbers.extend(found.map_err(|what| format!("cannot be computed ({what})"))?);
        }
        Ok(numbers)
    }
}

/// The name of a tensor in the file.
pub(crate) fn tensor_name(tensor: &[u8]) -> Result<&str, String> {
    text(tensor, 8)
}
