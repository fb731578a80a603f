//! A slice in tiles, for networks that would take too much memory for a whole one.
//!
//! The slice is padded by reflection first, as when it is taken whole, and the tiles are cut from what is padded. So a
//! tile that touches the border has the same border, reflection and the convolutions' zeros beyond it, as the whole
//! slice has; everywhere else a tile begins by the network's halo before the pixels that are kept of it, which then
//! depend on nothing beyond its edges. Tiles begin at whole multiples of the network's, where its poolings begin. Each
//! kept pixel is thus computed from the same numbers in the same order, and the result is that of the whole slice, bit
//! for bit (where the engine's sums do not depend on the image's size, as those of the CPU engine do not).

use std::ops::Range;

use crate::{error::EngineError, frame::Frame, images::Images, memory, runner::Runner};

/// How the padded slice is cut: all tiles have one size, so that the engine's memory is taken once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiling {
    frame: Frame,
    across: Cuts,
    down: Cuts,
}

/// The cuts along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cuts {
    /// Pixels of each tile.
    length: usize,
    /// Where each tile starts, and what is kept of it, both on the padded slice.
    tiles: Vec<(usize, Range<usize>)>,
}

impl Tiling {
    /// The tiles of least work, overlaps counted, whose width and height `fits`; `None` if none does.
    ///
    /// `multiple` and `halo` are the network's; `fits` must allow whatever is smaller than what it allows.
    pub fn fitting(frame: Frame, multiple: usize, halo: usize, fits: impl Fn(usize, usize) -> bool) -> Option<Self> {
        let halo = halo.next_multiple_of(multiple);
        let (widths, heights) =
            (lengths(frame.padded_width, multiple, halo), lengths(frame.padded_height, multiple, halo));
        let tilings = widths.iter().filter_map(|&width| {
            let tallest = heights.partition_point(|&height| !fits(width, height));
            let &height = heights.get(tallest)?;
            let across = Cuts::new(frame.padded_width, width, halo);
            Some(Self { frame, across, down: Cuts::new(frame.padded_height, height, halo) })
        });
        tilings.min_by_key(|tiling| tiling.count() * tiling.width() * tiling.height())
    }

    /// Width and height of the smallest tiles.
    pub fn least(frame: Frame, multiple: usize, halo: usize) -> (usize, usize) {
        let least = 2 * halo.next_multiple_of(multiple) + multiple;
        (least.min(frame.padded_width), least.min(frame.padded_height))
    }

    /// Pixels of each tile along x.
    pub fn width(&self) -> usize {
        self.across.length
    }

    /// Pixels of each tile along y.
    pub fn height(&self) -> usize {
        self.down.length
    }

    /// How many tiles.
    pub fn count(&self) -> usize {
        self.across.tiles.len() * self.down.tiles.len()
    }
}

/// The lengths that tiles may have along an axis, the longest first: for each number of tiles the shortest that do.
fn lengths(padded: usize, multiple: usize, halo: usize) -> Vec<usize> {
    let least = 2 * halo + multiple;
    let mut lengths = vec![padded];
    for tiles in 2..=padded / multiple {
        let length = (padded + 2 * halo * (tiles - 1)).div_ceil(tiles).next_multiple_of(multiple).max(least);
        if length < lengths[lengths.len() - 1] {
            lengths.push(length);
        }
        if length == least {
            break;
        }
    }
    lengths
}

impl Cuts {
    fn new(padded: usize, length: usize, halo: usize) -> Self {
        let (mut tiles, mut kept) = (Vec::new(), 0);
        while kept < padded {
            // The last tile starts earlier rather than being smaller.
            let start = if kept == 0 { 0 } else { (kept - halo).min(padded - length) };
            let end = if start + length == padded { padded } else { start + length - halo };
            tiles.push((start, kept..end));
            kept = end;
        }
        Self { length, tiles }
    }
}

/// Runs slices of one size through a network, tile by tile; its buffer is used again and again.
pub struct Tiled {
    tiling: Tiling,
    tile: Images,
}

impl Tiled {
    /// For slices that are cut like this.
    pub fn new(tiling: Tiling) -> Self {
        let (width, height) = (tiling.width(), tiling.height());
        Self { tiling, tile: Images { count: 1, height, width, values: Vec::new() } }
    }

    /// Runs one slice, row-major. `after` is told how many tiles are done, and stops the work with an error.
    pub fn run<E: From<EngineError>>(
        &mut self,
        runner: &mut dyn Runner,
        slice: &[f32],
        out: &mut [f32],
        mut after: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { tiling: Tiling { frame, across, down }, tile } = self;
        let mut done = 0;
        tile.values.clear();
        memory::reserve(&mut tile.values, across.length * down.length)?;
        for (top, rows) in &down.tiles {
            for (left, columns) in &across.tiles {
                tile.values.clear();
                let (x, y) = (*left..left + across.length, *top..top + down.length);
                frame.window_into(slice, x, y, |value| value, &mut tile.values);
                let made = runner.run(tile)?;
                // What is kept of the last tiles may end beyond the slice, in the padding.
                let columns = columns.start..columns.end.min(frame.width);
                for y in rows.start..rows.end.min(frame.height) {
                    let row = &made[(y - top) * across.length..];
                    let row = &row[columns.start - left..][..columns.len()];
                    out[y * frame.width..][columns.clone()].copy_from_slice(row);
                }
                done += 1;
                after(done)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cpu,
        network::{Activation, Architecture, Plan, Spec, Weights},
    };

    fn network(network: Architecture, layers: usize, residual: bool) -> (Plan, Weights) {
        // Nine channels are enough for the CPU engine to compute pairs of pixels.
        let (activation, channels) = if residual { (Activation::Prelu, 9) } else { (Activation::Relu, 3) };
        let spec = Spec { network, layers, activation, channels, residual };
        let plan = spec.plan().unwrap();
        let weights = Weights::initial(&spec, &plan, layers as u64);
        (plan, weights)
    }

    fn run(runner: &mut dyn Runner, tiling: Tiling, slice: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; slice.len()];
        let never = |_| Ok::<(), EngineError>(());
        Tiled::new(tiling).run(runner, slice, &mut out, never).unwrap();
        out
    }

    /// Whether the smallest tiles, and some that are larger, give what the whole slice gives, bit for bit.
    fn tiles_equal_the_whole((plan, weights): &(Plan, Weights), width: usize, height: usize) -> usize {
        let mut runner = cpu::runner(plan, weights).unwrap();
        let frame = Frame::new(width, height, plan.multiple);
        let slice: Vec<f32> = (0..width * height).map(|i| (i * 7919 % 1009) as f32 / 500.0 - 1.0).collect();
        let tiling = |pixels| Tiling::fitting(frame, plan.multiple, plan.halo(), |w, h| w * h <= pixels).unwrap();
        let whole = run(&mut runner, tiling(usize::MAX), &slice);
        let least = 2 * plan.halo().next_multiple_of(plan.multiple) + plan.multiple;
        let mut most = 0;
        for pixels in [least * least, 2 * least * least] {
            let tiling = tiling(pixels);
            assert!(tiling.width() * tiling.height() <= pixels);
            most = most.max(tiling.count());
            let tiled = run(&mut runner, tiling.clone(), &slice);
            let same = whole.iter().zip(&tiled).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{width}×{height} in {tiling:?}");
        }
        most
    }

    #[test]
    fn tiles_of_every_network_equal_the_whole_slice_bit_for_bit() {
        for (layers, width, height) in [(3, 101, 75), (4, 130, 97), (5, 257, 190), (6, 420, 325), (7, 777, 600)] {
            for residual in [false, true] {
                let network = network(Architecture::RedNet, layers, residual);
                assert!(tiles_equal_the_whole(&network, width, height) >= 4, "{layers} layers");
            }
        }
        for layers in [3, 5, 8] {
            assert!(tiles_equal_the_whole(&network(Architecture::Srcnn, layers, true), 61, 47) >= 4);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tiles_of_any_slice_equal_the_whole(width in 1usize..150, height in 1usize..120, residual: bool) {
            tiles_equal_the_whole(&network(Architecture::RedNet, 3, residual), width, height);
            tiles_equal_the_whole(&network(Architecture::Srcnn, 3, residual), width, height);
        }

        #[test]
        fn cuts_cover_the_slice_once_and_keep_the_halo(units in 1usize..200, multiple in 1usize..40, halo in 0usize..90) {
            let (padded, halo) = (units * multiple, halo.next_multiple_of(multiple));
            for length in lengths(padded, multiple, halo) {
                let cuts = Cuts::new(padded, length, halo);
                let mut next = 0;
                for (start, kept) in &cuts.tiles {
                    let end = start + length;
                    prop_assert!(kept.start == next && !kept.is_empty() && start % multiple == 0 && end <= padded);
                    prop_assert!(*start == 0 || start + halo <= kept.start);
                    prop_assert!(end == padded || kept.end + halo <= end);
                    next = kept.end;
                }
                prop_assert_eq!(next, padded);
            }
        }
    }

    #[test]
    fn a_slice_that_fits_stays_whole_and_one_that_never_does_is_refused() {
        let frame = Frame::new(500, 400, 32);
        let whole = Tiling::fitting(frame, 32, 126, |_, _| true).unwrap();
        assert_eq!((whole.count(), whole.width(), whole.height()), (1, 512, 416));
        assert_eq!(Tiling::fitting(frame, 32, 126, |_, _| false), None);
        // The least tile of six levels is 288 pixels wide.
        let tiling = Tiling::fitting(Frame::new(4000, 4000, 32), 32, 126, |w, h| w * h <= 288 * 288).unwrap();
        assert_eq!((tiling.width(), tiling.height()), (288, 288));
    }
}
