//! The window through which networks see the program's names.

use super::net::{Declared, Found, Library};
use super::scope::Program;
use super::statics::{Env, Statics};
use crate::base::Span;
use crate::syntax::ast::{ItemKind, Keyword};

/// The names of a program, with what is known of parameters and `let`s.
pub struct Names<'a> {
    /// Files and names.
    pub program: &'a Program,
    /// Values known before the run.
    pub statics: Statics<'a>,
}

impl Library for Names<'_> {
    fn find(&self, from: Span, name: &str) -> Option<Found<'_>> {
        let module = self.program.module_at(from);
        let def = match self.program.find(module, name) {
            Some(def) => def,
            None => *self.program.layers.get(name)?,
        };
        let item = self.program.item(def);
        if let Some(declared) = Declared::of(item) {
            return Some(Found::Declared(declared));
        }
        Some(match &item.kind {
            ItemKind::Extern { name, params, .. } if self.program.layers.contains_key(&name.name) => Found::BuiltIn(name, params),
            ItemKind::Param(_) => Found::Static(self.statics.params.get(&def).cloned()?),
            ItemKind::Bind { keyword: Keyword::Let, value, .. } => match self.statics.value(def.module, value, &Env::new()) {
                Ok(value) => Found::Static(value),
                Err(found) if found.only_consequences() => return None,
                Err(_) => Found::Other(Keyword::Let.word()),
            },
            ItemKind::Bind { keyword, .. } | ItemKind::Titled { keyword, .. } => Found::Other(keyword.word()),
            ItemKind::Recipe { .. } => Found::Other("recipe"),
            ItemKind::Extern { .. } => Found::Other("built-in"),
            ItemKind::Variant { .. } => Found::Other("variant"),
            ItemKind::Experiment { .. } | ItemKind::Use { .. } | ItemKind::Network { .. } => return None,
        })
    }

    fn is_silent(&self, from: Span, name: &str) -> bool {
        let Some(def) = self.program.find(self.program.module_at(from), name) else { return self.program.is_lost(name) };
        match &self.program.item(def).kind {
            ItemKind::Param(_) => !self.statics.params.contains_key(&def),
            ItemKind::Bind { keyword: Keyword::Let, .. } => self.statics.lets.failed(def) || self.program.leads_back(def),
            _ => false,
        }
    }

    fn layers(&self, from: Span) -> Vec<String> {
        let module = self.program.module_at(from);
        let own = self.program.modules.get(module).into_iter().flat_map(|m| m.names.iter());
        let declared =
            own.filter(|(_, d)| matches!(self.program.item(**d).kind, ItemKind::Network { .. })).map(|(n, _)| n.clone());
        declared.chain(self.program.layers.keys().cloned()).collect()
    }
}
