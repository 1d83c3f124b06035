//! Which machine this is, and which of its processes are gone: what leases and files that are being written are told apart by.

use crate::base::Hash;
use std::path::Path;
use std::sync::OnceLock;

/// What stands for a machine that cannot be told from others.
pub const UNKNOWN: &str = "unknown";

/// Returns a name of this machine since it was started, and of the part of it whose processes can be seen from here: 16 hexadecimal digits, or
/// [`UNKNOWN`].
pub fn machine() -> &'static str {
    static MACHINE: OnceLock<String> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let started = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let part = std::fs::read_link("/proc/self/ns/pid");
        match (started, part) {
            (Ok(started), Ok(part)) => {
                Hash::of(format!("{} {}", started.trim(), part.display()).as_bytes()).to_string()[..16].to_string()
            }
            _ => UNKNOWN.to_string(),
        }
    })
}

/// Returns whether no process of that number runs on this machine.
pub fn is_gone(process: u32) -> bool {
    Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists()
}
