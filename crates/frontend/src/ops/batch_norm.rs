//! BatchNormalization, at inference: `y = x * a + b` per channel or per feature.
//!
//! Spec: BatchNormalization; all opsets. When `x` comes from a Conv, Gemm or MatMul with known weights and nothing else
//! uses it, `a` and `b` are folded into those weights and their bias. In training mode, from opset 14 on, mean and
//! variance are those of the batch; before opset 9 there may be parameters for every feature. Rejected: training mode
//! before opset 14.

use plonnx_ir::op::{Label, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::conv::add_bias;
use super::layer_norm::{inverse_root_mean_square, mean, scale_rows};
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let [scale, bias, mean, variance] = [call.input(1)?, call.input(2)?, call.input(3)?, call.input(4)?];
    let epsilon = call.float("epsilon", 1e-5)?;
    let training = match call.opset {
        // The default was training, but exporters left out is_test: then only the results that training has tell.
        ..7 => call.int("is_test")?.map_or_else(|| (1..5).any(|i| call.wants(i)), |test| test == 0),
        _ => call.flag("training_mode", false)?,
    };
    if training && call.opset < 14 {
        return unsupported("training mode", "export the model in inference mode (model.eval())");
    }
    let per_feature = call.opset < 9 && !call.flag("spatial", true)?;
    call.ignore(&["consumed_inputs"]);
    let momentum = call.float("momentum", 0.9)?;
    let shape = call.shape(x);
    let Some(channels) = shape.get(1) else { return invalid(format!("no channels in shape {shape:?}")) };
    let expected = if per_feature { &shape[1..] } else { &[*channels] };
    if let Some(other) = [scale, bias, mean, variance].into_iter().find(|p| call.shape(*p) != *expected) {
        return invalid(format!("expected parameters of shape {expected:?}, got {:?}", call.shape(other)));
    }

    if training {
        return batch_statistics(call, x, [scale, bias, mean, variance], epsilon, momentum);
    }
    let epsilon = call.scalar(epsilon, DType::Real)?;
    let variance = call.linear(&[(1.0, variance), (1.0, epsilon)])?;
    let inverse = call.map(Function::Rsqrt, variance)?;
    let a = call.product(scale, inverse)?;
    let shift = call.product(mean, a)?;
    let b = call.linear(&[(1.0, bias), (-1.0, shift)])?;

    if per_feature {
        let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
        let y = call.contract(x, &labels, a, &labels[1..], &labels)?;
        return Ok(vec![call.linear(&[(1.0, y), (1.0, b)])?]);
    }
    if call.sole_use.first() == Some(&true)
        && call.is_known(a)
        && let Some(y) = fold(call, x, a, b)?
    {
        return Ok(vec![y]);
    }
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
    let y = call.contract(x, &labels, a, &labels[1..2], &labels)?;
    Ok(vec![add_bias(call, y, Some(b))?])
}

/// Normalises with mean and variance of the batch; also gives the running mean and variance after it.
fn batch_statistics(
    call: &mut Call,
    x: NodeId,
    [scale, bias, running_mean, running_variance]: [NodeId; 4],
    epsilon: f64,
    momentum: f64,
) -> Results {
    let shape = call.shape(x);
    let axes: Vec<usize> = (0..shape.len()).filter(|a| *a != 1).collect();
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
    let mean = mean(call, x, &axes)?;
    let centred = call.linear(&[(1.0, x), (-1.0, mean)])?;
    let inverse = inverse_root_mean_square(call, centred, &axes, epsilon)?;
    let normal = scale_rows(call, centred, inverse, &axes)?;
    let y = call.contract(normal, &labels, scale, &labels[1..2], &labels)?;
    let y = add_bias(call, y, Some(bias))?;
    let mean = call.reshape(mean, &[shape[1]])?;
    let mean = call.linear(&[(momentum, running_mean), (1.0 - momentum, mean)])?;
    let count = axes.iter().map(|a| shape[*a]).product::<usize>() as f64;
    let squares = call.contract(centred, &labels, centred, &labels, &labels[1..2])?;
    let variance = call.linear(&[(momentum, running_variance), ((1.0 - momentum) / count, squares)])?;
    Ok(vec![y, mean, variance])
}

/// `x * a + b` with `a` in the weights of the linear operator that gives `x`; `None` when there is none.
fn fold(builder: &mut Builder, x: NodeId, a: NodeId, b: NodeId) -> Lowering<Option<NodeId>> {
    let (product, offset) = split_bias(builder, x);
    let offset = match offset {
        None => b,
        Some(offset) => {
            let Some(per_channel) = per_channel(builder, offset, builder.shape(x).len())? else { return Ok(None) };
            let scaled = builder.product(per_channel, a)?;
            builder.linear(&[(1.0, scaled), (1.0, b)])?
        }
    };
    let node = builder.graph.node(product);
    let (op, inputs) = (node.op.clone(), node.inputs.clone());
    let y = match (op, inputs.as_slice()) {
        (CoreOp::Conv(conv), [input, w]) if builder.is_known(*w) => {
            let labels: Vec<Label> = (b'a'..=b'z').take(builder.rank(*w)).collect();
            let w = builder.contract(*w, &labels, a, &labels[..1], &labels)?;
            builder.conv(conv, *input, w)?
        }
        (CoreOp::Contract(contract), [input, w]) if builder.is_known(*w) => {
            let channel = contract.out[1];
            if !contract.b.contains(&channel) || contract.a.contains(&channel) {
                return Ok(None);
            }
            let w = builder.contract(*w, &contract.b, a, &[channel], &contract.b)?;
            builder.add(CoreOp::Contract(contract), &[*input, w])?
        }
        _ => return Ok(None),
    };
    add_bias(builder, y, Some(offset)).map(Some)
}

/// `x` as a linear operator's result and what is added to it.
fn split_bias(builder: &Builder, x: NodeId) -> (NodeId, Option<NodeId>) {
    let node = builder.graph.node(x);
    match (&node.op, node.inputs.as_slice()) {
        (CoreOp::Sum(sum), [y, offset]) if sum.coefficients == [1.0, 1.0] => (*y, Some(*offset)),
        _ => (x, None),
    }
}

/// A known tensor that varies along axis 1 of `rank` axes only, as a vector.
fn per_channel(builder: &mut Builder, x: NodeId, rank: usize) -> Lowering<Option<NodeId>> {
    let channels = builder.shape(x)[1];
    let (source, _) = builder.unrepeated(x);
    if !builder.is_known(source) {
        return Ok(None);
    }
    let shape = builder.shape(source);
    let at = (shape.len() + 1).checked_sub(rank);
    let varies_elsewhere = shape.iter().enumerate().any(|(i, extent)| Some(i) != at && *extent != 1);
    if varies_elsewhere {
        return Ok(None);
    }
    let flat = builder.reshape(source, &[shape.iter().product()])?;
    if builder.shape(flat) == [channels] {
        return Ok(Some(flat));
    }
    builder.view(View::Broadcast { shape: vec![channels] }, flat).map(Some)
}
