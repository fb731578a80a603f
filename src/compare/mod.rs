//! Several networks on one pair of stacks: the paper's table on the user's own data.
//!
//! Every network is trained on the same slices, with the same options and the same seed. The folder then holds a model
//! for each (`red-net-6-prelu.zip`), `comparison.csv`, and the figure as `comparison.png` and `comparison.svg`. The files
//! are there from the first network on, and an interrupted comparison goes on where it was.

mod figure;
mod table;

use std::{fs, io, ops::Range, path::PathBuf};

use undulator_compute::network::{Activation, Architecture, NetworkError, Spec};

use crate::{
    dataset::Pair,
    grey::Window,
    model::{Model, ModelError, Scores},
    progress::{Cancelled, Progress, Silent},
    stack::SliceSource,
    train::{Prepared, TrainError, TrainListener, TrainOptions, train_as_part},
};

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOptions {
    /// Layers of the RED-Nets.
    pub layers: Vec<usize>,
    /// Activations of the RED-Nets, each with each number of layers.
    pub activations: Vec<Activation>,
    /// Whether SRCNN is compared too: the base, and one to three inserted layers, with ReLU and twice as many channels,
    /// as published beside 32.
    pub srcnn: bool,
    /// How every network is trained. Its network and model file do not matter, but for the channels and whether
    /// the output is residual.
    pub training: TrainOptions,
    /// Where models, table and figure go. It is made where it does not exist.
    pub folder: PathBuf,
}

/// One network of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The network.
    pub spec: Spec,
    /// Numbers trained.
    pub parameters: usize,
    /// The epoch of the best validation PSNR.
    pub best_epoch: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// PSNR of the validation slices, with the baselines; absent when none validate.
    pub scores: Option<Scores>,
    /// Seconds of training.
    pub seconds: f64,
    /// Why the training ended early, where it did, and why its model is of no use, where it is of none.
    pub note: String,
    /// The model file.
    pub model: PathBuf,
}

impl Row {
    fn of(model: &Model, path: PathBuf, note: String) -> Result<Self, NetworkError> {
        let (spec, training) = (model.card.network, &model.card.training);
        let notes = [note].into_iter().filter(|note| !note.is_empty()).chain(model.card.failure());
        let note = notes.collect::<Vec<_>>().join("; ");
        Ok(Self {
            spec,
            parameters: spec.plan()?.parameters(),
            best_epoch: training.best_epoch,
            epochs: training.history.len(),
            scores: model.card.scores,
            seconds: training.history.last().map_or(0.0, |epoch| epoch.seconds),
            note,
            model: path,
        })
    }

    /// The paper's PSNR in dB for this network, as it is printed; empty where it gives none.
    ///
    /// Kodama et al. (2023). Of the deeper SRCNNs it says only that each stays below the base.
    pub fn paper(&self) -> &'static str {
        match (self.spec.network, self.spec.layers, self.spec.activation) {
            (Architecture::Srcnn, 3, _) | (Architecture::RedNet, 3, Activation::Relu) => "15.6",
            (Architecture::Srcnn, ..) => "<15.6",
            (Architecture::RedNet, 6, Activation::Relu) => "22.4",
            (Architecture::RedNet, 7, Activation::Relu) => "22.1",
            (Architecture::RedNet, 6, Activation::Prelu) => ">30",
            _ => "",
        }
    }
}

/// A comparison as far as it got.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The networks, in the order in which they were trained.
    pub rows: Vec<Row>,
    /// The table.
    pub table: PathBuf,
    /// The figure as PNG; the SVG lies beside it.
    pub figure: PathBuf,
}

/// Listens to a comparison: to each training, and to each network that is done.
pub trait CompareListener: TrainListener {
    /// A network is done; those before it are not told again.
    fn network(&self, row: &Row);
}

impl CompareListener for Silent {
    fn network(&self, _row: &Row) {}
}

/// Why networks could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// There is nothing to train.
    #[error("there is no network to compare: give layers, for example 3-7, and activations, or srcnn")]
    Nothing,
    /// The user asked to stop.
    #[error(
        "cancelled at network {network} of {networks}: with the same options and folder the comparison goes on where it was"
    )]
    Cancelled {
        /// The network that was being trained, from one.
        network: usize,
        /// Networks to compare.
        networks: usize,
    },
    /// A list that cannot be read.
    #[error("{key}={value} is not possible: give {example}")]
    List {
        /// The macro key.
        key: &'static str,
        /// The value given.
        value: String,
        /// What it may look like.
        example: &'static str,
    },
    /// The folder cannot be used.
    #[error("folder={folder} cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A model in the folder is of another comparison.
    #[error("{model} was trained otherwise ({what}): choose an empty folder, or move the older comparison")]
    Other {
        /// The model.
        model: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The figure cannot be drawn or written.
    #[error("cannot draw the figure {path}: {reason}")]
    Figure {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A network cannot be built.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A training failed: what is in the folder stays.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A model in the folder cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Reads numbers of layers: `3-7`, or `3,4,6`; nothing means none.
///
/// # Errors
/// When it is no such list.
///
/// ```
/// use undulator::compare::layers;
///
/// assert_eq!(layers("3-5,7").unwrap(), [3, 4, 5, 7]);
/// assert!(layers("5-3").is_err());
/// ```
pub fn layers(text: &str) -> Result<Vec<usize>, CompareError> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?);
        (first <= last && last <= MOST_LAYERS).then_some(first..=last)
    };
    let refused = || CompareError::List { key: "layers", value: text.to_owned(), example: "3-7 or 3,4,6" };
    let ranges = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut layers = Vec::new();
    for part in ranges {
        range(part).ok_or_else(refused)?.for_each(|number| {
            if !layers.contains(&number) {
                layers.push(number)
            }
        });
    }
    Ok(layers)
}

/// Reads activations, `ReLU,PReLU`; nothing means none.
///
/// # Errors
/// When one is not known.
pub fn activations(text: &str) -> Result<Vec<Activation>, CompareError> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut activations = Vec::new();
    for name in names {
        let refused = |_| CompareError::List { key: "activations", value: text.to_owned(), example: "ReLU,PReLU" };
        let activation = name.parse().map_err(refused)?;
        if !activations.contains(&activation) {
            activations.push(activation);
        }
    }
    Ok(activations)
}

/// More than any network has: a slip of the keyboard must not fill the memory.
const MOST_LAYERS: usize = 99;

impl CompareOptions {
    /// The networks, in the order in which they are trained: those of the paper's table first to last.
    pub fn networks(&self) -> Vec<Spec> {
        let Spec { channels, residual, .. } = self.training.spec;
        let srcnn = (3..=6).filter(|_| self.srcnn).map(|layers| Spec {
            network: Architecture::Srcnn,
            layers,
            activation: Activation::Relu,
            channels: 2 * channels,
            residual,
        });
        let red_net = self.activations.iter().flat_map(|&activation| {
            let spec = move |&layers| Spec { network: Architecture::RedNet, layers, activation, channels, residual };
            self.layers.iter().map(spec)
        });
        srcnn.chain(red_net).collect()
    }
}

/// The part of a comparison that comes before its trainings.
const PREPARING: Range<f64> = 0.0..0.005;

/// Trains every network and writes table, figure and models to the folder.
///
/// Models of the same comparison that are already there are not trained again, and the one that was interrupted goes on
/// from its checkpoint. A network whose loss is no longer a number is noted, and the next one follows.
///
/// # Errors
/// [`CompareError`] when there is nothing to compare, the folder holds another comparison or cannot be written, and when
/// a training fails or is cancelled.
pub fn compare(
    low: &dyn SliceSource,
    reference: &dyn SliceSource,
    options: &CompareOptions,
    listener: &dyn CompareListener,
) -> Result<Comparison, CompareError> {
    let progress = Progress::new(listener);
    let networks = options.networks();
    if networks.is_empty() {
        return Err(CompareError::Nothing);
    }
    let count = networks.len();
    let stopped = |network: usize| {
        move |error| match error {
            TrainError::Cancelled(_) | TrainError::Discarded { .. } => {
                CompareError::Cancelled { network, networks: count }
            }
            other => CompareError::Train(other),
        }
    };
    // All of them, before the first is trained for hours.
    networks.iter().try_for_each(|spec| spec.plan().map(drop))?;
    let folder = &options.folder;
    let unusable = |source| CompareError::Folder { folder: folder.clone(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    let preparing = progress.part(PREPARING, "Preparing");
    let prepared = Prepared::new(low, reference, options.training.validation, preparing).map_err(stopped(1))?;
    let mut comparison =
        Comparison { rows: Vec::new(), table: folder.join("comparison.csv"), figure: folder.join("comparison.png") };
    let from = |network: usize| network as f64 / networks.len() as f64;
    let trainings = progress.share(PREPARING.end..1.0);
    for (at, spec) in networks.iter().enumerate() {
        progress.message(&format!("network {} of {}: {spec}", at + 1, networks.len()));
        let training = TrainOptions {
            spec: *spec,
            model: folder.join(format!("{}.zip", file_name(spec))),
            resume: true,
            // Without checkpoints there would be nothing to go on from.
            checkpoint: if options.training.checkpoint > 0.0 { options.training.checkpoint } else { 10.0 },
            ..options.training.clone()
        };
        let share = trainings.share(from(at)..from(at + 1));
        let row = done(&prepared, &training, listener, share).map_err(|error| match error {
            CompareError::Train(error) => stopped(at + 1)(error),
            other => other,
        })?;
        listener.network(&row);
        comparison.rows.push(row);
        let written = table::write(&comparison.table, &comparison.rows);
        written.map_err(unusable)?;
        figure::write(&comparison.figure, &comparison.rows)?;
    }
    Ok(comparison)
}

/// The row of one network, trained now or earlier.
fn done(
    prepared: &Prepared<'_>,
    options: &TrainOptions,
    listener: &dyn CompareListener,
    progress: Progress<'_>,
) -> Result<Row, CompareError> {
    let (path, Pair { low, reference, .. }) = (options.model.clone(), prepared.pair());
    if path.exists() {
        let model = Model::load(&path)?;
        check_alike(&model, prepared, options)?;
        if model.card.training.history.len() >= options.epochs {
            progress.message(&format!("it was trained before: {}", path.display()));
            progress.done();
            return Ok(Row::of(&model, path, String::new())?);
        }
    }
    match train_as_part(low, reference, Some(prepared), options, listener, progress) {
        Ok(trained) if trained.cancelled => Err(TrainError::Cancelled(Cancelled).into()),
        Ok(trained) => Ok(Row::of(&trained.model, path, String::new())?),
        Err(TrainError::Diverged { epoch, rate, kept: Some(path) }) => {
            let note = format!("the loss was no number in epoch {epoch}: lower the rate, {rate}");
            progress.message(&note);
            Ok(Row::of(&Model::load(&path)?, path, note)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses a model of another comparison, which would be overwritten.
fn check_alike(model: &Model, prepared: &Prepared<'_>, options: &TrainOptions) -> Result<(), CompareError> {
    let (card, training, pair) = (&model.card, &model.card.training, &prepared.pair());
    // What is in a file may differ in the last digit.
    let near = |one: f64, other: f64| one == other || (one - other).abs() <= 1e-6 * one.abs().max(other.abs());
    let window =
        |own: Window, other: Window| near(own.low.into(), other.low.into()) && near(own.high.into(), other.high.into());
    let scores = card.scores.zip(prepared.baselines);
    let same_pair = window(card.input_window, pair.low_window)
        && window(card.output_window, pair.reference_window)
        && scores.is_none_or(|(own, found)| {
            near(own.raw, found.raw.psnr)
                && near(own.matched, found.matched.psnr)
                && near(own.filtered, found.filtered.psnr)
        });
    let differences = [
        ("network", card.network != options.spec),
        ("size of the stacks", training.size != pair.low.shape().size),
        ("batch", training.batch != options.batch),
        ("patch", training.patch != options.patch),
        ("rate", training.rate != options.rate),
        ("schedule", training.schedule != options.schedule),
        ("loss", training.loss != options.loss),
        ("augmentation", training.augment != options.augment),
        ("seed", training.seed != options.seed),
        ("validation", training.validation_slices.1 - training.validation_slices.0 != options.validation),
        ("pair of stacks", !same_pair),
    ];
    match differences.into_iter().find(|(_, different)| *different) {
        Some((what, _)) => Err(CompareError::Other { model: options.model.clone(), what }),
        None => Ok(()),
    }
}

/// For example `red-net-6-prelu`.
fn file_name(spec: &Spec) -> String {
    format!("{}-{}-{}", spec.network, spec.layers, spec.activation).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_slips_are_named() {
        assert_eq!(layers(" 3 - 4 , 4,7").unwrap(), [3, 4, 7]);
        assert!(layers("").unwrap().is_empty());
        for slip in ["a", "3-", "7-3", "3-1000000000000", "-3"] {
            assert!(layers(slip).unwrap_err().to_string().contains(&format!("layers={slip} ")), "{slip}");
        }
        assert_eq!(activations("PReLU, ReLU,PReLU").unwrap(), [Activation::Prelu, Activation::Relu]);
        assert!(activations("ReLU,Tanh").unwrap_err().to_string().contains("activations=ReLU,Tanh"));
    }
}
