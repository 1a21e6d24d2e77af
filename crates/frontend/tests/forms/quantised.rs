//! Real numbers to integers and back.

use plonnx_frontend::proto::TensorProto;
use plonnx_testkit::onnx::Attr::Int;

use super::case::{Case, case};

/// Numbers of TensorProto.DataType.
const UINT8: i32 = 2;
const INT8: i64 = 3;

const FOUR: &[f64] = &[1., 2., 3., 4.];

pub fn cases() -> Vec<Case> {
    [integers(), numbers()].into_iter().flatten().collect()
}

fn bytes(shape: &[i64], data: &[i32]) -> TensorProto {
    TensorProto { dims: shape.to_vec(), data_type: UINT8, int32_data: data.to_vec(), ..Default::default() }
}

fn integers() -> Vec<Case> {
    let of = |last| case("QuantizeLinear", last).x(&[2, 2], &[1., -2., 3., 4.]);
    let whole = |case: Case, expected: &[f64]| case.whole(&[2, 2], expected);
    let columns = |case: Case| case.first(1).reals(&[2], &[0.5, 2.]).known(bytes(&[2], &[1, 2]));
    let blocks = |last| of(last).reals(&[2, 1], &[0.5, 2.]).known(bytes(&[2, 1], &[10, 20])).with("block_size", Int(2));
    vec![
        // One scale for the whole tensor.
        whole(of(12).reals(&[], &[0.5]).known(bytes(&[], &[10])), &[12., 6., 16., 18.]).unlike(columns),
        whole(columns(of(18)), &[3., 1., 7., 4.]).unlike(|case| case.with("axis", Int(0))),
        whole(columns(of(18)).with("axis", Int(0)), &[3., 0., 4., 4.]).unlike(|case| case.without("axis")),
        // Without a zero point the type is uint8.
        whole(of(20).reals(&[], &[0.5]), &[2., 0., 6., 8.]).unlike(|case| case.with("output_dtype", Int(INT8))),
        whole(blocks(22), &[12., 6., 22., 22.]).unlike(|case| case.with("block_size", Int(1))),
    ]
}

fn numbers() -> Vec<Case> {
    let of = |last| case("DequantizeLinear", last).typed(UINT8, &[2, 2], FOUR);
    let columns = |case: Case| case.first(1).reals(&[2], &[0.5, 2.]).known(bytes(&[2], &[1, 2]));
    let blocks = |last| of(last).reals(&[2, 1], &[0.5, 2.]).known(bytes(&[2, 1], &[1, 2])).with("block_size", Int(2));
    vec![
        of(12).reals(&[], &[0.5]).known(bytes(&[], &[1])).y(&[2, 2], &[0., 0.5, 1., 1.5]).unlike(columns),
        columns(of(20)).y(&[2, 2], &[0., 0., 1., 4.]).unlike(|case| case.with("axis", Int(0))),
        columns(of(20)).with("axis", Int(0)).y(&[2, 2], &[0., 0.5, 2., 4.]).unlike(|case| case.without("axis")),
        blocks(22).y(&[2, 2], &[0., 0.5, 2., 4.]).unlike(|case| case.with("block_size", Int(1))),
    ]
}
