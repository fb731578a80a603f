//! The batches of an epoch, read while the device computes.
//!
//! Slices are kept in their own grey type from one batch to the next, and from one epoch to the next: all of them where
//! the memory that was given for it holds them, or else those that are needed soonest. What is read, in which order the
//! samples come and what they hold does not depend on how many are kept.

use std::collections::{HashMap, VecDeque};

use ndarray::{Dimension, Ix2};
use undulator_compute::{Images, memory};

use super::TrainError;
use crate::{
    dataset::{Cutter, Pair, Sample, Scratch, leave_out_unmeasured},
    stack::{StackError, Voxels, read_measured_voxels},
    stream::{Ahead, make_ahead},
};

/// A batch on its way: inputs and targets.
pub(super) type Batch = (Images, Images);

/// The slices of both stacks that are kept in memory.
#[derive(Default)]
pub(super) struct Slices {
    held: HashMap<usize, [Voxels<Ix2>; 2]>,
    /// Those that were read last and are not kept.
    passing: [Voxels<Ix2>; 2],
    /// Bytes that those held may take, and do take.
    budget: u64,
    bytes: u64,
}

impl Slices {
    /// Bytes of those held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sets how many bytes may be held; gives up slices that are beyond.
    pub fn set_budget(&mut self, budget: u64) {
        self.budget = budget;
        while self.bytes > self.budget
            && let Some(&z) = self.held.keys().max()
        {
            self.give_up(z);
        }
    }

    /// Slice `z` of both stacks, read if it is not here. `needed_again` tells the batch in which a slice is needed next.
    fn get(
        &mut self,
        pair: &Pair,
        z: usize,
        needed_again: impl Fn(usize) -> usize,
    ) -> Result<&[Voxels<Ix2>; 2], StackError> {
        if !self.held.contains_key(&z) {
            let [low, reference] = &mut self.passing;
            read_measured_voxels(pair.low, z, low)?;
            read_measured_voxels(pair.reference, z, reference)?;
            let (bytes, mut given_up) = (bytes_of(&self.passing), None);
            while self.bytes + bytes > self.budget {
                // One that is needed later than this one makes room for it.
                let last = self.held.keys().map(|&held| (needed_again(held), held)).max();
                match last.filter(|(batch, _)| *batch > needed_again(z)) {
                    Some((_, held)) => given_up = self.give_up(held),
                    None => return Ok(&self.passing),
                }
            }
            // The next one is read into the memory of one that went.
            let kept = std::mem::replace(&mut self.passing, given_up.unwrap_or_default());
            self.held.insert(z, kept);
            self.bytes += bytes;
        }
        Ok(&self.held[&z])
    }

    fn give_up(&mut self, z: usize) -> Option<[Voxels<Ix2>; 2]> {
        let slices = self.held.remove(&z)?;
        self.bytes -= bytes_of(&slices);
        Some(slices)
    }
}

fn bytes_of(slices: &[Voxels<Ix2>; 2]) -> u64 {
    let bytes = slices.iter().map(|slice| {
        let (pixels, bits) = match slice {
            Voxels::U8(slice) => (slice.raw_dim().size(), 8),
            Voxels::U16(slice) => (slice.raw_dim().size(), 16),
            Voxels::F32(slice) => (slice.raw_dim().size(), 32),
        };
        (pixels * bits / 8) as u64
    });
    bytes.sum()
}

/// The batches of one epoch.
pub(super) struct Batches<'a> {
    pub pair: &'a Pair<'a>,
    pub cutter: Cutter,
    /// All images of the epoch in their order.
    pub samples: &'a [Sample],
    /// Images of a batch.
    pub size: usize,
}

impl Batches<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.samples.len().div_ceil(self.size)
    }

    /// Reads the batches in their order on a thread of its own, one ahead of `work`, and ends when `work` does.
    ///
    /// Memory: two batches, and the slices that are kept.
    pub fn read_ahead<T>(&self, slices: &mut Slices, work: impl FnOnce(&mut Ahead<Batch, TrainError>) -> T) -> T {
        let (mut reader, mut next) = (Reader::new(self, slices), 0);
        let read = move |used: Option<Batch>| {
            let samples = self.samples.chunks(self.size).nth(next)?;
            next += 1;
            Some(reader.read(next - 1, samples, used))
        };
        make_ahead(0, read, work)
    }
}

/// Cuts batches out of slices.
struct Reader<'a> {
    pair: &'a Pair<'a>,
    cutter: Cutter,
    slices: &'a mut Slices,
    /// The batches in which each slice is needed yet.
    needed: HashMap<usize, VecDeque<usize>>,
    scratch: Scratch,
}

impl<'a> Reader<'a> {
    fn new(batches: &'a Batches<'a>, slices: &'a mut Slices) -> Self {
        let mut needed: HashMap<usize, VecDeque<usize>> = HashMap::new();
        for (batch, samples) in batches.samples.chunks(batches.size).enumerate() {
            for sample in samples {
                let batches = needed.entry(sample.slice()).or_default();
                if batches.back() != Some(&batch) {
                    batches.push_back(batch);
                }
            }
        }
        Self { pair: batches.pair, cutter: batches.cutter, slices, needed, scratch: Scratch::default() }
    }

    /// The samples of one batch, each at its place, in the memory of one that is used up. Each slice is read once at the
    /// most.
    fn read(&mut self, batch: usize, samples: &[Sample], used: Option<Batch>) -> Result<Batch, TrainError> {
        let (mut inputs, mut targets) = match used {
            Some((inputs, targets)) => (inputs.values, targets.values),
            None => (Vec::new(), Vec::new()),
        };
        let (width, height) = self.cutter.image_size();
        let [low_window, reference_window] = self.pair.stored_windows();
        let pixels = width * height;
        for values in [&mut inputs, &mut targets] {
            values.clear();
            memory::reserve(values, samples.len() * pixels)?;
            values.resize(samples.len() * pixels, 0.0);
        }
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.sort_by_key(|&at| samples[at].slice());
        for group in order.chunk_by(|&one, &other| samples[one].slice() == samples[other].slice()) {
            let z = samples[group[0]].slice();
            if let Some(batches) = self.needed.get_mut(&z) {
                batches.retain(|&later| later > batch);
            }
            let needed_again = |z: usize| self.needed.get(&z).and_then(|batches| batches.front().copied());
            let [low, reference] = self.slices.get(self.pair, z, |z| needed_again(z).unwrap_or(usize::MAX))?;
            for &at in group {
                let place = at * pixels..(at + 1) * pixels;
                let (sample, scratch) = (&samples[at], &mut self.scratch);
                self.cutter.cut(sample, low, low_window, scratch, &mut inputs[place.clone()])?;
                self.cutter.cut(sample, reference, reference_window, scratch, &mut targets[place])?;
            }
        }
        leave_out_unmeasured(&mut inputs, &mut targets);
        let images = |values| Images { count: samples.len(), height, width, values };
        Ok((images(inputs), images(targets)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use ndarray::{Array2, ArrayViewMut2};
    use undulator_compute::Frame;

    use super::*;
    use crate::{
        grey::Window,
        progress::Progress,
        stack::{GreyType, Measured, Shape, Size, SliceSource, VoxelSize},
        volume::Volume,
    };

    fn ramp(width: usize, height: usize, slices: usize, grey: GreyType, scale: f32) -> Volume {
        let shape = Shape::new(Size::new(width, height, slices), VoxelSize::isotropic(1.0), grey);
        let values: Vec<f32> = (0..width * height * slices).map(|v| (v % 120) as f32 * scale).collect();
        Volume::from_values("ramp", shape, &values)
    }

    /// Counts how often slices are read.
    struct Counted<'a>(&'a Volume, Mutex<Vec<usize>>);

    impl SliceSource for Counted<'_> {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn shape(&self) -> Shape {
            self.0.shape()
        }

        fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
            self.0.read(z, out)
        }

        fn read_voxels(&self, z: usize, out: &mut Voxels<Ix2>) -> Result<(), StackError> {
            self.1.lock().unwrap().push(z);
            self.0.read_voxels(z, out)
        }
    }

    fn pair<'a>(low: &'a Measured<'a>, reference: &'a Measured<'a>) -> Pair<'a> {
        let window = |high| Window::new(0.0, high).unwrap();
        Pair { low, reference, low_window: window(10.0), reference_window: window(20.0) }
    }

    /// All batches of an epoch, one after the other.
    fn read(batches: &Batches, slices: &mut Slices) -> Vec<Batch> {
        batches.read_ahead(slices, |ahead| {
            let one = |_| {
                let batch = ahead.next().unwrap();
                ahead.give_back(batch.clone());
                batch
            };
            (0..batches.count()).map(one).collect()
        })
    }

    #[test]
    fn input_and_target_are_cut_and_turned_alike() {
        for grey in [GreyType::U8, GreyType::U16, GreyType::F32] {
            let (low, reference) = (ramp(12, 10, 3, grey, 1.0), ramp(12, 10, 3, grey, 2.0));
            let [low, reference] = [&low, &reference].map(|stack| Measured::by_mark(stack));
            let pair = &pair(&low, &reference);
            for patch in [0, 4] {
                let cutter = Cutter { frame: Frame::new(12, 10, 4), patch };
                let samples = cutter.samples(pair, 0..3, true, 5, 1);
                assert_eq!(samples.len(), if patch == 0 { 3 } else { 27 });
                let batches = Batches { pair, cutter, samples: &samples, size: 50 };
                let all = read(&batches, &mut Slices::default());
                let [(input, target)] = &all[..] else { panic!("one batch holds them all") };
                assert_eq!(input, target);
                assert_eq!(input.values.len(), input.count * input.width * input.height);
                // As if each sample were read by itself.
                for (at, image) in input.values.chunks_exact(input.width * input.height).enumerate() {
                    let mut slice = Array2::zeros((10, 12));
                    low.read(samples[at].slice(), slice.view_mut()).unwrap();
                    let mut own = vec![0.0; image.len()];
                    let (slice, window) = (Voxels::F32(slice), batches.pair.low_window);
                    cutter.cut(&samples[at], &slice, window, &mut Scratch::default(), &mut own).unwrap();
                    assert_eq!(own, image);
                }
            }
        }
    }

    #[test]
    fn what_was_not_measured_has_no_weight_and_is_not_drawn() {
        let (width, height, slices) = (64, 48, 4);
        let holed = |scale: f32, is_hole: &dyn Fn(usize, usize, usize) -> bool| {
            let mut values = ramp(width, height, slices, GreyType::F32, scale).to_values();
            for (i, value) in values.iter_mut().enumerate() {
                if is_hole(i % width, i / width % height, i / (width * height)) {
                    *value = f32::NAN;
                }
            }
            Volume::from_values("holed", ramp(width, height, slices, GreyType::F32, 1.0).shape(), &values)
        };
        let (low, reference) = (holed(1.0, &|x, _, z| x < 24 || z == 2), holed(2.0, &|_, y, _| y < 8));
        let [low, reference] = [&low, &reference].map(|stack| Measured::of(stack, Progress::silent()).unwrap());
        let pair = &pair(&low, &reference);
        let cutter = Cutter { frame: Frame::new(width, height, 4), patch: 16 };
        let samples = cutter.samples(pair, 0..slices, true, 5, 1);
        // Slice 3 of 4 was not measured.
        assert_eq!(samples.len(), 3 * 12);
        assert!(samples.iter().all(|sample| sample.slice() != 2));
        assert_eq!(samples, cutter.samples(pair, 0..slices, true, 5, 1));
        let batches = Batches { pair, cutter, samples: &samples, size: 50 };
        let all = read(&batches, &mut Slices::default());
        let [(input, target)] = &all[..] else { panic!("one batch holds them all") };
        let pixels = || input.values.iter().zip(&target.values);
        assert!(pixels().all(|(input, target)| if target.is_nan() { input.is_finite() } else { input == target }));
        assert!(pixels().any(|(input, target)| *input == 0.0 && target.is_nan()));
        assert!(pixels().any(|(input, target)| *input != 0.0 && target.is_nan()));
        assert_eq!((0..slices).map(|z| pair.has_contrast(z).unwrap()).collect::<Vec<_>>(), [true, true, false, true]);
    }

    #[test]
    fn batches_do_not_depend_on_what_is_kept_and_little_is_read_twice() {
        let (low, reference) = (ramp(64, 48, 9, GreyType::U16, 1.0), ramp(64, 48, 9, GreyType::U8, 1.0));
        // Both slices of a pair: 16 and 8 bits.
        let slice = 64 * 48 * 3;
        let cutter = Cutter { frame: Frame::new(64, 48, 4), patch: 16 };
        let mut expected: Vec<Vec<Batch>> = Vec::new();
        let mut reads = Vec::new();
        for kept in [0, 1, 4, 9] {
            let [low, reference] = [&low, &reference].map(|stack| Counted(stack, Mutex::default()));
            let measured = [&low, &reference].map(|stack| Measured::by_mark(stack));
            let pair = &pair(&measured[0], &measured[1]);
            let mut slices = Slices::default();
            slices.set_budget(kept * slice);
            let epochs: Vec<Vec<Batch>> = (1..=3)
                .map(|epoch| {
                    let samples = cutter.samples(pair, 0..9, true, 5, epoch);
                    let batches = Batches { pair, cutter, samples: &samples, size: 4 };
                    read(&batches, &mut slices)
                })
                .collect();
            assert!(slices.bytes() <= kept * slice && slices.held.len() as u64 == kept);
            assert_eq!(low.1.lock().unwrap().len(), reference.1.lock().unwrap().len());
            reads.push(low.1.lock().unwrap().len());
            if expected.is_empty() {
                expected = epochs;
            } else {
                assert!(epochs == expected, "{kept} slices kept");
            }
        }
        // 108 patches an epoch, four in a batch.
        assert!(reads[0] <= 3 * 108 && reads.is_sorted_by(|more, fewer| more > fewer), "{reads:?}");
        assert!(reads[2] < reads[0] / 2 && reads[3] == 9, "{reads:?}");
    }

    #[test]
    fn a_smaller_budget_gives_slices_up() {
        let stack = ramp(8, 8, 4, GreyType::U8, 1.0);
        let measured = Measured::by_mark(&stack);
        let mut slices = Slices::default();
        slices.set_budget(4 * 128);
        for z in 0..4 {
            slices.get(&pair(&measured, &measured), z, |_| 0).unwrap();
        }
        assert_eq!((slices.bytes(), slices.held.len()), (4 * 128, 4));
        slices.set_budget(200);
        assert_eq!((slices.bytes(), slices.held.len()), (128, 1));
        slices.set_budget(0);
        assert_eq!(slices.bytes(), 0);
    }

    #[test]
    fn a_slice_that_cannot_be_read_ends_the_epoch_with_its_error() {
        /// The third slice is torn.
        struct Torn(Volume, AtomicUsize);
        impl SliceSource for Torn {
            fn name(&self) -> &str {
                "torn"
            }

            fn shape(&self) -> Shape {
                self.0.shape()
            }

            fn read(&self, z: usize, out: ArrayViewMut2<'_, f32>) -> Result<(), StackError> {
                match self.1.fetch_add(1, Ordering::SeqCst) {
                    2 => Err(StackError::Host { slice: z + 1, reason: "torn".to_owned() }),
                    _ => self.0.read(z, out),
                }
            }
        }
        let reference = ramp(8, 8, 6, GreyType::U8, 1.0);
        let low = Torn(reference.clone(), AtomicUsize::new(0));
        let (low, reference) = (Measured::by_mark(&low), Measured::by_mark(&reference));
        let pair = &pair(&low, &reference);
        let cutter = Cutter { frame: Frame::new(8, 8, 4), patch: 0 };
        let samples = cutter.samples(pair, 0..6, false, 5, 1);
        let batches = Batches { pair, cutter, samples: &samples, size: 1 };
        batches.read_ahead(&mut Slices::default(), |ahead| {
            assert!(ahead.next().is_ok() && ahead.next().is_ok());
            assert!(ahead.next().unwrap_err().to_string().contains("torn"));
        });
    }
}
