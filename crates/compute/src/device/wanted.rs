//! The device that a user asks for.

use std::str::FromStr;

use crate::error::EngineError;

/// The device that a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An accelerator where there is a usable one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU with this number.
    Cuda(usize),
}

/// The name of the backend that [`Wanted::Cuda`] means.
pub(super) const CUDA: &str = "cuda";

impl FromStr for Wanted {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || EngineError::Unusable {
            wanted: name.to_owned(),
            reason: "choose auto, cpu, cuda, or cuda:1 for the second GPU".to_owned(),
        };
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            CUDA => Ok(Self::Cuda(0)),
            _ => {
                let index = name.strip_prefix(CUDA).and_then(|rest| rest.strip_prefix(':')?.parse().ok());
                index.map(Self::Cuda).ok_or_else(unknown)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_read() {
        let names =
            [("auto", Wanted::Auto), ("cpu", Wanted::Cpu), ("cuda", Wanted::Cuda(0)), ("cuda:2", Wanted::Cuda(2))];
        for (name, wanted) in names {
            assert_eq!(name.parse::<Wanted>().unwrap(), wanted);
        }
        assert!("gpu".parse::<Wanted>().unwrap_err().to_string().contains("device=gpu"));
    }
}
