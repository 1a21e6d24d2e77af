//! Bits that nodes need beyond those of an activation, because of what their users do with them.

use plonnx_ir::op::Sum;
use plonnx_ir::{CoreOp, Float, Function, Graph, NodeId};

use crate::config::Config;
use crate::quantise::effective::Effective;
use crate::quantise::table::{is_tabled, operand_scale};
use crate::quantise::target::mixed_operands;
use crate::scale;
use crate::structure::Structure;

/// Operands of functions that are steep near zero.
const STEEP: u32 = 10;
/// Most bits that tables ask for.
const TABLED: i32 = 6;
/// What is squared: the error of a variance is twice that of the deviations.
const SQUARED: u32 = 2;

/// Extra bits, by node index.
#[derive(Debug)]
pub(crate) struct Demand {
    /// For the rounding of the node itself.
    own: Vec<u32>,
    /// For what the node is a linear combination of.
    summands: Vec<u32>,
    /// For the factors of a product that gives the node.
    factors: Vec<u32>,
    /// Largest magnitudes that operators can give.
    limits: Vec<f64>,
}

impl Demand {
    pub(crate) fn of(graph: &Graph<Float>, structure: &Structure, effective: &Effective, config: &Config) -> Self {
        let zeros = || vec![0; graph.len()];
        let mut this = Self { own: zeros(), summands: zeros(), factors: zeros(), limits: Vec::new() };
        this.limits = graph.ids().map(|id| structure.limit(id)).collect();
        for id in graph.ids().rev().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            this.visit(graph, structure, id, effective, config);
        }
        this
    }

    /// Extra bits of the factors of the product `id`.
    pub(crate) fn factors(&self, id: NodeId) -> u32 {
        self.factors[id.index()]
    }

    /// Scale of `id` with headroom and its extra bits.
    pub(crate) fn exponent(&self, id: NodeId, effective: &Effective, config: &Config) -> i32 {
        let bits = config.activation_bits + self.own[id.index()].max(self.summands[id.index()]);
        let reach = effective.ranges[id.index()].absmax() * config.headroom;
        scale::exponent(reach.min(self.limits[id.index()]), bits as i32 - 1)
    }

    /// Demand of a node whose users already have theirs.
    fn visit(
        &mut self,
        graph: &Graph<Float>,
        structure: &Structure,
        id: NodeId,
        effective: &Effective,
        config: &Config,
    ) {
        let i = id.index();
        // A summand smaller than its sum has bits to spare at the scale of the sum.
        let remaining = |bits: u32, sum: &Sum<Float>, user: NodeId| {
            let coefficient =
                graph.node(user).inputs.iter().zip(&sum.coefficients).find(|p| *p.0 == id).map_or(1.0, |p| *p.1);
            let summand = scale::exponent(effective.ranges[i].scaled(coefficient).absmax(), 0);
            let spare = summand - scale::exponent(effective.ranges[user.index()].absmax(), 0);
            if bits == 0 { 0 } else { (bits as i32 - spare).clamp(0, TABLED) as u32 }
        };
        let is_result = graph.outputs().iter().any(|o| o.node == id);
        self.own[i] = if is_result { config.output_guard_bits } else { 0 };
        for user in graph.consumers(id).into_iter().filter(|c| structure.is_live(*c)) {
            let (u, node) = (user.index(), graph.node(user));
            let own = match &node.op {
                CoreOp::Arg(_) => config.output_guard_bits,
                CoreOp::Div(()) if node.inputs.get(1) == Some(&id) => STEEP,
                CoreOp::Map(Function::Log | Function::Reciprocal | Function::Rsqrt | Function::Sqrt) => STEEP,
                _ if mixed_operands(graph, user).contains(&id) => self.own[u],
                _ => 0,
            };
            let summands = match &node.op {
                CoreOp::Map(Function::Pow(2.0)) => SQUARED,
                CoreOp::Contract(_) if node.inputs.iter().all(|x| *x == id) => SQUARED,
                CoreOp::Contract(_) | CoreOp::Conv(_) => self.factors[u],
                CoreOp::Sum(sum) => remaining(self.summands[u], sum, user),
                _ if mixed_operands(graph, user).contains(&id) => self.summands[u],
                _ => 0,
            };
            let factors = match &node.op {
                CoreOp::Map(function) if is_tabled(*function) => {
                    let operands = effective.ranges[i];
                    let wanted = operand_scale(*function, operands, effective.ranges[u], config);
                    let usual = scale::exponent(operands.absmax() * config.headroom, config.activation_bits as i32 - 1);
                    (wanted - usual).clamp(0, TABLED) as u32
                }
                CoreOp::Sum(sum) => remaining(self.factors[u], sum, user),
                _ if mixed_operands(graph, user).contains(&id) => self.factors[u],
                _ => 0,
            };
            self.own[i] = self.own[i].max(own);
            self.factors[i] = self.factors[i].max(factors);
            self.summands[i] = self.summands[i].max(summands).max(factors);
        }
    }
}
