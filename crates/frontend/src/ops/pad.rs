//! Pad: elements added around a tensor, or cut off where a pad is negative.
//!
//! Spec: Pad; all opsets (attributes before 11, operands from 11 on, axes from 18 on). Modes constant, reflect, edge,
//! wrap. Rejected: pads that depend on the data.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, NodeId};

use crate::decode::MAX_ELEMENTS;
use crate::lower::{Call, Lowering, Results, axes, axis, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let rank = call.rank(x);
    let pads = match call.opset {
        1 => call.ints("paddings")?,
        _ => call.moved_ints("pads", 1, 11)?,
    };
    let Some(pads) = pads else { return invalid("pads are missing") };
    let fill = if call.opset < 11 {
        let value = call.float("value", 0.0)?;
        Some(call.scalar(value, DType::Real)?)
    } else {
        call.optional(2)
    };
    let at = match call.known_ints(3, "axes")? {
        Some(given) => {
            axes(&given, rank)?;
            given.into_iter().map(|a| axis(a, rank)).collect::<Lowering<Vec<_>>>()?
        }
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * at.len() || pads.iter().any(|p| p.unsigned_abs() > MAX_ELEMENTS as u64) {
        return invalid(format!("pads {pads:?} for {} axes", at.len()));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (i, a) in at.iter().enumerate() {
        before[*a] = pads[i] as isize;
        after[*a] = pads[at.len() + i] as isize;
    }
    let mode = call.text("mode", "constant")?;
    let y = match mode {
        "constant" => constant(call, x, &before, &after, fill)?,
        "reflect" | "edge" | "wrap" => mapped(call, x, &before, &after, mode)?,
        other => return invalid(format!("mode is \"{other}\", expected constant, reflect, edge or wrap")),
    };
    Ok(vec![y])
}

fn constant(
    call: &mut Call,
    mut x: NodeId,
    before: &[isize],
    after: &[isize],
    fill: Option<NodeId>,
) -> Lowering<NodeId> {
    for i in 0..before.len() {
        let (head, tail) = ((-before[i]).max(0) as usize, (-after[i]).max(0) as usize);
        let extent = call.shape(x)[i];
        let Some(size) = extent.checked_sub(head + tail) else {
            return invalid(format!("pads cut {} elements off axis {i} of extent {extent}", head + tail));
        };
        x = call.narrow(x, i, head, size)?;
    }
    let positive = |pads: &[isize]| pads.iter().map(|p| (*p).max(0) as usize).collect::<Vec<_>>();
    let (before, after) = (positive(before), positive(after));
    if before.iter().chain(&after).all(|p| *p == 0) {
        return Ok(x);
    }
    let view = View::Pad { interior: vec![0; before.len()], before, after };
    match fill {
        Some(fill) if call.uniform(fill) != Some(0.0) => call.add(CoreOp::View(view), &[x, fill]),
        _ => call.view(view, x),
    }
}

fn mapped(call: &mut Call, mut x: NodeId, before: &[isize], after: &[isize], mode: &str) -> Lowering<NodeId> {
    for i in 0..before.len() {
        if before[i] == 0 && after[i] == 0 {
            continue;
        }
        let n = call.shape(x)[i] as isize;
        let end = n + after[i];
        if n == 0 || end < -before[i] {
            return invalid(format!("pads do not fit axis {i} of extent {n}"));
        }
        let indices = (-before[i]..end)
            .map(|at| match mode {
                "edge" => at.clamp(0, n - 1),
                "wrap" => at.rem_euclid(n),
                _ if n == 1 => 0,
                _ => {
                    let folded = at.rem_euclid(2 * (n - 1));
                    folded.min(2 * (n - 1) - folded)
                }
            })
            .map(|at| at as usize)
            .collect();
        x = call.gather(x, i, indices)?;
    }
    Ok(x)
}
