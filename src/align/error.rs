//! What can go wrong while aligning.

use crate::grey::GreyError;
use crate::memory::OutOfMemory;
use crate::progress::Cancelled;
use crate::resample::ResampleError;
use crate::stack::{Size, StackError};

use super::transform::TransformError;

/// Why two volumes could not be aligned.
#[derive(Debug, thiserror::Error)]
pub enum AlignError {
    /// A stack cannot be read, written or used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A transform file cannot be read or written.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// A volume cannot be shown in 8 bits.
    #[error(transparent)]
    Grey(GreyError),
    /// The grid asked for is impossible.
    #[error(transparent)]
    Grid(#[from] ResampleError),
    /// No voxel of the grid asked for lies in the moving volume.
    #[error("no voxel of {reference} lies within {moving}: there is nothing to crop to (is this the right transform?)")]
    NothingInCommon {
        /// The moving stack's name.
        moving: String,
        /// The reference's name.
        reference: String,
    },
    /// One field is so much larger than the other that no sample is seen in both.
    #[error(
        "the field of {moving} is {moving_field}, that of {reference} is {reference_field}: these are not scans of one sample (are both voxel sizes and their units right?)"
    )]
    FieldsDiffer {
        /// The moving stack's name.
        moving: String,
        /// Its field, with the unit.
        moving_field: String,
        /// The reference's name.
        reference: String,
        /// Its field, with the unit.
        reference_field: String,
    },
    /// Too few voxels to align.
    #[error("{name} has {size} voxels: aligning needs at least {fewest} along every axis")]
    TooSmall {
        /// Role of the stack.
        name: String,
        /// Its size.
        size: Size,
        /// Fewest voxels along an axis.
        fewest: usize,
    },
    /// One grey value everywhere.
    #[error("{name} shows nothing to align by: its grey values are all (nearly) equal")]
    Featureless {
        /// Role of the stack.
        name: String,
    },
    /// The volumes have nothing in common.
    #[error(
        "{moving} and {reference} do not seem to show the same place: the best match stands out by {distinction:.1} deviations from chance, {least} are needed (are these the right stacks and voxel sizes? if the sample was remounted, try all rotations, or flips)"
    )]
    Unrelated {
        /// The moving stack's name.
        moving: String,
        /// The reference's name.
        reference: String,
        /// By how many standard deviations the best match exceeds those at other shifts.
        distinction: f64,
        /// The least that is accepted.
        least: f64,
    },
    /// Only a thin slab agrees, as any volume agrees with its mirror image at a face.
    #[error(
        "the best match of {moving} and {reference} leaves only {percent:.0} % of the smaller field in common, {least} % are needed (if the sample was remounted or its slices run the other way, try all rotations, or flips)"
    )]
    SmallOverlap {
        /// The moving stack's name.
        moving: String,
        /// The reference's name.
        reference: String,
        /// Percentage of the smaller field in common.
        percent: f64,
        /// The least percentage that is accepted.
        least: f64,
    },
    /// The two fields of view are so unlike that searching one in the other takes more memory than is free, or than is
    /// sensible.
    #[error(
        "{fields}: searching one in the other takes {needed} of memory, {most} at the most can be had (are both voxel sizes and their units right? otherwise crop the larger stack to the surroundings of the smaller)"
    )]
    SearchTooLarge {
        /// Both stacks and their fields, with the unit, in words.
        fields: String,
        /// What the search would take, for example "864000 MB".
        needed: String,
        /// What it may take.
        most: String,
    },
    /// A transform squeezes or stretches so much that the fields of view cannot be laid side by side.
    #[error("the transform stretches the field of view beyond all measure: check its file, and both voxel sizes")]
    Stretched,
    /// The optimiser refused its settings.
    #[error("the optimiser failed: {0}")]
    Optimiser(String),
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<OutOfMemory> for AlignError {
    fn from(error: OutOfMemory) -> Self {
        Self::Stack(error.into())
    }
}

impl From<GreyError> for AlignError {
    fn from(error: GreyError) -> Self {
        match error {
            GreyError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            other => Self::Grey(other),
        }
    }
}
