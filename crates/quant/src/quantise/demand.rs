//! Bits that nodes need beyond those of an activation, because of what their users do with them.

use plonnx_ir::op::Sum;
use plonnx_ir::{CoreOp, Float, Function, Graph, NodeId};

use crate::calibrate::Calibration;
use crate::config::Config;
use crate::quantise::effective::Effective;
use crate::quantise::given;
use crate::quantise::noise::Noise;
use crate::quantise::table::{is_tabled, operand_scale};
use crate::quantise::target::mixed_operands;
use crate::range::Range;
use crate::scale;
use crate::structure::Structure;

/// Bits of operands of functions that are steep near zero.
const STEEP: u32 = 24;
/// Bits of what is squared: the error of a variance is twice that of the deviations.
const SQUARED: u32 = 16;
/// Bits after the point of what is rounded to integers: an operand off by this crosses a tie that seldom.
const ROUNDED: i32 = 8;
/// Most extra bits that tables ask for.
const TABLED: i32 = 6;
/// Bits between samples that are usual, and cost no precision.
const LOUDER: i32 = 3;
/// Most bits that quiet samples ask for: squares of what they are asked of still fit the field.
const QUIET: u32 = 24;
/// Most bits of the operand of a square root that is computed, and of one that is an input, whose window has headroom.
const RADICAND: i32 = 40;
const GIVEN_RADICAND: i32 = 38;

/// Bits that extra bits are counted from: finer activations already have some of them.
fn usual_bits(config: &Config) -> u32 {
    config.activation_bits.min(14)
}

/// Extra bits, by node index.
#[derive(Debug)]
pub(crate) struct Demand {
    /// For the rounding of the node itself.
    own: Vec<u32>,
    /// What quiet samples ask of the node.
    quiet: Vec<u32>,
    /// For what the node is a linear combination of.
    summands: Vec<u32>,
    /// What a table of the node needs beyond, or less than, the bits of an activation: the factors of a product that
    /// gives the node have to be as precise.
    tabled: Vec<Option<i32>>,
    /// Largest magnitudes that operators can give.
    limits: Vec<f64>,
    noise: Noise,
}

impl Demand {
    pub(crate) fn of(
        graph: &Graph<Float>,
        structure: &Structure,
        effective: &Effective,
        calibration: &Calibration,
        config: &Config,
    ) -> Self {
        let zeros = || vec![0; graph.len()];
        let limits = graph.ids().map(|id| structure.limit(id)).collect();
        let noise = Noise::of(graph, structure, effective, config);
        let mut this =
            Self { own: zeros(), quiet: zeros(), summands: zeros(), tabled: vec![None; graph.len()], limits, noise };
        for id in graph.ids().rev().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            let quiet = quiet_bits(calibration, id).min(QUIET.saturating_sub(config.activation_bits));
            this.quiet[id.index()] = quiet;
            this.own[id.index()] = if quiet > 0 { quiet + config.activation_bits - usual_bits(config) } else { 0 };
            this.visit(graph, structure, id, effective, config);
        }
        this
    }

    /// Bits beyond those of other weights that weights of the product `id` need. They have no headroom to spare.
    pub(crate) fn weight_bits(&self, id: NodeId, config: &Config) -> u32 {
        let spare = config.activation_bits as i32 - config.weight_bits as i32 - 1;
        self.tabled[id.index()].map_or(0, |bits| (bits + spare).clamp(0, TABLED) as u32)
    }

    /// Extra bits that quiet samples ask of `id`: what is loud elsewhere must not drown them by rounded weights.
    pub(crate) fn quiet(&self, id: NodeId) -> u32 {
        self.quiet[id.index()]
    }

    /// Extra bits that the weights of the product `id` need so that their noise does not show in the results.
    pub(crate) fn noise_bits(&self, id: NodeId) -> u32 {
        self.noise.weight_bits(id)
    }

    /// Scale at which the rounding of `id` brings no more than its share of noise to the results.
    pub(crate) fn noise_scale(&self, id: NodeId, config: &Config) -> Option<i32> {
        self.noise.wanted(id, config)
    }

    /// Extra bits that tables ask of `id`.
    fn for_tables(&self, id: NodeId, config: &Config) -> u32 {
        match self.tabled[id.index()] {
            Some(bits) if bits > 0 => bits.min(TABLED) as u32 + config.activation_bits - usual_bits(config),
            _ => 0,
        }
    }

    /// Scale of `id` with headroom and its extra bits.
    pub(crate) fn exponent(&self, id: NodeId, effective: &Effective, config: &Config) -> i32 {
        let demand = self.own[id.index()].max(self.summands[id.index()]);
        let bits = config.activation_bits.max(usual_bits(config) + demand);
        let reach = (effective.ranges[id.index()].absmax() * config.headroom).min(self.limits[id.index()]);
        let usual = scale::exponent(reach, bits as i32 - 1);
        self.noise.exponent(id, reach, config).map_or(usual, |finer| usual.max(finer))
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
        let beyond = |bits: u32| bits.saturating_sub(usual_bits(config));
        // A summand smaller than its sum has bits to spare at the scale of the sum.
        let spare = |sum: &Sum<Float>, user: NodeId| {
            let terms = graph.node(user).inputs.iter().zip(&sum.coefficients);
            let coefficient = terms.filter(|(x, _)| **x == id).map(|(_, c)| *c).next().unwrap_or(1.0);
            let summand = scale::exponent(effective.ranges[i].scaled(coefficient).absmax(), 0);
            summand - scale::exponent(effective.ranges[user.index()].absmax(), 0)
        };
        let reach = effective.ranges[i].absmax() * config.headroom;
        let is_result = graph.outputs().iter().any(|o| o.node == id);
        // A result is as precise as the largest one has to be.
        self.own[i] = if is_result { config.output_guard_bits } else { self.own[i] };
        for user in graph.consumers(id).into_iter().filter(|c| structure.is_live(*c)) {
            let (u, node) = (user.index(), graph.node(user));
            let own = match &node.op {
                CoreOp::Arg(_) => config.output_guard_bits,
                CoreOp::Compare(_) => {
                    let limits = node.inputs.iter().filter(|i| **i != id && structure.is_constant(**i));
                    limits.map(|limit| beyond(given::threshold_bits(graph, id, *limit, reach))).max().unwrap_or(0)
                }
                CoreOp::Contract(_) => {
                    let factors = node.inputs.iter().filter(|i| structure.is_constant(**i));
                    let largest = factors.map(|c| effective.ranges[c.index()].absmax()).fold(0.0, f64::max);
                    let result = self.exponent(user, effective, config);
                    beyond(given::factor_bits(graph, structure, id, reach, largest, result))
                }
                // The sum of a window, as pools have it, is as precise as its summands.
                CoreOp::Conv(_) if node.inputs.get(1).is_some_and(|w| is_uniform(structure, effective, *w)) => {
                    self.own[u]
                }
                CoreOp::Sum(_) if self.own[u] > 0 => {
                    beyond(given::summand_bits(graph, id, reach, self.exponent(user, effective, config)))
                }
                CoreOp::Div(()) if node.inputs.get(1) == Some(&id) => beyond(STEEP),
                // Near zero a root is as precise as its operand where that has twice the scale.
                CoreOp::Map(Function::Sqrt | Function::Pow(0.5)) if self.own[u] > 0 => {
                    let bits =
                        2 * self.exponent(user, effective, config) + scale::ceil_log2(reach.max(f64::MIN_POSITIVE));
                    let most = if given::is_given(graph, id) { GIVEN_RADICAND } else { RADICAND };
                    beyond(bits.clamp(STEEP as i32, most) as u32)
                }
                CoreOp::Map(Function::Log | Function::Reciprocal | Function::Rsqrt | Function::Sqrt) => beyond(STEEP),
                _ if mixed_operands(graph, user).contains(&id) => self.own[u],
                _ => 0,
            };
            let summands = match &node.op {
                CoreOp::Map(Function::Pow(2.0)) => beyond(SQUARED),
                CoreOp::Contract(_) if node.inputs.iter().all(|x| *x == id) => beyond(SQUARED),
                CoreOp::Contract(_) | CoreOp::Conv(_) => self.for_tables(user, config),
                CoreOp::Sum(sum) if self.summands[u] > 0 => {
                    (self.summands[u] as i32 - spare(sum, user)).clamp(0, TABLED) as u32
                }
                _ if mixed_operands(graph, user).contains(&id) => self.summands[u],
                _ => 0,
            };
            let tabled = match &node.op {
                CoreOp::Map(Function::Round) => {
                    let reach = effective.ranges[i].absmax() * config.headroom;
                    Some(ROUNDED - scale::exponent(reach, config.activation_bits as i32 - 1)).filter(|bits| *bits > 0)
                }
                CoreOp::Map(function) if is_tabled(*function) => {
                    let operands = effective.ranges[i];
                    let wanted = operand_scale(*function, operands, effective.ranges[u], config);
                    let usual = scale::exponent(operands.absmax() * config.headroom, config.activation_bits as i32 - 1);
                    // Ratios of exponentials depend on differences, however large the operands are.
                    Some(wanted - usual).filter(|bits| *bits > 0 || *function == Function::Exp)
                }
                CoreOp::Sum(sum) => self.tabled[u].map(|bits| bits - spare(sum, user)),
                _ if mixed_operands(graph, user).contains(&id) => self.tabled[u],
                _ => None,
            };
            self.own[i] = self.own[i].max(own);
            self.tabled[i] = self.tabled[i].max(tabled);
            self.summands[i] = self.summands[i].max(summands);
        }
        self.summands[i] = self.summands[i].max(self.for_tables(id, config));
    }
}

/// Bits by which the quietest calibration sample falls short of the loudest at `id`, beyond what is usual: one scale serves
/// both, and what is computed from the quiet one has to be as precise.
fn quiet_bits(calibration: &Calibration, id: NodeId) -> u32 {
    let quietest = calibration.quietest.get(id.index()).copied().unwrap_or(0.0);
    match calibration.range(id).map(Range::absmax) {
        Some(largest) if quietest > 0.0 && largest.is_finite() => {
            (scale::ceil_log2(largest / quietest) - LOUDER).max(0) as u32
        }
        _ => 0,
    }
}

/// Whether all elements of a constant are the same.
fn is_uniform(structure: &Structure, effective: &Effective, id: NodeId) -> bool {
    let range = effective.ranges[id.index()];
    structure.is_constant(id) && range.min == range.max
}
