//! The line in which trainings wait: each would take the whole device.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

static LINE: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// How long a training in line sleeps before it looks again.
const LOOK: Duration = Duration::from_millis(100);

/// A place in the line; the first trains. It is given up when it is dropped.
#[derive(Debug)]
pub struct Place(u64);

impl Place {
    /// Goes to the end of the line and waits to become the first. While it waits, `stays` hears again and again how many
    /// are before it; `None` when it answers that it does not want to wait any longer.
    pub fn wait(stays: impl Fn(usize) -> bool) -> Option<Self> {
        let place = {
            let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
            let number = line.last().map_or(0, |last| last + 1);
            line.push(number);
            Self(number)
        };
        loop {
            let before = {
                let line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
                line.iter().position(|number| *number == place.0).expect("a place is in the line until it is dropped")
            };
            if before == 0 {
                return Some(place);
            }
            if !stays(before) {
                return None;
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        LINE.lock().unwrap_or_else(PoisonError::into_inner).retain(|number| *number != self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_line_moves_on_and_can_be_left() {
        let first = Place::wait(|_| true).unwrap();
        assert!(Place::wait(|before| before == 0).is_none());
        let heard = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Place::wait(|before| heard.fetch_max(before, Ordering::SeqCst) < 2));
            while heard.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            drop(first);
            assert!(second.join().unwrap().is_some());
        });
        assert_eq!(heard.into_inner(), 1);
    }
}
