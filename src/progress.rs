//! How long work reports to whoever started it, and learns that it should stop.

use std::ops::Range;

/// What work says while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// What is being done from now on, for a status line: "Resampling".
    Phase(&'a str),
    /// How much of the whole work is done, from 0 to 1.
    Fraction(f64),
    /// A line for the log.
    Message(&'a str),
    /// A line for the log about what the user should look at.
    Warning(&'a str),
}

/// Receives the events of running work. Every method may be called from any thread and must return soon.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);

    /// Whether the user asked to stop. Work asks at least once a slice or training step.
    fn cancelled(&self) -> bool;
}

/// Ignores every event and never cancels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _event: Event<'_>) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// The user asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A part of some work, reported to a [`Listener`].
///
/// ```
/// use undulator::progress::{Progress, Silent};
///
/// let progress = Progress::new(&Silent);
/// let reading = progress.part(0.0..0.3, "Reading");
/// for z in 0..10 {
///     // ...
///     reading.step(z + 1, 10)?;
/// }
/// # Ok::<(), undulator::progress::Cancelled>(())
/// ```
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    listener: &'a dyn Listener,
    from: f64,
    to: f64,
}

impl<'a> Progress<'a> {
    /// The whole of some work.
    pub fn new(listener: &'a dyn Listener) -> Self {
        Self { listener, from: 0.0, to: 1.0 }
    }

    /// The part of this work that lies between two fractions of it, which begins now.
    pub fn part(&self, share: Range<f64>, phase: &str) -> Self {
        let part = self.share(share);
        part.phase(phase);
        part
    }

    /// The part of this work that lies between two fractions of it, in the phase that runs already.
    pub fn share(&self, share: Range<f64>) -> Self {
        let at = |fraction: f64| self.from + (self.to - self.from) * fraction;
        Self { listener: self.listener, from: at(share.start), to: at(share.end) }
    }

    /// What is being done from now on; reports the fraction at which this part begins.
    pub fn phase(&self, name: &str) {
        self.listener.event(Event::Phase(name));
        self.listener.event(Event::Fraction(self.from));
    }

    /// `done` of `total` equal steps of this part are done.
    ///
    /// # Errors
    /// [`Cancelled`] when the user asked to stop.
    pub fn step(&self, done: usize, total: usize) -> Result<(), Cancelled> {
        self.at(done as f64 / total.max(1) as f64)
    }

    /// This fraction of this part is done.
    ///
    /// # Errors
    /// [`Cancelled`] when the user asked to stop.
    pub fn at(&self, fraction: f64) -> Result<(), Cancelled> {
        self.listener.event(Event::Fraction(self.from + (self.to - self.from) * fraction));
        self.check()
    }

    /// # Errors
    /// [`Cancelled`] when the user asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.listener.cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// A line for the log.
    pub fn message(&self, line: &str) {
        self.listener.event(Event::Message(line));
    }

    /// A line for the log about what the user should look at.
    pub fn warning(&self, line: &str) {
        self.listener.event(Event::Warning(line));
    }
}
