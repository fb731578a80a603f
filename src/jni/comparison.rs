//! What a comparison tells a Java `TrainingMonitor`: the epochs for its window, and a row a network for the table.

use super::host::{JavaMonitor, number};
use crate::{
    compare::{CompareListener, Row},
    model::Scores,
    progress::{Event, Listener},
    train::{Request, TrainEvent, TrainListener},
};

/// A Java `TrainingMonitor` that watches several trainings, one after the other.
pub struct ComparisonMonitor(pub JavaMonitor);

impl Listener for ComparisonMonitor {
    fn event(&self, event: Event<'_>) {
        self.0.event(event);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl TrainListener for ComparisonMonitor {
    fn training(&self, event: TrainEvent<'_>) {
        match event {
            // Its table has a row a network.
            TrainEvent::Epoch { epoch, best, pace } => self.0.tell(epoch, best, Some(pace)),
            other => self.0.training(other),
        }
    }

    fn request(&self) -> Request {
        self.0.request()
    }
}

impl CompareListener for ComparisonMonitor {
    fn network(&self, row: &Row) {
        let psnr = |of: fn(&Scores) -> f64| number(row.scores.as_ref().map_or(f64::NAN, of));
        self.0.row(&[
            ("Network", row.spec.network.to_string()),
            ("Layers", row.spec.layers.to_string()),
            ("Activation", row.spec.activation.to_string()),
            ("Channels", row.spec.channels.to_string()),
            ("Parameters", row.parameters.to_string()),
            ("Best epoch", row.best_epoch.to_string()),
            ("PSNR", psnr(|scores| scores.restored)),
            ("Paper PSNR", row.paper().to_owned()),
            ("Raw PSNR", psnr(|scores| scores.raw)),
            ("Matched PSNR", psnr(|scores| scores.matched)),
            ("Filtered PSNR", psnr(|scores| scores.filtered)),
            ("Seconds", number(row.seconds)),
            ("Model", row.model.display().to_string()),
        ]);
    }
}
