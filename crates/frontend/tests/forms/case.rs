//! One node in an older form, what it gives, and how to see that the case depends on the form.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use plonnx_frontend::proto::TensorProto;
use plonnx_ir::DType;
use plonnx_testkit::onnx::{Attr, BOOL, FLOAT, INT64, Model, floats, ints};

#[derive(Clone)]
enum Operand {
    Data {
        elem: i32,
        shape: &'static [i64],
        data: &'static [f64],
    },
    /// Data in an optional value.
    Optional {
        shape: &'static [i64],
        data: &'static [f64],
    },
    Known(Box<TensorProto>),
    Missing,
}

/// What importing and evaluating a model comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Kind, shape and elements of every result.
    Results(Vec<(DType, Vec<usize>, Vec<f64>)>),
    /// Part of the message that refuses the model.
    Refused(String),
}

impl Outcome {
    fn of(case: &Case, opset: i64) -> Self {
        let model = case.model(opset);
        let import = match model.import() {
            Ok(import) => import,
            Err(error) => return Self::Refused(error.to_string()),
        };
        let results = model.run(&case.data());
        let kinds = import.outputs.iter().map(|info| info.dtype);
        Self::Results(kinds.zip(results).map(|(kind, (shape, data))| (kind, shape, data)).collect())
    }

    /// Whether `self`, which a case expects, is what `got` is.
    fn is(&self, got: &Self) -> bool {
        match (self, got) {
            (Self::Refused(part), Self::Refused(message)) => message.contains(part.as_str()),
            (Self::Results(expected), Self::Results(got)) => {
                let near = |(a, b): (&f64, &f64)| {
                    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-5 * a.abs().max(1.0)
                };
                expected.len() == got.len()
                    && expected.iter().zip(got).all(|(a, b)| {
                        a.0 == b.0 && a.1 == b.1 && a.2.len() == b.2.len() && a.2.iter().zip(&b.2).all(near)
                    })
            }
            _ => false,
        }
    }
}

/// A change after which the outcome must be another one, and whether the change also takes the opset after the form.
#[derive(Clone, Copy)]
struct Contrast {
    newer: bool,
    change: fn(Case) -> Case,
}

/// A model of one node.
#[derive(Clone)]
pub struct Case {
    pub domain: &'static str,
    pub op: &'static str,
    /// The last version of the operator set that has the form.
    pub last: i64,
    operands: Vec<Operand>,
    attributes: Vec<(&'static str, Attr<'static>)>,
    results: usize,
    expected: Outcome,
    contrast: Contrast,
}

/// A case of the form of `op` that the versions of the standard operator set up to `last` have. Unless it says
/// otherwise, the version after `last` has to make something else of the node.
pub fn case(op: &'static str, last: i64) -> Case {
    Case {
        domain: "",
        op,
        last,
        operands: Vec::new(),
        attributes: Vec::new(),
        results: 0,
        expected: Outcome::Results(Vec::new()),
        contrast: Contrast { newer: true, change: |case| case },
    }
}

/// The same for an operator of ai.onnx.ml.
pub fn learnt(op: &'static str, last: i64) -> Case {
    Case { domain: "ai.onnx.ml", ..case(op, last) }
}

impl Case {
    fn operand(mut self, operand: Operand) -> Self {
        self.operands.push(operand);
        self
    }

    /// An operand of type `elem` that is data.
    pub fn typed(self, elem: i32, shape: &'static [i64], data: &'static [f64]) -> Self {
        self.operand(Operand::Data { elem, shape, data })
    }

    /// An operand of real numbers that is data.
    pub fn x(self, shape: &'static [i64], data: &'static [f64]) -> Self {
        self.typed(FLOAT, shape, data)
    }

    /// An operand of integers that is data.
    pub fn n(self, shape: &'static [i64], data: &'static [f64]) -> Self {
        self.typed(INT64, shape, data)
    }

    /// An operand of booleans that is data.
    pub fn b(self, shape: &'static [i64], data: &'static [f64]) -> Self {
        self.typed(BOOL, shape, data)
    }

    /// An operand of real numbers that is data in an optional value.
    pub fn optional(self, shape: &'static [i64], data: &'static [f64]) -> Self {
        self.operand(Operand::Optional { shape, data })
    }

    /// An operand that is a constant.
    pub fn known(self, tensor: TensorProto) -> Self {
        self.operand(Operand::Known(Box::new(tensor)))
    }

    /// An operand that is a constant vector of integers.
    pub fn ints(self, data: &[i64]) -> Self {
        self.known(ints("", data))
    }

    /// An operand that is a constant of real numbers.
    pub fn reals(self, shape: &[i64], data: &[f32]) -> Self {
        self.known(floats("", shape, data))
    }

    /// An operand that is left out.
    pub fn none(self) -> Self {
        self.operand(Operand::Missing)
    }

    /// Leaves out the operands from `index` on.
    pub fn first(mut self, index: usize) -> Self {
        self.operands.truncate(index);
        self
    }

    /// Gives an attribute, or gives it another value.
    pub fn with(mut self, name: &'static str, value: Attr<'static>) -> Self {
        self.attributes.retain(|(given, _)| *given != name);
        self.attributes.push((name, value));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|(given, _)| *given != name);
        self
    }

    /// Names this many results.
    pub fn results(self, results: usize) -> Self {
        Self { results, ..self }
    }

    fn result(mut self, kind: DType, shape: &[usize], data: &[f64]) -> Self {
        if let Outcome::Results(results) = &mut self.expected {
            results.push((kind, shape.to_vec(), data.to_vec()));
        }
        self.results += 1;
        self
    }

    /// The next result is of real numbers.
    pub fn y(self, shape: &[usize], data: &[f64]) -> Self {
        self.result(DType::Real, shape, data)
    }

    /// The next result is of integers.
    pub fn whole(self, shape: &[usize], data: &[f64]) -> Self {
        self.result(DType::Int, shape, data)
    }

    /// The next result is of booleans.
    pub fn truth(self, shape: &[usize], data: &[f64]) -> Self {
        self.result(DType::Bool, shape, data)
    }

    /// The node, with one result, is refused with a message that contains `part`.
    pub fn refused(self, part: &str) -> Self {
        Self { expected: Outcome::Refused(part.into()), results: 1, ..self }
    }

    /// The version after the form makes something else of the node that `change` gives.
    pub fn unlike(self, change: fn(Self) -> Self) -> Self {
        Self { contrast: Contrast { newer: true, change }, ..self }
    }

    /// The form itself makes something else of the node that `change` gives: for what newer versions do not mind.
    pub fn unlike_here(self, change: fn(Self) -> Self) -> Self {
        Self { contrast: Contrast { newer: false, change }, ..self }
    }

    /// An attribute that changes no result, and is not accepted under another name.
    pub fn idle(self, name: &'static str, value: Attr<'static>) -> Self {
        let case = self.with(name, value);
        case.unlike_here(|mut case| {
            case.attributes.last_mut().expect("the attribute was given").0 = "no_such_attribute";
            case
        })
    }

    fn model(&self, opset: i64) -> Model {
        let name = |i: usize, operand: &Operand| match operand {
            Operand::Missing => String::new(),
            _ => format!("x{i}"),
        };
        let names: Vec<String> = self.operands.iter().enumerate().map(|(i, o)| name(i, o)).collect();
        let results: Vec<String> = (0..self.results).map(|i| format!("y{i}")).collect();
        let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let outputs: Vec<&str> = results.iter().map(String::as_str).collect();
        let mut model = Model::new(if self.domain.is_empty() { opset } else { 17 });
        for (operand, name) in self.operands.iter().zip(&names) {
            model = match operand {
                Operand::Data { elem, shape, .. } => model.typed_input(name, *elem, shape),
                Operand::Optional { shape, .. } => {
                    let inner = format!("inner_{name}");
                    model.input(&inner, shape).node("Optional", &[inner.as_str()], &[name.as_str()])
                }
                Operand::Known(tensor) => model.constant(TensorProto { name: name.clone(), ..*tensor.clone() }),
                Operand::Missing => model,
            };
        }
        if self.domain.is_empty() {
            model = model.node_with(self.op, &inputs, &outputs, &self.attributes);
        } else {
            model = model.learnt(self.op, &inputs, &outputs, &self.attributes);
            model.0.opset_import[1].version = opset;
        }
        outputs.into_iter().fold(model, Model::output)
    }

    /// Writes the model, and what goes in and comes out, for other runtimes to be compared with.
    pub fn write(&self, path: &Path, opset: i64) {
        let line = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
        let mut text = String::new();
        for data in self.data() {
            let _ = writeln!(text, "in {}", line(data));
        }
        match &self.expected {
            Outcome::Refused(part) => drop(writeln!(text, "refused {part}")),
            Outcome::Results(results) => {
                for (kind, shape, data) in results {
                    let _ = writeln!(text, "out {kind:?} {shape:?} {}", line(data));
                }
            }
        }
        let written = fs::write(path.with_extension("onnx"), self.model(opset).bytes());
        written.and_then(|()| fs::write(path.with_extension("txt"), text)).unwrap_or_else(|e| panic!("{e}"));
    }

    fn data(&self) -> Vec<&[f64]> {
        let data = self.operands.iter().filter_map(|operand| match operand {
            Operand::Data { data, .. } | Operand::Optional { data, .. } => Some(*data),
            _ => None,
        });
        data.collect()
    }

    /// What is wrong with the outcome at version `opset` of the operator set, if anything is.
    pub fn failure(&self, opset: i64) -> Option<String> {
        let got = Outcome::of(self, opset);
        let expected = &self.expected;
        (!expected.is(&got)).then(|| format!("{} at {opset}: expected {expected:?}, got {got:?}", self.op))
    }

    /// What is wrong if the changed node has the outcome that is expected of the unchanged one.
    pub fn indifference(&self) -> Option<String> {
        let Contrast { newer, change } = self.contrast;
        let got = Outcome::of(&change(self.clone()), self.last + i64::from(newer));
        self.expected.is(&got).then(|| format!("{} up to {}: the changed node gives the same", self.op, self.last))
    }
}
