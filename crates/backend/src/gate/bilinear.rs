//! Bilinear forms in public weights.
//!
//! `out = in + sum_a x_a sum_b c_ab y_b` with the weights `c_ab` in the row's constants. `x_a`, `in`, `out` are routed
//! pairs in the extension field; `y_b` are pairs too, or single wires ([`BilinearGate::wide`] false). Constant columns
//! are neither transformed nor hashed when proving, so a row of 256 or 512 weights costs no more than any other row.
//! `out` is a function of the other wires.

use plonky2::field::extension::FieldExtension;
use plonky2::field::types::Field;

use super::algebra::Algebra;
use super::{read_ext, write_ext};
use crate::config::{D, F, FE};

/// Gate for a tile of `left` x `right` weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BilinearGate {
    pub left: usize,
    pub right: usize,
    /// Whether the right operands are extension elements.
    pub wide: bool,
}

impl BilinearGate {
    /// Rows of the tiles that forms use.
    pub const LEFT: usize = 16;

    pub fn x(&self, a: usize) -> usize {
        2 * a
    }
    pub fn y(&self, b: usize) -> usize {
        2 * self.left + if self.wide { 2 * b } else { b }
    }
    pub fn sum_in(&self) -> usize {
        self.y(self.right)
    }
    pub fn sum_out(&self) -> usize {
        self.sum_in() + 2
    }
    /// Constant of the weight at (`a`, `b`).
    pub fn weight(&self, a: usize, b: usize) -> usize {
        a * self.right + b
    }
    pub(super) fn wires(&self) -> usize {
        self.sum_in() + 4
    }
    pub(super) fn constants(&self) -> usize {
        self.left * self.right
    }

    pub(super) fn eval<A: Algebra>(&self, a: &mut A) {
        let mut sum = a.ext(self.sum_in());
        for i in 0..self.left {
            let x = a.ext(self.x(i));
            let term = if self.wide {
                let mut inner = a.ext_zero();
                for j in 0..self.right {
                    let y = a.ext(self.y(j));
                    let c = a.constant(self.weight(i, j));
                    let scaled = a.ext_scale(y, c);
                    inner = a.ext_add(inner, scaled);
                }
                a.ext_mul(x, inner)
            } else {
                let mut inner = a.literal(F::ZERO);
                for j in 0..self.right {
                    let y = a.wire(self.y(j));
                    let c = a.constant(self.weight(i, j));
                    inner = a.mul_add(y, c, inner);
                }
                a.ext_scale(x, inner)
            };
            sum = a.ext_add(sum, term);
        }
        let out = a.ext(self.sum_out());
        a.ext_constrain_equal(sum, out);
    }

    pub(super) fn complete(&self, constants: &[F], wires: &mut [F]) {
        let mut sum = read_ext(wires, self.sum_in());
        for i in 0..self.left {
            let mut inner = FE::ZERO;
            for j in 0..self.right {
                let c = constants[self.weight(i, j)];
                let y: FE = if self.wide { read_ext(wires, self.y(j)) } else { wires[self.y(j)].into() };
                inner += FieldExtension::<D>::scalar_mul(&y, c);
            }
            sum += read_ext(wires, self.x(i)) * inner;
        }
        write_ext(wires, self.sum_out(), sum);
    }
}
