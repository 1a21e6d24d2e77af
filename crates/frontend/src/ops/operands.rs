//! Operands of the elementwise operators of two operands.
//!
//! From opset 7 on shapes broadcast as in NumPy. Before, an attribute `broadcast` allowed the second operand to be
//! repeated, with its first axis at the attribute `axis` of the first operand.

use plonnx_ir::{DType, NodeId};

use crate::lower::{Builder, Call, Lowering, axis, broadcast_shapes, invalid};

pub(super) fn pair(call: &mut Call) -> Lowering<[NodeId; 2]> {
    let (x, y) = (call.input(0)?, call.input(1)?);
    if call.opset >= 7 {
        return Ok([x, y]);
    }
    call.ignore(&["consumed_inputs"]);
    let (broadcast, at) = (call.flag("broadcast", false)?, call.int("axis")?);
    let (outer, inner) = (call.shape(x), call.shape(y));
    if !broadcast {
        return if outer == inner { Ok([x, y]) } else { invalid(format!("shapes differ: {outer:?} and {inner:?}")) };
    }
    let shape = match at {
        None => inner.clone(),
        Some(at) => {
            let at = axis(at, outer.len())?;
            let missing = outer.len().saturating_sub(at + inner.len());
            inner.iter().copied().chain(std::iter::repeat_n(1, missing)).collect()
        }
    };
    // Only the second operand is repeated.
    if broadcast_shapes(&outer, &shape).ok().as_ref() != Some(&outer) {
        return invalid(format!("shape {inner:?} does not fit into {outer:?}"));
    }
    Ok([x, call.reshape(y, &shape)?])
}

/// `function` of every pair of elements, for known operands; `None` for others. Broadcasts.
pub(super) fn known_pairs(
    builder: &mut Builder,
    [x, y]: [NodeId; 2],
    dtype: DType,
    function: impl Fn(f64, f64) -> Lowering<f64>,
) -> Lowering<Option<NodeId>> {
    if !builder.is_known(x) || !builder.is_known(y) {
        return Ok(None);
    }
    let shape = builder.common_shape(&[x, y])?;
    let (x, y) = (builder.broadcast(x, &shape)?, builder.broadcast(y, &shape)?);
    let (Some(x), Some(y)) = (builder.known(x), builder.known(y)) else { return Ok(None) };
    let data = x.iter().zip(y.iter()).map(|(x, y)| function(x, y)).collect::<Lowering<_>>()?;
    builder.tensor(&shape, data, dtype).map(Some)
}
