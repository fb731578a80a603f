//! Errors of commands, with a message and advice for the user.

use std::fmt;

use undulator_compute::{EngineError, network::NetworkError};

use crate::{
    align::{AlignError, TransformError},
    apply::ApplyError,
    compare::CompareError,
    grey::GreyError,
    measure::MeasureError,
    model::{CreditsError, ModelError},
    progress::Cancelled,
    resample::ResampleError,
    sample::SampleError,
    stack::StackError,
    train::TrainError,
};

/// An error of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// The kind of error, for programs.
    pub code: Code,
    /// What was wrong, with the value.
    pub message: String,
    /// What to do; empty where the message says it.
    pub advice: String,
}

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The user asked to stop.
    Cancelled,
    /// A key or a value is not possible.
    Option,
    /// An image cannot be used.
    Image,
    /// An image's voxel size is missing or impossible.
    VoxelSize,
    /// Nothing, or next to nothing, of an image was measured.
    NotMeasured,
    /// Two images have different grey types.
    GreyTypes,
    /// Two images have different sizes.
    Sizes,
    /// An image holds several volumes.
    Hyperstack,
    /// A file cannot be read or written.
    File,
    /// A model cannot be used.
    Model,
    /// A device cannot be used or failed.
    Device,
    /// There is too little memory.
    Memory,
    /// The work itself failed.
    Failed,
}

impl Code {
    /// The code as programs read it. Codes about images begin with `image`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Option => "option",
            Self::Image => "image",
            Self::VoxelSize => "image.voxel-size",
            Self::NotMeasured => "image.not-measured",
            Self::GreyTypes => "image.grey-types",
            Self::Sizes => "image.sizes",
            Self::Hyperstack => "image.hyperstack",
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
        // An error of the core may name the value already.
        match rule.contains(&named) || rule.contains(&format!("{key} {value:?}")) {
            true => Self::new(Code::Option, rule),
            false => Self::new(Code::Option, format!("{key}={} is not possible", shortened(value))).advice(rule),
        }
    }

    /// With what to do.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

/// A value as it was given, or its beginning: a slip of the keyboard must not fill the screen.
fn shortened(value: &str) -> String {
    const LONGEST: usize = 300;
    const SHOWN: usize = 40;
    let number = value.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    match value.chars().count() > if number { SHOWN } else { LONGEST } {
        true => value.chars().take(SHOWN).chain(['…']).collect(),
        false => value.to_owned(),
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ": {}", self.advice) }
    }
}

impl std::error::Error for CommandError {}

/// The kind of an error of the core.
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
            Self::VoxelSize { .. } => Code::VoxelSize,
            Self::SizesDiffer { .. } => Code::Sizes,
            Self::Empty { .. } | Self::Host { .. } => Code::Image,
            Self::File(_) => Code::File,
            Self::Memory(_) => Code::Memory,
        }
    }
}

impl Classified for GreyError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::NotMeasured { .. } => Code::NotMeasured,
            Self::Cancelled(_) => Code::Cancelled,
            _ => Code::Image,
        }
    }
}

impl Classified for MeasureError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Grey(error) => error.code(),
            Self::GreyTypesDiffer { .. } => Code::GreyTypes,
            Self::Cancelled(_) => Code::Cancelled,
            _ => Code::Image,
        }
    }
}

impl Classified for ResampleError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Cancelled(_) => Code::Cancelled,
            _ => Code::Option,
        }
    }
}

impl Classified for TransformError {
    fn code(&self) -> Code {
        Code::File
    }
}

impl Classified for AlignError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Grey(error) => error.code(),
            Self::Grid(error) => error.code(),
            Self::Transform(error) => error.code(),
            Self::Cancelled(_) => Code::Cancelled,
            Self::TooSmall { .. } | Self::Featureless { .. } => Code::Image,
            Self::FieldsDiffer { .. } | Self::SearchTooLarge { .. } => Code::VoxelSize,
            _ => Code::Failed,
        }
    }
}

impl Classified for SampleError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Grey(error) => error.code(),
            Self::Cancelled(_) => Code::Cancelled,
            _ => Code::Option,
        }
    }
}

impl Classified for NetworkError {
    fn code(&self) -> Code {
        Code::Option
    }
}

impl Classified for CreditsError {
    fn code(&self) -> Code {
        Code::Option
    }
}

impl Classified for EngineError {
    fn code(&self) -> Code {
        match self {
            Self::Memory { .. } => Code::Memory,
            Self::Model { .. } => Code::Model,
            Self::Unusable { .. } | Self::Device { .. } => Code::Device,
            _ => Code::Option,
        }
    }
}

impl Classified for ModelError {
    fn code(&self) -> Code {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Exists { .. } => Code::File,
            Self::Refused { .. } | Self::Package { .. } => Code::Model,
        }
    }
}

impl Classified for ApplyError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Network(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Measure(error) => error.code(),
            Self::Cancelled { .. } => Code::Cancelled,
        }
    }
}

impl Classified for TrainError {
    fn code(&self) -> Code {
        match self {
            Self::Stack(error) => error.code(),
            Self::Grey(error) => error.code(),
            Self::Measure(error) => error.code(),
            Self::Network(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Model(error) => error.code(),
            Self::Checkpoint(_) | Self::SavedElsewhere { .. } | Self::Busy { .. } => Code::File,
            Self::Cancelled(_) | Self::Discarded { .. } => Code::Cancelled,
            Self::Option { .. } | Self::TooFewSlices { .. } | Self::Start { .. } => Code::Option,
            Self::NothingShown { .. } => Code::NotMeasured,
            Self::InsufficientMemory { .. } => Code::Memory,
            Self::Diverged { .. } => Code::Failed,
        }
    }
}

impl Classified for CompareError {
    fn code(&self) -> Code {
        match self {
            Self::Network(error) => error.code(),
            Self::Train(error) => error.code(),
            Self::Model(error) => error.code(),
            Self::Cancelled { .. } => Code::Cancelled,
            Self::Nothing | Self::List { .. } => Code::Option,
            Self::Folder { .. } | Self::Other { .. } | Self::Figure { .. } => Code::File,
        }
    }
}
