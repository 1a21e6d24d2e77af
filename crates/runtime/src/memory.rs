//! Memory of the process and of the machine.

#[cfg(any(target_os = "linux", test))]
mod linux;

/// Memory that can still be allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// Bytes.
    pub bytes: u64,
    /// What sets the limit.
    pub bound: Bound,
}

/// What limits the memory of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Memory of the machine that is free, or can be freed without swapping.
    Machine,
    /// The control group of the process, such as that of its container.
    ControlGroup,
}

/// Largest amount of memory that this process has held so far, in bytes; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn peak() -> Option<u64> {
    linux::System::HERE.status("VmHWM:")
}

/// Largest amount of memory that this process has held so far, in bytes; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn peak() -> Option<u64> {
    None
}

/// Memory that this process holds, in bytes; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn current() -> Option<u64> {
    linux::System::HERE.status("VmRSS:")
}

/// Memory that this process holds, in bytes; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn current() -> Option<u64> {
    None
}

/// Memory that can still be allocated without swapping; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn available() -> Option<Available> {
    linux::System::HERE.available()
}

/// Memory that can still be allocated without swapping; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn available() -> Option<Available> {
    let mut system = sysinfo::System::new();
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    let bytes = system.available_memory();
    (bytes > 0).then_some(Available { bytes, bound: Bound::Machine })
}
