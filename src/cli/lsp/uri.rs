//! Paths as `file:` addresses (RFC 8089), and back.

use std::path::{Path, PathBuf};

/// Returns the path of a `file:` address; nothing of any other.
pub fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::new();
    let mut left = rest.as_bytes();
    while let Some((first, after)) = left.split_first() {
        left = after;
        if *first == b'%'
            && let Some(code) =
                after.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            bytes.push(code);
            left = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    // `/C:/folder` is a path of Windows.
    let drive = |t: &str| t.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) && t.as_bytes().get(2) == Some(&b':');
    let text = if cfg!(windows) && drive(&text) { text[1..].to_string() } else { text };
    Some(PathBuf::from(text))
}

/// Returns the `file:` address of a path.
pub fn of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let text = absolute.to_string_lossy().replace('\\', "/");
    let mut out = String::from(if text.starts_with('/') { "file://" } else { "file:///" });
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_one_another() {
        for text in ["/home/a b/exp.cfx", "/tmp/ü/100%.cfx", "/x#y?z.cfx"] {
            let uri = of(Path::new(text));
            assert!(!uri.contains([' ', '#', '?']), "{uri}");
            assert_eq!(path(&uri), Some(PathBuf::from(text)));
        }
        assert_eq!(path("file:///a%20b"), Some(PathBuf::from("/a b")));
        assert_eq!(path("file://localhost/a"), Some(PathBuf::from("/a")));
        assert_eq!(path("untitled:one"), None);
    }
}
