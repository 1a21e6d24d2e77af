//! Target scale of every node: the one it has when it is rounded.
//!
//! Operators that compare or mix elements need operands of one scale. Their operands share a target where the ranges
//! are close enough, so that nothing has to be rounded twice.

use plonnx_ir::op::{Reducer, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId};

use crate::config::Config;
use crate::quantise::effective::Effective;
use crate::quantise::table::{is_tabled, operand_scale};
use crate::scale;
use crate::structure::{Structure, peak_difference};

/// Sharing a target costs the finer operand at most this many bits, unless nothing else uses it.
const MAX_LOSS: i32 = 2;

/// Most bits beyond those of an activation.
const STEEP: u32 = 10;

/// Target exponents, by node index.
#[derive(Debug)]
pub(crate) struct Targets {
    exponents: Vec<i32>,
    shared: Vec<bool>,
}

impl Targets {
    pub(crate) fn of(graph: &Graph<Float>, structure: &Structure, effective: &Effective, config: &Config) -> Self {
        let mut own = vec![0; graph.len()];
        for id in graph.ids() {
            let node = graph.node(id);
            if node.fact.dtype != DType::Real {
                continue;
            }
            let bits = config.activation_bits + guard_bits(graph, id, config);
            let absmax = effective.ranges[id.index()].absmax() * config.headroom;
            let usual = scale::exponent(absmax, bits as i32 - 1);
            let finest = scale::exponent(absmax, (config.activation_bits + STEEP) as i32 - 1);
            let wanted = tabled_scale(graph, id, effective, config).unwrap_or(usual);
            own[id.index()] = usual.max(wanted.min(finest));
        }
        let mut classes = Classes { parent: (0..graph.len()).collect(), exponents: own };
        for id in graph.ids().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            for operand in mixed_operands(graph, id) {
                let real = graph.node(operand).fact.dtype == DType::Real && graph.node(id).fact.dtype != DType::Int;
                if real && !structure.is_constant(operand) {
                    classes.join(operand, id, structure.uses(operand) == 1);
                }
            }
        }
        let roots: Vec<usize> = (0..graph.len()).map(|i| classes.root(i)).collect();
        let mut sizes = vec![0usize; graph.len()];
        for root in &roots {
            sizes[*root] += 1;
        }
        let shared = roots.iter().map(|r| sizes[*r] > 1).collect();
        Self { exponents: roots.iter().map(|r| classes.exponents[*r]).collect(), shared }
    }

    /// Exponent at which `id` is rounded; 0 for integers.
    pub(crate) fn exponent(&self, id: NodeId) -> i32 {
        self.exponents[id.index()]
    }

    /// Whether other nodes have the same target so as to be mixed with `id`.
    pub(crate) fn is_shared(&self, id: NodeId) -> bool {
        self.shared[id.index()]
    }
}

/// Scale that the tables which take `id` need.
fn tabled_scale(graph: &Graph<Float>, id: NodeId, effective: &Effective, config: &Config) -> Option<i32> {
    let users = graph.consumers(id);
    let differences = users.iter().filter(|c| peak_difference(graph, **c).is_some_and(|(x, _)| x == id));
    let tables = differences.flat_map(|d| graph.consumers(*d)).chain(users.iter().copied());
    let scales = tables.filter_map(|table| match graph.node(table).op {
        CoreOp::Map(function) if is_tabled(function) => {
            let operands = effective.ranges[graph.node(table).inputs[0].index()];
            Some(operand_scale(function, operands, effective.ranges[table.index()], config))
        }
        _ => None,
    });
    scales.max()
}

/// Bits beyond those of an activation: for results, whose users see them; for operands of arg max, where ties decide;
/// for what is squared, as deviations are; and for operands of functions that are steep near zero.
fn guard_bits(graph: &Graph<Float>, id: NodeId, config: &Config) -> u32 {
    let steep = graph.consumers(id).iter().any(|c| {
        let node = graph.node(*c);
        match &node.op {
            CoreOp::Map(f) => matches!(f, Function::Log | Function::Reciprocal | Function::Rsqrt | Function::Sqrt),
            CoreOp::Div(()) => node.inputs.get(1) == Some(&id),
            _ => false,
        }
    });
    let squared = graph.consumers(id).iter().any(|c| {
        let node = graph.node(*c);
        matches!(&node.op, CoreOp::Map(Function::Pow(2.0)))
            || (matches!(&node.op, CoreOp::Contract(_)) && node.inputs.iter().all(|i| *i == id))
    });
    let ranked = graph.consumers(id).iter().any(|c| matches!(graph.node(*c).op, CoreOp::Arg(_)));
    if steep {
        STEEP
    } else if ranked || squared || graph.outputs().iter().any(|o| o.node == id) {
        config.output_guard_bits
    } else {
        0
    }
}

/// Operands whose elements become elements of the result, or are compared with each other.
fn mixed_operands(graph: &Graph<Float>, id: NodeId) -> Vec<NodeId> {
    let node = graph.node(id);
    match &node.op {
        CoreOp::View(View::Retype { .. }) => Vec::new(),
        CoreOp::View(_) | CoreOp::Extremum(_) => node.inputs.clone(),
        CoreOp::Reduce(r) if r.reducer != Reducer::Sum => node.inputs.clone(),
        CoreOp::Select => node.inputs[1..].to_vec(),
        _ => Vec::new(),
    }
}

/// Disjoint sets of nodes with one exponent each.
struct Classes {
    parent: Vec<usize>,
    exponents: Vec<i32>,
}

impl Classes {
    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, operand: NodeId, result: NodeId, sole: bool) {
        let (a, b) = (self.root(operand.index()), self.root(result.index()));
        let (of_operand, of_result) = (self.exponents[a], self.exponents[b]);
        if a != b && (sole || of_operand - of_result <= MAX_LOSS) {
            self.exponents[a] = of_operand.min(of_result);
            self.parent[b] = a;
        }
    }
}
