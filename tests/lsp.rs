//! The language server, spoken to as an editor does.

use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = r#"cfx 1
experiment "Runs" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..3
dataset data = digits()
model m = train(mlp(hidden: [8]), data.train, seed: run) { epochs: 1, batch: 64, rate: 0.1 }
analysis acc = accuracy(m, data.test)
claim "Better than chance" = all(acc > 10%)
"#;

/// An editor that has a script open.
struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    asked: i64,
}

impl Editor {
    fn open(text: &str) -> Editor {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("exp.cfx"), text).expect("a script");
        let mut server = Command::new(env!("CARGO_BIN_EXE_cfx"))
            .arg("lsp")
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let to = server.stdin.take().expect("a pipe");
        let from = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut editor = Editor { server, to, from, folder, asked: 0 };
        let can = editor.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
        assert_eq!(can["capabilities"]["hoverProvider"], json!(true));
        editor.tell("initialized", json!({}));
        let uri = editor.uri();
        editor.tell(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri, "languageId": "cfx", "version": 1, "text": text } }),
        );
        editor
    }

    fn uri(&self) -> String {
        format!("file://{}/exp.cfx", self.folder.path().display())
    }

    fn send(&mut self, message: &Json) {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server reads");
        self.to.flush().expect("the server reads");
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.from.read_line(&mut line).expect("the server writes");
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.strip_prefix("Content-Length: ") {
                length = n.parse().expect("a number");
            }
        }
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes).expect("the whole message");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    fn tell(&mut self, method: &str, given: Json) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": given }));
    }

    /// Asks and returns the whole answer, passing over what the server says unasked.
    fn answer(&mut self, method: &str, given: Json) -> Json {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": given }));
        loop {
            let message = self.receive();
            if message["id"] == json!(id) {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, given: Json) -> Json {
        let answer = self.answer(method, given);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// Asks about a place of the script.
    fn ask_at(&mut self, method: &str, text: &str, place: &str, more: Json) -> Json {
        let mut given = json!({ "textDocument": { "uri": self.uri() }, "position": position(text, place) });
        for (name, value) in more.as_object().into_iter().flatten() {
            given[name] = value.clone();
        }
        self.ask(method, given)
    }

    fn change(&mut self, version: i64, text: &str) {
        let uri = self.uri();
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] }),
        );
    }

    /// Waits for what is said about a version of the script, until it is as wanted.
    fn messages(&mut self, version: i64, wanted: impl Fn(&[Json]) -> bool) -> Vec<Json> {
        loop {
            let message = self.receive();
            if message["method"] != json!("textDocument/publishDiagnostics") || message["params"]["version"] != json!(version) {
                continue;
            }
            let said = message["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
            if wanted(&said) {
                return said;
            }
        }
    }

    fn close(mut self) {
        assert_eq!(self.ask("shutdown", Json::Null), Json::Null);
        self.tell("exit", Json::Null);
        assert!(self.server.wait().expect("the server ends").success());
    }
}

/// Returns the position of the first place where a text stands, behind its first letter.
fn position(text: &str, place: &str) -> Json {
    let at = text.find(place).expect(place) + 1;
    let line = text[..at].matches('\n').count();
    let column = text[..at].rsplit('\n').next().unwrap_or("").encode_utf16().count();
    json!({ "line": line, "character": column })
}

/// Returns the path of a `file:` address without special letters.
fn path(uri: &Json) -> PathBuf {
    PathBuf::from(uri.as_str().and_then(|u| u.strip_prefix("file://")).expect("a file"))
}

#[test]
fn an_editor_is_told_what_is_wrong_and_how_to_mend_it() {
    let wrong = SCRIPT.replace("accuracy(m", "accuracyy(m");
    let mut editor = Editor::open(&wrong);
    let said = editor.messages(1, |said| !said.is_empty());
    assert_eq!(said[0]["code"], json!("cfx::name::unknown"));
    assert_eq!(said[0]["range"]["start"], json!({ "line": 9, "character": 15 }));
    assert!(said[0]["message"].as_str().is_some_and(|m| m.contains("did you mean `accuracy`?")), "{said:?}");
    let uri = editor.uri();
    let given = json!({ "textDocument": { "uri": uri }, "range": said[0]["range"], "context": { "diagnostics": said } });
    let actions = editor.ask("textDocument/codeAction", given);
    assert_eq!(actions[0]["title"], json!("write `accuracy`"));
    assert_eq!(actions[0]["edit"]["changes"][uri.as_str()][0]["newText"], json!("accuracy"));
    editor.change(2, SCRIPT);
    editor.messages(2, <[Json]>::is_empty);
    editor.close();
}

#[test]
fn what_only_files_tell_is_said_when_the_script_is_saved() {
    let text = SCRIPT
        .replace("use std.data { digits }", "use std.data { arrays }")
        .replace("digits()", "arrays(\"x.npy\", labels: \"y.npy\", layout: features)");
    let mut editor = Editor::open(&text);
    let said = editor.messages(1, |said| said.iter().any(|d| d["code"] == json!("cfx::file::missing")));
    assert!(said[0]["message"].as_str().is_some_and(|m| m.contains("x.npy")), "{said:?}");
    editor.close();
}

#[test]
fn an_editor_finds_its_way_in_a_script() {
    let mut editor = Editor::open(SCRIPT);
    let hover = editor.ask_at("textDocument/hover", SCRIPT, "acc >", json!({}));
    assert!(hover["contents"]["value"].as_str().is_some_and(|t| t.contains("number over run(3) = 3 cells")), "{hover}");
    let place = editor.ask_at("textDocument/definition", SCRIPT, "accuracy(", json!({}));
    let library = std::fs::read_to_string(path(&place["uri"])).expect("the library as a file");
    let line = place["range"]["start"]["line"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a line");
    assert!(library.lines().nth(line).is_some_and(|l| l.starts_with("extern accuracy(")));
    let found = editor.ask_at("textDocument/references", SCRIPT, "run = ", json!({ "context": { "includeDeclaration": true } }));
    assert_eq!(found.as_array().map(Vec::len), Some(2));
    let changes = editor.ask_at("textDocument/rename", SCRIPT, "run = ", json!({ "newName": "trial" }));
    let uri = editor.uri();
    assert_eq!(changes["changes"][uri.as_str()].as_array().map(Vec::len), Some(2));
    let refused = {
        let given = json!({ "textDocument": { "uri": uri }, "position": position(SCRIPT, "run = "), "newName": "acc" });
        editor.answer("textDocument/rename", given)
    };
    assert!(refused["error"]["message"].as_str().is_some_and(|m| m.contains("bound twice")), "{refused}");
    let symbols = editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(symbols[0]["name"], json!("run"));
    let whole = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = editor.ask("textDocument/inlayHint", json!({ "textDocument": { "uri": uri }, "range": whole }));
    assert!(hints.as_array().is_some_and(|h| h.iter().any(|h| h["label"] == json!(" over run(3)"))), "{hints}");
    editor.close();
}

#[test]
fn an_editor_completes_signs_and_formats() {
    let mut editor = Editor::open(SCRIPT);
    let text = SCRIPT.replace("accuracy(m, data.test)", "accuracy(m, data.)");
    editor.change(2, &text);
    let given = |editor: &Editor, text: &str, place: &str| {
        let mut at = position(text, place);
        at["character"] = json!(at["character"].as_u64().unwrap_or(0) + place.len() as u64 - 1);
        json!({ "textDocument": { "uri": editor.uri() }, "position": at })
    };
    let found = editor.ask("textDocument/completion", given(&editor, &text, "(m, data."));
    let labels: Vec<&str> = found["items"].as_array().into_iter().flatten().filter_map(|i| i["label"].as_str()).collect();
    assert_eq!(labels, ["train", "test", "all"]);
    let help = editor.ask("textDocument/signatureHelp", given(&editor, &text, "accuracy(m, "));
    assert_eq!(help["activeParameter"], json!(1), "{help}");
    let untidy = SCRIPT.replace("axis run = 0..3", "axis   run=0..3");
    editor.change(3, &untidy);
    let uri = editor.uri();
    let changed = editor.ask("textDocument/formatting", json!({ "textDocument": { "uri": uri }, "options": {} }));
    assert!(changed[0]["newText"].as_str().is_some_and(|t| t.contains("axis     run  = 0..3")), "{changed}");
    let unknown = editor.answer("textDocument/foldingRange", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(unknown["error"]["code"], json!(-32601));
    editor.close();
}

/// An editor that goes away without a word leaves no process behind.
#[test]
fn the_server_ends_with_its_editor() {
    let Editor { mut server, to, from, folder, .. } = Editor::open(SCRIPT);
    drop((to, from));
    server.wait().expect("the server ends");
    assert!(Path::new(folder.path()).exists());
}

/// What is no message ends the server with a word: what follows cannot be told apart. A length that is announced takes no memory.
#[test]
fn what_is_no_message_is_said() {
    for wrong in [
        "Content-Length: 5\r\n\r\n{bad}",
        "Content-Length: 18446744073709551615\r\n\r\n",
        "Content-Length: 1000000000000\r\n\r\n",
    ] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_cfx"));
        server.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = server.spawn().expect("the server starts");
        let about = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
        let ready = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;
        let mut to = server.stdin.take().expect("a pipe");
        for text in [about, ready] {
            write!(to, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("the server reads");
        }
        to.write_all(wrong.as_bytes()).expect("the server reads");
        let ended = server.wait_with_output().expect("the server ends");
        assert_eq!(ended.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains("a message of the editor cannot be read"), "{said}");
        drop(to);
    }
}
