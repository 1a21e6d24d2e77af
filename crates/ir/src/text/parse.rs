//! Text to graph.

use std::collections::BTreeMap;

use super::attribute::pooled;
use super::cursor::{Cursor, split_at_fact};
use super::{Attribute, Pool};
use crate::domain::{Domain, Scalar};
use crate::error::IrError;
use crate::graph::{DType, Fact, Graph, NodeId};
use crate::op::{Arg, Compare, Contract, Conv, CoreOp, Extremum, Input, OneHot, Reduce, Reducer, Sum, View};
use crate::tensor::Tensor;

/// Reads the text form, see [`crate::text`]. `pool` has the tensors that stand as fingerprints. Blank lines are skipped.
///
/// # Errors
/// [`IrError::Text`] with the first line that is not of this form, names an unknown node or constant, or whose fact is
/// not the one that its operator infers.
pub fn parse<D: Domain>(text: &str, pool: &Pool<D::Scalar>) -> Result<Graph<D>, IrError> {
    let mut reader = Reader { graph: Graph::new(), nodes: BTreeMap::new(), pool };
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let header = format!("graph {}", D::NAME);
    match lines.next() {
        Some((line, _)) if line.trim() == header => {}
        first => {
            let (got, line) = first.unwrap_or(("the end of the text", 1));
            return Err(IrError::Text { line, reason: format!("expected {header}, got {}", got.trim()) });
        }
    }
    for (text, line) in lines {
        reader.line(text).map_err(|reason| IrError::Text { line, reason })?;
    }
    Ok(reader.graph)
}

struct Reader<'a, D: Domain> {
    graph: Graph<D>,
    /// Numbers in the text need not be consecutive.
    nodes: BTreeMap<u64, NodeId>,
    pool: &'a Pool<D::Scalar>,
}

impl<D: Domain> Reader<'_, D> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut head = Cursor::new(line);
        if head.eat("output") {
            let name = head.quoted()?;
            let node = self.operand(&mut head)?;
            self.graph.add_output(&name, node);
            return head.end();
        }
        let (head, tail) = split_at_fact(line).ok_or("expected a node with its fact, or an output")?;
        let mut tail = Cursor::new(tail);
        let fact = fact(&mut tail)?;
        let name = tail.quoted()?;
        let note = D::Note::parse("", &mut tail, self.pool)?;
        tail.end()?;

        let mut head = Cursor::new(head);
        head.expect("%")?;
        let number: u64 = head.number()?;
        head.expect("=")?;
        let word = head.token()?;
        let mut operands = Vec::new();
        let mut ahead = head;
        while ahead.eat("%") {
            operands.push(self.operand(&mut head)?);
            head.eat(",");
            ahead = head;
        }
        let op = self.op(word, &mut head, &fact)?;
        head.end()?;

        let id = self.graph.add_noted(&name, op, &operands, note).map_err(|e| e.to_string())?;
        let inferred = &self.graph.node(id).fact;
        if *inferred != fact {
            return Err(format!("expected {inferred:?}, got {fact:?}"));
        }
        match self.nodes.insert(number, id) {
            Some(_) => Err(format!("%{number} is defined twice")),
            None => Ok(()),
        }
    }

    fn operand(&self, cursor: &mut Cursor<'_>) -> Result<NodeId, String> {
        cursor.expect("%")?;
        let number: u64 = cursor.number()?;
        self.nodes.get(&number).copied().ok_or_else(|| format!("%{number} is not defined"))
    }

    fn op(&self, word: &str, rest: &mut Cursor<'_>, fact: &Fact) -> Result<CoreOp<D>, String> {
        let reduce = |reducer, rest: &mut Cursor<'_>| {
            Ok::<_, String>(CoreOp::Reduce(Reduce { reducer, axes: rest.field("axes")?, keep: rest.eat("keep") }))
        };
        let arg = |extremum, rest: &mut Cursor<'_>| {
            let axis = single(rest, "axis=")?;
            Ok::<_, String>(CoreOp::Arg(Arg { extremum, axis, last: rest.eat("last"), keep: rest.eat("keep") }))
        };
        Ok(match word {
            "input" => CoreOp::Input(Input {
                shape: fact.shape.clone(),
                dtype: fact.dtype,
                domain: D::Input::parse(word, rest, self.pool)?,
            }),
            "const" => CoreOp::Const(self.tensor(rest, fact)?, fact.dtype),
            "contract" => {
                let spec = rest.token()?;
                CoreOp::Contract(Contract::parse(spec).ok_or_else(|| format!("expected ab,bc->ac, got {spec}"))?)
            }
            "conv" => CoreOp::Conv(Conv {
                strides: rest.field("strides")?,
                dilations: rest.field("dilations")?,
                before: rest.field("before")?,
                after: rest.field("after")?,
                groups: single(rest, "groups=")?,
            }),
            "sum" => {
                rest.expect("coefficients")?;
                CoreOp::Sum(Sum { coefficients: rest.list("=[", ']', D::Scalar::from_text)? })
            }
            "reduce_sum" => reduce(Reducer::Sum, rest)?,
            "reduce_max" => reduce(Reducer::Max, rest)?,
            "reduce_min" => reduce(Reducer::Min, rest)?,
            "max" => CoreOp::Extremum(Extremum::Max),
            "min" => CoreOp::Extremum(Extremum::Min),
            "less" => CoreOp::Compare(Compare::Less),
            "less_equal" => CoreOp::Compare(Compare::LessEqual),
            "equal" => CoreOp::Compare(Compare::Equal),
            "select" => CoreOp::Select,
            "one_hot" => CoreOp::OneHot(OneHot { depth: single(rest, "depth=")? }),
            "arg_max" => arg(Extremum::Max, rest)?,
            "arg_min" => arg(Extremum::Min, rest)?,
            _ => match self.view(word, rest, fact)? {
                Some(view) => CoreOp::View(view),
                None if word.starts_with("div") => CoreOp::Div(D::Div::parse(word, rest, self.pool)?),
                None => CoreOp::Map(D::Map::parse(word, rest, self.pool)?),
            },
        })
    }

    /// `None` when `word` is no view.
    fn view(&self, word: &str, rest: &mut Cursor<'_>, fact: &Fact) -> Result<Option<View>, String> {
        let shape = || fact.shape.clone();
        Ok(Some(match word {
            "reshape" => View::Reshape { shape: shape() },
            "broadcast" => View::Broadcast { shape: shape() },
            "retype" => View::Retype { dtype: fact.dtype },
            "transpose" => View::Transpose { perm: rest.field("perm")? },
            "slice" => {
                View::Slice { start: rest.field("start")?, step: rest.field("step")?, size: rest.field("size")? }
            }
            "concat" => View::Concat { axis: single(rest, "axis=")? },
            "pad" => View::Pad {
                before: rest.field("before")?,
                after: rest.field("after")?,
                interior: rest.field("interior")?,
            },
            "gather" => {
                View::Gather { axis: single(rest, "axis=")?, shape: rest.field("shape")?, indices: self.indices(rest)? }
            }
            "index" => View::Index { shape: shape(), indices: self.indices(rest)? },
            _ => return Ok(None),
        }))
    }

    fn indices(&self, rest: &mut Cursor<'_>) -> Result<Vec<usize>, String> {
        let mut ahead = *rest;
        if !ahead.eat("indices=@") {
            return rest.field("indices");
        }
        rest.expect("indices=")?;
        let indices: Option<Vec<usize>> = pooled(rest, self.pool)?.iter().map(|i| i.to_index()).collect();
        indices.ok_or_else(|| "expected indices that are non-negative integers".into())
    }

    fn tensor(&self, rest: &mut Cursor<'_>, fact: &Fact) -> Result<Tensor<D::Scalar>, String> {
        let mut ahead = *rest;
        if ahead.eat("@") {
            return Ok(pooled(rest, self.pool)?.clone());
        }
        let values = rest.list("{", '}', D::Scalar::from_text)?;
        let got = values.len();
        Tensor::from_vec(&fact.shape, values).ok_or_else(|| format!("{got} values for shape {:?}", fact.shape))
    }
}

/// A key with its `=`, and a number.
fn single(rest: &mut Cursor<'_>, key: &str) -> Result<usize, String> {
    rest.expect(key)?;
    rest.number()
}

fn fact(cursor: &mut Cursor<'_>) -> Result<Fact, String> {
    let dtype = [("real", DType::Real), ("int", DType::Int), ("bool", DType::Bool)];
    let (_, dtype) = dtype.into_iter().find(|(name, _)| cursor.eat(name)).ok_or("expected real, int or bool")?;
    Ok(Fact { shape: cursor.list("[", ']', |v| v.parse().ok())?, dtype })
}
