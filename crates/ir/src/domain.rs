//! The two domains a graph lives in.

use std::fmt::{self, Debug, Display};

use ndarray::ArrayD;

use crate::function::Function;
use crate::op::{Quotient, Requant, Window};

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
}

impl Scalar for f64 {
    fn from_i64(value: i64) -> Self {
        value as f64
    }
    fn to_bytes(self) -> [u8; 8] {
        self.to_bits().to_le_bytes()
    }
}

impl Scalar for i64 {
    fn from_i64(value: i64) -> Self {
        value
    }
    fn to_bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
}

/// What differs between real and integer graphs: the scalar and the attributes of the operators that round.
pub trait Domain: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Element type of every tensor.
    type Scalar: Scalar;
    /// What is known of an input beside its shape.
    type Input: Clone + Debug + PartialEq + Send + Sync;
    /// Attribute of [`crate::CoreOp::Map`].
    type Map: Clone + Debug + PartialEq + Send + Sync;
    /// Attribute of [`crate::CoreOp::Div`].
    type Div: Clone + Debug + PartialEq + Send + Sync;
    /// Annotation of every node.
    type Note: Clone + Copy + Debug + Default + PartialEq + Send + Sync;
    /// Name used by the text form.
    const NAME: &'static str;

    /// Evaluates `map` elementwise; the error says which value left its range.
    fn eval_map(map: &Self::Map, x: &ArrayD<Self::Scalar>) -> Result<ArrayD<Self::Scalar>, String>;
    /// Evaluates `x / y` elementwise on tensors of one shape.
    fn eval_div(
        div: &Self::Div,
        x: &ArrayD<Self::Scalar>,
        y: &ArrayD<Self::Scalar>,
    ) -> Result<ArrayD<Self::Scalar>, String>;
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

    fn eval_map(map: &Function, x: &ArrayD<f64>) -> Result<ArrayD<f64>, String> {
        Ok(x.mapv(|v| map.eval(v)))
    }

    fn eval_div(_: &(), x: &ArrayD<f64>, y: &ArrayD<f64>) -> Result<ArrayD<f64>, String> {
        Ok(x / y)
    }
}

impl Domain for Field {
    type Scalar = i64;
    type Input = Window;
    type Map = Requant;
    type Div = Quotient;
    type Note = Log2Scale;
    const NAME: &'static str = "field";

    fn eval_map(map: &Requant, x: &ArrayD<i64>) -> Result<ArrayD<i64>, String> {
        let mut out = x.clone();
        for v in &mut out {
            *v = map.eval(*v)?;
        }
        Ok(out)
    }

    fn eval_div(div: &Quotient, x: &ArrayD<i64>, y: &ArrayD<i64>) -> Result<ArrayD<i64>, String> {
        let mut out = x.clone();
        for (v, d) in out.iter_mut().zip(y) {
            *v = div.eval(*v, *d)?;
        }
        Ok(out)
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
        write!(f, "2^{}", -self.0)
    }
}
