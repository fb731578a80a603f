//! Slices of any size through a network.

use crate::{error::EngineError, runner::Runner, tile_choice::TileChoice, tiles::Tiled};

/// Runs slices of one size, cut into tiles where the memory does not hold a whole one, and into smaller tiles when the
/// device says that its memory is full. Its buffer is used again and again.
pub struct SliceRunner<'a> {
    choice: TileChoice,
    free: Option<u64>,
    tiled: Option<Tiled>,
    log: &'a dyn Fn(&str),
}

impl<'a> SliceRunner<'a> {
    /// `free` bytes of the device's memory may be taken, where that is known; `log` hears why slices are cut.
    pub fn new(choice: TileChoice, free: Option<u64>, log: &'a dyn Fn(&str)) -> Self {
        Self { choice, free, tiled: None, log }
    }

    /// Runs one slice, row-major, of values as the network takes them.
    ///
    /// # Errors
    /// When the device fails, or its memory does not hold the smallest tile.
    pub fn run(&mut self, runner: &mut dyn Runner, slice: &[f32], out: &mut [f32]) -> Result<(), EngineError> {
        loop {
            let tiled = match &mut self.tiled {
                Some(tiled) => tiled,
                none => none.insert(Self::cut(&mut self.choice, runner, self.free, self.log)?),
            };
            match tiled.run(runner, slice, out, |_| Ok(())) {
                Err(error @ EngineError::Memory { .. }) if self.choice.halve() => {
                    (self.log)(&format!("{error}: going on with tiles of half the size"));
                    self.tiled = None;
                }
                outcome => return outcome,
            }
        }
    }

    fn cut(
        choice: &mut TileChoice,
        runner: &dyn Runner,
        free: Option<u64>,
        log: &dyn Fn(&str),
    ) -> Result<Tiled, EngineError> {
        let tiling = choice.choose(runner, free)?;
        choice.reason(&tiling, runner, free).inspect(|reason| log(reason));
        Ok(Tiled::new(tiling))
    }
}
