//! The text form: parse after print is the identity, and no text makes the parser panic.

use plonnx_ir::op::Requant;
use plonnx_ir::text::{Pool, const_pool, parse, print};
use plonnx_ir::{CoreOp, Domain, Field, Float, Function, Graph, IrError, Scalar, Tensor, eval, verify};

use crate::random::Random;
use crate::sample;

fn round_trip<D: Domain>(graph: &Graph<D>) {
    let (text, pool) = (print(graph), const_pool(graph));
    let read = parse::<D>(&text, &pool).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(&read, graph, "{text}");
    assert_eq!(print(&read), text);
    assert_eq!(read.inputs(), graph.inputs());
}

#[test]
fn float_text() {
    insta::assert_snapshot!(print(&sample::float()));
    round_trip(&sample::float());
}

#[test]
fn field_text() {
    insta::assert_snapshot!(print(&sample::field()));
    round_trip(&sample::field());
}

/// The samples have every operator, so that the tests above do.
#[test]
fn samples_are_complete() {
    fn names<D: Domain>(graph: &Graph<D>) -> Vec<&'static str> {
        let mut names: Vec<_> = graph.ids().map(|id| graph.node(id).op.name()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
    let all = [
        "arg_max",
        "arg_min",
        "broadcast",
        "concat",
        "const",
        "contract",
        "conv",
        "div",
        "equal",
        "gather",
        "index",
        "input",
        "less",
        "less_equal",
        "map",
        "max",
        "min",
        "one_hot",
        "pad",
        "reduce_max",
        "reduce_min",
        "reduce_sum",
        "reshape",
        "retype",
        "select",
        "slice",
        "sum",
        "transpose",
    ];
    assert_eq!(names(&sample::float()), all);
    assert_eq!(names(&sample::field()), all);
    assert_eq!(verify(&sample::float()), Ok(()));
    assert_eq!(verify(&sample::field()), Ok(()));
}

#[test]
fn random_graphs() {
    for seed in 0..100 {
        round_trip(&sample::random(&mut Random::new(seed)));
    }
}

#[test]
fn pruned_graphs_are_renumbered() {
    let mut graph = sample::random(&mut Random::new(1));
    let all = graph.len();
    graph = graph.pruned().0;
    assert!(graph.len() < all);
    round_trip(&graph);
}

#[test]
fn any_name() {
    let mut random = Random::new(1);
    for _ in 0..500 {
        let mut name = || -> String {
            (0..1 + random.below(6))
                .map(|_| random.pick(&['"', '\\', ':', ' ', '\n', '\r', '\u{85}', ';', 'é', 'x']))
                .collect()
        };
        let mut table = (*sample::table(1)).clone();
        table.name = name();
        let mut graph = Graph::<Field>::new();
        let constant = CoreOp::Const(Tensor::scalar(0), plonnx_ir::DType::Int);
        let x = graph.add(&name(), constant, &[]).expect("constant");
        let y = graph.add(&name(), CoreOp::Map(Requant::Table { shift: 0, table: table.into() }), &[x]).expect("map");
        graph.add_output(&name(), y);
        round_trip(&graph);
    }
}

#[test]
fn functions() {
    let mut functions = vec![
        Function::Celu(0.1),
        Function::Clip { lo: f64::NEG_INFINITY, hi: 6.0 },
        Function::Elu(1e-30),
        Function::HardSigmoid { alpha: 0.2, beta: 1.0 / 3.0 },
        Function::LeakyRelu(0.01),
        Function::Pow(-2.0),
        Function::Selu { alpha: f64::from(1.673_263_2_f32), gamma: f64::from(1.050_701_f32) },
        Function::Swish(1.5e300),
        Function::ThresholdedRelu(-0.0),
    ];
    let plain = "abs acos acosh asin asinh atan atanh ceil cos cosh erf exp floor gelu gelu_tanh hard_swish log mish \
                 reciprocal relu round rsqrt sigmoid sign sin sinh softplus softsign sqrt tan tanh trunc";
    for name in plain.split_whitespace() {
        let function = Function::parse(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(function.to_string(), name);
        functions.push(function);
    }
    for f in &functions {
        assert_eq!(Function::parse(&f.to_string()), Some(*f));
    }
    assert_eq!(functions[0].to_string(), "celu(0.1)");
    assert_eq!(functions[1].to_string(), "clip(-inf,6)");
    for bad in ["", "relu()", "relu(1)", "celu", "celu(", "celu(1", "celu(x)", "celu(1,2)", "clip(1)", "Relu", "relu "]
    {
        assert_eq!(Function::parse(bad), None, "{bad}");
    }
}

#[test]
fn scalars_read_back_exactly() {
    let mut random = Random::new(1);
    for _ in 0..10_000 {
        let bits = (random.int(0, (1 << 31) - 1) as u64) << 33 ^ (random.int(0, (1 << 31) - 1) as u64);
        let x = f64::from_bits(bits);
        if !x.is_nan() {
            assert_eq!(f64::from_text(&x.to_text()).map(f64::to_bits), Some(bits));
        }
    }
    for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)] {
        let mut graph = Graph::<Float>::new();
        let constant = CoreOp::Const(Tensor::scalar(nan), plonnx_ir::DType::Real);
        let id = graph.add("nan", constant, &[]).expect("constant");
        graph.add_output("nan", id);
        let read = parse::<Float>(&print(&graph), &const_pool(&graph)).expect("reads");
        assert_eq!(eval(&read, &[]).expect("evaluates")[0].data()[0].to_bits(), nan.to_bits());
    }
}

#[test]
fn text_by_hand() {
    let text = "
        graph field
        %7 = input [0+2^4] : int[2,2] \"x\" 2^0
          %3 = const {1,2,3,4,5,6} : int[2,3] \"w\" 2^0

        %10 = contract %7, %3 ab,bc->ac : int[2,3] \"product\" 2^0
        %11 = round>>0 %10 [0+2^8] : int[2,3] \"product\" 2^0
        output \"y\" %11
    ";
    let graph = parse::<Field>(text, &Pool::new()).expect("reads");
    let x = Tensor::from_vec(&[2, 2], vec![1, 0, 10, 1]).expect("4 elements");
    assert_eq!(eval(&graph, &[x]).expect("evaluates")[0].to_vec(), [1, 2, 3, 14, 25, 36]);
}

#[test]
fn errors_name_the_line() {
    let input = "%0 = input : real[2] \"x\"";
    let check = |lines: &[&str], line: usize, reason: &str| {
        let text = [&["graph float", input], lines].concat().join("\n");
        let error = parse::<Float>(&text, &Pool::new()).expect_err("does not read");
        assert_eq!(error, IrError::Text { line, reason: reason.into() }, "{text}");
    };
    check(&["%1 = relu %1 : real[2] \"y\""], 3, "%1 is not defined");
    check(&["%0 = relu %0 : real[2] \"y\""], 3, "%0 is defined twice");
    check(
        &["", "%1 = relu %0 : real[3] \"y\""],
        4,
        "expected Fact { shape: [2], dtype: Real }, got Fact { shape: [3], dtype: Real }",
    );
    check(&["%1 = ralu %0 : real[2] \"y\""], 3, "unknown operator ralu");
    check(&["%1 = relu %0 : real[2] \"y\" 2^3"], 3, "unexpected 2^3");
    check(&["%1 = relu %0 fast : real[2] \"y\""], 3, "unexpected fast");
    check(&["%1 = relu %0 : rea[2] \"y\""], 3, "expected real, int or bool");
    check(&["%1 = relu %0 : real[2] \"y"], 3, "a name does not end");
    check(&["%1 = const @0123 : real[2] \"y\""], 3, "unknown constant @0123");
    check(&["%1 = const {1,2,3} : real[2] \"y\""], 3, "3 values for shape [2]");
    check(&["%1 = const {1,z} : real[2] \"y\""], 3, "expected a number, got z");
    check(&["%1 = sum %0, %0 coefficients=[1] : real[2] \"y\""], 3, "sum \"y\": 1 coefficients for 2 operands");
    check(&["%1 = reshape %0 : real[3] \"y\""], 3, "reshape \"y\": a tensor of shape [2] cannot be reshaped to [3]");
    check(&["output \"y\" %4"], 3, "%4 is not defined");
    check(&["nonsense"], 3, "expected a node with its fact, or an output");
    let header = parse::<Float>("graph field\n", &Pool::new()).expect_err("wrong domain");
    assert_eq!(header.to_string(), "line 1: expected graph float, got graph field");
    assert!(parse::<Float>("", &Pool::new()).is_err());
}

/// Changed text either fails to read, or reads to a graph that verification and evaluation handle.
fn mutate<D: Domain>(graph: &Graph<D>, seed: u64) -> usize {
    let (text, pool) = (print(graph), const_pool(graph));
    let mut random = Random::new(seed);
    let mut read = 0;
    let pieces = [
        "0",
        "1",
        "9",
        "-",
        "-1",
        "18446744073709551615",
        "9223372036854775807",
        "[",
        "]",
        ",",
        "%",
        "%3",
        "\"",
        "\\",
        ":",
        " ",
        "=",
        "@",
        "{",
        "}",
        "2^",
        "real",
        "bool",
        "inf",
        "nan",
        "1e400",
        "keep",
        "é",
        "\n",
        "99999",
    ];
    for _ in 0..15_000 {
        let mut changed = text.clone().into_bytes();
        for _ in 0..1 + random.below(3) {
            let at = random.below(changed.len());
            let length = random.below(3).min(changed.len() - at);
            changed.splice(at..at + length, random.pick(&pieces).bytes());
        }
        let changed = String::from_utf8_lossy(&changed);
        let Ok(graph) = parse::<D>(&changed, &pool) else { continue };
        read += 1;
        let size: usize = graph.ids().map(|id| graph.node(id).fact.len()).sum();
        if size < 100_000 {
            let _ = verify(&graph);
            let inputs: Vec<_> =
                graph.inputs().iter().map(|id| Tensor::full(graph.shape(*id), D::Scalar::from_i64(1))).collect();
            let _ = eval(&graph, &inputs);
            assert_eq!(print(&graph).lines().count(), graph.len() + graph.outputs().len() + 1);
        }
    }
    read
}

#[test]
fn changed_text_does_not_panic() {
    let (float, field) = (mutate(&sample::float(), 1), mutate(&sample::field(), 2));
    assert!(float > 100 && field > 100, "some changes are harmless: {float} and {field}");
}
