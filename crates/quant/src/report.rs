//! Scales and windows in text.

use std::fmt::Write;

use plonnx_ir::op::{Input, Requant};
use plonnx_ir::{CoreOp, Field};

use crate::program::Program;

/// One line for every node of the program.
pub(crate) fn report(program: &Program) -> String {
    let mut out = String::from("node     scale  kind    requantisation                 op            shape  name\n");
    for id in program.graph.ids() {
        let node = program.graph.node(id);
        let kind = match &node.op {
            CoreOp::Const(..) => "const",
            op if op.is_wide() => "wide",
            _ => "narrow",
        };
        let line = format!(
            "{:<8} {:<6} {:<7} {:<30} {:<13} {:?}  {}",
            id.to_string(),
            node.note.0,
            kind,
            requantisation(&node.op),
            node.op.name(),
            node.fact.shape,
            node.name
        );
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn requantisation(op: &CoreOp<Field>) -> String {
    match op {
        CoreOp::Input(Input { domain, .. }) => format!("window {domain}"),
        CoreOp::Map(Requant::Round { shift, window }) => format!("round >> {shift}, window {window}"),
        CoreOp::Map(Requant::Relu { shift, bits }) => format!("relu >> {shift}, {bits} bits"),
        CoreOp::Map(Requant::Table { shift, table }) => format!("{} >> {shift}, window {}", table.name, table.window),
        CoreOp::Map(Requant::Sqrt { shift, bits }) => format!("sqrt << {shift}, {bits} bits"),
        CoreOp::Map(Requant::Rsqrt { shift, bits }) => format!("rsqrt << {shift}, {bits} bits"),
        CoreOp::Div(quotient) => format!("quotient << {}, window {}", quotient.shift, quotient.window),
        _ => String::new(),
    }
}
