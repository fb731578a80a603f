//! The options that training one network and training several have in common.

use strum::VariantNames;
use undulator_compute::{Loss, Schedule, device::Precision, network::Spec};

use super::{Absent, CommandError, Key, Options};
use crate::{
    model::{Credits, LICENCES},
    train::TrainOptions,
};

/// The pair of stacks.
pub fn pair() -> [Key; 2] {
    [
        Key::image("low", "Low quality", Absent::Refused).help("The laboratory scan, on the grid of the reference."),
        Key::image("reference", "Reference", Absent::Refused).help("The synchrotron scan."),
    ]
}

/// How the networks are trained.
pub fn training() -> Vec<Key> {
    let group = "Training";
    vec![
        Key::whole("epochs", "Epochs", 100, 1, 1_000_000)
            .help("Number of passes over the training slices.")
            .group(group),
        Key::whole("batch", "Batch size", 4, 1, 4096).unit("slices").group(group),
        Key::whole("patch", "Patch size", 0, 0, 1 << 16)
            .unit("voxels")
            .help("Edge of square patches, a multiple of the network's; 0 for whole slices.")
            .group(group),
        Key::number("rate", "Learning rate", 0.001, 1e-9, 1.0)
            .help("Adam's learning rate in the first epoch.")
            .group(group),
        Key::choice("schedule", "Schedule", Schedule::VARIANTS)
            .help(
                "The learning rate stays constant, falls along a cosine to a hundredth in the last epoch, or is halved \
                 after ten epochs without a better one.",
            )
            .group(group),
        Key::choice("loss", "Loss", Loss::VARIANTS).group(group),
        Key::whole("validation", "Validation slices", 10, 0, 1 << 24)
            .help(
                "The last slices of the stack are scored after each epoch and not trained on; the best model is saved.",
            )
            .group(group),
        Key::whole("seed", "Seed", 1, 0, Key::MOST).help("Seed of the random numbers.").group(group),
        device().group(group),
        precision().group(group),
        Key::flag("augment", "Augmentation").help("Flip and rotate slices at random.").group(group),
    ]
}

/// Where to compute.
pub fn device() -> Key {
    Key::text("device", "Device", "auto").help("auto, cpu, cuda, or cuda:1 for the second GPU.")
}

/// How exactly a GPU computes.
pub fn precision() -> Key {
    Key::choice("precision", "Precision on a GPU", Precision::VARIANTS)
        .help("auto is TF32 on GPUs that have it, which differs from float32 by about 1e-3 of the grey window.")
        .advanced()
}

/// What the model file says of its makers.
pub fn credits() -> [Key; 3] {
    let group = "Credits";
    [
        Key::text("authors", "Authors", "").help("Ada Byron (London); Grace Hopper").remembered().group(group),
        Key::choice("licence", "Licence", &LICENCES).remembered().group(group),
        Key::text("cite", "Cite", "")
            .help("What to cite besides the method, each with its DOI: Our sample 10.5281/zenodo.1; ...")
            .remembered()
            .group(group),
    ]
}

/// The values of [`training`] and [`credits`], for one network or several.
///
/// # Errors
/// When a value is not possible.
pub fn read(options: &Options, spec: Spec) -> Result<TrainOptions, CommandError> {
    Ok(TrainOptions {
        spec,
        credits: Credits::read(options.text("authors"), options.text("licence"), options.text("cite"))?,
        epochs: options.get("epochs"),
        batch: options.get("batch"),
        patch: options.get("patch"),
        rate: options.get("rate"),
        schedule: options.parse("schedule")?,
        loss: options.parse("loss")?,
        validation: options.get("validation"),
        augment: options.get("augment"),
        seed: options.get("seed"),
        device: options.parse("device")?,
        precision: options.parse("precision")?,
        ..TrainOptions::default()
    })
}
