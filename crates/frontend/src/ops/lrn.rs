//! LRN: every element divided by a power of the mean square of its neighbours in other channels.
//!
//! Spec: LRN; all opsets. The sum of squares is a contraction with a band of ones. Rejected: a size of 0.

use plonnx_ir::DType;
use plonnx_ir::op::Label;

use super::pow::power;
use crate::lower::{Call, Results, extent, invalid, sized};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let (alpha, beta, bias) = (call.float("alpha", 1e-4)?, call.float("beta", 0.75)?, call.float("bias", 1.0)?);
    let size = extent(call.int("size")?.unwrap_or(0), "size")?;
    let Some(channels) = shape.get(1).filter(|_| size > 0 && shape.len() < 26) else {
        return invalid(format!("size {size} for an operand of shape {shape:?}"));
    };
    let n = *channels;
    sized(&[n, n])?;
    let (before, after) = ((size - 1) / 2, size / 2);
    let band =
        (0..n).flat_map(|to| (0..n).map(move |from| f64::from(u8::from(from + before >= to && from <= to + after))));
    let band = call.tensor(&[n, n], band.collect(), DType::Real)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
    let new = b'z';
    let mut out = labels.clone();
    out[1] = new;
    let squares = call.square(x)?;
    let sums = call.contract(squares, &labels, band, &[new, labels[1]], &out)?;
    let scaled = call.scale(alpha / size as f64, sums)?;
    let bias = call.scalar(bias, DType::Real)?;
    let base = call.linear(&[(1.0, scaled), (1.0, bias)])?;
    let factor = power(call, base, -beta)?;
    Ok(vec![call.product(x, factor)?])
}
