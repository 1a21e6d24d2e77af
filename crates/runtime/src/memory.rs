//! Memory of the process and of the machine.

/// Largest amount of memory that this process has held so far, in bytes; `None` where the system does not tell.
pub fn peak() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// Memory that can be allocated without swapping, in bytes; `None` where the system does not tell.
pub fn available() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable:")
}

/// A field in kibibytes of one of Linux's text files, in bytes.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn linux_tells() {
        let block = vec![1u8; 64 << 20];
        assert!(block.iter().map(|b| u64::from(*b)).sum::<u64>() == 64 << 20);
        assert!(super::peak().unwrap() >= 64 << 20);
        assert!(super::available().unwrap() > 1 << 20);
    }
}
