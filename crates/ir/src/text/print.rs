//! Graph to text.

use std::fmt::Write;

use super::cursor::quoted;
use super::{Attribute, Pool};
use crate::domain::{Domain, Scalar};
use crate::graph::{DType, Fact, Graph};
use crate::op::{CoreOp, View};
use crate::tensor::Tensor;

/// Constants with more elements stand as a fingerprint.
const INLINE_ELEMENTS: usize = 4;
/// Longer index lists stand as a fingerprint.
const INLINE_INDICES: usize = 16;

/// The text form of `graph`, see [`crate::text`].
pub fn print<D: Domain>(graph: &Graph<D>) -> String {
    let mut out = format!("graph {}\n", D::NAME);
    for id in graph.ids() {
        let node = graph.node(id);
        let (word, rest) = op_text(&node.op);
        let operands: Vec<String> = node.inputs.iter().map(|i| i.to_string()).collect();
        let parts = [word, operands.join(", "), rest, ":".into(), fact_text(&node.fact), quoted(&node.name)];
        let parts: Vec<String> = parts.into_iter().chain([node.note.rest()]).filter(|p| !p.is_empty()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{id} = {}", parts.join(" "));
    }
    for output in graph.outputs() {
        let _ = writeln!(out, "output {} {}", quoted(&output.name), output.node);
    }
    out
}

/// The tensors that [`print()`] shows as fingerprints.
pub fn const_pool<D: Domain>(graph: &Graph<D>) -> Pool<D::Scalar> {
    let tensor = |op: &CoreOp<D>| match op {
        CoreOp::Const(t, _) if !is_inline(t) => Some(t.clone()),
        CoreOp::View(View::Gather { indices, .. } | View::Index { indices, .. }) if indices.len() > INLINE_INDICES => {
            Some(index_tensor(indices))
        }
        CoreOp::Map(map) => map.tensor(),
        _ => None,
    };
    graph.ids().filter_map(|id| tensor(&graph.node(id).op)).map(|t| (t.fingerprint(), t)).collect()
}

/// What stands before and after the operands.
fn op_text<D: Domain>(op: &CoreOp<D>) -> (String, String) {
    let name = op.name();
    let rest = match op {
        CoreOp::Input(input) => return (input.domain.word(name), input.domain.rest()),
        CoreOp::Map(map) => return (map.word(name), map.rest()),
        CoreOp::Div(div) => return (div.word(name), div.rest()),
        CoreOp::Const(t, _) if is_inline(t) => format!("{{{}}}", scalars(t.data())),
        CoreOp::Const(t, _) => format!("@{}", t.fingerprint()),
        CoreOp::View(view) => view_text::<D::Scalar>(view),
        CoreOp::Contract(contract) => contract.to_string(),
        CoreOp::Conv(conv) => format!(
            "strides={} dilations={} before={} after={} groups={}",
            list(&conv.strides),
            list(&conv.dilations),
            list(&conv.before),
            list(&conv.after),
            conv.groups
        ),
        CoreOp::Sum(sum) => format!("coefficients=[{}]", scalars(&sum.coefficients)),
        CoreOp::Reduce(reduce) => format!("axes={}{}", list(&reduce.axes), flag(reduce.keep, "keep")),
        CoreOp::OneHot(one_hot) => format!("depth={}", one_hot.depth),
        CoreOp::Arg(arg) => format!("axis={}{}{}", arg.axis, flag(arg.last, "last"), flag(arg.keep, "keep")),
        CoreOp::Extremum(_) | CoreOp::Compare(_) | CoreOp::Select => String::new(),
    };
    (name.to_string(), rest)
}

fn view_text<T: Scalar>(view: &View) -> String {
    match view {
        View::Reshape { .. } | View::Broadcast { .. } | View::Retype { .. } => String::new(),
        View::Transpose { perm } => format!("perm={}", list(perm)),
        View::Slice { start, step, size } => format!("start={} step={} size={}", list(start), list(step), list(size)),
        View::Concat { axis } => format!("axis={axis}"),
        View::Pad { before, after, interior } => {
            format!("before={} after={} interior={}", list(before), list(after), list(interior))
        }
        View::Gather { axis, shape, indices } => {
            format!("axis={axis} shape={} indices={}", list(shape), index_text::<T>(indices))
        }
        View::Index { indices, .. } => format!("indices={}", index_text::<T>(indices)),
    }
}

fn index_text<T: Scalar>(indices: &[usize]) -> String {
    if indices.len() > INLINE_INDICES {
        format!("@{}", index_tensor::<T>(indices).fingerprint())
    } else {
        list(indices)
    }
}

fn index_tensor<T: Scalar>(indices: &[usize]) -> Tensor<T> {
    Tensor::vector(indices.iter().map(|i| T::from_i64(*i as i64)).collect())
}

/// NaN has many forms, which decimal text would not tell apart.
fn is_inline<T: Scalar>(t: &Tensor<T>) -> bool {
    t.len() <= INLINE_ELEMENTS && t.iter().all(|v| v.partial_cmp(&v).is_some())
}

fn fact_text(fact: &Fact) -> String {
    let dtype = match fact.dtype {
        DType::Real => "real",
        DType::Int => "int",
        DType::Bool => "bool",
    };
    format!("{dtype}{}", list(&fact.shape))
}

fn list<T: ToString>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    format!("[{}]", values.join(","))
}

fn scalars<T: Scalar>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(|v| v.to_text()).collect();
    values.join(",")
}

fn flag(set: bool, name: &str) -> String {
    if set { format!(" {name}") } else { String::new() }
}
