//! Range check of wires, packed for the transcript.
//!
//! | wires | meaning |
//! |---|---|
//! | `x_k` | checked value (routed) |
//! | `p_j` | packed digits (routed) |
//! | `z_k,i` | octal digits |
//!
//! Constant: `lo`. Constraints: digits in 0..8, `x_k = lo + sum_i z_k,i 8^i`, and the packing.

use plonky2::field::types::PrimeField64;

use super::algebra::Algebra;
use super::digits::{
    DIGIT_BITS, Packing, constrain_packing, digit_wire, packing, recompose, write_digits, write_packing,
};
use crate::config::{F, ROUTED, WIRES};

/// Gate for `slots` values in `[lo, lo + 8^digits)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeGate {
    pub digits: usize,
    pub slots: usize,
    packing: Packing,
}

impl RangeGate {
    /// The gate with as many slots as fit a row.
    pub fn new(digits: usize) -> Self {
        let fits = |n: usize| {
            let gate = Self::with_slots(digits, n);
            gate.head() + gate.digit_count() <= WIRES && gate.packed().end <= ROUTED
        };
        let slots = (1..=ROUTED).take_while(|n| n * digits <= WIRES && fits(*n)).last().unwrap_or(1);
        Self::with_slots(digits, slots)
    }

    fn with_slots(digits: usize, slots: usize) -> Self {
        let mut gate = Self { digits, slots, packing: Vec::new() };
        // A value is never split over two elements, so that an element holds a fixed number of values.
        let value_bits = DIGIT_BITS * digits as u32;
        for _ in 0..2 {
            let per_element = (super::digits::PACK_BITS / value_bits) as usize;
            gate.packing = (0..slots)
                .collect::<Vec<_>>()
                .chunks(per_element)
                .flat_map(|chunk| {
                    let items =
                        chunk.iter().flat_map(|k| (0..digits).map(|i| (digit_wire(gate.digit(*k) + i), DIGIT_BITS)));
                    packing(items.collect::<Vec<_>>())
                })
                .collect();
        }
        gate
    }

    /// Values that one packed element holds.
    pub fn per_element(digits: usize) -> usize {
        (super::digits::PACK_BITS / (DIGIT_BITS * digits as u32)) as usize
    }

    pub fn x(&self, slot: usize) -> usize {
        slot
    }
    /// Wires of the packed elements.
    pub fn packed(&self) -> std::ops::Range<usize> {
        self.slots..self.slots + self.packing.len()
    }
    fn digit(&self, slot: usize) -> usize {
        slot * self.digits
    }
    /// Wires before the digits.
    pub(super) fn head(&self) -> usize {
        self.packed().end
    }
    pub(super) fn digit_count(&self) -> usize {
        self.slots * self.digits
    }
    pub(super) fn constants(&self) -> usize {
        1
    }

    pub(super) fn eval<A: Algebra>(&self, a: &mut A) {
        a.constrain_digits(self.digit_count());
        let lo = a.constant(0);
        for k in 0..self.slots {
            let value = recompose(a, self.digit(k), self.digits);
            let value = a.add(value, lo);
            let x = a.wire(self.x(k));
            let difference = a.sub(x, value);
            a.constrain(difference);
        }
        constrain_packing(a, self.packed().start, &self.packing);
    }

    /// Fills digits and packing from the values; slots from `used` on hold `lo`.
    pub(super) fn complete(&self, constants: &[F], wires: &mut [F], used: usize) {
        for k in 0..self.slots {
            if k >= used {
                wires[self.x(k)] = constants[0];
            }
            let value = (wires[self.x(k)] - constants[0]).to_canonical_u64();
            write_digits(wires, self.digit(k), self.digits, value);
        }
        write_packing(wires, self.packed().start, &self.packing);
    }
}
