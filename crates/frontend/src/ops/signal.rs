//! HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix: constants of signal processing.
//!
//! Spec: the pages of these names; all opsets. Rejected: sizes and frequencies that depend on the data.

use std::f64::consts::PI;

use plonnx_ir::{DType, Function};

use crate::lower::{Call, Lowering, Results, extent, invalid, sized};

/// Coefficients of 1, `-cos` and `cos` of the double angle.
pub(super) const HANN: [f64; 3] = [0.5, 0.5, 0.0];
pub(super) const HAMMING: [f64; 3] = [25.0 / 46.0, 21.0 / 46.0, 0.0];
pub(super) const BLACKMAN: [f64; 3] = [0.42, 0.5, 0.08];

pub(super) fn window(call: &mut Call, [a, b, c]: [f64; 3]) -> Results {
    let Some(size) = call.known_int(0, "size")? else { return invalid("operand 0 is missing") };
    let size = extent(size, "size")?;
    sized(&[size])?;
    let number = datatype(call)?;
    let elem = call.elem_type(number)?;
    let period = if call.flag("periodic", true)? { size } else { size.saturating_sub(1) }.max(1) as f64;
    let at = |i: usize| {
        let angle = 2.0 * PI * i as f64 / period;
        a - b * cosine(angle) + c * cosine(2.0 * angle)
    };
    call.set_elem(0, elem);
    Ok(vec![call.tensor(&[size], (0..size).map(at).collect(), DType::Real)?])
}

pub(super) fn mel_weight_matrix(call: &mut Call) -> Results {
    let known = |call: &mut Call, index, what: &'static str| match call.known_scalar(index, what)? {
        Some(value) => Ok(value),
        None => invalid(format!("operand {index} is missing")),
    };
    let bins = extent(known(call, 0, "num_mel_bins")? as i64, "num_mel_bins")?;
    let length = extent(known(call, 1, "dft_length")? as i64, "dft_length")?;
    let rate = known(call, 2, "sample_rate")?;
    let (low, high) = (known(call, 3, "lower_edge_hertz")?, known(call, 4, "upper_edge_hertz")?);
    let number = datatype(call)?;
    let elem = call.elem_type(number)?;
    let rows = length / 2 + 1;
    sized(&[rows, bins])?;
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let step = (mel(high) - mel(low)) / (bins + 2) as f64;
    let edge = |i: usize| {
        let hertz = 700.0 * (10f64.powf((i as f64 * step + mel(low)) / 2595.0) - 1.0);
        ((length + 1) as f64 * hertz / rate).floor()
    };
    let mut data = vec![0.0; rows * bins];
    for bin in 0..bins {
        let (left, centre, right) = (edge(bin), edge(bin + 1), edge(bin + 2));
        if !(0.0 <= left && left <= centre && centre <= right && right <= rows as f64) {
            return invalid(format!("frequencies from {low} to {high} at a sample rate of {rate}"));
        }
        for row in 0..rows {
            let at = row as f64;
            let weight = if at >= centre && at < right {
                (right - at) / (right - centre)
            } else if at == centre && centre == left {
                1.0
            } else if at >= left && at <= centre && centre > left {
                (at - left) / (centre - left)
            } else {
                0.0
            };
            data[row * bins + bin] = weight;
        }
    }
    call.set_elem(0, elem);
    Ok(vec![call.tensor(&[rows, bins], data, elem.dtype())?])
}

/// Element type of the result; float when the model does not say.
fn datatype(call: &mut Call) -> Lowering<i64> {
    Ok(call.int("output_datatype")?.unwrap_or(1))
}

fn cosine(angle: f64) -> f64 {
    Function::Cos.eval(angle)
}
