//! A card in words, for the package's README and the model's window.

use undulator_compute::{Schedule, network::Activation};

use super::{Card, Scores};
use crate::stack::VoxelSize;

/// Voxel sizes that differ by more than this are those of different measurements.
const MOST_DEVIATION: f64 = 0.2;

/// A restored slice with a smaller share of the reference's contrast shows nothing.
const LEAST_CONTRAST: f64 = 0.05;
/// Learning rates up to this are usual.
const USUAL_RATE: f64 = 0.001;
/// Trainings of fewer epochs may have been too short.
const MANY_EPOCHS: usize = 100;

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
        let mut summary = vec![
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
        ];
        if let Some(failure) = self.failure() {
            summary.insert(0, ("Warning", failure));
        }
        summary
    }

    /// What to say of a model that is of no use, and what to train otherwise: it makes one grey value of everything, or
    /// does worse than no network.
    pub fn failure(&self) -> Option<String> {
        let worse = |than: &str, other: fn(&Scores) -> f64| {
            let scores = self.scores.filter(|scores| scores.restored < other(scores))?;
            Some(format!(
                "the restored validation slices have {:.2} dB, {than} {:.2} dB",
                scores.restored,
                other(&scores)
            ))
        };
        let flat = self.contrast.filter(|contrast| *contrast < LEAST_CONTRAST).map(|contrast| {
            let percent = 100.0 * contrast;
            format!("what it restores is nearly one grey value, with {percent:.1} % of the reference's contrast")
        });
        let what = flat
            .or_else(|| worse("the laboratory's as they are", |scores| scores.raw))
            .or_else(|| worse("the laboratory's with their grey values matched", |scores| scores.matched))?;
        let training = &self.training;
        let mut advice = Vec::new();
        if training.rate > USUAL_RATE {
            advice.push(format!("a lower learning rate than {} ({USUAL_RATE} is usual)", training.rate));
        }
        if self.network.activation == Activation::Relu {
            advice.push("the activation PReLU in place of ReLU".to_owned());
        }
        if training.history.len() < MANY_EPOCHS {
            advice.push(format!("more epochs than {}", training.history.len()));
        }
        let train = match advice.is_empty() {
            true => String::new(),
            false => format!("train again with {}, and ", advice.join(", ")),
        };
        Some(format!(
            "the network learned nothing of use: {what}: {train}check that the two stacks are aligned and that the grey \
             windows hold their grey values"
        ))
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
    fn a_training_that_learned_nothing_says_why_and_what_to_change() {
        let mut card = model().card;
        card.contrast = Some(0.9);
        let scores = card.scores.unwrap();
        assert_eq!(card.failure(), None);
        assert!(card.summary().iter().all(|(name, _)| *name != "Warning"));
        card.scores = None;
        assert_eq!(card.failure(), None);
        let with = |restored, contrast| Card { scores: Some(Scores { restored, ..scores }), contrast, ..card.clone() };
        let raw = with(12.0, None).failure().unwrap();
        assert!(raw.contains("12.00 dB") && raw.contains("as they are 12.80 dB"), "{raw}");
        let matched = with(14.0, Some(0.5)).failure().unwrap();
        assert!(matched.contains("matched 15.50 dB") && matched.contains("more epochs than 60"), "{matched}");
        assert!(!matched.contains("learning rate") && !matched.contains("ReLU"), "{matched}");
        // A constant is told without validation slices, too, and whatever its score.
        let mut flat = Card { contrast: Some(0.001), ..card.clone() };
        (flat.training.rate, flat.network.activation) = (0.3, Activation::Relu);
        let text = flat.failure().unwrap();
        assert!(text.contains("nearly one grey value, with 0.1 %"), "{text}");
        assert!(text.contains("lower learning rate than 0.3 (0.001 is usual)") && text.contains("PReLU"), "{text}");
        assert_eq!(flat.summary()[0], ("Warning", text));
        // Equal images leave nothing to learn.
        let perfect = Scores { restored: f64::INFINITY, raw: f64::INFINITY, ..scores };
        assert_eq!(Card { scores: Some(perfect), ..card }.failure(), None);
    }

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
