//! How exactly convolutions multiply.

use super::request::DeviceRequest;
use crate::error::UnknownName;

/// The precision that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Precision {
    /// The fastest that the device has.
    #[default]
    #[strum(serialize = "auto")]
    Auto,
    /// TF32 on GPUs with tensor cores for it.
    #[strum(serialize = "TF32")]
    Tf32,
    /// 32-bit floats, or what is as exact.
    #[strum(serialize = "float32")]
    Float32,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Precision>("precision", name)
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
        for (name, precision) in [("auto", Precision::Auto), ("TF32", Precision::Tf32), ("float32", Precision::Float32)]
        {
            assert_eq!(name.parse::<Precision>().unwrap(), precision);
            assert_eq!(precision.to_string(), name);
        }
        let error = "half".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(error, "precision \"half\" is unknown: choose auto, TF32 or float32");
    }
}
