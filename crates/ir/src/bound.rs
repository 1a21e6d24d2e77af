//! Proven intervals of field values.

use std::fmt;

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use crate::domain::Field;
use crate::error::IrError;
use crate::eval::constant;
use crate::graph::{Graph, NodeId};
use crate::op::{self, CoreOp};

/// The integers from `lo` to `hi`, both included; `lo <= hi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    pub lo: BigInt,
    pub hi: BigInt,
}

/// Values of the field domain are below this in absolute value.
const FIELD_LIMIT: u64 = 1 << 62;

impl Interval {
    /// The integers from `lo` to `hi`.
    pub fn new(lo: i64, hi: i64) -> Self {
        Self { lo: lo.into(), hi: hi.into() }
    }

    /// One integer.
    pub fn point(value: i64) -> Self {
        Self::new(value, value)
    }

    /// Whether `value` is a member.
    pub fn contains(&self, value: i64) -> bool {
        let value = BigInt::from(value);
        self.lo <= value && value <= self.hi
    }

    /// Whether all of `other` is in `self`.
    pub fn includes(&self, other: &Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// The smallest interval that includes both.
    pub fn union(&self, other: &Self) -> Self {
        Self { lo: (&self.lo).min(&other.lo).clone(), hi: (&self.hi).max(&other.hi).clone() }
    }

    /// Common members; `None` when there are none.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let both = Self { lo: (&self.lo).max(&other.lo).clone(), hi: (&self.hi).min(&other.hi).clone() };
        (both.lo <= both.hi).then_some(both)
    }

    /// Products of a member and `factor`.
    pub fn scaled(&self, factor: &BigInt) -> Self {
        let (x, y) = (&self.lo * factor, &self.hi * factor);
        if x <= y { Self { lo: x, hi: y } } else { Self { lo: y, hi: x } }
    }

    /// Products of a member and a member of `other`.
    pub fn product(&self, other: &Self) -> Self {
        self.scaled(&other.lo).union(&self.scaled(&other.hi))
    }

    /// Largest absolute value.
    pub fn magnitude(&self) -> BigInt {
        self.lo.magnitude().max(self.hi.magnitude()).clone().into()
    }

    /// Whether every member is below 2^62 in absolute value, so that field arithmetic on it is exact.
    pub fn fits_field(&self) -> bool {
        self.magnitude() < BigInt::from(FIELD_LIMIT)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.lo, self.hi)
    }
}

/// Sums of the positive and of the negative weights of each of several linear forms.
pub(crate) struct SignedSums(Vec<(i128, i128)>);

impl SignedSums {
    /// `forms` linear forms without weights.
    pub(crate) fn new(forms: usize) -> Self {
        Self(vec![(0, 0); forms])
    }

    /// Adds a weight to one form. 2^28 weights of 64 bits cannot overflow.
    pub(crate) fn add(&mut self, form: usize, weight: i64) {
        let (positive, negative) = &mut self.0[form];
        if weight > 0 {
            *positive += i128::from(weight);
        } else {
            *negative += i128::from(weight);
        }
    }

    /// Smallest and largest value that one of the forms takes when every variable is in `x`, independently.
    pub(crate) fn bound(mut self, x: &Interval) -> Interval {
        self.0.sort_unstable();
        self.0.dedup();
        let forms = self.0.iter().map(|(positive, negative)| {
            let (positive, negative) = (BigInt::from(*positive), BigInt::from(*negative));
            Interval { lo: &positive * &x.lo + &negative * &x.hi, hi: &positive * &x.hi + &negative * &x.lo }
        });
        forms.reduce(|a, b| a.union(&b)).unwrap_or(Interval::point(0))
    }
}

/// Values that the elements of node `id` can take, given those of its operands' elements; one interval serves all
/// elements of a tensor. It is the exact worst case over independent operand elements for every operator, except that
///
/// - products of two tensors that are not constant count every term as the worst one, and
/// - a convolution counts zeros of the padding for every kernel element.
///
/// A constant is a `Const` or a chain of views of constants. Results that do not exist, because a requantisation
/// fails, do not count. `operands` has one interval for each operand of the node.
pub fn op_bound(graph: &Graph<Field>, id: NodeId, operands: &[Interval]) -> Interval {
    let node = graph.node(id);
    let facts: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).fact).collect();
    let constants: Vec<_> = match node.op {
        CoreOp::Contract(_) | CoreOp::Conv(_) => node.inputs.iter().map(|i| constant(graph, *i)).collect(),
        _ => Vec::new(),
    };
    op::bound(&node.op, &node.fact, &facts, &constants, operands)
}

/// [`op_bound`] of every node, by [`NodeId::index`].
///
/// # Errors
/// [`IrError::Limit`] with the first node whose values may reach 2^62 in absolute value.
pub fn bounds(graph: &Graph<Field>) -> Result<Vec<Interval>, IrError> {
    let mut out: Vec<Interval> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let node = graph.node(id);
        let operands: Vec<Interval> = node.inputs.iter().map(|i| out[i.index()].clone()).collect();
        let bound = op_bound(graph, id, &operands);
        if !bound.fits_field() {
            return Err(IrError::Limit {
                node: node.name.clone(),
                op: node.op.name(),
                what: "largest absolute value",
                got: bound.magnitude().to_u128().unwrap_or(u128::MAX),
                limit: u128::from(FIELD_LIMIT) - 1,
            });
        }
        out.push(bound);
    }
    Ok(out)
}
