//! What a comparison tells a Java `TrainingMonitor`: the epochs for its window, and a row a network for the table.

use undulator::{
    compare::{CompareMonitor, Row},
    model::{Epoch, Scores},
    monitor::Monitor,
    train::{Outset, Pace, Preview, Request, TrainMonitor},
};

use super::host::{JavaMonitor, number};

/// A Java `TrainingMonitor` that watches several trainings, one after the other.
pub struct ComparisonMonitor(pub JavaMonitor);

impl Monitor for ComparisonMonitor {
    fn progress(&self, fraction: f64, doing: &str) {
        self.0.progress(fraction, doing);
    }

    fn log(&self, line: &str) {
        self.0.log(line);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl TrainMonitor for ComparisonMonitor {
    fn begin(&self, outset: &Outset) {
        self.0.begin(outset);
    }

    fn epoch(&self, epoch: &Epoch, best: bool, pace: &Pace) {
        self.0.tell(epoch, best, Some(pace));
    }

    fn preview(&self, preview: &Preview) {
        self.0.preview(preview);
    }

    fn request(&self) -> Request {
        self.0.request()
    }
}

impl CompareMonitor for ComparisonMonitor {
    fn row(&self, row: &Row) {
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
