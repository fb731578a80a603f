//! What a training tells a Java `Host`, and what that one asks of it.

use std::ops::Range;

use super::{
    argument::java,
    host::{JavaHost, tell},
};
use undulator::{
    measure::Baselines,
    model::Epoch,
    train::{Preview, Request, Speed, TrainEvent, TrainListener, TrainingStarted},
};

impl TrainListener for JavaHost {
    fn training(&self, event: TrainEvent<'_>) {
        match event {
            TrainEvent::Started(started) => self.started(started),
            TrainEvent::Preview(preview) => self.preview(preview),
            TrainEvent::Epoch { epoch, best, speed } => self.epoch(epoch, best, Some(speed)),
        }
    }

    fn request(&self) -> Request {
        match self.caller.tell(|env| java!(env, &self.object, "request": [() -> jint])?.i()) {
            Some(1) => Request::SaveCheckpoint,
            Some(2) => Request::Finish,
            Some(3) => Request::Cancel,
            _ => Request::GoOn,
        }
    }
}

impl JavaHost {
    fn started(&self, started: &TrainingStarted) {
        let (parameters, training) = (started.parameters.to_string(), from_one(&started.training));
        let validation = from_one(&started.validation);
        let facts = [
            ["Network", &started.network],
            ["Parameters", &parameters],
            ["Device", &started.device],
            ["Training slices", &training],
            ["Validation slices", &validation],
        ];
        let scores = |baselines: &Baselines| [&baselines.raw, &baselines.matched, &baselines.filtered].map(|s| s.psnr);
        let scores: Vec<f64> = started.baselines.iter().flat_map(scores).collect();
        let (facts, epochs) = (facts.as_flattened(), started.epochs);
        tell!(self, "trainingStarted": [([JString], jint, [jdouble])], facts, epochs, &scores[..]);
        let mut best = f64::NEG_INFINITY;
        for epoch in &started.history {
            self.epoch(epoch, epoch.score() > best, None);
            best = best.max(epoch.score());
        }
    }

    /// An epoch of this training, or without a speed one of the training that it goes on from.
    fn epoch(&self, told: &Epoch, best: bool, speed: Option<&Speed>) {
        let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let Epoch { epoch, loss, rate, .. } = *told;
        let (validation, psnr) = (or_nan(told.validation_loss), or_nan(told.psnr));
        let (images_per_second, left) =
            speed.map_or((f64::NAN, f64::NAN), |speed| (speed.images_per_second, speed.seconds_left));
        let memory = speed.and_then(|speed| speed.memory).map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        tell!(self, "epoch": [(jint, jdouble, jdouble, jdouble, jdouble, jboolean, jdouble, jdouble, jlong)],
            epoch, loss, validation, psnr, rate, best, images_per_second, left, memory);
    }

    fn preview(&self, preview: &Preview) {
        let Preview { epoch, slice, width, height, input, restored, reference } = preview;
        let (input, restored, reference) = (&input[..], &restored[..], &reference[..]);
        tell!(self, "preview": [(jint, jint, jint, jint, [jbyte], [jbyte], [jbyte])],
            *epoch, *slice, *width, *height, input, restored, reference);
    }
}

/// Slices as users count them.
fn from_one(slices: &Range<usize>) -> String {
    if slices.is_empty() { "none".to_owned() } else { format!("{}-{}", slices.start + 1, slices.end) }
}
