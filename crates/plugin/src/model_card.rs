//! What a model file says of itself, for a Java `ModelCard`.

use std::sync::Arc;

use jni::{
    Env,
    errors::Error as JniError,
    jni_sig, jni_str,
    objects::{JObject, JValue},
    refs::Global,
};
use undulator::{
    model::{Card, Facts},
    stack::VoxelSize,
};

use super::host::Host;

/// A Java `ModelCard`.
pub struct JavaModelCard {
    host: Arc<Host>,
    object: Global<JObject<'static>>,
}

impl JavaModelCard {
    pub fn new(env: &Env, host: &Arc<Host>, object: &JObject) -> Result<Self, JniError> {
        Ok(Self { host: host.clone(), object: env.new_global_ref(object)? })
    }

    /// Everything, for an image of this voxel size if one is open. What Java throws is thrown again when the call ends.
    pub fn tell(&self, facts: &Facts, voxel: Option<VoxelSize>) {
        self.fact("Name", &facts.name);
        self.fact("Description", &facts.description);
        if facts.card.is_none() && facts.runs.is_ok() {
            self.fact("Network", "of another program, in ONNX: it is applied on the CPU, not trained on or exported");
        }
        if let Some(card) = &facts.card {
            self.training(card);
            if let Some(warning) = voxel.and_then(|voxel| card.voxel_warning(voxel)) {
                self.say(|env, card| {
                    let words = env.new_string(&warning)?;
                    let (name, signature) = (jni_str!("warning"), jni_sig!("(Ljava/lang/String;)V"));
                    env.call_method(card, name, signature, &[JValue::Object(&words)])?.v()
                });
            }
        }
        self.fact("Authors", &joined(facts.authors.iter().map(ToString::to_string)));
        self.fact("Licence", &facts.licence);
        self.fact("Cite", &joined(facts.cite.iter().map(ToString::to_string)));
        self.fact("Format", &format!("bioimage.io {}", facts.format));
        if let Some(cover) = &facts.cover {
            self.say(|env, card| {
                let rgb = env.byte_array_from_slice(&cover.rgb)?;
                let size = [cover.width, cover.height].map(|length| JValue::Int(whole(length)));
                let arguments = [size[0], size[1], JValue::Object(&rgb)];
                env.call_method(card, jni_str!("cover"), jni_sig!("(II[B)V"), &arguments)?.v()
            });
        }
        self.say(|env, card| {
            let text = env.new_string(&facts.readme)?;
            let (name, signature) = (jni_str!("readme"), jni_sig!("(Ljava/lang/String;)V"));
            env.call_method(card, name, signature, &[JValue::Object(&text)])?.v()
        });
        let (runs, words) = match &facts.runs {
            Ok(Some(verification)) => (verification.passed(), verification.to_string()),
            Ok(None) => (true, "it was not run on its test image, which would take long: Verify does that".to_owned()),
            Err(reason) => (false, reason.clone()),
        };
        self.say(|env, card| {
            let words = env.new_string(&words)?;
            let arguments = [JValue::Bool(runs), JValue::Object(&words)];
            env.call_method(card, jni_str!("check"), jni_sig!("(ZLjava/lang/String;)V"), &arguments)?.v()
        });
    }

    fn training(&self, card: &Card) {
        for (name, value) in card.summary() {
            self.fact(name, &value);
        }
        if let Some(scores) = card.scores {
            let scores = [scores.restored, scores.raw, scores.matched, scores.filtered].map(JValue::Double);
            self.say(|env, card| env.call_method(card, jni_str!("scores"), jni_sig!("(DDDD)V"), &scores)?.v());
        }
        for epoch in &card.training.history {
            let numbers = [epoch.psnr.unwrap_or(f64::NAN), epoch.loss].map(JValue::Double);
            let arguments = [JValue::Int(whole(epoch.epoch)), numbers[0], numbers[1]];
            self.say(|env, card| env.call_method(card, jni_str!("epoch"), jni_sig!("(IDD)V"), &arguments)?.v());
        }
    }

    fn fact(&self, name: &str, value: &str) {
        self.say(|env, card| {
            let (name, value) = (env.new_string(name)?, env.new_string(value)?);
            let arguments = [JValue::Object(&name), JValue::Object(&value)];
            let signature = jni_sig!("(Ljava/lang/String;Ljava/lang/String;)V");
            env.call_method(card, jni_str!("fact"), signature, &arguments)?.v()
        });
    }

    fn say(&self, call: impl FnOnce(&mut Env, &JObject) -> Result<(), JniError>) {
        let _ = self.host.call(|env| call(env, &self.object));
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join("; ")
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
