//! What the operators of quantised models share: scales and zero points, rounding to integers and back.

use plonnx_ir::op::Extremum;
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::decode::ElemType;
use crate::lower::{Builder, Call, Lowering, axis, extent, invalid, unsupported};

/// `real = scale * (integer - zero)`, both in a shape that broadcasts with the tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) scale: NodeId,
    /// `None` for 0.
    pub(super) zero: Option<NodeId>,
}

impl Grid {
    /// Scale and zero point of a tensor of `shape`: one for all, one along an axis, or one for every block along it.
    pub(super) fn new(call: &mut Call, scale: NodeId, zero: Option<NodeId>, shape: &[usize]) -> Lowering<Self> {
        let block = extent(call.int("block_size")?.unwrap_or(0), "block_size")?;
        let at = call.int("axis")?.unwrap_or(1);
        let scale = spread(call, scale, shape, at, block)?;
        let zero = match zero.filter(|z| call.uniform(*z) != Some(0.0)) {
            Some(zero) => Some(spread(call, zero, shape, at, block)?),
            None => None,
        };
        Ok(Self { scale, zero })
    }

    /// Scale and zero point of one number each, or one along `axis` of a tensor of `shape`.
    pub(super) fn along(
        call: &mut Call,
        scale: NodeId,
        zero: Option<NodeId>,
        shape: &[usize],
        axis: i64,
    ) -> Lowering<Self> {
        let scale = spread(call, scale, shape, axis, 0)?;
        let zero = zero.filter(|z| call.uniform(*z) != Some(0.0));
        Ok(Self { scale, zero: zero.map(|z| spread(call, z, shape, axis, 0)).transpose()? })
    }
}

/// One number, one for every element of the axis, or one for every `block` elements of it, to broadcast with `shape`.
fn spread(call: &mut Call, x: NodeId, shape: &[usize], at: i64, block: usize) -> Lowering<NodeId> {
    let own = call.shape(x);
    if block > 0 {
        let at = axis(at, shape.len())?;
        let fits = own.len() == shape.len()
            && (0..shape.len()).all(|i| own[i] == if i == at { shape[i].div_ceil(block) } else { shape[i] });
        if !fits {
            return invalid(format!("scales of shape {own:?} for blocks of {block} of a tensor of shape {shape:?}"));
        }
        return call.gather(x, at, (0..shape[at]).map(|i| i / block).collect());
    }
    if own.iter().product::<usize>() == 1 {
        return call.reshape(x, &[]);
    }
    let at = axis(at, shape.len())?;
    if own != [shape[at]] {
        return invalid(format!("scales of shape {own:?} along axis {at} of a tensor of shape {shape:?}"));
    }
    let mut column = vec![1; shape.len()];
    column[at] = shape[at];
    call.reshape(x, &column)
}

/// `integer - zero` as real numbers.
pub(super) fn units(builder: &mut Builder, x: NodeId, zero: Option<NodeId>) -> Lowering<NodeId> {
    let offset = match zero {
        Some(zero) => builder.uniform(zero),
        None => Some(0.0),
    };
    if let Some((centred, known)) = builder.centred.get(&x).copied()
        && Some(known) == offset
    {
        return Ok(centred);
    }
    let centred = match zero {
        Some(zero) => {
            let shape = builder.shape(x);
            let zero = builder.broadcast(zero, &shape)?;
            builder.linear(&[(1.0, x), (-1.0, zero)])?
        }
        None => x,
    };
    builder.retype(centred, DType::Real)
}

/// `scale * (integer - zero)`
pub(super) fn dequantised(builder: &mut Builder, x: NodeId, grid: Grid) -> Lowering<NodeId> {
    let units = units(builder, x, grid.zero)?;
    match builder.uniform(grid.scale) {
        Some(scale) => builder.in_units(units, scale),
        None => builder.product(units, grid.scale),
    }
}

/// Whether the model computes `x` from the data. Such a scale is hardly ever exact in single precision, so that ties are
/// decided by rounding in onnxruntime; here they go up.
fn is_computed(builder: &Builder, mut x: NodeId) -> bool {
    if builder.is_known(x) {
        return false;
    }
    while let (CoreOp::View(_), [operand]) = (&builder.graph.node(x).op, builder.graph.node(x).inputs.as_slice()) {
        x = *operand;
    }
    !matches!(builder.graph.node(x).op, CoreOp::Input(_))
}

/// The integer of type `elem` nearest to `x / scale + zero`, ties to even.
pub(super) fn quantised(call: &mut Call, x: NodeId, grid: Grid, elem: ElemType) -> Lowering<NodeId> {
    let Some((least, most)) = elem.integers() else {
        return unsupported(format!("quantisation to {elem}"), "quantise to integers of 16 bits or less");
    };
    let x = call.retype(x, DType::Real)?;
    let ratio = match call.uniform(grid.scale) {
        Some(scale) => {
            let parts = call.scaled(x);
            // Equal scales cancel exactly.
            let factor = if parts.scale == scale { 1.0 } else { parts.scale / scale };
            call.scale(factor, parts.units)?
        }
        None if call.is_known(grid.scale) => {
            let inverse = call.map(Function::Reciprocal, grid.scale)?;
            call.product(x, inverse)?
        }
        None => {
            let shape = call.shape(x);
            let scale = call.broadcast(grid.scale, &shape)?;
            call.add(CoreOp::Div(()), &[x, scale])?
        }
    };
    let whole = if is_computed(call, grid.scale) {
        let half = call.scalar(0.5, DType::Real)?;
        let moved = call.linear(&[(1.0, ratio), (1.0, half)])?;
        call.map(Function::Floor, moved)?
    } else {
        call.map(Function::Round, ratio)?
    };
    let offset = match grid.zero {
        Some(zero) => call.uniform(zero),
        None => Some(0.0),
    };
    if let Some(offset) = offset {
        let kept = call.map(Function::Clip { lo: least - offset, hi: most - offset }, whole)?;
        let integer = call.retype(kept, DType::Int)?;
        let zero = call.scalar(offset, DType::Int)?;
        let y = if offset == 0.0 { integer } else { call.linear(&[(1.0, integer), (1.0, zero)])? };
        if !call.is_known(y) {
            call.centred.insert(y, (kept, offset));
        }
        return Ok(y);
    }
    let integer = call.retype(whole, DType::Int)?;
    let zero = grid.zero.unwrap_or(integer);
    let shape = call.shape(integer);
    let zero = call.broadcast(zero, &shape)?;
    let moved = call.linear(&[(1.0, integer), (1.0, zero)])?;
    let (least, most) = (call.scalar(least, DType::Int)?, call.scalar(most, DType::Int)?);
    let above = call.extremum(Extremum::Max, moved, least)?;
    call.extremum(Extremum::Min, above, most)
}

/// Element type of the zero point at operand `index`, an integer of at most 16 bits; uint8 without one.
pub(super) fn integer_type(call: &Call, index: usize) -> ElemType {
    call.elem(index).unwrap_or(ElemType::Uint8)
}
