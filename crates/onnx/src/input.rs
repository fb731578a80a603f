//! The images that a network takes and makes.

/// The images that a network takes and makes, and how a slice becomes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The axes of its input.
    pub axes: Vec<Axis>,
    /// The axes of its output.
    pub made: Vec<Axis>,
    /// What the image's height may be.
    pub height: Lengths,
    /// What the image's width may be.
    pub width: Lengths,
    /// Where the width follows from the height, by how many pixels it is larger.
    pub wider: Option<isize>,
    /// How a slice is continued.
    pub padding: Padding,
    /// How many pixels it is continued by at the least, down and across.
    pub border: [usize; 2],
}

impl Input {
    /// The lengths of a tensor of those axes.
    pub fn shape(axes: &[Axis], [height, width]: [usize; 2]) -> Vec<usize> {
        let length = |axis: &Axis| match axis {
            Axis::One => 1,
            Axis::Y => height,
            Axis::X => width,
        };
        axes.iter().map(length).collect()
    }

    /// Whether rows of pixels stand one after the other in a tensor of those axes, not columns.
    pub fn by_rows(axes: &[Axis]) -> bool {
        let place = |axis| axes.iter().position(|other| *other == axis);
        place(Axis::Y) < place(Axis::X)
    }
}

/// An axis of a tensor that holds one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Of length one, whatever it stands for.
    One,
    /// Down.
    Y,
    /// Across.
    X,
}

/// Which lengths an axis may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// The least.
    pub least: usize,
    /// From one length to the next; none for the least length alone.
    pub step: Option<usize>,
}

impl Lengths {
    /// The least of them that is no shorter than `length`.
    pub fn holding(self, length: usize) -> Option<usize> {
        let Self { least, step } = self;
        match step {
            _ if length <= least => Some(least),
            Some(step) => Some(least + (length - least).next_multiple_of(step)),
            None => None,
        }
    }

    /// From one length to the next.
    pub fn step(self) -> usize {
        self.step.unwrap_or(1)
    }
}

/// How an image is continued beyond its edges, as NumPy names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Padding {
    /// `d c b a | a b c d`.
    Symmetric,
    /// `d c b | a b c d`.
    Reflect,
    /// `a a a | a b c d`.
    Edge,
    /// `v v v | a b c d`, with the value that the network is given.
    Constant(f32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_grows_to_the_next_length_allowed() {
        let free = Lengths { least: 61, step: Some(8) };
        assert_eq!([1, 61, 62, 69, 70].map(|length| free.holding(length).unwrap()), [61, 61, 69, 69, 77]);
        let fixed = Lengths { least: 64, step: None };
        assert_eq!((fixed.holding(3), fixed.holding(65)), (Some(64), None));
    }
}
