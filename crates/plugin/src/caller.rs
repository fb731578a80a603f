//! Calls into Java during one native call, and what Java sees at its end.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use jni::{Env, JavaVM, errors::Error as JniError, jni_str, objects::JThrowable, refs::Global};

use super::{argument::java, attach::attach};
use undulator::command::CommandError;

/// Shared by all Java objects of one native call.
pub struct Caller {
    vm: JavaVM,
    /// What Java threw, and its message.
    thrown: Mutex<Vec<(String, Global<JThrowable<'static>>)>>,
    /// A method threw that has no way to fail: the work is to stop.
    stopped: AtomicBool,
}

impl Caller {
    pub fn new(env: &Env) -> Result<Self, JniError> {
        Ok(Self { vm: env.get_java_vm()?, thrown: Mutex::default(), stopped: AtomicBool::new(false) })
    }

    /// Calls Java from any thread. The error is the message of what Java throws.
    pub fn call<T>(&self, body: impl FnOnce(&mut Env) -> Result<T, JniError>) -> Result<T, String> {
        attach(&self.vm);
        self.vm.attach_current_thread_for_scope(body).map_err(|error| match error {
            JniError::CaughtJavaException { exception, name, msg, .. } => {
                let message = if msg.is_empty() { name } else { msg };
                self.thrown.lock().unwrap_or_else(PoisonError::into_inner).push((message.clone(), exception));
                message
            }
            other => other.to_string(),
        })
    }

    /// Calls a method of Java that has no way to fail: `None` when it throws, which stops the work soon.
    pub fn tell<T>(&self, body: impl FnOnce(&mut Env) -> Result<T, JniError>) -> Option<T> {
        let answer = self.call(body).ok();
        self.stopped.fetch_or(answer.is_none(), Ordering::Relaxed);
        answer
    }

    /// Whether the work is to stop because Java threw.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The end of the work. Throws Java's own exception where that ended it, and a `CommandException` for any other error.
    pub fn finish<T>(&self, env: &mut Env, outcome: Result<T, CommandError>) -> Result<T, JniError> {
        let thrown = std::mem::take(&mut *self.thrown.lock().unwrap_or_else(PoisonError::into_inner));
        let words = outcome.as_ref().err().map(ToString::to_string);
        let ended = |message: &str| self.stopped() || words.as_ref().is_some_and(|words| words.contains(message));
        // Work may go on after one exception and end by a later one with the same words.
        if let Some((_, exception)) = thrown.into_iter().rfind(|(message, _)| ended(message)) {
            env.throw(&exception)?;
        }
        match outcome {
            Ok(value) => Ok(value),
            Err(CommandError { code, message, advice }) => {
                let class = env.find_class(jni_str!("undulator/CommandException"))?;
                let (code, message, advice) = (code.name(), message.as_str(), advice.as_str());
                let exception = java!(env, new class => [(JString, JString, JString)], code, message, advice)?;
                let exception = env.cast_local::<JThrowable>(exception)?;
                env.throw(&exception)?;
                Err(JniError::JavaException)
            }
        }
    }
}
