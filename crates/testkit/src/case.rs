//! Field programs with inputs.

#[cfg(feature = "circuit")]
use plonnx_backend::{Circuit, Settings, Visibility};
use plonnx_ir::op::{Input, Requant, Window};
use plonnx_ir::{CoreOp, DType, Field, Graph, NodeId, Tensor};

/// A field program with inputs in its windows.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub graph: Graph<Field>,
    /// In the order of the graph's inputs.
    pub inputs: Vec<Tensor<i64>>,
}

#[cfg(feature = "circuit")]
impl Case {
    /// The circuit with public outputs and inputs of `visibility`.
    pub fn compile(&self, visibility: Visibility) -> Circuit {
        let settings = Settings {
            inputs: vec![visibility; self.graph.inputs().len()],
            outputs: vec![Visibility::Public; self.graph.outputs().len()],
            ..Settings::default()
        };
        Circuit::compile(self.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// The constraints of `circuit` hold on the assigned witness.
    pub fn assert_satisfied(&self, circuit: &Circuit) {
        let witness = circuit.witness(&self.inputs).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let violations = circuit.check(&witness);
        assert!(violations.is_empty(), "{}: {} violations, first {}", self.name, violations.len(), violations[0]);
    }

    /// A proof verifies, and no longer does with another element in its last public tensor.
    pub fn assert_proved(&self, circuit: &Circuit) {
        let witness = circuit.witness(&self.inputs).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let proof = circuit.prove(&witness).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        circuit.verifying_key().verify(&proof).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut wrong = proof;
        let value = wrong.public.last_mut().and_then(Option::as_mut).and_then(|values| values.first_mut());
        let value = value.unwrap_or_else(|| panic!("{}: no public element", self.name));
        *value = if *value == 0 { 1 } else { 0 };
        let rejected = circuit.verifying_key().verify(&wrong);
        let rejected = matches!(rejected, Err(plonnx_backend::BackendError::Rejected(_)));
        assert!(rejected, "{}: a wrong output verifies", self.name);
    }
}

/// Deterministic numbers in `[lo, hi]`.
pub fn numbers(count: usize, lo: i64, hi: i64, seed: u64) -> Vec<i64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            lo + (state % (hi - lo + 1) as u64) as i64
        })
        .collect()
}

/// A tensor of [`numbers`].
pub fn tensor(shape: &[usize], lo: i64, hi: i64, seed: u64) -> Tensor<i64> {
    Tensor::from_vec(shape, numbers(shape.iter().product(), lo, hi, seed)).expect("as many numbers as elements")
}

/// A field program under construction; every method adds one node and returns it.
#[derive(Clone, Debug, Default)]
pub struct CaseBuilder {
    pub graph: Graph<Field>,
    pub inputs: Vec<Tensor<i64>>,
}

impl CaseBuilder {
    pub fn new() -> Self {
        Self { graph: Graph::new(), inputs: Vec::new() }
    }

    /// An input that holds numbers of its whole window.
    pub fn input(&mut self, shape: &[usize], window: Window, dtype: DType) -> NodeId {
        let seed = 7 + self.inputs.len() as u64;
        self.inputs.push(tensor(shape, window.lo, window.hi(), seed));
        let input = Input { shape: shape.to_vec(), dtype, domain: window };
        self.insert(&format!("x{seed}"), CoreOp::Input(input), &[])
    }

    pub fn signed(&mut self, shape: &[usize], bits: u32) -> NodeId {
        self.input(shape, Window::signed(bits), DType::Real)
    }

    /// A constant of numbers in `[lo, hi]`.
    pub fn constant(&mut self, shape: &[usize], lo: i64, hi: i64) -> NodeId {
        let seed = 100 + self.graph.len() as u64;
        self.insert("const", CoreOp::Const(tensor(shape, lo, hi, seed), DType::Real), &[])
    }

    /// A node that is named by its operator and number.
    pub fn add(&mut self, op: CoreOp<Field>, inputs: &[NodeId]) -> NodeId {
        let name = format!("{}{}", op.name(), self.graph.len());
        self.insert(&name, op, inputs)
    }

    /// `x` rounded by `shift` bits into `bits` signed ones.
    pub fn round(&mut self, x: NodeId, shift: u32, bits: u32) -> NodeId {
        self.add(CoreOp::Map(Requant::Round { shift, window: Window::signed(bits) }), &[x])
    }

    /// The program with the output `output`, which has to pass the verifier.
    pub fn done(mut self, name: &str, output: NodeId) -> Case {
        self.graph.add_output("out", output);
        plonnx_ir::verify(&self.graph).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        Case { name: name.to_string(), graph: self.graph, inputs: self.inputs }
    }

    fn insert(&mut self, name: &str, op: CoreOp<Field>, inputs: &[NodeId]) -> NodeId {
        self.graph.add(name, op, inputs).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}
