//! Progress reports of long work to its caller, and cancelling.
//!
//! Commands announce their phases. What is only a step of them, such as finding a grey window, reports fractions alone
//! and leaves the phase to its caller.

use std::{
    ops::Range,
    panic::resume_unwind,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

/// What work says while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// What is being done from now on, for a status line: "Resampling".
    Phase(&'a str),
    /// How much of the whole work is done, from 0 to 1.
    Fraction(f64),
    /// A line for the log.
    Message(&'a str),
    /// A warning for the log.
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

/// Lets only rising fractions through. Steps of several threads come out of order, and work that begins anew, as an epoch
/// does when the memory is full, reports its start again.
#[derive(Debug, Default)]
pub struct Rising(AtomicU64);

impl Rising {
    /// The fraction, within 0 to 1, if none before it was larger.
    pub fn next(&self, fraction: f64) -> Option<f64> {
        // What is no number is no progress. Numbers from zero on are ordered as their bits are.
        let fraction = if fraction > 0.0 { fraction.min(1.0) } else { 0.0 };
        let before = f64::from_bits(self.0.fetch_max(fraction.to_bits(), Ordering::Relaxed));
        (fraction >= before).then_some(fraction)
    }
}

/// The user asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A part of some work, reported to a [`Listener`].
///
/// ```
/// use undulator::progress::Progress;
///
/// let progress = Progress::silent();
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

    /// Work that reports to nobody and cannot be cancelled.
    pub fn silent() -> Self {
        Self::new(&Silent)
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

    /// All of this part is done, and it is too late to stop.
    pub fn done(&self) {
        self.listener.event(Event::Fraction(self.to));
    }

    /// Reports nothing.
    ///
    /// # Errors
    /// [`Cancelled`] when the user asked to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.listener.cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Waits for work that does not ask by itself whether to stop, such as a network of another program that runs. It is
    /// done on a thread of its own; when the user asks to stop, nobody waits for it any more, and what it makes is dropped.
    /// So it must not leave anything behind, such as a file.
    ///
    /// # Errors
    /// [`Cancelled`] when the user asked to stop.
    ///
    /// # Panics
    /// If the work does.
    pub fn wait_for<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Cancelled> {
        const LOOK: Duration = Duration::from_millis(50);
        self.check()?;
        let (done, result) = sync_channel(1);
        let thread = thread::spawn(move || {
            // Nobody takes it when the user has asked to stop.
            let _ = done.send(work());
        });
        loop {
            match result.recv_timeout(LOOK) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Timeout) => self.check()?,
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Err(panic) => resume_unwind(panic),
                    Ok(()) => unreachable!("it has sent its result"),
                },
            }
        }
    }

    /// A line for the log.
    pub fn message(&self, line: &str) {
        self.listener.event(Event::Message(line));
    }

    /// A warning for the log.
    pub fn warning(&self, line: &str) {
        self.listener.event(Event::Warning(line));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it hears; cancels once half is done.
    #[derive(Default)]
    struct Heard(Mutex<(Vec<String>, bool)>);

    impl Listener for Heard {
        fn event(&self, event: Event<'_>) {
            let mut heard = self.0.lock().unwrap();
            let line = match event {
                Event::Phase(name) => name.to_owned(),
                Event::Fraction(fraction) => {
                    heard.1 |= fraction >= 0.5;
                    fraction.to_string()
                }
                Event::Message(line) => line.to_owned(),
                Event::Warning(line) => format!("! {line}"),
            };
            heard.0.push(line);
        }

        fn cancelled(&self) -> bool {
            self.0.lock().unwrap().1
        }
    }

    #[test]
    fn work_that_cannot_be_stopped_is_left_alone() {
        assert_eq!(Progress::silent().wait_for(|| 7), Ok(7));
        let heard = Heard::default();
        let (whole, (go_on, held)) = (Progress::new(&heard), std::sync::mpsc::channel::<()>());
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(120));
                whole.listener.event(Event::Fraction(1.0));
            });
            // It would wait for ever.
            assert_eq!(whole.wait_for(move || held.recv().is_ok()), Err(Cancelled));
        });
        drop(go_on);
        assert_eq!(whole.wait_for(|| panic!("not even begun")), Err::<(), _>(Cancelled));
        let broken = std::panic::catch_unwind(|| Progress::silent().wait_for::<()>(|| panic!("broken")));
        assert!(broken.is_err());
    }

    #[test]
    fn parts_report_fractions_of_the_whole_and_say_when_to_stop() {
        let heard = Heard::default();
        let whole = Progress::new(&heard);
        let reading = whole.part(0.0..0.5, "Reading");
        assert_eq!(reading.step(1, 4), Ok(()));
        let second = whole.part(0.25..0.75, "Comparing").share(0.5..1.0);
        second.warning("odd");
        assert_eq!(second.check(), Ok(()));
        assert_eq!(second.step(0, 0), Err(Cancelled));
        second.done();
        let lines = ["Reading", "0", "0.125", "Comparing", "0.25", "! odd", "0.5", "0.75"];
        assert_eq!(heard.0.lock().unwrap().0, lines);
    }

    #[test]
    fn fractions_never_fall() {
        let rising = Rising::default();
        let told = [0.0, 0.25, 0.2, f64::NAN, -1.0, 0.25, -0.0, 0.5, 7.0, 0.9, 1.0].map(|step| rising.next(step));
        let none = None;
        assert_eq!(
            told,
            [Some(0.0), Some(0.25), none, none, none, Some(0.25), none, Some(0.5), Some(1.0), none, Some(1.0)]
        );
    }
}
