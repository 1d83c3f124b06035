//! Every name in a script with what it means there.

use super::callee::{Called, Callee};
use super::document::Document;
use crate::base::Span;
use crate::lang::def_id::DefId;
use crate::lang::scope::{Program, declared};
use crate::syntax::ast::{Arg, Block, Body, Expr, ExprKind, Ident, Item, ItemKind, Keyword, Param, UsePath};

/// A name at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    /// The name.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// What it means there.
    pub means: Means,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Means {
    /// It is declared here.
    Declares(DefId),
    /// A declaration.
    Refers(DefId),
    /// A parameter of a network or layer, in its body or where it is given: the declaration, the parameter's number.
    Parameter(DefId, usize),
    /// A built-in operation, called.
    Operation,
    /// A maker of settings, called.
    Constructor,
    /// The name of an argument: what is called, the parameter's number.
    Argument(String, bool, usize),
    /// A word of an option set: what is called, the parameter's number.
    Option(String, bool, usize),
    /// A name in a `use`, taken under another name here.
    Taken(DefId),
    /// A topic of the standard library, or another file.
    Module(usize),
}

/// Returns every name of the script's own file that means something, in the order written.
pub(super) fn mentions(document: &Document) -> Vec<Mention> {
    let mut out = Vec::new();
    for (def, item) in document.items() {
        Walk { program: document.program(), module: def.module, inside: def, locals: &[], out: &mut out }.item(item);
    }
    out.sort_by_key(|m| m.span.start);
    out
}

/// Returns the name at an offset.
pub(super) fn mention_at(document: &Document, at: u32) -> Option<Mention> {
    mentions(document).into_iter().find(|m| m.span.start <= at && at <= m.span.end)
}

struct Walk<'a> {
    program: &'a Program,
    module: usize,
    inside: DefId,
    locals: &'a [Param],
    out: &'a mut Vec<Mention>,
}

impl<'a> Walk<'a> {
    fn say(&mut self, name: &str, span: Span, means: Means) {
        self.out.push(Mention { name: name.to_string(), span, means });
    }

    fn item(&mut self, item: &'a Item) {
        let def = self.inside;
        if let Some(name) = declared(&item.kind) {
            self.say(&name.name, name.span, Means::Declares(def));
        }
        match &item.kind {
            ItemKind::Experiment { settings, .. } => settings.iter().for_each(|a| self.value(&a.value, false)),
            ItemKind::Use { path, names } => {
                let module = names.first().and_then(|n| {
                    let here = n.alias.as_ref().unwrap_or(&n.name);
                    self.program.find(self.module, &here.name).map(|d| d.module)
                });
                if let (UsePath::Dotted(parts), Some(module)) = (path, module)
                    && let (Some(first), Some(last)) = (parts.first(), parts.last())
                {
                    self.say(&last.name, first.span.to(last.span), Means::Module(module));
                }
                for one in names {
                    let here = one.alias.as_ref().unwrap_or(&one.name);
                    let Some(target) = self.program.find(self.module, &here.name) else { continue };
                    match &one.alias {
                        Some(alias) => {
                            self.say(&one.name.name, one.name.span, Means::Taken(target));
                            self.say(&alias.name, alias.span, Means::Refers(target));
                        }
                        None => self.say(&one.name.name, one.name.span, Means::Refers(target)),
                    }
                }
            }
            ItemKind::Bind { value, .. } | ItemKind::Titled { value, .. } => self.value(value, false),
            ItemKind::Recipe { base, fields, .. } => {
                base.iter().for_each(|b| self.name(b));
                fields.iter().for_each(|a| self.value(&a.value, false));
            }
            ItemKind::Param(param) => param.default.iter().for_each(|e| self.value(e, false)),
            ItemKind::Network { params, body, .. } => {
                self.locals = params;
                for (i, param) in params.iter().enumerate() {
                    self.say(&param.name.name, param.name.span, Means::Parameter(def, i));
                    param.default.iter().for_each(|e| self.value(e, true));
                }
                self.body(body);
            }
            ItemKind::Extern { .. } | ItemKind::Variant { .. } => {}
        }
    }

    fn body(&mut self, body: &'a Body) {
        body.steps.iter().for_each(|s| self.value(&s.value, true));
    }

    fn name(&mut self, name: &Ident) {
        self.word(&name.name, name.span, false);
    }

    /// Says what a name means where a value may stand.
    fn word(&mut self, name: &str, span: Span, in_body: bool) {
        if let Some(i) = self.locals.iter().position(|p| p.name.name == name) {
            self.say(name, span, Means::Parameter(self.inside, i));
        } else if let Some(def) = self.program.find(self.module, name) {
            self.say(name, span, Means::Refers(def));
        } else if let Some(def) = self.program.layers.get(name).filter(|_| in_body) {
            self.say(name, span, Means::Refers(*def));
        } else if let Some(Callee { is: Called::Constructor, .. }) = Callee::find(self.program, self.module, name, in_body) {
            self.say(name, span, Means::Constructor);
        }
    }

    fn value(&mut self, e: &'a Expr, in_body: bool) {
        match &e.kind {
            ExprKind::Name(name) => self.word(name, e.span, in_body),
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::Member(inner, _) => self.value(inner, in_body),
            ExprKind::List(items) | ExprKind::Chain(items) => items.iter().for_each(|e| self.value(e, in_body)),
            ExprKind::Map(entries) => entries.iter().for_each(|(_, e)| self.value(e, in_body)),
            ExprKind::Range(a, b) | ExprKind::Binary(_, a, b) => [a, b].into_iter().for_each(|e| self.value(e, in_body)),
            ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|e| self.value(e, in_body)),
            ExprKind::Select(inner, args) => {
                self.value(inner, in_body);
                args.iter().for_each(|a| self.chosen(a));
            }
            ExprKind::Call { callee, args, block } => self.call(callee, args, block, in_body),
            ExprKind::Number { .. } | ExprKind::Text(_) | ExprKind::Bool(_) => {}
        }
    }

    /// Follows a choice of coordinates: an axis's name before `:` is that of a declaration, a word behind it a coordinate.
    fn chosen(&mut self, arg: &'a Arg) {
        let is = |def: DefId, wanted: &[Keyword]| match &self.program.item(def).kind {
            ItemKind::Bind { keyword, .. } => wanted.contains(keyword),
            ItemKind::Param(_) => wanted.contains(&Keyword::Param),
            _ => false,
        };
        if let Some(name) = &arg.name
            && let Some(def) = self.program.find(self.module, &name.name).filter(|d| is(*d, &[Keyword::Axis]))
        {
            self.say(&name.name, name.span, Means::Refers(def));
        }
        let known = [Keyword::Axis, Keyword::Let, Keyword::Param];
        for (name, span) in crate::lang::mentions::names(&arg.value) {
            if let Some(def) = self.program.find(self.module, name).filter(|d| is(*d, &known)) {
                self.say(name, span, Means::Refers(def));
            }
        }
    }

    fn call(&mut self, callee: &'a Expr, args: &'a [Arg], block: &'a Option<Block>, in_body: bool) {
        let ExprKind::Name(name) = &callee.kind else {
            self.value(callee, in_body);
            args.iter().for_each(|a| self.value(&a.value, in_body));
            return;
        };
        let called = Callee::find(self.program, self.module, name, in_body);
        match called.map(|c| c.is) {
            Some(Called::Operation) => self.say(name, callee.span, Means::Operation),
            _ => self.word(name, callee.span, in_body),
        }
        let fields: &[Arg] = match block {
            Some(Block::Fields(fields)) => fields,
            Some(Block::Body(body)) => {
                self.body(body);
                &[]
            }
            None => &[],
        };
        for (i, arg) in args.iter().chain(fields).enumerate() {
            let number = match &arg.name {
                Some(n) => called.and_then(|c| c.params.iter().position(|p| p.name.name == n.name)),
                None => Some(i),
            };
            if let (Some(n), Some(number)) = (&arg.name, number) {
                let own = self.program.find(self.module, name).filter(|_| called.is_some_and(|c| c.is == Called::Network));
                let means = match own {
                    Some(def) => Means::Parameter(def, number),
                    None => Means::Argument(name.clone(), in_body, number),
                };
                self.say(&n.name, n.span, means);
            }
            match (&arg.value.kind, called, number) {
                (ExprKind::Name(word), Some(c), Some(n)) if c.options(n).contains(&word.as_str()) => {
                    self.say(word, arg.value.span, Means::Option(name.clone(), in_body, n));
                }
                _ => self.value(&arg.value, in_body),
            }
        }
    }
}
