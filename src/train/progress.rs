//! Events of a running training, and requests to it.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use crate::{
    measure::Baselines,
    model::Epoch,
    progress::{Listener, Silent},
};

/// Listens to a training and steers it. The thread that trains calls it.
pub trait TrainListener: Listener {
    /// Something happened in the training.
    fn training(&self, event: TrainEvent<'_>);

    /// What the user asks for now. Called before every step; each request is to be given once.
    fn request(&self) -> Request;
}

/// Events of a training, in addition to those of [`Listener`].
#[derive(Clone, Copy, Debug)]
pub enum TrainEvent<'a> {
    /// Everything is prepared; the first epoch comes next. Comes once.
    Started(&'a TrainingStarted),
    /// The best model so far restored a slice. Comes after each epoch that is the best so far, before its
    /// [`Epoch`](Self::Epoch), unless no slices validate.
    Preview(&'a Preview),
    /// An epoch is done.
    Epoch {
        /// Its losses and its score.
        epoch: &'a Epoch,
        /// Whether it is the best so far.
        best: bool,
        /// How fast the training runs.
        speed: &'a Speed,
    },
}

/// The training as it is set up, before the first epoch.
#[derive(Clone, Debug)]
pub struct TrainingStarted {
    /// The network, in words.
    pub network: String,
    /// Number of trained parameters.
    pub parameters: usize,
    /// What it runs on, in words.
    pub device: String,
    /// The last epoch's number.
    pub epochs: usize,
    /// Slices trained on, from zero.
    pub training: Range<usize>,
    /// Slices validated on, from zero.
    pub validation: Range<usize>,
    /// What the validation slices score without a network; absent when there are none.
    pub baselines: Option<Baselines>,
    /// The epochs of the training that this one goes on from.
    pub history: Vec<Epoch>,
}

/// How fast a training runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Training images (slices or patches) a second.
    pub images_per_second: f64,
    /// Seconds to the last epoch.
    pub seconds_left: f64,
    /// Bytes of memory that the whole program uses; absent where the system does not tell.
    pub memory: Option<u64>,
}

/// A validation slice on 8 bits, row-major, each in its stack's grey window.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The epoch, from one.
    pub epoch: usize,
    /// The slice, from zero.
    pub slice: usize,
    /// Pixels along x.
    pub width: usize,
    /// Pixels along y.
    pub height: usize,
    /// The laboratory's.
    pub input: Vec<u8>,
    /// After the network.
    pub restored: Vec<u8>,
    /// The synchrotron's.
    pub reference: Vec<u8>,
}

/// What a user asks of a running training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    GoOn,
    /// Write a checkpoint at the end of this epoch.
    SaveCheckpoint,
    /// Stop now and save the best model so far.
    Finish,
    /// Stop now and save no model; a checkpoint stays where it is.
    Cancel,
}

impl TrainListener for Silent {
    fn training(&self, _event: TrainEvent<'_>) {}

    fn request(&self) -> Request {
        Request::GoOn
    }
}

/// Estimates the remaining time from the time taken so far.
pub(super) struct Clock {
    start: Instant,
    /// Fraction of the work that was done before.
    from: f64,
    /// Seconds that this took.
    before: f64,
}

impl Clock {
    /// Starts when a fraction of the work was done earlier, in so many seconds.
    pub fn start(from: f64, before: f64) -> Self {
        Self { start: Instant::now(), from, before }
    }

    /// Seconds of work, those before included.
    pub fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }

    /// Seconds left when `fraction` of the work is done.
    pub fn seconds_left(&self, fraction: f64) -> f64 {
        self.start.elapsed().as_secs_f64() * (1.0 - fraction).max(0.0) / (fraction - self.from).max(1e-9)
    }

    /// The time left when `fraction` of the work is done, in words.
    pub fn left(&self, fraction: f64) -> String {
        in_words(Duration::from_secs_f64(self.seconds_left(fraction).min(1e8)))
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
