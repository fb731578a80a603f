//! The queue in which trainings wait: each would take the whole device.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

static QUEUE: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// How long a waiting training sleeps between checks.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A position in the queue; the first one trains. Dropping it leaves the queue.
#[derive(Debug)]
pub struct QueuePosition(u64);

impl QueuePosition {
    /// Joins the end of the queue and waits to become the first. While it waits, `stays` is called repeatedly with the
    /// number of trainings before it; returns `None` if `stays` returns `false`.
    pub fn wait(stays: impl Fn(usize) -> bool) -> Option<Self> {
        let position = {
            let mut queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
            let number = queue.last().map_or(0, |last| last + 1);
            queue.push(number);
            Self(number)
        };
        loop {
            let before = {
                let queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
                queue
                    .iter()
                    .position(|number| *number == position.0)
                    .expect("a position stays in the queue until it is dropped")
            };
            if before == 0 {
                return Some(position);
            }
            if !stays(before) {
                return None;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for QueuePosition {
    fn drop(&mut self) {
        QUEUE.lock().unwrap_or_else(PoisonError::into_inner).retain(|number| *number != self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_queue_moves_on_and_can_be_left() {
        let first = QueuePosition::wait(|_| true).unwrap();
        assert!(QueuePosition::wait(|before| before == 0).is_none());
        let heard = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| QueuePosition::wait(|before| heard.fetch_max(before, Ordering::SeqCst) < 2));
            while heard.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            drop(first);
            assert!(second.join().unwrap().is_some());
        });
        assert_eq!(heard.into_inner(), 1);
    }
}
