//! No bytes make the frontend panic, hang or take much memory.

use plonnx_frontend::{Options, decode_tensor, import};
use plonnx_testkit::onnx::{self, Attr, Model, graph, node};
use prost::Message;

fn sample() -> Model {
    let model =
        Model::new(13).input("x", &[1, 2, 4, 4]).floats("w", &[2, 1, 3, 3], &[0.5; 18]).floats("b", &[2], &[1., 2.]);
    let conv = [("pads", Attr::Ints(&[1, 1, 1, 1])), ("group", Attr::Int(2)), ("auto_pad", Attr::Text("NOTSET"))];
    let model = model.node_with("Conv", &["x", "w", "b"], &["c"], &conv).node("Relu", &["c"], &["r"]);
    let pool = [("kernel_shape", Attr::Ints(&[2, 2])), ("strides", Attr::Ints(&[2, 2]))];
    let model = model.node_with("MaxPool", &["r"], &["p"], &pool).ints("s", &[1, -1]);
    let model = model.node("Reshape", &["p", "s"], &["f"]).floats("fc", &[8, 3], &[0.25; 24]);
    let model =
        model.node("MatMul", &["f", "fc"], &["g"]).node_with("Softmax", &["g"], &["y"], &[("axis", Attr::Int(-1))]);
    let model = model.ints("from", &[0]).ints("to", &[2]).ints("axes", &[1]);
    model.node("Slice", &["y", "from", "to", "axes"], &["z"]).output("z")
}

/// A loop with a branch inside, a scan, a sequence, and a recurrent layer.
fn control_flow() -> Model {
    let yes = graph(&[], vec![node("Add", &["state", "x"], &["a"], &[])], &["a"]);
    let no = graph(&[], vec![node("Neg", &["state"], &["b"], &[])], &["b"]);
    let branches = [("then_branch", Attr::Graph(yes)), ("else_branch", Attr::Graph(no))];
    let nodes = vec![
        node("Less", &["i", "last"], &["going"], &[]),
        node("If", &["going"], &["next"], &branches),
        node("Identity", &["next"], &["out"], &[]),
    ];
    let body = graph(&["i", "go", "state"], nodes, &["going", "next", "out"]);
    let model = Model::new(17).input("x", &[2, 1, 2]).ints("m", &[3]).ints("last", &[1]);
    let model = model.node_with("Loop", &["m", "", "x"], &["l", "all"], &[("body", Attr::Graph(body))]);
    let step =
        graph(&["s", "e"], vec![node("Sum", &["s", "e"], &["t"], &[]), node("Abs", &["t"], &["u"], &[])], &["t", "u"]);
    let attributes = [("body", Attr::Graph(step)), ("num_scan_inputs", Attr::Int(1))];
    let model =
        model.floats("zero", &[1, 2], &[0., 0.]).node_with("Scan", &["zero", "l"], &["f", "scanned"], &attributes);
    let model = model.floats("w", &[1, 8, 2], &[0.5; 16]).floats("r", &[1, 8, 2], &[0.25; 16]);
    let attributes = [("hidden_size", Attr::Int(2)), ("direction", Attr::Text("reverse"))];
    let model = model.node_with("LSTM", &["scanned", "w", "r"], &["y", "h"], &attributes);
    let model = model.node("SequenceConstruct", &["h", "f"], &["s"]).node("SequenceAt", &["s", "last"], &["z"]);
    model.output("y").output("z")
}

/// Quantised operators.
fn integers() -> Model {
    let model = Model::new(13).input("x", &[1, 4]).floats("s", &[1], &[0.25]).floats("ws", &[1], &[0.5]);
    let model = model.ints("w", &[1, 2, 3, -4]).node("DequantizeLinear", &["w", "ws"], &["v"]);
    let model = model.node("QuantizeLinear", &["x", "s"], &["q"]).node("DequantizeLinear", &["q", "s"], &["d"]);
    let model = model.node("MatMul", &["d", "v"], &["p"]).node("DynamicQuantizeLinear", &["p"], &["y", "ys", "yz"]);
    let model = model.node("MatMulInteger", &["q", "w"], &["i"]);
    model.output("y").output("i")
}

#[test]
fn every_prefix_is_an_error() {
    let bytes = sample().bytes();
    assert!(import(&bytes, &Options::default()).is_ok());
    for end in 0..bytes.len() {
        assert!(import(&bytes[..end], &Options::default()).is_err(), "{end} of {} bytes", bytes.len());
    }
}

#[test]
fn every_prefix_of_a_tensor_is_an_error_or_a_smaller_message() {
    let bytes = onnx::floats("t", &[2, 3], &[1.; 6]).encode_to_vec();
    let (name, value, _) = decode_tensor(&bytes).unwrap();
    assert_eq!((name.as_str(), value.shape()), ("t", &[2, 3][..]));
    for end in 0..bytes.len() {
        // A message that ends between two fields is a message; without its data it is no tensor of this shape.
        if let Ok((_, value, _)) = decode_tensor(&bytes[..end]) {
            assert!(end > 30, "{end} bytes give a tensor of shape {:?}", value.shape());
        }
    }
}

/// A small generator with a period beyond the number of trials.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn changed_bytes_are_errors_or_other_models() {
    for original in [sample().bytes(), control_flow().bytes(), integers().bytes()] {
        change(&original);
    }
}

fn change(original: &[u8]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut imported = 0;
    for _ in 0..4000 {
        let mut bytes = original.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = match random.below(4) {
                0 => 0xff,
                1 => 0,
                2 => bytes[at] ^ (1 << random.below(8)),
                _ => random.below(256) as u8,
            };
        }
        imported += usize::from(import(&bytes, &Options::default()).is_ok());
    }
    assert!(imported > 100, "only {imported} changed models were read");
}

#[test]
fn deep_nesting_is_refused() {
    // Groups and messages nested far beyond what a stack holds.
    for byte in [0x3bu8, 0x0b] {
        assert!(import(&vec![byte; 1 << 20], &Options::default()).is_err());
    }
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        let length = nested.len();
        let mut outer = vec![0x3a];
        prost::encoding::encode_varint(length as u64, &mut outer);
        outer.extend(nested);
        nested = outer;
    }
    assert!(import(&nested, &Options::default()).is_err());
}
