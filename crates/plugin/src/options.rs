//! Macro keys as the core's options.

use std::{collections::HashMap, path::PathBuf, str::FromStr};

use jni::{
    Env,
    objects::{JObjectArray, JString},
};
use undulator::{
    align::{AlignOptions, Family, Transform},
    compare::{self, CompareOptions},
    grey::Window,
    model::Credits,
    sample::SampleOptions,
    stack_file::Look,
    train::TrainOptions,
};
use undulator_compute::{
    Loss, Schedule,
    device::{Choice, Precision, Wanted},
    network::Spec,
};

use super::exception::Border;

/// Keys and values as Java gives them.
pub struct Options(HashMap<String, String>);

impl Options {
    /// Reads key, value, key, value and so on.
    pub fn read(env: &mut Env, array: &JObjectArray<JString>) -> Result<Self, Border> {
        let length = array.len(env)?;
        let mut words = Vec::with_capacity(length);
        for at in 0..length {
            words.push(array.get_element(env, at)?.try_to_string(env)?);
        }
        Ok(Self(words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()))
    }

    /// The value of a key, read as what the core needs.
    pub fn get<T: FromStr>(&self, key: &str) -> Result<T, Border>
    where
        T::Err: std::fmt::Display,
    {
        let value = self.text(key)?;
        value.parse().map_err(|error: T::Err| {
            let (error, named) = (error.to_string(), format!("{key}={value}"));
            Border::Refused(if error.contains(&named) { error } else { format!("{named} is not possible: {error}") })
        })
    }

    /// The value of a key as it stands.
    pub fn text(&self, key: &str) -> Result<&str, Border> {
        let missing = || Border::Refused(format!("the option {key} is missing"));
        self.0.get(key).map(String::as_str).ok_or_else(missing)
    }

    /// A file that may be left out.
    pub fn file(&self, key: &str) -> Result<Option<PathBuf>, Border> {
        let name = self.text(key)?;
        Ok((!name.is_empty()).then(|| name.into()))
    }

    /// How ImageJ is to show a result in a file.
    pub fn look(&self, range: Option<Window>) -> Result<Look, Border> {
        let (channels, frames) = (self.get("channels")?, self.get("frames")?);
        Ok(Look { unit: self.text("unit")?.to_owned(), channels, frames, range })
    }

    /// The transform, if a file holds it, and how to look for one or judge it.
    pub fn align(&self) -> Result<(Option<Transform>, AlignOptions), Border> {
        let transform = self.text("transform")?;
        let known = if transform.to_lowercase().ends_with(".json") { Some(load(transform)?) } else { None };
        let family = if known.is_some() { Family::default() } else { self.get("transform")? };
        let start = self.file("start")?.map(load).transpose()?;
        let options = AlignOptions {
            family,
            metric: self.get("metric")?,
            rotation_search: self.get("rotation")?,
            flip: self.get("flip")?,
            drift: self.get("drift")?,
            leave_out_air: !self.get::<bool>("air")?,
            start,
        };
        Ok((known, options))
    }

    /// Where to compute, and how exactly.
    pub fn choice(&self) -> Result<Choice, Border> {
        Ok(Choice { device: self.get("device")?, precision: self.get("precision")? })
    }

    pub fn sample(&self) -> Result<SampleOptions, Border> {
        Ok(SampleOptions {
            width: self.get("width")?,
            height: self.get("height")?,
            slices: self.get("slices")?,
            voxel: self.get("voxel")?,
            seed: self.get("seed")?,
            psnr: self.get("psnr")?,
            misaligned: self.get("misaligned")?,
        })
    }

    pub fn train(&self) -> Result<TrainOptions, Border> {
        let network = Spec {
            network: self.get("network")?,
            layers: self.get("layers")?,
            activation: self.get("activation")?,
            channels: self.get("channels")?,
            residual: self.get("residual")?,
        };
        Ok(TrainOptions {
            model: self.text("model")?.into(),
            start: self.file("start")?,
            resume: self.get("resume")?,
            checkpoint: self.get("checkpoint")?,
            ..self.training(network)?
        })
    }

    pub fn compare(&self) -> Result<CompareOptions, Border> {
        let refused = |error: compare::CompareError| Border::Refused(error.to_string());
        // What differs from network to network is the comparison's to choose.
        let network =
            Spec { channels: self.get("channels")?, residual: self.get("residual")?, ..TrainOptions::default().spec };
        Ok(CompareOptions {
            layers: compare::layers(self.text("layers")?).map_err(refused)?,
            activations: compare::activations(self.text("activations")?).map_err(refused)?,
            srcnn: self.get("srcnn")?,
            training: self.training(network)?,
            folder: self.text("folder")?.into(),
        })
    }

    /// What training one network and several have in common.
    fn training(&self, spec: Spec) -> Result<TrainOptions, Border> {
        let credits = Credits::read(self.text("authors")?, self.text("licence")?, self.text("cite")?);
        Ok(TrainOptions {
            spec,
            credits: credits.map_err(|error| Border::Refused(error.to_string()))?,
            epochs: self.get("epochs")?,
            batch: self.get("batch")?,
            patch: self.get("patch")?,
            rate: self.get("rate")?,
            schedule: self.get::<Schedule>("schedule")?,
            loss: self.get::<Loss>("loss")?,
            validation: self.get("validation")?,
            augment: self.get("augment")?,
            seed: self.get("seed")?,
            device: self.get::<Wanted>("device")?,
            precision: self.get::<Precision>("precision")?,
            ..TrainOptions::default()
        })
    }
}

fn load(file: impl Into<PathBuf>) -> Result<Transform, Border> {
    Transform::load(&file.into()).map_err(|error| Border::Refused(error.to_string()))
}
