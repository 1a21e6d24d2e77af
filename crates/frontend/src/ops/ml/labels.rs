//! Class labels: from the index of a class to what the model calls it.

use plonnx_ir::op::{Arg, Extremum, OneHot};
use plonnx_ir::{CoreOp, DType, NodeId};

use crate::lower::{Call, Lowering, invalid};

/// Names of classes.
#[derive(Clone, Debug)]
pub(super) enum Labels {
    Whole(Vec<i64>),
    /// Texts: the index stands for them.
    Texts(Vec<String>),
}

impl Labels {
    /// Of whichever of two attributes is given.
    pub(super) fn of(call: &mut Call, whole: &'static str, texts: &'static str) -> Lowering<Self> {
        match (call.ints(whole)?.filter(|v| !v.is_empty()), call.texts(texts)?.filter(|v| !v.is_empty())) {
            (Some(labels), None) => Ok(Self::Whole(labels)),
            (None, Some(labels)) => Ok(Self::Texts(labels)),
            (None, None) => invalid(format!("expected class labels in \"{whole}\" or \"{texts}\"")),
            (Some(_), Some(_)) => invalid(format!("expected one of \"{whole}\" and \"{texts}\", got both")),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(labels) => labels.len(),
            Self::Texts(labels) => labels.len(),
        }
    }

    /// Labels of classes `[n]`, given by their indices.
    pub(super) fn name(&self, call: &mut Call, classes: NodeId) -> Lowering<NodeId> {
        match self {
            Self::Texts(labels) => {
                let list: Vec<String> = labels.iter().enumerate().map(|(i, l)| format!("{i} = \"{l}\"")).collect();
                call.remark(format!("labels are texts: the result is their index, {}", list.join(", ")));
                Ok(classes)
            }
            Self::Whole(labels) if labels.iter().copied().eq(0..labels.len() as i64) => Ok(classes),
            Self::Whole(labels) => {
                let table = labels.iter().map(|l| *l as f64).collect();
                let table = call.tensor(&[labels.len()], table, DType::Int)?;
                let unit = call.add(CoreOp::OneHot(OneHot { depth: labels.len() }), &[classes])?;
                call.contract(unit, b"nc", table, b"c", b"n")
            }
        }
    }

    /// Label of the largest of scores `[n, c]`; the first of equal ones.
    pub(super) fn of_largest(&self, call: &mut Call, scores: NodeId) -> Lowering<NodeId> {
        let arg = Arg { extremum: Extremum::Max, axis: 1, last: false, keep: false };
        let classes = call.add(CoreOp::Arg(arg), &[scores])?;
        self.name(call, classes)
    }

    /// Label 1 where `scores`, `[n, 1]`, is above `threshold`, and label 0 elsewhere.
    pub(super) fn of_sign(&self, call: &mut Call, scores: NodeId, threshold: f64) -> Lowering<NodeId> {
        let above = super::scaling::above(call, scores, threshold)?;
        let n = call.shape(above)[0];
        let above = call.reshape(above, &[n])?;
        let classes = call.retype(above, DType::Int)?;
        self.name(call, classes)
    }
}
