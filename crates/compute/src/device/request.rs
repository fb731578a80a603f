//! The requested device.

use std::str::FromStr;

use crate::error::EngineError;

/// The requested device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// A usable accelerator, or else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU with this number.
    Cuda(usize),
}

/// The name of the backend that [`DeviceRequest::Cuda`] means.
pub(super) const CUDA: &str = "cuda";

impl FromStr for DeviceRequest {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || EngineError::Unusable {
            device: name.to_owned(),
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
        let names = [
            ("auto", DeviceRequest::Auto),
            ("cpu", DeviceRequest::Cpu),
            ("cuda", DeviceRequest::Cuda(0)),
            ("cuda:2", DeviceRequest::Cuda(2)),
        ];
        for (name, request) in names {
            assert_eq!(name.parse::<DeviceRequest>().unwrap(), request);
        }
        assert!("gpu".parse::<DeviceRequest>().unwrap_err().to_string().contains("device=gpu"));
    }
}
