//! A listener that keeps what a training says.

use std::sync::Mutex;

use undulator::{
    progress::{Event, Listener},
    train::{Request, TrainEvent, TrainListener},
};

/// Messages and warnings, in their order.
#[derive(Default)]
pub struct Heard(pub Mutex<Vec<String>>);

impl Listener for Heard {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(line) | Event::Warning(line) = event {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl TrainListener for Heard {
    fn training(&self, _event: TrainEvent<'_>) {}

    fn request(&self) -> Request {
        Request::GoOn
    }
}
