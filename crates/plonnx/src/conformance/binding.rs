//! Which inputs of a test become constants of the model.

use plonnx_frontend::proto::TensorProto;

/// Inputs that become constants, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding(pub Vec<usize>);

const INT32: i32 = 6;
const INT64: i32 = 7;
const BOOL: i32 = 9;

/// Operators whose operands all say what to compute, so that nothing is left of them once shapes are fixed.
const COMPILE_TIME: [&str; 12] = [
    "BlackmanWindow",
    "ConstantOfShape",
    "EyeLike",
    "HammingWindow",
    "HannWindow",
    "If",
    "MelWeightMatrix",
    "NonZero",
    "Range",
    "Shape",
    "Size",
    "Unique",
];

/// The bindings to try, in this order, until one is not rejected: no constant; integers of at most one axis and conditions,
/// which are mostly shapes, axes, counts; all integers; all inputs but the first. All of them become constants only for
/// operators that compute nothing else.
pub fn bindings(operator: &str, inputs: &[TensorProto]) -> Vec<Binding> {
    let chosen = |wanted: &dyn Fn(usize, &TensorProto) -> bool| {
        Binding(inputs.iter().enumerate().filter(|(i, t)| wanted(*i, t)).map(|(i, _)| i).collect())
    };
    // Elements of sequences stay data.
    let single = |t: &TensorProto| !t.name.ends_with(']');
    let integer = |t: &TensorProto| [INT32, INT64].contains(&t.data_type) && single(t);
    let condition = |t: &TensorProto| t.data_type == BOOL && t.dims.iter().all(|d| *d == 1);
    let all = inputs.len();
    let candidates = [
        Binding::default(),
        chosen(&|_, t| (integer(t) && t.dims.len() <= 1) || condition(t)),
        chosen(&|_, t| integer(t)),
        chosen(&|i, t| i > 0 && single(t)),
        chosen(&|_, t| single(t)),
    ];
    let mut out: Vec<Binding> = Vec::new();
    for candidate in candidates {
        let everything = candidate.0.len() == all && all > 0;
        if !out.contains(&candidate) && (!everything || COMPILE_TIME.contains(&operator)) {
            out.push(candidate);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto { data_type, dims: dims.to_vec(), ..TensorProto::default() }
    }

    #[test]
    fn data_stays_data() {
        let of = |operator, inputs: &[TensorProto]| -> Vec<Vec<usize>> {
            bindings(operator, inputs).into_iter().map(|b| b.0).collect()
        };
        let (x, shape, indices) = (tensor(1, &[2, 3]), tensor(INT64, &[2]), tensor(INT64, &[2, 3]));
        assert_eq!(of("Reshape", &[x.clone(), shape.clone()]), [vec![], vec![1]]);
        assert_eq!(of("ScatterElements", &[x.clone(), indices.clone(), x.clone()]), [vec![], vec![1], vec![1, 2]]);
        assert_eq!(of("Abs", std::slice::from_ref(&x)), [Vec::<usize>::new()]);
        assert_eq!(of("NonZero", &[x]), [vec![], vec![0]]);
        assert_eq!(of("Mod", &[shape.clone(), shape]), [vec![], vec![1]]);
        assert_eq!(of("Not", &[]), [Vec::<usize>::new()]);
        assert_eq!(
            of("Loop", &[tensor(INT64, &[]), tensor(BOOL, &[]), tensor(1, &[1])]),
            [vec![], vec![0, 1], vec![0], vec![1, 2]]
        );
    }
}
