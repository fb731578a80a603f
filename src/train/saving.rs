//! Saves the model, and then once more with an example slice.

use std::fs;

use ndarray::Array2;

use super::{TrainError, TrainOptions};
use undulator_compute::{
    EngineError, Runner, SliceRunner, TileChoice,
    device::{self, DeviceRequest, Precision},
    memory, worker,
};

use crate::{
    dataset::Pair,
    disk,
    model::{Example, Model, Packaging},
    progress::Progress,
    stack::{SliceSource, flat, flat_mut, read_measured},
};

/// The input for saving, besides the model.
pub(super) struct Saving<'a> {
    pub pair: Pair<'a>,
    /// The example slice.
    pub slice: usize,
    /// The tiling to use if the memory does not hold the whole slice.
    pub tiles: TileChoice,
    pub options: &'a TrainOptions,
    pub progress: Progress<'a>,
}

impl Saving<'_> {
    /// Saves the model before anything else, so that nothing that comes after can lose hours of training. The example
    /// is made then, on the CPU, and the file is written again with it; a failure there is only said.
    pub fn save(
        &self,
        model: &mut Model,
        runner: impl FnOnce(&Model) -> Result<Box<dyn Runner>, EngineError>,
    ) -> Result<(), TrainError> {
        let mut packaging = Packaging { example: None, credits: self.options.credits.clone() };
        self.save_somewhere(model, &packaging)?;
        let again = worker::catch(|| {
            let example = self.example(model, runner(model)?.as_mut())?;
            model.card.contrast = example.contrast();
            packaging.example = Some(example);
            Ok(model.save_as(&self.options.model, &packaging)?)
        });
        if let Err(error) = again.map_err(TrainError::from).flatten() {
            self.progress.warning(&format!("the model is saved, but without a slice that shows what it does: {error}"));
        }
        if let Some(failure) = model.card.failure() {
            self.progress.warning(&failure);
        }
        Ok(())
    }

    /// Saves where the user wants, or else where the system keeps temporary files, under a name that no file has.
    fn save_somewhere(&self, model: &Model, packaging: &Packaging) -> Result<(), TrainError> {
        let Err(source) = model.save_as(&self.options.model, packaging) else { return Ok(()) };
        let title = self.options.model.file_stem().unwrap_or_default().to_string_lossy();
        let rescued = disk::new_file(&std::env::temp_dir(), &format!("undulator-rescued-{title}"), ".zip");
        let Ok(path) = rescued else { return Err(TrainError::Model(source)) };
        match model.save_as(&path, packaging) {
            Ok(()) => Err(TrainError::SavedElsewhere { source, path }),
            Err(_) => {
                // The empty file only took the name.
                let _ = fs::remove_file(&path);
                Err(TrainError::Model(source))
            }
        }
    }

    /// The slice on which a model file shows what the model does.
    fn example(&self, model: &Model, runner: &mut dyn Runner) -> Result<Example, TrainError> {
        let (card, size) = (&model.card, self.pair.low.shape().size);
        // With a copy of the input, normalised.
        memory::check_room(4 * (size.plane() * size_of::<f32>()) as u64)?;
        let [mut input, mut reference, mut restored] = [(); 3].map(|()| Array2::<f32>::zeros(size.slice_dim()));
        read_measured(self.pair.low, self.slice, input.view_mut())?;
        read_measured(self.pair.reference, self.slice, reference.view_mut())?;
        // Pictures show black where nothing was measured, and so is the network given it.
        let unmeasured: Vec<bool> = input.iter().map(|grey| grey.is_nan()).collect();
        let fill = |slice: &mut Array2<f32>, black: f32| slice.mapv_inplace(|v| if v.is_nan() { black } else { v });
        fill(&mut input, card.input_window.low);
        fill(&mut reference, card.output_window.low);
        let normalised = input.mapv(|grey| card.input_window.normalise(grey));
        let (cpu, _) = device::pick(DeviceRequest::Cpu, Precision::Auto)?;
        let log = |line: &str| self.progress.message(line);
        SliceRunner::new(self.tiles.clone(), memory::free(&cpu), &log).run(
            runner,
            flat(&normalised),
            flat_mut(&mut restored),
        )?;
        restored.mapv_inplace(|value| card.nearest(card.output_window.restore(value)));
        let pixels = flat_mut(&mut restored).iter_mut().zip(&unmeasured);
        pixels.filter(|(_, unmeasured)| **unmeasured).for_each(|(grey, _)| *grey = card.output_window.low);
        Ok(Example { input, restored, reference })
    }
}
