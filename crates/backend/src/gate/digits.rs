//! Range checks without a challenge: octal digits, and their packing for the transcript.
//!
//! A digit is a wire constrained to 0..8 by a polynomial of degree 8. This is deliberate: a range check by lookup is
//! only as good as the commitment of the looked-up values, and those are committed *packed*, 62 bits to a field
//! element. Packing is injective only for values already known to be in range; were that known through a lookup whose
//! challenge is drawn after the packed values are absorbed, a prover could repack after seeing the challenge. With
//! polynomial digits the packed element determines every digit unconditionally.
//!
//! Digit `j` of a row is its wire [`digit_wire`]`(j)`, counted from the end, and its range is constraint `j`, in every
//! gate alike: so the prover evaluates the range polynomial of a wire once for all gates that have a digit there.

use plonky2::field::types::{Field, PrimeField64};

use super::algebra::Algebra;
use crate::config::{F, WIRES};

/// Bits of a digit.
pub(crate) const DIGIT_BITS: u32 = 3;
/// Bits that one absorbed field element carries; below 63 so that distinct packings are distinct modulo p.
pub(crate) const PACK_BITS: u32 = 62;

/// Wire of digit `j` of a row.
pub(crate) const fn digit_wire(j: usize) -> usize {
    WIRES - 1 - j
}

/// Vanishes for `x` in 0..8 only: with `u = x (x - 7)`, `u (u + 6) (u + 10) (u + 12) = (u^2 + 6 u) (u^2 + 22 u + 120) = 0`.
///
/// Multiples are sums of doublings: additions are several times cheaper than products in the packed field.
pub(crate) fn digit_polynomial<A: Algebra>(a: &mut A, x: A::V) -> A::V {
    let seven = a.literal(F::from_canonical_u64(7));
    let shifted = a.sub(x, seven);
    let u = a.mul(x, shifted);
    let square = a.mul(u, u);
    let twice = a.add(u, u);
    let four = a.add(twice, twice);
    let six = a.add(four, twice);
    let eight = a.add(four, four);
    let sixteen = a.add(eight, eight);
    let twenty_two = a.add(sixteen, six);
    let left = a.add(square, six);
    let right = a.add(square, twenty_two);
    let constant = a.literal(F::from_canonical_u64(120));
    let right = a.add(right, constant);
    a.mul(left, right)
}

/// Constrains `x` to 0 or 1.
pub(super) fn constrain_bit<A: Algebra>(a: &mut A, x: A::V) {
    let square = a.mul(x, x);
    let difference = a.sub(square, x);
    a.constrain(difference);
}

/// `sum_i z_(first + i) 8^i` over digits.
pub(super) fn recompose<A: Algebra>(a: &mut A, first: usize, count: usize) -> A::V {
    a.binary_sum((0..count).map(|i| (digit_wire(first + i), DIGIT_BITS * i as u32)))
}

/// Writes the `count` lowest octal digits of `value` to the digits from `first` on; the rest must be zero for the row to be valid.
pub(super) fn write_digits(wires: &mut [F], first: usize, count: usize, value: u64) {
    for i in 0..count {
        wires[digit_wire(first + i)] = F::from_canonical_u64((value >> (DIGIT_BITS as usize * i)) & 7);
    }
}

/// The number whose `count` octal digits are the digits from `first` on; any number if a malicious prover's are none.
pub(super) fn read_digits(wires: &[F], first: usize, count: usize) -> u64 {
    (0..count).rev().fold(0, |v, i| (v << DIGIT_BITS).wrapping_add(wires[digit_wire(first + i)].to_canonical_u64()))
}

/// `8^count`
pub(super) fn octal(count: usize) -> F {
    F::from_canonical_u64(1 << (DIGIT_BITS as usize * count))
}

/// Which wires a packed element sums up, each with its power of two.
pub(super) type Packing = Vec<Vec<(usize, u32)>>;

/// Distributes `items` (wire, bits) over as few elements of [`PACK_BITS`] as a first-fit in order gives.
pub(super) fn packing(items: impl IntoIterator<Item = (usize, u32)>) -> Packing {
    let mut out: Packing = Vec::new();
    let mut used = PACK_BITS;
    for (wire, bits) in items {
        if used + bits > PACK_BITS {
            out.push(Vec::new());
            used = 0;
        }
        if let Some(element) = out.last_mut() {
            element.push((wire, used));
        }
        used += bits;
    }
    out
}

/// Constrains wire `first + j` to the `j`-th packed element.
pub(super) fn constrain_packing<A: Algebra>(a: &mut A, first: usize, packing: &Packing) {
    for (j, element) in packing.iter().enumerate() {
        let sum = a.binary_sum(element.iter().copied());
        let packed = a.wire(first + j);
        let difference = a.sub(packed, sum);
        a.constrain(difference);
    }
}

/// Fills the packed elements from their wires.
pub(super) fn write_packing(wires: &mut [F], first: usize, packing: &Packing) {
    for (j, element) in packing.iter().enumerate() {
        let sum = element.iter().fold(F::ZERO, |sum, (wire, shift)| {
            sum + F::from_noncanonical_u64(wires[*wire].to_canonical_u64() << shift)
        });
        wires[first + j] = sum;
    }
}
