//! The list of older forms, `fixtures/forms/forms.txt`.

use std::fs;
use std::path::Path;

/// An operator with its versions.
#[derive(Debug)]
pub struct Listed {
    /// Empty for the standard one.
    pub domain: String,
    pub name: String,
    /// Ascending.
    pub versions: Vec<i64>,
    /// First and last version of the operator set of each older form, ascending.
    pub forms: Vec<(i64, i64)>,
}

/// Every operator of the list, in its order.
pub fn read() -> Vec<Listed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/forms/forms.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|e| panic!("\"{text}\": {e}"));
    let mut listed: Vec<Listed> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (head, rest) = line.split_once(": ").unwrap_or_else(|| panic!("\"{line}\" has no colon"));
        if let Some(opsets) = head.strip_prefix("    ") {
            let (first, last) = opsets.split_once('-').unwrap_or((opsets, opsets));
            listed.last_mut().expect("an operator comes first").forms.push((number(first), number(last)));
            continue;
        }
        let (domain, name) = head.rsplit_once('.').unwrap_or(("", head));
        let versions = rest.split(' ').filter(|word| *word != "(deprecated)").map(number).collect();
        listed.push(Listed { domain: domain.into(), name: name.into(), versions, forms: Vec::new() });
    }
    listed
}
