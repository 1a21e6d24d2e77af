//! Evaluation: the meaning of a graph.

use crate::domain::Domain;
use crate::error::IrError;
use crate::graph::{DType, Fact, Graph, NodeId};
use crate::op::{self, CoreOp};
use crate::tensor::Tensor;

/// Value of `op` applied to `operands`; `node` is named in errors. Integers that leave 64 bits wrap, which [`crate::verify`]
/// excludes.
///
/// # Errors
/// [`IrError::Invalid`] when the operands do not fit, or for an input, which has no value of its own;
/// [`IrError::Range`] when a value leaves the range of the operator.
pub fn eval_op<D: Domain>(
    node: &str,
    op: &CoreOp<D>,
    operands: &[&Tensor<D::Scalar>],
) -> Result<Tensor<D::Scalar>, IrError> {
    let invalid = |reason| IrError::Invalid { node: node.to_string(), op: op.name(), reason };
    if matches!(op, CoreOp::Input(_)) {
        return Err(invalid("an input has no value of its own".into()));
    }
    // Tensors do not say what kind of numbers they hold: the kinds that every operator accepts.
    let dtype = |i: usize| if i == 0 && matches!(op, CoreOp::Select) { DType::Bool } else { DType::Int };
    let facts: Vec<Fact> = operands.iter().enumerate().map(|(i, x)| Fact::new(x.shape(), dtype(i))).collect();
    let fact = op::infer(op, &facts.iter().collect::<Vec<_>>()).map_err(invalid)?;
    fact.limit(node, op.name())?;
    eval_shaped(node, op, operands, &fact.shape)
}

fn eval_shaped<D: Domain>(
    node: &str,
    op: &CoreOp<D>,
    operands: &[&Tensor<D::Scalar>],
    shape: &[usize],
) -> Result<Tensor<D::Scalar>, IrError> {
    op::eval(op, operands, shape).map_err(|reason| IrError::Range { node: node.to_string(), op: op.name(), reason })
}

/// Values of all nodes, by [`NodeId::index`].
///
/// # Errors
/// [`IrError::Input`] when `inputs` are not as many, of the shapes and in the range that the graph declares; else as
/// [`eval_op`].
pub fn eval_all<D: Domain>(graph: &Graph<D>, inputs: &[Tensor<D::Scalar>]) -> Result<Vec<Tensor<D::Scalar>>, IrError> {
    let values = run(graph, inputs, &vec![usize::MAX; graph.len()])?;
    Ok(values.into_iter().flatten().collect())
}

/// Values of the outputs. Other values are dropped after their last use.
///
/// # Errors
/// As [`eval_all`].
pub fn eval<D: Domain>(graph: &Graph<D>, inputs: &[Tensor<D::Scalar>]) -> Result<Vec<Tensor<D::Scalar>>, IrError> {
    let mut last_use: Vec<usize> = (0..graph.len()).collect();
    for id in graph.ids() {
        for input in &graph.node(id).inputs {
            last_use[input.index()] = id.index();
        }
    }
    for output in graph.outputs() {
        last_use[output.node.index()] = usize::MAX;
    }
    let values = run(graph, inputs, &last_use)?;
    Ok(graph.outputs().iter().filter_map(|o| values[o.node.index()].clone()).collect())
}

/// Values of all nodes, without those whose last use is a node of the graph.
fn run<D: Domain>(
    graph: &Graph<D>,
    inputs: &[Tensor<D::Scalar>],
    last_use: &[usize],
) -> Result<Vec<Option<Tensor<D::Scalar>>>, IrError> {
    check_inputs(graph, inputs)?;
    let mut given = inputs.iter();
    let mut values: Vec<Option<Tensor<D::Scalar>>> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        let node = graph.node(id);
        let input = if matches!(node.op, CoreOp::Input(_)) { given.next() } else { None };
        let value = match input {
            Some(value) => value.clone(),
            None => {
                let operands: Vec<_> = node.inputs.iter().filter_map(|i| values[i.index()].as_ref()).collect();
                eval_shaped(&node.name, &node.op, &operands, &node.fact.shape)?
            }
        };
        values.push(Some(value));
        for dead in node.inputs.iter().chain([&id]).filter(|i| last_use[i.index()] == id.index()) {
            values[dead.index()] = None;
        }
    }
    Ok(values)
}

fn check_inputs<D: Domain>(graph: &Graph<D>, inputs: &[Tensor<D::Scalar>]) -> Result<(), IrError> {
    let error = |name: &str, reason| Err(IrError::Input { name: name.to_string(), reason });
    if let Some(missing) = graph.inputs().get(inputs.len()) {
        return error(
            &graph.node(*missing).name,
            format!("missing, {} of {} given", inputs.len(), graph.inputs().len()),
        );
    }
    if inputs.len() > graph.inputs().len() {
        let name = graph.inputs().last().map_or("", |id| &graph.node(*id).name);
        return error(name, format!("expected {} inputs, got {}", graph.inputs().len(), inputs.len()));
    }
    for (id, given) in graph.inputs().iter().zip(inputs) {
        let node = graph.node(*id);
        if node.fact.shape != given.shape() {
            return error(&node.name, format!("expected shape {:?}, got {:?}", node.fact.shape, given.shape()));
        }
        if let CoreOp::Input(input) = &node.op {
            for (i, value) in given.iter().enumerate() {
                if let Err(reason) = D::admit(&input.domain, value) {
                    return error(&node.name, format!("element {i}: {reason}"));
                }
            }
        }
    }
    Ok(())
}

/// Value of a node that depends on no input: a `Const`, or a chain of views of constants. `None` for other nodes.
pub fn constant<D: Domain>(graph: &Graph<D>, id: NodeId) -> Option<Tensor<D::Scalar>> {
    let node = graph.node(id);
    match &node.op {
        CoreOp::Const(t, _) => Some(t.clone()),
        CoreOp::View(_) => {
            let operands: Vec<_> = node.inputs.iter().map(|i| constant(graph, *i)).collect::<Option<_>>()?;
            eval_shaped(&node.name, &node.op, &operands.iter().collect::<Vec<_>>(), &node.fact.shape).ok()
        }
        _ => None,
    }
}
