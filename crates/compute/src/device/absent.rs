//! What stands in the place of CUDA in a program that is built without it.

use super::{
    backend::{Backend, Picked, Row},
    precision::Precision,
    request::CUDA,
};

/// Why there is no CUDA.
const REASON: &str = "this build of Undulator computes on the CPU alone (build it with the feature cuda)";

/// CUDA, left out.
pub(super) struct Absent;

impl Backend for Absent {
    fn name(&self) -> &'static str {
        CUDA
    }

    fn pick(&self, _index: Option<usize>, _precision: Precision) -> Result<Picked, String> {
        Err(REASON.to_owned())
    }

    fn report(&self) -> Vec<Row> {
        let missing = |item: &str| [item, "missing", REASON].map(str::to_owned);
        ["NVIDIA driver", "NVRTC", "CUDA headers"].map(missing).into()
    }
}
