//! Operators over sequences, and loss functions, with results worked out by hand.

use plonnx_testkit::onnx::{self, Attr, BOOL, INT64, Model};

/// Two queries and keys with one feature, whose scores are 0 or the logarithm of 3.
fn attention(model: Model, inputs: &[&str], attributes: Vec<(&str, Attr)>) -> Model {
    let attributes: Vec<(&str, Attr)> = attributes.into_iter().chain([("scale", Attr::Float(1.))]).collect();
    model.node_with("Attention", inputs, &["y"], &attributes).output("y")
}

fn operands() -> Model {
    Model::new(23).input("q", &[1, 1, 2, 1]).input("k", &[1, 1, 2, 1]).input("v", &[1, 1, 2, 1])
}

const LN3: f64 = 1.098_612_288_668_109_8;

#[test]
fn attention_averages_values() {
    let (q, k, v): (&[f64], &[f64], &[f64]) = (&[0., 1.], &[0., LN3], &[4., 8.]);
    let plain = attention(operands(), &["q", "k", "v"], vec![]);
    plain.check(&[q, k, v], &[1, 1, 2, 1], &[6., 7.]);
    let causal = attention(operands(), &["q", "k", "v"], vec![("is_causal", Attr::Int(1))]);
    causal.check(&[q, k, v], &[1, 1, 2, 1], &[4., 7.]);
    let capped = attention(operands(), &["q", "k", "v"], vec![("softcap", Attr::Float(0.5))]);
    let share = 1. / (1. + (-0.5 * (2. * LN3).tanh()).exp());
    capped.check(&[q, k, v], &[1, 1, 2, 1], &[6., 4. + 4. * share]);
    let masked = attention(operands().typed_input("m", BOOL, &[2, 2]), &["q", "k", "v", "m"], vec![]);
    masked.check(&[q, k, v, &[0., 1., 1., 1.]], &[1, 1, 2, 1], &[8., 7.]);
    let biased = attention(operands().input("m", &[2, 2]), &["q", "k", "v", "m"], vec![]);
    biased.check(&[q, k, v, &[0., LN3, 0., 0.]], &[1, 1, 2, 1], &[7., 7.]);
    let short = attention(operands().input("m", &[2, 1, 1]), &["q", "k", "v", "m"], vec![]);
    assert!(short.error().contains("the mask does not fit"), "{}", short.error());
    let lengths = attention(operands().typed_input("n", INT64, &[1]), &["q", "k", "v", "", "", "", "n"], vec![]);
    lengths.check(&[q, k, v, &[1.]], &[1, 1, 2, 1], &[4., 4.]);
}

#[test]
fn heads_of_keys_are_shared_and_past_ones_come_first() {
    // Two heads of queries, one of keys; features of heads are next to each other.
    let model = Model::new(23).input("q", &[1, 1, 2]).input("k", &[1, 1, 1]).input("v", &[1, 1, 1]);
    let model = model.input("pk", &[1, 1, 1, 1]).input("pv", &[1, 1, 1, 1]);
    let attributes = [("q_num_heads", Attr::Int(2)), ("kv_num_heads", Attr::Int(1)), ("scale", Attr::Float(1.))];
    let names = ["y", "key", "value", "scores"];
    let model = model.node_with("Attention", &["q", "k", "v", "", "pk", "pv"], &names, &attributes);
    let model = names.iter().fold(model, |m, n| m.output(n));
    let results = model.run(&[&[0., 1.], &[LN3], &[8.], &[0.], &[4.]]);
    assert_eq!(results[0].0, [1, 1, 2]);
    onnx::close(&results[0].1, &[6., 7.]);
    onnx::close(&results[1].1, &[0., LN3]);
    onnx::close(&results[2].1, &[4., 8.]);
    onnx::close(&results[3].1, &[0., 0., 0., LN3]);
}

#[test]
fn pairs_of_features_are_turned() {
    let turned = |attributes: &[(&str, Attr)], known: bool| {
        let model = Model::new(23).input("x", &[1, 1, 2, 3]).floats("cos", &[2, 1], &[1., 0.]);
        let model = model.floats("sin", &[2, 1], &[0., 1.]);
        let model = if known {
            model.constant(onnx::ints("at", &[1, 0])).ints("shape", &[1, 2]).node("Reshape", &["at", "shape"], &["p"])
        } else {
            model.typed_input("p", INT64, &[1, 2])
        };
        model.node_with("RotaryEmbedding", &["x", "cos", "sin", "p"], &["y"], attributes).output("y")
    };
    let attributes = [("rotary_embedding_dim", Attr::Int(2))];
    let x: &[f64] = &[1., 2., 3., 4., 5., 6.];
    let expected = [-2., 1., 3., 4., 5., 6.];
    turned(&attributes, true).check(&[x], &[1, 1, 2, 3], &expected);
    turned(&attributes, false).check(&[x, &[1., 0.]], &[1, 1, 2, 3], &expected);
    assert!(turned(&[("rotary_embedding_dim", Attr::Int(4))], true).error().contains("4 of 3 features"));
}

#[test]
fn states_are_read_and_written() {
    let model = Model::new(27).input("q", &[1, 2, 1]).input("k", &[1, 2, 1]).input("v", &[1, 2, 1]);
    let attributes = |rule: &'static str| {
        [
            ("update_rule", Attr::Text(rule)),
            ("q_num_heads", Attr::Int(1)),
            ("kv_num_heads", Attr::Int(1)),
            ("scale", Attr::Float(1.)),
        ]
    };
    let linear = model.clone().node_with("LinearAttention", &["q", "k", "v"], &["y", "s"], &attributes("linear"));
    let results = linear.output("y").output("s").run(&[&[1., 2.], &[3., 1.], &[1., 4.]]);
    onnx::close(&results[0].1, &[3., 14.]);
    onnx::close(&results[1].1, &[7.]);
    let delta = model.input("past", &[1, 1, 1, 1]).input("g", &[1, 2, 1]).input("b", &[1, 2, 1]);
    let inputs = ["q", "k", "v", "past", "g", "b"];
    let delta = delta.node_with("LinearAttention", &inputs, &["y", "s"], &attributes("gated_delta")).output("s");
    // 2 exp(0) = 2, + 3 (1 - 6) / 2 = -5.5; then exp(ln 3) = 3 times, + (4 + 16.5).
    delta.check(&[&[1., 2.], &[3., 1.], &[1., 4.], &[2.], &[0., LN3], &[0.5, 1.]], &[1, 1, 1, 1], &[4.]);
}

#[test]
fn convolutions_see_the_past() {
    let model = Model::new(27).input("x", &[1, 1, 3]).floats("w", &[1, 1, 2], &[1., 10.]).floats("b", &[1], &[0.5]);
    let fresh = model.clone().node("CausalConvWithState", &["x", "w", "b"], &["y", "s"]).output("y").output("s");
    let results = fresh.run(&[&[1., 2., 3.]]);
    onnx::close(&results[0].1, &[10.5, 21.5, 32.5]);
    onnx::close(&results[1].1, &[3.]);
    let silu = [("activation", Attr::Text("silu"))];
    let next = model.input("past", &[1, 1, 1]).node_with("CausalConvWithState", &["x", "w", "", "past"], &["y"], &silu);
    let swish = |x: f64| x / (1. + (-x).exp());
    next.output("y").check(&[&[0., 0.1, 0.], &[2.]], &[1, 1, 3], &[swish(2.), swish(1.), swish(0.1)]);
}

#[test]
fn losses_are_reduced_with_weights() {
    let loss = |reduction: &str, ignored: Option<i64>, weights: bool| {
        let model = Model::new(13).input("x", &[2, 3, 1]).typed_input("t", INT64, &[2, 1]);
        let model = model.floats("w", &[3], &[1., 2., 4.]);
        let mut attributes = vec![("reduction", Attr::Text(reduction))];
        attributes.extend(ignored.map(|i| ("ignore_index", Attr::Int(i))));
        let inputs: &[&str] = if weights { &["x", "t", "w"] } else { &["x", "t"] };
        model.node_with("NegativeLogLikelihoodLoss", inputs, &["y"], &attributes).output("y")
    };
    let x: &[f64] = &[-1., -2., -3., -4., -5., -6.];
    let t: &[f64] = &[1., 2.];
    loss("none", None, false).check(&[x, t], &[2, 1], &[2., 6.]);
    loss("sum", None, true).check(&[x, t], &[], &[28.]);
    loss("mean", None, true).check(&[x, t], &[], &[28. / 6.]);
    loss("mean", None, false).check(&[x, t], &[], &[4.]);
    loss("mean", Some(-7), true).check(&[x, &[1., -7.]], &[], &[2.]);
    loss("none", Some(2), false).check(&[x, t], &[2, 1], &[2., 0.]);

    let entropy = Model::new(13).input("x", &[1, 2]).typed_input("t", INT64, &[1]);
    let entropy = entropy.node("SoftmaxCrossEntropyLoss", &["x", "t"], &["y", "logs"]).output("y").output("logs");
    let results = entropy.run(&[&[0., LN3], &[0.]]);
    onnx::close(&results[0].1, &[4f64.ln()]);
    onnx::close(&results[1].1, &[-(4f64.ln()), LN3 - 4f64.ln()]);
}
