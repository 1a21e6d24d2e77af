//! Real functions of one variable.

use std::fmt;

use crate::domain::Scalar;

/// A unary function on real numbers; evaluated with `libm`, so that results do not depend on the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    Abs,
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atanh,
    Ceil,
    /// Continuously differentiable exponential linear unit with parameter alpha.
    Celu(f64),
    /// The nearest member of `[lo, hi]`.
    Clip {
        lo: f64,
        hi: f64,
    },
    Cos,
    Cosh,
    /// Weight of an element at signed distance `x` in cubic convolution, with this slope at distance 1.
    CubicKernel(f64),
    /// Exponential linear unit with parameter alpha.
    Elu(f64),
    Erf,
    Exp,
    Floor,
    /// `x * Phi(x)` with the error function.
    Gelu,
    /// The approximation of [`Function::Gelu`] by tanh.
    GeluTanh,
    /// `max(0, min(1, alpha * x + beta))`
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    /// `x * max(0, min(1, x / 6 + 1 / 2))`
    HardSwish,
    /// `x` where positive, `alpha * x` elsewhere.
    LeakyRelu(f64),
    Log,
    Mish,
    /// `x` to a constant power.
    Pow(f64),
    Reciprocal,
    /// `x` thrown back from `lo` and `hi` until it lies between them.
    Reflect {
        lo: f64,
        hi: f64,
    },
    Relu,
    /// Nearest integer, ties to even.
    Round,
    Rsqrt,
    /// Scaled exponential linear unit.
    Selu {
        alpha: f64,
        gamma: f64,
    },
    Sigmoid,
    /// -1, 0 or 1.
    Sign,
    Sin,
    Sinh,
    Softplus,
    Softsign,
    Sqrt,
    /// `x * sigmoid(alpha * x)`
    Swish(f64),
    Tan,
    Tanh,
    /// `x` where above alpha, 0 elsewhere.
    ThresholdedRelu(f64),
    /// Towards zero.
    Trunc,
}

impl Function {
    /// Value at `x`. Outside the domain of the function the result is NaN, as in IEEE 754.
    pub fn eval(self, x: f64) -> f64 {
        match self {
            Function::Abs => libm::fabs(x),
            Function::Acos => libm::acos(x),
            Function::Acosh => libm::acosh(x),
            Function::Asin => libm::asin(x),
            Function::Asinh => libm::asinh(x),
            Function::Atan => libm::atan(x),
            Function::Atanh => libm::atanh(x),
            Function::Ceil => libm::ceil(x),
            Function::Celu(alpha) if x < 0.0 => alpha * libm::expm1(x / alpha),
            Function::Clip { lo, hi } => clip(x, lo, hi),
            Function::Cos => libm::cos(x),
            Function::Cosh => libm::cosh(x),
            Function::CubicKernel(a) => cubic_kernel(a, libm::fabs(x)),
            Function::Elu(alpha) if x < 0.0 => alpha * libm::expm1(x),
            Function::Erf => libm::erf(x),
            Function::Exp => libm::exp(x),
            Function::Floor => libm::floor(x),
            Function::Gelu => 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)),
            Function::GeluTanh => {
                let inner = libm::sqrt(2.0 / std::f64::consts::PI) * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + libm::tanh(inner))
            }
            Function::HardSigmoid { alpha, beta } => clip(alpha * x + beta, 0.0, 1.0),
            Function::HardSwish => x * clip(x / 6.0 + 0.5, 0.0, 1.0),
            Function::LeakyRelu(alpha) if x < 0.0 => alpha * x,
            Function::Celu(_) | Function::Elu(_) | Function::LeakyRelu(_) => x,
            Function::Log => libm::log(x),
            Function::Mish => x * libm::tanh(softplus(x)),
            Function::Pow(exponent) => libm::pow(x, exponent),
            Function::Reciprocal => 1.0 / x,
            Function::Reflect { lo, hi } => reflect(x, lo, hi),
            Function::Relu => {
                if x <= 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Function::Round => libm::rint(x),
            Function::Rsqrt => 1.0 / libm::sqrt(x),
            Function::Selu { alpha, gamma } if x < 0.0 => gamma * (alpha * libm::expm1(x)),
            Function::Selu { gamma, .. } => gamma * x,
            Function::Sigmoid => sigmoid(x),
            Function::Sign if x == 0.0 || x.is_nan() => x,
            Function::Sign => libm::copysign(1.0, x),
            Function::Sin => libm::sin(x),
            Function::Sinh => libm::sinh(x),
            Function::Softplus => softplus(x),
            Function::Softsign => x / (1.0 + libm::fabs(x)),
            Function::Sqrt => libm::sqrt(x),
            Function::Swish(alpha) => x * sigmoid(alpha * x),
            Function::Tan => libm::tan(x),
            Function::Tanh => libm::tanh(x),
            Function::ThresholdedRelu(alpha) => {
                if x > alpha {
                    x
                } else {
                    0.0
                }
            }
            Function::Trunc => libm::trunc(x),
        }
    }
}

/// `min(max(x, lo), hi)`: `hi` wins where the limits cross.
fn clip(x: f64, lo: f64, hi: f64) -> f64 {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}

fn cubic_kernel(a: f64, x: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        a * (((x - 5.0) * x + 8.0) * x - 4.0)
    } else {
        0.0
    }
}

/// A triangle wave that is the identity between `lo` and `hi`.
fn reflect(x: f64, lo: f64, hi: f64) -> f64 {
    let width = hi - lo;
    if width <= 0.0 {
        return lo;
    }
    let phase = libm::fmod(libm::fabs(x - lo), 2.0 * width);
    lo + if phase > width { 2.0 * width - phase } else { phase }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// `log(1 + e^x)`, written so that no intermediate overflows.
fn softplus(x: f64) -> f64 {
    clip(x, 0.0, f64::INFINITY) + libm::log1p(libm::exp(-libm::fabs(x)))
}

/// The text form of every function, once for both directions: the braces are an expression when reading and a pattern
/// when printing.
macro_rules! text_form {
    ($($name:literal ($($arg:ident),*) => { $($function:tt)+ })+) => {
        /// Name and parameters in the text form.
        fn parts(self) -> (&'static str, Vec<f64>) {
            match self {
                $(Function::$($function)+ => ($name, vec![$($arg),*]),)+
            }
        }

        fn from_parts(name: &str, parameters: &[f64]) -> Option<Self> {
            match (name, parameters) {
                $(($name, &[$($arg),*]) => Some(Function::$($function)+),)+
                _ => None,
            }
        }
    };
}

impl Function {
    text_form! {
        "abs"() => { Abs }
        "acos"() => { Acos }
        "acosh"() => { Acosh }
        "asin"() => { Asin }
        "asinh"() => { Asinh }
        "atan"() => { Atan }
        "atanh"() => { Atanh }
        "ceil"() => { Ceil }
        "celu"(alpha) => { Celu(alpha) }
        "clip"(lo, hi) => { Clip { lo, hi } }
        "cos"() => { Cos }
        "cosh"() => { Cosh }
        "cubic_kernel"(slope) => { CubicKernel(slope) }
        "elu"(alpha) => { Elu(alpha) }
        "erf"() => { Erf }
        "exp"() => { Exp }
        "floor"() => { Floor }
        "gelu"() => { Gelu }
        "gelu_tanh"() => { GeluTanh }
        "hard_sigmoid"(alpha, beta) => { HardSigmoid { alpha, beta } }
        "hard_swish"() => { HardSwish }
        "leaky_relu"(alpha) => { LeakyRelu(alpha) }
        "log"() => { Log }
        "mish"() => { Mish }
        "pow"(exponent) => { Pow(exponent) }
        "reciprocal"() => { Reciprocal }
        "reflect"(lo, hi) => { Reflect { lo, hi } }
        "relu"() => { Relu }
        "round"() => { Round }
        "rsqrt"() => { Rsqrt }
        "selu"(alpha, gamma) => { Selu { alpha, gamma } }
        "sigmoid"() => { Sigmoid }
        "sign"() => { Sign }
        "sin"() => { Sin }
        "sinh"() => { Sinh }
        "softplus"() => { Softplus }
        "softsign"() => { Softsign }
        "sqrt"() => { Sqrt }
        "swish"(alpha) => { Swish(alpha) }
        "tan"() => { Tan }
        "tanh"() => { Tanh }
        "thresholded_relu"(alpha) => { ThresholdedRelu(alpha) }
        "trunc"() => { Trunc }
    }

    /// Reads what [`Display`](fmt::Display) prints; `None` unless it is of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((name, rest)) = text.split_once('(') else {
            return Self::from_parts(text, &[]);
        };
        let parameters: Option<Vec<f64>> = rest.strip_suffix(')')?.split(',').map(|p| p.trim().parse().ok()).collect();
        Self::from_parts(name, &parameters?)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, parameters) = self.parts();
        f.write_str(name)?;
        if !parameters.is_empty() {
            let parameters: Vec<String> = parameters.iter().map(|p| p.to_text()).collect();
            write!(f, "({})", parameters.join(","))?;
        }
        Ok(())
    }
}
