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
            ("Voxel size", training.voxel.to_string()),
            ("Stacks", format!("{} voxels each, aligned", training.size)),
            ("Slices trained on", slices(training.training_slices)),
            ("Slices held back for validation", slices(training.validation_slices)),
            ("Grey window of the laboratory", format!("{} to {}", self.input_window.low, self.input_window.high)),
            (
                "Grey window of the synchrotron",
                format!("{} to {} {}", self.output_window.low, self.output_window.high, self.value_unit)
                    .trim()
                    .to_owned(),
            ),
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
    /// more than a fifth along any axis, or that cannot be compared because only one of them is known.
    pub fn voxel_warning(&self, voxel: VoxelSize) -> Option<String> {
        let trained = self.training.voxel;
        let advice = match (trained.known, voxel.known) {
            (false, false) => return None,
            (true, true) if trained.is_within(voxel, MOST_DEVIATION) => return None,
            (true, true) => "resample it first, or what the model draws has the wrong scale",
            (true, false) => "set its voxel size with a unit of length, so that it can be compared",
            (false, true) => "whether they are equally large is not known",
        };
        Some(format!("the model was trained on voxels of {trained}, the image has {voxel}: {advice}"))
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
        let warned = |x, z| card.voxel_warning(VoxelSize::new(x, 0.6, z)).is_some();
        assert!(!warned(0.6, 0.6) && !warned(0.7, 0.5));
        assert!(warned(0.73, 0.6) && warned(0.6, 0.47) && warned(f64::NAN, 0.6));
        assert!(card.voxel_warning(VoxelSize::isotropic(1.0)).unwrap().contains("0.6×0.6×0.6 µm"));
        let pixels = VoxelSize::in_unit([0.6; 3], "pixel");
        assert!(card.voxel_warning(pixels).unwrap().contains("set its voxel size with a unit of length"));
        assert!(card.voxel_warning(VoxelSize::in_unit([0.0006; 3], "mm")).is_none());
        assert!(card.voxel_warning(VoxelSize::new(0.6, 0.6, 0.0)).is_none(), "an unknown depth is not compared");
        let unmeasured = Card { training: crate::model::Training { voxel: pixels, ..card.training.clone() }, ..card };
        assert!(
            unmeasured.voxel_warning(pixels).is_none() && unmeasured.voxel_warning(VoxelSize::isotropic(0.6)).is_some()
        );
        assert!(unmeasured.summary().iter().any(|(name, text)| *name == "Voxel size" && text.contains("no unit")));
    }
}
