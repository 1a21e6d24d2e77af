//! Inner products of cells with powers of a challenge.
//!
//! [`ReduceGate`]: `out = shift in + sum_i h_i sum_j l_j v_ij` over 6 x 8 base-field wires `v_ij`.
//! [`ProductGate`]: `out = shift in + sum_i h_i sum_j l_j x_ij y_ij` over 3 x 8 pairs.
//! [`StripsGate`]: `out_i = sum_j l_j v_ij` over 6 x 8 base-field wires, for inner products too short to fill a row.
//!
//! `h_0 = 1`; `h_i`, `l_j`, `shift`, `in`, `out` are routed pairs in the extension field. All wires are routed, and
//! `out` is a function of the others.

use plonky2::field::extension::FieldExtension;
use plonky2::field::types::Field;

use super::algebra::Algebra;
use super::{read_ext, write_ext};
use crate::config::{D, F, FE};

/// Columns of the tile: powers of the inner step.
pub const COLUMNS: usize = 8;

/// Inner product of a tile of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReduceGate;

/// Inner product of a tile of products of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProductGate;

/// Six inner products with the same factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StripsGate;

macro_rules! layout {
    ($gate:ident, $rows:literal, $operands:literal) => {
        impl $gate {
            /// Rows of the tile.
            pub const ROWS: usize = $rows;
            const CELLS: usize = $rows * COLUMNS;
            /// Wire of operand `operand` (0-based) in the tile.
            pub fn cell(operand: usize, row: usize, column: usize) -> usize {
                operand * Self::CELLS + row * COLUMNS + column
            }
            pub fn low(column: usize) -> usize {
                $operands * Self::CELLS + 2 * column
            }
            /// Factor of a tile row from 1 on; the factor of row 0 is 1.
            pub fn high(row: usize) -> usize {
                Self::low(COLUMNS) + 2 * (row - 1)
            }
            pub fn sum_in() -> usize {
                Self::high($rows)
            }
            pub fn shift() -> usize {
                Self::sum_in() + 2
            }
            pub fn sum_out() -> usize {
                Self::sum_in() + 4
            }
            pub(super) fn wires() -> usize {
                Self::sum_in() + 6
            }

            pub(super) fn eval<A: Algebra>(a: &mut A) {
                let (sum_in, shift) = (a.ext(Self::sum_in()), a.ext(Self::shift()));
                let mut sum = a.ext_mul(sum_in, shift);
                for i in 0..Self::ROWS {
                    let mut inner = a.ext_zero();
                    for j in 0..COLUMNS {
                        let low = a.ext(Self::low(j));
                        let mut value = a.wire(Self::cell(0, i, j));
                        if $operands == 2 {
                            let other = a.wire(Self::cell(1, i, j));
                            value = a.mul(value, other);
                        }
                        let term = a.ext_scale(low, value);
                        inner = a.ext_add(inner, term);
                    }
                    if i > 0 {
                        let high = a.ext(Self::high(i));
                        inner = a.ext_mul(inner, high);
                    }
                    sum = a.ext_add(sum, inner);
                }
                let out = a.ext(Self::sum_out());
                a.ext_constrain_equal(sum, out);
            }

            pub(super) fn complete(wires: &mut [F]) {
                let mut sum = read_ext(wires, Self::sum_in()) * read_ext(wires, Self::shift());
                for i in 0..Self::ROWS {
                    let mut inner = FE::ZERO;
                    for j in 0..COLUMNS {
                        let mut value = wires[Self::cell(0, i, j)];
                        if $operands == 2 {
                            value *= wires[Self::cell(1, i, j)];
                        }
                        let low = read_ext(wires, Self::low(j));
                        inner += FieldExtension::<D>::scalar_mul(&low, value);
                    }
                    sum += if i == 0 { inner } else { inner * read_ext(wires, Self::high(i)) };
                }
                write_ext(wires, Self::sum_out(), sum);
            }
        }
    };
}

layout!(ReduceGate, 6, 1);
layout!(ProductGate, 3, 2);

impl StripsGate {
    /// Inner products of a row.
    pub const ROWS: usize = 6;
    const CELLS: usize = Self::ROWS * COLUMNS;

    pub fn cell(row: usize, column: usize) -> usize {
        row * COLUMNS + column
    }
    pub fn low(column: usize) -> usize {
        Self::CELLS + 2 * column
    }
    pub fn out(row: usize) -> usize {
        Self::low(COLUMNS) + 2 * row
    }
    pub(super) fn wires() -> usize {
        Self::out(Self::ROWS)
    }

    pub(super) fn eval<A: Algebra>(a: &mut A) {
        for i in 0..Self::ROWS {
            let mut sum = a.ext_zero();
            for j in 0..COLUMNS {
                let (low, value) = (a.ext(Self::low(j)), a.wire(Self::cell(i, j)));
                let term = a.ext_scale(low, value);
                sum = a.ext_add(sum, term);
            }
            let out = a.ext(Self::out(i));
            a.ext_constrain_equal(sum, out);
        }
    }

    pub(super) fn complete(wires: &mut [F]) {
        for i in 0..Self::ROWS {
            Self::complete_slot(wires, i);
        }
    }

    pub(super) fn complete_slot(wires: &mut [F], i: usize) {
        let terms = (0..COLUMNS)
            .map(|j| FieldExtension::<D>::scalar_mul(&read_ext(wires, Self::low(j)), wires[Self::cell(i, j)]));
        let sum: FE = terms.sum();
        write_ext(wires, Self::out(i), sum);
    }
}
