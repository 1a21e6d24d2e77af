//! What Linux tells in `/proc` and `/sys`.

use std::path::{Path, PathBuf};

use super::{Available, Bound};

/// A Linux system below this folder.
pub(super) struct System<'a>(pub(super) &'a str);

impl System<'static> {
    /// The one that runs this process.
    pub(super) const HERE: Self = Self("/");
}

/// Files of a control group with its limit, its use and the part of its use that are files read before.
struct Names {
    limit: &'static str,
    usage: &'static str,
    cache: &'static str,
}

const V1: Names =
    Names { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", cache: "total_inactive_file" };
const V2: Names = Names { limit: "memory.max", usage: "memory.current", cache: "inactive_file" };

impl System<'_> {
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        std::fs::read_to_string(Path::new(self.0).join(path)).ok()
    }

    /// A field of this process's status.
    pub(super) fn status(&self, name: &str) -> Option<u64> {
        kibibytes(&self.text("proc/self/status")?, name)
    }

    /// The tightest of the machine's and the control groups' limits.
    pub(super) fn available(&self) -> Option<Available> {
        let machine = kibibytes(&self.text("proc/meminfo")?, "MemAvailable:")?;
        let machine = Available { bytes: machine, bound: Bound::Machine };
        let group = self.groups().filter_map(|(folder, names)| self.left(&folder, names)).min();
        let group = group.map(|bytes| Available { bytes, bound: Bound::ControlGroup });
        group.filter(|g| g.bytes < machine.bytes).or(Some(machine))
    }

    /// The control groups of this process that may limit memory, with their ancestors.
    fn groups(&self) -> impl Iterator<Item = (PathBuf, &'static Names)> {
        let text = self.text("proc/self/cgroup").unwrap_or_default();
        let mut all = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let (root, names) = match controllers {
                "" => ("sys/fs/cgroup", &V2),
                c if c.split(',').any(|c| c == "memory") => ("sys/fs/cgroup/memory", &V1),
                _ => continue,
            };
            // In a container the path may be that of the host; its root is the container's group.
            let path = Path::new(path.trim_start_matches('/'));
            all.extend(path.ancestors().map(|folder| (Path::new(root).join(folder), names)));
        }
        all.into_iter()
    }

    /// Bytes that a control group may still use; `None` if it has no limit.
    fn left(&self, folder: &Path, names: &Names) -> Option<u64> {
        let number = |file: &str| self.text(folder.join(file))?.trim().parse::<u64>().ok();
        let (limit, usage) = (number(names.limit)?, number(names.usage)?);
        let cache = || {
            let text = self.text(folder.join("memory.stat"))?;
            text.lines().find_map(|l| l.strip_prefix(names.cache)?.trim().parse::<u64>().ok())
        };
        Some(limit.saturating_sub(usage.saturating_sub(cache().unwrap_or(0))))
    }
}

/// A field in kibibytes, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn available(files: &[(&str, &str)]) -> Option<Available> {
        let folder = system(&[&[("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4096 kB\n")], files].concat());
        System(folder.path().to_str().unwrap()).available()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells() {
        let block = vec![1u8; 64 << 20];
        assert!(block.iter().map(|b| u64::from(*b)).sum::<u64>() == 64 << 20);
        assert!(crate::memory::peak().unwrap() >= 64 << 20);
        assert!(crate::memory::current().unwrap() >= 64 << 20);
        assert!(crate::memory::available().unwrap().bytes > 1 << 20);
    }

    #[test]
    fn without_a_control_group_the_machine_counts() {
        assert_eq!(available(&[]), Some(Available { bytes: 4 << 20, bound: Bound::Machine }));
        let unlimited = [("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")];
        assert_eq!(available(&unlimited), Some(Available { bytes: 4 << 20, bound: Bound::Machine }));
    }

    #[test]
    fn an_ancestor_may_be_tighter() {
        let files = [
            ("proc/self/cgroup", "0::/pod/box\n"),
            ("sys/fs/cgroup/pod/memory.max", "3000000\n"),
            ("sys/fs/cgroup/pod/memory.current", "2000000\n"),
            ("sys/fs/cgroup/pod/memory.stat", "anon 5\ninactive_file 500000\nactive_file 7\n"),
            ("sys/fs/cgroup/pod/box/memory.max", "9000000\n"),
            ("sys/fs/cgroup/pod/box/memory.current", "1000000\n"),
        ];
        assert_eq!(available(&files), Some(Available { bytes: 1_500_000, bound: Bound::ControlGroup }));
    }

    #[test]
    fn the_first_version_of_control_groups_counts_too() {
        let files = [
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/0123\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1500000\n"),
        ];
        assert_eq!(available(&files), Some(Available { bytes: 500_000, bound: Bound::ControlGroup }));
        // More used than allowed leaves nothing.
        let full = [
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "10\n"),
            ("sys/fs/cgroup/memory.current", "20\n"),
        ];
        assert_eq!(available(&full), Some(Available { bytes: 0, bound: Bound::ControlGroup }));
    }

    #[test]
    fn malformed_files_tell_nothing() {
        let folder = system(&[("proc/meminfo", "MemAvailable: many kB\n")]);
        assert_eq!(System(folder.path().to_str().unwrap()).available(), None);
        let files = [("proc/self/cgroup", "no colons\n0::\n"), ("sys/fs/cgroup/memory.max", "x")];
        assert_eq!(available(&files), Some(Available { bytes: 4 << 20, bound: Bound::Machine }));
    }
}
