//! The server: who may ask, and what they get.

use super::http::{Answer, Request, below, decoded, head, media_type};
use super::live::Live;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PAGE: &str = include_str!("page.html");
/// Connections that are answered side by side.
const CONNECTIONS: usize = 32;
/// How long a client may take to ask, and to read.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a page hears of a run.
const EVERY: Duration = Duration::from_millis(400);
/// Silent looks after which a page is sent something all the same, so that a client that has gone is noticed.
const SILENT: u32 = 20;

/// What a server knows.
struct Inner {
    port: u16,
    token: String,
    out: PathBuf,
    live: Arc<Live>,
    connections: AtomicUsize,
}

/// A server that answers until the process ends.
pub struct Server(Arc<Inner>);

impl Server {
    /// Listens on the loopback address and answers in threads of its own. `port` 0: a free one. `out`: the folder of the results.
    ///
    /// Errors: the port cannot be had.
    pub fn start(port: u16, out: &Path, live: Arc<Live>) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        let connections = AtomicUsize::new(0);
        let inner = Arc::new(Inner { port, token: token(), out: out.to_path_buf(), live, connections });
        let server = Server(inner.clone());
        std::thread::Builder::new().name("serve".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                if inner.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
                    inner.connections.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let own = inner.clone();
                let answered = std::thread::Builder::new().spawn(move || {
                    // A client that has gone needs no answer.
                    let _ = own.answer(stream);
                    own.connections.fetch_sub(1, Ordering::Relaxed);
                });
                if answered.is_err() {
                    inner.connections.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(server)
    }

    /// Returns the address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.0.port, self.0.token)
    }
}

impl Inner {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let Ok(request) = Request::read(&stream) else {
            return Answer::words("400 Bad Request", "This is no request.").write(&mut stream, false);
        };
        match self.refused(&request) {
            Some(answer) => answer.write(&mut stream, request.method == "HEAD"),
            None => self.asked(&request, stream),
        }
    }

    /// Returns why a request is not answered.
    fn refused(&self, request: &Request) -> Option<Answer> {
        let own = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        if !own.contains(&request.host) {
            return Some(Answer::words("421 Misdirected Request", "This server answers to 127.0.0.1 and localhost alone."));
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            let mut answer = Answer::words("405 Method Not Allowed", "Only GET and HEAD are answered.");
            answer.headers.push(("Allow", "GET, HEAD".into()));
            return Some(answer);
        }
        let given = request.path.strip_prefix('/').and_then(|p| p.split('/').next()).unwrap_or_default();
        // Hashes are compared in a time that tells nothing of where the two differ.
        let right = blake3::hash(given.as_bytes()) == blake3::hash(self.token.as_bytes());
        (!right).then(|| Answer::words("403 Forbidden", "The address lacks the token that `cfx serve` printed."))
    }

    fn asked(&self, request: &Request, mut stream: TcpStream) -> io::Result<()> {
        let head_only = request.method == "HEAD";
        let (_, rest) = request.path[1..].split_once('/').unwrap_or(("", "/"));
        match rest {
            "/" => moved(&format!("/{}/", self.token)).write(&mut stream, head_only),
            "" if self.live.is_over() && self.out.join("report.html").is_file() => {
                moved(&format!("/{}/report.html", self.token)).write(&mut stream, head_only)
            }
            "" => page().write(&mut stream, head_only),
            "events" if !head_only => self.events(stream),
            path => match decoded(path).and_then(|p| below(&self.out, &p)) {
                Some(file) => file_of(&file).write(&mut stream, head_only),
                None => Answer::words("404 Not Found", "The results hold no such file.").write(&mut stream, head_only),
            },
        }
    }

    /// Sends how the run stands, again and again, until it is over or the client has gone.
    fn events(&self, mut stream: TcpStream) -> io::Result<()> {
        head(&mut stream, "200 OK", &[("Content-Type", "text/event-stream".into())])?;
        stream.write_all(b"\r\n")?;
        let (mut sent, mut silent) = (None, 0);
        loop {
            // First whether it is over, then how it stands: what is sent last is the end.
            let over = self.live.is_over();
            let version = self.live.version();
            if sent != Some(version) {
                write!(stream, "data: {}\n\n", self.live.snapshot())?;
                stream.flush()?;
                (sent, silent) = (Some(version), 0);
            } else if silent >= SILENT {
                stream.write_all(b": still running\n\n")?;
                stream.flush()?;
                silent = 0;
            }
            if over {
                return Ok(());
            }
            silent += 1;
            std::thread::sleep(EVERY);
        }
    }
}

/// Returns the page that follows a run. Its own program alone may run in it.
fn page() -> Answer {
    let nonce = token();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'"
    );
    let headers = vec![("Content-Type", "text/html; charset=utf-8".to_string()), ("Content-Security-Policy", policy)];
    Answer { status: "200 OK", headers, body: PAGE.replace("NONCE", &nonce).into_bytes() }
}

fn moved(to: &str) -> Answer {
    let mut answer = Answer::words("302 Found", "See there.");
    answer.headers.push(("Location", to.to_string()));
    answer
}

fn file_of(file: &Path) -> Answer {
    match std::fs::read(file) {
        Ok(body) => {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:";
            let headers = vec![("Content-Type", media_type(file).to_string()), ("Content-Security-Policy", policy.to_string())];
            Answer { status: "200 OK", headers, body }
        }
        Err(_) => Answer::words("404 Not Found", "The results hold no such file."),
    }
}

/// Returns 128 bits that no one can guess, as 32 digits: a keyed hash of random keys that the system draws.
fn token() -> String {
    let word = |i: u64| format!("{:016x}", RandomState::new().hash_one(i));
    format!("{}{}", word(0), word(1))
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn tokens_differ() {
        let all: std::collections::BTreeSet<String> = (0..100).map(|_| token()).collect();
        assert!(all.len() == 100 && all.iter().all(|t| t.len() == 32));
    }
}
