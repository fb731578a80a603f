//! How errors and panics reach Java.

use jni::{
    Env, EnvUnowned,
    errors::{Error as JniError, ThrowRuntimeExAndDefault},
    jni_str,
    objects::JThrowable,
    refs::Global,
};

use super::argument::java;
use undulator::command::CommandError;

/// Why a native method ends with an exception.
pub enum Border {
    /// The command failed: a `CommandException`.
    Failed(CommandError),
    /// The host threw this: it goes on unchanged.
    Thrown(Global<JThrowable<'static>>),
    /// JNI itself failed: a `RuntimeException`.
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
    let thrown = match border {
        Border::Thrown(exception) => env.throw(&exception),
        Border::Failed(error) => throw_command(env, &error),
        Border::Jni(error) => Err(error),
    };
    match thrown {
        // The exception that is now pending is what was wanted.
        Err(JniError::JavaException) => Ok(()),
        other => other,
    }
}

fn throw_command(env: &mut Env, error: &CommandError) -> Result<(), JniError> {
    let class = env.find_class(jni_str!("undulator/CommandException"))?;
    let (code, message, advice) = (error.code.name(), error.message.as_str(), error.advice.as_str());
    let exception =
        java!(env, new class, "(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)V", code, message, advice)?;
    let exception = env.cast_local::<JThrowable>(exception)?;
    env.throw(&exception)
}
