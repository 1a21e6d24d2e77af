//! Requantisation of accumulators.
//!
//! | wires | meaning |
//! |---|---|
//! | `y_k` | result of slot `k` (routed) |
//! | linear source: `in`, `out`, `r`, `r3` | running sum of the linear argument, challenge, its cube (routed pairs) |
//! | linear source: `y_in`, `y_out` | running sum of the results (routed pairs) |
//! | local source: `x_k` | accumulator (routed) |
//! | linear source: `p_j` | packed digits for the transcript (routed) |
//! | `b_k`, `z_k,i` | top bit and octal digits |
//!
//! Constants: `w_i` (digit weights of the result), `w_b`, `y_0`, `a_0`, `top`, `relu`, `a_1`, `v_b`; masked: `u_i`.
//!
//! With `v_k = sum_i z_k,i 8^i + 8^d b_k`, `d` the digits in use, `v_b = a_1 8^d`, and `low_k = sum_i w_i z_k,i`:
//! - every digit is in 0..8, every `b_k` is 0 or 1, and `b_k (1 - top) = 0`;
//! - the accumulator is `acc_k = a_1 v_k + a_0` (local: `= x_k`), where `a_1 = 2^-j` lets a shift that three does not
//!   divide end at a digit boundary;
//! - `y_k = y_0 + (1 - relu) (low_k + w_b b_k) + relu b_k low_k`;
//! - masked: `sum_i u_i z_k,i = 0`, where `u_i = 8^i` for the digits that the row does not use and 0 for the others: a sum
//!   of non-negative integers below p, so that each of them is zero;
//! - linear: `out = in r^n + sum_k r^k acc_k` and `y_out = y_in r^n + sum_k r^k y_k`. The second sum claims nothing: linear
//!   forms in the results read it.
//!
//! Sound because `v_k = 2^j (acc_k - a_0)` holds modulo p with both sides below p in absolute value (accumulators are
//! bounded by 2^61), hence over the integers, and the decomposition of an integer below `2 * 8^d < p` into digits and
//! top bit is unique, so `acc_k` determines `y_k`; for the linear source `acc_k` is fixed by the absorbed packing and checked by the running sum.
//! Powers of `r` are built from `r` and `r^3` in blocks of three to keep the degree at most 8.

use plonky2::field::types::{Field, PrimeField64};

use super::algebra::Algebra;
use super::digits::{
    DIGIT_BITS, Packing, constrain_bit, constrain_packing, digit_wire, octal, packing, read_digits, recompose,
    write_digits, write_packing,
};
use crate::config::{F, FE, ROUTED, WIRES, from_field};

/// Where the accumulator comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccSource {
    /// A linear relation that the running sum checks.
    Linear,
    /// A wire.
    Local,
}

/// Gate for `slots` accumulators of `digits` octal digits and a top bit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequantGate {
    pub source: AccSource,
    pub digits: usize,
    pub slots: usize,
    /// Whether rows may use fewer digits; further constants then force the others to zero.
    pub masked: bool,
    packing: Packing,
}

/// Row constants of a [`RequantGate`].
#[derive(Clone, Debug)]
pub struct RequantConstants {
    /// Octal digits in use; fewer than the gate's only where it is masked.
    pub digits: usize,
    /// Octal digits below the binary point.
    pub shift_digits: usize,
    pub acc_offset: i64,
    /// `j` above: 0, 1 or 2.
    pub align: u32,
    pub y_offset: i64,
    pub top: bool,
    pub relu: bool,
}

impl RequantGate {
    /// The gate with as many slots as fit a row.
    pub fn new(source: AccSource, digits: usize, masked: bool) -> Self {
        let fitting = |slots: usize| {
            let gate = Self::with_slots(source, digits, masked, slots);
            gate.head() + gate.digit_count() <= WIRES && gate.first_bit() <= ROUTED && gate.degree_bound() < 8
        };
        let slots = (1..=ROUTED).take_while(|n| n * digits <= WIRES && fitting(*n)).last().unwrap_or(1);
        Self::with_slots(source, digits, masked, slots)
    }

    fn with_slots(source: AccSource, digits: usize, masked: bool, slots: usize) -> Self {
        let mut gate = Self { source, digits, slots, masked, packing: Vec::new() };
        if source == AccSource::Linear {
            // The number of packed elements shifts the digit wires: the first pass finds it, the second the wires.
            for _ in 0..2 {
                let items: Vec<(usize, u32)> = (0..slots)
                    .flat_map(|k| {
                        let digits = (0..digits).map(move |i| (k, i));
                        digits.map(|(k, i)| (Some(i), k)).chain([(None, k)])
                    })
                    .map(|(digit, k)| match digit {
                        Some(i) => (digit_wire(gate.digit(k) + i), DIGIT_BITS),
                        None => (gate.bit(k), 1),
                    })
                    .collect();
                gate.packing = packing(items);
            }
        }
        gate
    }

    /// Degree of the running sum in `r` and `r3`.
    fn degree_bound(&self) -> usize {
        match self.source {
            AccSource::Linear => (self.slots % 3).max(2) + self.slots / 3 + 1,
            AccSource::Local => 0,
        }
    }

    pub fn y(&self, slot: usize) -> usize {
        slot
    }
    pub fn x(&self, slot: usize) -> usize {
        self.slots + slot
    }
    pub fn sum_in(&self) -> usize {
        self.slots
    }
    pub fn sum_out(&self) -> usize {
        self.slots + 2
    }
    pub fn r(&self) -> usize {
        self.slots + 4
    }
    pub fn r3(&self) -> usize {
        self.slots + 6
    }
    pub fn result_in(&self) -> usize {
        self.slots + 8
    }
    pub fn result_out(&self) -> usize {
        self.slots + 10
    }
    /// Wires of the packed elements.
    pub fn packed(&self) -> std::ops::Range<usize> {
        let first = match self.source {
            AccSource::Linear => self.slots + 12,
            AccSource::Local => 2 * self.slots,
        };
        first..first + self.packing.len()
    }
    pub(super) fn first_bit(&self) -> usize {
        self.packed().end
    }
    fn bit(&self, slot: usize) -> usize {
        self.first_bit() + slot
    }
    fn digit(&self, slot: usize) -> usize {
        slot * self.digits
    }

    /// Wires before the digits.
    pub(super) fn head(&self) -> usize {
        self.first_bit() + self.slots
    }
    pub(super) fn digit_count(&self) -> usize {
        self.slots * self.digits
    }
    pub(super) fn constants(&self) -> usize {
        self.digits * if self.masked { 2 } else { 1 } + 7
    }

    /// The row's constants in order.
    pub fn constant_values(&self, c: &RequantConstants) -> Vec<F> {
        // Digits that neither count nor are forced to zero would let accumulators have several results.
        debug_assert!(self.masked || c.digits == self.digits, "{} of {} digits, unmasked", c.digits, self.digits);
        let weight = |i: usize| if i < c.shift_digits { F::ZERO } else { octal(i - c.shift_digits) };
        let mut out: Vec<F> = (0..self.digits).map(weight).collect();
        out.push(octal(c.digits - c.shift_digits));
        out.push(crate::config::to_field(c.y_offset));
        out.push(crate::config::to_field(c.acc_offset));
        out.push(F::from_bool(c.top));
        out.push(F::from_bool(c.relu));
        out.push(F::from_canonical_u64(1 << c.align).inverse());
        out.push(octal(c.digits) * F::from_canonical_u64(1 << c.align).inverse());
        if self.masked {
            out.extend((0..self.digits).map(|i| if i < c.digits { F::ZERO } else { octal(i) }));
        }
        out
    }

    pub(super) fn eval<A: Algebra>(&self, a: &mut A) {
        let d = self.digits;
        let (w_b, y_0, a_0, top, relu) =
            (a.constant(d), a.constant(d + 1), a.constant(d + 2), a.constant(d + 3), a.constant(d + 4));
        let (a_1, v_b) = (a.constant(d + 5), a.constant(d + 6));
        a.constrain_digits(self.digit_count());
        let one = a.literal(F::ONE);
        let no_top = a.sub(one, top);
        let mut accumulators = Vec::with_capacity(self.slots);
        for k in 0..self.slots {
            let first = self.digit(k);
            let mut low = a.literal(F::ZERO);
            for i in 0..d {
                let z = a.wire(digit_wire(first + i));
                let w = a.constant(i);
                low = a.mul_add(z, w, low);
            }
            let b = a.wire(self.bit(k));
            constrain_bit(a, b);
            let unused = a.mul(b, no_top);
            a.constrain(unused);
            if self.masked {
                let mut unused = a.literal(F::ZERO);
                for i in 0..d {
                    let (z, u) = (a.wire(digit_wire(first + i)), a.constant(d + 7 + i));
                    unused = a.mul_add(z, u, unused);
                }
                a.constrain(unused);
            }
            let value = recompose(a, first, d);
            let acc = a.mul_add(value, a_1, a_0);
            let acc = a.mul_add(b, v_b, acc);
            let identity = a.mul_add(b, w_b, low);
            let rectified = a.mul(b, low);
            let excess = a.sub(rectified, identity);
            let y = a.mul_add(relu, excess, identity);
            let y = a.add(y, y_0);
            let wire = a.wire(self.y(k));
            let difference = a.sub(y, wire);
            a.constrain(difference);
            accumulators.push(acc);
        }
        match self.source {
            AccSource::Local => {
                for (k, acc) in accumulators.into_iter().enumerate() {
                    let x = a.wire(self.x(k));
                    let difference = a.sub(acc, x);
                    a.constrain(difference);
                }
            }
            AccSource::Linear => {
                let results: Vec<A::V> = (0..self.slots).map(|k| a.wire(self.y(k))).collect();
                self.eval_sum(a, &accumulators, self.sum_in(), self.sum_out());
                self.eval_sum(a, &results, self.result_in(), self.result_out());
                constrain_packing(a, self.packed().start, &self.packing);
            }
        }
    }

    /// `out = in r^n + sum_k r^k values[k]`
    fn eval_sum<A: Algebra>(&self, a: &mut A, values: &[A::V], sum_in: usize, sum_out: usize) {
        let (r, r3) = (a.ext(self.r()), a.ext(self.r3()));
        let mut carried = a.ext(sum_in);
        for _ in 0..self.slots % 3 {
            carried = a.ext_mul(carried, r);
        }
        let zero = a.literal(F::ZERO);
        let blocks: Vec<&[A::V]> = values.chunks(3).collect();
        // The top block is partial when 3 does not divide the slots; the carried sum joins above it.
        let mut sum = carried;
        let mut fresh = !self.slots.is_multiple_of(3);
        for block in blocks.iter().rev() {
            let mut inner = [zero, zero];
            for value in block.iter().rev() {
                inner = a.ext_mul(inner, r);
                inner[0] = a.add(inner[0], *value);
            }
            if !std::mem::replace(&mut fresh, false) {
                sum = a.ext_mul(sum, r3);
            }
            sum = a.ext_add(sum, inner);
        }
        let out = a.ext(sum_out);
        a.ext_constrain_equal(sum, out);
    }

    /// Accumulator of a slot that stands for no element: 0 where the row can hold it, else the least it can hold.
    pub fn idle_accumulator(&self, constants: &[F]) -> i64 {
        let d = self.digits;
        let a_0 = from_field(constants[d + 2]) as i64;
        let bits = self.used_bits(constants) + u32::from(constants[d + 3] == F::ONE);
        if (0..1i128 << bits).contains(&(-(a_0 as i128) << Self::align(constants[d + 5]))) { 0 } else { a_0 }
    }

    /// Bits of the digits in use, from the weight of the top bit.
    fn used_bits(&self, constants: &[F]) -> u32 {
        let (a_1, v_b) = (constants[self.digits + 5], constants[self.digits + 6]);
        (v_b * F::from_canonical_u64(1 << Self::align(a_1))).to_canonical_u64().trailing_zeros()
    }

    /// `j` of the constant `2^-j`.
    fn align(a_1: F) -> u32 {
        (0..3).find(|j| a_1 * F::from_canonical_u64(1 << j) == F::ONE).unwrap_or(0)
    }

    /// Fills digits, results and packing from the accumulators.
    pub(super) fn commit(&self, constants: &[F], wires: &mut [F], accumulators: &[i64]) {
        let d = self.digits;
        let a_0 = from_field(constants[d + 2]);
        let relu = constants[d + 4] == F::ONE;
        let align = Self::align(constants[d + 5]);
        let idle = self.idle_accumulator(constants);
        for k in 0..self.slots {
            let acc = accumulators.get(k).copied().unwrap_or(idle);
            let value = ((acc as i128 - a_0) << align).clamp(0, u64::MAX as i128) as u64;
            let used = self.used_bits(constants);
            let b = (value >> used) & 1;
            write_digits(wires, self.digit(k), d, value & ((1 << used) - 1));
            wires[self.bit(k)] = F::from_canonical_u64(b);
            let low = (0..d).fold(F::ZERO, |sum, i| sum + wires[digit_wire(self.digit(k) + i)] * constants[i]);
            let b = F::from_canonical_u64(b);
            let result = if relu { b * low } else { low + b * constants[d] };
            wires[self.y(k)] = result + constants[d + 1];
        }
        write_packing(wires, self.packed().start, &self.packing);
    }

    /// Fills what follows from the routed inputs.
    pub(super) fn complete(&self, constants: &[F], wires: &mut [F]) {
        match self.source {
            AccSource::Local => {
                let accumulators: Vec<i64> =
                    (0..self.slots).map(|k| from_field(wires[self.x(k)]).clamp(-(1 << 62), 1 << 62) as i64).collect();
                self.commit(constants, wires, &accumulators);
            }
            AccSource::Linear => {
                let d = self.digits;
                let accumulators: Vec<F> = (0..self.slots)
                    .map(|k| {
                        F::from_noncanonical_u64(read_digits(wires, self.digit(k), d)) * constants[d + 5]
                            + wires[self.bit(k)] * constants[d + 6]
                            + constants[d + 2]
                    })
                    .collect();
                self.complete_sum(wires, &accumulators, self.sum_in(), self.sum_out());
            }
        }
    }

    /// Fills the running sum of the results.
    pub(super) fn complete_results(&self, wires: &mut [F]) {
        if self.source == AccSource::Linear {
            let results: Vec<F> = (0..self.slots).map(|k| wires[self.y(k)]).collect();
            self.complete_sum(wires, &results, self.result_in(), self.result_out());
        }
    }

    fn complete_sum(&self, wires: &mut [F], values: &[F], sum_in: usize, sum_out: usize) {
        let r = super::read_ext(wires, self.r());
        let carried = super::read_ext(wires, sum_in);
        let sum = values.iter().rev().fold(carried, |sum, value| sum * r + FE::from(*value));
        super::write_ext(wires, sum_out, sum);
    }
}
