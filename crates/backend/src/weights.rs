//! Committed weights: a program whose weights are inputs.
//!
//! Constants of a circuit are visible to whoever has its key. [`split`] makes inputs of the constants that weigh
//! data, so that they are witness cells, range checked and committed to; the program that is left, and so the key,
//! depends on their shapes, scales and widths only.
//!
//! A constant is a weight if it is real and a contraction, convolution, sum or comparison reads it, directly or
//! through views. These stay public: integers and truth values, which lowering makes for indices, masks and the shape
//! of trees; constants that only choices and the like read; and positive constants that a sum adds below a root or
//! into a divisor, where the circuit has to know that the result is positive (the epsilon of a normalisation). So do
//! factors: what multiplies all elements of a tensor alike is a coefficient of a sum, or a scale when it is a power of two.

use plonnx_ir::op::{Input, Requant, Window};
use plonnx_ir::{CoreOp, DType, Field, Graph, NodeId, Tensor};
use serde::{Deserialize, Serialize};

use crate::commitment::{Commitment, Encoding, Salt, Subject, commit};
use crate::error::BackendError;
use crate::gate::DIGIT_BITS;

/// How the weights of a model appear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Constants of the circuit: the key stands for them.
    #[default]
    Public,
    /// Witness cells; the statement has a salted commitment to all of them.
    Committed,
}

impl Weights {
    /// Both.
    pub const ALL: [Weights; 2] = [Weights::Public, Weights::Committed];

    /// Name on the command line and in digests.
    pub fn name(self) -> &'static str {
        match self {
            Weights::Public => "public",
            Weights::Committed => "committed",
        }
    }

    /// What is called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.name() == name)
    }
}

/// A program without its weights, and the weights.
#[derive(Clone, Debug)]
pub struct Split {
    /// The weights are its last inputs.
    pub program: Graph<Field>,
    pub weights: Vec<Tensor<i64>>,
    /// Names of the constants that stay in the program, with their numbers of elements, and of sums with factors.
    pub remaining: Vec<(String, usize)>,
}

impl Split {
    /// The commitment to the weights. It depends on nothing but the weights, their encodings and order, and the salt.
    pub fn commitment(&self, salt: &Salt) -> Result<Commitment, String> {
        let values: Vec<Vec<i64>> = self.weights.iter().map(Tensor::to_vec).collect();
        let inputs = self.program.inputs();
        let ids = inputs.iter().skip(inputs.len().saturating_sub(self.weights.len()));
        let mut tensors = Vec::with_capacity(values.len());
        for (id, values) in ids.zip(&values) {
            let node = self.program.node(*id);
            let CoreOp::Input(input) = &node.op else { continue };
            let digits = (input.domain.bits / DIGIT_BITS) as usize;
            let encoding = Encoding::new(values.len(), node.note.0, input.domain.lo, digits)
                .ok_or_else(|| format!("\"{}\": the encoding is beyond its limits", node.name))?;
            tensors.push((encoding, values.as_slice()));
        }
        commit(Subject::Model, &tensors, salt)
    }
}

/// Makes inputs of the weights of `program`. The inputs of the program come first, then its weights in program order.
pub fn split(program: &Graph<Field>) -> Result<Split, BackendError> {
    let mut graph = Graph::new();
    let mut map: Vec<Option<NodeId>> = vec![None; program.len()];
    for id in program.inputs() {
        let node = program.node(*id);
        map[id.index()] = Some(graph.add_noted(&node.name, node.op.clone(), &[], node.note)?);
    }
    let (mut weights, mut remaining) = (Vec::new(), Vec::new());
    for id in program.ids() {
        let node = program.node(id);
        if let CoreOp::Sum(sum) = &node.op {
            let factors = sum.coefficients.iter().filter(|c| !c.unsigned_abs().is_power_of_two()).count();
            remaining.extend((factors > 0).then(|| (node.name.clone(), factors)));
        }
        let CoreOp::Const(values, dtype) = &node.op else { continue };
        if !is_weight(program, id, values, *dtype) {
            remaining.push((node.name.clone(), values.len()));
            continue;
        }
        let input = Input { shape: node.fact.shape.clone(), dtype: *dtype, domain: window(values) };
        map[id.index()] = Some(graph.add_noted(&node.name, CoreOp::Input(input), &[], node.note)?);
        weights.push(values.clone());
    }
    for id in program.ids() {
        if map[id.index()].is_none() {
            let node = program.node(id);
            let inputs: Vec<NodeId> = node.inputs.iter().filter_map(|i| map[i.index()]).collect();
            map[id.index()] = Some(graph.add_noted(&node.name, node.op.clone(), &inputs, node.note)?);
        }
    }
    for output in program.outputs() {
        if let Some(node) = map[output.node.index()] {
            graph.add_output(&output.name, node);
        }
    }
    if weights.is_empty() {
        return Err(BackendError::Settings("the model has no weights to commit to; make them public".into()));
    }
    Ok(Split { program: graph, weights, remaining })
}

/// The least signed window of whole octal digits that holds all values: no cell needs a second range check, and the
/// program depends on the width of the largest weight only.
fn window(values: &Tensor<i64>) -> Window {
    let fits = |bits: &u32| {
        let window = Window::signed(*bits);
        values.iter().all(|v| window.contains(v))
    };
    let widths = (1..=20).map(|digits| DIGIT_BITS * digits);
    Window::signed(widths.clone().find(fits).unwrap_or(60))
}

fn is_weight(program: &Graph<Field>, id: NodeId, values: &Tensor<i64>, dtype: DType) -> bool {
    let positive = values.iter().all(|v| v > 0);
    dtype == DType::Real && !values.is_empty() && weighs(program, id) && !(positive && keeps_positive(program, id))
}

/// Whether a linear operator or a comparison (with a tree's thresholds) reads `id`, directly or through views.
fn weighs(program: &Graph<Field>, id: NodeId) -> bool {
    program.consumers(id).into_iter().any(|user| match program.node(user).op {
        CoreOp::Contract(_) | CoreOp::Conv(_) | CoreOp::Sum(_) | CoreOp::Compare(_) => true,
        CoreOp::View(_) => weighs(program, user),
        _ => false,
    })
}

/// Whether `id` is added, through views, sums and rounding, to what a root is taken of or what is divided by.
fn keeps_positive(program: &Graph<Field>, id: NodeId) -> bool {
    program.consumers(id).into_iter().any(|user| {
        let node = program.node(user);
        match &node.op {
            CoreOp::Map(Requant::Sqrt { .. } | Requant::Rsqrt { .. }) => true,
            CoreOp::Div(_) => node.inputs.get(1) == Some(&id),
            CoreOp::View(_) | CoreOp::Sum(_) | CoreOp::Map(Requant::Round { .. }) => keeps_positive(program, user),
            _ => false,
        }
    })
}
