//! A script as an editor has it open.

use super::lines::Lines;
use crate::api::{self, Checked, Registry, Source};
use crate::base::{SourceFile, Span};
use crate::lang::def_id::DefId;
use crate::lang::scope::{Program, declared};
use crate::lang::typed::{Call, Node, Typed, ValueDecl};
use crate::syntax::ast::{self, ItemKind};
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// A script with everything that checking it found.
#[derive(Debug)]
pub struct Document {
    /// The script and the folders it may read.
    pub source: Source,
    /// What checking found.
    pub checked: Checked,
    /// Its lines.
    pub lines: Lines,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The file.
    pub file: Where,
    /// Its text.
    pub text: String,
    /// The bytes.
    pub bytes: Range<usize>,
}

/// Which file.
#[derive(Clone, Debug, PartialEq)]
pub enum Where {
    /// The script itself.
    Script,
    /// A file of the standard library, which is part of the program: its name, such as `data.cfx`.
    Library(String),
    /// Another file that the script uses.
    Other(PathBuf),
}

impl Document {
    /// Checks a script.
    pub fn new(source: Source, registry: &Registry) -> Document {
        let checked = api::check(&source, registry);
        let lines = Lines::of(&source.text);
        Document { source, checked, lines }
    }

    /// Returns the text of the script.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Returns all files with their names.
    pub fn program(&self) -> &Program {
        &self.checked.program
    }

    /// Returns the script's own file.
    pub fn main_file(&self) -> &Arc<SourceFile> {
        &self.program().sources.files()[self.program().main]
    }

    /// Returns the offset in the space of all files of a byte of the script.
    pub(super) fn offset(&self, byte: usize) -> u32 {
        (self.main_file().base + byte) as u32
    }

    /// Returns the bytes of the script under a span; `None` if it lies in another file.
    pub fn bytes(&self, span: Span) -> Option<Range<usize>> {
        let file = self.program().sources.file(span)?;
        (Arc::ptr_eq(file, self.main_file())).then(|| span.start as usize - file.base..span.end as usize - file.base)
    }

    /// Returns the file and bytes under a span.
    pub fn target(&self, span: Span) -> Option<Target> {
        let file = self.program().sources.file(span)?;
        let module = self.program().module_at(span);
        let place = if module == self.program().main {
            Where::Script
        } else if let Some(topic) = &self.program().modules[module].topic {
            Where::Library(format!("{topic}.cfx"))
        } else {
            Where::Other(self.source.files().find(&file.name).ok()?)
        };
        Some(Target {
            file: place,
            text: file.text.clone(),
            bytes: span.start as usize - file.base..span.end as usize - file.base,
        })
    }

    /// Returns the declarations of the script's own file.
    pub(super) fn items(&self) -> impl Iterator<Item = (DefId, &ast::Item)> {
        let module = self.program().main;
        self.program().modules[module].file.items.iter().enumerate().map(move |(item, i)| (DefId { module, item }, i))
    }

    /// Returns the checked value of a declaration.
    pub(super) fn value(&self, def: DefId) -> Option<&ValueDecl> {
        self.checked.script.values.iter().find(|v| v.def == def)
    }

    /// Returns the type of a declaration in words: `number over run(3) = 3 cells`.
    pub(super) fn type_of(&self, def: DefId) -> Option<String> {
        let value = self.value(def)?;
        (!value.typed.is_error()).then(|| value.typed.describe(&self.checked.script.axes))
    }

    /// Returns the smallest checked expression around an offset that is a call of a built-in or a choice of coordinates.
    pub(super) fn expression_at(&self, at: u32) -> Option<Rc<Typed>> {
        let holds = |t: &Typed| t.span.start <= at && at <= t.span.end;
        let mut found = None;
        let mut open: Vec<Rc<Typed>> = self.checked.script.values.iter().map(|v| v.typed.clone()).filter(|t| holds(t)).collect();
        while let Some(typed) = open.pop() {
            let smaller = |old: &Rc<Typed>| typed.span.len() <= old.span.len();
            if matches!(typed.node, Node::Call(_) | Node::Select { .. }) && found.as_ref().is_none_or(smaller) {
                found = Some(typed.clone());
            }
            open.extend(parts(&typed).into_iter().filter(|t| holds(t)));
        }
        found
    }
}

/// Returns the values that an expression is made of.
fn parts(typed: &Typed) -> Vec<Rc<Typed>> {
    let of_call = |call: &Call| {
        let inputs = call.inputs.iter().map(|(_, v, _)| v.clone());
        inputs.chain(call.inside.iter().map(|(_, _, v)| v.clone())).collect()
    };
    match &typed.node {
        Node::Error | Node::Static(..) | Node::Value(_) => Vec::new(),
        Node::Call(call) => of_call(call),
        Node::Select { base, .. } | Node::Align { base, .. } | Node::Only { base, .. } => vec![base.clone()],
        Node::Stack { parts, .. } => parts.clone(),
        Node::If { yes, no, .. } => vec![yes.clone(), no.clone()],
    }
}

/// Returns the place of the name that a declaration binds, or of its title.
pub(super) fn name_of(kind: &ItemKind) -> Option<(String, Span)> {
    match kind {
        ItemKind::Titled { title, .. } => Some((title.value.clone(), title.span)),
        kind => declared(kind).map(|n| (n.name.clone(), n.span)),
    }
}
