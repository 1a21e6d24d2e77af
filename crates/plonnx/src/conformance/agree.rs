//! When results are the expected ones.

use plonnx_ir::{DType, Tensor};

/// Largest error of an element of a quantised result, relative to the largest magnitude that is expected of the result in
/// any data set of the test. Integers and booleans must be equal, but for integers of operators that quantise.
pub const QUANT_TOLERANCE: f64 = 1.0 / 256.0;

/// Operators that round real numbers to integers of a grid: their integers may differ by one unit. onnxruntime rounds
/// factors and products to single precision before it rounds to an integer; the field program rounds once, ties up.
fn quantises(operator: &str) -> bool {
    let operator = operator.trim_end_matches(" (expanded)");
    operator.starts_with("QLinear") || ["DynamicQuantizeLinear", "QGemm", "QuantizeLinear"].contains(&operator)
}

/// Magnitudes below this count as 0: scales of field programs end at 2^-200.
const SMALLEST: f64 = 1e-50;

/// `TensorProto.DataType` of bfloat16.
const BFLOAT16: i32 = 16;

/// Largest finite magnitude.
pub(super) fn magnitude(tensor: &Tensor<f64>) -> f64 {
    tensor.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()))
}

fn compare(got: &Tensor<f64>, expected: &Tensor<f64>, agrees: impl Fn(f64, f64) -> bool) -> Result<(), String> {
    if got.shape() != expected.shape() {
        return Err(format!("expected shape {:?}, got {:?}", expected.shape(), got.shape()));
    }
    let differs = |(_, (g, e)): &(usize, (f64, f64))| {
        !(g == e || (g.is_nan() && e.is_nan()) || (e.is_finite() && agrees(*g, *e)))
    };
    let elements = || got.iter().zip(expected.iter()).enumerate();
    match elements().find(differs) {
        None => Ok(()),
        Some((index, (g, e))) => {
            let count = elements().filter(differs).count();
            Err(format!("{count} of {} elements differ, the first is {index}: expected {e}, got {g}", got.len()))
        }
    }
}

/// Whether the float graph gives the expected result: each element within 1e-3 of its magnitude (4e-3 for bfloat16, which
/// holds 8 bits) and 1e-5 of the largest. The graph does not model the rounding of short floats.
pub fn float_agrees(got: &Tensor<f64>, expected: &Tensor<f64>, data_type: i32) -> Result<(), String> {
    let relative = if data_type == BFLOAT16 { 4e-3 } else { 1e-3 };
    let absolute = 1e-5 * magnitude(expected).max(1.0);
    compare(got, expected, |g, e| (g - e).abs() <= relative * e.abs() + absolute)
}

/// Whether the field program gives the expected result of a test of `operator`: real numbers within [`QUANT_TOLERANCE`] of
/// `size`, booleans exactly, integers exactly or, of operators that quantise, within one unit.
pub fn quant_agrees(
    got: &Tensor<f64>,
    expected: &Tensor<f64>,
    dtype: DType,
    size: f64,
    operator: &str,
) -> Result<(), String> {
    let largest = match dtype {
        DType::Real => QUANT_TOLERANCE * size.max(SMALLEST),
        DType::Int if quantises(operator) => 1.0,
        DType::Int | DType::Bool => 0.0,
    };
    compare(got, expected, |g, e| (g - e).abs() <= largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: f64 = 1000.0;

    fn row(values: &[f64]) -> Tensor<f64> {
        Tensor::vector(values.to_vec())
    }

    #[test]
    fn tolerances() {
        let expected = row(&[1.0, -1000.0]);
        assert!(float_agrees(&row(&[1.0005, -1000.0]), &expected, 1).is_ok());
        assert!(float_agrees(&row(&[1.02, -1000.0]), &expected, 1).is_err());
        assert!(quant_agrees(&row(&[4.9, -1003.9]), &expected, DType::Real, SIZE, "Op").is_ok());
        assert!(quant_agrees(&row(&[5.0, -1000.0]), &expected, DType::Real, SIZE, "Op").is_err());
        assert!(quant_agrees(&row(&[1.0, -999.0]), &expected, DType::Int, SIZE, "Op").is_err());
        assert!(quant_agrees(&row(&[1.0]), &expected, DType::Real, SIZE, "Op").is_err());
        assert!(quant_agrees(&row(&[0.0]), &row(&[1e-200]), DType::Real, 1e-200, "Op").is_ok());
        let operators = [("QLinearAdd", true), ("QuantizeLinear (expanded)", true), ("MatMulInteger", false)];
        for (operator, within) in operators {
            let agrees = |got: f64| quant_agrees(&row(&[1.0, got]), &expected, DType::Int, SIZE, operator).is_ok();
            assert_eq!((agrees(-999.0), agrees(-998.0)), (within, false), "{operator}");
        }
        assert!(quant_agrees(&row(&[0.0, -1000.0]), &expected, DType::Bool, SIZE, "QuantizeLinear").is_err());
        let text = quant_agrees(&row(&[1.0, 0.0]), &expected, DType::Real, SIZE, "Op").unwrap_err();
        assert_eq!(text, "1 of 2 elements differ, the first is 1: expected -1000, got 0");
        let special = row(&[f64::NAN, f64::INFINITY]);
        assert!(float_agrees(&special, &special, 1).is_ok());
        assert!(float_agrees(&row(&[0.0, 0.0]), &special, 1).is_err());
        assert!(float_agrees(&row(&[0.0, f64::NEG_INFINITY]), &row(&[0.0, f64::INFINITY]), 1).is_err());
    }
}
