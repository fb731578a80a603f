//! `Compare Networks`: the paper's table on the user's own pair.

use undulator_compute::network::Spec;

use super::{
    Command, CommandError, Host, Key, Options, lengths, training_keys,
    training_rows::{Rows, TrainingRows},
};
use crate::{
    compare::{self, CompareOptions},
    train::TrainOptions,
};

/// The command.
pub fn command() -> Command {
    let group = "Networks";
    let mut keys = training_keys::pair().to_vec();
    keys.extend([
        Key::text("layers", "Layers of RED-Net", "3-7").help("3-7, or 3,4,6.").group(group),
        Key::text("activations", "Activations of RED-Net", "ReLU,PReLU").group(group),
        Key::whole("channels", "Channels", 32, 1, 4096).group(group),
        Key::flag("srcnn", "SRCNN").help("Also train SRCNN with 3 to 6 layers.").group(group),
        Key::flag("residual", "Residual output")
            .help("The networks learn the difference from their input.")
            .group(group),
    ]);
    keys.extend(training_keys::training());
    keys.push(Key::folder("folder", "Folder").help("Folder for models, table and figure.").group("Files"));
    keys.extend(training_keys::credits());
    Command {
        name: "Compare Networks",
        summary: "Trains several networks on one pair and compares them; both stacks must lie on the same grid.",
        help: HELP,
        result: "models, `comparison.csv` and a figure; a row per network",
        keys,
        run,
    }
}

const HELP: &str = "\
Every network is trained on the same slices with the same options and the same seed: RED-Net with each number of layers and \
each activation, and SRCNN with 3 to 6 layers, ReLU and twice as many channels.

The folder then holds a model for each, `comparison.csv`, and a figure as PNG and SVG, with the results of the paper beside. A \
comparison that was stopped goes on where it was when it is started again with the same options and folder.";

fn run(options: &Options, host: &dyn Host) -> Result<String, CommandError> {
    // What differs from network to network is the comparison's to choose.
    let network =
        Spec { channels: options.get("channels"), residual: options.get("residual"), ..TrainOptions::default().spec };
    let what = CompareOptions {
        layers: compare::layers(options.text("layers"))?,
        activations: compare::activations(options.text("activations"))?,
        srcnn: options.get("srcnn"),
        training: training_keys::read(options, network)?,
        folder: options.text("folder").into(),
    };
    let low = host.image("low", options.text("low"))?;
    let reference = host.image("reference", options.text("reference"))?;
    lengths::warn_of_unlike(low.as_ref(), reference.as_ref(), host);
    let rows = TrainingRows { host, of: Rows::Networks };
    let comparison = compare::compare(low.one_volume()?, reference.one_volume()?, &what, &rows)?;
    host.written(&comparison.table);
    host.written(&comparison.figure);
    Ok(format!("table and figure are in {}", what.folder.display()))
}
