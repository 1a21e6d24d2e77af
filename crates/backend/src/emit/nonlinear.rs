//! Operators on narrow values whose results their operands determine: nothing here is absorbed.

use num_bigint::BigInt;
use plonky2::field::types::Field as _;
use plonnx_ir::NodeId;
use plonnx_ir::op::{Arg, Compare, Extremum, OneHot, Quotient, Reduce, Reducer};

use super::Emitter;
use crate::argument::linear::indices;
use crate::assembler::{Assembler, Cell};
use crate::config::{F, to_field};
use crate::error::BackendError;
use crate::gate::{BitsGate, Kind};
use crate::witness::{Hint, Phase};

/// Positions of a tensor of `shape` that are joined along `axes`, per element of the result.
fn fibres(shape: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
    let strides: Vec<usize> = (0..shape.len()).map(|a| shape[a + 1..].iter().product()).collect();
    let positions = |which: &[usize]| -> Vec<usize> {
        let extents: Vec<usize> = which.iter().map(|a| shape[*a]).collect();
        indices(&extents).map(|i| i.iter().zip(which).map(|(i, a)| i * strides[*a]).sum()).collect()
    };
    let along = positions(axes);
    positions(&kept).into_iter().map(|base| along.iter().map(|o| base + o).collect()).collect()
}

impl Emitter<'_, '_> {
    pub(super) fn extremum(
        &mut self,
        id: NodeId,
        extremum: Extremum,
        x: NodeId,
        y: NodeId,
    ) -> Result<Vec<Cell>, BackendError> {
        let digits = self.order_digits(id, x, y)?;
        let (xs, ys) = (self.narrow(x)?, self.narrow(y)?);
        let max = extremum == Extremum::Max;
        Ok(xs.into_iter().zip(ys).map(|(x, y)| self.order(digits, max, x, y).0).collect())
    }

    pub(super) fn compare(
        &mut self,
        id: NodeId,
        compare: Compare,
        x: NodeId,
        y: NodeId,
    ) -> Result<Vec<Cell>, BackendError> {
        let digits = self.order_digits(id, x, y)?;
        let (xs, ys) = (self.narrow(x)?, self.narrow(y)?);
        let mut out = Vec::with_capacity(xs.len());
        for (x, y) in xs.into_iter().zip(ys) {
            let at_least = |this: &mut Self, x, y| this.order(digits, true, x, y).1;
            out.push(match compare {
                Compare::LessEqual => at_least(self, y, x),
                Compare::Less => {
                    let b = at_least(self, x, y);
                    self.asm.sub(Cell::ONE, b)
                }
                Compare::Equal => {
                    let (a, b) = (at_least(self, x, y), at_least(self, y, x));
                    self.asm.arithmetic([F::ONE, F::ZERO, F::ZERO], a, b, Cell::ZERO)
                }
            });
        }
        Ok(out)
    }

    /// `y + c (x - y)`; `c` is 0 or 1 by its own constraints.
    pub(super) fn select(&mut self, inputs: &[NodeId]) -> Result<Vec<Cell>, BackendError> {
        let (cs, xs, ys) = (self.narrow(inputs[0])?, self.narrow(inputs[1])?, self.narrow(inputs[2])?);
        let mut out = Vec::with_capacity(cs.len());
        for ((c, x), y) in cs.into_iter().zip(xs).zip(ys) {
            out.push(self.choose(c, x, y));
        }
        Ok(out)
    }

    fn choose(&mut self, c: Cell, x: Cell, y: Cell) -> Cell {
        let difference = self.asm.sub(x, y);
        self.asm.arithmetic([F::ONE, F::ONE, F::ZERO], c, difference, y)
    }

    /// Maximum or minimum along axes, as a tree of pairs.
    pub(super) fn reduce(&mut self, id: NodeId, reduce: &Reduce, x: NodeId) -> Result<Vec<Cell>, BackendError> {
        let digits = self.order_digits(id, x, x)?;
        let cells = self.narrow(x)?;
        let max = reduce.reducer == Reducer::Max;
        let mut out = Vec::new();
        for fibre in fibres(self.graph.shape(x), &reduce.axes) {
            let mut level: Vec<Cell> = fibre.into_iter().map(|i| cells[i]).collect();
            while level.len() > 1 {
                level = level
                    .chunks(2)
                    .map(|pair| match pair {
                        [x, y] => self.order(digits, max, *x, *y).0,
                        _ => pair[0],
                    })
                    .collect();
            }
            out.extend(level);
        }
        Ok(out)
    }

    /// Index of the extremum: a chain that keeps the better of the best so far and the next element.
    pub(super) fn arg(&mut self, id: NodeId, arg: Arg, x: NodeId) -> Result<Vec<Cell>, BackendError> {
        let digits = self.order_digits(id, x, x)?;
        let cells = self.narrow(x)?;
        let max = arg.extremum == Extremum::Max;
        let mut out = Vec::new();
        for fibre in fibres(self.graph.shape(x), &[arg.axis]) {
            let mut best = cells[fibre[0]];
            let mut index = Cell::ZERO;
            for (i, position) in fibre.iter().enumerate().skip(1) {
                let next = cells[*position];
                let here = Cell::Constant(i as u64);
                // One comparison settles ties too: the earlier element stays when equal, unless `last`.
                let (a, b) = if max == arg.last { (next, best) } else { (best, next) };
                let (_, wins) = self.order(digits, true, a, b);
                (best, index) = if arg.last {
                    (self.choose(wins, next, best), self.choose(wins, here, index))
                } else {
                    (self.choose(wins, best, next), self.choose(wins, index, here))
                };
            }
            out.push(index);
        }
        Ok(out)
    }

    /// Bits that sum to 1 and whose index sum is the index: exactly one unit vector satisfies this.
    pub(super) fn one_hot(&mut self, id: NodeId, one_hot: OneHot, x: NodeId) -> Result<Vec<Cell>, BackendError> {
        let mut out = Vec::new();
        for (i, index) in self.narrow(x)?.into_iter().enumerate() {
            let (mut count, mut sum) = (Cell::ZERO, Cell::ZERO);
            for start in (0..one_hot.depth).step_by(BitsGate::SLOTS) {
                let row = self.asm.row(&Kind::Bits, || vec![F::from_canonical_usize(start)]);
                let used = BitsGate::SLOTS.min(one_hot.depth - start);
                for k in 0..BitsGate::SLOTS {
                    if k < used {
                        let element = i * one_hot.depth + start + k;
                        out.push(self.asm.feed_value(row, BitsGate::bit(k), id.index(), element));
                    } else {
                        self.asm.feed(row, BitsGate::bit(k), Cell::ZERO);
                    }
                }
                self.asm.feed(row, BitsGate::COUNT_IN, count);
                self.asm.feed(row, BitsGate::INDEX_IN, sum);
                self.asm.step(row, Phase::Complete, Hint::None);
                count = Assembler::wire(row, BitsGate::COUNT_OUT);
                sum = Assembler::wire(row, BitsGate::INDEX_OUT);
            }
            self.asm.equate(count, Cell::ONE);
            self.asm.equate(sum, index);
        }
        Ok(out)
    }

    /// `q (2 y) + rest = x 2^(shift + 1) + y` with `0 <= rest < 2 y` and `q` in the window.
    pub(super) fn div(
        &mut self,
        id: NodeId,
        quotient: Quotient,
        x: NodeId,
        y: NodeId,
    ) -> Result<Vec<Cell>, BackendError> {
        let window = quotient.window;
        // The quotient is not absorbed, so it must be unique for whatever operands a prover can commit to, not only for
        // those that the linear and lookup arguments let pass: hence the unconditional ranges.
        let (bx, by) = (&self.unconditional[x.index()], self.unconditional[y.index()].clone());
        let numerator = (bx.hi.clone().max(-bx.lo.clone()) << (quotient.shift + 1)) + by.magnitude();
        let q_bits = BigInt::from(window.hi()).bits().max(BigInt::from(window.lo).bits()) + 1;
        if numerator.bits() > 60 || q_bits + by.magnitude().bits() + 1 > 60 {
            return Err(self.unsupported(id, "the quotient needs more than 60 bits; narrow the range of its operands"));
        }
        let divisor_digits = self.digits_for(id, by.magnitude() * 2)?;
        let q_digits = (window.bits as usize).div_ceil(3).max(1);
        let scale = F::from_canonical_u64(1 << (quotient.shift + 1));
        let (xs, ys) = (self.narrow(x)?, self.narrow(y)?);
        let mut out = Vec::with_capacity(xs.len());
        for (i, (x, y)) in xs.into_iter().zip(ys).enumerate() {
            let q = self.asm.witness(id.index(), i);
            self.at_least(q_digits, q, Cell::constant(to_field(window.lo)));
            self.at_least(q_digits, Cell::constant(to_field(window.hi())), q);
            let numerator = self.asm.arithmetic([scale, F::ONE, F::ZERO], x, Cell::ONE, y);
            let rest = self.asm.arithmetic([-F::TWO, F::ONE, F::ZERO], q, y, numerator);
            self.at_least(divisor_digits, rest, Cell::ZERO);
            let largest = self.asm.arithmetic([F::ZERO, F::TWO, -F::ONE], Cell::ZERO, Cell::ZERO, y);
            self.at_least(divisor_digits, largest, rest);
            out.push(q);
        }
        Ok(out)
    }
}
