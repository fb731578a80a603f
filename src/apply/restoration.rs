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
    fn tiling(&self, runner: &dyn Runner, free: Option<u64>) -> Result<Tiling, EngineError> {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        engine::Images,
        monitor::Silent,
        stack::{GreyType, Shape, Size, VoxelSize},
        volume::Volume,
    };

    /// Adds one, on a device whose memory holds images of so many pixels.
    struct Small<'a> {
        pixels: usize,
        footprint: Option<u64>,
        sizes: &'a Mutex<Vec<usize>>,
    }

    impl Runner for Small<'_> {
        fn run(&mut self, images: &Images) -> Result<Vec<f32>, EngineError> {
            let pixels = images.width * images.height;
            self.sizes.lock().unwrap().push(pixels);
            if pixels > self.pixels {
                return Err(EngineError::Memory { reason: "out of memory".to_owned() });
            }
            Ok(images.values.iter().map(|value| value + 1.0).collect())
        }

        fn footprint(&self, _height: usize, _width: usize) -> Option<u64> {
            self.footprint
        }
    }

    fn restore(pixels: usize, footprint: Option<u64>) -> (Result<Vec<f32>, ApplyError>, Vec<usize>) {
        let shape = Shape { size: Size::new(50, 40, 3), voxel: VoxelSize::isotropic(1.0), grey: GreyType::F32 };
        let values: Vec<f32> = (0..shape.size.voxels()).map(|i| i as f32).collect();
        let (image, mut result) = (Volume::from_values("image", shape, &values), Volume::new("result", shape));
        let sizes: &'static Mutex<Vec<usize>> = Box::leak(Box::default());
        let recipe = Recipe {
            runner: &|| Ok(Box::new(Small { pixels, footprint, sizes })),
            multiple: 4,
            halo: 3,
            before: &|greys| greys.iter_mut().for_each(|grey| *grey *= 2.0),
            after: &|values| values.iter_mut().for_each(|value| *value *= 10.0),
        };
        let outcome = Restoration::new(&image, None, recipe, &mut result, &Silent)
            .finish(&Device::Cpu { threads: 1 })
            .map(|_| result.to_values());
        (outcome, sizes.lock().unwrap().clone())
    }

    #[test]
    fn a_full_memory_halves_the_tiles_until_they_fit() {
        let (result, sizes) = restore(700, None);
        assert!(result.unwrap().iter().enumerate().all(|(i, grey)| *grey == 10.0 * (2.0 * i as f32 + 1.0)));
        let tried: Vec<usize> = sizes.iter().copied().filter(|pixels| *pixels > 700).collect();
        assert!(tried.len() == 2 && tried[0] == 52 * 40 && tried[1] <= 52 * 20, "{tried:?}");
    }

    #[test]
    fn a_memory_too_small_for_the_smallest_tile_is_an_error() {
        // Twice a halo of four and a multiple of four.
        assert!(restore(12 * 12, None).0.is_ok());
        let error = restore(12 * 12 - 1, None).0.unwrap_err().to_string();
        assert!(error.contains("memory is full"), "{error}");
        let (refused, tried) = restore(usize::MAX, Some(u64::MAX));
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains("12×12 pixels") && error.contains("close other programs") && tried.is_empty(),
            "{error}"
        );
    }
}
