//! A store on another machine, reached by rsync over ssh.

use super::mirrored::Transport;
use super::{Trouble, Watch};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the store is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rsync {
    address: String,
    /// `[USER@]HOST:PATH/`, as rsync takes it.
    place: String,
    port: Option<u16>,
}

/// What rsync ends with where part of what was asked for is not there.
const PARTIAL: i32 = 23;

impl Rsync {
    /// Returns the place of an address; `None` if it is that of a folder here.
    ///
    /// Errors: a sentence: it is half an address.
    pub fn of(address: &str) -> Result<Option<Rsync>, String> {
        let (host, path, port) = match address.strip_prefix("ssh://") {
            Some(rest) => {
                let (host, path) =
                    rest.split_once('/').ok_or_else(|| format!("`{address}` names no folder: write `ssh://HOST/PATH`"))?;
                let (host, port) = match host.rsplit_once(':') {
                    Some((host, port)) => {
                        let port = port.parse().map_err(|_| format!("`{port}` in `{address}` is not a port"))?;
                        (host, Some(port))
                    }
                    None => (host, None),
                };
                (host, format!("/{path}"), port)
            }
            None => match address.split_once(':') {
                // A folder here may have a colon in its name, behind a slash.
                Some((host, path)) if !host.contains('/') && !path.starts_with("//") => (host, path.to_string(), None),
                _ => return Ok(None),
            },
        };
        if host.is_empty() || host.starts_with('-') || path.trim_matches('/').is_empty() || host.contains(char::is_whitespace) {
            return Err(format!("`{address}` names no folder of another machine: write `ssh://HOST/PATH` or `HOST:PATH`"));
        }
        let place = format!("{host}:{}/", path.trim_end_matches('/'));
        Ok(Some(Rsync { address: address.to_string(), place, port }))
    }

    /// Runs rsync with names of files to carry on its standard input. Returns what it says, and its code.
    fn run(&self, arguments: &[&str], names: Option<&[String]>, watch: Watch) -> Result<(String, String, i32), Trouble> {
        let failed = |what: &str, e: std::io::Error| Trouble::Transport(format!("{what}: {e}"));
        let mut command = Command::new("rsync");
        // Paths are taken as they are, whatever shell is there.
        command.args(["-s", "--timeout=300"]);
        if let Some(port) = self.port {
            command.arg(format!("--rsh=ssh -p {port}"));
        }
        if names.is_some() {
            command.args(["--files-from=-", "--from0"]);
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Trouble::Transport("`rsync` is not installed here; it is needed to copy results to other machines".to_string())
            }
            _ => failed("rsync cannot be started", e),
        })?;
        let (mut input, mut out, mut err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let list: String = names.unwrap_or_default().iter().map(|n| format!("{n}\0")).collect();
                // Where it ends early, its code says why.
                let _ = input.take().map(|mut pipe| pipe.write_all(list.as_bytes()));
            });
            let text = |pipe: &mut dyn Read| {
                let mut bytes = Vec::new();
                let _ = pipe.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let said = scope.spawn(move || out.as_mut().map_or_else(String::new, |p| text(p)));
            let told = scope.spawn(move || err.as_mut().map_or_else(String::new, |p| text(p)));
            let status = loop {
                match child.try_wait() {
                    Ok(Some(status)) => break Ok(status),
                    Ok(None) if watch.look().is_err() => {
                        let _ = child.kill();
                        let _ = child.wait();
                        break Err(Trouble::Stopped);
                    }
                    Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                    Err(e) => break Err(failed("rsync cannot be waited for", e)),
                }
            };
            let (said, told) = (said.join().unwrap_or_default(), told.join().unwrap_or_default());
            Ok((said, told, status?.code().unwrap_or(-1)))
        })
    }

    /// As [`Rsync::run`], where all must go well.
    fn done(&self, arguments: &[&str], names: &[String], watch: Watch) -> Result<String, Trouble> {
        match self.run(arguments, Some(names), watch)? {
            (said, _, 0) => Ok(said),
            (_, told, code) => Err(self.failed(&told, code)),
        }
    }

    fn failed(&self, told: &str, code: i32) -> Trouble {
        let first: Vec<&str> = told.lines().filter(|l| !l.trim().is_empty()).take(3).collect();
        Trouble::Transport(format!("rsync with {} ended with {code}: {}", self.address, first.join("; ")))
    }
}

impl Transport for Rsync {
    fn index(&self, into: &Path, watch: Watch) -> Result<bool, Trouble> {
        let (said, told, code) = self.run(&["--list-only", &self.place], None, watch)?;
        if code != 0 {
            // Where the folder is not there, the machine has answered.
            let absent = code == PARTIAL && told.contains("No such file");
            return if absent { Ok(false) } else { Err(self.failed(&told, code)) };
        }
        // Mode, size, date, time, name.
        let name = |line: &str| line.split_whitespace().nth(4).map(str::to_string);
        let names: Vec<String> = said.lines().filter_map(name).filter(|n| n != ".").collect();
        if names.is_empty() {
            return Ok(false);
        }
        if !names.iter().any(|n| n == "format") {
            let words =
                format!("{} is not a store of cfx, and has other files (`{}`): nothing in it is touched", self.address, names[0]);
            return Err(Trouble::Transport(words));
        }
        let into = format!("{}/", into.display());
        let wanted = ["format".to_string(), "index/".to_string()];
        self.done(&["-rt", "--ignore-missing-args", &self.place, &into], &wanted, watch)?;
        Ok(true)
    }

    fn bring(&self, names: &[String], into: &Path, watch: Watch) -> Result<(), Trouble> {
        if names.is_empty() {
            return Ok(());
        }
        let into = format!("{}/", into.display());
        self.done(&["-t", "--ignore-missing-args", &self.place, &into], names, watch).map(|_| ())
    }

    fn send(&self, names: &[String], from: &Path, watch: Watch) -> Result<(), Trouble> {
        if names.is_empty() {
            return Ok(());
        }
        let from = format!("{}/", from.display());
        // What is there with these bytes is not sent again.
        self.done(&["-t", "--mkpath", "--checksum", &from, &self.place], names, watch)?;
        let differ = self.done(&["-t", "--checksum", "--dry-run", "--out-format=%n", &from, &self.place], names, watch)?;
        match differ.lines().find(|l| !l.trim().is_empty() && !l.ends_with('/')) {
            None => Ok(()),
            Some(name) => Err(Trouble::Transport(format!("`{name}` at {} is not as it was sent", self.address))),
        }
    }

    fn address(&self) -> &str {
        &self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<(String, Option<u16>)> {
        Rsync::of(address).unwrap().map(|r| (r.place, r.port))
    }

    #[test]
    fn addresses_of_other_machines_are_told_from_folders() {
        let at = |place: &str, port| Some((place.to_string(), port));
        assert_eq!(of("ssh://me@host/data/store"), at("me@host:/data/store/", None));
        assert_eq!(of("ssh://host:2222/data/store/"), at("host:/data/store/", Some(2222)));
        assert_eq!(of("host:results/.cfx"), at("host:results/.cfx/", None));
        for folder in ["store", "/data/store", "./a:b", "../x:y/z"] {
            assert_eq!(of(folder), None, "{folder}");
        }
        for wrong in ["ssh://host", "-oProxyCommand=x:/y", "host:", "ssh://host:port/x", "host:/"] {
            assert!(Rsync::of(wrong).is_err(), "{wrong}");
        }
    }
}
