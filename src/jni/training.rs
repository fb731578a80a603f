//! What a training tells a Java `TrainingMonitor`, and what that one asks of it.

use std::ops::Range;

use jni::{
    jni_sig, jni_str,
    objects::{JDoubleArray, JValue},
};

use super::host::{JavaMonitor, number, strings};
use crate::{
    measure::Baselines,
    model::Epoch,
    train::{Pace, Preview, Request, TrainEvent, TrainListener, TrainingStarted},
};

impl TrainListener for JavaMonitor {
    fn training(&self, event: TrainEvent<'_>) {
        match event {
            TrainEvent::Started(started) => self.started(started),
            TrainEvent::Preview(preview) => self.preview(preview),
            TrainEvent::Epoch { epoch, best, pace } => {
                self.tell(epoch, best, Some(pace));
                self.row(&[
                    ("Epoch", epoch.epoch.to_string()),
                    ("Loss", number(epoch.loss)),
                    ("Validation loss", number(or_nan(epoch.validation_loss))),
                    ("PSNR", number(or_nan(epoch.psnr))),
                    ("Best", u8::from(best).to_string()),
                    ("Rate", number(epoch.rate)),
                    ("Seconds", number(epoch.seconds)),
                ]);
            }
        }
    }

    fn request(&self) -> Request {
        let answer =
            self.host.call(|env| env.call_method(&self.object, jni_str!("request"), jni_sig!("()I"), &[])?.i());
        match answer {
            Ok(1) => Request::SaveCheckpoint,
            Ok(2) => Request::Finish,
            Ok(3) => {
                self.host.note_cancelled();
                Request::Cancel
            }
            _ => Request::GoOn,
        }
    }
}

impl JavaMonitor {
    fn started(&self, started: &TrainingStarted) {
        let facts = [
            ("Network", started.network.clone()),
            ("Parameters", started.parameters.to_string()),
            ("Device", started.device.clone()),
            ("Training slices", from_one(&started.training)),
            ("Validation slices", from_one(&started.validation)),
        ];
        let facts: Vec<&str> = facts.iter().flat_map(|(name, value)| [name, value.as_str()]).collect();
        let scores = |baselines: &Baselines| [&baselines.raw, &baselines.matched, &baselines.filtered].map(|s| s.psnr);
        let scores = started.baselines.as_ref().map(scores);
        // What Java throws stops the work at its next look at `cancelled`, and is thrown again at the end.
        let _ = self.host.call(|env| {
            let facts = strings(env, &facts)?;
            let scores = scores.as_ref().map_or(&[][..], |scores| scores);
            let baselines = JDoubleArray::new(env, scores.len())?;
            baselines.set_region(env, 0, scores)?;
            let arguments = [JValue::Object(&facts), JValue::Int(whole(started.epochs)), JValue::Object(&baselines)];
            env.call_method(&self.object, jni_str!("begin"), jni_sig!("([Ljava/lang/String;I[D)V"), &arguments)?.v()
        });
        let mut best = f64::NEG_INFINITY;
        for epoch in &started.history {
            self.tell(epoch, epoch.score() > best, None);
            best = best.max(epoch.score());
        }
    }

    fn preview(&self, preview: &Preview) {
        let _ = self.host.call(|env| {
            let input = env.byte_array_from_slice(&preview.input)?;
            let restored = env.byte_array_from_slice(&preview.restored)?;
            let reference = env.byte_array_from_slice(&preview.reference)?;
            let numbers = [preview.epoch, preview.slice, preview.width, preview.height];
            let mut arguments: Vec<JValue> = numbers.iter().map(|number| JValue::Int(whole(*number))).collect();
            arguments.extend([JValue::Object(&input), JValue::Object(&restored), JValue::Object(&reference)]);
            env.call_method(&self.object, jni_str!("preview"), jni_sig!("(IIII[B[B[B)V"), &arguments)?.v()
        });
    }

    /// An epoch of this training, or without a pace one of the training that it goes on from.
    pub(super) fn tell(&self, epoch: &Epoch, best: bool, pace: Option<&Pace>) {
        let values = [epoch.loss, or_nan(epoch.validation_loss), or_nan(epoch.psnr), epoch.rate];
        let memory = pace.and_then(|pace| pace.memory).map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let speed = pace.map_or([f64::NAN; 2], |pace| [pace.images_per_second, pace.seconds_left]);
        let _ = self.host.call(|env| {
            let mut arguments = vec![JValue::Int(whole(epoch.epoch))];
            arguments.extend(values.map(JValue::Double));
            arguments.push(JValue::Bool(best));
            arguments.extend(speed.map(JValue::Double));
            arguments.push(JValue::Long(memory));
            env.call_method(&self.object, jni_str!("epoch"), jni_sig!("(IDDDDZDDJ)V"), &arguments)?.v()
        });
    }
}

/// Slices as users count them.
fn from_one(slices: &Range<usize>) -> String {
    if slices.is_empty() { "none".to_owned() } else { format!("{}-{}", slices.start + 1, slices.end) }
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
