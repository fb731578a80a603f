//! Learning rate schedules.

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// A learning rate schedule. The rate depends only on the earlier epochs, so that a resumed training uses the same rates.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Schedule {
    /// Constant.
    #[default]
    Constant,
    /// Half a cosine from the rate down to a hundredth of it in the last epoch (I. Loshchilov and F. Hutter 2017,
    /// without restarts).
    Cosine,
    /// Halved whenever ten epochs brought no better one, down to a thousandth.
    Plateau,
}

/// Epochs without a better one after which [`Schedule::Plateau`] halves the rate.
const PATIENCE: usize = 10;
const COSINE_END: f64 = 0.01;
const PLATEAU_END: f64 = 0.001;

impl Schedule {
    /// The rate of the next epoch, of `epochs` in all, when training starts with `rate` and the epochs before reached
    /// these `scores`, higher ones better.
    pub fn rate(self, rate: f64, epochs: usize, scores: &[f64]) -> f64 {
        match self {
            Self::Constant => rate,
            Self::Cosine => {
                let share = scores.len() as f64 / (epochs.max(2) - 1) as f64;
                let high = 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos());
                rate * (COSINE_END + (1.0 - COSINE_END) * high)
            }
            Self::Plateau => rate * 0.5f64.powi(halvings(scores)).max(PLATEAU_END),
        }
    }
}

/// How often ten epochs in a row brought no better one.
fn halvings(scores: &[f64]) -> i32 {
    let (mut best, mut since, mut halvings) = (f64::NEG_INFINITY, 0, 0);
    for &score in scores {
        since += 1;
        if score > best {
            (best, since) = (score, 0);
        } else if since == PATIENCE {
            (since, halvings) = (0, halvings + 1);
        }
    }
    halvings
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Schedule>("schedule", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_runs_from_the_rate_to_a_hundredth() {
        let rate = |done: usize| Schedule::Cosine.rate(0.1, 11, &vec![1.0; done]);
        assert_eq!(rate(0), 0.1);
        assert!((rate(5) - 0.0505).abs() < 1e-12 && (rate(10) - 0.001).abs() < 1e-12);
        assert!((rate(20) - 0.001).abs() < 1e-12, "beyond the end it stays");
        assert_eq!(Schedule::Cosine.rate(0.1, 1, &[]), 0.1);
    }

    #[test]
    fn a_plateau_halves_the_rate_and_a_better_epoch_waits_anew() {
        let rate = |scores: &[f64]| Schedule::Plateau.rate(0.8, 1000, scores);
        let mut scores = vec![1.0; 10];
        assert_eq!(rate(&scores), 0.8); // the first was the best so far, nine brought nothing
        scores.push(1.0);
        assert_eq!(rate(&scores), 0.4);
        scores.extend([2.0; 10]);
        assert_eq!(rate(&scores), 0.4);
        scores.push(2.0);
        assert_eq!(rate(&scores), 0.2);
        scores.extend([2.0; 400]);
        assert!((rate(&scores) - 0.0008).abs() < 1e-12, "it never ends at nothing");
        assert_eq!(Schedule::Constant.rate(0.8, 9, &scores), 0.8);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for schedule in [Schedule::Constant, Schedule::Cosine, Schedule::Plateau] {
            assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
        }
        assert!("Linear".parse::<Schedule>().unwrap_err().to_string().contains("schedule \"Linear\""));
    }
}
