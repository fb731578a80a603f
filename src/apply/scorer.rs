//! Scores of restored slices against a reference.

use ndarray::Array2;

use crate::{
    grey::Window,
    measure::{Score, Scorer, WHITE_8, to_8_bit},
    stack::{SliceSource, StackError, black_slice, read_measured},
};

/// Scores restored slices in ascending order, on 8 bits in the reference's grey window.
pub(super) struct ReferenceScorer<'a> {
    reference: &'a dyn SliceSource,
    window: Window,
    scorer: Scorer,
    target: Array2<f32>,
}

impl<'a> ReferenceScorer<'a> {
    pub fn new(reference: &'a dyn SliceSource, window: Window) -> Result<Self, StackError> {
        let target = black_slice(reference.shape().size)?;
        Ok(Self { reference, window, scorer: Scorer::new(WHITE_8), target })
    }

    /// Scores slice `z`, whose grey values are 8 bits afterwards; NaN takes no part and stays.
    pub fn add(&mut self, z: usize, restored: &mut Array2<f32>) -> Result<(), StackError> {
        read_measured(self.reference, z, self.target.view_mut())?;
        to_8_bit(self.window, restored);
        to_8_bit(self.window, &mut self.target);
        self.scorer.add(restored.view(), self.target.view());
        Ok(())
    }

    /// The score of all slices.
    pub fn score(self) -> Score {
        self.scorer.finish().stack
    }
}
