//! Models of other programs: bioimage.io packages with one slice in and one out, whose network is in ONNX.
//!
//! `description` says how the network is fed: `axes` which tensors it takes, `processing` which `steps` are done before and
//! after it, with `statistics` of the grey values. [`undulator_onnx`] runs it, and `trial` has it run on its own test image.

mod axes;
mod description;
mod processing;
mod statistics;
mod steps;
mod tensor;
mod trial;

use std::sync::Arc;

use undulator_compute::Runner;
use undulator_onnx::{Network, TractRunner};

use crate::{model::package::yaml::Yaml, stack::GreyType};
use description::Description;
use statistics::Scope;
pub(crate) use statistics::{StackMeasures, Statistics};
pub(super) use trial::Trial;

/// A model of another program that runs here.
#[derive(Clone, Debug)]
pub struct ExternalModel {
    description: Arc<Description>,
    network: Network,
    tested: bool,
}

impl ExternalModel {
    /// # Errors
    /// In words: for every model that does not run here.
    pub(super) fn new(rdf: &Yaml, onnx: Vec<u8>) -> Result<Self, String> {
        let description = Description::read(rdf)?;
        let network = Network::read(onnx).map_err(|what| format!("its network: {what}"))?;
        let (given, takes) = (description.given.as_str(), network.takes());
        // Zeros and ones are the same in every kind of numbers.
        if given != takes && given != "bool" {
            return Err(format!("its network takes numbers of the kind {takes}, its description gives it {given}"));
        }
        Ok(Self { description: Arc::new(description), network, tested: test_images(rdf).is_some() })
    }

    /// Whether the package has a test image. Without one, nothing shows that the model does here what it does elsewhere.
    pub fn has_test(&self) -> bool {
        self.tested
    }

    /// Grey type of restored stacks.
    pub fn grey(&self) -> GreyType {
        self.description.grey
    }

    /// The halo of the description: invalid pixels at each edge of an output image; 0 if not given.
    pub fn halo(&self) -> usize {
        self.description.halo
    }

    /// Tiles should start at multiples of this, in pixels.
    pub fn multiple(&self) -> usize {
        let (down, across) = (self.description.input.height.step(), self.description.input.width.step());
        (1..=across).map(|times| down * times).find(|multiple| multiple.is_multiple_of(across)).unwrap_or(down)
    }

    /// The network on the CPU. Images are continued to a size that it takes, if there is one so large; before that, if
    /// they are to be `with_halo`, by the halo on all sides. For others the [`footprint`](Runner::footprint) is endless.
    pub fn runner(&self, with_halo: bool) -> Box<dyn Runner> {
        Box::new(self.tract_runner(with_halo))
    }

    fn tract_runner(&self, with_halo: bool) -> TractRunner {
        TractRunner::new(self.network.clone(), self.description.input.clone(), with_halo)
    }

    /// Whether pre- or postprocessing needs statistics of the whole stack.
    pub(crate) fn measures_stack(&self) -> bool {
        self.description.measures.iter().any(|measure| measure.scope == Scope::Stack)
    }

    /// Takes a slice's share of the statistics of the whole stack.
    pub(crate) fn measure_stack(&self, slice: &[f32], stack: &mut StackMeasures) {
        stack.add(slice, &self.description.measures);
    }

    /// The statistics that pre- and postprocessing of a slice need, with those of the stack.
    pub(crate) fn measure(&self, slice: &[f32], stack: &Statistics) -> Statistics {
        Statistics::of(slice, &self.description.measures, Scope::Slice).and(stack)
    }

    /// Preprocesses the grey values of a whole slice, in place.
    pub(crate) fn preprocess(&self, measured: &Statistics, greys: &mut [f32]) {
        steps::apply(&self.description.preprocessing, measured, greys);
    }

    /// Postprocesses the network's output for a slice to grey values, in place.
    pub(crate) fn postprocess(&self, measured: &Statistics, values: &mut [f32]) {
        steps::apply(&self.description.postprocessing, measured, values);
    }
}

/// The file of the network.
///
/// # Errors
/// In words: when there is none in ONNX.
pub(super) fn network(rdf: &Yaml) -> Result<&Yaml, String> {
    let Some(onnx) = rdf.get("weights").and_then(|weights| weights.given("onnx")) else {
        let there = |(name, entry): &'_ (String, Yaml)| (!entry.is_null()).then(|| name.clone());
        let others = match rdf.get("weights") {
            Some(Yaml::Map(entries)) => entries.iter().filter_map(there).collect::<Vec<_>>().join(", "),
            _ => "nothing".to_owned(),
        };
        return Err(format!("its weights are not there in ONNX, the only kind that runs here, but in {others}"));
    };
    match onnx.get("external_data").is_some_and(|data| !data.is_null()) {
        true => Err("its weights are in another file, which is not read".to_owned()),
        false => Ok(onnx),
    }
}

/// The files of the test input and output, if there are both.
pub(super) fn test_images(rdf: &Yaml) -> Option<[&Yaml; 2]> {
    // Format 0.5 has them with the tensors, 0.4 in lists of their own.
    let newer = |what: &str| rdf.list_at(what).first()?.given("test_tensor");
    let of = |what: &str, older: &str| newer(what).or_else(|| rdf.list_at(older).first());
    Some([of("inputs", "test_inputs")?, of("outputs", "test_outputs")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::package::yaml::read;

    #[test]
    fn networks_and_test_images_are_found_in_both_formats() {
        let newer = read(b"{weights: {onnx: {source: a.onnx}}, inputs: [{test_tensor: {source: i.npy}}], outputs: [{test_tensor: {source: o.npy}}]}").unwrap();
        let older = read(b"{weights: {onnx: {source: a.onnx}}, test_inputs: [i.npy], test_outputs: [o.npy], inputs: [{}], outputs: [{}]}").unwrap();
        assert_eq!(network(&newer).unwrap().text_at("source"), "a.onnx");
        assert_eq!(test_images(&newer).unwrap().map(|file| file.text_at("source")), ["i.npy", "o.npy"]);
        assert_eq!(test_images(&older).unwrap().map(|file| file.as_text().unwrap()), ["i.npy", "o.npy"]);
        let elsewhere = read(b"{weights: {onnx: null, torchscript: {source: a.pt}, pytorch_state_dict: {}}}").unwrap();
        assert!(network(&elsewhere).unwrap_err().contains("in torchscript, pytorch_state_dict"));
        assert!(test_images(&elsewhere).is_none());
        let untested = read(b"{inputs: [{test_tensor: {source: i.npy}}], outputs: [{test_tensor: null}]}").unwrap();
        assert!(test_images(&untested).is_none());
        let external = read(b"{weights: {onnx: {source: a.onnx, external_data: {source: b}}}}").unwrap();
        assert!(network(&external).unwrap_err().contains("another file"));
    }
}
