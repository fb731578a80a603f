//! How exactly convolutions multiply.

use std::{fmt, str::FromStr};

use super::request::DeviceRequest;
use crate::error::EngineError;

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The fastest that the device has.
    #[default]
    Auto,
    /// TF32 on GPUs with tensor cores for it.
    Tf32,
    /// 32-bit floats, or what is as exact.
    Float32,
}

const NAMES: [(&str, Precision); 3] =
    [("auto", Precision::Auto), ("TF32", Precision::Tf32), ("float32", Precision::Float32)];

impl FromStr for Precision {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, precision)| *precision).ok_or_else(|| EngineError::Precision { name: name.to_owned() })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(_, precision)| precision == self).map_or("", |(name, _)| name))
    }
}

/// Where a user wants to compute, and how exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComputeOptions {
    /// The device.
    pub device: DeviceRequest,
    /// The precision, which matters on GPUs alone.
    pub precision: Precision,
}

impl From<DeviceRequest> for ComputeOptions {
    fn from(device: DeviceRequest) -> Self {
        Self { device, precision: Precision::Auto }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precisions_are_read_and_written() {
        for (name, precision) in NAMES {
            assert_eq!(name.parse::<Precision>().unwrap(), precision);
            assert_eq!(precision.to_string(), name);
        }
        let error = "half".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(error, "precision=half is not known: choose auto, TF32 or float32");
    }
}
