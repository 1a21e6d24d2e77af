//! The two domains a graph lives in.

use std::fmt::{self, Debug, Display};

use crate::error::IrError;
use crate::function::Function;
use crate::graph::Graph;
use crate::op::{Quotient, Requant, Window};
use crate::text::Attribute;
use crate::verify::verify_field;

/// Arithmetic that linear operators need, alike for real numbers and integers.
pub trait Scalar:
    Copy
    + Debug
    + Display
    + Default
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + num_traits::NumAssign
    + ndarray::LinalgScalar
    + ndarray::ScalarOperand
    + 'static
{
    /// The scalar of a small integer.
    fn from_i64(value: i64) -> Self;
    /// Bytes that identify the value, used for content hashes.
    fn to_bytes(self) -> [u8; 8];
    /// The sum; integers wrap, which verified graphs exclude.
    fn plus(self, other: Self) -> Self;
    /// The product; integers wrap, which verified graphs exclude.
    fn times(self, other: Self) -> Self;
    /// The position that the value names, `None` unless it is a non-negative integer.
    fn to_index(self) -> Option<usize>;
    /// Shortest text that reads back as the same value.
    fn to_text(self) -> String;
    /// Reads what [`Scalar::to_text`] writes.
    fn from_text(text: &str) -> Option<Self>;
}

impl Scalar for f64 {
    fn from_i64(value: i64) -> Self {
        value as f64
    }
    fn to_bytes(self) -> [u8; 8] {
        self.to_bits().to_le_bytes()
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn times(self, other: Self) -> Self {
        self * other
    }
    fn to_index(self) -> Option<usize> {
        let exact = (0.0..9.0e15).contains(&self) && libm::trunc(self) == self;
        exact.then_some(self as usize)
    }
    fn to_text(self) -> String {
        let text = format!("{self:?}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_string)
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Scalar for i64 {
    fn from_i64(value: i64) -> Self {
        value
    }
    fn to_bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
    fn to_index(self) -> Option<usize> {
        usize::try_from(self).ok()
    }
    fn to_text(self) -> String {
        self.to_string()
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What differs between real and integer graphs: the scalar and the attributes of the operators that round.
pub trait Domain: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Element type of every tensor.
    type Scalar: Scalar;
    /// What is known of an input beside its shape.
    type Input: Clone + Debug + PartialEq + Send + Sync + Attribute<Self::Scalar>;
    /// Attribute of [`crate::CoreOp::Map`].
    type Map: Clone + Debug + PartialEq + Send + Sync + Attribute<Self::Scalar>;
    /// Attribute of [`crate::CoreOp::Div`].
    type Div: Clone + Debug + PartialEq + Send + Sync + Attribute<Self::Scalar>;
    /// Annotation of every node.
    type Note: Clone + Copy + Debug + Default + PartialEq + Send + Sync + Attribute<Self::Scalar>;
    /// Name used by the text form.
    const NAME: &'static str;

    /// Whether the caller may pass `value` as an element of `input`; the error says why not.
    fn admit(input: &Self::Input, value: Self::Scalar) -> Result<(), String>;
    /// Evaluates `map` on one element; the error says which range was left.
    fn eval_map(map: &Self::Map, x: Self::Scalar) -> Result<Self::Scalar, String>;
    /// Evaluates `x / y` on one pair; the error says which range was left.
    fn eval_div(div: &Self::Div, x: Self::Scalar, y: Self::Scalar) -> Result<Self::Scalar, String>;
    /// The invariants that only this domain has; `graph` meets the common ones.
    fn verify(graph: &Graph<Self>) -> Vec<IrError>;
}

/// Real numbers: the meaning of the ONNX model.
#[derive(Clone, Debug, PartialEq)]
pub struct Float;

/// Integers below 2^62 in absolute value: the meaning of the circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct Field;

impl Domain for Float {
    type Scalar = f64;
    type Input = ();
    type Map = Function;
    type Div = ();
    type Note = ();
    const NAME: &'static str = "float";

    fn admit(_: &(), _: f64) -> Result<(), String> {
        Ok(())
    }

    fn eval_map(map: &Function, x: f64) -> Result<f64, String> {
        Ok(map.eval(x))
    }

    fn eval_div(_: &(), x: f64, y: f64) -> Result<f64, String> {
        Ok(x / y)
    }

    fn verify(_: &Graph<Self>) -> Vec<IrError> {
        Vec::new()
    }
}

impl Domain for Field {
    type Scalar = i64;
    type Input = Window;
    type Map = Requant;
    type Div = Quotient;
    type Note = Log2Scale;
    const NAME: &'static str = "field";

    fn admit(input: &Window, value: i64) -> Result<(), String> {
        input.admit(value).map(|_| ())
    }

    fn eval_map(map: &Requant, x: i64) -> Result<i64, String> {
        map.eval(x)
    }

    fn eval_div(div: &Quotient, x: i64, y: i64) -> Result<i64, String> {
        div.eval(x, y)
    }

    fn verify(graph: &Graph<Self>) -> Vec<IrError> {
        verify_field(graph)
    }
}

/// Power-of-two scale: the real value of the integer `q` is `q * 2^-e`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Log2Scale(pub i32);

impl Log2Scale {
    /// Nearest integer (ties away from zero) of a real value at this scale.
    pub fn quantise(self, value: f64) -> i64 {
        libm::round(libm::ldexp(value, self.0)) as i64
    }

    /// Real value of the integer `q`.
    pub fn real(self, q: i64) -> f64 {
        libm::ldexp(q as f64, -self.0)
    }
}

impl Display for Log2Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2^{}", -i64::from(self.0))
    }
}
