//! What a training tells while it runs.

use std::time::{Duration, Instant};

use crate::{model::Epoch, monitor::Monitor};

/// Listens to a training.
pub trait TrainMonitor: Monitor {
    /// An epoch is done.
    fn epoch(&self, epoch: &Epoch, best: bool);
}

impl TrainMonitor for crate::monitor::Silent {
    fn epoch(&self, _epoch: &Epoch, _best: bool) {}
}

/// Guesses how long the rest takes from how long the work so far took.
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The time left when `fraction` of the work is done, in words.
    pub fn left(&self, fraction: f64) -> String {
        let left = self.seconds() * (1.0 - fraction) / fraction.max(1e-9);
        in_words(Duration::from_secs_f64(left.min(1e8)))
    }
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..100 => format!("{s} s"),
        s @ 100..6000 => format!("{} min", (s + 30) / 60),
        s => format!("{:.1} h", s as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_words() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!((words(5).as_str(), words(600).as_str(), words(7200).as_str()), ("5 s", "10 min", "2.0 h"));
    }
}
