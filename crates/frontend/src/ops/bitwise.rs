//! BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, BitShift: integers as strings of bits.
//!
//! Spec: the pages of these names; all opsets. The common bits of two integers are the products of their bits, which are
//! differences of floors of quotients by powers of two; `or` and `xor` follow by sums. Integers of 64 bits must lie within
//! 40 bits. Rejected: the complement of unsigned integers of 64 bits.

use plonnx_ir::op::{OneHot, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::one_hot::unit_vectors;
use crate::decode::ElemType;
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

/// Bits that integers of 64 bits may have.
const WIDE: u32 = 40;

/// `own * x + own * y + common * (x and y)`: and with 0 and 1, or with 1 and -1, xor with 1 and -2.
pub(super) fn binary(call: &mut Call, own: f64, common: f64) -> Results {
    let (x, y) = (call.input(0)?, call.input(1)?);
    let elem = call.elem(0).unwrap_or(ElemType::Int64);
    let shape = call.common_shape(&[x, y])?;
    let (x, y) = (call.broadcast(x, &shape)?, call.broadcast(y, &shape)?);
    let shared = shared_bits(call, x, y, elem)?;
    let shared = call.reshape(shared, &shape)?;
    let mut terms = vec![(common, shared)];
    if own != 0.0 {
        terms.extend([(own, x), (own, y)]);
    }
    Ok(vec![call.linear(&terms)?])
}

pub(super) fn not(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let elem = call.elem(0).unwrap_or(ElemType::Int64);
    let most = match elem.integers() {
        _ if elem.is_signed() => -1.0,
        Some((_, most)) => most,
        None => return unsupported(format!("the complement of {elem}"), "use int64 or narrower integers"),
    };
    let most = call.scalar(most, DType::Int)?;
    Ok(vec![call.linear(&[(-1.0, x), (1.0, most)])?])
}

pub(super) fn shift(call: &mut Call) -> Results {
    let (x, y) = (call.input(0)?, call.input(1)?);
    let elem = call.elem(0).unwrap_or(ElemType::Uint64);
    let left = match call.text("direction", "")? {
        "LEFT" => true,
        "RIGHT" => false,
        other => return invalid(format!("direction is \"{other}\", expected LEFT or RIGHT")),
    };
    let shape = call.common_shape(&[x, y])?;
    let (x, y) = (call.broadcast(x, &shape)?, call.broadcast(y, &shape)?);
    let bits = width(elem) as usize;
    let unit = match call.uniform(y) {
        Some(_) => None,
        None => Some(unit_vectors(call, y, bits)?),
    };
    let shifted = match (left, call.uniform(y), unit) {
        (true, Some(by), _) => call.scale(by.exp2(), x)?,
        (false, Some(by), _) => floor_shift(call, x, by as u32)?,
        (_, None, None) => return invalid("no shifts"),
        (true, None, Some(unit)) => {
            let powers = (0..bits).map(|k| (k as f64).exp2()).collect();
            let powers = call.tensor(&[bits], powers, DType::Int)?;
            let axes = operand_labels(shape.len())?;
            let factors = call.contract(unit, &[axes.as_slice(), b"z"].concat(), powers, b"z", &axes)?;
            call.product(x, factors)?
        }
        (false, None, Some(unit)) => {
            let mut terms = Vec::with_capacity(bits);
            for by in 0..bits {
                let own = call.narrow(unit, shape.len(), by, 1)?;
                if call.uniform(own) == Some(0.0) {
                    continue;
                }
                let own = call.reshape(own, &shape)?;
                let quotient = floor_shift(call, x, by as u32)?;
                terms.push((1.0, call.product(own, quotient)?));
            }
            call.linear(&terms)?
        }
    };
    match elem.integers().filter(|_| left) {
        Some((_, most)) => {
            let turns = scaled_floor(call, shifted, 1.0 / (most + 1.0))?;
            Ok(vec![call.linear(&[(1.0, shifted), (-most - 1.0, turns)])?])
        }
        None => Ok(vec![shifted]),
    }
}

fn width(elem: ElemType) -> u32 {
    if elem.bits() == 64 { WIDE } else { elem.bits() }
}

fn operand_labels(rank: usize) -> Lowering<Vec<u8>> {
    if rank > 25 {
        return unsupported(format!("{rank} axes"), "use fewer axes");
    }
    Ok((b'a'..=b'y').take(rank).collect())
}

/// The integer whose bits are set in both of two tensors of one shape; flat.
fn shared_bits(call: &mut Call, x: NodeId, y: NodeId, elem: ElemType) -> Lowering<NodeId> {
    let bits = width(elem);
    let own = |k: u32| f64::from(k).exp2() * if elem.is_signed() && k + 1 == bits { -1.0 } else { 1.0 };
    let weights: Vec<f64> = (0..bits).map(own).collect();
    let x = bit_planes(call, x, bits, elem.is_signed())?;
    let y = bit_planes(call, y, bits, elem.is_signed())?;
    let weights = call.tensor(&[bits as usize], weights, DType::Int)?;
    let [data, other] = if call.is_known(x) { [y, x] } else { [x, y] };
    if call.is_known(other) {
        let weighted = call.contract(other, b"kn", weights, b"k", b"kn")?;
        return call.contract(data, b"kn", weighted, b"kn", b"n");
    }
    let both = call.product(data, other)?;
    call.contract(both, b"kn", weights, b"k", b"n")
}

/// Bits of every element, lowest first; the last one of signed integers is set where they are negative.
fn bit_planes(call: &mut Call, x: NodeId, bits: u32, signed: bool) -> Lowering<NodeId> {
    let len = call.shape(x).iter().product();
    let x = call.reshape(x, &[len])?;
    let mut quotients = vec![x];
    for k in 1..bits {
        quotients.push(floor_shift(call, x, k)?);
    }
    let mut planes = Vec::with_capacity(bits as usize);
    for pair in quotients.windows(2) {
        let bit = call.linear(&[(1.0, pair[0]), (-2.0, pair[1])])?;
        planes.push(call.retype(bit, DType::Bool)?);
    }
    // The rest is 0 or 1, or 0 or -1: nothing else has a unit vector.
    let Some(rest) = quotients.last() else { return invalid("no bits") };
    let rest = if signed { call.scale(-1.0, *rest)? } else { *rest };
    let unit = call.add(CoreOp::OneHot(OneHot { depth: 2 }), &[rest])?;
    let last = call.narrow(unit, 1, 1, 1)?;
    planes.push(call.reshape(last, &[len])?);
    let planes = planes.into_iter().map(|p| call.reshape(p, &[1, len])).collect::<Lowering<Vec<_>>>()?;
    call.add(CoreOp::View(View::Concat { axis: 0 }), &planes)
}

/// `floor(x / 2^by)` of integers.
fn floor_shift(builder: &mut Builder, x: NodeId, by: u32) -> Lowering<NodeId> {
    if by == 0 { Ok(x) } else { scaled_floor(builder, x, (-f64::from(by)).exp2()) }
}

/// `floor(factor * x)` of integers, for a power of two.
fn scaled_floor(builder: &mut Builder, x: NodeId, factor: f64) -> Lowering<NodeId> {
    let real = builder.retype(x, DType::Real)?;
    let quotient = builder.scale(factor, real)?;
    let whole = builder.map(Function::Floor, quotient)?;
    builder.retype(whole, DType::Int)
}
