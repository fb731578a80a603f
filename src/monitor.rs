//! How long work speaks to whoever started it.

/// Listens to a running command. Every method may be called from any thread and must return soon.
pub trait Monitor: Send + Sync {
    /// How much is done, 0 to 1, and what is being done now.
    fn progress(&self, fraction: f64, doing: &str);

    /// One line for the log.
    fn log(&self, line: &str);

    /// Whether the user asked to stop. Work polls it at least once a slice or training step.
    fn cancelled(&self) -> bool;
}

/// Hears nothing and never cancels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn progress(&self, _fraction: f64, _doing: &str) {}

    fn log(&self, _line: &str) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// A monitor as a listener.
pub(crate) struct Bridge<'a>(pub &'a dyn Monitor);

impl crate::progress::Listener for Bridge<'_> {
    fn event(&self, event: crate::progress::Event<'_>) {
        use crate::progress::Event;
        match event {
            Event::Phase(_) => {}
            Event::Fraction(fraction) => self.0.progress(fraction, "preparing"),
            Event::Message(line) => self.0.log(line),
            Event::Warning(line) => self.0.log(&format!("Warning: {line}")),
        }
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
