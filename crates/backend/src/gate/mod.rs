//! The gates: each file holds a wire table, the constraints (written once, over [`Algebra`]) and the assignment.
//!
//! Gates have no plonky2 generators: the witness of all rows is assigned in one pass by [`crate::witness`].

mod algebra;
mod arithmetic;
mod bilinear;
mod digits;
mod lookup;
mod order;
mod pool;
mod poseidon;
mod range;
mod reduce;
mod requant;
mod row;
mod selection;

pub(crate) use algebra::Algebra;
pub use algebra::Operations;
pub use arithmetic::{ArithmeticGate, MulAddGate};
pub use bilinear::BilinearGate;
pub(crate) use digits::{DIGIT_BITS, digit_polynomial};
pub use lookup::{LookupGate, Side};
pub use order::OrderGate;
pub use pool::PoolGate;
pub use poseidon::PoseidonRow;
pub use range::RangeGate;
pub use reduce::{COLUMNS, ProductGate, ReduceGate, StripsGate};
pub use requant::{AccSource, RequantConstants, RequantGate};
pub use row::{RowGate, Track};
pub use selection::BitsGate;

use plonky2::field::extension::quadratic::QuadraticExtension;

use crate::config::{F, FE, WIRES};

/// Extension element at a pair of wires.
pub(crate) fn read_ext(wires: &[F], index: usize) -> FE {
    QuadraticExtension([wires[index], wires[index + 1]])
}

/// Writes an extension element to a pair of wires.
pub(crate) fn write_ext(wires: &mut [F], index: usize, value: FE) {
    wires[index..index + 2].copy_from_slice(&value.0);
}

/// The gates of plonnx.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Requant(RequantGate),
    Order(OrderGate),
    Range(RangeGate),
    MulAdd,
    Arithmetic,
    Reduce,
    Product,
    Strips,
    Bilinear(BilinearGate),
    Lookup(LookupGate),
    Bits,
    Poseidon,
}

impl Kind {
    pub(crate) fn eval<A: Algebra>(&self, a: &mut A) {
        match self {
            Kind::Requant(g) => g.eval(a),
            Kind::Order(g) => g.eval(a),
            Kind::Range(g) => g.eval(a),
            Kind::MulAdd => MulAddGate::eval(a),
            Kind::Arithmetic => ArithmeticGate::eval(a),
            Kind::Reduce => ReduceGate::eval(a),
            Kind::Product => ProductGate::eval(a),
            Kind::Strips => StripsGate::eval(a),
            Kind::Bilinear(g) => g.eval(a),
            Kind::Lookup(g) => g.eval(a),
            Kind::Bits => BitsGate::eval(a),
            Kind::Poseidon => PoseidonRow::eval(a),
        }
    }

    /// Tag and parameters, for identifiers and serialisation. Tags are never reused.
    pub(crate) fn parameters(&self) -> [usize; 4] {
        match self {
            Kind::Requant(g) => [1, usize::from(g.source == AccSource::Local), g.digits, usize::from(g.masked)],
            Kind::Order(g) => [2, g.digits, 0, 0],
            Kind::Range(g) => [3, g.digits, 0, 0],
            Kind::MulAdd => [4, 0, 0, 0],
            Kind::Arithmetic => [5, 0, 0, 0],
            Kind::Reduce => [6, 0, 0, 0],
            Kind::Product => [7, 0, 0, 0],
            Kind::Bilinear(g) => [8, g.left, g.right, usize::from(g.wide)],
            Kind::Lookup(g) => [9, usize::from(g.side == Side::Table), g.digits, 0],
            Kind::Bits => [10, 0, 0, 0],
            Kind::Strips => [12, 0, 0, 0],
            Kind::Poseidon => [13, 0, 0, 0],
        }
    }

    /// The kind with these parameters; `None` for parameters that no row of [`crate::config::WIRES`] wires can have.
    fn from_parameters(p: [usize; 4]) -> Option<Self> {
        Self::of_parameters(p).filter(|kind| kind.head() + kind.digit_count() <= WIRES)
    }

    fn of_parameters(p: [usize; 4]) -> Option<Self> {
        let flag = |v: usize| (v < 2).then_some(v == 1);
        let digits = |v: usize| (1..=20).contains(&v).then_some(v);
        Some(match p {
            [1, local, d, masked] => {
                let source = if flag(local)? { AccSource::Local } else { AccSource::Linear };
                // A window of two elements takes a top bit alone.
                let digits = if d == 0 { d } else { digits(d)? };
                Kind::Requant(RequantGate::new(source, digits, flag(masked)?))
            }
            [2, d, 0, 0] => Kind::Order(OrderGate::new(digits(d)?)),
            [3, d, 0, 0] => Kind::Range(RangeGate::new(digits(d)?)),
            [4, 0, 0, 0] => Kind::MulAdd,
            [5, 0, 0, 0] => Kind::Arithmetic,
            [6, 0, 0, 0] => Kind::Reduce,
            [7, 0, 0, 0] => Kind::Product,
            [8, left, right, wide] if (1..=40).contains(&left) && (1..=64).contains(&right) => {
                Kind::Bilinear(BilinearGate { left, right, wide: flag(wide)? })
            }
            [9, table, d, 0] => {
                let side = if flag(table)? { Side::Table } else { Side::Lookup };
                Kind::Lookup(LookupGate::new(side, digits(d)?))
            }
            [10, 0, 0, 0] => Kind::Bits,
            [12, 0, 0, 0] => Kind::Strips,
            [13, 0, 0, 0] => Kind::Poseidon,
            _ => return None,
        })
    }

    /// Number of constants of a row.
    pub fn constants(&self) -> usize {
        match self {
            Kind::Requant(g) => g.constants(),
            Kind::Order(g) => g.constants(),
            Kind::Range(g) => g.constants(),
            Kind::MulAdd | Kind::Reduce | Kind::Product | Kind::Strips | Kind::Poseidon => 0,
            Kind::Arithmetic => 3,
            Kind::Bilinear(g) => g.constants(),
            Kind::Lookup(g) => g.constants(),
            Kind::Bits => 1,
        }
    }

    /// Wires at the beginning of a row, before those that no constraint mentions and the digits.
    pub fn head(&self) -> usize {
        match self {
            Kind::Requant(g) => g.head(),
            Kind::Order(g) => g.head(),
            Kind::Range(g) => g.head(),
            Kind::MulAdd => 8 * MulAddGate::SLOTS,
            Kind::Arithmetic => 4 * ArithmeticGate::SLOTS,
            Kind::Reduce => ReduceGate::wires(),
            Kind::Product => ProductGate::wires(),
            Kind::Strips => StripsGate::wires(),
            Kind::Bilinear(g) => g.wires(),
            Kind::Lookup(g) => g.head(),
            Kind::Bits => BitsGate::WIRES,
            Kind::Poseidon => PoseidonRow::WIRES,
        }
    }

    /// Wires at the beginning of a row that copy constraints may name.
    pub fn routed(&self) -> usize {
        match self {
            Kind::Requant(g) => g.first_bit(),
            Kind::Lookup(g) => g.packed().end,
            Kind::Poseidon => PoseidonRow::ROUTED,
            _ => self.head(),
        }
    }

    /// Digits at the end of a row; their ranges are the first constraints.
    pub fn digit_count(&self) -> usize {
        match self {
            Kind::Requant(g) => g.digit_count(),
            Kind::Order(g) => g.digit_count(),
            Kind::Range(g) => g.digit_count(),
            Kind::Lookup(g) => g.digit_count(),
            _ => 0,
        }
    }

    /// Wires that the constraints mention.
    pub fn used_wires(&self) -> impl Iterator<Item = usize> {
        (0..self.head()).chain(WIRES - self.digit_count()..WIRES)
    }

    /// Number of wires of a row.
    pub fn wires(&self) -> usize {
        if self.digit_count() > 0 { WIRES } else { self.head() }
    }

    /// Name in statistics and in the checker's messages.
    pub fn name(&self) -> String {
        match self {
            Kind::Requant(g) if g.source == AccSource::Local => format!("requant-local/{}", g.digits),
            Kind::Requant(g) => format!("requant/{}{}", g.digits, if g.masked { "m" } else { "" }),
            Kind::Order(g) => format!("order/{}", g.digits),
            Kind::Range(g) => format!("range/{}", g.digits),
            Kind::MulAdd => "mul-add".into(),
            Kind::Arithmetic => "arithmetic".into(),
            Kind::Reduce => "reduce".into(),
            Kind::Product => "product".into(),
            Kind::Strips => "strips".into(),
            Kind::Bilinear(g) => format!("bilinear/{}x{}{}", g.left, g.right, if g.wide { "e" } else { "" }),
            Kind::Lookup(g) if g.side == Side::Table => format!("table/{}", g.digits),
            Kind::Lookup(g) => format!("lookup/{}", g.digits),
            Kind::Bits => "bits".into(),
            Kind::Poseidon => "poseidon".into(),
        }
    }

    /// First phase: fills wires from values that the integer evaluation gives.
    pub(crate) fn commit(&self, constants: &[F], wires: &mut [F], hints: &[i64]) {
        match self {
            Kind::Requant(g) => g.commit(constants, wires, hints),
            Kind::Lookup(g) => g.commit(constants, wires, hints),
            _ => {}
        }
    }

    /// Fills all wires that follow from the routed inputs; `used` slots are in use.
    pub(crate) fn complete(&self, constants: &[F], wires: &mut [F], used: usize) {
        match self {
            Kind::Requant(g) => g.complete(constants, wires),
            Kind::Order(g) => g.idle(constants, wires, used),
            Kind::Range(g) => g.complete(constants, wires, used),
            Kind::Arithmetic => ArithmeticGate::idle(constants, wires, used),
            Kind::Reduce => ReduceGate::complete(wires),
            Kind::Product => ProductGate::complete(wires),
            Kind::Strips => StripsGate::complete(wires),
            Kind::Bilinear(g) => g.complete(constants, wires),
            Kind::Lookup(g) => g.complete(constants, wires),
            Kind::Bits => BitsGate::complete(constants, wires),
            Kind::Poseidon => PoseidonRow::complete(wires),
            Kind::MulAdd => {}
        }
    }

    /// Fills the running sum of a requantisation's results.
    pub(crate) fn complete_results(&self, wires: &mut [F]) {
        if let Kind::Requant(g) = self {
            g.complete_results(wires);
        }
    }

    /// Fills the result of one slot of a gate whose slots are independent.
    pub(crate) fn complete_slot(&self, constants: &[F], wires: &mut [F], slot: usize) {
        match self {
            Kind::MulAdd => MulAddGate::complete_slot(wires, slot),
            Kind::Arithmetic => ArithmeticGate::complete_slot(constants, wires, slot),
            Kind::Order(g) => g.complete_slot(constants, wires, slot),
            Kind::Strips => StripsGate::complete_slot(wires, slot),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
