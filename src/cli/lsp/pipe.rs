//! The pipe to an editor: messages behind a head that says their length, over standard input and output.

use lsp_server::{Connection, Message};
use std::io::{self, BufRead, ErrorKind, Write};
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};

/// Bytes that a message may have. A script has thousands.
const LARGEST: u64 = 256 << 20;

/// Bytes that a line of a message's head may have.
const LONGEST: u64 = 4096;

/// The threads that read and write.
pub struct Threads {
    reader: JoinHandle<io::Result<()>>,
    writer: JoinHandle<io::Result<()>>,
}

/// Opens the pipe. Messages can wait in it, so a server sees whether more are to be read.
pub fn open() -> (Connection, Threads) {
    let (ours, Connection { sender, receiver }) = Connection::memory();
    let reader = thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(message) = read(&mut input)? {
            let last = matches!(&message, Message::Notification(n) if n.method == "exit");
            if sender.send(message).is_err() || last {
                break;
            }
        }
        Ok(())
    });
    let writer = thread::spawn(move || {
        let mut output = io::stdout().lock();
        receiver.into_iter().try_for_each(|message| message.write(&mut output).and_then(|()| output.flush()))
    });
    (ours, Threads { reader, writer })
}

impl Threads {
    /// Waits until all is read and written.
    pub fn join(self) -> io::Result<()> {
        self.reader.join().unwrap_or_else(|fault| resume_unwind(fault))?;
        self.writer.join().unwrap_or_else(|fault| resume_unwind(fault))
    }
}

fn invalid(words: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, words)
}

/// Reads one message; nothing where the pipe is closed. Memory is taken as bytes arrive, never by the length that is announced.
fn read(input: &mut dyn BufRead) -> io::Result<Option<Message>> {
    let mut size = None;
    loop {
        let mut line = String::new();
        if io::Read::take(&mut *input, LONGEST).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if !line.ends_with('\n') {
            return Err(match line.len() as u64 {
                LONGEST => invalid(format!("a line of its head is longer than {LONGEST} bytes")),
                _ => ErrorKind::UnexpectedEof.into(),
            });
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid(format!("its head has the line {line:?}")))?;
        if name.trim().eq_ignore_ascii_case("Content-Length") {
            let bytes = value.trim().parse::<u64>().ok().filter(|n| *n <= LARGEST);
            size = Some(bytes.ok_or_else(|| invalid(format!("{line:?} is no length up to {LARGEST} bytes")))?);
        }
    }
    let size = size.ok_or_else(|| invalid("its head has no Content-Length".to_string()))?;
    let mut bytes = Vec::new();
    if (io::Read::read_to_end(&mut io::Read::take(input, size), &mut bytes)? as u64) < size {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|e| invalid(format!("it is no message of the protocol: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &str) -> String {
        match read(&mut bytes.as_bytes()) {
            Ok(Some(message)) => format!("{message:?}"),
            Ok(None) => "closed".to_string(),
            Err(e) => format!("{:?}: {e}", e.kind()),
        }
    }

    #[test]
    fn messages_have_a_head_and_a_length() {
        let text = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let whole = format!("Content-Length: {}\r\nContent-Type: x\r\n\r\n{text}", text.len());
        assert!(said(&whole).contains("exit"));
        assert!(said(&whole.replace("Content-Length: ", "content-length:")).contains("exit"));
        assert_eq!(said(""), "closed");
        assert!(said(&whole[..whole.len() - 1]).starts_with("UnexpectedEof"));
        assert!(said("Content-Le").starts_with("UnexpectedEof"));
    }

    #[test]
    fn a_length_that_no_message_has_is_refused() {
        for length in ["18446744073709551615", "99999999999999999999999999", "1000000000000", "-1", "x"] {
            assert!(said(&format!("Content-Length: {length}\r\n\r\n{{}}")).starts_with("InvalidData"), "{length}");
        }
        assert!(said("\r\n{}").contains("no Content-Length"));
        assert!(said("Content-Length\r\n\r\n").contains("its head has the line"));
        assert!(said(&"x".repeat(10_000)).contains("longer than"));
        assert!(said("Content-Length: 2\r\n\r\n{}").contains("no message of the protocol"));
    }
}
