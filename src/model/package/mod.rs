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
mod npy;
mod rdf;
mod readme;
#[cfg(test)]
pub(super) mod tests;
mod verify;
mod yaml;

use std::io::{Read, Seek, Write};

use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

pub use credits::{Author, Citation, Credits, CreditsError, LICENCES};
pub use example::Example;
pub use facts::Facts;
pub use verify::Verification;

use super::{Card, Export, Model, onnx, safetensors};
use crate::{checksum, grey::Window};
use archive::{Archive, is_bare};
use cover::{Panel, cover};
use example::TestTensors;
use yaml::Yaml;

const FORMAT: &str = "undulator-model";
/// Version 1 was a zip of the card and the weights alone.
const VERSION: usize = 2;

const RDF: &str = "rdf.yaml";
/// What bioimage.io's tools may call the description.
const RDF_BY_OTHERS: &str = "bioimageio.yaml";
const CARD: &str = "model.json";
const WEIGHTS: &str = "weights.safetensors";
const WEIGHTS_ONNX: &str = "weights.onnx";
const TEST_INPUT: &str = "test_input.npy";
const TEST_OUTPUT: &str = "test_output.npy";
const COVER: &str = "cover.png";
const README: &str = "README.md";

const MOST_CARD_BYTES: u64 = 16 << 20;
/// The largest network's smallest tile has 512×512 pixels.
const MOST_TENSOR_BYTES: u64 = 4 << 20;
/// For a test image that is run whenever the model is read: a second or so on two cores.
const MOST_MULTIPLICATIONS: u64 = 100_000_000_000;
/// Names and shapes of weights.
const MOST_BYTES_BESIDE_WEIGHTS: usize = 64 << 10;

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
        (WEIGHTS_ONNX, onnx::to_onnx(&plan, &model.weights)),
        (WEIGHTS, safetensors::write(&model.weights)?),
    ];
    let sums: Vec<(&str, String)> = files.iter().map(|(name, bytes)| (*name, checksum::of(bytes))).collect();
    let facts = rdf::Facts { name: &name, card, plan: &plan, credits, files: &sums };
    files.insert(0, (RDF, yaml::write(&facts.describe()).into_bytes()));
    Ok(files)
}

/// The bytes of a file that other programs read.
pub(super) fn export(model: &Model, what: Export) -> Result<Vec<u8>, Reason> {
    Ok(match what {
        Export::Onnx => onnx::to_onnx(&model.card.network.plan()?, &model.weights),
        Export::Safetensors => safetensors::write(&model.weights)?,
    })
}

fn panels<'a>(card: &Card, example: Option<&'a Example>, test: &'a TestTensors) -> Vec<Panel<'a>> {
    match example {
        Some(Example { width, height, input, restored, reference }) => vec![
            Panel::input(card, input, *width, *height),
            Panel::output(card, restored, *width, *height),
            Panel::output(card, reference, *width, *height),
        ],
        None => vec![
            Panel::input(card, &test.input, test.edge, test.edge),
            Panel::output(card, &test.output, test.edge, test.edge),
        ],
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

/// Reads a package of this project. Nothing is unpacked to disk, and nothing is believed: the model must reproduce its
/// test image, unless `force` is set, or the network is so large that this would take long.
pub(super) fn read(file: impl Read + Seek, force: bool) -> Result<Model, Reason> {
    let mut package = Package::open(file)?;
    let model = package.model()?;
    if !force
        && let Some(verification) = package.verify_if_quick(&model)?
        && !verification.passed()
    {
        return Err(Reason(format!("{verification}. The option force applies it all the same")));
    }
    Ok(model)
}

/// What a package of any program says of itself.
pub(super) fn facts(file: impl Read + Seek) -> Result<Facts, Reason> {
    Ok(Package::open(file)?.facts())
}

/// Runs a model of this project on the test input in its package, however long that takes.
pub(super) fn verify(file: impl Read + Seek) -> Result<Verification, Reason> {
    let mut package = Package::open(file)?;
    let model = package.model()?;
    package.verify(&model)
}

/// An open package: its files are there, and its description can be read.
struct Package<R> {
    archive: Archive<R>,
    rdf: Yaml,
    sources: Vec<Source>,
}

impl<R: Read + Seek> Package<R> {
    /// Opens a package of any program.
    pub fn open(file: R) -> Result<Self, Reason> {
        let mut archive = Archive::open(file).map_err(reason)?;
        let rdf = match [RDF, RDF_BY_OTHERS].into_iter().find(|name| archive.holds(name)) {
            Some(name) => yaml::read(&archive.read(name, yaml::MOST_BYTES as u64).map_err(reason)?).map_err(reason)?,
            None if archive.holds(CARD) => {
                return Err(Reason("it was written by an early version of Undulator: train it again".to_owned()));
            }
            None => return Err(Reason(format!("it does not hold {RDF}, so it is no bioimage.io package"))),
        };
        let sources = sources(&rdf)?;
        Ok(Self { archive, rdf, sources })
    }

    /// The model, if it is one of this project.
    pub fn model(&mut self) -> Result<Model, Reason> {
        check_format(&self.rdf)?;
        let card: Card = serde_json::from_slice(&self.checked(CARD, MOST_CARD_BYTES)?)
            .map_err(|error| Reason(format!("{CARD}: {error}")))?;
        let plan = card.network.plan()?;
        for (what, window) in [("input_window", card.input_window), ("output_window", card.output_window)] {
            Window::new(window.low, window.high).map_err(|error| Reason(format!("its {what}: {error}")))?;
        }
        let most = 4 * plan.parameters() + MOST_BYTES_BESIDE_WEIGHTS;
        let weights = self.checked(WEIGHTS, most as u64)?;
        let weights = safetensors::read(&weights).map_err(|error| Reason(format!("{WEIGHTS}: {error}")))?;
        let weights = weights.fitted(&plan)?;
        self.check_others()?;
        Ok(Model { card, weights })
    }

    /// Runs the model on the package's test input, unless the network is so large that this would take long.
    pub fn verify_if_quick(&mut self, model: &Model) -> Result<Option<Verification>, Reason> {
        let plan = model.card.network.plan()?;
        let quick = plan.multiplications(plan.least_tile().pow(2) as u64) <= MOST_MULTIPLICATIONS;
        if quick { self.verify(model).map(Some) } else { Ok(None) }
    }

    /// Runs the model on the package's test input.
    pub fn verify(&mut self, model: &Model) -> Result<Verification, Reason> {
        let mut tensor = |name| {
            let bytes = self.checked(name, MOST_TENSOR_BYTES)?;
            npy::read(&bytes).map_err(|error| Reason(format!("{name}: {error}")))
        };
        let (input, output) = (tensor(TEST_INPUT)?, tensor(TEST_OUTPUT)?);
        verify::verify(model, &input, &output).map_err(reason)
    }

    /// One of the files that the description names, if it is in order.
    pub fn checked(&mut self, name: &str, most: u64) -> Result<Vec<u8>, Reason> {
        if !self.sources.iter().any(|(source, _)| source == name) {
            return Err(Reason(format!("its description does not name {name}")));
        }
        let bytes = self.archive.read(name, most).map_err(reason)?;
        check_sum(&self.sources, name, &checksum::of(&bytes))?;
        Ok(bytes)
    }

    /// Checks the files that are there for other programs.
    fn check_others(&mut self) -> Result<(), Reason> {
        let mut done = vec![CARD, WEIGHTS];
        for (name, _) in &self.sources {
            if !done.contains(&name.as_str()) {
                let mut sum = Sha256::new();
                self.archive.copy(name, &mut sum).map_err(reason)?;
                check_sum(&self.sources, name, &checksum::text(sum))?;
                done.push(name);
            }
        }
        Ok(())
    }
}

/// Refuses what is no model of this project, or of a later version.
fn check_format(rdf: &Yaml) -> Result<(), Reason> {
    let text = |yaml: Option<&Yaml>| yaml.and_then(Yaml::as_text).unwrap_or_default().to_owned();
    let format = text(rdf.get("format_version"));
    if text(rdf.get("type")) != "model" || !format.starts_with("0.5.") {
        return Err(Reason(format!(
            "its description is of the type {:?} and version {format:?}, not a model of version 0.5",
            text(rdf.get("type"))
        )));
    }
    let Some(own) = rdf.get("config").and_then(|config| config.get("undulator")) else {
        return Err(Reason("it is a bioimage.io package of another program, which Undulator cannot run".to_owned()));
    };
    let (format, version) = (text(own.get("format")), text(own.get("version")));
    if format != FORMAT {
        return Err(Reason(format!("its format is {format:?}, not {FORMAT:?}")));
    }
    match version.parse() {
        Ok(VERSION) => Ok(()),
        Ok(1..VERSION) => Err(Reason("it was written by an early version of Undulator: train it again".to_owned())),
        _ => Err(Reason(format!("its format version is {version}, this program reads {VERSION}: update Undulator"))),
    }
}

/// A file that the description names, and the checksum that it must have.
type Source = (String, String);

/// All files that the description gives a checksum for.
fn sources(rdf: &Yaml) -> Result<Vec<Source>, Reason> {
    let mut found = Vec::new();
    let mut open = vec![rdf];
    while let Some(yaml) = open.pop() {
        match yaml {
            Yaml::Scalar { .. } => {}
            Yaml::List(items) => open.extend(items),
            Yaml::Map(entries) => {
                open.extend(entries.iter().map(|(_, value)| value));
                if let Some(source) = yaml.get("source") {
                    found.push(source_of(source, yaml.get("sha256"))?);
                }
            }
        }
    }
    Ok(found)
}

fn source_of(source: &Yaml, sum: Option<&Yaml>) -> Result<Source, Reason> {
    let name = source.as_text().filter(|name| is_bare(name)).ok_or_else(|| {
        let given = source.as_text().unwrap_or("a list");
        Reason(format!("its description names the file {given:?}: only bare names of files in the package are read"))
    })?;
    let is_sum = |sum: &&str| sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
    let sum = sum
        .and_then(Yaml::as_text)
        .filter(is_sum)
        .ok_or_else(|| Reason(format!("its description has no sha256 for {name}")))?;
    Ok((name.to_owned(), sum.to_ascii_lowercase()))
}

fn check_sum(sources: &[Source], name: &str, found: &str) -> Result<(), Reason> {
    match sources.iter().all(|(source, sum)| source != name || sum == found) {
        true => Ok(()),
        false => Err(Reason(format!("{name} has the sha256 {found}, not the one in its description: it was changed"))),
    }
}
