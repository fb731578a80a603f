//! `Train`: a network from a pair of stacks.

use strum::VariantNames;
use undulator_compute::network::{Activation, Architecture, Spec};

use super::{
    Code, Command, CommandError, Host, Key, Options, Row,
    host::ask_to_replace,
    lengths, training_keys,
    training_rows::{Rows, TrainingRows},
};
use crate::train::{TrainOptions, Trained, checkpoint_of, train};

/// The command.
pub fn command() -> Command {
    let (network, files) = ("Network", "Files");
    let mut keys = training_keys::pair().to_vec();
    keys.extend([
        Key::choice("preset", "Preset", &["None", "Paper"])
            .help("Paper: 20 slices validate, 2000 epochs, whole slices. Options given explicitly take precedence.")
            .preset("Paper", &[("validation", "20"), ("epochs", "2000"), ("patch", "0")]),
        Key::choice("network", "Network", Architecture::VARIANTS).group(network),
        Key::whole("layers", "Layers", 6, 3, 20).help("RED-Net 3 to 7, SRCNN 3 to 20.").group(network),
        Key::choice("activation", "Activation", Activation::VARIANTS).group(network),
        Key::whole("channels", "Channels", 32, 1, 4096).group(network),
        Key::flag("residual", "Residual output")
            .help("The network learns the difference from its input.")
            .group(network),
    ]);
    keys.extend(training_keys::training());
    keys.extend([
        Key::file_to_save("model", "Model file", ".zip").group(files),
        Key::file_to_open("start", "Start from model", ".zip")
            .help("A model of the same network whose weights are the starting point.")
            .optional()
            .group(files),
        Key::number("checkpoint", "Checkpoint interval", 10.0, 0.0, 1e6)
            .unit("minutes")
            .help("0 writes checkpoints only on request.")
            .group(files),
        Key::flag("resume", "Resume")
            .help("Resume from the checkpoint beside the model file, if there is one.")
            .group(files),
    ]);
    keys.extend(training_keys::credits());
    Command {
        name: "Train",
        summary: "Trains a network to turn the low-quality stack into the reference; both must lie on the same grid.",
        help: HELP,
        result: "the model file; a row per epoch",
        keys,
        run,
    }
}

const HELP: &str = "\
**Preset.** *Paper* is the protocol of Kodama et al. (2023): 20 of 200 slices validate, 2000 epochs, whole slices. Batch size, \
learning rate and channels are not in the paper: they stay as they are.

**Network.** RED-Net has 3 to 7 layers, each at half the resolution of the one before; SRCNN has 3 or more convolutions in \
sequence.

**Checkpoint.** A file beside the model, named like it with `.checkpoint` at the end, holds all that a training needs to go on. \
*Resume* goes on from it, and trains from the start where there is none.

**While it trains**, *Finish* keeps the best model, *Cancel* writes none, and Escape in its window keeps the best one and ends the macro.";

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    let spec = Spec {
        network: options.parse("network")?,
        layers: options.get("layers"),
        activation: options.parse("activation")?,
        channels: options.get("channels"),
        residual: options.get("residual"),
    };
    let training = TrainOptions {
        model: options.text("model").into(),
        start: options.path("start"),
        resume: options.get("resume"),
        checkpoint: options.get("checkpoint"),
        ..training_keys::read(options, spec)?
    };
    let low = host.image("low", options.text("low"))?;
    let reference = host.image("reference", options.text("reference"))?;
    lengths::warn_of_unlike(low.as_ref(), reference.as_ref(), host);
    // Who goes on from a checkpoint means the model of that training.
    if !training.resume || !checkpoint_of(&training.model).exists() {
        ask_to_replace(host, &training.model)?;
    }
    let rows = TrainingRows { host, of: Rows::Epochs };
    let trained = train(low.one_volume()?, reference.one_volume()?, &training, &rows)?;
    host.written(&trained.path);
    host.row(best(&trained));
    match trained.cancelled {
        true => Err(CommandError::new(Code::Cancelled, trained.to_string())),
        false => Ok(trained.to_string()),
    }
}

/// The last row: the best validation PSNR beside the baselines.
fn best(trained: &Trained) -> Row {
    let card = &trained.model.card;
    let row = Row::new().number("Epoch", "", card.training.best_epoch as f64).number("Best", "", 1.0);
    let row = match &card.scores {
        None => row,
        Some(scores) => row
            .number("PSNR", "dB", scores.restored)
            .number("Raw PSNR", "dB", scores.raw)
            .number("Matched PSNR", "dB", scores.matched)
            .number("Filtered PSNR", "dB", scores.filtered),
    };
    match card.failure() {
        None => row,
        Some(failure) => row.text("Note", failure),
    }
}
