//! Progress and lines for the log, on stderr: a bar in a terminal, else a line every few seconds.

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use undulator::progress::Event;

/// How often a line tells how far the work is, where there is no terminal.
const PACE: Duration = Duration::from_secs(5);
/// Steps of the bar.
const STEPS: f64 = 1000.0;

/// Shows what a command says while it runs.
pub struct Show {
    quiet: bool,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    phase: String,
    told: Instant,
    lines: Vec<String>,
    warnings: Vec<String>,
}

impl Show {
    /// Shows warnings alone, or everything.
    pub fn new(quiet: bool) -> Self {
        let style = ProgressStyle::with_template("{msg:32!} [{bar:30}] {percent:>3} %  {eta} left").ok();
        let bar = style.filter(|_| !quiet && io::stderr().is_terminal()).map(|style| {
            let bar = ProgressBar::new(STEPS as u64).with_style(style.progress_chars("=> "));
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let (lines, warnings) = (Vec::new(), Vec::new());
        Self { quiet, bar, state: Mutex::new(State { phase: String::new(), told: Instant::now(), lines, warnings }) }
    }

    /// Something happened.
    pub fn event(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Phase(phase) => {
                phase.clone_into(&mut state.phase);
                if let Some(bar) = &self.bar {
                    bar.set_message(phase.to_owned());
                }
            }
            Event::Fraction(fraction) => self.far(fraction, &mut state),
            Event::Message(line) => {
                state.lines.push(line.to_owned());
                if !self.quiet {
                    self.say(line);
                }
            }
            Event::Warning(line) => {
                state.warnings.push(line.to_owned());
                self.say(&format!("warning: {line}"));
            }
        }
    }

    fn far(&self, fraction: f64, state: &mut State) {
        if let Some(bar) = &self.bar {
            bar.set_position((fraction * STEPS) as u64);
        } else if !self.quiet && state.told.elapsed() >= PACE {
            state.told = Instant::now();
            eprintln!("{}: {:.0} %", state.phase, 100.0 * fraction);
        }
    }

    /// A line above the bar.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// The work has ended.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The lines for the log and the warnings so far.
    pub fn lines(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.lines.clone(), state.warnings.clone())
    }
}
