//! Why a command did not do its work, in words for whoever asked for it.

use std::fmt;

use crate::{grey::GreyError, measure::MeasureError, progress::Cancelled, resample::ResampleError, stack::StackError};

/// Why a command did not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// What kind of reason it is, for programs.
    pub code: Code,
    /// What was wrong, with the value.
    pub message: String,
    /// What to do; empty where the message says it.
    pub advice: String,
}

/// Kinds of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The user asked to stop.
    Cancelled,
    /// A key or a value is not possible.
    Option,
    /// An image cannot be used.
    Image,
    /// A file cannot be read or written.
    File,
    /// A model cannot be used.
    Model,
    /// A device cannot be used or failed.
    Device,
    /// There is too little memory.
    Memory,
    /// The work itself came to no result.
    Failed,
}

impl Code {
    /// As programs read it: `cancelled`, `option`, `image`, `file`, `model`, `device`, `memory`, `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Option => "option",
            Self::Image => "image",
            Self::File => "file",
            Self::Model => "model",
            Self::Device => "device",
            Self::Memory => "memory",
            Self::Failed => "failed",
        }
    }
}

impl CommandError {
    /// An error without advice.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: String::new() }
    }

    /// A value that a key does not take.
    pub fn option(key: &str, value: &str, rule: impl fmt::Display) -> Self {
        let (rule, named) = (rule.to_string(), format!("{key}={value}"));
        match rule.contains(&named) {
            true => Self::new(Code::Option, rule),
            false => Self::new(Code::Option, format!("{named} is not possible")).advice(rule),
        }
    }

    /// With what to do.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ": {}", self.advice) }
    }
}

impl std::error::Error for CommandError {}

/// What kind of reason an error of the core is.
trait Classified: std::error::Error {
    fn code(&self) -> Code;
}

impl<E: Classified> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl Classified for Cancelled {
    fn code(&self) -> Code {
        Code::Cancelled
    }
}

impl Classified for StackError {
    fn code(&self) -> Code {
        match self {
            Self::File(_) => Code::File,
            _ => Code::Image,
        }
    }
}

impl Classified for GreyError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            _ => Code::Image,
        }
    }
}

impl Classified for MeasureError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Grey(error) => error.code(),
            _ => Code::Image,
        }
    }
}

impl Classified for ResampleError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            _ => Code::Option,
        }
    }
}
