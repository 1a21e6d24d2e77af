//! `SUPPORTED_OPS.md` is what the table of operators says, and `README.md` counts them.
//!
//! `PLONNX_WRITE=1 cargo test -p plonnx-frontend --test supported_ops` writes both.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use plonnx_frontend::{Cost, OpInfo, supported_ops};

fn section(text: &mut String, title: &str, ops: &[OpInfo]) {
    let _ = write!(text, "\n## {title}: {} operators\n\n| operator | opsets | cost | restrictions |\n", ops.len());
    *text += "|---|---|---|---|\n";
    for op in ops {
        let (first, last) = op.opsets;
        let _ = writeln!(text, "| {} | {first} to {last} | {} | {} |", op.name, op.cost, op.note);
    }
}

fn document() -> String {
    let mut text = String::from(
        "<!-- Written from the table in crates/frontend/src/ops.rs by\n     \
         PLONNX_WRITE=1 cargo test -p plonnx-frontend --test supported_ops -->\n\n\
         # Supported operators\n\n\
         Operators that a model may use, with the versions of the operator set that have them; older forms of an\n\
         operator are read as their own version says. \"Known\" means known at compile time: a constant, the result of\n\
         constants and shapes, or an input given with `--constant`. All operators ask for shapes that do not depend on\n\
         data. Functions that a model defines are expanded.\n\n\
         The cost is that of each element when operands depend on the data; what is known is folded. Rows that hold a\n\
         rounded sum or a lookup serve about ten elements. `plonnx inspect --rows` counts the rows of a model.\n\n\
         | cost | of each element |\n|---|---|\n",
    );
    for cost in Cost::ALL {
        let _ = writeln!(text, "| {cost} | {} |", cost.meaning());
    }
    let all: Vec<OpInfo> = supported_ops().collect();
    let mut rest = all.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|op| op.domain == first.domain).count();
        let title = if first.domain.is_empty() { "ai.onnx" } else { first.domain };
        section(&mut text, title, &rest[..count]);
        rest = &rest[count..];
    }
    text
}

/// `readme` with the number of operators before the name of each domain.
fn counted(readme: &str) -> String {
    let named =
        [("", " operators of the standard"), ("ai.onnx.ml", " of ai.onnx.ml"), ("com.microsoft", " of com.microsoft")];
    named.iter().fold(readme.to_string(), |text, (domain, words)| {
        let (before, after) = text.split_once(words).unwrap_or_else(|| panic!("README.md does not say \"{words}\""));
        let count = supported_ops().filter(|op| op.domain == *domain).count();
        format!("{}{count}{words}{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
    })
}

#[test]
fn the_document_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = root.join("README.md");
    for (path, text) in
        [(root.join("SUPPORTED_OPS.md"), document()), (readme.clone(), counted(&fs::read_to_string(&readme).unwrap()))]
    {
        if std::env::var_os("PLONNX_WRITE").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, text, "run PLONNX_WRITE=1 cargo test -p plonnx-frontend --test supported_ops");
    }
}
