//! Checked model -> graph.
//!
//! - `run`: the driver, node after node
//! - `call`: what the lowering of one node sees
//! - `inner`: graphs inside nodes, and functions
//! - `builder`: core operators with constant folding
//! - `units`: integers of quantised models
//! - `volume`: convolutions over three axes

mod boundary;
mod builder;
mod call;
mod error;
mod inner;
mod run;
mod units;
mod value;
mod volume;

use std::collections::BTreeMap;

pub(crate) use builder::{Builder, broadcast_shapes, sized};
pub(crate) use call::{Call, axes, axis, extent};
pub(crate) use error::{Lowering, OpError, Results, ValueResults, invalid, unsupported};
pub(crate) use value::{Item, Value};

use crate::decode::Model;
use crate::error::FrontendError;
use crate::{Import, Options};
use run::{Scope, definitions, failure, live_nodes, lower_nodes, uses};
use value::Values;

/// How the table says that an operator is lowered.
#[derive(Clone, Copy)]
pub(crate) enum Lower {
    /// Tensors to tensors.
    Tensors(fn(&mut Call) -> Results),
    /// Operands or results may be sequences or optional values, or the element types of the results follow no rule.
    Values(fn(&mut Call) -> ValueResults),
}

/// Lowers `model` with the open dimensions bound by `options`.
pub(crate) fn lower(model: Model, options: &Options) -> Result<Import, FrontendError> {
    let Model { opsets, producer, mut graph, functions } = model;
    boundary::fix_constants(&mut graph, options)?;
    let bindings = BTreeMap::new();
    let scope = Scope { functions: &functions, opsets: &opsets, bindings: &bindings, path: "", depth: 0 };
    let results: Vec<&str> = graph.outputs.iter().map(|o| o.name.as_str()).collect();
    let live = live_nodes(&graph.nodes, &results);
    let shapes = match boundary::bind(&graph.inputs, options) {
        Ok(shapes) => shapes,
        Err(error) => {
            // Unsupported operators come first: binding dimensions of a model that cannot work helps nobody.
            let (_, problems) = definitions(&graph.nodes, &live, &scope);
            return Err(if problems.is_empty() { error } else { FrontendError::Unsupported { problems } });
        }
    };

    let mut builder = Builder::new();
    let mut values = Values::new(None);
    let inputs = boundary::add_inputs(&graph.inputs, shapes, &mut builder, &mut values)?;
    let uses = uses(&graph.nodes, &live, &results);
    let mut params = 0u64;
    for initialiser in &graph.initialisers {
        if !uses.contains_key(initialiser.name.as_str()) {
            continue;
        }
        params += initialiser.value.len() as u64;
        builder.name.clone_from(&initialiser.name);
        let added = builder.initialiser(initialiser.value.clone(), initialiser.elem);
        let item = added.map_err(|e| failure(&e, &initialiser.name, "initialiser"))?;
        values.define(&initialiser.name, Some(Value::Tensor(item)), true)?;
    }
    lower_nodes(&graph.nodes, &results, &scope, &mut values, &mut builder)?;

    let outputs = boundary::add_outputs(&graph.outputs, &mut builder, &values)?;
    let mut op_histogram = BTreeMap::new();
    for node in &graph.nodes {
        *op_histogram.entry(node.op.clone()).or_insert(0) += 1;
    }
    Ok(Import {
        graph: builder.graph.pruned().0,
        inputs,
        outputs,
        opset: opsets.get("").copied().unwrap_or(0),
        producer,
        params,
        node_count: graph.nodes.len(),
        op_histogram,
        remarks: builder.remarks,
    })
}
