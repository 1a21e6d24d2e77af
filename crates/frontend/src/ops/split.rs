//! Split: consecutive parts of an axis.
//!
//! Spec: Split; all opsets. Sizes are an attribute before opset 13 and an operand from then on; without sizes the parts
//! are equal, and from opset 18 the last may be smaller. Rejected: sizes that depend on the data, and no axis
//! in opset 1.

use crate::lower::{Call, Results, extent, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    if call.opset == 1 && !call.has("axis") {
        return unsupported("Split without an axis, which opset 1 does not define", "name the axis");
    }
    let axis = call.axis("axis", 0, call.rank(x))?;
    let whole = call.shape(x)[axis];
    let given = if call.opset == 1 && call.optional(1).is_some() {
        call.known_ints(1, "split")?
    } else {
        call.moved_ints("split", 1, 13)?
    };
    let parts = extent(call.int("num_outputs")?.unwrap_or(call.outputs() as i64), "num_outputs")?;
    let sizes = match given {
        Some(sizes) => sizes.into_iter().map(|s| extent(s, "split")).collect::<Result<Vec<_>, _>>()?,
        None if parts == 0 || (call.opset < 18 && !whole.is_multiple_of(parts)) => {
            return invalid(format!("{whole} elements cannot be split into {parts} equal parts"));
        }
        None => {
            let size = whole.div_ceil(parts);
            (0..parts).map(|i| size.min(whole.saturating_sub(i * size))).collect()
        }
    };
    if sizes.iter().sum::<usize>() != whole || sizes.len() != call.outputs() {
        return invalid(format!("sizes {sizes:?} for {} results and {whole} elements", call.outputs()));
    }
    let mut start = 0;
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        parts.push(call.narrow(x, axis, start, size)?);
        start += size;
    }
    Ok(parts)
}
