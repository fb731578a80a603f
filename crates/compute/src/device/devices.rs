//! All devices of this program.

use std::{
    sync::{PoisonError, RwLock},
    thread::available_parallelism,
};

use super::{
    absent::Absent,
    backend::{Backend, Row},
    precision::Precision,
    request::{CUDA, DeviceRequest},
    usable::Device,
};
use crate::error::EngineError;

/// The registered backends.
static BACKENDS: RwLock<Vec<&'static dyn Backend>> = RwLock::new(Vec::new());

/// Registers a backend; it replaces one of the same name.
pub fn register(backend: &'static dyn Backend) {
    let mut backends = BACKENDS.write().unwrap_or_else(PoisonError::into_inner);
    backends.retain(|other| other.name() != backend.name());
    backends.push(backend);
}

/// The CPU and the backends.
pub struct Devices<'a> {
    threads: usize,
    backends: Vec<&'a dyn Backend>,
}

impl<'a> Devices<'a> {
    /// Those of this machine, with the backends that are registered.
    pub fn here() -> Self {
        let backends = BACKENDS.read().unwrap_or_else(PoisonError::into_inner);
        Self::new(available_parallelism().map_or(1, |threads| threads.get()), &backends)
    }

    /// A CPU of so many threads, and backends, the best first.
    pub fn new(threads: usize, backends: &[&'a dyn Backend]) -> Self {
        let mut backends = backends.to_vec();
        if !backends.iter().any(|backend| backend.name() == CUDA) {
            backends.push(&Absent);
        }
        Self { threads, backends }
    }

    /// Picks the one to use, as [`pick`](super::pick) does.
    ///
    /// # Errors
    /// When an accelerator was asked for by name and cannot be used.
    pub fn pick(&self, request: DeviceRequest, precision: Precision) -> Result<(Device, Vec<String>), EngineError> {
        match request {
            // The CPU needs no look at the backends, which takes a moment.
            DeviceRequest::Cpu => Ok(self.cpu(precision, Vec::new())),
            DeviceRequest::Cuda(index) => {
                let backend = self.backends.iter().find(|backend| backend.name() == CUDA).copied().unwrap_or(&Absent);
                match backend.pick(Some(index), precision) {
                    Ok((accelerator, lines)) => Ok((Device::Accelerator(accelerator), lines)),
                    Err(reason) => Err(EngineError::Unusable { device: format!("{CUDA}:{index}"), reason }),
                }
            }
            DeviceRequest::Auto => {
                let mut reasons = Vec::new();
                for backend in &self.backends {
                    match backend.pick(None, precision) {
                        Ok((accelerator, lines)) => return Ok((Device::Accelerator(accelerator), lines)),
                        Err(reason) => reasons.push(reason),
                    }
                }
                Ok(self.cpu(precision, vec![format!("computing on the CPU, because {}", reasons.join("; "))]))
            }
        }
    }

    /// A table of everything that was found and what is missing, as [`report`](super::report) gives it.
    pub fn report(&self) -> Vec<Row> {
        let row = |item: &str, state: &str, detail: String| [item.to_owned(), state.to_owned(), detail];
        let mut rows: Vec<Row> = self.backends.iter().flat_map(|backend| backend.report()).collect();
        rows.push(row("CPU", "found", format!("{} threads", self.threads)));
        rows.push(match self.pick(DeviceRequest::Auto, Precision::Auto) {
            Ok((device, lines)) if lines.is_empty() => {
                row("auto", &device.to_string(), "nothing is missing".to_owned())
            }
            Ok((device, lines)) => row("auto", &device.to_string(), lines.join("; ")),
            Err(error) => row("auto", "none", error.to_string()),
        });
        rows
    }

    fn cpu(&self, precision: Precision, mut lines: Vec<String>) -> (Device, Vec<String>) {
        if precision == Precision::Tf32 {
            lines.push("precision=TF32 is for GPUs: the CPU computes with 32-bit floats".to_owned());
        }
        (Device::Cpu { threads: self.threads }, lines)
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, sync::Arc};

    use super::*;
    use crate::{
        device::{Accelerator, Picked},
        loss::Loss,
        network::{Plan, Weights},
        runner::Runner,
        trainer::{Trainer, TrainerState},
    };

    /// A kind of cards of which the first so many are broken.
    struct Cards(&'static str, usize);

    #[derive(Debug)]
    struct Card(usize);

    impl Backend for Cards {
        fn name(&self) -> &'static str {
            self.0
        }

        fn pick(&self, index: Option<usize>, _precision: Precision) -> Result<Picked, String> {
            match index.unwrap_or(self.1) {
                index if index >= self.1 && index < 2 => Ok((Arc::new(Card(index)), Vec::new())),
                _ => Err(format!("no {} works", self.0)),
            }
        }

        fn report(&self) -> Vec<Row> {
            vec![[self.0, "found", "two cards"].map(str::to_owned)]
        }
    }

    impl Accelerator for Card {
        fn runner(&self, _: &Plan, _: &Weights) -> Result<Box<dyn Runner>, EngineError> {
            Err(EngineError::Device { reason: "it is a picture".to_owned() })
        }

        fn trainer(&self, _: &Plan, _: &TrainerState, _: Loss) -> Result<Box<dyn Trainer>, EngineError> {
            Err(EngineError::Device { reason: "it is a picture".to_owned() })
        }

        fn free_memory(&self) -> Option<u64> {
            None
        }
    }

    impl fmt::Display for Card {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "card {}", self.0)
        }
    }

    fn picked(backends: &[&dyn Backend], request: DeviceRequest, precision: Precision) -> (String, Vec<String>) {
        let (device, lines) = Devices::new(2, backends).pick(request, precision).unwrap();
        (device.to_string(), lines)
    }

    fn refused(backends: &[&dyn Backend], request: DeviceRequest) -> String {
        Devices::new(2, backends).pick(request, Precision::Auto).unwrap_err().to_string()
    }

    #[test]
    fn auto_takes_the_first_accelerator_that_works_and_else_the_cpu() {
        let [broken, mixed] = [&Cards("other", 2), &Cards(CUDA, 1)].map(|cards| cards as &dyn Backend);
        assert_eq!(picked(&[broken, mixed], DeviceRequest::Auto, Precision::Auto), ("card 1".to_owned(), vec![]));
        assert_eq!(
            picked(&[broken, mixed], DeviceRequest::Cpu, Precision::Auto),
            ("CPU (2 threads)".to_owned(), vec![])
        );
        let (device, lines) = picked(&[broken, &Cards(CUDA, 2)], DeviceRequest::Auto, Precision::Tf32);
        let expected = [
            "computing on the CPU, because no other works; no cuda works",
            "precision=TF32 is for GPUs: the CPU computes with 32-bit floats",
        ];
        assert_eq!((device.as_str(), lines), ("CPU (2 threads)", expected.map(str::to_owned).into()));
    }

    #[test]
    fn one_that_is_asked_for_by_name_is_taken_or_refused() {
        let cards: &dyn Backend = &Cards(CUDA, 1);
        assert_eq!(picked(&[cards], DeviceRequest::Cuda(1), Precision::Auto).0, "card 1");
        assert_eq!(refused(&[cards], DeviceRequest::Cuda(0)), "device=cuda:0 cannot be used: no cuda works");
    }

    #[test]
    fn a_build_without_cuda_says_so() {
        let reason = "this build of Undulator computes on the CPU alone (build it with the feature cuda)";
        assert_eq!(refused(&[], DeviceRequest::Cuda(1)), format!("device=cuda:1 cannot be used: {reason}"));
        let because = format!("computing on the CPU, because {reason}");
        assert_eq!(picked(&[], DeviceRequest::Auto, Precision::Auto).1, [because.as_str()]);
        let table: Vec<String> = Devices::new(2, &[]).report().iter().map(|row| row.join(" | ")).collect();
        let missing = ["NVIDIA driver", "NVRTC", "CUDA headers"].map(|item| format!("{item} | missing | {reason}"));
        assert_eq!(table[..3], missing);
        assert_eq!(table[3..], ["CPU | found | 2 threads", &format!("auto | CPU (2 threads) | {because}")]);
    }

    #[test]
    fn a_backend_is_known_once_it_is_registered() {
        static CARDS: Cards = Cards("cards of a test", 2);
        (0..2).for_each(|_| register(&CARDS));
        let known = Devices::here().report().iter().filter(|row| row[0] == CARDS.name()).count();
        assert_eq!(known, 1);
    }
}
