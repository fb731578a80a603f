//! The precision of convolutions.

use super::request::DeviceRequest;
use crate::error::UnknownName;

/// The requested precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = unknown)]
pub enum Precision {
    /// The fastest precision of the device.
    #[default]
    #[strum(serialize = "auto")]
    Auto,
    /// TF32 on GPUs with tensor cores for it.
    #[strum(serialize = "TF32")]
    Tf32,
    /// 32-bit floats, or equally accurate arithmetic.
    #[strum(serialize = "float32")]
    Float32,
}

fn unknown(name: &str) -> UnknownName {
    UnknownName::of::<Precision>("precision", name)
}

/// The requested device and precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComputeOptions {
    /// The device.
    pub device: DeviceRequest,
    /// The precision; it only affects GPUs.
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
