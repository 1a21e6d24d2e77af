//! A model's graph, field program and circuit as snapshots.

use plonnx_frontend::Options;
use plonnx_testkit::{ModelTest, assert_model_snapshots};

#[test]
fn logreg_iris() {
    let bytes = include_bytes!("../../../fixtures/logreg-iris/model.onnx");
    let options = Options { dims: [("batch".to_string(), 1)].into(), ..Options::default() };
    let test = ModelTest::with(bytes, &options).sample(&[&[5.1, 3.5, 1.4, 0.2]]).sample(&[&[6.7, 3.0, 5.2, 2.3]]);
    test.run();
    assert_model_snapshots!("logreg-iris", test);
}
