//! Operators through every executor and the adversarial suite, as a project would test one of its own.

use plonnx_backend::Visibility;
use plonnx_testkit::onnx::{Attr, Model};
use plonnx_testkit::{ModelTest, Tolerance};

#[test]
fn trilu() {
    let model = Model::new(14).input("x", &[2, 2]).node_with("Trilu", &["x"], &["y"], &[("upper", Attr::Int(0))]);
    // Wiring alone has nothing to lie about: the sum gives it cells.
    let model = model.node("Add", &["y", "x"], &["z"]).output("z");
    let test = ModelTest::new(&model.bytes()).expect(&[&[1., 2., 3., 4.]], &[&[2., 2., 6., 8.]]);
    test.run();
    let attacks = test.attack();
    assert!(attacks.cells > 100 && attacks.nodes > 0 && attacks.challenges > 0, "{attacks:?}");
}

#[test]
fn functions_by_table() {
    // Tan is so steep that it becomes a table of values and one of slopes.
    let model = Model::new(13).input("x", &[8]).node("Tan", &["x"], &["t"]).node("Round", &["x"], &["r"]);
    let test = ModelTest::new(&model.output("t").output("r").bytes());
    let test = test.sample(&[&[-1.5, -1.2, -0.5, 0.5, 1.0, 1.5, 1.51, 1.52]]);
    let test = test.sample(&[&[0.5, 1.5, -0.5, -1.5, 0.25, 0.75, 1.25, -0.75]]);
    test.run();
    let attacks = test.attack();
    assert!(attacks.multiplicities > 0, "{attacks:?}");
}

#[test]
fn deviations_fit_the_field_at_any_scale() {
    // E[x^2] - E[x]^2, as flax writes variances: rounded to fewer bits than the window that epsilon is added to has.
    // Circuits must expect all of that window, whatever is known of the sum.
    for size in [0.24, 0.3, 0.6, 1.0, 1.8] {
        for epsilon in [2e-6f32, 2e-5, 1e-3] {
            let model = Model::new(17).input("x", &[3, 16]).floats("zero", &[], &[0.0]);
            let model = model.floats("e", &[], &[epsilon * (size * size) as f32]);
            let mean = |model: Model, of: &str, mean: &str| {
                model.node_with("ReduceMean", &[of], &[mean], &[("axes", Attr::Ints(&[1]))])
            };
            let model = mean(model, "x", "m").node("Mul", &["x", "x"], &["xx"]);
            let model = mean(model, "xx", "mxx").node("Mul", &["m", "m"], &["mm"]).node("Sub", &["mxx", "mm"], &["d"]);
            let model = model.node("Max", &["d", "zero"], &["variance"]).node("Add", &["variance", "e"], &["v"]);
            let model = model.node("Sqrt", &["v"], &["s"]).node("Reciprocal", &["s"], &["i"]);
            let model = model.node("Sub", &["x", "m"], &["c"]).node("Mul", &["c", "i"], &["y"]).output("y");
            // One row as loud as the next, one quiet.
            let wave = |i: usize| (i as f64 * 2.3).sin() + (i as f64 * 0.7).cos();
            let data: Vec<f64> = (0..48).map(|i| size * [1.0, 0.16, 0.026][i / 16] * wave(i)).collect();
            let quieter: Vec<f64> = data.iter().map(|v| v * 0.68).collect();
            let test = ModelTest::new(&model.bytes()).sample(&[&data]).sample(&[&quieter]);
            test.case().assert_satisfied(&test.case().compile(Visibility::Private));
        }
    }
}

fn doubled() -> ModelTest {
    let model = Model::new(13).input("x", &[4]).node("Add", &["x", "x"], &["y"]).output("y");
    ModelTest::new(&model.bytes())
}

#[test]
#[should_panic(expected = "float graph, sample 0, \"y\"")]
fn wrong_expectations_fail() {
    doubled().expect(&[&[1., 2., 3., 4.]], &[&[2., 4., 6., 9.]]).evaluate();
}

#[test]
#[should_panic(expected = "field program, sample 0, \"y\"")]
fn the_tolerance_of_programs_counts() {
    let exact = Tolerance { program: 0.0, ..Tolerance::default() };
    doubled().tolerance(exact).sample(&[&[0.1, 0.2, 0.3, 0.77]]).evaluate();
}
