//! Unit vectors.
//!
//! 36 routed bits `b_k` with running sums `count' = count + sum b_k` and `index' = index + sum (k_0 + k) b_k`;
//! constant `k_0`. Bits summing to 1 whose index sum is given are determined by it.

use plonky2::field::types::Field;

use super::algebra::Algebra;
use super::digits::constrain_bit;
use crate::config::F;

/// A stretch of a unit vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BitsGate;

impl BitsGate {
    pub const SLOTS: usize = 36;
    pub fn bit(slot: usize) -> usize {
        slot
    }
    pub const COUNT_IN: usize = Self::SLOTS;
    pub const COUNT_OUT: usize = Self::SLOTS + 1;
    pub const INDEX_IN: usize = Self::SLOTS + 2;
    pub const INDEX_OUT: usize = Self::SLOTS + 3;
    pub(super) const WIRES: usize = Self::SLOTS + 4;

    pub(super) fn eval<A: Algebra>(a: &mut A) {
        let first = a.constant(0);
        let (mut count, mut index) = (a.wire(Self::COUNT_IN), a.wire(Self::INDEX_IN));
        for k in 0..Self::SLOTS {
            let b = a.wire(Self::bit(k));
            constrain_bit(a, b);
            count = a.add(count, b);
            let offset = a.literal(F::from_canonical_usize(k));
            let position = a.add(first, offset);
            index = a.mul_add(b, position, index);
        }
        for (sum, wire) in [(count, Self::COUNT_OUT), (index, Self::INDEX_OUT)] {
            let out = a.wire(wire);
            let difference = a.sub(sum, out);
            a.constrain(difference);
        }
    }

    pub(super) fn complete(constants: &[F], wires: &mut [F]) {
        let (mut count, mut index) = (wires[Self::COUNT_IN], wires[Self::INDEX_IN]);
        for k in 0..Self::SLOTS {
            let b = wires[Self::bit(k)];
            count += b;
            index += b * (constants[0] + F::from_canonical_usize(k));
        }
        wires[Self::COUNT_OUT] = count;
        wires[Self::INDEX_OUT] = index;
    }
}
