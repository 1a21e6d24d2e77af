//! How far the rounding of each value and each weight carries to the results.
//!
//! What is rounded to steps has white noise of a step over the square root of twelve. Sums of products, functions and
//! products multiply its standard deviation by a gain, which weights and ranges tell; results add up what reaches them on
//! all paths. Where the terms of a sum are much larger than the sum, as in kernel machines, or where layer after layer
//! brings out small differences, the bits of an activation or a weight are not enough. Such a value gets as many more as
//! keep its share of the error of the results small. Most networks ask for none.

use std::collections::BTreeMap;

use plonnx_ir::op::{Label, Reducer, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId, Tensor};

use super::effective::Effective;
use super::table::{is_tabled, steepest};
use crate::config::Config;
use crate::range::Range;
use crate::scale;
use crate::structure::Structure;

/// Bits by which the noise that one value brings to a result may exceed that of the result's own rounding.
const SHARE: i32 = 6;
/// Most extra bits of a value.
const MOST: i32 = 6;
/// Bits after the point of the noise that the weights of one product may bring to a result, as a share of its magnitude.
const WEIGHTS: i32 = 6;
/// Most extra bits of weights.
const MOST_WEIGHTS: i32 = 5;
/// Bits that sums of products keep for extra bits of weights and for what is added to them afterwards.
const SPARE: i32 = 10;
/// Usual share of the largest magnitude that the root of the mean square of a value has: its square.
const USUAL: f64 = 1.0 / 16.0;

/// Noise of the results, as a share of their magnitudes.
#[derive(Debug)]
pub(crate) struct Noise {
    /// Variance by unit of variance of each value.
    gains: Vec<f64>,
    /// Most bits beside the sign that sums of products with constants leave their operand.
    room: Vec<i32>,
    /// Extra bits of the weights of each product.
    weights: Vec<u32>,
}

impl Noise {
    pub(crate) fn of(graph: &Graph<Float>, structure: &Structure, effective: &Effective, config: &Config) -> Self {
        let (gains, room, weights) = (vec![0.0; graph.len()], vec![i32::MAX; graph.len()], vec![0; graph.len()]);
        let mut this = Self { gains, room, weights };
        for output in graph.outputs() {
            let largest = effective.ranges[output.node.index()].absmax();
            if largest > 0.0 && graph.node(output.node).fact.dtype == DType::Real {
                let gain = &mut this.gains[output.node.index()];
                *gain = gain.max(1.0 / (largest * largest));
            }
        }
        let mut local = Local { graph, effective, squares: vec![None; graph.len()] };
        for user in graph.ids().rev().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            let of_user = this.gains[user.index()];
            let bits = config.weight_bits as i32 + scale::ceil_log2(local.products(user));
            for (at, x) in graph.node(user).inputs.iter().enumerate() {
                if graph.node(*x).fact.dtype != DType::Real {
                    continue;
                }
                if structure.is_constant(*x) {
                    let noise = of_user * local.of_weights(user, at, config);
                    this.weights[user.index()] = this.weights[user.index()].max(extra_weight_bits(noise));
                    continue;
                }
                this.room[x.index()] = this.room[x.index()].min(scale::WIDE_BITS as i32 - SPARE - bits);
                if of_user > 0.0 {
                    this.gains[x.index()] += of_user * local.gain(user, at);
                }
            }
        }
        this
    }

    /// Scale at which the rounding of `id`, of magnitudes up to `reach`, brings no more than its share of noise, as far as
    /// sums have room for it; `None` if no result depends on `id` smoothly.
    pub(crate) fn exponent(&self, id: NodeId, reach: f64, config: &Config) -> Option<i32> {
        let finest = (config.activation_bits as i32 - 1 + MOST).min(self.room[id.index()]);
        Some(self.wanted(id, config)?.min(scale::exponent(reach, finest)))
    }

    /// [`Noise::exponent`] without regard to room.
    pub(crate) fn wanted(&self, id: NodeId, config: &Config) -> Option<i32> {
        let gain = self.gains[id.index()].sqrt();
        let sized = gain > 0.0 && gain.is_finite();
        sized.then(|| config.activation_bits as i32 - 1 - SHARE + scale::ceil_log2(gain))
    }

    /// Extra bits of the constant operand of the product `id`.
    pub(crate) fn weight_bits(&self, id: NodeId) -> u32 {
        self.weights[id.index()]
    }
}

/// Bits that lower the variance `noise` of a result, as a share of its square, to what one product may bring.
fn extra_weight_bits(noise: f64) -> u32 {
    if noise > 0.0 && noise.is_finite() {
        (scale::ceil_log2(noise.sqrt()) + WEIGHTS).clamp(0, MOST_WEIGHTS) as u32
    } else {
        0
    }
}

/// What single operators do to noise.
struct Local<'a> {
    graph: &'a Graph<Float>,
    effective: &'a Effective,
    /// Known mean squares of constants.
    squares: Vec<Option<f64>>,
}

impl Local<'_> {
    fn range(&self, id: NodeId) -> Range {
        self.effective.ranges[id.index()]
    }

    /// Variance of the result `user` by unit of variance of its operand `at`, averaged over the elements.
    fn gain(&mut self, user: NodeId, at: usize) -> f64 {
        let node = self.graph.node(user);
        let x = node.inputs[at];
        let range = self.range(x);
        match &node.op {
            CoreOp::View(View::Retype { .. }) => 0.0,
            CoreOp::View(_) => 1.0,
            // One of two elements is kept.
            CoreOp::Extremum(_) => 0.5,
            CoreOp::Select if at > 0 => 1.0,
            CoreOp::Sum(sum) => sum.coefficients[at] * sum.coefficients[at],
            CoreOp::Reduce(r) if r.reducer == Reducer::Sum => {
                self.graph.node(x).fact.len() as f64 / node.fact.len().max(1) as f64
            }
            CoreOp::Reduce(_) => 1.0,
            CoreOp::Contract(_) => self.gain_of_products(user, x, node.inputs[1 - at]),
            CoreOp::Conv(_) if at == 0 => self.gain_of_products(user, x, node.inputs[1]),
            // Half of the elements are cut off.
            CoreOp::Map(Function::Relu) if range.min < 0.0 => 0.5,
            CoreOp::Map(Function::Clip { lo, .. }) if *lo >= 0.0 && range.min < *lo => 0.5,
            CoreOp::Map(Function::Abs | Function::Clip { .. } | Function::Relu) => 1.0,
            CoreOp::Map(Function::Pow(2.0)) => range.absmax().powi(2),
            CoreOp::Map(function) if is_tabled(*function) => 0.25 * steepest(*function, range).powi(2),
            CoreOp::Div(()) if at == 0 => self.relative(user, x),
            // Roots and divisors take bits of their own, and what is discrete has no small errors.
            CoreOp::Input(_)
            | CoreOp::Const(..)
            | CoreOp::Conv(_)
            | CoreOp::Map(_)
            | CoreOp::Div(())
            | CoreOp::Compare(_)
            | CoreOp::Select
            | CoreOp::OneHot(_)
            | CoreOp::Arg(_) => 0.0,
        }
    }

    fn gain_of_products(&mut self, user: NodeId, x: NodeId, other: NodeId) -> f64 {
        let terms = self.products(user);
        match self.mean_square(other) {
            Some(square) => terms * square,
            None => self.relative(user, x).min(terms * 0.25 * self.range(other).absmax().powi(2)),
        }
    }

    /// Gain of what keeps relative errors, as a product of two values does.
    fn relative(&self, user: NodeId, x: NodeId) -> f64 {
        (self.range(user).absmax() / self.range(x).absmax()).powi(2)
    }

    /// Variance that the rounding of the constant operand `at` brings to the product `user`, in steps of that operand.
    fn of_weights(&self, user: NodeId, at: usize, config: &Config) -> f64 {
        let node = self.graph.node(user);
        let x = match &node.op {
            CoreOp::Contract(_) => node.inputs[1 - at],
            CoreOp::Conv(_) => node.inputs[0],
            _ => return 0.0,
        };
        let step = libm::ldexp(self.range(node.inputs[at]).absmax(), 1 - config.weight_bits as i32);
        self.products(user) * USUAL * (self.range(x).absmax() * step).powi(2)
    }

    /// Products in one element of a contraction or convolution; 1 for other operators.
    fn products(&self, user: NodeId) -> f64 {
        let node = self.graph.node(user);
        match &node.op {
            CoreOp::Contract(spec) => {
                let extents = |labels: &[Label], id: NodeId| {
                    labels.iter().copied().zip(self.graph.shape(id).to_vec()).collect::<BTreeMap<_, _>>()
                };
                let mut all = extents(&spec.a, node.inputs[0]);
                all.append(&mut extents(&spec.b, node.inputs[1]));
                spec.summed().iter().filter_map(|label| all.get(label)).map(|n| (*n).max(1) as f64).product()
            }
            CoreOp::Conv(_) => self.graph.shape(node.inputs[1]).iter().skip(1).map(|n| (*n).max(1) as f64).product(),
            _ => 1.0,
        }
    }

    /// Mean square of the elements of a constant that is stored, or made of such ones by views.
    fn mean_square(&mut self, id: NodeId) -> Option<f64> {
        if let Some(known) = self.squares[id.index()] {
            return Some(known);
        }
        let node = self.graph.node(id);
        let square = match &node.op {
            CoreOp::Const(tensor, _) => mean_square(tensor),
            CoreOp::View(View::Retype { .. }) => return None,
            CoreOp::View(_) => {
                let parts = node.inputs.iter().map(|i| self.mean_square(*i)).collect::<Option<Vec<_>>>()?;
                parts.iter().sum::<f64>() / parts.len().max(1) as f64
            }
            _ => return None,
        };
        self.squares[id.index()] = Some(square);
        Some(square)
    }
}

fn mean_square(tensor: &Tensor<f64>) -> f64 {
    let (sum, count) = tensor.iter().filter(|v| v.is_finite()).fold((0.0, 0usize), |(s, n), v| (s + v * v, n + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
