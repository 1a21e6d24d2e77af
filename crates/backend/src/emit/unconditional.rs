//! Ranges that do not rest on the linear or the lookup argument: what holds of every assignment that satisfies the
//! constraints in which no challenge occurs, whatever a prover commits to.
//!
//! A result that is not absorbed, such as a quotient, must be the only one for all operands in these ranges. Were it
//! so for honest operands only, a prover could commit to others and choose among the results once it knows the
//! challenges.
//!
//! - Results of requantisation lie in their windows by their digits, whatever their accumulators are.
//! - Results of tables lie in as many octal digits as their rows have; that the table holds them is the lookup argument's
//!   claim.
//! - A condition that is the result of a table may be other than 0 or 1.

use num_bigint::BigInt;
use plonnx_ir::op::Requant;
use plonnx_ir::{CoreOp, Field, Graph, Interval, op_bound};

use super::classes::{Classes, Role};
use crate::gate::DIGIT_BITS;

/// Ranges by node index; those of wide values are the conditional `bounds`, since they have no cells.
pub(super) fn unconditional(graph: &Graph<Field>, bounds: &[Interval], classes: &Classes) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::with_capacity(bounds.len());
    for id in graph.ids() {
        let node = graph.node(id);
        let operand = |i: usize| out[node.inputs[i].index()].clone();
        let interval = match &node.op {
            CoreOp::Map(map) => {
                let (lo, hi) = map.range();
                match map {
                    Requant::Table { .. } => {
                        let needed = digits(&(BigInt::from(hi) - lo));
                        let served = classes.digits(Role::Lookup, needed);
                        let end = (BigInt::from(1) << (DIGIT_BITS as usize * served)) + lo;
                        Interval { lo: lo.into(), hi: end - 1 }
                    }
                    _ => Interval::new(lo, hi),
                }
            }
            _ if node.op.is_wide() => bounds[id.index()].clone(),
            CoreOp::Select => {
                // y + c (x - y)
                let (c, x, y) = (operand(0), operand(1), operand(2));
                let difference = Interval { lo: &x.lo - &y.hi, hi: &x.hi - &y.lo };
                let step = c.product(&difference);
                let any = Interval { lo: &y.lo + step.lo, hi: &y.hi + step.hi };
                if Interval::new(0, 1).includes(&c) { x.union(&y) } else { any }
            }
            _ => {
                let operands: Vec<Interval> = (0..node.inputs.len()).map(operand).collect();
                op_bound(graph, id, &operands)
            }
        };
        out.resize(id.index() + 1, Interval::point(0));
        out[id.index()] = interval;
    }
    out
}

/// Octal digits of a number, at least one.
pub(super) fn digits(widest: &BigInt) -> usize {
    widest.bits().div_ceil(u64::from(DIGIT_BITS)).max(1) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plonnx_ir::op::{Input, Table, Window};
    use plonnx_ir::{DType, Tensor, bounds};

    use super::*;
    use crate::gate::Side;

    /// Two tables of one and of five digits, and a choice by the first one's result.
    fn program() -> Graph<Field> {
        let mut graph = Graph::new();
        let window = Window::unsigned(3);
        let input = Input { shape: vec![4], dtype: DType::Real, domain: window };
        let x = graph.add("x", CoreOp::Input(input), &[]).unwrap();
        let table = |name: &str, step: i64| {
            let table = Table { name: name.into(), window, values: (0..8).map(|v| v * step / 7).collect() };
            CoreOp::Map(Requant::Table { shift: 0, table: Arc::new(table) })
        };
        let bit = graph.add("bit", table("bit", 1), &[x]).unwrap();
        let wide = graph.add("wide", table("wide", 30_000), &[x]).unwrap();
        let zero = CoreOp::Const(Tensor::full(&[4], 0), DType::Real);
        let zero = graph.add("zero", zero, &[]).unwrap();
        let condition =
            graph.add("condition", CoreOp::View(plonnx_ir::op::View::Retype { dtype: DType::Bool }), &[bit]).unwrap();
        let chosen = graph.add("chosen", CoreOp::Select, &[condition, wide, zero]).unwrap();
        graph.add_output("y", chosen);
        graph
    }

    #[test]
    fn tables_are_as_wide_as_the_rows_that_look_them_up() {
        let graph = program();
        let bounds = bounds(&graph).unwrap();
        let mut classes = Classes::default();
        let exact = unconditional(&graph, &bounds, &classes);
        assert_eq!(exact[1], Interval::new(0, 7));
        assert_eq!(exact[2], Interval::new(0, (1 << 15) - 1));
        // The condition may be up to 7.
        assert_eq!(exact[5], Interval::new(0, 7 * ((1 << 15) - 1)));
        // Rows of five digits for both tables: the results of the first one may be as large as those of the second.
        for needed in [1, 5] {
            classes.lookup(Side::Lookup, needed);
        }
        let merged = classes.merged(1 << 20);
        assert_eq!(merged.digits(Role::Lookup, 1), 5, "one class serves both");
        let merged = unconditional(&graph, &bounds, &merged);
        assert_eq!(merged[1], Interval::new(0, (1 << 15) - 1));
    }
}
