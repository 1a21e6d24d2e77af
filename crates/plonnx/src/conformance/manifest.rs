//! What is known of a suite: a text file with one line per test.
//!
//! ```text
//! proved test_abs
//! proved test_reshape_zero_dim constants=shape
//! checked test_vgg19
//! rejected test_adam import unsupported Adam: this operator is not supported
//! ```
//!
//! `proved` and `checked` are the last stages of tests that pass; a run that does not prove is content with `checked`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{End, Outcome, Stage};

/// Lines by the names of tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    header: String,
    lines: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the text of a manifest. Lines that begin with `#` say what it is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut manifest = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                manifest.header += line;
                manifest.header += "\n";
                continue;
            }
            let Some(name) = line.split(' ').nth(1) else {
                return Err(format!("line {}: expected a status and the name of a test, got \"{line}\"", number + 1));
            };
            if manifest.lines.insert(name.to_string(), line.to_string()).is_some() {
                return Err(format!("line {}: a second line for {name}", number + 1));
            }
        }
        Ok(manifest)
    }

    /// What `outcomes` say, with the header and, for tests that did not run, the lines of `self`. A test that was proved
    /// before stays so when `proved` is not asked for.
    pub fn updated(&self, outcomes: &[Outcome], proved: bool) -> Self {
        let mut next = self.clone();
        for outcome in outcomes {
            let mut line = status(outcome);
            if let (false, Some(old)) = (proved, self.lines.get(&outcome.case))
                && lowered(old) == line
            {
                line.clone_from(old);
            }
            next.lines.insert(outcome.case.clone(), line);
        }
        next
    }

    /// Drops the lines of tests that are not in `names`.
    pub fn retain<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let known: std::collections::BTreeSet<&str> = names.collect();
        self.lines.retain(|name, _| known.contains(name.as_str()));
    }

    /// The text of the manifest.
    pub fn text(&self) -> String {
        self.lines.values().fold(self.header.clone(), |mut text, line| {
            text += line;
            text += "\n";
            text
        })
    }

    /// Every disagreement with `outcomes`, one text each. `all` are the names of the suite's tests, so that lines of tests
    /// that do not exist are found, too.
    pub fn differences<'a>(
        &self,
        outcomes: &[Outcome],
        proved: bool,
        all: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for outcome in outcomes {
            let got = status(outcome);
            let known = self.lines.get(&outcome.case);
            let expected = known.map(|line| if proved { line.clone() } else { lowered(line) });
            if expected.as_ref() != Some(&got) {
                let expected = expected.unwrap_or_else(|| "no line".into());
                found.push(format!("{}: expected {expected}\n  got {got}", outcome.case));
            }
        }
        let all: std::collections::BTreeSet<&str> = all.collect();
        let stale = self.lines.iter().filter(|(name, _)| !all.contains(name.as_str()));
        found.extend(stale.map(|(name, line)| format!("{name}: no such test, but a line: {line}")));
        found
    }
}

/// The line for a run that does not prove.
fn lowered(line: &str) -> String {
    line.strip_prefix("proved ").map_or_else(|| line.to_string(), |rest| format!("checked {rest}"))
}

fn status(outcome: &Outcome) -> String {
    let name = &outcome.case;
    let mut line = match &outcome.end {
        End::Passed if outcome.passes(Stage::Prove) => format!("proved {name}"),
        End::Passed => format!("checked {name}"),
        End::Rejected { stage, class, reason } => {
            return format!("rejected {name} {} {} {reason}", stage.name(), class.name());
        }
        End::Mismatched { stage, detail } => return format!("mismatched {name} {} {detail}", stage.name()),
        End::Panicked { stage, message } => return format!("panicked {name} {} {message}", stage.name()),
    };
    if !outcome.constants.is_empty() {
        let _ = write!(line, " constants={}", outcome.constants.join(","));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    fn outcome(name: &str, passed: Option<Stage>, end: End) -> Outcome {
        let (case, operator) = (name.to_string(), "Op".to_string());
        Outcome { case, operator, constants: Vec::new(), has_inputs: true, passed, end }
    }

    #[test]
    fn stale_lines_are_found() {
        let reason = End::Rejected { stage: Stage::Import, class: Class::Unsupported, reason: "Op: no".into() };
        let rejected = outcome("c", None, reason);
        let proved = [outcome("a", Some(Stage::Prove), End::Passed), rejected.clone()];
        let checked = [outcome("a", Some(Stage::Check), End::Passed), rejected];
        let manifest = Manifest::parse("# what it is\nproved a\nrejected c import unsupported Op: no\n").unwrap();
        let names = || ["a", "c"].into_iter();
        assert!(manifest.differences(&proved, true, names()).is_empty());
        assert!(manifest.differences(&checked, false, names()).is_empty());
        assert_eq!(manifest.differences(&checked, true, names()).len(), 1);
        assert_eq!(manifest.differences(&proved, true, ["a"].into_iter()).len(), 1);
        let missing = Manifest::parse("proved a\n").unwrap();
        let text = missing.differences(&proved, true, names()).join("");
        assert_eq!(text, "c: expected no line\n  got rejected c import unsupported Op: no");

        assert_eq!(manifest.updated(&checked, false), manifest);
        let demoted = manifest.updated(&checked, true);
        assert_eq!(demoted.text(), "# what it is\nchecked a\nrejected c import unsupported Op: no\n");
        let mut fewer = manifest.clone();
        fewer.retain(["a"].into_iter());
        assert_eq!(fewer.text(), "# what it is\nproved a\n");
        assert!(Manifest::parse("proved\n").is_err());
        assert!(Manifest::parse("proved a\nchecked a\n").is_err());
    }
}
