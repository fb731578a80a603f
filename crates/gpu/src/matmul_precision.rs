//! The precision of multiplications in convolutions.

use undulator_compute::device::Precision;

use crate::cuda::Gpu;

/// The precision of multiplications in convolutions. Sums are always 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatmulPrecision {
    /// 32-bit floats.
    Float32,
    /// TF32, the 19-bit floats of NVIDIA's tensor cores: results differ from those of 32 bits by about 1e-3 of the range.
    Tf32,
    /// Each factor as the sum of two TF32 numbers: three products, as exact as 32-bit floats to about 1e-6 of the range.
    SplitTf32,
}

impl MatmulPrecision {
    /// The GPU's multiplication for the requested precision.
    pub(crate) fn on(gpu: &Gpu, precision: Precision) -> Self {
        match precision {
            _ if !gpu.has_tf32() => Self::Float32,
            Precision::Auto | Precision::Tf32 => Self::Tf32,
            Precision::Float32 => Self::SplitTf32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_cores_decide_how_a_gpu_multiplies() {
        let gpu = |major, minor| Gpu { name: "A GPU".to_owned(), memory: 1, capability: (major, minor) };
        for precision in [Precision::Auto, Precision::Tf32, Precision::Float32] {
            assert_eq!(MatmulPrecision::on(&gpu(7, 5), precision), MatmulPrecision::Float32);
        }
        assert_eq!(MatmulPrecision::on(&gpu(8, 0), Precision::Auto), MatmulPrecision::Tf32);
        assert_eq!(MatmulPrecision::on(&gpu(12, 0), Precision::Tf32), MatmulPrecision::Tf32);
        assert_eq!(MatmulPrecision::on(&gpu(8, 6), Precision::Float32), MatmulPrecision::SplitTf32);
    }
}
