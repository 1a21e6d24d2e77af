//! GroupNormalization, InstanceNormalization: groups of channels with mean 0 and variance 1 per sample.
//!
//! Spec: the pages of these names; all opsets. Before opset 21 GroupNormalization scaled per group, then per channel.
//! Rejected: channels that the groups do not divide.

use plonnx_ir::NodeId;
use plonnx_ir::op::Label;

use super::conv::add_bias;
use super::layer_norm::{inverse_root_mean_square, mean, scale_rows};
use crate::lower::{Call, Lowering, Results, extent, invalid};

pub(super) fn instance_norm(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let (x, scale, bias) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let channels = channels(call, x)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    Ok(vec![normalise(call, x, channels, scale, bias, epsilon)?])
}

pub(super) fn group_norm(call: &mut Call) -> Results {
    let (x, mut scale, mut bias) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let channels = channels(call, x)?;
    let groups = extent(call.int("num_groups")?.unwrap_or(0), "num_groups")?;
    let epsilon = call.float("epsilon", 1e-5)?;
    call.ignore(&["stash_type"]);
    if groups == 0 || channels % groups != 0 {
        return invalid(format!("{groups} groups of {channels} channels"));
    }
    if call.opset < 21 && call.shape(scale) == [groups] && call.shape(bias) == [groups] {
        let of_channel: Vec<usize> = (0..channels).map(|c| c / (channels / groups)).collect();
        scale = call.gather(scale, 0, of_channel.clone())?;
        bias = call.gather(bias, 0, of_channel)?;
    }
    Ok(vec![normalise(call, x, groups, scale, bias, epsilon)?])
}

fn normalise(call: &mut Call, x: NodeId, groups: usize, scale: NodeId, bias: NodeId, epsilon: f64) -> Lowering<NodeId> {
    let shape = call.shape(x);
    if call.shape(scale) != [shape[1]] {
        return invalid(format!("scale of shape {:?} for {} channels", call.shape(scale), shape[1]));
    }
    let size = shape[1..].iter().product::<usize>() / groups.max(1);
    let grouped = call.reshape(x, &[shape[0], groups, size])?;
    let mean = mean(call, grouped, &[2])?;
    let centred = call.linear(&[(1.0, grouped), (-1.0, mean)])?;
    let inverse = inverse_root_mean_square(call, centred, &[2], epsilon)?;
    let normal = scale_rows(call, centred, inverse, &[2])?;
    let normal = call.reshape(normal, &shape)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
    let y = call.contract(normal, &labels, scale, &labels[1..2], &labels)?;
    add_bias(call, y, Some(bias))
}

fn channels(call: &Call, x: NodeId) -> Lowering<usize> {
    match call.graph.shape(x) {
        [_, channels, ..] => Ok(*channels),
        shape => invalid(format!("expected at least two axes, batch and channels, got shape {shape:?}")),
    }
}
