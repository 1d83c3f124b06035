//! Results that travel to another machine by rsync over a real ssh: to a server of this test's own on the loopback address. Where sshd or rsync are not installed
//! the test says so and ends.

use crate::cli::{code, command, folder_with, said};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = r#"cfx 1
experiment "Sent" { seed: 3 }
stages a = gaussian_stages(rows: 2000, units: 16)
analysis apart = mean_distance(a)
"#;

/// An ssh server, and a client that knows it.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it; `None` if it is not installed.
    fn start() -> Option<Server> {
        let needed = ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/rsync"];
        if let Some(lacking) = needed.iter().find(|p| !Path::new(p).exists()) {
            eprintln!("{lacking} is not installed: copying over ssh is not tested");
            return None;
        }
        // Where sshd of this machine keeps what it runs with; only root makes it, and only root needs it.
        let _ = std::fs::create_dir_all("/run/sshd");
        let folder = tempfile::Builder::new().prefix("cfx-ssh").tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        for name in ["host", "own", "other"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at(name)).output();
            assert!(made.expect("ssh-keygen").status.success());
        }
        let key = |name: &str| std::fs::read_to_string(at(&format!("{name}.pub"))).expect("a key");
        std::fs::write(at("authorized"), key("own")).expect("written");
        std::fs::write(at("known"), format!("[127.0.0.1]:{port} {}", key("host"))).expect("written");
        let shown = |name: &str| at(name).display().to_string();
        std::fs::write(
            at("sshd_config"),
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
                shown("host"),
                shown("authorized")
            ),
        )
        .expect("written");
        for (name, identity) in [("own", "own"), ("wrong", "other")] {
            let client = at(&format!("{name}.ssh"));
            std::fs::create_dir(&client).expect("a folder");
            let config = client.join("config");
            std::fs::write(
                &config,
                format!(
                    "Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking yes\nBatchMode yes\n",
                    shown(identity),
                    shown("known")
                ),
            )
            .expect("written");
            // The real ssh, with settings of this test and none of the person's.
            let program = client.join("ssh");
            std::fs::write(&program, format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", config.display()))
                .expect("written");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
        }
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(at("log")).expect("a log"))
            .spawn()
            .expect("sshd");
        let mut server = Server { folder, child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().expect("its state").is_some();
            let log = || std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
            assert!(!ended && begun.elapsed() < Duration::from_secs(30), "sshd does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Runs `cfx` with the ssh of one of the two clients.
    fn cfx(&self, client: &str, arguments: &[&str], script: &Path) -> Output {
        let mut path = std::ffi::OsString::from(self.folder.path().join(format!("{client}.ssh")));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command(arguments, script).env("PATH", path).env_remove("RSYNC_RSH").output().expect("the command runs")
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str], script: &Path) -> String {
        let output = self.cfx("own", arguments, script);
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert_eq!(code(&output), 0, "{arguments:?}: {}\n{log}", said(&output));
        said(&output)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Changes one byte in the middle of the one file below a folder that is larger than `bytes`.
fn damage(folder: &Path, bytes: u64) {
    let mut large: Vec<PathBuf> = crate::script::files_below(folder, "");
    large.retain(|p| p.metadata().is_ok_and(|m| m.len() > bytes));
    let [path] = &large[..] else { panic!("{large:?}") };
    let mut content = std::fs::read(path).expect("a file");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    let mut file = std::fs::File::create(path).expect("a file");
    file.write_all(&content).expect("written");
}

#[test]
fn results_travel_over_ssh() {
    let Some(mut server) = Server::start() else { return };
    let (_mine, path) = folder_with(SCRIPT);
    server.ok(&["run"], &path);
    let there = tempfile::tempdir().expect("a folder");
    let address = format!("ssh://127.0.0.1:{}{}/deep/a store", server.port, there.path().display());
    let none = server.cfx("own", &["pull", "--from", &address], &path);
    assert!(code(&none) == 5 && said(&none).contains("there is no store at ssh://"), "{}", said(&none));
    let wrong = server.cfx("wrong", &["push", "--to", &address], &path);
    let text = said(&wrong);
    assert!(code(&wrong) == 5 && text.contains("Permission denied") && text.trim().lines().count() == 1, "{text}");
    assert!(!there.path().join("deep").exists());
    let pushed = server.ok(&["push", "--to", &address], &path);
    assert!(!pushed.starts_with("0 results") && pushed.contains("; 0 were there already"), "{pushed}");
    let again = server.ok(&["push", "--to", &address], &path);
    assert!(again.starts_with("0 results copied"), "{again}");
    let (_theirs, other) = folder_with(SCRIPT);
    let pulled = server.ok(&["pull", "--from", &address], &other);
    assert!(!pulled.starts_with("0 results") && !pulled.contains("missing"), "{pulled}");
    let ran = server.ok(&["run"], &other);
    assert!(ran.lines().any(|l| l.starts_with("0 computed")), "{ran}");
    // What is damaged there is not taken.
    damage(&there.path().join("deep/a store/objects"), 1000);
    let (_third, third) = folder_with(SCRIPT);
    let damaged = server.cfx("own", &["pull", "--from", &address], &third);
    assert!(code(&damaged) == 1 && said(&damaged).contains("not copied, since damaged or missing"), "{}", said(&damaged));
    server.end();
    let gone = server.cfx("own", &["pull", "--from", &address], &path);
    let text = said(&gone);
    assert!(code(&gone) == 5 && text.contains("Connection refused") && text.trim().lines().count() == 1, "{text}");
}
