//! What becomes of scores.

use plonnx_ir::op::Reducer;
use plonnx_ir::{CoreOp, Function, NodeId};

use crate::lower::{Call, Lowering, unsupported};

/// A function of the scores of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostTransform {
    None,
    Softmax,
    Logistic,
}

impl PostTransform {
    /// The attribute `post_transform`.
    pub(super) fn of(call: &mut Call) -> Lowering<Self> {
        Self::named(call.text("post_transform", "NONE")?)
    }

    /// The transform with this number in `TreeEnsemble`.
    pub(super) fn numbered(number: i64) -> Lowering<Self> {
        Self::named(match number {
            0 => "NONE",
            1 => "SOFTMAX",
            2 => "LOGISTIC",
            3 => "SOFTMAX_ZERO",
            _ => "PROBIT",
        })
    }

    fn named(name: &str) -> Lowering<Self> {
        match name {
            "NONE" => Ok(Self::None),
            "SOFTMAX" => Ok(Self::Softmax),
            "LOGISTIC" => Ok(Self::Logistic),
            other => unsupported(
                format!("post_transform {other} is not supported"),
                "use NONE, SOFTMAX or LOGISTIC, or move the transform out of the model",
            ),
        }
    }

    /// Of scores `[n, c]`, row by row.
    pub(super) fn apply(self, call: &mut Call, scores: NodeId) -> Lowering<NodeId> {
        match self {
            Self::None => Ok(scores),
            Self::Logistic => call.map(Function::Sigmoid, scores),
            Self::Softmax => {
                let peak = call.reduce(Reducer::Max, scores, &[1], true)?;
                let centred = call.linear(&[(1.0, scores), (-1.0, peak)])?;
                let exp = call.map(Function::Exp, centred)?;
                let total = call.reduce(Reducer::Sum, exp, &[1], true)?;
                let operands = call.aligned(&[exp, total])?;
                call.add(CoreOp::Div(()), &operands)
            }
        }
    }
}
