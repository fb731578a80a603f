//! Two aligned stacks as training pairs: which slices train, which validate, and how batches are drawn from them.
//!
//! Nothing is held: each batch reads its slices again, so that a training needs no copy of a stack.

use std::ops::Range;

use ndarray::{Array2, ArrayViewMut2, Axis, Zip, s};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use undulator_compute::{Frame, Images};

use crate::{
    checksum,
    grey::Window,
    stack::{Measured, SliceSource, StackError, flat, read_finite},
};

/// Which slices train and which validate. Neighbouring slices are nearly equal, so the validation slices are one block
/// at the end of the stack, and a few slices between the two blocks are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Slices to train on, from zero.
    pub training: Range<usize>,
    /// Slices to validate on, from zero; may be empty.
    pub validation: Range<usize>,
}

/// Slices left out between training and validation, where the stack is long enough.
const GAP: usize = 2;
/// A gap is made only when it costs no more than this share of the slices.
const GAP_SHARE: usize = 10;

impl Split {
    /// The last `validation` of `slices` slices validate; `None` when nothing would be left to train on.
    ///
    /// ```
    /// use undulator::dataset::Split;
    ///
    /// let split = Split::new(40, 10).unwrap();
    /// assert_eq!((split.training, split.validation), (0..28, 30..40));
    /// assert_eq!(Split::new(2, 1).unwrap().training, 0..1); // too short for a gap
    /// assert_eq!(Split::new(10, 10), None);
    /// ```
    pub fn new(slices: usize, validation: usize) -> Option<Self> {
        let gap = if validation > 0 && slices >= GAP * GAP_SHARE { GAP } else { 0 };
        let end = slices.checked_sub(validation)?;
        let training = end.checked_sub(gap).filter(|training| *training > 0)?;
        Some(Self { training: 0..training, validation: end..slices })
    }

    /// The validation slice that stands for all when one is shown: the middle one, or without validation the first slice.
    pub fn shown(&self) -> usize {
        match self.validation.is_empty() {
            true => self.training.start,
            false => (self.validation.start + self.validation.end) / 2,
        }
    }
}

/// A pair of stacks of one size with their grey windows.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// The laboratory stack.
    pub low: &'a Measured<'a>,
    /// The synchrotron stack.
    pub reference: &'a Measured<'a>,
    /// What is black and white in the laboratory stack.
    pub low_window: Window,
    /// What is black and white in the synchrotron stack.
    pub reference_window: Window,
}

/// The least share of a training image that must be measured.
const LEAST: f64 = 0.1;
/// How often another patch of a slice is drawn in place of one of which too little was measured.
const TRIES: usize = 100;

impl Pair<'_> {
    /// Whether enough of a part of slice `z` was measured, in both stacks, to learn from it.
    pub fn shows(&self, z: usize, x: Range<usize>, y: Range<usize>) -> bool {
        [self.low, self.reference].iter().all(|stack| stack.share_in(z, x.clone(), y.clone()) >= LEAST)
    }

    /// Whether slice `z` was measured and shows contrast: in the grey windows, more than one value of 8 bits, in each stack
    /// where both are measured. Nothing can be scored on others.
    ///
    /// # Errors
    /// When the slice cannot be read.
    pub fn has_contrast(&self, z: usize) -> Result<bool, StackError> {
        let mut slices = [(); 2].map(|()| Array2::<f32>::zeros(self.low.shape().size.slice_dim()));
        read_finite(self.low, z, slices[0].view_mut())?;
        read_finite(self.reference, z, slices[1].view_mut())?;
        let [low, reference] = &slices;
        let both = || low.iter().zip(reference).filter(|(low, reference)| !low.is_nan() && !reference.is_nan());
        let varies = |mut values: &mut dyn Iterator<Item = u8>| {
            let first = values.next();
            (&mut values).any(|value| Some(value) != first)
        };
        Ok(varies(&mut both().map(|(low, _)| self.low_window.to_8_bit(*low)))
            && varies(&mut both().map(|(_, reference)| self.reference_window.to_8_bit(*reference))))
    }
}

/// Makes a batch or a slice, on the scales of its windows, fit for training: networks take no NaN, so inputs that were not
/// measured become 0, and targets become NaN, which losses leave out, where either was not measured.
pub fn leave_out_unmeasured(inputs: &mut [f32], targets: &mut [f32]) {
    for (input, target) in inputs.iter_mut().zip(targets) {
        if input.is_nan() {
            (*input, *target) = (0.0, f32::NAN);
        }
    }
}

/// What tells a pair from every other: the SHA-256 of sizes and grey values of both stacks.
///
/// # Errors
/// When a slice cannot be read.
pub fn fingerprint(stacks: [&dyn SliceSource; 2]) -> Result<String, StackError> {
    let mut hash = Sha256::new();
    for stack in stacks {
        let size = stack.shape().size;
        [size.width, size.height, size.slices].iter().for_each(|count| hash.update((*count as u64).to_le_bytes()));
        let (mut slice, mut bytes) = (Array2::zeros(size.slice_dim()), Vec::with_capacity(4 * size.plane()));
        for z in 0..size.slices {
            read_finite(stack, z, slice.view_mut())?;
            checksum::add_greys(&mut hash, flat(&slice), &mut bytes);
        }
    }
    Ok(checksum::text(hash))
}

/// One training image: a patch of a slice, or all of it, flipped or turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    slice: usize,
    x: usize,
    y: usize,
    symmetry: Symmetry,
}

/// One of the eight symmetries of a square: flips along both axes and the exchange of the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Symmetry {
    flip_x: bool,
    flip_y: bool,
    transpose: bool,
}

/// How training images are cut from slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutter {
    /// The slices' size and how whole slices are padded.
    pub frame: Frame,
    /// Edge of the square patches in pixels, no longer than a slice's sides; 0 for whole slices.
    pub patch: usize,
}

impl Cutter {
    /// Width and height of a training image.
    pub(crate) fn image_size(&self) -> (usize, usize) {
        match self.patch {
            0 => (self.frame.padded_width, self.frame.padded_height),
            edge => (edge, edge),
        }
    }

    /// How many images an epoch has with so many slices.
    pub(crate) fn images(&self, slices: usize) -> usize {
        match self.patch {
            0 => slices,
            edge => slices * self.frame.width.div_ceil(edge) * self.frame.height.div_ceil(edge),
        }
    }

    /// The images of one epoch in random order: every slice once, or as many patches of it as would cover it.
    /// The same seed and epoch give the same samples. Slices of which too little was measured are left out, and other
    /// patches are drawn for such patches.
    pub fn samples(&self, pair: &Pair, slices: Range<usize>, augment: bool, seed: u64, epoch: usize) -> Vec<Sample> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(epoch as u64);
        let (width, height) = self.image_size();
        let patches = self.images(1);
        let mut samples = Vec::with_capacity(self.images(slices.len()));
        for slice in self.shown(pair, slices) {
            for _ in 0..patches {
                let (x, y) = match self.patch {
                    0 => (0, 0),
                    edge => {
                        let (free_x, free_y) = (self.frame.width - edge, self.frame.height - edge);
                        let mut draw = || (random.random_range(0..=free_x), random.random_range(0..=free_y));
                        let shows = |&(x, y): &(usize, usize)| pair.shows(slice, x..x + edge, y..y + edge);
                        let (first, tries) = (draw(), TRIES);
                        if shows(&first) { first } else { (0..tries).map(|_| draw()).find(shows).unwrap_or(first) }
                    }
                };
                let mut symmetry = Symmetry::default();
                if augment {
                    symmetry.flip_x = random.random();
                    symmetry.flip_y = random.random();
                    symmetry.transpose = width == height && random.random();
                }
                samples.push(Sample { slice, x, y, symmetry });
            }
        }
        samples.shuffle(&mut random);
        samples
    }

    /// The slices of which enough was measured to learn from them.
    pub(crate) fn shown(&self, pair: &Pair, slices: Range<usize>) -> impl Iterator<Item = usize> {
        slices.filter(|z| pair.shows(*z, 0..self.frame.width, 0..self.frame.height))
    }

    /// Reads the samples of both stacks, normalised: (inputs, targets), see [`leave_out_unmeasured`].
    ///
    /// # Errors
    /// When a slice cannot be read.
    pub fn batch(&self, pair: &Pair, samples: &[Sample]) -> Result<(Images, Images), StackError> {
        let mut input = self.read(pair.low, pair.low_window, samples)?;
        let mut target = self.read(pair.reference, pair.reference_window, samples)?;
        leave_out_unmeasured(&mut input.values, &mut target.values);
        Ok((input, target))
    }

    fn read(&self, stack: &dyn SliceSource, window: Window, samples: &[Sample]) -> Result<Images, StackError> {
        let (width, height) = self.image_size();
        let mut values = Vec::with_capacity(samples.len() * width * height);
        let mut slice = Array2::zeros((self.frame.height, self.frame.width));
        for sample in samples {
            read_finite(stack, sample.slice, slice.view_mut())?;
            let start = values.len();
            match self.patch {
                0 => self.frame.pad_into(flat(&slice), |grey| window.normalise(grey), &mut values),
                edge => {
                    let patch = slice.slice(s![sample.y..sample.y + edge, sample.x..sample.x + edge]);
                    for row in patch.rows() {
                        values.extend(row.iter().map(|grey| window.normalise(*grey)));
                    }
                }
            }
            let image = ArrayViewMut2::from_shape((height, width), &mut values[start..]);
            sample.symmetry.apply(image.expect("an image was added"));
        }
        Ok(Images { count: samples.len(), height, width, values })
    }
}

impl Symmetry {
    fn apply(self, mut image: ArrayViewMut2<'_, f32>) {
        let (height, width) = image.dim();
        if self.flip_x {
            let (left, mut right) = image.view_mut().split_at(Axis(1), width / 2);
            right.invert_axis(Axis(1));
            // The middle column of an odd width stays.
            Zip::from(left).and(right.slice_mut(s![.., ..width / 2])).for_each(std::mem::swap);
        }
        if self.flip_y {
            let (upper, mut lower) = image.view_mut().split_at(Axis(0), height / 2);
            lower.invert_axis(Axis(0));
            Zip::from(upper).and(lower.slice_mut(s![..height / 2, ..])).for_each(std::mem::swap);
        }
        if self.transpose {
            for y in 0..width {
                for x in 0..y {
                    image.swap([y, x], [x, y]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        progress::Progress,
        stack::{GreyType, Shape, Size, VoxelSize},
        volume::Volume,
    };

    fn ramp(width: usize, height: usize, slices: usize, scale: f32) -> Volume {
        let shape = Shape::new(Size::new(width, height, slices), VoxelSize::isotropic(1.0), GreyType::F32);
        let values: Vec<f32> = (0..width * height * slices).map(|v| v as f32 * scale).collect();
        Volume::from_values("ramp", shape, &values)
    }

    #[test]
    fn a_split_never_shares_a_slice_and_never_starves_the_training() {
        for slices in 1..60 {
            for validation in 0..70 {
                match Split::new(slices, validation) {
                    None => assert!(validation + 1 > slices || validation + GAP + 1 > slices),
                    Some(split) => {
                        assert!(!split.training.is_empty() && split.training.end <= split.validation.start);
                        assert_eq!(split.validation.len(), validation);
                    }
                }
            }
        }
    }

    #[test]
    fn input_and_target_are_cut_and_turned_alike() {
        let (low, reference) = (ramp(12, 10, 3, 1.0), ramp(12, 10, 3, 2.0));
        with_pair(&low, &reference, |pair| {
            for patch in [0, 4] {
                let cutter = Cutter { frame: Frame::new(12, 10, 4), patch };
                let samples = cutter.samples(pair, 0..3, true, 5, 1);
                assert_eq!(samples.len(), if patch == 0 { 3 } else { 27 });
                let (input, target) = cutter.batch(pair, &samples).unwrap();
                assert_eq!(input, target);
                assert_eq!(input.values.len(), input.count * input.width * input.height);
            }
        });
    }

    fn with_pair<T>(low: &Volume, reference: &Volume, work: impl FnOnce(&Pair) -> T) -> T {
        let window = |high| Window::new(0.0, high).unwrap();
        let [low, reference] = [low, reference].map(|stack| Measured::of(stack, Progress::silent()).unwrap());
        let (low_window, reference_window) = (window(1e4), window(2e4));
        work(&Pair { low: &low, reference: &reference, low_window, reference_window })
    }

    #[test]
    fn what_was_not_measured_has_no_weight_and_is_not_drawn() {
        let (width, height, slices) = (64, 48, 4);
        let holed = |scale: f32, is_hole: &dyn Fn(usize, usize, usize) -> bool| {
            let mut values = ramp(width, height, slices, scale).to_values();
            for (i, value) in values.iter_mut().enumerate() {
                if is_hole(i % width, i / width % height, i / (width * height)) {
                    *value = f32::NAN;
                }
            }
            Volume::from_values("holed", ramp(width, height, slices, 1.0).shape(), &values)
        };
        let (low, reference) = (holed(1.0, &|x, _, z| x < 24 || z == 2), holed(2.0, &|_, y, _| y < 8));
        with_pair(&low, &reference, |pair| {
            let cutter = Cutter { frame: Frame::new(width, height, 4), patch: 16 };
            let samples = cutter.samples(pair, 0..slices, true, 5, 1);
            // Slice 3 of 4 was not measured.
            assert_eq!(samples.len(), 3 * 12);
            assert!(samples.iter().all(|sample| sample.slice != 2 && sample.x + 16 > 24 && sample.y + 16 > 8));
            assert_eq!(samples, cutter.samples(pair, 0..slices, true, 5, 1));
            let (input, target) = cutter.batch(pair, &samples).unwrap();
            let pixels = || input.values.iter().zip(&target.values);
            assert!(pixels().all(|(input, target)| if target.is_nan() { input.is_finite() } else { input == target }));
            assert!(pixels().any(|(input, target)| *input == 0.0 && target.is_nan()));
            assert!(pixels().any(|(input, target)| *input != 0.0 && target.is_nan()));
            assert_eq!(
                (0..slices).map(|z| pair.has_contrast(z).unwrap()).collect::<Vec<_>>(),
                [true, true, false, true]
            );
        });
    }

    #[test]
    fn a_fingerprint_tells_pairs_apart() {
        let (a, b) = (ramp(4, 3, 2, 1.0), ramp(4, 3, 2, 2.0));
        let of = |low: &Volume, reference: &Volume| fingerprint([low, reference]).unwrap();
        assert_eq!(of(&a, &b), of(&a, &b));
        assert_eq!(of(&a, &b).len(), 64);
        let others = [of(&b, &a), of(&a, &a), of(&ramp(3, 4, 2, 1.0), &b), of(&a, &ramp(4, 3, 2, 2.001))];
        assert!(others.iter().all(|other| *other != of(&a, &b)));
    }

    #[test]
    fn epochs_differ_and_repeat_with_the_seed() {
        let cutter = Cutter { frame: Frame::new(64, 64, 4), patch: 16 };
        let stack = ramp(64, 64, 5, 1.0);
        with_pair(&stack, &stack, |pair| {
            let samples = |seed, epoch| cutter.samples(pair, 0..5, true, seed, epoch);
            assert_eq!(samples(9, 3), samples(9, 3));
            assert_ne!(samples(9, 3), samples(9, 4));
            assert_ne!(samples(9, 3), samples(8, 3));
        });
    }

    #[test]
    fn the_eight_symmetries_are_eight() {
        let mut seen = HashSet::new();
        for bits in 0..8 {
            let symmetry = Symmetry { flip_x: bits & 1 > 0, flip_y: bits & 2 > 0, transpose: bits & 4 > 0 };
            let mut image = Array2::from_shape_fn((3, 3), |(y, x)| (3 * y + x) as f32);
            symmetry.apply(image.view_mut());
            seen.insert(image.iter().map(|v| *v as u8).collect::<Vec<_>>());
        }
        assert_eq!(seen.len(), 8);
    }
}
