//! Weights of the elements around a position between them.

/// Which element is nearest to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Floor,
    Ceil,
    /// The nearer one; halves go down.
    PreferFloor,
    /// The nearer one; halves go up.
    PreferCeil,
}

/// How an element between others is made of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Filter {
    Nearest(Rounding),
    Linear,
    /// Cubic convolution with this slope at distance 1.
    Cubic(f64),
}

/// Weights of consecutive elements, of which some may lie outside of the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taps {
    pub(super) first: i64,
    pub(super) weights: Vec<f64>,
}

impl Filter {
    /// Weights of the elements around `at`. With a `stretch` below 1 the filter is wider, and its weights are made to
    /// sum to 1.
    pub(super) fn taps(self, at: f64, stretch: f64) -> Taps {
        let reach = match self {
            Filter::Nearest(rounding) => {
                let nearest = match rounding {
                    Rounding::Floor => at.floor(),
                    Rounding::Ceil => at.ceil(),
                    Rounding::PreferFloor => (at - 0.5).ceil(),
                    Rounding::PreferCeil => (at + 0.5).floor(),
                };
                return Taps { first: nearest as i64, weights: vec![1.0] };
            }
            Filter::Linear => 1.0,
            Filter::Cubic(_) => 2.0,
        };
        // The element before `at`, and not `at` itself: the window is as long on both sides.
        let base = at.ceil() - 1.0;
        let start = (-reach / stretch).floor() + 1.0;
        let count = 2.0 - 2.0 * start;
        let mut weights: Vec<f64> =
            (0..count as i64).map(|i| self.weight((start + i as f64 - (at - base)) * stretch)).collect();
        let sum: f64 = weights.iter().sum();
        if stretch < 1.0 && sum != 0.0 {
            weights.iter_mut().for_each(|w| *w /= sum);
        }
        Taps { first: (base + start) as i64, weights }
    }

    /// Weight of an element at the signed `distance`.
    pub(super) fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Filter::Nearest(_) => f64::from(u8::from(x <= 0.5)),
            Filter::Linear => (1.0 - x).max(0.0),
            Filter::Cubic(a) if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Filter::Cubic(a) if x < 2.0 => a * (((x - 5.0) * x + 8.0) * x - 4.0),
            Filter::Cubic(_) => 0.0,
        }
    }
}

impl Taps {
    /// Indices and weights of elements of an axis of extent `n`. Elements outside are `exclude`d, and the other weights
    /// made to sum to 1, or stand for the nearest ones inside.
    pub(super) fn within(&self, n: usize, exclude: bool) -> Vec<(usize, f64)> {
        let last = n.saturating_sub(1) as i64;
        let mut out: Vec<(usize, f64)> = Vec::new();
        for (i, weight) in self.weights.iter().enumerate() {
            let at = self.first.saturating_add(i as i64);
            if *weight == 0.0 || (exclude && !(0..=last).contains(&at)) {
                continue;
            }
            let at = at.clamp(0, last) as usize;
            match out.last_mut() {
                Some((index, sum)) if *index == at => *sum += weight,
                _ => out.push((at, *weight)),
            }
        }
        let sum: f64 = out.iter().map(|(_, w)| w).sum();
        if exclude && sum != 0.0 {
            out.iter_mut().for_each(|(_, w)| *w /= sum);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_around_a_position() {
        let taps = |filter: Filter, at: f64| filter.taps(at, 1.0);
        assert_eq!(taps(Filter::Linear, 1.25), Taps { first: 1, weights: vec![0.75, 0.25] });
        assert_eq!(taps(Filter::Linear, 2.0).within(4, false), vec![(2, 1.0)]);
        assert_eq!(taps(Filter::Linear, -0.25).within(4, false), vec![(0, 1.0)]);
        assert_eq!(taps(Filter::Cubic(-0.75), 0.5).weights, vec![-0.09375, 0.59375, 0.59375, -0.09375]);
        let excluded = taps(Filter::Cubic(-0.75), 0.5).within(2, true);
        assert_eq!(excluded, vec![(0, 0.5), (1, 0.5)]);
        assert_eq!(Filter::Linear.taps(0.5, 0.5).weights, vec![0.125, 0.375, 0.375, 0.125]);
    }

    #[test]
    fn ties_between_elements() {
        let first = |rounding: Rounding, at: f64| Filter::Nearest(rounding).taps(at, 1.0).first;
        assert_eq!([0.4, 0.5, 0.6].map(|at| first(Rounding::PreferFloor, at)), [0, 0, 1]);
        assert_eq!([0.4, 0.5, 0.6].map(|at| first(Rounding::PreferCeil, at)), [0, 1, 1]);
        assert_eq!([0.0, 0.5, 1.0].map(|at| first(Rounding::Ceil, at)), [0, 1, 1]);
        assert_eq!([-0.5, 0.5, 1.0].map(|at| first(Rounding::Floor, at)), [-1, 0, 1]);
    }
}
