//! Checkpoint files, from which interrupted trainings are resumed.
//!
//! One safetensors file beside the model: `weights/…`, `first/…`, `second/…` (Adam's running means), `best/…` and
//! `history`, numbers bit by bit, with the task in its header. It is written to `….part` first and then renamed, so that
//! the last complete checkpoint survives when the program is killed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use safetensors::{SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use undulator_compute::{
    Loss, TrainerState,
    network::{Plan, Spec, Tensor, Weights},
};

use crate::{
    disk,
    model::Epoch,
    stack::Size,
    tensors::{self, Entry, doubles, floats},
};

const FORMAT: &str = "undulator-checkpoint-1";
const HEADER: &str = "undulator";
/// Numbers that an epoch has in `history`.
const EPOCH: usize = 6;
/// Header, history and names of the largest training; its weights come on top.
const MOST_BYTES_BESIDE_WEIGHTS: u64 = 16 << 20;

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("cannot read the checkpoint {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written; an older one is unchanged.
    #[error("cannot write the checkpoint {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no checkpoint that this version can trust.
    #[error("{path} is not a usable checkpoint: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is of another training.
    #[error(
        "cannot go on from the checkpoint {path}: it is of another {what} ({found} instead of {wanted}); train without \
         resume, or choose another model file"
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// In the checkpoint.
        found: String,
        /// In this training.
        wanted: String,
    },
}

/// What a checkpoint must share with the training that goes on from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    pub network: Spec,
    pub loss: Loss,
    pub size: Size,
    /// Slices that validate.
    pub validation: usize,
    /// Of both stacks' sizes and grey values.
    pub fingerprint: String,
}

impl Task {
    /// What differs, with the value here and there.
    fn difference(&self, wanted: &Self) -> Option<(&'static str, String, String)> {
        let differences = [
            ("network", self.network.to_string(), wanted.network.to_string()),
            ("loss", self.loss.to_string(), wanted.loss.to_string()),
            ("size of the stacks", self.size.to_string(), wanted.size.to_string()),
            ("number of validation slices", self.validation.to_string(), wanted.validation.to_string()),
            ("pair of stacks", short(&self.fingerprint), short(&wanted.fingerprint)),
        ];
        differences.into_iter().find(|(_, found, wanted)| found != wanted)
    }
}

fn short(fingerprint: &str) -> String {
    format!("grey values {}", fingerprint.chars().take(8).collect::<String>())
}

/// The state of a training after an epoch: all that a resumed training needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checkpoint {
    pub state: TrainerState,
    pub history: Vec<Epoch>,
    pub best: Option<Best>,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Best {
    pub epoch: Epoch,
    pub weights: Weights,
}

/// Where the checkpoint of a model file lies.
///
/// ```
/// # use std::path::Path;
/// assert_eq!(undulator::train::checkpoint_of(Path::new("a/model.zip")), Path::new("a/model.zip.checkpoint"));
/// ```
pub fn checkpoint_of(model: &Path) -> PathBuf {
    disk::with_ending(model, ".checkpoint")
}

/// Puts an older checkpoint out of the way of a new training, under a name that none still older has.
pub(super) fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    match disk::rename_to_free(path, &disk::with_ending(path, ".old")) {
        Ok(aside) => Ok(Some(aside)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    task: Task,
    steps: u32,
    /// The best epoch's index in the history.
    best: Option<usize>,
}

/// Whether all numbers that a training would go on from are finite.
pub(super) fn is_finite(state: &TrainerState) -> bool {
    let weights = state.weights.0.iter().map(|tensor| &tensor.values);
    weights.chain(&state.first).chain(&state.second).all(|values| values.iter().all(|value| value.is_finite()))
}

/// Writes a checkpoint, whole or not at all.
pub(super) fn save(path: &Path, task: &Task, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
    let bytes = to_bytes(task, checkpoint);
    let write = |file: &mut File| file.write_all(&bytes?);
    disk::write_over(path, write).map_err(|source| CheckpointError::Write { path: path.to_owned(), source })
}

fn to_bytes(task: &Task, checkpoint: &Checkpoint) -> io::Result<Vec<u8>> {
    let Checkpoint { state, history, best } = checkpoint;
    let header = Header {
        format: FORMAT.to_owned(),
        task: task.clone(),
        steps: state.steps,
        best: best.as_ref().map(|best| best.epoch.epoch - 1),
    };
    let numbers: Vec<f64> = history.iter().flat_map(numbers).collect();
    let mut entries = vec![Entry::doubles("history", &[history.len(), EPOCH], &numbers)];
    for (at, tensor) in state.weights.0.iter().enumerate() {
        let best = best.as_ref().map(|best| ("best", &best.weights.0[at].values));
        let parts = [("weights", &tensor.values), ("first", &state.first[at]), ("second", &state.second[at])];
        for (part, values) in parts.into_iter().chain(best) {
            entries.push(Entry::floats(format!("{part}/{}", tensor.name), &tensor.shape, values));
        }
    }
    tensors::write(&entries, Some((HEADER, serde_json::to_string(&header)?)))
}

/// Reads the checkpoint of a task. Nothing in it is believed: sizes, names, shapes and numbers are checked.
pub(super) fn load(path: &Path, wanted: &Task, plan: &Plan) -> Result<Checkpoint, CheckpointError> {
    let unreadable = |source| CheckpointError::Read { path: path.to_owned(), source };
    let refused = |reason: String| CheckpointError::Refused { path: path.to_owned(), reason };
    let most = MOST_BYTES_BESIDE_WEIGHTS + 16 * plan.parameters() as u64;
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > most {
        return Err(refused(format!("it has {length} bytes, this network's has at most {most}")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let header = header(&bytes).map_err(refused)?;
    if let Some((what, found, wanted)) = header.task.difference(wanted) {
        return Err(CheckpointError::Other { path: path.to_owned(), what, found, wanted });
    }
    from_bytes(&bytes, &header, plan).map_err(refused)
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(HEADER));
    let header: Header =
        serde_json::from_str(text.ok_or("it has no header of Undulator's")?).map_err(|error| error.to_string())?;
    match header.format.as_str() {
        FORMAT => Ok(header),
        other => Err(format!("its format is {other:?}, this version reads {FORMAT:?}")),
    }
}

fn from_bytes(bytes: &[u8], header: &Header, plan: &Plan) -> Result<Checkpoint, String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let weights = |part: &str| -> Result<Weights, String> {
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let full = format!("{part}/{name}");
            let view = tensors.tensor(&full).map_err(|error| format!("{full}: {error}"))?;
            if view.shape() != shape {
                return Err(format!("{full} has the shape {:?} instead of {shape:?}", view.shape()));
            }
            let values = floats(&full, &view)?;
            match values.iter().all(|value| value.is_finite()) {
                true => Ok(Tensor { name, shape, values }),
                false => Err(format!("{full} holds a value that is not a finite number")),
            }
        };
        Ok(Weights(plan.weight_shapes().into_iter().map(tensor).collect::<Result<_, _>>()?))
    };
    let history = history(tensors.tensor("history").map_err(|error| format!("history: {error}"))?)?;
    let best = match header.best {
        None => None,
        Some(at) => {
            let epoch = *history.get(at).ok_or_else(|| format!("its best epoch, {}, is not in its history", at + 1))?;
            Some(Best { epoch, weights: weights("best")? })
        }
    };
    let means = |part| Ok::<_, String>(weights(part)?.0.into_iter().map(|tensor| tensor.values).collect());
    let state = TrainerState {
        weights: weights("weights")?,
        first: means("first")?,
        second: means("second")?,
        steps: header.steps,
    };
    Ok(Checkpoint { state, history, best })
}

fn history(view: TensorView) -> Result<Vec<Epoch>, String> {
    let numbers = doubles("its history", &view)?;
    if view.shape().len() != 2 || view.shape()[1] != EPOCH {
        return Err(format!("its history has the shape {:?}", view.shape()));
    }
    let epochs = numbers.as_chunks::<EPOCH>().0.iter().enumerate().map(|(at, numbers)| match epoch(numbers) {
        epoch if epoch.epoch == at + 1 && epoch.loss.is_finite() => Ok(epoch),
        _ => Err(format!("epoch {} of its history is damaged", at + 1)),
    });
    epochs.collect()
}

/// An epoch as numbers; what is absent is not a number.
fn numbers(epoch: &Epoch) -> [f64; EPOCH] {
    let Epoch { epoch, loss, validation_loss, psnr, rate, seconds } = *epoch;
    [epoch as f64, loss, validation_loss.unwrap_or(f64::NAN), psnr.unwrap_or(f64::NAN), rate, seconds]
}

fn epoch(&[epoch, loss, validation_loss, psnr, rate, seconds]: &[f64; EPOCH]) -> Epoch {
    let present = |number: f64| (!number.is_nan()).then_some(number);
    let (validation_loss, psnr) = (present(validation_loss), present(psnr));
    Epoch { epoch: epoch as usize, loss, validation_loss, psnr, rate, seconds }
}

#[cfg(test)]
mod tests {
    use undulator_compute::network::{Activation, Architecture};

    use super::*;

    fn task() -> Task {
        Task {
            network: Spec {
                network: Architecture::RedNet,
                layers: 3,
                activation: Activation::Prelu,
                channels: 2,
                residual: true,
            },
            loss: Loss::Mse,
            size: Size::new(16, 12, 8),
            validation: 2,
            fingerprint: "0123456789abcdef".to_owned(),
        }
    }

    fn checkpoint() -> (Plan, Checkpoint) {
        let plan = task().network.plan().unwrap();
        let weights = |seed| Weights::initial(&task().network, &plan, seed);
        let mut state = TrainerState::start(weights(1));
        state.first.iter_mut().flatten().enumerate().for_each(|(at, value)| *value = at as f32 / 7.0);
        state.second.iter_mut().flatten().enumerate().for_each(|(at, value)| *value = at as f32 / 3.0);
        state.steps = 12;
        let epoch = |epoch: usize, psnr| Epoch {
            epoch,
            loss: 0.1 / epoch as f64,
            validation_loss: None,
            psnr,
            rate: 1.0 / 3.0,
            seconds: 0.7,
        };
        let history = vec![epoch(1, Some(20.1)), epoch(2, None)];
        let best = Some(Best { epoch: history[0], weights: weights(2) });
        (plan, Checkpoint { state, history, best })
    }

    #[test]
    fn a_checkpoint_comes_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.zip.checkpoint");
        let (plan, whole) = checkpoint();
        for checkpoint in [whole.clone(), Checkpoint { best: None, ..whole }] {
            save(&path, &task(), &checkpoint).unwrap();
            assert!(load(&path, &task(), &plan).unwrap() == checkpoint);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn another_task_is_refused_with_both_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let (plan, checkpoint) = checkpoint();
        save(&path, &task(), &checkpoint).unwrap();
        let others = [
            (Task { network: Spec { channels: 3, ..task().network }, ..task() }, "2 channels"),
            (Task { loss: Loss::L1, ..task() }, "MSE instead of L1"),
            (Task { size: Size::new(16, 12, 9), ..task() }, "16×12×8 instead of 16×12×9"),
            (Task { validation: 3, ..task() }, "2 instead of 3"),
            (Task { fingerprint: "f".repeat(16), ..task() }, "grey values 01234567 instead of grey values ffffffff"),
        ];
        for (other, words) in others {
            let message = load(&path, &other, &plan).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("without resume"), "{message}");
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let (plan, checkpoint) = checkpoint();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let error = load(&path, &task(), &plan).unwrap_err();
            assert!(matches!(error, CheckpointError::Refused { .. }), "{error}");
            error.to_string()
        };
        let whole = to_bytes(&task(), &checkpoint).unwrap();
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            refused(&whole[..length]);
        }
        let with = |change: &dyn Fn(&mut Checkpoint)| {
            let mut broken = checkpoint.clone();
            change(&mut broken);
            to_bytes(&task(), &broken).unwrap()
        };
        assert!(refused(&with(&|j| j.state.first[0][0] = f32::NAN)).contains("first/encoder.0.weight"));
        assert!(refused(&with(&|j| j.history[1].epoch = 7)).contains("epoch 2"));
        assert!(refused(&with(&|j| j.best.as_mut().unwrap().epoch.epoch = 9)).contains("its best epoch, 9"));
        refused(&vec![0; (MOST_BYTES_BESIDE_WEIGHTS + (1 << 20)) as usize]);
        assert!(matches!(load(&folder.path().join("absent"), &task(), &plan), Err(CheckpointError::Read { .. })));
    }

    #[test]
    fn an_unwritable_place_is_said_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/c");
        let message = save(&path, &task(), &checkpoint().1).unwrap_err().to_string();
        assert!(message.contains("absent"), "{message}");
    }
}
