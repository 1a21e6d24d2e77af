//! Counts of what became of tests.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::{End, Outcome, Stage};

/// How many tests came how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: usize,
    pub imported: usize,
    pub float_match: usize,
    pub quant_match: usize,
    pub checked: usize,
    pub proved: usize,
    pub rejected: usize,
    pub mismatched: usize,
    pub panicked: usize,
    /// Of those that passed: tests whose model has no input once constants are bound.
    pub without_inputs: usize,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.total += 1;
        let fields =
            [&mut self.imported, &mut self.float_match, &mut self.quant_match, &mut self.checked, &mut self.proved];
        for (field, stage) in fields.into_iter().zip(Stage::ALL) {
            *field += usize::from(outcome.passes(stage));
        }
        match outcome.end {
            End::Passed => self.without_inputs += usize::from(!outcome.has_inputs),
            End::Rejected { .. } => self.rejected += 1,
            End::Mismatched { .. } => self.mismatched += 1,
            End::Panicked { .. } => self.panicked += 1,
        }
    }

    /// Names and counts, in the order of the table.
    pub fn named(&self) -> [(&'static str, usize); 10] {
        [
            ("total", self.total),
            ("imported", self.imported),
            ("float_match", self.float_match),
            ("quant_match", self.quant_match),
            ("checked", self.checked),
            ("proved", self.proved),
            ("rejected", self.rejected),
            ("mismatched", self.mismatched),
            ("panicked", self.panicked),
            ("without_inputs", self.without_inputs),
        ]
    }

    fn json(&self) -> Value {
        self.named().into_iter().map(|(name, count)| (name.to_string(), json!(count))).collect()
    }
}

/// Counts of a suite, in total and by operator. Displays as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub all: Counts,
    pub operators: BTreeMap<String, Counts>,
}

impl Summary {
    /// Counts `outcomes`.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut summary = Self::default();
        for outcome in outcomes {
            summary.all.add(outcome);
            summary.operators.entry(outcome.operator.clone()).or_default().add(outcome);
        }
        summary
    }

    /// The total counts, one number per name.
    pub fn json(&self) -> Value {
        self.all.json()
    }

    /// [`Summary::json`] with `operators`: the same counts for each.
    pub fn json_by_operator(&self) -> Value {
        let mut object = self.all.json();
        object["operators"] = self.operators.iter().map(|(name, counts)| (name.clone(), counts.json())).collect();
        object
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.operators.keys().map(|name| name.chars().count()).max().unwrap_or(0).max("operator".len());
        let headings = ["total", "import", "float", "quant", "check", "prove", "reject", "differ", "panic"];
        write!(f, "{:<width$}", "operator")?;
        headings.iter().try_for_each(|h| write!(f, " {h:>6}"))?;
        let rows = self.operators.iter().map(|(name, counts)| (name.as_str(), counts));
        for (name, counts) in rows.chain([("all", &self.all)]) {
            write!(f, "\n{name:<width$}")?;
            counts.named().iter().take(headings.len()).try_for_each(|(_, count)| write!(f, " {count:>6}"))?;
        }
        Ok(())
    }
}
