//! How much memory there is for the process, and how much it takes.

use std::path::Path;
use std::sync::OnceLock;

/// Returns the bytes of memory that the process takes now, where the system tells.
pub fn resident() -> Option<u64> {
    kilobytes("/proc/self/status", "VmRSS:")
}

/// Returns the bytes of memory that the process has taken at its peak, where the system tells.
pub fn peak() -> Option<u64> {
    kilobytes("/proc/self/status", "VmHWM:")
}

/// Returns the bytes of memory that the process may take: those of the machine, or fewer where a container or a batch system says so; 4 GiB
/// where the system does not tell.
pub fn memory() -> f64 {
    static FOUND: OnceLock<u64> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let limit = limit(&groups, Path::new("/sys/fs/cgroup"));
        installed().into_iter().chain(limit).min().unwrap_or(4 << 30)
    });
    *found as f64
}

#[cfg(not(target_os = "macos"))]
fn installed() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemTotal:")
}

#[cfg(target_os = "macos")]
fn installed() -> Option<u64> {
    let told = std::process::Command::new("/usr/sbin/sysctl").args(["-n", "hw.memsize"]).output().ok()?;
    String::from_utf8(told.stdout).ok()?.trim().parse().ok()
}

/// Returns the least limit on memory of the control groups that the process is in (`groups`: what /proc/self/cgroup says), in either version
/// of Linux's interface.
fn limit(groups: &str, root: &Path) -> Option<u64> {
    let of_group = |line: &str| -> Option<u64> {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let (top, name) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        // A group is held by the limits of those around it. In a container the groups of the host may not be there; the top is its own.
        let group = top.join(group.trim_start_matches('/'));
        let around = group.ancestors().take_while(|folder| folder.starts_with(&top));
        around.filter_map(|folder| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()).min()
    };
    groups.lines().filter_map(of_group).min()
}

fn kilobytes(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn the_least_limit_around_a_group_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = root.path().join(name);
            create_dir_all(path.parent().expect("a parent")).expect("a folder");
            write(path, text).expect("a file");
        };
        // Version 2, in a job of a batch system: the job's limit holds for its step.
        file("system.slice/job_7/memory.max", "2147483648\n");
        file("system.slice/job_7/step_0/memory.max", "max\n");
        let found = |groups: &str| limit(groups, root.path());
        assert_eq!(found("0::/system.slice/job_7/step_0\n"), Some(2 << 30));
        assert_eq!(found("0::/system.slice\n"), None);
        // Version 1, and a container that does not see the host's groups.
        file("memory/memory.limit_in_bytes", "536870912\n");
        file("memory/a/memory.limit_in_bytes", "1073741824\n");
        assert_eq!(found("5:devices:/a\n4:cpu,memory:/a\n0::/\n"), Some(512 << 20));
        assert_eq!(found("4:memory:/docker/0123\n"), Some(512 << 20));
        assert_eq!(found("4:memory\nnonsense\n"), None);
    }

    #[test]
    fn there_is_memory() {
        assert!(memory() > 1e8);
        assert!(!cfg!(target_os = "linux") || memory() <= kilobytes("/proc/meminfo", "MemTotal:").expect("a number") as f64);
    }
}
