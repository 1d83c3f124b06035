//! The little of HTTP/1.1 (RFC 9112) that a page on this machine needs: requests without a body, one a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

/// Most bytes of a request's head.
const HEAD: u64 = 16 << 10;

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// The path, as it was sent, without what follows a `?`.
    pub path: String,
    /// The host that the client means; empty where it says none.
    pub host: String,
}

impl Request {
    /// Reads the head of a request.
    ///
    /// Errors: the client sends none, one that is too long, or something else.
    pub fn read(from: impl Read) -> io::Result<Request> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "no request");
        let mut from = BufReader::new(from.take(HEAD));
        let mut line = String::new();
        from.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) = (words.next(), words.next(), words.next()) else {
            return Err(wrong());
        };
        let path = target.split(['?', '#']).next().unwrap_or_default().to_string();
        let mut request = Request { method: method.to_string(), path, host: String::new() };
        let mut hosts = 0;
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Err(wrong());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            if name.eq_ignore_ascii_case("host") {
                request.host = value.trim().to_ascii_lowercase();
                hosts += 1;
            }
        }
        // Two hosts are one too many (RFC 9112, 3.2).
        if hosts > 1 { Err(wrong()) } else { Ok(request) }
    }
}

/// What a client is told.
pub struct Answer {
    /// Status and its words: `200 OK`.
    pub status: &'static str,
    /// Further lines of the head.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns an answer in words.
    pub fn words(status: &'static str, words: &str) -> Answer {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_string())];
        Answer { status, headers, body: format!("{words}\n").into_bytes() }
    }

    /// Writes the answer; of a `HEAD` request no body.
    ///
    /// Errors: the client has gone.
    pub fn write(&self, to: &mut impl Write, head_only: bool) -> io::Result<()> {
        head(to, self.status, &self.headers)?;
        write!(to, "Content-Length: {}\r\n\r\n", self.body.len())?;
        if !head_only {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

/// Writes the head of an answer, without its last, empty line. Nothing is kept by browsers or handed to other sites.
///
/// Errors: the client has gone.
pub fn head(to: &mut impl Write, status: &str, headers: &[(&'static str, String)]) -> io::Result<()> {
    write!(to, "HTTP/1.1 {status}\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")?;
    write!(to, "Referrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\nCross-Origin-Resource-Policy: same-origin\r\n")?;
    for (name, value) in headers {
        write!(to, "{name}: {value}\r\n")?;
    }
    Ok(())
}

/// Returns a path of a request with its `%41`s resolved; `None` where they are no UTF-8.
pub fn decoded(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(bytes.len()), 0);
    while i < bytes.len() {
        if bytes[i] == b'%' {
            let digits = path.get(i + 1..i + 3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// Returns the file below a folder that a path names; `None` where there is none, where the path leads out of the folder (also through a link), and
/// for hidden files.
pub fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let plain = Path::new(path).components().all(|c| match c {
        Component::Normal(name) => name.to_str().is_some_and(|n| !n.starts_with('.') && !n.contains(['\\', ':', '\0'])),
        _ => false,
    });
    if !plain || path.is_empty() {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(path).canonicalize().ok()?;
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}

/// Returns the type of a file of results.
pub fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("pdf") => "application/pdf",
        Some("csv") => "text/csv; charset=utf-8",
        Some("tex") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let read = |text: &str| Request::read(text.as_bytes()).ok().map(|r| (r.method, r.path, r.host));
        let wanted = |host: &str| Some(("GET".to_string(), "/a/b".to_string(), host.to_string()));
        assert_eq!(read("GET /a/b?x=1 HTTP/1.1\r\nAccept: x\r\nHOST: LocalHost:80\r\n\r\nrest"), wanted("localhost:80"));
        assert_eq!(read("GET /a/b HTTP/1.0\r\n\r\n"), wanted(""));
        for wrong in ["", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(read(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(1 << 20))), None);
    }

    #[test]
    fn paths_lead_to_files_below_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        std::fs::create_dir_all(out.join("tables")).expect("folders");
        for file in ["secret", "out/report.html", "out/tables/a b.csv", "out/.hidden"] {
            std::fs::write(folder.path().join(file), "x").expect("a file");
        }
        assert!(below(&out, "report.html").is_some() && below(&out, "tables/a b.csv").is_some());
        for path in
            ["", "tables", "none", "../secret", "tables/../../secret", "/etc/passwd", ".hidden", "tables\\..\\..\\secret", "C:x"]
        {
            assert_eq!(below(&out, path), None, "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("secret"), out.join("link")).expect("a link");
            assert_eq!(below(&out, "link"), None);
        }
        assert_eq!(decoded("a%20b%2e%2E/%C3%A4").as_deref(), Some("a b../ä"));
        assert_eq!((decoded("%"), decoded("%zz"), decoded("%ff"), decoded("%+1")), (None, None, None, None));
    }
}
