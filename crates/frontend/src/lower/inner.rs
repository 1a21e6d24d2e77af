//! Graphs inside nodes (bodies of loops, branches) and functions that the model defines.
//!
//! Every turn of a body is lowered anew. What a model may unroll is limited: the number of nodes that are lowered this
//! way, the depth of nesting, and the size of the graph that results.

use super::error::{Lowering, OpError, ValueResults, invalid, unsupported};
use super::run::{Bindings, MAX_DEPTH, Scope, failure, lower_nodes};
use super::value::{Value, Values};
use super::{Builder, Call};
use crate::decode::{Attribute, Function, Graph};
use crate::error::FrontendError;

/// Most nodes, initialisers and turns of bodies and functions.
const MAX_STEPS: usize = 1 << 18;

impl Builder {
    /// Counts what bodies and functions lower.
    fn step(&mut self, count: usize) -> Lowering<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps <= MAX_STEPS {
            return Ok(());
        }
        unsupported(
            format!("loops, scans and functions unroll to more than {MAX_STEPS} nodes"),
            "use fewer or shorter loops, or a shorter sequence",
        )
    }
}

impl<'a> Call<'a> {
    /// The graph that is attribute `name`.
    pub(crate) fn graph(&mut self, name: &'static str) -> Lowering<&'a Graph> {
        match self.attribute(name) {
            None => invalid(format!("attribute \"{name}\" is missing")),
            Some(Attribute::Graph(graph)) => Ok(graph),
            Some(other) => invalid(format!("attribute \"{name}\" should be of kind graph, got {}", other.kind())),
        }
    }

    /// Results of `graph` on `inputs`; `turn` names this use of it.
    pub(crate) fn run(&mut self, graph: &'a Graph, turn: &str, inputs: Vec<Value>) -> Lowering<Vec<Value>> {
        let (given, expected) = (inputs.len(), graph.inputs.len());
        if given != expected {
            return invalid(format!("graph \"{turn}\" should have {given} inputs, got {expected}"));
        }
        self.step(1 + graph.nodes.len() + graph.initialisers.len())?;
        let path = format!("{}/{turn}/", self.name);
        let scope = Scope { path: &path, depth: self.deeper()?, ..self.scope };
        let mut values = Values::new(Some(self.values));
        for (input, value) in graph.inputs.iter().zip(inputs) {
            values.define(&input.name, Some(value), false).map_err(inner)?;
        }
        for initialiser in &graph.initialisers {
            self.rename(format!("{path}{}", initialiser.name));
            let added = self.initialiser(initialiser.value.clone(), initialiser.elem);
            let item = added.map_err(|e| inner(failure(&e, &initialiser.name, "initialiser")))?;
            // The default of an input gives way.
            if !values.defines(&initialiser.name) {
                values.define(&initialiser.name, Some(Value::Tensor(item)), false).map_err(inner)?;
            }
        }
        let outputs: Vec<&str> = graph.outputs.iter().map(|o| o.name.as_str()).collect();
        let lowered = lower_nodes(&graph.nodes, &outputs, &scope, &mut values, self);
        let name = self.name.clone();
        self.rename(name);
        lowered.map_err(inner)?;
        results(&outputs, &values)
    }

    /// Results of the node's function.
    pub(crate) fn expand(&mut self, function: &'a Function) -> ValueResults {
        self.step(1 + function.nodes.len())?;
        let mut bindings: Bindings = function.defaults.iter().map(|(k, v)| (k.as_str(), v)).collect();
        for name in self.node.attributes.keys() {
            let known = function.attributes.contains(name) || function.defaults.contains_key(name);
            if let Some(value) = known.then(|| self.attribute(name)).flatten() {
                bindings.insert(name, value);
            }
        }
        if self.operand_count() > function.inputs.len() {
            return invalid(format!(
                "expected at most {} operands, got {}",
                function.inputs.len(),
                self.operand_count()
            ));
        }
        let mut values = Values::new(None);
        let mut inputs = Vec::new();
        for (i, name) in function.inputs.iter().enumerate() {
            // An operand left out is as if its name was not given.
            let value = self.optional_value(i).unwrap_or(Value::Nothing);
            values.define(name, Some(value.clone()), false).map_err(inner)?;
            inputs.push(value);
        }
        let path = format!("{}/", self.name);
        let scope = Scope {
            functions: self.scope.functions,
            opsets: &function.opsets,
            bindings: &bindings,
            path: &path,
            depth: self.deeper()?,
        };
        let outputs: Vec<&str> = function.outputs.iter().map(String::as_str).collect();
        let lowered = lower_nodes(&function.nodes, &outputs, &scope, &mut values, self);
        let name = self.name.clone();
        self.rename(name);
        lowered.map_err(inner)?;
        results(&outputs, &values)
    }

    fn deeper(&self) -> Lowering<usize> {
        let depth = self.scope.depth + 1;
        if depth <= MAX_DEPTH {
            return Ok(depth);
        }
        unsupported(
            format!("functions and graphs are nested more than {MAX_DEPTH} deep"),
            "inline functions, and do not let one use itself",
        )
    }
}

fn results(outputs: &[&str], values: &Values) -> ValueResults {
    outputs
        .iter()
        .map(|name| match values.get(name) {
            Some(Some(value)) => Ok(value.clone()),
            _ => invalid(format!("no node, initialiser or input of the inner graph defines \"{name}\"")),
        })
        .collect()
}

fn inner(error: FrontendError) -> OpError {
    OpError::Inner(Box::new(error))
}
