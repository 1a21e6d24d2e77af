//! Writes small ONNX models, and evaluates them in both ways: with data, and folded.

use plonnx_frontend::proto::{
    AttributeProto, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto, attribute_type,
};
use plonnx_frontend::{FrontendError, Import, Options, import};
use plonnx_ir::{CoreOp, Tensor, eval, verify};
use prost::Message;

/// Element types, as `TensorProto.DataType` numbers them.
pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;
pub const BOOL: i32 = 9;

/// An ONNX model under construction. Every method adds something to it.
#[derive(Clone, Debug)]
pub struct Model(pub ModelProto);

/// Value of an attribute.
#[derive(Clone, Debug)]
pub enum Attr<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
    Floats(&'a [f32]),
    Texts(&'a [&'a str]),
    Text(&'a str),
    Graph(GraphProto),
    Tensor(TensorProto),
    /// The attribute of this name of the node that uses the function.
    Reference(&'a str),
}

/// A tensor of single-precision numbers.
pub fn floats(name: &str, shape: &[i64], data: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: FLOAT,
        float_data: data.to_vec(),
        ..Default::default()
    }
}

/// A vector of integers of 64 bits.
pub fn ints(name: &str, data: &[i64]) -> TensorProto {
    let dims = vec![data.len() as i64];
    TensorProto { name: name.into(), dims, data_type: INT64, int64_data: data.to_vec(), ..Default::default() }
}

fn value(name: &str, elem_type: i32, dims: Vec<DimensionValue>) -> ValueInfoProto {
    let dim = dims.into_iter().map(|d| Dimension { value: Some(d) }).collect();
    let tensor = TensorType { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor), ..Default::default() }) }
}

/// A node that is named by its first output.
pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attr)]) -> NodeProto {
    let attribute = attributes
        .iter()
        .map(|(name, attr)| {
            let mut a = AttributeProto { name: name.to_string(), ..Default::default() };
            a.r#type = match attr {
                Attr::Int(v) => {
                    a.i = *v;
                    attribute_type::INT
                }
                Attr::Float(v) => {
                    a.f = *v;
                    attribute_type::FLOAT
                }
                Attr::Ints(v) => {
                    a.ints = v.to_vec();
                    attribute_type::INTS
                }
                Attr::Floats(v) => {
                    a.floats = v.to_vec();
                    attribute_type::FLOATS
                }
                Attr::Texts(v) => {
                    a.strings = v.iter().map(|t| t.as_bytes().to_vec()).collect();
                    attribute_type::STRINGS
                }
                Attr::Text(v) => {
                    a.s = v.as_bytes().to_vec();
                    attribute_type::STRING
                }
                Attr::Graph(v) => {
                    a.g = Some(v.clone());
                    attribute_type::GRAPH
                }
                Attr::Tensor(v) => {
                    a.t = Some(v.clone());
                    attribute_type::TENSOR
                }
                Attr::Reference(v) => {
                    a.ref_attr_name = v.to_string();
                    attribute_type::FLOAT
                }
            };
            a
        })
        .collect();
    let owned = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    NodeProto {
        input: owned(inputs),
        output: owned(outputs),
        name: outputs[0].to_string(),
        op_type: op.into(),
        attribute,
        ..Default::default()
    }
}

/// A graph for an attribute; its inputs and outputs declare nothing but their names.
pub fn graph(inputs: &[&str], nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    let named = |names: &[&str]| names.iter().map(|n| ValueInfoProto { name: n.to_string(), r#type: None }).collect();
    GraphProto { node: nodes, input: named(inputs), output: named(outputs), ..Default::default() }
}

impl Model {
    /// An empty model with the standard operators of version `opset`.
    pub fn new(opset: i64) -> Self {
        let set = OperatorSetIdProto { domain: String::new(), version: opset };
        let graph = Some(GraphProto { name: "test".into(), ..Default::default() });
        Self(ModelProto {
            ir_version: 8,
            producer_name: "test".into(),
            opset_import: vec![set],
            graph,
            ..Default::default()
        })
    }

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.get_or_insert_default()
    }

    pub fn typed_input(mut self, name: &str, elem_type: i32, shape: &[i64]) -> Self {
        let dims = shape.iter().map(|d| DimensionValue::Value(*d)).collect();
        self.graph().input.push(value(name, elem_type, dims));
        self
    }

    pub fn input(self, name: &str, shape: &[i64]) -> Self {
        self.typed_input(name, FLOAT, shape)
    }

    pub fn open_input(mut self, name: &str, dims: &[&str]) -> Self {
        let dims = dims.iter().map(|d| DimensionValue::Param(d.to_string())).collect();
        self.graph().input.push(value(name, FLOAT, dims));
        self
    }

    pub fn constant(mut self, tensor: TensorProto) -> Self {
        self.graph().initializer.push(tensor);
        self
    }

    pub fn floats(self, name: &str, shape: &[i64], data: &[f32]) -> Self {
        self.constant(floats(name, shape, data))
    }

    pub fn ints(self, name: &str, data: &[i64]) -> Self {
        self.constant(ints(name, data))
    }

    /// Nodes are named by their first output.
    pub fn node(self, op: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        self.node_with(op, inputs, outputs, &[])
    }

    pub fn node_with(mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attr)]) -> Self {
        self.graph().node.push(node(op, inputs, outputs, attributes));
        self
    }

    /// A node of ai.onnx.ml.
    pub fn learnt(self, op: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, Attr)]) -> Self {
        self.node_of(("ai.onnx.ml", 3), op, inputs, outputs, attributes)
    }

    /// A node of another domain, with the version of its operator set.
    pub fn node_of(
        mut self,
        (domain, version): (&str, i64),
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attr)],
    ) -> Self {
        let domain = domain.to_string();
        if self.0.opset_import.iter().all(|set| set.domain != domain) {
            self.0.opset_import.push(OperatorSetIdProto { domain: domain.clone(), version });
        }
        self.graph().node.push(NodeProto { domain, ..node(op, inputs, outputs, attributes) });
        self
    }

    pub fn output(mut self, name: &str) -> Self {
        self.graph().output.push(value(name, FLOAT, Vec::new()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    pub fn import(&self) -> Result<Import, FrontendError> {
        import(&self.bytes(), &Options::default())
    }

    /// The message that refuses the model.
    pub fn error(&self) -> String {
        self.import().expect_err("the model is wrong").to_string()
    }

    /// Text form of the imported graph.
    pub fn text(&self) -> String {
        plonnx_ir::text::print(&self.import().unwrap_or_else(|e| panic!("{e}")).graph)
    }

    /// All outputs for the inputs' `data`, which is also tried as constants: folding must not change a result.
    pub fn run(&self, data: &[&[f64]]) -> Vec<(Vec<usize>, Vec<f64>)> {
        let model = self.import().unwrap_or_else(|e| panic!("{e}"));
        let inputs: Vec<Tensor<f64>> =
            model.inputs.iter().zip(data).map(|(i, d)| Tensor::from_vec(&i.shape, d.to_vec()).unwrap()).collect();
        assert_eq!(inputs.len(), data.len());
        verify(&model.graph).unwrap_or_else(|e| panic!("{e:?}"));
        let results = eval(&model.graph, &inputs).unwrap_or_else(|e| panic!("{e}"));
        let results: Vec<_> = results.iter().map(|t| (t.shape().to_vec(), t.to_vec())).collect();
        for (output, info) in model.graph.outputs().iter().zip(&model.outputs) {
            assert_eq!(model.graph.shape(output.node), info.shape);
        }

        let folded = self.with_constant_inputs(data).import().unwrap_or_else(|e| panic!("folded: {e}"));
        let constants = eval(&folded.graph, &[]).unwrap();
        for (i, output) in folded.graph.outputs().iter().enumerate() {
            let node = folded.graph.node(output.node);
            assert!(matches!(node.op, CoreOp::Const(..) | CoreOp::View(_)), "{} is not folded", output.name);
            close(&constants[i].to_vec(), &results[i].1);
        }
        results
    }

    fn with_constant_inputs(&self, data: &[&[f64]]) -> Self {
        let mut model = self.clone();
        let inputs = std::mem::take(&mut model.graph().input);
        for (info, data) in inputs.into_iter().zip(data) {
            let tensor = info.r#type.and_then(|t| t.tensor_type).unwrap();
            let dims = tensor.shape.unwrap().dim.into_iter().map(|d| match d.value {
                Some(DimensionValue::Value(v)) => v,
                other => panic!("{other:?} is not fixed"),
            });
            let mut proto = TensorProto { name: info.name, dims: dims.collect(), ..Default::default() };
            proto.data_type = tensor.elem_type;
            match tensor.elem_type {
                FLOAT => proto.float_data = data.iter().map(|v| *v as f32).collect(),
                INT64 => proto.int64_data = data.iter().map(|v| *v as i64).collect(),
                _ => proto.int32_data = data.iter().map(|v| *v as i32).collect(),
            }
            model.graph().initializer.push(proto);
        }
        model
    }

    /// [`Model::run`] of a model with one output.
    #[track_caller]
    pub fn check(&self, data: &[&[f64]], shape: &[usize], expected: &[f64]) {
        let results = self.run(data);
        assert_eq!(results[0].0, shape);
        close(&results[0].1, expected);
    }
}

/// Panics unless all elements are within 1e-5 of their magnitude, or of 1.
#[track_caller]
pub fn close(got: &[f64], expected: &[f64]) {
    let same = got.len() == expected.len()
        && got
            .iter()
            .zip(expected)
            .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-5 * b.abs().max(1.0));
    assert!(same, "got {got:?}, expected {expected:?}");
}

/// An integer of rank 0.
#[derive(Clone, Copy, Debug)]
pub struct TensorScalar(pub i64);

impl TensorScalar {
    pub fn proto(&self, name: &str) -> TensorProto {
        TensorProto { name: name.into(), data_type: INT64, int64_data: vec![self.0], ..Default::default() }
    }
}
