//! LinearAttention: attention with a state of fixed size, read and written once per position.
//!
//! Spec: LinearAttention; all opsets. The positions are unrolled. Rejected: more than 256 positions.

use plonnx_ir::op::{Label, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results, extent, invalid, unsupported};

/// Most positions.
const POSITIONS: usize = 256;

/// Labels of batch, key heads, queries that share a head, and features of keys and values.
const B: Label = b'b';
const H: Label = b'h';
const G: Label = b'g';
const D: Label = b'd';
const M: Label = b'm';

pub(super) fn lower(call: &mut Call) -> Results {
    let (q, k, v) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let heads = |call: &mut Call, name| extent(call.int(name)?.unwrap_or(0), name);
    let (q_heads, kv_heads) = (heads(call, "q_num_heads")?, heads(call, "kv_num_heads")?);
    call.ignore(&["chunk_size"]);
    let rule = call.text("update_rule", "gated_delta")?;
    let (gated, delta) = match rule {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => return invalid(format!("unknown update_rule \"{other}\"")),
    };
    let (past, decay, beta) = (call.optional(3), call.optional(4), call.optional(5));
    if decay.is_some() != gated || beta.is_some() != delta {
        return invalid(format!("decay and beta do not fit update_rule \"{rule}\""));
    }
    let shape = call.shape(q);
    let [batch, length, _] = shape[..] else { return invalid(format!("queries of shape {shape:?}")) };
    if kv_heads == 0 || q_heads == 0 || q_heads % kv_heads != 0 {
        return invalid(format!("{q_heads} heads of queries and {kv_heads} of keys"));
    }
    if length > POSITIONS {
        return unsupported(format!("{length} positions, the limit is {POSITIONS}"), "use shorter sequences");
    }
    let group = q_heads / kv_heads;
    // Axes batch, positions, heads, features.
    let q = with_heads(call, q, &[kv_heads, group])?;
    let [k, v] = [with_heads(call, k, &[kv_heads])?, with_heads(call, v, &[kv_heads])?];
    let (d_k, d_v) = (call.shape(k)[3], call.shape(v)[3]);
    let decay = decay.map(|g| with_heads(call, g, &[kv_heads])).transpose()?;
    let decay = decay.map(|g| call.map(Function::Exp, g)).transpose()?;
    let beta = match beta {
        Some(beta) => {
            let count = call.shape(beta).last().copied().unwrap_or(0);
            Some(with_heads(call, beta, &[if count == 1 { 1 } else { kv_heads }])?)
        }
        None => None,
    };
    let scale = match call.float("scale", 0.0)? {
        0.0 => 1.0 / (d_k as f64).sqrt(),
        scale => scale,
    };
    let mut state = match past {
        Some(past) => past,
        None => {
            let zero = call.scalar(0.0, DType::Real)?;
            call.broadcast(zero, &[batch, kv_heads, d_k, d_v])?
        }
    };
    if call.shape(state) != [batch, kv_heads, d_k, d_v] {
        return invalid(format!("a state of shape {:?}", call.shape(state)));
    }
    let mut outputs = Vec::with_capacity(length);
    for t in 0..length {
        let [q, k, mut v] = [at(call, q, t)?, at(call, k, t)?, at(call, v, t)?];
        if let Some(decay) = decay {
            let kept = at(call, decay, t)?;
            state = call.contract(state, &[B, H, D, M], kept, &[B, H, D], &[B, H, D, M])?;
        }
        if let Some(beta) = beta {
            let beta = at(call, beta, t)?;
            let found = call.contract(state, &[B, H, D, M], k, &[B, H, D], &[B, H, M])?;
            let wrong = call.linear(&[(1.0, v), (-1.0, found)])?;
            v = call.product(wrong, beta)?;
        }
        let written = call.contract(k, &[B, H, D], v, &[B, H, M], &[B, H, D, M])?;
        state = call.linear(&[(1.0, state), (1.0, written)])?;
        let read = call.contract(q, &[B, H, G, D], state, &[B, H, D, M], &[B, H, G, M])?;
        let read = call.scale(scale, read)?;
        outputs.push(call.reshape(read, &[batch, 1, q_heads * d_v])?);
    }
    let y = call.add(CoreOp::View(View::Concat { axis: 1 }), &outputs)?;
    Ok(vec![y, state])
}

/// The features of every position split among `heads`.
fn with_heads(call: &mut Call, x: NodeId, heads: &[usize]) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let count: usize = heads.iter().product();
    match shape[..] {
        [batch, length, features] if count > 0 && features % count == 0 => {
            call.reshape(x, &[&[batch, length], heads, &[features / count]].concat())
        }
        _ => invalid(format!("an operand of shape {shape:?} with {count} heads")),
    }
}

/// Position `t` of axis 1, which disappears.
fn at(call: &mut Call, x: NodeId, t: usize) -> Lowering<NodeId> {
    let mut shape = call.shape(x);
    if shape[1] <= t {
        return invalid("operands differ in their number of positions");
    }
    let one = call.narrow(x, 1, t, 1)?;
    shape.remove(1);
    call.reshape(one, &shape)
}
