//! Ranges that matter: calibrated ones, without what masks put far below every softmax row.
//!
//! A mask adds a number like -1e9 to what a softmax ignores. Kept as it is, that number would take all bits of the sum.
//! Where only softmaxes see a value, everything below the *floor* gives exp 0 at any sensible precision, and constants
//! are raised to the floor.

use plonnx_ir::op::{Reducer, View};
use plonnx_ir::{CoreOp, Float, Graph, NodeId};

use crate::error::QuantError;
use crate::quantise::alike;
use crate::range::Range;
use crate::structure::{Structure, peak_difference};

/// `exp(-NEGLIGIBLE)` is below the resolution of any softmax result.
const NEGLIGIBLE: f64 = 17.0;

/// Floors and effective ranges of all nodes, by index.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) ranges: Vec<Range>,
    /// Values below need not be told from the floor.
    pub(crate) floors: Vec<Option<f64>>,
}

impl Effective {
    pub(crate) fn of(
        graph: &Graph<Float>,
        structure: &Structure,
        calibrated: &[Range],
        headroom: f64,
    ) -> Result<Self, QuantError> {
        let mut this = Self { ranges: calibrated.to_vec(), floors: vec![None; graph.len()] };
        for id in graph.ids().rev().filter(|id| structure.is_live(*id)) {
            this.floors[id.index()] = this.floor(graph, structure, id, headroom);
        }
        for id in graph.ids().filter(|id| structure.is_live(*id)) {
            let range = this.effective(graph, structure, id);
            if !range.is_finite() {
                let node = graph.node(id);
                return Err(QuantError::Undefined {
                    node: node.name.clone(),
                    op: node.op.name(),
                    lo: range.min,
                    hi: range.max,
                });
            }
            this.ranges[id.index()] = range;
        }
        alike::join(graph, structure, &mut this.ranges);
        Ok(this)
    }

    /// Floor of a node that only softmaxes see; its users already have theirs.
    fn floor(&self, graph: &Graph<Float>, structure: &Structure, id: NodeId, headroom: f64) -> Option<f64> {
        if !structure.sees_only_softmax(id) || peak_difference(graph, id).is_some() {
            return None;
        }
        let mut floor = f64::INFINITY;
        for user in graph.consumers(id).into_iter().filter(|c| structure.is_live(*c)) {
            let node = graph.node(user);
            let here = match &node.op {
                CoreOp::Reduce(r) if r.reducer == Reducer::Max => {
                    let rows = self.ranges[user.index()];
                    rows.min - (headroom - 1.0) * rows.absmax() - NEGLIGIBLE
                }
                CoreOp::Sum(_) if peak_difference(graph, user).is_some() => continue,
                CoreOp::Sum(sum) => {
                    let others: f64 = node
                        .inputs
                        .iter()
                        .zip(&sum.coefficients)
                        .filter(|(i, _)| **i != id)
                        .map(|(i, c)| self.ranges[i.index()].scaled(*c).max)
                        .sum();
                    let own: f64 =
                        node.inputs.iter().zip(&sum.coefficients).filter(|(i, _)| **i == id).map(|p| p.1).sum();
                    (self.floors[user.index()]? - others * headroom) / own
                }
                _ => self.floors[user.index()]?,
            };
            floor = floor.min(here);
        }
        floor.is_finite().then_some(floor)
    }

    fn effective(&self, graph: &Graph<Float>, structure: &Structure, id: NodeId) -> Range {
        let calibrated = self.ranges[id.index()];
        let node = graph.node(id);
        let operand = |i: &NodeId| self.ranges[i.index()];
        if let Some((x, _)) = peak_difference(graph, id)
            && structure.sees_only_softmax(id)
        {
            let x = operand(&x);
            return Range { min: calibrated.min.max(x.min - x.max), max: calibrated.max.min(0.0) };
        }
        let Some(floor) = self.floors[id.index()] else { return calibrated };
        let raised = match &node.op {
            CoreOp::Const(..) => return raise(calibrated, floor),
            CoreOp::Select => node.inputs[1..].iter().map(operand).reduce(Range::join),
            CoreOp::View(View::Pad { .. }) => return calibrated,
            CoreOp::View(_) => node.inputs.iter().map(operand).reduce(Range::join),
            CoreOp::Sum(sum) => {
                node.inputs.iter().map(operand).zip(&sum.coefficients).map(|(r, c)| r.scaled(*c)).reduce(Range::plus)
            }
            _ => return calibrated,
        };
        raised.map_or(calibrated, |r| {
            let min = calibrated.min.max(r.min);
            Range { min, max: calibrated.max.max(min) }
        })
    }
}

/// The range after `max(x, floor)`.
fn raise(range: Range, floor: f64) -> Range {
    Range { min: range.min.max(floor), max: range.max.max(floor) }
}
