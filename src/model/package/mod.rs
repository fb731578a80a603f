//! The model file: a bioimage.io package, format 0.5.3, a flat zip.
//!
//! `rdf.yaml` describes it, `weights.onnx` is what other programs run, test tensors let them check themselves, cover and
//! README are for people. The card and the weights to go on training from are attached as `model.json` and
//! `weights.safetensors`, so that a package which bioimage.io's own tools pack anew still is a model of this project.

mod archive;
mod cover;
mod credits;
mod example;
mod facts;
pub(super) mod npy;
mod opened;
mod rdf;
mod readme;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod verify;
pub(super) mod yaml;

use std::io::{Read, Seek, Write};

use undulator_onnx::to_onnx;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub use credits::{Author, Citation, Credits, CreditsError, LICENCES};
pub use example::Example;
pub use facts::Facts;
pub use verify::Verification;

use super::{Card, Export, Loaded, Model};
use crate::{checksum, tensors};
use cover::{Panel, cover};
use example::TestTensors;
use opened::Package;

const FORMAT: &str = "undulator-model";
/// Version 1 was a zip of the card and the weights alone.
const VERSION: usize = 2;

const RDF: &str = "rdf.yaml";
/// What bioimage.io's tools may call the description.
const RDF_NAMES: [&str; 3] = [RDF, "bioimageio.yaml", "model.yaml"];
const CARD: &str = "model.json";
const WEIGHTS: &str = "weights.safetensors";
const WEIGHTS_ONNX: &str = "weights.onnx";
const TEST_INPUT: &str = "test_input.npy";
const TEST_OUTPUT: &str = "test_output.npy";
const COVER: &str = "cover.png";
const README: &str = "README.md";

/// What a package tells beside the model itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packaging {
    /// Who made it, and what others may do with it.
    pub credits: Credits,
    /// A validation slice for the test tensors and the cover. Without one they show a pattern of waves.
    pub example: Option<Example>,
}

/// Why a file is refused or cannot be made, in words.
#[derive(Debug)]
pub(super) struct Reason(pub String);

impl<E: std::error::Error> From<E> for Reason {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn reason(text: String) -> Reason {
    Reason(text)
}

/// The files of a package, the description first.
pub(super) fn files(model: &Model, packaging: &Packaging, name: &str) -> Result<Vec<(&'static str, Vec<u8>)>, Reason> {
    let Packaging { credits, example } = packaging;
    credits.check()?;
    let example = example.as_ref();
    if example.is_some_and(|example| !example.is_whole()) {
        return Err(Reason("its example lacks pixels, or holds values that are not finite numbers".to_owned()));
    }
    let card = &model.card;
    let plan = card.network.plan()?;
    let name = credits::clean_name(if credits.name.trim().is_empty() { name } else { &credits.name });
    let test = TestTensors::new(model, &plan, example)?;
    let mut files = vec![
        (README, readme::readme(&name, card, &plan).into_bytes()),
        (COVER, cover(&panels(card, example, &test))?),
        (TEST_INPUT, npy::write(test.edge, &test.input)),
        (TEST_OUTPUT, npy::write(test.edge, &test.output)),
        (CARD, serde_json::to_vec_pretty(card)?),
        (WEIGHTS_ONNX, to_onnx(&plan, &model.weights)),
        (WEIGHTS, tensors::write_weights(&model.weights)?),
    ];
    let sums: Vec<(&str, String)> = files.iter().map(|(name, bytes)| (*name, checksum::of(bytes))).collect();
    let facts = rdf::Facts { name: &name, card, plan: &plan, credits, files: &sums };
    files.insert(0, (RDF, yaml::write(&facts.describe()).into_bytes()));
    Ok(files)
}

/// The bytes of a file that other programs read.
pub(super) fn export(model: &Model, what: Export) -> Result<Vec<u8>, Reason> {
    Ok(match what {
        Export::Onnx => to_onnx(&model.card.network.plan()?, &model.weights),
        Export::Safetensors => tensors::write_weights(&model.weights)?,
    })
}

fn panels<'a>(card: &Card, example: Option<&'a Example>, test: &'a TestTensors) -> Vec<Panel<'a>> {
    match example {
        Some(Example { input, restored, reference }) => vec![
            Panel::input(card, input.view()),
            Panel::output(card, restored.view()),
            Panel::output(card, reference.view()),
        ],
        None => vec![Panel::input(card, test.input()), Panel::output(card, test.output())],
    }
}

/// Writes files into one zip: text packed, numbers as they are, since they hardly shrink.
pub(super) fn write(files: &[(&'static str, Vec<u8>)], out: impl Write + Seek) -> Result<(), Reason> {
    let mut zip = ZipWriter::new(out);
    for (name, bytes) in files {
        let is_text = [RDF, README, CARD].contains(name);
        let method = if is_text { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method))?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.flush()?)
}

/// Reads a package of any program. Nothing is unpacked to disk, and nothing is believed: the model must reproduce its test
/// image, unless `force` is set. Models of this project whose test would take long are not tried: they wrote it themselves;
/// nor are those of others that have none, which applying warns of.
pub(super) fn read(file: impl Read + Seek, force: bool) -> Result<Loaded, Reason> {
    let mut package = Package::open(file)?;
    let model = package.load()?;
    if force {
        return Ok(model);
    }
    let verification = match &model {
        Loaded::External(external) if external.has_test() => Some(package.verify(&model)?),
        Loaded::Own(_) | Loaded::External(_) => package.verify_if_quick(&model)?,
    };
    match verification.filter(|verification| !verification.passed()) {
        None => Ok(model),
        Some(failed) => Err(Reason(format!("{failed}. The option force applies it all the same"))),
    }
}

/// What a package of any program says of itself.
pub(super) fn facts(file: impl Read + Seek) -> Result<Facts, Reason> {
    Ok(Package::open(file)?.facts())
}

/// Runs a model of any program on the test input in its package, however long that takes.
pub(super) fn verify(file: impl Read + Seek) -> Result<Verification, Reason> {
    let mut package = Package::open(file)?;
    let model = package.load()?;
    package.verify(&model)
}
