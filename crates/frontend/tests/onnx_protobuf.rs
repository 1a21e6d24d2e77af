//! The messages of [`plonnx_frontend::proto`] against those that the `onnx-protobuf` crate generates from `onnx.proto`.

use plonnx_frontend::proto;
use prost::Message as _;
use protobuf::Message as _;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../fixtures/{name}/model.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn assert_same_tensor(ours: &proto::TensorProto, theirs: &onnx_protobuf::TensorProto, place: &str) {
    assert_eq!(ours.name, theirs.name, "{place}");
    assert_eq!(ours.dims, theirs.dims, "{place}");
    assert_eq!(ours.data_type, theirs.data_type, "{place}");
    assert_eq!(ours.raw_data.as_slice(), theirs.raw_data.as_slice(), "{place}");
    assert_eq!(ours.float_data, theirs.float_data, "{place}");
    assert_eq!(ours.int64_data, theirs.int64_data, "{place}");
    assert_eq!(ours.int32_data, theirs.int32_data, "{place}");
}

#[test]
fn both_readers_see_the_same_models() {
    let names =
        ["logreg-iris", "mlp-mnist", "lenet5", "resnet-mnist", "dwsep-mnist", "transformer-block", "transformer-chars"];
    let mut tensors = 0;
    for name in names {
        let bytes = fixture(name);
        let ours = proto::ModelProto::decode(bytes.as_slice()).unwrap();
        let theirs = onnx_protobuf::ModelProto::parse_from_bytes(&bytes).unwrap();
        assert_eq!(ours.ir_version, theirs.ir_version);
        let opsets: Vec<(&str, i64)> = ours.opset_import.iter().map(|o| (o.domain.as_str(), o.version)).collect();
        let expected: Vec<(&str, i64)> = theirs.opset_import.iter().map(|o| (o.domain.as_str(), o.version)).collect();
        assert_eq!(opsets, expected);
        let (ours, theirs) = (ours.graph.unwrap(), theirs.graph.unwrap());
        assert_eq!(ours.node.len(), theirs.node.len(), "{name}");
        for (a, b) in ours.node.iter().zip(&theirs.node) {
            assert_eq!((&a.name, &a.op_type, &a.domain), (&b.name, &b.op_type, &b.domain), "{name}");
            assert_eq!((&a.input, &a.output), (&b.input, &b.output), "{name}: {}", a.name);
            assert_eq!(a.attribute.len(), b.attribute.len(), "{name}: {}", a.name);
            for (x, y) in a.attribute.iter().zip(&b.attribute) {
                let place = format!("{name}: {} {}", a.name, x.name);
                assert_eq!(x.name, y.name, "{place}");
                assert_eq!((x.i, &x.ints, &x.floats), (y.i, &y.ints, &y.floats), "{place}");
                assert_eq!((x.f, x.s.as_slice()), (y.f, y.s.as_slice()), "{place}");
                if let Some(t) = &x.t {
                    assert_same_tensor(t, &y.t, &place);
                    tensors += 1;
                }
            }
        }
        assert_eq!(ours.initializer.len(), theirs.initializer.len(), "{name}");
        for (a, b) in ours.initializer.iter().zip(&theirs.initializer) {
            assert_same_tensor(a, b, name);
            tensors += 1;
        }
        let inputs: Vec<&String> = ours.input.iter().map(|v| &v.name).collect();
        assert_eq!(inputs, theirs.input.iter().map(|v| &v.name).collect::<Vec<_>>(), "{name}");
    }
    assert!(tensors > 50, "only {tensors} tensors were compared");
}
