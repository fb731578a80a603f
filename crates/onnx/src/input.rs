//! The images that a network takes.

/// The images that a network takes, and how a slice becomes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Axes of length one before y and x.
    pub leading: usize,
    /// What the image's height may be.
    pub height: Lengths,
    /// What the image's width may be.
    pub width: Lengths,
    /// How a slice is continued.
    pub padding: Padding,
    /// How many pixels it is continued by at the least, down and across.
    pub border: [usize; 2],
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
