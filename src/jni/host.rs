//! The host's side of one native call: its Java objects, what they threw, and whether the user cancelled.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use jni::{
    Env, JavaVM,
    errors::Error as JniError,
    jni_sig, jni_str,
    objects::{JObject, JObjectArray, JString, JThrowable, JValue},
    refs::Global,
};

use super::exception::Border;
use crate::{
    align::Alignment,
    apply::Comparison,
    measure::Score,
    progress::{Event, Listener},
    train::Trained,
};

/// Shared by all Java objects of one native call.
pub struct Host {
    vm: JavaVM,
    thrown: Mutex<Option<Global<JThrowable<'static>>>>,
    cancelled: AtomicBool,
}

impl Host {
    pub fn new(env: &Env) -> Result<Arc<Self>, JniError> {
        Ok(Arc::new(Self { vm: env.get_java_vm()?, thrown: Mutex::new(None), cancelled: AtomicBool::new(false) }))
    }

    /// Calls Java from any thread. What Java throws is kept for [`finish`](Self::finish); the error is its message.
    pub fn call<T>(&self, body: impl FnOnce(&mut Env) -> Result<T, JniError>) -> Result<T, String> {
        self.vm.attach_current_thread_for_scope(body).map_err(|error| match error {
            JniError::CaughtJavaException { exception, name, msg, .. } => {
                let mut thrown = self.thrown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                thrown.get_or_insert(exception);
                format!("{name}: {msg}")
            }
            other => other.to_string(),
        })
    }

    /// Turns the outcome of the core's work into what Java is to see.
    pub fn finish<T, E: Error>(&self, result: Result<T, E>) -> Result<T, Border> {
        let mut thrown = self.thrown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (thrown.take(), result) {
            (Some(exception), _) => Err(Border::Thrown(exception)),
            (None, Ok(value)) => Ok(value),
            (None, Err(error)) if self.cancelled.load(Ordering::Relaxed) => Err(Border::Cancelled(error.to_string())),
            (None, Err(error)) => Err(Border::Refused(error.to_string())),
        }
    }

    /// The end of a call that went well, unless Java threw while it heard of the results.
    pub fn end(&self) -> Result<(), Border> {
        self.finish(Ok::<_, std::convert::Infallible>(()))
    }

    /// The user asked to stop: what the work says of it is no error.
    pub fn note_cancelled(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn has_thrown(&self) -> bool {
        self.thrown.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
    }
}

/// A Java `Monitor`, and for a training a `TrainingMonitor`.
pub struct JavaMonitor {
    pub(super) host: Arc<Host>,
    pub(super) object: Global<JObject<'static>>,
    /// What is being done, which Java wants to hear with every fraction.
    phase: Mutex<String>,
}

impl JavaMonitor {
    pub fn new(env: &Env, host: &Arc<Host>, object: &JObject) -> Result<Self, JniError> {
        Ok(Self { host: host.clone(), object: env.new_global_ref(object)?, phase: Mutex::default() })
    }

    /// Adds a row to the results table.
    pub fn row(&self, cells: &[(&str, String)]) {
        let columns: Vec<&str> = cells.iter().map(|(column, _)| *column).collect();
        let values: Vec<&str> = cells.iter().map(|(_, value)| value.as_str()).collect();
        // What Java throws stops the work at its next look at `cancelled`, and is thrown again at the end.
        let _ = self.host.call(|env| {
            let (columns, values) = (strings(env, &columns)?, strings(env, &values)?);
            let arguments = [JValue::Object(&columns), JValue::Object(&values)];
            let signature = jni_sig!("([Ljava/lang/String;[Ljava/lang/String;)V");
            env.call_method(&self.object, jni_str!("row"), signature, &arguments)?.v()
        });
    }
}

impl JavaMonitor {
    fn phase(&self) -> MutexGuard<'_, String> {
        self.phase.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The last row of a training: its best validation PSNR beside the baselines.
    pub fn trained(&self, trained: &Trained) {
        let training = &trained.model.card.training;
        let mut cells = vec![("Epoch", training.best_epoch.to_string()), ("Best", "1".to_owned())];
        if let Some(scores) = &trained.model.card.scores {
            cells.extend([("PSNR", number(scores.restored)), ("Raw PSNR", number(scores.raw))]);
            cells.extend([("Matched PSNR", number(scores.matched)), ("Filtered PSNR", number(scores.filtered))]);
        }
        self.row(&cells);
        self.log(&trained.to_string());
    }

    /// The row of a restored stack beside the baselines.
    pub fn comparison(&self, comparison: &Comparison) {
        let Comparison { restored, baselines } = comparison;
        self.row(&[
            ("PSNR", number(restored.psnr)),
            ("SSIM", number(restored.ssim)),
            ("Raw PSNR", number(baselines.raw.psnr)),
            ("Matched PSNR", number(baselines.matched.psnr)),
            ("Filtered PSNR", number(baselines.filtered.psnr)),
            ("Raw SSIM", number(baselines.raw.ssim)),
            ("Matched SSIM", number(baselines.matched.ssim)),
            ("Filtered SSIM", number(baselines.filtered.ssim)),
        ]);
        self.log(&comparison.to_string());
    }

    /// The row of an alignment, and what to look at before trusting it.
    pub fn alignment(&self, found: &Alignment) {
        let parts = found.transform.parts();
        let ([about_z, about_y, about_x], shift) = (parts.angles_deg, found.transform.shift);
        self.row(&[
            ("Rotation z", number(about_z)),
            ("Rotation y", number(about_y)),
            ("Rotation x", number(about_x)),
            ("Mirrored", u8::from(parts.mirrored).to_string()),
            ("Scale", number(parts.scale)),
            ("Shift x", number(shift[2])),
            ("Shift y", number(shift[1])),
            ("Shift z", number(shift[0])),
            ("NCC before", number(found.ncc_before)),
            ("NCC after", number(found.ncc_after)),
            ("Overlap", number(found.overlap)),
        ]);
        found.warnings.iter().for_each(|warning| self.log(&format!("Warning: {warning}")));
    }

    /// The row of one measured slice, or of the stack.
    pub fn score(&self, slice: &str, score: &Score) {
        self.row(&[("Slice", slice.to_owned()), ("PSNR", number(score.psnr)), ("SSIM", number(score.ssim))]);
    }
}

/// A Java array of strings.
pub fn strings<'local>(
    env: &mut Env<'local>,
    values: &[impl AsRef<str>],
) -> Result<JObjectArray<'local, JString<'local>>, JniError> {
    let array = JObjectArray::<JString>::new(env, values.len(), JString::null())?;
    for (at, value) in values.iter().enumerate() {
        let value = env.new_string(value)?;
        array.set_element(env, at, &value)?;
    }
    Ok(array)
}

/// A number as `Double.parseDouble` reads it.
pub fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    value.to_string()
}

impl JavaMonitor {
    fn progress(&self, fraction: f64, doing: &str) {
        let _ = self.host.call(|env| {
            let doing = env.new_string(doing)?;
            let arguments = [JValue::Double(fraction), JValue::Object(&doing)];
            env.call_method(&self.object, jni_str!("progress"), jni_sig!("(DLjava/lang/String;)V"), &arguments)?.v()
        });
    }

    fn log(&self, line: &str) {
        let _ = self.host.call(|env| {
            let line = env.new_string(line)?;
            let arguments = [JValue::Object(&line)];
            env.call_method(&self.object, jni_str!("log"), jni_sig!("(Ljava/lang/String;)V"), &arguments)?.v()
        });
    }
}

impl Listener for JavaMonitor {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Phase(name) => name.clone_into(&mut self.phase()),
            Event::Fraction(fraction) => {
                let phase = self.phase().clone();
                self.progress(fraction, &phase);
            }
            Event::Message(line) => self.log(line),
            Event::Warning(line) => self.log(&format!("Warning: {line}")),
        }
    }

    fn cancelled(&self) -> bool {
        if self.host.has_thrown() {
            return true;
        }
        let answer =
            self.host.call(|env| env.call_method(&self.object, jni_str!("cancelled"), jni_sig!("()Z"), &[])?.z());
        let cancelled = answer.unwrap_or(true);
        if cancelled {
            self.host.note_cancelled();
        }
        cancelled
    }
}
