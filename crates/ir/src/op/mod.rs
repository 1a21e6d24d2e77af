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
pub use map::{MAX_TABLE_BITS, Requant, Table};
pub use one_hot::OneHot;
pub use reduce::{Reduce, Reducer};
pub use sum::Sum;
pub use view::{Source, View};

use rayon::prelude::*;

use crate::bound::Interval;
use num_bigint::BigInt;

use crate::domain::{Domain, Field, Scalar};
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// A core operator with its attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreOp<D: Domain> {
    /// A tensor that the caller provides. No operands. In the field domain its elements lie in a window.
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

/// Value of the result; the operands fit, and `shape` is that of the result. The error says which value left its range.
pub(crate) fn eval<D: Domain>(
    op: &CoreOp<D>,
    operands: &[&Tensor<D::Scalar>],
    shape: &[usize],
) -> Result<Tensor<D::Scalar>, String> {
    let data = match (op, operands) {
        (CoreOp::Const(t, _), _) => return Ok(t.clone()),
        (CoreOp::View(View::Reshape { .. } | View::Retype { .. }), [x]) => {
            return x.reshaped(shape).ok_or_else(|| format!("a tensor of shape {:?} cannot be {shape:?}", x.shape()));
        }
        (CoreOp::View(view), _) => view.eval(operands),
        (CoreOp::Contract(contract), [a, b]) => contract.eval(a, b)?,
        (CoreOp::Conv(conv), [x, w]) => conv.eval(x, w, shape),
        (CoreOp::Sum(sum), _) => sum.eval(operands),
        (CoreOp::Reduce(reduce), [x]) => reduce.eval(x),
        (CoreOp::Map(map), [x]) => map_all(x.data(), |x| D::eval_map(map, x))?,
        (CoreOp::Div(div), [x, y]) => {
            x.iter().zip(y.iter()).map(|(x, y)| D::eval_div(div, x, y)).collect::<Result<_, _>>()?
        }
        (CoreOp::Extremum(e), [x, y]) => x.iter().zip(y.iter()).map(|(x, y)| e.eval(x, y)).collect(),
        (CoreOp::Compare(c), [x, y]) => x.iter().zip(y.iter()).map(|(x, y)| c.eval(x, y)).collect(),
        (CoreOp::Select, [c, x, y]) => {
            let triples = c.iter().zip(x.iter().zip(y.iter()));
            triples.map(|(c, (x, y))| select::eval(c, x, y)).collect::<Result<_, _>>()?
        }
        (CoreOp::OneHot(one_hot), [x]) => one_hot.eval(x)?,
        (CoreOp::Arg(arg), [x]) => arg.eval(x),
        (CoreOp::Input(_), _) => return Err("an input has no value of its own".into()),
        (
            CoreOp::Contract(_)
            | CoreOp::Conv(_)
            | CoreOp::Reduce(_)
            | CoreOp::Map(_)
            | CoreOp::Div(_)
            | CoreOp::Extremum(_)
            | CoreOp::Compare(_)
            | CoreOp::Select
            | CoreOp::OneHot(_)
            | CoreOp::Arg(_),
            _,
        ) => return Err(format!("{} operands", operands.len())),
    };
    Tensor::from_vec(shape, data).ok_or_else(|| format!("result does not have shape {shape:?}"))
}

/// `f` of every element; the error is that of the first element that has one.
fn map_all<T: Scalar>(x: &[T], f: impl Fn(T) -> Result<T, String> + Sync) -> Result<Vec<T>, String> {
    let parts: Vec<Result<Vec<T>, String>> = x.par_chunks(4096).map(|x| x.iter().map(|x| f(*x)).collect()).collect();
    let mut out = Vec::with_capacity(x.len());
    for part in parts {
        out.extend(part?);
    }
    Ok(out)
}

/// Bound of the result, see [`crate::op_bound`]. `constants` are the operands that are known, `facts` all operands'.
pub(crate) fn bound(
    op: &CoreOp<Field>,
    fact: &Fact,
    facts: &[&Fact],
    constants: &[Option<Tensor<i64>>],
    operands: &[Interval],
) -> Interval {
    if fact.is_empty() {
        return Interval::point(0);
    }
    match (op, operands) {
        (CoreOp::Input(input), _) => Interval::new(input.domain.lo, input.domain.hi()),
        (CoreOp::Const(t, _), _) => {
            let (lo, hi) = t.iter().fold((i64::MAX, i64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
            Interval::new(lo, hi)
        }
        (CoreOp::View(view), _) => {
            let shapes: Vec<&[usize]> = facts.iter().map(|f| f.shape.as_slice()).collect();
            let parts = operands.iter().zip(facts).filter(|(_, f)| !f.is_empty()).map(|(x, _)| x.clone());
            let zero = view.fills_zero(&shapes).then(|| Interval::point(0));
            parts.chain(zero).reduce(|x, y| x.union(&y)).unwrap_or(Interval::point(0))
        }
        (CoreOp::Contract(contract), [a, b]) => match constants {
            [_, Some(w)] => contract.bound_linear(w, 1, &facts[0].shape, a),
            [Some(w), None] => contract.bound_linear(w, 0, &facts[1].shape, b),
            _ => a.product(b).scaled(&contract.terms(&facts[0].shape, &facts[1].shape)),
        },
        (CoreOp::Conv(conv), [x, w]) => match constants {
            [_, Some(w)] => conv.bound_linear(w, x),
            _ => conv.padded(x).product(w).scaled(&conv.terms(&facts[1].shape)),
        },
        (CoreOp::Sum(sum), _) => sum.bound(operands),
        (CoreOp::Reduce(reduce), [x]) => reduce.bound(&facts[0].shape, x),
        (CoreOp::Map(requant), [x]) => requant.bound(x),
        (CoreOp::Div(quotient), _) => Interval::new(quotient.window.lo, quotient.window.hi()),
        (CoreOp::Extremum(e), [x, y]) => e.bound(x, y),
        (CoreOp::Compare(_) | CoreOp::OneHot(_), _) => Interval::new(0, 1),
        (CoreOp::Select, [_, x, y]) => x.union(y),
        (CoreOp::Arg(arg), _) => Interval::new(0, facts[0].shape[arg.axis] as i64 - 1),
        // Another number of operands than `infer` admits: no bound holds.
        (
            CoreOp::Contract(_)
            | CoreOp::Conv(_)
            | CoreOp::Reduce(_)
            | CoreOp::Map(_)
            | CoreOp::Extremum(_)
            | CoreOp::Select,
            _,
        ) => Interval { lo: BigInt::from(i64::MIN), hi: BigInt::from(i64::MAX) },
    }
}

/// Number of elements of a shape, `None` on overflow.
fn checked_len(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) { Some(0) } else { shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) }
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
