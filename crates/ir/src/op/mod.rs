//! The core operators: a closed set, so that a forgotten case does not compile.

mod arg;
mod compare;
mod contract;
mod conv;
mod div;
mod extremum;
mod input;
mod map;
mod one_hot;
mod reduce;
mod select;
mod sum;
mod view;

pub use arg::Arg;
pub use compare::Compare;
pub use contract::{Contract, Label};
pub use conv::Conv;
pub use div::Quotient;
pub use extremum::Extremum;
pub use input::{Input, Window};
pub use map::{Requant, Table};
pub use one_hot::OneHot;
pub use reduce::{Reduce, Reducer};
pub use sum::Sum;
pub use view::{Source, View};

use crate::domain::{Domain, Field};
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// A core operator with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreOp<D: Domain> {
    /// A tensor that the caller provides. No operands.
    Input(Input<D>),
    /// A tensor known when the graph is built. No operands.
    Const(Tensor<D::Scalar>, DType),
    /// Data movement: every element of the result is an element of an operand, or a fill value.
    View(View),
    /// Sum of products over labelled axes (einsum of two operands); linear in each operand.
    Contract(Contract),
    /// Convolution (cross-correlation) of `x` with `w`; linear in each operand.
    Conv(Conv),
    /// Linear combination of operands of one shape.
    Sum(Sum<D>),
    /// Sum, maximum or minimum along axes.
    Reduce(Reduce),
    /// Unary function. In the field domain: requantisation, fused with the function.
    Map(D::Map),
    /// Quotient of two operands of one shape.
    Div(D::Div),
    /// Elementwise larger or smaller of two operands of one shape.
    Extremum(Extremum),
    /// Elementwise comparison of two operands of one shape; gives 0 or 1.
    Compare(Compare),
    /// `c ? x : y` elementwise, with a Bool `c`; operands `c`, `x`, `y` of one shape.
    Select,
    /// Unit vectors of an index tensor.
    OneHot(OneHot),
    /// Index of the largest or smallest element along an axis.
    Arg(Arg),
}

impl<D: Domain> CoreOp<D> {
    /// Name in the text form and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            CoreOp::Input(_) => "input",
            CoreOp::Const(..) => "const",
            CoreOp::View(v) => v.name(),
            CoreOp::Contract(_) => "contract",
            CoreOp::Conv(_) => "conv",
            CoreOp::Sum(_) => "sum",
            CoreOp::Reduce(r) => r.name(),
            CoreOp::Map(_) => "map",
            CoreOp::Div(_) => "div",
            CoreOp::Extremum(e) => e.name(),
            CoreOp::Compare(c) => c.name(),
            CoreOp::Select => "select",
            CoreOp::OneHot(_) => "one_hot",
            CoreOp::Arg(a) => a.name(),
        }
    }
}

impl CoreOp<Field> {
    /// Whether the result has no cells and may only be consumed by `Sum` and `Map`.
    pub fn is_wide(&self) -> bool {
        match self {
            CoreOp::Contract(_) | CoreOp::Conv(_) | CoreOp::Sum(_) => true,
            CoreOp::Reduce(r) => r.reducer == Reducer::Sum,
            _ => false,
        }
    }
}

/// Fact of the result; the error says which operands do not fit and how.
pub(crate) fn infer<D: Domain>(op: &CoreOp<D>, facts: &[&Fact]) -> Result<Fact, String> {
    match op {
        CoreOp::Input(input) => arity::<0>(facts).map(|_| Fact::new(&input.shape, input.dtype)),
        CoreOp::Const(t, dtype) => arity::<0>(facts).map(|_| Fact::new(t.shape(), *dtype)),
        CoreOp::View(view) => view.infer(facts),
        CoreOp::Contract(contract) => contract.infer(facts),
        CoreOp::Conv(conv) => conv.infer(facts),
        CoreOp::Sum(sum) => sum.infer(facts),
        CoreOp::Reduce(reduce) => reduce.infer(facts),
        CoreOp::Map(_) => arity::<1>(facts).map(|[x]| x.clone()),
        CoreOp::Div(_) => same_shape::<2>(facts).map(|[x, y]| Fact::new(&x.shape, join(x.dtype, y.dtype))),
        CoreOp::Extremum(_) => same_shape::<2>(facts).map(|[x, y]| Fact::new(&x.shape, join(x.dtype, y.dtype))),
        CoreOp::Compare(_) => same_shape::<2>(facts).map(|[x, _]| Fact::new(&x.shape, DType::Bool)),
        CoreOp::Select => select::infer(facts),
        CoreOp::OneHot(one_hot) => one_hot.infer(facts),
        CoreOp::Arg(arg) => arg.infer(facts),
    }
}

/// The operands as an array of `N`, or what is wrong with their number.
fn arity<'a, const N: usize>(facts: &[&'a Fact]) -> Result<[&'a Fact; N], String> {
    facts.try_into().map_err(|_| format!("expected {N} operands, got {}", facts.len()))
}

/// [`arity`], and that all operands have one shape.
fn same_shape<'a, const N: usize>(facts: &[&'a Fact]) -> Result<[&'a Fact; N], String> {
    let facts = arity::<N>(facts)?;
    match facts.iter().find(|f| f.shape != facts[0].shape) {
        Some(other) => Err(format!("operands differ in shape: {:?} and {:?}", facts[0].shape, other.shape)),
        None => Ok(facts),
    }
}

/// Kind of numbers that a sum or product of two kinds gives.
fn join(a: DType, b: DType) -> DType {
    match (a, b) {
        (DType::Real, _) | (_, DType::Real) => DType::Real,
        _ => DType::Int,
    }
}
