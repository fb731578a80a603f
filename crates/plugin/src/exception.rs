//! How errors and panics reach Java.

use jni::{
    Env, EnvUnowned,
    errors::{Error as JniError, ThrowRuntimeExAndDefault},
    jni_sig, jni_str,
    objects::{JThrowable, JValue},
    refs::Global,
    strings::JNIStr,
};

/// Why a native method ends with an exception.
pub enum Border {
    /// The user stopped the work: `CancellationException`.
    Cancelled(String),
    /// What was asked for is not possible: `IllegalArgumentException`, with a message for the user.
    Refused(String),
    /// A called interface threw this: it goes on unchanged.
    Thrown(Global<JThrowable<'static>>),
    /// JNI itself failed: `RuntimeException`.
    Jni(JniError),
}

impl From<JniError> for Border {
    fn from(error: JniError) -> Self {
        Self::Jni(error)
    }
}

/// Runs the body of a native method. Its errors become Java exceptions, and so does a panic; Java then sees the default
/// value, which it never uses.
pub fn guard<'local, T: Default>(
    mut env: EnvUnowned<'local>,
    body: impl FnOnce(&mut Env<'local>) -> Result<T, Border>,
) -> T {
    let outcome = env.with_env(|env| match body(env) {
        Ok(value) => Ok(value),
        Err(border) => throw(env, border).map(|()| T::default()),
    });
    outcome.resolve::<ThrowRuntimeExAndDefault>()
}

fn throw(env: &mut Env, border: Border) -> Result<(), JniError> {
    // Throwing reports the exception that is now pending as an error, which is what was wanted.
    let pending = |result| match result {
        Err(JniError::JavaException) => Ok(()),
        other => other,
    };
    match border {
        Border::Thrown(exception) => pending(env.throw(&exception)),
        Border::Cancelled(message) => {
            pending(throw_message(env, jni_str!("java/util/concurrent/CancellationException"), &message))
        }
        Border::Refused(message) => {
            pending(throw_message(env, jni_str!("java/lang/IllegalArgumentException"), &message))
        }
        Border::Jni(error) => Err(error),
    }
}

/// Throws by way of the constructor: `ThrowNew` takes the platform's own encoding, which spoils `µ` and `×`.
fn throw_message(env: &mut Env, class: &JNIStr, message: &str) -> Result<(), JniError> {
    let message = env.new_string(message)?;
    let class = env.find_class(class)?;
    let exception = env.new_object(class, jni_sig!("(Ljava/lang/String;)V"), &[JValue::Object(&message)])?;
    let exception = env.cast_local::<JThrowable>(exception)?;
    env.throw(&exception)
}
