//! `cfx lsp`: a language server over standard input and output, for editors (Language Server Protocol 3.17).
//!
//! What is answered is `editor`'s; here it is put in the protocol's words. A script is checked whenever it changes, and planned, which reads
//! headers of the files it names, in the background when it is opened and saved.

mod answers;
mod library;
mod pipe;
mod planner;
mod shape;
mod uri;

use crate::api::{Registry, Source};
use crate::cli::Exit;
use crate::cli::out::tell;
use crate::editor::Document;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use planner::{Job, Planner};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A script that is open.
struct Opened {
    version: i64,
    text: String,
    /// The script checked, where it has not changed since.
    document: Option<Document>,
}

/// The server's state.
struct Server {
    registry: Registry,
    opened: BTreeMap<String, Opened>,
    /// Scripts that changed since they were last checked.
    changed: BTreeSet<String>,
    /// More folders that scripts may read.
    granted: Vec<PathBuf>,
    planner: Planner,
}

/// Serves one editor until it says goodbye or closes the pipe.
pub fn lsp() -> Exit {
    let (connection, threads) = pipe::open();
    let served = serve(&connection);
    drop(connection);
    match (served, threads.join()) {
        (Ok(()), Ok(())) => Exit::Done,
        (Err(e), _) => {
            tell!("the editor sent something that cfx does not understand: {e}");
            Exit::Usage
        }
        // The editor is gone.
        (Ok(()), Err(e)) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => Exit::Done,
        (Ok(()), Err(e)) => {
            tell!("a message of the editor cannot be read: {e}");
            Exit::Usage
        }
    }
}

fn serve(connection: &Connection) -> Result<(), String> {
    let (id, parameters) = connection.initialize_start().map_err(|e| e.to_string())?;
    let about = json!({ "capabilities": capabilities(), "serverInfo": { "name": "cfx", "version": env!("CARGO_PKG_VERSION") } });
    connection.initialize_finish(id, about).map_err(|e| e.to_string())?;
    let given = &parameters["initializationOptions"]["data"];
    let granted = given.as_array().into_iter().flatten().filter_map(Json::as_str).map(PathBuf::from).collect();
    let sender = connection.sender.clone();
    let planner = Planner::start(move |message| drop(sender.send(message)));
    let mut server =
        Server { registry: Registry::standard(), opened: BTreeMap::new(), changed: BTreeSet::new(), granted, planner };
    let send = |message: Message| connection.sender.send(message).map_err(|e| e.to_string());
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(|e| e.to_string())? {
                    return Ok(());
                }
                send(server.answer(request).into())?;
            }
            Message::Notification(notification) => server.note(notification, &send)?,
            Message::Response(_) => {}
        }
        // While more is to be read, what was typed a moment ago is not worth checking.
        if connection.receiver.is_empty() {
            for name in std::mem::take(&mut server.changed) {
                if let Some(said) = server.messages(&name) {
                    send(said.into())?;
                }
            }
        }
    }
    Ok(())
}

/// Returns what the server can do.
fn capabilities() -> Json {
    json!({
        "positionEncoding": "utf-16",
        "textDocumentSync": { "openClose": true, "change": 1, "save": { "includeText": false } },
        "hoverProvider": true,
        "completionProvider": { "triggerCharacters": [".", ":", "(", "[", "{", ",", " "] },
        "signatureHelpProvider": { "triggerCharacters": ["(", ","] },
        "definitionProvider": true,
        "referencesProvider": true,
        "documentHighlightProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentFormattingProvider": true,
        "documentSymbolProvider": true,
        "inlayHintProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
    })
}

impl Server {
    /// Takes in what the editor did.
    fn note(&mut self, notification: Notification, send: &dyn Fn(Message) -> Result<(), String>) -> Result<(), String> {
        let given = &notification.params;
        let Some(name) = given["textDocument"]["uri"].as_str().map(str::to_string) else { return Ok(()) };
        let version = given["textDocument"]["version"].as_i64();
        match notification.method.as_str() {
            "textDocument/didOpen" => {
                let text = given["textDocument"]["text"].as_str().unwrap_or("").to_string();
                self.opened.insert(name.clone(), Opened { version: version.unwrap_or(0), text, document: None });
                self.changed.insert(name.clone());
                self.plan(&name);
            }
            "textDocument/didChange" => {
                let text = given["contentChanges"].as_array().and_then(|all| all.last()).and_then(|c| c["text"].as_str());
                if let (Some(text), Some(opened)) = (text, self.opened.get_mut(&name)) {
                    let version = version.unwrap_or(opened.version + 1);
                    *opened = Opened { version, text: text.to_string(), document: None };
                    self.planner.changed(&name, version);
                    self.changed.insert(name);
                }
            }
            "textDocument/didSave" => self.plan(&name),
            "textDocument/didClose" => {
                self.opened.remove(&name);
                self.changed.remove(&name);
                self.planner.closed(&name);
                send(shape::published(&name, None, Vec::new()).into())?;
            }
            _ => {}
        }
        Ok(())
    }

    fn source(&self, name: &str, text: &str) -> Source {
        let path = uri::path(name).unwrap_or_else(|| PathBuf::from(name));
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Source { granted: self.granted.clone(), ..Source::text(&path.display().to_string(), text, folder) }
    }

    /// Has a script planned in the background.
    fn plan(&mut self, name: &str) {
        let Some(opened) = self.opened.get(name) else { return };
        let source = self.source(name, &opened.text);
        self.planner.plan(Job { name: name.to_string(), version: opened.version, source });
    }

    /// Returns a script that is open, checked as it stands.
    fn document(&mut self, name: &str) -> Option<&Document> {
        let opened = self.opened.get(name)?;
        if opened.document.is_none() {
            let source = self.source(name, &opened.text);
            let registry = &self.registry;
            let document = catch_unwind(AssertUnwindSafe(|| Document::new(source, registry))).ok()?;
            self.opened.get_mut(name)?.document = Some(document);
        }
        self.opened.get(name)?.document.as_ref()
    }

    /// Returns the messages about a script, to be shown.
    fn messages(&mut self, name: &str) -> Option<Notification> {
        let version = self.opened.get(name)?.version;
        let document = self.document(name)?;
        let said = shape::diagnostics(&document.checked.diags, &document.checked.program.sources, document.main_file(), name);
        Some(shape::published(name, Some(version), said))
    }

    /// Answers a question. A fault of ours is an answer too, never the end of the server.
    fn answer(&mut self, request: Request) -> Response {
        let id = request.id.clone();
        match catch_unwind(AssertUnwindSafe(|| self.answered(&request))) {
            Ok(Some(Ok(result))) => Response::new_ok(id, result),
            Ok(Some(Err(words))) => Response::new_err(id, ErrorCode::RequestFailed as i32, words),
            Ok(None) => Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("there is no `{}` here", request.method)),
            Err(_) => Response::new_err(id, ErrorCode::InternalError as i32, "cfx made a mistake; please report it".to_string()),
        }
    }

    /// Returns the answer to a question, or why there is none; nothing for what the server does not know.
    fn answered(&mut self, request: &Request) -> Option<Result<Json, String>> {
        if !answers::KNOWN.contains(&request.method.as_str()) {
            return None;
        }
        let name = request.params["textDocument"]["uri"].as_str().unwrap_or("").to_string();
        let expected = self.planner.expected(&name);
        if self.document(&name).is_none() {
            return Some(Err(format!("`{name}` is not open")));
        }
        let document = self.opened.get(&name)?.document.as_ref()?;
        Some(answers::answer(&request.method, &request.params, &name, document, &expected, &self.registry))
    }
}
