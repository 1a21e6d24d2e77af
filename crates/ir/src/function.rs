//! Real functions of one variable.

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
    /// Value at `x`.
    pub fn eval(self, _x: f64) -> f64 {
        0.0
    }
}
