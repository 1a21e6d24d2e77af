//! The logarithmic-derivative lookup argument (LogUp) in the extension field, for function tables.
//!
//! A [`LookupGate`] on the side of lookups proves pairs `(t_k, y_k)`; one on the side of the table holds it. With the challenges `delta` and `gamma_T`
//! (one shift of `gamma` per table) and `D(t, y) = gamma_T - t - delta y`, the rows of lookups add `1 / D(t_k, y_k)` to a
//! running sum and the rows of the table subtract `m_i / D(t_i, f_i)`; the sum ends at zero.
//!
//! Lookup wires: `t_k`, `y_k` (routed), `gamma_T`, `delta`, `in`, `out` (routed pairs), packed digits of `y` (routed),
//! digits of `y_k - y_0`, one extension inverse `h` for every three slots. Table wires: the same challenges and sums,
//! packed digits of the multiplicities, their digits, one `h` for every three entries. Table constants: the
//! values `f_i`, then the arguments.
//!
//! Constraints: digits in 0..8; `y_k = y_0 + sum_i z_k,i 8^i`; for a group of three `h D_1 D_2 D_3 = n_1 D_2 D_3 + n_2
//! D_1 D_3 + n_3 D_1 D_2`, where `n` is 1 or the multiplicity; `out = in +- sum h`.
//!
//! Sound because arguments are determined by absorbed cells, and results and multiplicities are absorbed (as digits, hence
//! uniquely), before the challenges are drawn.

use plonky2::field::types::{Field, PrimeField64};

use super::algebra::Algebra;
use super::digits::{
    DIGIT_BITS, Packing, constrain_packing, digit_wire, packing, read_digits, recompose, write_digits, write_packing,
};
use super::{read_ext, write_ext};
use crate::config::{F, FE, ROUTED, WIRES};

/// Constants of a table row at most, so that tables do not widen rows.
const MAX_CONSTANTS: usize = 64;
/// Slots that share one inverse.
const GROUP: usize = 3;

/// Whether a gate looks up or holds a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Lookup,
    Table,
}

/// Gate for `slots` lookups with results of `digits` octal digits, or table entries with such multiplicities.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LookupGate {
    pub side: Side,
    pub digits: usize,
    pub slots: usize,
    packing: Packing,
}

impl LookupGate {
    /// The gate with as many slots as fit a row.
    pub fn new(side: Side, digits: usize) -> Self {
        let fits = |n: usize| {
            let gate = Self::with_slots(side, digits, n);
            gate.head() + gate.digit_count() <= WIRES
                && gate.packed().end <= ROUTED
                && gate.constants() <= MAX_CONSTANTS
        };
        let slots = (1..=ROUTED).take_while(|n| n * digits <= WIRES && fits(*n)).last().unwrap_or(1);
        Self::with_slots(side, digits, slots)
    }

    fn with_slots(side: Side, digits: usize, slots: usize) -> Self {
        let mut gate = Self { side, digits, slots, packing: Vec::new() };
        for _ in 0..2 {
            let items: Vec<(usize, u32)> = (0..slots)
                .flat_map(|k| (0..digits).map(move |i| (k, i)))
                .map(|(k, i)| (digit_wire(gate.digit(k) + i), DIGIT_BITS))
                .collect();
            gate.packing = packing(items);
        }
        gate
    }

    pub fn argument(&self, slot: usize) -> usize {
        2 * slot
    }
    pub fn result(&self, slot: usize) -> usize {
        2 * slot + 1
    }
    pub fn gamma(&self) -> usize {
        match self.side {
            Side::Lookup => 2 * self.slots,
            Side::Table => 0,
        }
    }
    pub fn delta(&self) -> usize {
        self.gamma() + 2
    }
    pub fn sum_in(&self) -> usize {
        self.gamma() + 4
    }
    pub fn sum_out(&self) -> usize {
        self.gamma() + 6
    }
    /// Wires of the packed elements.
    pub fn packed(&self) -> std::ops::Range<usize> {
        let first = self.gamma() + 8;
        first..first + self.packing.len()
    }
    fn digit(&self, slot: usize) -> usize {
        slot * self.digits
    }
    fn inverse(&self, group: usize) -> usize {
        self.packed().end + 2 * group
    }
    /// Wires before the digits.
    pub(super) fn head(&self) -> usize {
        self.inverse(self.slots.div_ceil(GROUP))
    }
    pub(super) fn digit_count(&self) -> usize {
        self.slots * self.digits
    }
    pub(super) fn constants(&self) -> usize {
        match self.side {
            Side::Lookup => 1,
            Side::Table => 2 * self.slots,
        }
    }

    pub(super) fn eval<A: Algebra>(&self, a: &mut A) {
        a.constrain_digits(self.digit_count());
        let (gamma, delta) = (a.ext(self.gamma()), a.ext(self.delta()));
        let mut denominators = Vec::with_capacity(self.slots);
        let mut numerators = Vec::with_capacity(self.slots);
        for k in 0..self.slots {
            let value = recompose(a, self.digit(k), self.digits);
            let (argument, result, numerator) = match self.side {
                Side::Lookup => {
                    let offset = a.constant(0);
                    let value = a.add(value, offset);
                    let result = a.wire(self.result(k));
                    let difference = a.sub(value, result);
                    a.constrain(difference);
                    (a.wire(self.argument(k)), result, a.literal(F::ONE))
                }
                Side::Table => (a.constant(self.slots + k), a.constant(k), value),
            };
            let scaled = a.ext_scale(delta, result);
            let mut denominator = a.ext_sub(gamma, scaled);
            denominator[0] = a.sub(denominator[0], argument);
            denominators.push(denominator);
            numerators.push(numerator);
        }
        let mut total = a.ext_zero();
        for (group, (ds, ns)) in denominators.chunks(GROUP).zip(numerators.chunks(GROUP)).enumerate() {
            let h = a.ext(self.inverse(group));
            // (product, sum of numerators over the others' product), one factor at a time
            let (mut product, mut sum) = (ds[0], [ns[0], a.literal(F::ZERO)]);
            for (d, n) in ds.iter().zip(ns).skip(1) {
                let crossed = a.ext_mul(sum, *d);
                let joined = a.ext_scale(product, *n);
                sum = a.ext_add(crossed, joined);
                product = a.ext_mul(product, *d);
            }
            let left = a.ext_mul(h, product);
            a.ext_constrain_equal(left, sum);
            total = a.ext_add(total, h);
        }
        let (sum_in, sum_out) = (a.ext(self.sum_in()), a.ext(self.sum_out()));
        let expected = match self.side {
            Side::Lookup => a.ext_add(sum_in, total),
            Side::Table => a.ext_sub(sum_in, total),
        };
        a.ext_constrain_equal(expected, sum_out);
        constrain_packing(a, self.packed().start, &self.packing);
    }

    /// Fills digits and packing: of the results (lookup) or of the multiplicities given (table).
    pub(super) fn commit(&self, constants: &[F], wires: &mut [F], multiplicities: &[i64]) {
        for k in 0..self.slots {
            let value = match self.side {
                Side::Lookup => (wires[self.result(k)] - constants[0]).to_canonical_u64(),
                Side::Table => multiplicities.get(k).copied().unwrap_or(0).unsigned_abs(),
            };
            write_digits(wires, self.digit(k), self.digits, value);
        }
        write_packing(wires, self.packed().start, &self.packing);
    }

    /// Fills inverses and the running sum.
    pub(super) fn complete(&self, constants: &[F], wires: &mut [F]) {
        let (gamma, delta) = (read_ext(wires, self.gamma()), read_ext(wires, self.delta()));
        let mut total = FE::ZERO;
        for group in 0..self.slots.div_ceil(GROUP) {
            let mut h = FE::ZERO;
            for k in group * GROUP..((group + 1) * GROUP).min(self.slots) {
                let (argument, result, numerator) = match self.side {
                    Side::Lookup => (wires[self.argument(k)], wires[self.result(k)], F::ONE),
                    Side::Table => {
                        let value = read_digits(wires, self.digit(k), self.digits);
                        (constants[self.slots + k], constants[k], F::from_noncanonical_u64(value))
                    }
                };
                let denominator = gamma - FE::from(argument) - delta * FE::from(result);
                // A denominator of zero needs a challenge that hits one of the looked-up pairs; the error term counts it.
                h += denominator.try_inverse().unwrap_or(FE::ZERO) * FE::from(numerator);
            }
            write_ext(wires, self.inverse(group), h);
            total += h;
        }
        let sum = read_ext(wires, self.sum_in());
        let out = if self.side == Side::Lookup { sum + total } else { sum - total };
        write_ext(wires, self.sum_out(), out);
    }
}
