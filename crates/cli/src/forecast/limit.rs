//! Refusing to start what memory cannot hold.

use std::str::FromStr;

use plonnx::backend::Plan;
use plonnx::runtime::memory::{Available, Bound, available};

use super::{held, memory};
use crate::failure::Failure;
use crate::text::bytes;

/// How much memory may be used.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct MemoryArgs {
    /// Do not start if the forecast of memory exceeds this, such as 4GiB [default: what is available]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_memory: Option<Size>,
}

/// What memory is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The circuit and its keys.
    Compiling,
    /// The circuit, its keys, and proofs.
    Proving,
}

impl Purpose {
    /// Memory besides what the process holds already, in bytes.
    fn bytes(self, plan: &Plan) -> u64 {
        match self {
            Self::Compiling => memory::build(plan),
            Self::Proving => memory::build(plan).max(memory::prove(plan)),
        }
    }
}

/// A forecast that exceeds a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} takes about {} of memory, {}: {}; choose a smaller model or fewer bits (--activation-bits, --weight-bits), \
     give it more memory, or try it all the same with --max-memory {}",
    match .purpose { Purpose::Compiling => "compiling", Purpose::Proving => "proving" },
    bytes(*.needed), .limit.to_text(), alternative(*.fits, *.degree_bits), proposal(*.needed)
)]
pub(crate) struct Refusal {
    purpose: Purpose,
    /// Peak memory of the process, in bytes.
    needed: u64,
    limit: Limit,
    /// Logarithm of the largest number of rows that would fit.
    fits: Option<usize>,
    degree_bits: usize,
}

/// What was exceeded; bytes are those of the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Option(u64),
    System(u64, Bound),
}

impl Limit {
    fn bytes(self) -> u64 {
        match self {
            Self::Option(bytes) | Self::System(bytes, _) => bytes,
        }
    }

    fn to_text(self) -> String {
        match self {
            Self::Option(size) => format!("--max-memory allows {}", bytes(size)),
            Self::System(size, Bound::Machine) => format!("{} are available", bytes(size)),
            Self::System(size, Bound::ControlGroup) => format!("the control group leaves {}", bytes(size)),
        }
    }
}

fn alternative(largest: Option<usize>, degree_bits: usize) -> String {
    match largest {
        Some(bits) => format!("a circuit of 2^{bits} rows would fit, this one has 2^{degree_bits}"),
        None => format!("no circuit with as many columns would fit, this one has 2^{degree_bits} rows"),
    }
}

/// A size that the next attempt, which may hold a little more, stays below.
fn proposal(needed: u64) -> String {
    let ample = needed + needed / 32;
    match ample >> 30 {
        0..4 => format!("{}MiB", ample.div_ceil(1 << 20)),
        _ => format!("{}GiB", ample.div_ceil(1 << 30)),
    }
}

impl MemoryArgs {
    /// Agrees to a plan whose forecast is within the limit.
    pub(crate) fn accept(&self, plan: &Plan, purpose: Purpose) -> Result<(), Failure> {
        let held = held().unwrap_or(memory::program(plan));
        let limit = match self.max_memory {
            Some(Size(bytes)) => Some(Limit::Option(bytes)),
            None => available().map(|Available { bytes, bound }| Limit::System(bytes.saturating_add(held), bound)),
        };
        let checked = limit.map_or(Ok(()), |limit| check(plan, purpose, held, limit));
        checked.map_err(|refusal| Failure::Memory(Box::new(refusal)))
    }
}

fn check(plan: &Plan, purpose: Purpose, held: u64, limit: Limit) -> Result<(), Refusal> {
    let needed = |degree_bits| held + purpose.bytes(&Plan { degree_bits, ..plan.clone() });
    let degree_bits = plan.degree_bits;
    if needed(degree_bits) <= limit.bytes() {
        return Ok(());
    }
    let fits = (0..degree_bits).rev().find(|bits| needed(*bits) <= limit.bytes());
    Err(Refusal { purpose, needed: needed(degree_bits), limit, fits, degree_bits })
}

/// A number of bytes on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a size such as 4GiB or 800MiB, got {text}");
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" | "bytes" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "t" | "tib" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(expected()),
        };
        let bytes = number.parse::<f64>().map_err(|_| expected())? * unit as f64;
        if bytes >= 1.0 && bytes < (1u64 << 60) as f64 { Ok(Self(bytes as u64)) } else { Err(expected()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(degree_bits: usize) -> Plan {
        let compiled = plonnx::Model::from_onnx(crate::suite::calibration().to_onnx()).range(-1.0, 1.0);
        let quantised = compiled.quantise().unwrap();
        let plan = plonnx::backend::Circuit::plan_for(quantised.program.graph, quantised.settings).unwrap();
        Plan { degree_bits, ..plan }
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| text.parse::<Size>().map(|s| s.0);
        assert_eq!(size("4GiB"), Ok(4 << 30));
        assert_eq!(size("1.5 g"), Ok(3 << 29));
        assert_eq!(size("800MB"), Ok(800_000_000));
        assert_eq!(size("1048576"), Ok(1 << 20));
        for wrong in ["", "GiB", "4 parsecs", "-1GiB", "1e3", "0", "9999999999TiB", "1.2.3M"] {
            assert!(size(wrong).unwrap_err().contains("such as 4GiB"), "{wrong}");
        }
    }

    #[test]
    fn a_plan_beyond_the_limit_is_refused_with_what_would_fit() {
        let plan = plan(16);
        let limit = Limit::System(1 << 30, Bound::ControlGroup);
        let refusal = check(&plan, Purpose::Proving, 100 << 20, limit).unwrap_err();
        let fits = refusal.fits.unwrap();
        assert!((8..16).contains(&fits), "{refusal:?}");
        assert_eq!(check(&Plan { degree_bits: fits, ..plan.clone() }, Purpose::Proving, 100 << 20, limit), Ok(()));
        assert!(check(&Plan { degree_bits: fits + 1, ..plan.clone() }, Purpose::Proving, 100 << 20, limit).is_err());
        let text = refusal.to_string();
        for part in ["proving takes about ", "the control group leaves 1.0 GiB", "would fit", "--max-memory "] {
            assert!(text.contains(part), "expected {part}\ngot {text}");
        }
        // What the message proposes is accepted.
        let proposed: Size = text.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(check(&plan, Purpose::Proving, 100 << 20, Limit::Option(proposed.0)), Ok(()));
        let none = check(&plan, Purpose::Compiling, 0, Limit::Option(1 << 10)).unwrap_err();
        assert!(none.to_string().contains("--max-memory allows 1 KiB: no circuit"), "{none}");
    }
}
