//! Numbers in text.

use std::time::Duration;

/// `12.3 ms`, `4.56 s`
pub(crate) fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    match s {
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 100.0 => format!("{s:.2} s"),
        s => format!("{s:.0} s"),
    }
}

/// `160 KiB`, `2.2 GiB`
pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        n if n < 1024.0 => format!("{n} bytes"),
        n if n < 1024.0 * 1024.0 => format!("{:.0} KiB", n / 1024.0),
        n if n < 1024.0 * 1024.0 * 1024.0 => format!("{:.0} MiB", n / 1024.0 / 1024.0),
        n => format!("{:.1} GiB", n / 1024.0 / 1024.0 / 1024.0),
    }
}

/// `61,706`
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most `most` values, with five digits.
pub(crate) fn values(values: impl ExactSizeIterator<Item = f64>, most: usize) -> String {
    let rest = values.len().saturating_sub(most);
    let mut shown: Vec<String> = values.take(most).map(|v| format!("{v:.5}")).collect();
    if rest > 0 {
        shown.push(format!(".. {rest} more"));
    }
    format!("[{}]", shown.join(", "))
}

/// `[1, 28, 28]` as `1x28x28`.
pub(crate) fn shape(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".into();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(61_706), "61,706");
        assert_eq!(grouped(100), "100");
        assert_eq!(grouped(18_413_578), "18,413,578");
        assert_eq!(bytes(163_840), "160 KiB");
        assert_eq!(bytes(2_362_232_013), "2.2 GiB");
        assert_eq!(seconds(Duration::from_millis(12)), "12.0 ms");
        assert_eq!(seconds(Duration::from_millis(4560)), "4.56 s");
        assert_eq!(values([1.0, 2.5, 3.0].into_iter(), 2), "[1.00000, 2.50000, .. 1 more]");
        assert_eq!(shape(&[1, 28, 28]), "1x28x28");
    }
}
