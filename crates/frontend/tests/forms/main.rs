//! Older forms of operators: attributes, defaults and operands that a later version of the operator set changed.
//!
//! `fixtures/forms/forms.txt` lists them, written from the schemas. Here every one of them has a case that is
//! read in all versions that have the form, and that turns out differently in the next form, or when what the form
//! differs in is changed. A form without a case fails, and a case without a form.
//!
//! What is expected was worked out by hand from the text of that version, and compared with onnxruntime 1.18.1 and the
//! reference evaluator of onnx 1.22.0 by `fixtures/forms/check.py`: 118 of 163 cases agree with at least one
//! of them. For the others the packages have no code of that version, or run that of a later one; two differ from the
//! text: onnxruntime counts OneHot's indices below 0 from the end in opset 9, and gives Dropout a mask of zeros.

mod case;
mod control;
mod elementwise;
mod learnt;
mod list;
mod networks;
mod quantised;
mod windows;
mod wiring;

use std::collections::BTreeSet;
use std::path::Path;

use case::Case;
use list::{Listed, read};
use plonnx_frontend::supported_ops;

fn cases() -> Vec<Case> {
    let families = [
        elementwise::cases(),
        wiring::cases(),
        windows::cases(),
        networks::cases(),
        quantised::cases(),
        control::cases(),
        learnt::cases(),
    ];
    families.into_iter().flatten().collect()
}

fn assert_none(failures: Vec<String>) {
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The versions that the form of `case` has: those at which the operator changed in any way, and the last one.
fn versions(case: &Case, list: &[Listed]) -> Vec<i64> {
    let listed = list.iter().find(|l| l.domain == case.domain && l.name == case.op);
    let form = listed.and_then(|l| Some((l, l.forms.iter().find(|f| f.1 == case.last)?)));
    let Some((listed, (first, last))) = form else { return Vec::new() };
    let within = listed.versions.iter().filter(|v| (first..=last).contains(v)).chain([last]);
    within.copied().collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn older_forms_are_read_as_their_versions_say() {
    let list = read();
    let folder = std::env::var_os("PLONNX_FORMS");
    let mut failures = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        for opset in versions(case, &list) {
            if let Some(folder) = &folder {
                case.write(&Path::new(folder).join(format!("{number:03}-{}-{opset}", case.op)), opset);
            }
            failures.extend(case.failure(opset));
        }
    }
    assert_none(failures);
}

#[test]
fn cases_depend_on_what_the_form_differs_in() {
    assert_none(cases().iter().filter_map(Case::indifference).collect());
}

#[test]
fn the_cases_are_the_listed_forms() {
    let forms = |l: &Listed| {
        let (domain, name) = (l.domain.clone(), l.name.clone());
        l.forms.iter().map(move |form| (domain.clone(), name.clone(), form.1)).collect::<Vec<_>>()
    };
    let listed: BTreeSet<_> = read().iter().flat_map(forms).collect();
    let tested: BTreeSet<_> = cases().iter().map(|c| (c.domain.to_string(), c.op.to_string(), c.last)).collect();
    let untested: Vec<_> = listed.difference(&tested).collect();
    let unknown: Vec<_> = tested.difference(&listed).collect();
    assert!(untested.is_empty() && unknown.is_empty(), "without a case: {untested:?}\nwithout a form: {unknown:?}");
}

#[test]
fn the_table_has_the_versions_of_the_list() {
    let list = read();
    let listed: BTreeSet<_> = list.iter().map(|l| (l.domain.as_str(), l.name.as_str(), l.versions[0])).collect();
    let supported = supported_ops().filter(|op| ["", "ai.onnx.ml"].contains(&op.domain));
    let found: BTreeSet<_> = supported.map(|op| (op.domain, op.name, op.opsets.0)).collect();
    let differing: Vec<_> = found.symmetric_difference(&listed).collect();
    assert!(differing.is_empty(), "rerun fixtures/forms/forms.py, or mend the first opset: {differing:?}");
    for op in supported_ops() {
        let newest = list.iter().filter(|l| l.domain == op.domain).flat_map(|l| &l.versions).max();
        assert!(newest.is_none_or(|newest| *newest <= op.opsets.1), "{}: opsets up to {}", op.name, op.opsets.1);
    }
}
