//! `cfx fmt`: scripts in the standard format.

use super::arguments::Fmt;
use super::out::{say, tell};
use super::{Exit, out, render};
use crate::api;
use crate::engine::files::replace;
use crate::syntax;
use std::io::IsTerminal;

/// `cfx fmt`
pub fn fmt(arguments: &Fmt) -> Exit {
    let mut exit = Exit::Done;
    for path in &arguments.scripts {
        let text = match api::read_text(path) {
            Ok(t) => t,
            Err(e) => {
                tell!("{} cannot be read: {e}", path.display());
                return Exit::Usage;
            }
        };
        let mut sources = crate::base::SourceMap::new();
        let source = sources.add(path.display().to_string(), text.as_str());
        let (file, diags) = syntax::parse(&source);
        if diags.has_errors() {
            out::drawn(&render::render(&diags, &sources, std::io::stderr().is_terminal()));
            exit = Exit::Script;
            continue;
        }
        let formatted = syntax::format(&file, &source);
        if formatted == text {
            continue;
        }
        if arguments.check {
            say!("{} is not in the standard format", path.display());
            exit = Exit::Script;
        } else if let Err(e) = replace(path, formatted.as_bytes()) {
            tell!("{} cannot be written: {e}", path.display());
            return Exit::unwritten(&e);
        }
    }
    exit
}
