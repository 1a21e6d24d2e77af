//! Attention: scaled dot-product attention with heads, masks and cached keys and values.
//!
//! Spec: Attention; all opsets. Two contractions with a softmax between them. Grouped queries share the heads of keys.
//! What a mask excludes is minus infinity before the softmax. Rejected: rows that exclude everything give no number.

use plonnx_ir::op::{Compare, Label, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::softmax;
use crate::lower::{Call, Lowering, Results, extent, invalid, sized};

/// Labels of batch, key heads, queries that share a head, query and key positions, and the features that are compared
/// or averaged.
const B: Label = b'b';
const H: Label = b'h';
const G: Label = b'g';
const S: Label = b's';
const T: Label = b't';
const D: Label = b'd';

pub(super) fn lower(call: &mut Call) -> Results {
    let (q, k, v) = (call.input(0)?, call.input(1)?, call.input(2)?);
    call.ignore(&["softmax_precision"]);
    let flat = call.rank(q) == 3;
    let heads =
        |call: &mut Call, name| -> Lowering<Option<usize>> { call.int(name)?.map(|n| extent(n, name)).transpose() };
    let (q_heads, kv_heads) = (heads(call, "q_num_heads")?, heads(call, "kv_num_heads")?);
    let q = with_heads(call, q, q_heads)?;
    let k = with_heads(call, k, kv_heads)?;
    let v = with_heads(call, v, kv_heads)?;
    let (past_k, past_v) = (call.optional(4), call.optional(5));
    let past = past_k.map_or(0, |p| call.shape(p).get(2).copied().unwrap_or(0));
    let k = after_past(call, past_k, k)?;
    let v = after_past(call, past_v, v)?;
    let (q_shape, k_shape, v_shape) = (call.shape(q), call.shape(k), call.shape(v));
    let (&[batch, heads, queries, size], &[_, kv_heads, keys, _]) = (q_shape.as_slice(), k_shape.as_slice()) else {
        return invalid("queries and keys without heads");
    };
    let fits = kv_heads > 0
        && heads % kv_heads == 0
        && k_shape == [batch, kv_heads, keys, size]
        && v_shape[..3] == [batch, kv_heads, keys];
    if !fits {
        return invalid(format!("queries {q_shape:?}, keys {k_shape:?} and values {v_shape:?} do not fit"));
    }
    let group = heads / kv_heads;
    let scale = call.float("scale", 1.0 / (size as f64).sqrt())?;
    let grouped = call.reshape(q, &[batch, kv_heads, group, queries, size])?;
    let scores = call.contract(grouped, &[B, H, G, S, D], k, &[B, H, T, D], &[B, H, G, S, T])?;
    let raw = call.scale(scale, scores)?;
    let raw = call.reshape(raw, &[batch, heads, queries, keys])?;
    let cap = call.float("softcap", 0.0)?;
    let capped = if cap > 0.0 {
        let inner = call.scale(1.0 / cap, raw)?;
        let bent = call.map(Function::Tanh, inner)?;
        call.scale(cap, bent)?
    } else {
        raw
    };
    let masked = masked(call, capped, past)?;
    let weights = softmax::distribution(call, masked, &[3])?;
    let grouped = call.reshape(weights, &[batch, kv_heads, group, queries, keys])?;
    let out: &[Label] = if flat { &[B, S, H, G, D] } else { &[B, H, G, S, D] };
    let y = call.contract(grouped, &[B, H, G, S, T], v, &[B, H, T, D], out)?;
    let features = v_shape[3];
    let y = if flat {
        call.reshape(y, &[batch, queries, heads * features])?
    } else {
        call.reshape(y, &[batch, heads, queries, features])?
    };
    let shown = match call.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 => raw,
        1 => capped,
        2 => masked,
        3 => weights,
        other => return invalid(format!("qk_matmul_output_mode is {other}, expected 0 to 3")),
    };
    Ok(vec![y, k, v, shown])
}

/// `x` with axes batch, heads, positions, features.
fn with_heads(call: &mut Call, x: NodeId, heads: Option<usize>) -> Lowering<NodeId> {
    let shape = call.shape(x);
    match (shape.as_slice(), heads) {
        ([_, _, _, _], _) => Ok(x),
        ([batch, positions, features], Some(heads)) if heads > 0 && features % heads == 0 => {
            let split = call.reshape(x, &[*batch, *positions, heads, features / heads])?;
            call.transpose(split, &[0, 2, 1, 3])
        }
        _ => invalid(format!("an operand of shape {shape:?} with {heads:?} heads")),
    }
}

fn after_past(call: &mut Call, past: Option<NodeId>, x: NodeId) -> Lowering<NodeId> {
    match past {
        Some(past) => call.add(CoreOp::View(View::Concat { axis: 2 }), &[past, x]),
        None => Ok(x),
    }
}

/// `scores`, minus infinity where the masks exclude a key.
fn masked(call: &mut Call, mut scores: NodeId, past: usize) -> Lowering<NodeId> {
    let shape = call.shape(scores);
    let (queries, keys) = (shape[2], shape[3]);
    if let Some(mask) = call.optional(3) {
        let mask = lengthened(call, mask, keys)?;
        scores = if call.dtype(mask) == DType::Bool {
            chosen(call, mask, scores)?
        } else {
            call.linear(&[(1.0, scores), (1.0, mask)])?
        };
    }
    if call.flag("is_causal", false)? {
        sized(&[queries, keys])?;
        let bias = (0..queries)
            .flat_map(|i| (0..keys).map(move |j| if j <= i + past { 0.0 } else { f64::NEG_INFINITY }))
            .collect();
        let bias = call.tensor(&[queries, keys], bias, DType::Real)?;
        scores = call.linear(&[(1.0, scores), (1.0, bias)])?;
    }
    if let Some(lengths) = call.optional(6) {
        if call.shape(lengths) != [shape[0]] {
            return invalid(format!("lengths of shape {:?} for a batch of {}", call.shape(lengths), shape[0]));
        }
        let lengths = call.reshape(lengths, &[shape[0], 1, 1, 1])?;
        let positions = call.integers(&(0..keys).collect::<Vec<_>>())?;
        let operands = call.aligned(&[positions, lengths])?;
        let mask = call.add(CoreOp::Compare(Compare::Less), &operands)?;
        scores = chosen(call, mask, scores)?;
    }
    if call.shape(scores) != shape {
        return invalid(format!("the mask does not fit scores of shape {shape:?}"));
    }
    Ok(scores)
}

/// A mask that covers fewer keys excludes the others.
fn lengthened(call: &mut Call, mask: NodeId, keys: usize) -> Lowering<NodeId> {
    let shape = call.shape(mask);
    let Some(missing) = shape.last().and_then(|n| keys.checked_sub(*n)) else {
        return invalid(format!("a mask of shape {shape:?} for {keys} keys"));
    };
    if missing == 0 || shape.last() == Some(&1) {
        return Ok(mask);
    }
    let dtype = call.dtype(mask);
    let mut after = vec![0; shape.len()];
    after[shape.len() - 1] = missing;
    let view = View::Pad { before: vec![0; shape.len()], interior: vec![0; shape.len()], after };
    let fill = call.scalar(if dtype == DType::Bool { 0.0 } else { f64::NEG_INFINITY }, dtype)?;
    call.add(CoreOp::View(view), &[mask, fill])
}

/// `scores` where `mask` is 1, minus infinity elsewhere.
fn chosen(call: &mut Call, mask: NodeId, scores: NodeId) -> Lowering<NodeId> {
    let nothing = call.scalar(f64::NEG_INFINITY, DType::Real)?;
    let operands = call.aligned(&[mask, scores, nothing])?;
    call.add(CoreOp::Select, &operands)
}
