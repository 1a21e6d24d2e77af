//! Text form of the attributes that differ between the domains.

use std::sync::Arc;

use super::Pool;
use super::cursor::{Cursor, quoted};
use crate::domain::Log2Scale;
use crate::function::Function;
use crate::op::{Quotient, Requant, Table, Window};
use crate::tensor::Tensor;

/// An attribute of a node in the text form. A line reads `word operands rest`, or ends in the `rest` of an annotation.
pub trait Attribute<T>: Sized {
    /// The operator with the attributes that belong to its name, without white space. `name` is that of the operator.
    fn word(&self, name: &str) -> String {
        name.to_string()
    }
    /// What follows the operands.
    fn rest(&self) -> String {
        String::new()
    }
    /// The tensor that [`Attribute::rest`] names by its fingerprint.
    fn tensor(&self) -> Option<Tensor<T>> {
        None
    }
    /// Reads both parts; the error says what was expected.
    fn parse(word: &str, rest: &mut Cursor<'_>, pool: &Pool<T>) -> Result<Self, String>;
}

impl<T> Attribute<T> for () {
    fn parse(word: &str, _: &mut Cursor<'_>, _: &Pool<T>) -> Result<Self, String> {
        if matches!(word, "input" | "div" | "") { Ok(()) } else { Err(format!("unknown operator {word}")) }
    }
}

impl Attribute<f64> for Function {
    fn word(&self, _: &str) -> String {
        self.to_string()
    }

    fn parse(word: &str, _: &mut Cursor<'_>, _: &Pool<f64>) -> Result<Self, String> {
        Function::parse(word).ok_or_else(|| format!("unknown operator {word}"))
    }
}

impl Attribute<i64> for Window {
    fn rest(&self) -> String {
        format!("[{self}]")
    }

    fn parse(_: &str, rest: &mut Cursor<'_>, _: &Pool<i64>) -> Result<Self, String> {
        rest.expect("[")?;
        let lo = rest.number()?;
        rest.expect("+2^")?;
        let bits = rest.number()?;
        rest.expect("]")?;
        Ok(Self { lo, bits })
    }
}

impl Attribute<i64> for Quotient {
    fn word(&self, name: &str) -> String {
        format!("{name}<<{}", self.shift)
    }

    fn rest(&self) -> String {
        self.window.rest()
    }

    fn parse(word: &str, rest: &mut Cursor<'_>, pool: &Pool<i64>) -> Result<Self, String> {
        let (name, shift) = shifted(word)?;
        if name != "div<<" {
            return Err(format!("unknown operator {word}"));
        }
        Ok(Self { shift, window: Window::parse(word, rest, pool)? })
    }
}

impl Attribute<i64> for Requant {
    fn word(&self, _: &str) -> String {
        match self {
            Requant::Round { shift, .. } => format!("round>>{shift}"),
            Requant::Relu { shift, .. } => format!("relu>>{shift}"),
            Requant::Table { shift, .. } => format!("table>>{shift}"),
            Requant::Sqrt { shift, .. } => format!("sqrt<<{shift}"),
            Requant::Rsqrt { shift, .. } => format!("rsqrt<<{shift}"),
        }
    }

    fn rest(&self) -> String {
        match self {
            Requant::Round { window, .. } => window.rest(),
            Requant::Relu { bits, .. } | Requant::Sqrt { bits, .. } | Requant::Rsqrt { bits, .. } => {
                format!("2^{bits}")
            }
            Requant::Table { table, .. } => {
                format!("{} {} @{}", quoted(&table.name), table.window.rest(), values(table).fingerprint())
            }
        }
    }

    fn tensor(&self) -> Option<Tensor<i64>> {
        match self {
            Requant::Table { table, .. } => Some(values(table)),
            _ => None,
        }
    }

    fn parse(word: &str, rest: &mut Cursor<'_>, pool: &Pool<i64>) -> Result<Self, String> {
        let bits = |rest: &mut Cursor<'_>| rest.expect("2^").and_then(|()| rest.number());
        let (name, shift) = shifted(word)?;
        Ok(match name {
            "round>>" => Requant::Round { shift, window: Window::parse(word, rest, pool)? },
            "relu>>" => Requant::Relu { shift, bits: bits(rest)? },
            "sqrt<<" => Requant::Sqrt { shift, bits: bits(rest)? },
            "rsqrt<<" => Requant::Rsqrt { shift, bits: bits(rest)? },
            "table>>" => {
                let name = rest.quoted()?;
                let window = Window::parse(word, rest, pool)?;
                let values = pooled(rest, pool)?.to_vec();
                Requant::Table { shift, table: Arc::new(Table { name, window, values }) }
            }
            _ => return Err(format!("unknown operator {word}")),
        })
    }
}

impl Attribute<i64> for Log2Scale {
    fn rest(&self) -> String {
        self.to_string()
    }

    fn parse(_: &str, rest: &mut Cursor<'_>, _: &Pool<i64>) -> Result<Self, String> {
        rest.expect("2^")?;
        let exponent: i64 = rest.number()?;
        let scale = exponent.checked_neg().and_then(|e| i32::try_from(e).ok());
        scale.map(Log2Scale).ok_or_else(|| format!("exponent {exponent} is too large"))
    }
}

/// `word` without the shift at its end, and the shift.
fn shifted(word: &str) -> Result<(&str, u32), String> {
    let (name, shift) = word.split_at(word.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    shift.parse().map(|shift| (name, shift)).map_err(|_| format!("unknown operator {word}"))
}

fn values(table: &Table) -> Tensor<i64> {
    Tensor::vector(table.values.clone())
}

/// The tensor that `@fingerprint` stands for.
pub(super) fn pooled<'a, T>(rest: &mut Cursor<'_>, pool: &'a Pool<T>) -> Result<&'a Tensor<T>, String> {
    rest.expect("@")?;
    let fingerprint = rest.token()?;
    pool.get(fingerprint).ok_or_else(|| format!("unknown constant @{fingerprint}"))
}
