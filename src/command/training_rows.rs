//! Rows of trainings: what `Train` and `Compare Networks` report while they run.

use super::{Host, Row};
use crate::{
    compare::{self, CompareListener},
    model::{Epoch, Scores},
    progress::{Event, Listener},
    train::{Request, TrainEvent, TrainListener},
};

/// Passes all that a training says on to the host, and makes rows of it.
pub(super) struct TrainingRows<'a> {
    pub host: &'a dyn Host,
    /// What a row is of.
    pub of: Rows,
}

/// What a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Epochs,
    Networks,
}

impl Listener for TrainingRows<'_> {
    fn event(&self, event: Event<'_>) {
        self.host.event(event);
    }

    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }
}

impl TrainListener for TrainingRows<'_> {
    fn training(&self, event: TrainEvent<'_>) {
        self.host.training(event);
        if let (Rows::Epochs, TrainEvent::Epoch { epoch, best, .. }) = (self.of, event) {
            self.host.row(of_epoch(epoch, best));
        }
    }

    fn request(&self) -> Request {
        self.host.request()
    }
}

impl CompareListener for TrainingRows<'_> {
    fn network(&self, row: &compare::Row) {
        self.host.row(of_network(row));
    }
}

fn of_epoch(epoch: &Epoch, best: bool) -> Row {
    Row::new()
        .number("Epoch", "", epoch.epoch as f64)
        .number("Loss", "", epoch.loss)
        .number("Validation loss", "", epoch.validation_loss.unwrap_or(f64::NAN))
        .number("PSNR", "dB", epoch.psnr.unwrap_or(f64::NAN))
        .number("Best", "", f64::from(u8::from(best)))
        .number("Rate", "", epoch.rate)
        .number("Seconds", "s", epoch.seconds)
}

fn of_network(row: &compare::Row) -> Row {
    let psnr = |of: fn(&Scores) -> f64| row.scores.as_ref().map_or(f64::NAN, of);
    Row::new()
        .text("Network", row.spec.network.to_string())
        .number("Layers", "", row.spec.layers as f64)
        .text("Activation", row.spec.activation.to_string())
        .number("Channels", "", row.spec.channels as f64)
        .number("Parameters", "", row.parameters as f64)
        .number("Best epoch", "", row.best_epoch as f64)
        .number("PSNR", "dB", psnr(|scores| scores.restored))
        .text("Paper PSNR", row.paper())
        .number("Raw PSNR", "dB", psnr(|scores| scores.raw))
        .number("Matched PSNR", "dB", psnr(|scores| scores.matched))
        .number("Filtered PSNR", "dB", psnr(|scores| scores.filtered))
        .number("Seconds", "s", row.seconds)
        .text("Model", row.model.display().to_string())
        .text("Note", row.note.as_str())
}
