//! Ranges of real numbers.

/// The closed interval `[min, max]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub min: f64,
    pub max: f64,
}

impl Range {
    /// The interval that holds just `value`.
    pub fn point(value: f64) -> Self {
        Self { min: value, max: value }
    }

    /// Largest absolute value.
    pub fn absmax(self) -> f64 {
        self.min.abs().max(self.max.abs())
    }

    /// Smallest interval that holds both.
    pub fn join(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Smallest interval that holds all `values`; `None` when there is none or one of them is NaN.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values
            .into_iter()
            .try_fold(None, |range: Option<Self>, v| {
                if v.is_nan() {
                    return None;
                }
                Some(Some(range.map_or(Self::point(v), |r| r.join(Self::point(v)))))
            })
            .flatten()
    }

    /// Whether both ends are finite.
    pub fn is_finite(self) -> bool {
        self.min.is_finite() && self.max.is_finite()
    }

    /// Interval of `factor * x`.
    pub fn scaled(self, factor: f64) -> Self {
        if factor >= 0.0 {
            Self { min: product(self.min, factor), max: product(self.max, factor) }
        } else {
            Self { min: product(self.max, factor), max: product(self.min, factor) }
        }
    }

    /// Interval of `x + y`.
    pub fn plus(self, other: Self) -> Self {
        Self { min: self.min + other.min, max: self.max + other.max }
    }

    /// Interval of `x * y`.
    pub fn times(self, other: Self) -> Self {
        let corners = [
            product(self.min, other.min),
            product(self.min, other.max),
            product(self.max, other.min),
            product(self.max, other.max),
        ];
        corners.iter().fold(Self::point(corners[0]), |r, c| r.join(Self::point(*c)))
    }

    /// Interval of `x * x`.
    pub fn squared(self) -> Self {
        let most = self.absmax() * self.absmax();
        let least = if self.min <= 0.0 && self.max >= 0.0 { 0.0 } else { self.min.abs().min(self.max.abs()) };
        Self { min: least * least, max: most }
    }

    /// The interval with its magnitude multiplied by `headroom`; an interval on one side of zero stays there.
    pub fn widened(self, headroom: f64) -> Self {
        let reach = self.absmax() * headroom;
        Self { min: if self.min >= 0.0 { 0.0 } else { -reach }, max: if self.max <= 0.0 { 0.0 } else { reach } }
    }

    /// The interval with `(headroom - 1) / 2` of its width added at both ends.
    pub fn stretched(self, headroom: f64) -> Self {
        let slack = (self.max - self.min) * (headroom - 1.0) / 2.0;
        Self { min: self.min - slack, max: self.max + slack }
    }
}

/// `a * b` where 0 times infinity is 0, as for intervals.
fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_cover_all_signs() {
        let a = Range { min: -2.0, max: 3.0 };
        let b = Range { min: -5.0, max: 1.0 };
        assert_eq!(a.times(b), Range { min: -15.0, max: 10.0 });
        assert_eq!(a.squared(), Range { min: 0.0, max: 9.0 });
        assert_eq!(Range { min: -4.0, max: -2.0 }.squared(), Range { min: 4.0, max: 16.0 });
        assert_eq!(a.scaled(-2.0), Range { min: -6.0, max: 4.0 });
    }

    #[test]
    fn nan_has_no_range() {
        assert_eq!(Range::of([1.0, f64::NAN, 2.0]), None);
        assert_eq!(Range::of([]), None);
        assert_eq!(Range::of([1.0, -3.0]), Some(Range { min: -3.0, max: 1.0 }));
    }
}
