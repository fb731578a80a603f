//! A stack that is being restored, slice after slice.

use undulator_compute::{
    EngineError, Frame, Runner, TileChoice, Tiled, Tiling,
    device::{self, Device},
    memory,
};

use super::{ApplyError, scorer::ReferenceScorer};
use crate::{
    measure::Score,
    progress::{Cancelled, Progress},
    stack::{Size, SliceSink, SliceSource, black_slice, flat, flat_mut, read_measured},
    stream::{Ahead, read_ahead},
};

/// A model as the restoration uses it: preprocessing, network, postprocessing.
#[derive(Clone, Copy)]
pub(super) struct Pipeline<'a> {
    /// Prepares the network on the computing thread.
    pub runner: &'a (dyn Fn() -> Result<Box<dyn Runner>, EngineError> + Sync),
    /// How far each pixel of the result depends on the slice.
    pub reach: Reach,
    /// Preprocessing: grey values of a slice to network input, in place.
    pub preprocess: &'a (dyn Fn(&mut [f32]) + Sync),
    /// Postprocessing: network output to grey values of the result, in place.
    pub postprocess: &'a (dyn Fn(&mut [f32]) + Sync),
    /// What stands in the result where the image was not measured.
    pub filler: f32,
}

/// How far each pixel of the result depends on the slice, and so whether the slice may be cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// On pixels within `halo`. Width and height of an image must be whole multiples of `multiple`.
    Halo {
        /// In pixels.
        multiple: usize,
        /// In pixels.
        halo: usize,
    },
    /// On any pixel, as far as is known: tiles would show their edges.
    Slice,
}

impl Reach {
    /// The tiles that slices may be cut into.
    fn tiles(self, size: Size) -> TileChoice {
        let (multiple, halo) = match self {
            Self::Halo { multiple, halo } => (multiple, halo),
            // No tile is smaller than the slice that has a halo as wide.
            Self::Slice => (1, size.width.max(size.height)),
        };
        TileChoice::new(Frame::new(size.width, size.height, multiple), multiple, halo)
    }
}

/// The state of a restoration, so that it can continue with smaller tiles after the device ran out of memory.
pub(super) struct Restoration<'a> {
    image: &'a dyn SliceSource,
    scorer: Option<ReferenceScorer<'a>>,
    pipeline: Pipeline<'a>,
    sink: &'a mut dyn SliceSink,
    progress: Progress<'a>,
    /// The slice that is next.
    next: usize,
    tiles: TileChoice,
}

impl<'a> Restoration<'a> {
    /// Begins after the slices that the sink has already.
    pub fn new(
        image: &'a dyn SliceSource,
        scorer: Option<ReferenceScorer<'a>>,
        pipeline: Pipeline<'a>,
        sink: &'a mut dyn SliceSink,
        progress: Progress<'a>,
    ) -> Self {
        let tiles = pipeline.reach.tiles(image.shape().size);
        Self { image, scorer, pipeline, sink, progress, next: 0, tiles }
    }

    /// Restores what is left; with a reference, gives back how close all slices came.
    pub fn finish(mut self, device: &Device) -> Result<Option<Score>, ApplyError> {
        self.resume()?;
        loop {
            let outcome = device::compute(device, || self.go_on(device)).map_err(ApplyError::from).flatten();
            match outcome {
                Err(ApplyError::Engine(error @ EngineError::Memory { .. })) if self.tiles.halve() => {
                    self.progress.message(&format!("{error}: going on with tiles of half the size"));
                }
                other => return other.map(|()| self.scorer.map(ReferenceScorer::score)),
            }
        }
    }

    /// Skips the slices that an earlier run has written, and scores them.
    fn resume(&mut self) -> Result<(), ApplyError> {
        let (done, slices) = (self.sink.done(), self.image.shape().size.slices);
        if done > 0 {
            self.progress.message(&format!("going on after slice {done} of {slices}"));
        }
        if let Some(scorer) = &mut self.scorer {
            let mut slice = black_slice(self.image.shape().size)?;
            let mut unmeasured = Unmeasured::default();
            for z in 0..done {
                self.progress.check().map_err(at_slice(done, slices))?;
                read_measured(self.image, z, slice.view_mut())?;
                unmeasured.find(flat(&slice));
                self.sink.read_done(z, slice.view_mut())?;
                unmeasured.fill(flat_mut(&mut slice), f32::NAN);
                scorer.add(z, &mut slice)?;
            }
        }
        self.next = done;
        Ok(())
    }

    fn go_on(&mut self, device: &Device) -> Result<(), ApplyError> {
        let mut runner = (self.pipeline.runner)()?;
        let free = memory::free(device);
        let tiling = self.tiles.choose(runner.as_ref(), free).map_err(|error| match self.pipeline.reach {
            Reach::Halo { .. } => error,
            Reach::Slice => too_large(self.image.shape().size, runner.as_ref(), free),
        })?;
        self.tiles.reason(&tiling, runner.as_ref(), free).inspect(|reason| self.progress.message(reason));
        let (image, left) = (self.image, self.next..self.image.shape().size.slices);
        read_ahead(image, left, |ahead| self.slices(runner.as_mut(), tiling, ahead))
    }

    fn slices(&mut self, runner: &mut dyn Runner, tiling: Tiling, ahead: &mut Ahead) -> Result<(), ApplyError> {
        let (size, tiles, progress) = (self.image.shape().size, tiling.count(), self.progress);
        let slices = size.slices;
        let (mut tiled, mut restored) = (Tiled::new(tiling), black_slice(size)?);
        let mut unmeasured = Unmeasured::default();
        while self.next < slices {
            let z = self.next;
            let cancelled = at_slice(z, slices);
            progress.step(z, slices).map_err(cancelled)?;
            let mut slice = ahead.next()?;
            unmeasured.find(flat(&slice));
            (self.pipeline.preprocess)(flat_mut(&mut slice));
            unmeasured.fill(flat_mut(&mut slice), 0.0);
            tiled.run(runner, flat(&slice), flat_mut(&mut restored), |done| {
                // A slice that is whole is not thrown away.
                if done == tiles { Ok(()) } else { progress.step(z * tiles + done, slices * tiles).map_err(cancelled) }
            })?;
            ahead.give_back(slice);
            (self.pipeline.postprocess)(flat_mut(&mut restored));
            unmeasured.fill(flat_mut(&mut restored), self.pipeline.filler);
            self.sink.write(z, restored.view())?;
            if let Some(scorer) = &mut self.scorer {
                unmeasured.fill(flat_mut(&mut restored), f32::NAN);
                scorer.add(z, &mut restored)?;
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// The error for slices that must not be cut and do not fit the memory.
fn too_large(Size { width, height, .. }: Size, runner: &dyn Runner, free: Option<u64>) -> EngineError {
    let [needs, free] = [runner.footprint(height, width), free].map(memory::mebibytes);
    EngineError::Memory {
        reason: format!(
            "a slice of {width}×{height} pixels, which the model takes as a whole, takes {needs}, and {free} are free: \
             close other programs, or crop the stack"
        ),
    }
}

/// The pixels of a slice that were not measured: the network is given 0 there, black on the window's scale.
#[derive(Default)]
struct Unmeasured(Vec<bool>);

impl Unmeasured {
    fn find(&mut self, greys: &[f32]) {
        self.0.clear();
        if greys.iter().any(|grey| grey.is_nan()) {
            self.0.extend(greys.iter().map(|grey| grey.is_nan()));
        }
    }

    fn fill(&self, values: &mut [f32], filler: f32) {
        values.iter_mut().zip(&self.0).filter(|(_, unmeasured)| **unmeasured).for_each(|(value, _)| *value = filler);
    }
}

/// The error for cancelling before slice `z` is complete.
pub(super) fn at_slice(z: usize, slices: usize) -> impl Fn(Cancelled) -> ApplyError + Copy {
    move |Cancelled| ApplyError::Cancelled { slice: z + 1, slices }
}
