//! Scores of restored slices against a reference.

use crate::{
    grey::Window,
    measure::{Score, Scorer, WHITE_8},
    stack::{SliceSource, StackError, read_finite},
};

/// Scores restored slices in ascending order, on 8 bits in the reference's grey window.
pub(super) struct ReferenceScorer<'a> {
    reference: &'a dyn SliceSource,
    window: Window,
    scorer: Scorer,
    target: Vec<f32>,
}

impl<'a> ReferenceScorer<'a> {
    pub fn new(reference: &'a dyn SliceSource, window: Window) -> Self {
        let size = reference.shape().size;
        let scorer = Scorer::new(size.width, WHITE_8);
        Self { reference, window, scorer, target: vec![0.0; size.plane()] }
    }

    /// Scores slice `z`, whose grey values are 8 bits afterwards.
    pub fn add(&mut self, z: usize, restored: &mut [f32]) -> Result<(), StackError> {
        read_finite(self.reference, z, &mut self.target)?;
        let to_8_bit = |grey: &mut f32| *grey = self.window.to_8_bit(*grey).into();
        restored.iter_mut().for_each(to_8_bit);
        self.target.iter_mut().for_each(to_8_bit);
        self.scorer.add(restored, &self.target);
        Ok(())
    }

    /// The score of all slices.
    pub fn score(self) -> Score {
        self.scorer.finish().stack
    }
}
