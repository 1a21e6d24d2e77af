//! RotaryEmbedding: pairs of features turned by angles that depend on the position.
//!
//! Spec: RotaryEmbedding; all opsets. Products with the cosines and sines of the caches, and a sum. Positions that depend
//! on the data look up the caches, and must lie in them. Nothing is rejected.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, NodeId};

use super::gather::select;
use crate::lower::{Call, Lowering, Results, extent, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, cos, sin, positions) = (call.input(0)?, call.input(1)?, call.input(2)?, call.optional(3));
    let shape = call.shape(x);
    let heads = extent(call.int("num_heads")?.unwrap_or(0), "num_heads")?;
    // Axes batch, positions, heads, features.
    let split = match shape.as_slice() {
        [_, _, _, _] => call.transpose(x, &[0, 2, 1, 3])?,
        [batch, length, features] if heads > 0 && features % heads == 0 => {
            call.reshape(x, &[*batch, *length, heads, features / heads])?
        }
        _ => return invalid(format!("an operand of shape {shape:?} with {heads} heads")),
    };
    let features = call.shape(split)[3];
    let turned = match extent(call.int("rotary_embedding_dim")?.unwrap_or(0), "rotary_embedding_dim")? {
        0 => features,
        n => n,
    };
    if turned > features || turned % 2 != 0 {
        return invalid(format!("{turned} of {features} features are turned"));
    }
    let interleaved = call.flag("interleaved", false)?;
    let half = turned / 2;
    let (first, second): (Vec<usize>, Vec<usize>) =
        (0..half).map(|i| if interleaved { (2 * i, 2 * i + 1) } else { (i, half + i) }).unzip();
    let (a, b) = (call.gather(split, 3, first.clone())?, call.gather(split, 3, second.clone())?);
    let cos = angles(call, cos, positions, half)?;
    let sin = angles(call, sin, positions, half)?;
    let real = difference(call, (cos, a), (sin, b), -1.0)?;
    let imaginary = difference(call, (sin, a), (cos, b), 1.0)?;
    let mut parts = vec![real, imaginary];
    if turned < features {
        parts.push(call.narrow(split, 3, turned, features - turned)?);
    }
    let joined = call.add(CoreOp::View(View::Concat { axis: 3 }), &parts)?;
    // Where each feature lies in `joined`.
    let mut order: Vec<usize> = (0..features).collect();
    for (at, feature) in first.into_iter().chain(second).enumerate() {
        order[feature] = at;
    }
    let y = call.gather(joined, 3, order)?;
    Ok(vec![if shape.len() == 4 { call.transpose(y, &[0, 2, 1, 3])? } else { call.reshape(y, &shape)? }])
}

/// Rows of a cache at the positions, with an axis for the heads.
fn angles(call: &mut Call, cache: NodeId, positions: Option<NodeId>, half: usize) -> Lowering<NodeId> {
    let rows = match positions {
        Some(positions) if call.rank(cache) == 2 => select(call, cache, 0, positions)?,
        _ => cache,
    };
    match call.shape(rows)[..] {
        [batch, length, n] if n == half => call.reshape(rows, &[batch, length, 1, half]),
        _ => invalid(format!("cosines or sines of shape {:?} for {half} angles", call.shape(rows))),
    }
}

/// `p.0 * p.1 + sign * q.0 * q.1`
fn difference(call: &mut Call, p: (NodeId, NodeId), q: (NodeId, NodeId), sign: f64) -> Lowering<NodeId> {
    let (p, q) = (call.product(p.0, p.1)?, call.product(q.0, q.1)?);
    call.linear(&[(1.0, p), (sign, q)])
}
