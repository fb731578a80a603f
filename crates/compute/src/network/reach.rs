//! How far a network looks.

use super::{Plan, Step};

/// Pixels along one axis on which something depends: first and last.
type Span = (isize, isize);

impl Plan {
    /// How many pixels beyond an output pixel the input still matters, along x and along y, at the most.
    ///
    /// Tiles that overlap by twice as many, and lose as many at each edge, show no seams. The steps are followed
    /// backwards from every pixel of one period of the poolings, so the number is exact, not a bound.
    ///
    /// ```
    /// use undulator_compute::network::{Activation, Architecture, Spec};
    ///
    /// let (network, activation) = (Architecture::RedNet, Activation::Prelu);
    /// let plan = Spec { network, layers: 6, activation, channels: 32, residual: false }.plan()?;
    /// assert_eq!((plan.halo(), plan.least_tile()), (126, 256));
    /// # Ok::<(), undulator_compute::network::NetworkError>(())
    /// ```
    pub fn halo(&self) -> usize {
        let reach = |pixel: isize| {
            let (first, last) = self.seen_by(pixel);
            (pixel - first).max(last - pixel).unsigned_abs()
        };
        (0..self.multiple as isize).map(reach).max().unwrap_or(0)
    }

    /// The smallest width and height of an image that has pixels out of reach of its edges: a whole multiple of
    /// [`multiple`](Self::multiple), more than twice the [`halo`](Self::halo).
    pub fn least_tile(&self) -> usize {
        (2 * self.halo() + 1).next_multiple_of(self.multiple)
    }

    /// The input pixels that an output pixel depends on, along one axis.
    fn seen_by(&self, pixel: isize) -> Span {
        let mut span = (pixel, pixel);
        let mut remembered = Vec::new();
        let mut input: Option<Span> = None;
        for step in self.steps.iter().rev() {
            match step {
                Step::Convolve { kernel, .. } => {
                    let radius = (kernel / 2) as isize;
                    span = (span.0 - radius, span.1 + radius);
                }
                Step::Relu | Step::Prelu { .. } => {}
                Step::MaxPool => span = (2 * span.0, 2 * span.1 + 1),
                Step::Unpool => span = (span.0.div_euclid(2), span.1.div_euclid(2)),
                Step::AddRemembered => remembered.push(span),
                Step::Remember => span = remembered.pop().map_or(span, |other| union(span, other)),
                Step::AddInput => input = Some(input.map_or(span, |other| union(span, other))),
            }
        }
        input.map_or(span, |other| union(span, other))
    }
}

fn union(a: Span, b: Span) -> Span {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use crate::{
        cpu,
        images::Images,
        network::{Activation, Architecture, Spec, Weights},
        runner::Runner,
    };

    fn spec(network: Architecture, layers: usize, residual: bool) -> Spec {
        Spec { network, layers, activation: Activation::Prelu, channels: 3, residual }
    }

    /// The output pixels that move when one input pixel does, as distances from it along x: the farthest.
    fn farthest_moved(spec: &Spec, at: usize) -> usize {
        let plan = spec.plan().unwrap();
        let mut weights = Weights::initial(spec, &plan, 5);
        // Without negative weights no change cancels another.
        weights.0.iter_mut().flat_map(|tensor| &mut tensor.values).for_each(|value| *value = value.abs() + 0.01);
        let mut runner = cpu::runner(&plan, &weights).unwrap();
        let edge = (2 * plan.halo() + 4 * plan.multiple).next_multiple_of(plan.multiple);
        let mut image = Images { count: 1, height: plan.multiple.max(8), width: edge, values: Vec::new() };
        image.values = vec![0.0; image.height * edge];
        let still = runner.run(&image).unwrap();
        let x = plan.halo() + plan.multiple + at;
        image.values[image.height / 2 * edge + x] = 1e6;
        let moved = runner.run(&image).unwrap();
        let far = |(at, _): (usize, _)| (at % edge).abs_diff(x);
        still.iter().zip(&moved).enumerate().filter(|(_, (a, b))| a != b).map(far).max().unwrap()
    }

    #[test]
    fn a_change_of_one_pixel_moves_all_within_the_halo_and_nothing_beyond() {
        for (network, layers, residual) in
            [(Architecture::RedNet, 3, false), (Architecture::RedNet, 5, true), (Architecture::Srcnn, 4, true)]
        {
            let spec = spec(network, layers, residual);
            let plan = spec.plan().unwrap();
            let farthest = (0..plan.multiple).map(|at| farthest_moved(&spec, at)).max();
            assert_eq!(farthest, Some(plan.halo()), "{spec}");
        }
    }

    #[test]
    fn the_least_tile_holds_a_pixel_out_of_reach() {
        for layers in 3..=7 {
            let plan = spec(Architecture::RedNet, layers, false).plan().unwrap();
            assert_eq!(plan.least_tile() % plan.multiple, 0);
            assert!(plan.least_tile() > 2 * plan.halo());
        }
        // 9-1-5: four pixels and two.
        assert_eq!(spec(Architecture::Srcnn, 3, false).plan().unwrap().halo(), 6);
    }
}
