//! Comparison of two wires, with the larger or the smaller of them.
//!
//! | wires | meaning |
//! |---|---|
//! | `x_k`, `y_k` | operands (routed) |
//! | `m_k` | maximum (`f = 1`) or minimum (`f = 0`) (routed) |
//! | `b_k` | 1 where `x_k >= y_k` (routed) |
//! | `z_k,i` | octal digits |
//!
//! Constant: `f`. Constraints, with `e = x_k - y_k`:
//! `e + 8^d = 8^d b_k + sum_i z_k,i 8^i`, digits in 0..8, `b_k` boolean,
//! `m_k = f (y_k + b_k e) + (1 - f) (x_k - b_k e)`.
//!
//! Sound for operands that differ by less than `8^d`: then `e + 8^d` is below `2 * 8^d < p` and its decomposition is
//! unique. Nothing is absorbed: the operands determine every wire. With `b_k` wired to 1 the row is a range check
//! `0 <= x_k - y_k < 8^d` for arbitrary field elements.

use plonky2::field::types::{Field, PrimeField64};

use super::algebra::Algebra;
use super::digits::{DIGIT_BITS, constrain_bit, octal, recompose, write_digits};
use crate::config::{F, ROUTED, WIRES};

/// Gate for `slots` comparisons of operands that differ by less than `8^digits`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderGate {
    pub digits: usize,
    pub slots: usize,
}

impl OrderGate {
    /// The gate with as many slots as fit a row.
    pub fn new(digits: usize) -> Self {
        Self { digits, slots: (ROUTED / 4).min(WIRES / (4 + digits)) }
    }
    pub fn x(&self, slot: usize) -> usize {
        4 * slot
    }
    pub fn y(&self, slot: usize) -> usize {
        4 * slot + 1
    }
    pub fn result(&self, slot: usize) -> usize {
        4 * slot + 2
    }
    pub fn at_least(&self, slot: usize) -> usize {
        4 * slot + 3
    }
    fn digit(&self, slot: usize) -> usize {
        slot * self.digits
    }
    /// Wires before the digits.
    pub(super) fn head(&self) -> usize {
        4 * self.slots
    }
    pub(super) fn digit_count(&self) -> usize {
        self.slots * self.digits
    }
    pub(super) fn constants(&self) -> usize {
        1
    }

    pub(super) fn eval<A: Algebra>(&self, a: &mut A) {
        a.constrain_digits(self.digit_count());
        let f = a.constant(0);
        let one = a.literal(F::ONE);
        let not_f = a.sub(one, f);
        let base = a.literal(octal(self.digits));
        for k in 0..self.slots {
            let (x, y, m, b) = (a.wire(self.x(k)), a.wire(self.y(k)), a.wire(self.result(k)), a.wire(self.at_least(k)));
            constrain_bit(a, b);
            let e = a.sub(x, y);
            let left = a.add(e, base);
            let low = recompose(a, self.digit(k), self.digits);
            let right = a.mul_add(b, base, low);
            let difference = a.sub(left, right);
            a.constrain(difference);
            let step = a.mul(b, e);
            let max = a.add(y, step);
            let min = a.sub(x, step);
            let chosen = a.mul(f, max);
            let chosen = a.mul_add(not_f, min, chosen);
            let difference = a.sub(chosen, m);
            a.constrain(difference);
        }
    }

    /// Fills one slot from its operands.
    pub(super) fn complete_slot(&self, constants: &[F], wires: &mut [F], k: usize) {
        let (x, y) = (wires[self.x(k)], wires[self.y(k)]);
        let shifted = (x - y + octal(self.digits)).to_canonical_u64();
        let b = u64::from(shifted >> (DIGIT_BITS as usize * self.digits) != 0);
        write_digits(wires, self.digit(k), self.digits, shifted);
        wires[self.at_least(k)] = F::from_canonical_u64(b);
        let larger = if b == 1 { x } else { y };
        wires[self.result(k)] = if constants[0] == F::ONE { larger } else { x + y - larger };
    }

    /// Fills the slots that nothing uses.
    pub(super) fn idle(&self, constants: &[F], wires: &mut [F], used: usize) {
        for k in used..self.slots {
            self.complete_slot(constants, wires, k);
        }
    }
}
