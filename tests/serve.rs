//! `cfx serve`, asked by a scripted client: the run as it goes on, the report afterwards, and who is refused.

use crate::cli::{code, folder_with};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SHORT: &str = r#"cfx 1
experiment "Served" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..2
dataset data = digits()
model m = train(mlp(hidden: [16]), data.train, seed: run) { epochs: 4, batch: 64, rate: 0.1 }
analysis acc = accuracy(m, data.test)
figure "Learning" = curves(history(m), x: epoch, y: loss)
claim "Better than chance" = all(acc > 10%)
"#;

/// A training that does not end while a test looks at it.
const LONG: &str = r#"cfx 1
experiment "Long" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

dataset data = digits()
model m = train(mlp(hidden: [256, 256]), data.train) { epochs: 4000, batch: 64, rate: 0.1 }
analysis acc = accuracy(m, data.test)
"#;

/// A server at work.
struct Served {
    process: Child,
    port: u16,
    token: String,
}

impl Served {
    fn start(script: &Path) -> Served {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cfx"))
            .arg("serve")
            .arg(script)
            .args(["--threads", "1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("an address");
        let rest = line.trim().strip_prefix("http://127.0.0.1:").expect("an address of this machine");
        let (port, token) = rest.trim_end_matches('/').split_once('/').expect("a token");
        Served { process, port: port.parse().expect("a port"), token: token.to_string() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        stream
    }

    /// Sends a request as it is and returns status, head and body.
    fn send(&self, text: &str) -> (u16, String, Vec<u8>) {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        (status, head, bytes[end + 4..].to_vec())
    }

    /// Asks for a path behind the token.
    fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        self.send(&format!("GET /{}/{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.token, self.port))
    }

    /// Follows the run until what it tells is as wanted; returns that.
    fn follow(&self, wanted: impl Fn(&Json) -> bool) -> Json {
        let mut stream = self.connect();
        write!(stream, "GET /{}/events HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.token, self.port).expect("sent");
        for line in BufReader::new(stream).lines() {
            let line = line.expect("events");
            let Some(state) = line.strip_prefix("data: ") else { continue };
            let state: Json = serde_json::from_str(state).expect("JSON");
            if wanted(&state) {
                return state;
            }
        }
        panic!("the events ended")
    }

    /// Asks the process to stop, as Ctrl-C does, and waits for it.
    fn stop(self) -> Output {
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32).expect("a number");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        self.process.wait_with_output().expect("it ends")
    }
}

#[test]
fn a_run_and_then_its_report() {
    let (folder, script) = folder_with(SHORT);
    let served = Served::start(&script);
    let end = served.follow(|state| state["over"] == true);
    assert_eq!((&end["failed"], end["done"].as_u64()), (&Json::from(0), end["cells"].as_u64()));
    // The page is the report now, the same file that lies in the folder; what it links is there.
    let (status, head, _) = served.get("");
    assert_eq!(status, 302);
    assert!(head.contains(&format!("Location: /{}/report.html", served.token)), "{head}");
    let (status, head, body) = served.get("report.html");
    assert!(status == 200 && head.contains("Content-Type: text/html") && head.contains("Cache-Control: no-store"), "{head}");
    assert_eq!(body, std::fs::read(folder.path().join("results/exp/report.html")).expect("the report"));
    let (status, head, body) = served.get("figures/learning.svg");
    assert!(status == 200 && head.contains("image/svg+xml") && body.starts_with(b"<svg"), "{head}");
    // Without the token, or with another one, nothing is told.
    let host = format!("Host: 127.0.0.1:{}", served.port);
    let wrong = format!("{}0", &served.token[..31]);
    for path in ["/", "/report.html", "//report.html", &format!("/{wrong}/report.html"), &format!("/{}x/", served.token)] {
        let (status, _, body) = served.send(&format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n"));
        let told = String::from_utf8_lossy(&body).contains(&served.token);
        // One token in sixteen ends in 0 itself.
        let same = path.contains(&served.token) && !path.contains(&format!("{}x", served.token));
        assert!(same || (status == 403 && !told), "{path}: {status}");
    }
    // A page of another name that was made to lead here is refused, whatever token it has.
    for host in ["Host: evil.example", &format!("Host: evil.example:{}", served.port), "Host: 127.0.0.1", "Accept: x"] {
        let (status, _, body) = served.send(&format!("GET /{}/report.html HTTP/1.1\r\n{host}\r\n\r\n", served.token));
        assert!(status == 421 && body.len() < 200, "{host}: {status}");
    }
    // No path leads out of the results, and nothing can be written.
    for path in [
        "../../exp.cfx",
        "%2e%2e/%2e%2e/exp.cfx",
        "..%2f..%2fexp.cfx",
        "/etc/passwd",
        "%2fetc/passwd",
        "figures",
        ".hidden",
        "none",
    ] {
        assert_eq!(served.get(path).0, 404, "{path}");
    }
    let post = served.send(&format!("POST /{}/report.html HTTP/1.1\r\n{host}\r\nContent-Length: 0\r\n\r\n", served.token));
    assert_eq!(post.0, 405);
    assert_eq!(served.send("nonsense\r\n\r\n").0, 400);
    assert_eq!(served.send(&format!("GET é/{}/ HTTP/1.1\r\n{host}\r\n\r\n", served.token)).0, 403);
    let head = served.send(&format!("HEAD /{}/report.html HTTP/1.1\r\n{host}\r\n\r\n", served.token));
    assert!(head.0 == 200 && head.2.is_empty());
    let output = served.stop();
    assert_eq!(code(&output), 0);
}

#[test]
fn a_run_that_goes_on_is_seen_and_stopped() {
    let (_folder, script) = folder_with(LONG);
    let served = Served::start(&script);
    // The page itself: nothing from elsewhere, and only its own program runs in it.
    let (status, head, body) = served.get("");
    let page = String::from_utf8(body).expect("text");
    assert!(status == 200 && head.contains("Content-Security-Policy: default-src 'none'; script-src 'nonce-"), "{head}");
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org/2000/svg").count());
    assert!(!page.contains("https://") && !page.contains("NONCE"));
    // Curves of the training so far.
    let state = served.follow(|s| s["curves"][0]["panels"][1]["lines"][0]["points"].as_array().is_some_and(|p| p.len() > 2));
    let curves = &state["curves"][0];
    assert!(curves["running"] == true && curves["title"].as_str().is_some_and(|t| t.contains("train")), "{curves}");
    assert_eq!((&curves["panels"][0]["name"], &curves["panels"][1]["name"]), (&"accuracy".into(), &"loss".into()));
    assert!(state["running"][0]["total"].as_u64() > Some(0) && state["over"] == false);
    let began = Instant::now();
    let port = served.port;
    assert_eq!(code(&served.stop()), 130);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the server ends with the run");
}
