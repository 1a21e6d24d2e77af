//! Lowering of a float graph to integers: one rule per operator.
//!
//! A value is *narrow* (it has cells in the circuit) or *wide* (the exact result of a linear operator, which costs
//! nothing by itself). Chains of linear operators stay wide and are rounded once, in the requantisation that also
//! applies the activation. A wide value that several nodes use is rounded once for all of them.

mod alike;
mod choice;
mod constant;
mod demand;
mod div;
mod effective;
mod fusion;
mod given;
mod input;
mod interpolated;
mod kernel;
mod linear;
mod map;
mod noise;
mod operand;
mod rounding;
mod sum;
mod table;
mod target;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use plonnx_ir::op::{Reducer, Table, View, Window};
use plonnx_ir::{CoreOp, DType, Field, Float, Graph, Interval, Log2Scale, NodeId, Tensor, verify};

use crate::bound;
use crate::calibrate::Calibration;
use crate::config::Config;
use crate::error::QuantError;
use crate::program::{Port, Program};
use crate::range::Range;
use crate::scale;
use crate::structure::Structure;
use constant::ConstantKey;
use demand::Demand;
use effective::Effective;
use fusion::Fusion;
use operand::{FEWER_BITS, Operand};
use target::Targets;

/// Chooses scales for `graph` and lowers it to integers. The result passes [`plonnx_ir::verify`].
pub fn quantise(graph: &Graph<Float>, calibration: &Calibration, config: &Config) -> Result<Program, QuantError> {
    config.check()?;
    verify(graph).map_err(bound::first)?;
    if calibration.ranges.len() != graph.len() {
        let reason =
            format!("expected one of this graph with {} nodes, got {} ranges", graph.len(), calibration.ranges.len());
        return Err(QuantError::Calibration { reason });
    }
    let structure = Structure::of(graph);
    let effective = Effective::of(graph, &structure, &calibration.ranges, config.headroom)?;
    let demand = Demand::of(graph, &structure, &effective, calibration, config);
    let mut lowering = Lowering {
        source: graph,
        config,
        fixed: &calibration.fixed,
        targets: Targets::of(graph, &structure, &effective, &demand, config),
        demand,
        fusion: Fusion::of(graph, &structure),
        structure,
        effective,
        graph: Graph::new(),
        intervals: Vec::new(),
        enforced: Vec::new(),
        values: vec![None; graph.len()],
        constants: BTreeMap::new(),
        evaluated: BTreeMap::new(),
        tables: Vec::new(),
        precise: BTreeMap::new(),
    };
    for id in graph.ids() {
        if lowering.structure.is_live(id) && !lowering.structure.is_constant(id) && !lowering.fusion.is_deferred(id) {
            let value = lowering.lower(id)?;
            let value = lowering.settled(id, value)?;
            lowering.values[id.index()] = Some(value);
        }
    }
    lowering.finish()
}

/// State of the lowering of one graph.
struct Lowering<'a> {
    source: &'a Graph<Float>,
    config: &'a Config,
    /// Scale and window of inputs that take them from elsewhere.
    fixed: &'a BTreeMap<usize, (Log2Scale, Window)>,
    structure: Structure,
    effective: Effective,
    demand: Demand,
    targets: Targets,
    fusion: Fusion,
    graph: Graph<Field>,
    /// Proven interval of every node of `graph`.
    intervals: Vec<Interval>,
    /// What circuits enforce of every node of `graph` ([`Lowering::enforced`]).
    enforced: Vec<Interval>,
    /// What every float node became.
    values: Vec<Option<Operand>>,
    constants: BTreeMap<ConstantKey, NodeId>,
    /// Values of constant float nodes that are no views.
    evaluated: BTreeMap<usize, Tensor<f64>>,
    tables: Vec<Arc<Table>>,
    /// Operands of square roots and divisors, by float node and least value.
    precise: BTreeMap<(usize, i64), Operand>,
}

impl Lowering<'_> {
    fn lower(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        let source = self.source;
        let node = source.node(id);
        match &node.op {
            CoreOp::Input(input) => self.lower_input(id, input),
            CoreOp::Const(..) => self.value(id),
            CoreOp::View(view) => self.lower_view(id, view),
            CoreOp::Contract(spec) => self.lower_contract(id, spec, node.inputs[0], node.inputs[1]),
            CoreOp::Conv(conv) => self.lower_conv(id, conv),
            CoreOp::Sum(sum) => self.lower_sum(id, &sum.coefficients),
            CoreOp::Reduce(reduce) if reduce.reducer == Reducer::Sum => self.lower_reduce_sum(id, reduce),
            CoreOp::Reduce(reduce) => self.lower_reduce_extremum(id, reduce),
            CoreOp::Map(function) => self.lower_map(id, *function),
            CoreOp::Div(()) => self.lower_div(id),
            CoreOp::Extremum(extremum) => self.lower_extremum(id, *extremum),
            CoreOp::Compare(compare) => self.lower_compare(id, *compare),
            CoreOp::Select => self.lower_select(id),
            CoreOp::OneHot(one_hot) => self.lower_one_hot(id, *one_hot),
            CoreOp::Arg(arg) => self.lower_arg(id, *arg),
        }
    }

    /// `value`, rounded if it is wide and more than one node uses it.
    fn settled(&mut self, id: NodeId, value: Operand) -> Result<Operand, QuantError> {
        if self.is_wide(value) && self.structure.uses(id) > 1 { self.round_to_target(id, value) } else { Ok(value) }
    }

    /// `value` as a node that notes its scale: keys and proofs read the scales of results there.
    fn noted(&mut self, id: NodeId, value: Operand) -> Result<Operand, QuantError> {
        let node = self.graph.node(value.id);
        if node.note.0 == value.scale {
            return Ok(value);
        }
        let view = View::Reshape { shape: node.fact.shape.clone() };
        self.emit(id, CoreOp::View(view), &[value.id], value.scale)
    }

    fn range(&self, id: NodeId) -> Range {
        self.effective.ranges[id.index()]
    }

    fn is_real(&self, id: NodeId) -> bool {
        self.source.node(id).fact.dtype == DType::Real
    }

    /// Name for field nodes that stand for float node `id`.
    fn name(&self, id: NodeId) -> &str {
        &self.source.node(id).name
    }

    fn unsupported(&self, id: NodeId, reason: impl Into<String>, fix: &'static str) -> QuantError {
        let node = self.source.node(id);
        QuantError::Unsupported { node: node.name.clone(), op: node.op.name(), reason: reason.into(), fix }
    }

    fn finish(mut self) -> Result<Program, QuantError> {
        let mut outputs = Vec::new();
        for output in self.source.outputs() {
            let value = if self.structure.is_constant(output.node) {
                let bits = (self.config.activation_bits + self.config.output_guard_bits) as i32 - 1;
                let e =
                    if self.is_real(output.node) { scale::exponent(self.range(output.node).absmax(), bits) } else { 0 };
                self.at_scale(output.node, e)?
            } else {
                self.narrow(output.node)?
            };
            let value = self.noted(output.node, value)?;
            self.graph.add_output(&output.name, value.id);
            outputs.push((output, value));
        }
        let (graph, map) = self.graph.pruned();
        let intervals = bound::prove(&graph)?;
        let port = |name: &str, id: NodeId, exponent: i32| -> Result<Port, QuantError> {
            let node = graph.node(id);
            let window = match &node.op {
                CoreOp::Input(input) => Some(input.domain),
                _ => intervals.get(id.index()).and_then(scale::proven_window),
            };
            Ok(Port {
                name: name.to_string(),
                shape: node.fact.shape.clone(),
                dtype: node.fact.dtype,
                scale: Log2Scale(exponent),
                window: window.ok_or_else(|| QuantError::Bound {
                    node: node.name.clone(),
                    op: node.op.name(),
                    reason: format!("result \"{name}\" needs more than {} bits", scale::MAX_WINDOW_BITS),
                    fix: FEWER_BITS,
                })?,
            })
        };
        let inputs = graph.inputs().iter().map(|id| port(&graph.node(*id).name, *id, graph.node(*id).note.0));
        let inputs = inputs.collect::<Result<_, _>>()?;
        let kept = |value: Operand| map.get(value.id.index()).copied().flatten();
        let outputs = outputs.into_iter().filter_map(|(o, value)| Some(port(&o.name, kept(value)?, value.scale)));
        let outputs = outputs.collect::<Result<_, _>>()?;
        let origin = self.source.ids().filter_map(|id| {
            let value = self.values[id.index()]?;
            let new = kept(value)?;
            (graph.node(new).note.0 == value.scale).then_some((id, new))
        });
        Ok(Program { inputs, outputs, origin: origin.collect(), graph })
    }
}
