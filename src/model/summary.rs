//! A card in words, for the package's README and the model's window.

use undulator_compute::Schedule;

use super::Card;
use crate::stack::VoxelSize;

/// Voxel sizes that differ by more than this are those of different measurements.
const MOST_DEVIATION: f64 = 0.2;

impl Card {
    /// What was trained on what: name and value, in the order in which they are read best.
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        let training = &self.training;
        let slices = |(first, end): (usize, usize)| match first < end {
            true => format!("{} to {end}", first + 1),
            false => "none".to_owned(),
        };
        let patch = match training.patch {
            0 => "whole slices".to_owned(),
            edge => format!("{edge}×{edge} pixels"),
        };
        let rate = match training.schedule {
            Schedule::Constant => format!("{}", training.rate),
            schedule => format!("{}, {schedule}", training.rate),
        };
        let parameters = self.network.plan().map_or(0, |plan| plan.parameters());
        vec![
            ("Network", self.network.to_string()),
            ("Trained parameters", parameters.to_string()),
            ("Voxel size", format!("{} µm", training.voxel)),
            ("Stacks", format!("{} voxels each, aligned", training.size)),
            ("Slices trained on", slices(training.training_slices)),
            ("Slices held back for validation", slices(training.validation_slices)),
            ("Grey window of the laboratory", format!("{} to {}", self.input_window.low, self.input_window.high)),
            ("Grey window of the synchrotron", format!("{} to {}", self.output_window.low, self.output_window.high)),
            ("Batch size", training.batch.to_string()),
            ("Patches", patch),
            ("Loss", training.loss.to_string()),
            ("Learning rate (Adam)", rate),
            ("Flips and turns", if training.augment { "at random" } else { "none" }.to_owned()),
            ("Seed", training.seed.to_string()),
            ("Device", training.device.clone()),
            ("Epochs", format!("{}, best {}", training.history.len(), training.best_epoch)),
        ]
    }

    /// What to say before the model restores a stack of another voxel size than it was trained on: one that differs by
    /// more than a fifth along any axis.
    pub fn voxel_warning(&self, voxel: VoxelSize) -> Option<String> {
        let trained = self.training.voxel;
        // What is not a number is near to nothing.
        let near = |own: f64, other: f64| (other / own - 1.0).abs() <= MOST_DEVIATION;
        let all = near(trained.x, voxel.x) && near(trained.y, voxel.y) && near(trained.z, voxel.z);
        (!all).then(|| {
            format!(
                "the model was trained on voxels of {trained}, the image has {voxel}: resample it first, or what the \
                 model draws has the wrong scale"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::package::tests::model;

    #[test]
    fn a_voxel_size_that_differs_by_more_than_a_fifth_is_warned_of() {
        let card = model().card;
        assert_eq!(card.training.voxel, VoxelSize::isotropic(0.6));
        let warned = |x, z| card.voxel_warning(VoxelSize { x, y: 0.6, z }).is_some();
        assert!(!warned(0.6, 0.6) && !warned(0.7, 0.5));
        assert!(warned(0.73, 0.6) && warned(0.6, 0.47) && warned(f64::NAN, 0.6));
        assert!(card.voxel_warning(VoxelSize::isotropic(1.0)).unwrap().contains("0.6×0.6×0.6"));
    }
}
