//! Multiply-add, in the extension field and in the base field.
//!
//! [`MulAddGate`]: ten operations `out = a b + c` on routed pairs of wires.
//! [`ArithmeticGate`]: twenty operations `out = c_0 a b + c_1 c + c_2` on routed wires, with the row's constants.
//! Every output is a function of the routed inputs.

use plonky2::field::types::Field;

use super::algebra::Algebra;
use super::{read_ext, write_ext};
use crate::config::F;

/// Ten extension-field operations `out = a b + c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MulAddGate;

impl MulAddGate {
    pub const SLOTS: usize = 10;
    pub fn a(slot: usize) -> usize {
        8 * slot
    }
    pub fn b(slot: usize) -> usize {
        8 * slot + 2
    }
    pub fn c(slot: usize) -> usize {
        8 * slot + 4
    }
    pub fn out(slot: usize) -> usize {
        8 * slot + 6
    }

    pub(super) fn eval<A: Algebra>(a: &mut A) {
        for k in 0..Self::SLOTS {
            let (x, y, z) = (a.ext(Self::a(k)), a.ext(Self::b(k)), a.ext(Self::c(k)));
            let product = a.ext_mul(x, y);
            let sum = a.ext_add(product, z);
            let out = a.ext(Self::out(k));
            a.ext_constrain_equal(sum, out);
        }
    }

    pub(super) fn complete_slot(wires: &mut [F], k: usize) {
        let out = read_ext(wires, Self::a(k)) * read_ext(wires, Self::b(k)) + read_ext(wires, Self::c(k));
        write_ext(wires, Self::out(k), out);
    }
}

/// Twenty base-field operations `out = c_0 a b + c_1 c + c_2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArithmeticGate;

impl ArithmeticGate {
    pub const SLOTS: usize = 20;
    pub fn a(slot: usize) -> usize {
        4 * slot
    }
    pub fn b(slot: usize) -> usize {
        4 * slot + 1
    }
    pub fn c(slot: usize) -> usize {
        4 * slot + 2
    }
    pub fn out(slot: usize) -> usize {
        4 * slot + 3
    }

    pub(super) fn eval<A: Algebra>(a: &mut A) {
        let (c_0, c_1, c_2) = (a.constant(0), a.constant(1), a.constant(2));
        for k in 0..Self::SLOTS {
            let (x, y, z) = (a.wire(Self::a(k)), a.wire(Self::b(k)), a.wire(Self::c(k)));
            let product = a.mul(x, y);
            let sum = a.mul_add(product, c_0, c_2);
            let sum = a.mul_add(z, c_1, sum);
            let out = a.wire(Self::out(k));
            let difference = a.sub(sum, out);
            a.constrain(difference);
        }
    }

    pub(super) fn complete_slot(constants: &[F], wires: &mut [F], k: usize) {
        wires[Self::out(k)] =
            constants[0] * wires[Self::a(k)] * wires[Self::b(k)] + constants[1] * wires[Self::c(k)] + constants[2];
    }

    pub(super) fn idle(constants: &[F], wires: &mut [F], used: usize) {
        for k in used..Self::SLOTS {
            Self::complete_slot(constants, wires, k);
        }
    }

    /// The row's constants in order.
    pub fn constant_values(product: F, addend: F, offset: F) -> Vec<F> {
        vec![product, addend, offset]
    }

    /// Constants of a row of additions `c + offset`.
    pub fn is_linear(constants: &[F]) -> bool {
        constants[0] == F::ZERO
    }
}
