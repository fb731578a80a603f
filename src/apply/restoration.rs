//! A stack that is being restored, slice after slice.

use super::{
    ApplyError,
    compared::Compared,
    tiles::{Tiled, Tiling},
};
use crate::{
    engine::{
        EngineError, Runner,
        device::{self, Device},
        memory,
    },
    frame::Frame,
    measure::Score,
    monitor::Monitor,
    stack::{SliceSink, SliceSource},
    stream::{Ahead, read_ahead},
};

/// All that applying needs to know of a model.
#[derive(Clone, Copy)]
pub(super) struct Recipe<'a> {
    /// Makes the network ready, on the thread that is to compute.
    pub runner: &'a (dyn Fn() -> Result<Box<dyn Runner>, EngineError> + Sync),
    /// Width and height of an image must be whole multiples of this.
    pub multiple: usize,
    /// How many pixels beyond an output pixel the input still matters.
    pub halo: usize,
    /// Takes a slice's grey values to what the network is given.
    pub before: &'a (dyn Fn(&mut [f32]) + Sync),
    /// Takes what the network answers to the grey values of the result.
    pub after: &'a (dyn Fn(&mut [f32]) + Sync),
}

/// Where the work stands, so that it can go on with smaller tiles when the device's memory was full.
pub(super) struct Restoration<'a> {
    image: &'a dyn SliceSource,
    compared: Option<Compared<'a>>,
    recipe: Recipe<'a>,
    sink: &'a mut dyn SliceSink,
    monitor: &'a dyn Monitor,
    /// The slice that is next.
    next: usize,
    /// Pixels of the tiles that ran last; none before the first.
    tile: usize,
    /// Pixels that a tile may have.
    most: usize,
}

impl<'a> Restoration<'a> {
    /// Begins after the slices that the sink has already.
    pub fn new(
        image: &'a dyn SliceSource,
        compared: Option<Compared<'a>>,
        recipe: Recipe<'a>,
        sink: &'a mut dyn SliceSink,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self { image, compared, recipe, sink, monitor, next: 0, tile: 0, most: usize::MAX }
    }

    /// Restores what is left; with a reference, gives back how close all slices came.
    pub fn finish(mut self, device: &Device) -> Result<Option<Score>, ApplyError> {
        self.take_up()?;
        loop {
            let outcome = device::compute(device, || self.go_on(device)).map_err(ApplyError::from).flatten();
            match outcome {
                Err(ApplyError::Engine(error @ EngineError::Memory { .. })) if self.tile > self.least() => {
                    self.monitor.log(&format!("{error}: going on with tiles of half the size"));
                    self.most = self.least().max(self.tile / 2);
                    self.tile = 0;
                }
                other => return other.map(|()| self.compared.map(Compared::score)),
            }
        }
    }

    /// Scores the slices that an earlier start has made.
    fn take_up(&mut self) -> Result<(), ApplyError> {
        let (done, slices) = (self.sink.done(), self.image.shape().size.slices);
        if done > 0 {
            self.monitor.log(&format!("going on after slice {done} of {slices}"));
        }
        if let Some(compared) = &mut self.compared {
            let mut slice = vec![0.0; self.image.shape().size.plane()];
            for z in 0..done {
                if self.monitor.cancelled() {
                    return Err(ApplyError::Cancelled { slice: done + 1, slices });
                }
                self.sink.read_done(z, &mut slice)?;
                compared.add(z, &mut slice)?;
            }
        }
        self.next = done;
        Ok(())
    }

    fn go_on(&mut self, device: &Device) -> Result<(), ApplyError> {
        let mut runner = (self.recipe.runner)()?;
        let tiling = self.tiling(runner.as_ref(), memory::free(device))?;
        self.tile = tiling.width() * tiling.height();
        let (image, left) = (self.image, self.next..self.image.shape().size.slices);
        read_ahead(image, left, |ahead| self.slices(runner.as_mut(), tiling, ahead))
    }

    fn frame(&self) -> Frame {
        let size = self.image.shape().size;
        Frame::new(size.width, size.height, self.recipe.multiple)
    }

    /// Pixels of the smallest tiles.
    fn least(&self) -> usize {
        let (width, height) = Tiling::least(self.frame(), self.recipe.multiple, self.recipe.halo);
        width * height
    }

    /// The least work that the memory allows: half of what is free, so that nobody else runs out of it, or all of it
    /// where the smallest tiles need that. What is not known sets no limit.
    pub fn tiling(&self, runner: &dyn Runner, free: Option<u64>) -> Result<Tiling, EngineError> {
        let (frame, Recipe { multiple, halo, .. }) = (self.frame(), self.recipe);
        let fitting = |share: u64| {
            Tiling::fitting(frame, multiple, halo, |width, height| {
                let fits = |bytes: u64| free.is_none_or(|free| bytes <= free / share);
                width * height <= self.most && runner.footprint(height, width).is_none_or(fits)
            })
        };
        let tiling = fitting(2).or_else(|| fitting(1)).ok_or_else(|| {
            let (width, height) = Tiling::least(frame, multiple, halo);
            let (least, free) = (mebibytes(runner.footprint(height, width)), mebibytes(free));
            EngineError::Memory {
                reason: format!(
                    "the smallest tiles of this network, {width}×{height} pixels, take {least}, and {free} are free: \
                     close other programs, or take a model with fewer layers or channels"
                ),
            }
        })?;
        if tiling.count() > 1 {
            let whole = mebibytes(runner.footprint(frame.padded_height, frame.padded_width));
            self.monitor.log(&format!(
                "each slice is restored in {} tiles of {}×{} pixels: as a whole it takes {whole} of memory, and {} are \
                 free",
                tiling.count(),
                tiling.width(),
                tiling.height(),
                mebibytes(free),
            ));
        }
        Ok(tiling)
    }

    fn slices(&mut self, runner: &mut dyn Runner, tiling: Tiling, ahead: &mut Ahead) -> Result<(), ApplyError> {
        let (size, tiles, monitor) = (self.image.shape().size, tiling.count(), self.monitor);
        let slices = size.slices;
        let (mut tiled, mut restored) = (Tiled::new(tiling), vec![0.0; size.plane()]);
        while self.next < slices {
            let z = self.next;
            let cancelled = || match monitor.cancelled() {
                true => Err(ApplyError::Cancelled { slice: z + 1, slices }),
                false => Ok(()),
            };
            cancelled()?;
            let mut slice = ahead.next()?;
            (self.recipe.before)(&mut slice);
            tiled.run(runner, &slice, &mut restored, |done| {
                let fraction = (z as f64 + done as f64 / tiles as f64) / slices as f64;
                monitor.progress(fraction, &format!("applying: slice {} of {slices}", z + 1));
                // A slice that is whole is not thrown away.
                if done < tiles { cancelled() } else { Ok(()) }
            })?;
            ahead.give_back(slice);
            (self.recipe.after)(&mut restored);
            self.sink.write(z, &restored)?;
            if let Some(compared) = &mut self.compared {
                compared.add(z, &mut restored)?;
            }
            self.next += 1;
        }
        Ok(())
    }
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or("an unknown number of MB".to_owned(), |bytes| format!("{} MB", bytes >> 20))
}
