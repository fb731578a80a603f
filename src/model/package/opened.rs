//! An open package, of this project or of another.

use std::io::{Read, Seek};

use sha2::{Digest, Sha256};

use super::{
    CARD, FORMAT, RDF, RDF_NAMES, Reason, TEST_INPUT, TEST_OUTPUT, VERSION, WEIGHTS,
    archive::{Archive, is_bare},
    npy::{self, Tensor},
    reason,
    verify::{self, Verification},
    yaml::{self, Yaml},
};
use crate::{
    checksum,
    grey::Window,
    model::{Card, ExternalModel, Loaded, Model, external, external::Trial},
    stack::GreyScale,
    tensors,
};

const MOST_CARD_BYTES: u64 = 16 << 20;
/// The largest network's smallest tile has 512×512 pixels.
const MOST_TENSOR_BYTES: u64 = 4 << 20;
/// A large slice, in 64 bits.
const MOST_FOREIGN_TENSOR_BYTES: u64 = 32 << 20;
/// For a test image that is run whenever the model is read: a second or so on two cores.
pub(super) const MOST_MULTIPLICATIONS: u64 = 100_000_000_000;
/// Names and shapes of weights.
const MOST_BYTES_BESIDE_WEIGHTS: usize = 64 << 10;
/// Of networks of other programs; larger ones must take as much on the disk, so that nothing grows on the way.
const MOST_PACKED_NETWORK_BYTES: u64 = 64 << 20;

pub(super) const NO_TEST: &str = "it has no test image, so nothing shows that it does here what it does elsewhere";

/// An open package: its files are there, and its description can be read.
pub(super) struct Package<R> {
    pub archive: Archive<R>,
    pub rdf: Yaml,
    /// What the description of a package of this project gives a checksum for.
    sources: Vec<Source>,
}

impl<R: Read + Seek> Package<R> {
    /// Opens a package of any program.
    pub fn open(file: R) -> Result<Self, Reason> {
        let mut archive = Archive::open(file).map_err(reason)?;
        let rdf = match description_name(&archive) {
            Some(name) => yaml::read(&archive.read(&name, yaml::MOST_BYTES as u64).map_err(reason)?).map_err(reason)?,
            None if archive.holds(CARD) => {
                return Err(Reason("it was written by an early version of Undulator: train it again".to_owned()));
            }
            None => return Err(Reason(format!("it does not hold {RDF}, so it is no bioimage.io package"))),
        };
        let sources = if own(&rdf).is_some() { sources(&rdf)? } else { Vec::new() };
        Ok(Self { archive, rdf, sources })
    }

    /// The model, whoever made it, if it runs here.
    pub fn load(&mut self) -> Result<Loaded, Reason> {
        let (kind, format) = (self.rdf.text_at("type"), self.rdf.text_at("format_version"));
        if kind != "model" || !["0.4.", "0.5."].iter().any(|read| format.starts_with(read)) {
            return Err(Reason(format!(
                "its description is of the type {kind:?} and version {format:?}, not a model of version 0.4 or 0.5"
            )));
        }
        match own(&self.rdf) {
            Some(own) => {
                check_format(own)?;
                Ok(Loaded::Own(Box::new(self.model()?)))
            }
            None => Ok(Loaded::External(self.external()?)),
        }
    }

    fn model(&mut self) -> Result<Model, Reason> {
        let card: Card = serde_json::from_slice(&self.checked(CARD, MOST_CARD_BYTES)?)
            .map_err(|error| Reason(format!("{CARD}: {error}")))?;
        let plan = card.network.plan()?;
        for (what, window) in [("input_window", card.input_window), ("output_window", card.output_window)] {
            Window::new(window.low, window.high).map_err(|error| Reason(format!("its {what}: {error}")))?;
        }
        let GreyScale { offset, slope } = card.output_scale;
        if GreyScale::new(offset, slope, card.output_grey).is_none() {
            return Err(Reason(format!("its grey scale, {offset} + {slope} × number, is impossible")));
        }
        let most = 4 * plan.parameters() + MOST_BYTES_BESIDE_WEIGHTS;
        let weights = self.checked(WEIGHTS, most as u64)?;
        let weights = tensors::read_weights(&weights).map_err(|error| Reason(format!("{WEIGHTS}: {error}")))?;
        let weights = weights.fitted(&plan)?;
        self.check_others()?;
        Ok(Model { card, weights })
    }

    fn external(&mut self) -> Result<ExternalModel, Reason> {
        let file = external::network(&self.rdf).and_then(File::of).map_err(reason)?;
        let (size, packed) = self.archive.bytes(&file.name).map_err(reason)?;
        if size > MOST_PACKED_NETWORK_BYTES.max(packed.saturating_mul(2)) {
            return Err(Reason(format!("{} would unpack to {size} bytes from {packed}", file.name)));
        }
        let onnx = self.read(&file, size)?;
        ExternalModel::new(&self.rdf, onnx).map_err(reason)
    }

    /// Runs the model on the package's test input, unless this would take long.
    pub fn verify_if_quick(&mut self, model: &Loaded) -> Result<Option<Verification>, Reason> {
        match model {
            Loaded::Own(own) => {
                let plan = own.card.network.plan()?;
                let quick = plan.multiplications(plan.least_tile().pow(2) as u64) <= MOST_MULTIPLICATIONS;
                if quick { self.verify(model).map(Some) } else { Ok(None) }
            }
            Loaded::External(model) if !model.has_test() => Ok(None),
            Loaded::External(model) => {
                let (trial, output) = self.trial(model)?;
                if trial.is_quick() { trial.verify(output).map(Some).map_err(reason) } else { Ok(None) }
            }
        }
    }

    /// Runs the model on the package's test input.
    pub fn verify(&mut self, model: &Loaded) -> Result<Verification, Reason> {
        match model {
            Loaded::Own(model) => {
                let mut tensor = |name| tensor(name, &self.checked(name, MOST_TENSOR_BYTES)?);
                let (input, output) = (tensor(TEST_INPUT)?, tensor(TEST_OUTPUT)?);
                verify::verify(model, &input, &output).map_err(reason)
            }
            Loaded::External(model) => {
                let (trial, output) = self.trial(model)?;
                trial.verify(output).map_err(reason)
            }
        }
    }

    /// A model of another program, ready for its test input, and its test output.
    fn trial(&mut self, model: &ExternalModel) -> Result<(Trial, Tensor), Reason> {
        let images = external::test_images(&self.rdf);
        let [input, output] = images.ok_or_else(|| Reason(NO_TEST.to_owned()))?.map(File::of);
        let mut read = |file: Result<File, String>| {
            let file = file.map_err(reason)?;
            tensor(&file.name, &self.read(&file, MOST_FOREIGN_TENSOR_BYTES)?)
        };
        let (input, output) = (read(input)?, read(output)?);
        Ok((model.trial(input).map_err(reason)?, output))
    }

    /// A file that the description names, with its checksum if it has one.
    fn read(&mut self, File { name, sum }: &File, most: u64) -> Result<Vec<u8>, Reason> {
        let bytes = self.archive.read(name, most).map_err(reason)?;
        match sum {
            Some(sum) => check_sum(name, sum, &checksum::of(&bytes)).map(|()| bytes),
            None => Ok(bytes),
        }
    }

    /// One of the files that the description gives a checksum for, if it is in order.
    fn checked(&mut self, name: &str, most: u64) -> Result<Vec<u8>, Reason> {
        let Some((_, sum)) = self.sources.iter().find(|(source, _)| source == name) else {
            return Err(Reason(format!("its description does not name {name}")));
        };
        let bytes = self.archive.read(name, most).map_err(reason)?;
        check_sum(name, sum, &checksum::of(&bytes))?;
        Ok(bytes)
    }

    /// Checks the files that are there for other programs.
    fn check_others(&mut self) -> Result<(), Reason> {
        for (name, expected) in self.sources.iter().filter(|(name, _)| ![CARD, WEIGHTS].contains(&name.as_str())) {
            let mut sum = Sha256::new();
            self.archive.copy(name, &mut sum).map_err(reason)?;
            check_sum(name, expected, &checksum::text(sum))?;
        }
        Ok(())
    }
}

/// The file that is the description: by the first of the names that is there, alone or after a point; of several, the
/// first in the order of the alphabet. So `bioimageio.spec` has it.
fn description_name<R: Read + Seek>(archive: &Archive<R>) -> Option<String> {
    let mut names: Vec<&str> = archive.names().collect();
    names.sort_unstable();
    RDF_NAMES.iter().find_map(|kind| {
        let is =
            |name: &&&str| name.strip_suffix(kind).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        names.iter().find(is).map(|name| (*name).to_owned())
    })
}

/// What a description says to this project alone.
fn own(rdf: &Yaml) -> Option<&Yaml> {
    rdf.get("config")?.get("undulator")
}

/// Refuses models of a later version of this project.
fn check_format(own: &Yaml) -> Result<(), Reason> {
    let (format, version) = (own.text_at("format"), own.text_at("version"));
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

/// All files that the description names; each must have a checksum, in one place at the least.
fn sources(rdf: &Yaml) -> Result<Vec<Source>, Reason> {
    let mut found: Vec<Source> = Vec::new();
    let mut open = vec![rdf];
    while let Some(yaml) = open.pop() {
        match yaml {
            Yaml::Scalar { .. } => {}
            Yaml::List(items) => open.extend(items),
            Yaml::Map(entries) => {
                open.extend(entries.iter().map(|(_, value)| value));
                if yaml.get("source").is_some() {
                    let File { name, sum } = File::of(yaml).map_err(reason)?;
                    let sum = sum.ok_or_else(|| Reason(format!("its description has no sha256 for {name}")))?;
                    match found.iter().find(|(other, _)| *other == name) {
                        None => found.push((name, sum)),
                        Some((_, other)) if *other == sum => {}
                        Some(_) => return Err(Reason(format!("its description has two checksums for {name}"))),
                    }
                }
            }
        }
    }
    Ok(found)
}

/// A file of the package.
struct File {
    name: String,
    sum: Option<String>,
}

impl File {
    /// The file that an entry of the description names, alone or with its checksum.
    fn of(entry: &Yaml) -> Result<Self, String> {
        let name = file_name(entry).map(|name| name.strip_prefix("./").unwrap_or(name));
        let name = name.filter(|name| is_bare(name)).ok_or_else(|| {
            let given = file_name(entry).unwrap_or("a list");
            format!("its description names the file {given:?}: only bare names of files in the package are read")
        })?;
        let is_sum = |sum: &&str| sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
        let sum = match entry.given("sha256") {
            None => None,
            Some(sum) => {
                let sum = sum.as_text().filter(is_sum);
                Some(sum.ok_or_else(|| format!("its description has no sha256 for {name}"))?.to_ascii_lowercase())
            }
        };
        Ok(Self { name: name.to_owned(), sum })
    }
}

/// The name of a file that stands alone or with its checksum.
pub(super) fn file_name(entry: &Yaml) -> Option<&str> {
    entry.as_text().or_else(|| entry.get("source")?.as_text())
}

fn tensor(name: &str, bytes: &[u8]) -> Result<Tensor, Reason> {
    npy::read(bytes).map_err(|error| Reason(format!("{name}: {error}")))
}

fn check_sum(name: &str, expected: &str, found: &str) -> Result<(), Reason> {
    match expected == found {
        true => Ok(()),
        false => Err(Reason(format!("{name} has the sha256 {found}, not the one in its description: it was changed"))),
    }
}
