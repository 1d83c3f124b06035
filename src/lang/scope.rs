//! Files and names: which declaration a name means, as seen from the file it is written in.

pub use super::def_id::DefId;
use super::mentions::names_of_item;
use super::order::Order;
use super::signature::{self, Signature, Variant};
use crate::base::{Diag, Diags, SourceMap, Span};
use crate::syntax::{ast, parse};
use std::collections::{BTreeMap, BTreeSet};

/// The topics of the standard library, embedded in the binary.
pub const STANDARD: [(&str, &str); 10] = [
    ("layers", include_str!("../../stdlib/layers.cfx")),
    ("networks", include_str!("../../stdlib/networks.cfx")),
    ("data", include_str!("../../stdlib/data.cfx")),
    ("training", include_str!("../../stdlib/training.cfx")),
    ("probes", include_str!("../../stdlib/probes.cfx")),
    ("recipes", include_str!("../../stdlib/recipes.cfx")),
    ("representations", include_str!("../../stdlib/representations.cfx")),
    ("density", include_str!("../../stdlib/density.cfx")),
    ("analysis", include_str!("../../stdlib/analysis.cfx")),
    ("figures", include_str!("../../stdlib/figures.cfx")),
];

/// One file with the names it can see.
#[derive(Debug)]
pub struct Module {
    /// The name in messages.
    pub name: String,
    /// Topic, where the file belongs to the standard library.
    pub topic: Option<String>,
    /// Its tree.
    pub file: ast::File,
    /// Names it declares or takes from elsewhere.
    pub names: BTreeMap<String, DefId>,
    /// Names taken with `use`, with their places, for the warning about unused ones.
    pub taken: Vec<(ast::Ident, DefId)>,
}

/// All files of a script, parsed, with the names each can see.
#[derive(Debug, Default)]
pub struct Program {
    /// The texts.
    pub sources: SourceMap,
    /// The standard library first, then the script, then the files it uses.
    pub modules: Vec<Module>,
    /// Index of the script.
    pub main: usize,
    /// Built-in operations by name.
    pub operations: BTreeMap<String, Signature>,
    /// Types of settings by name.
    pub variants: BTreeMap<String, Variant>,
    /// Layers built in, by name.
    pub layers: BTreeMap<String, DefId>,
    /// What declarations mention.
    order: Order,
    /// Names whose declarations could not be read, which has been said.
    lost: BTreeSet<String>,
}

/// Reads other files of the script by the path written: the text, or the code of the message, what is wrong and what to do.
pub type Loader<'a> = &'a dyn Fn(&str) -> Result<String, (&'static str, String, String)>;

impl Program {
    /// Parses a script, the standard library and the files it uses, and fills in what names mean.
    pub fn load(name: &str, text: &str, loader: Loader) -> (Program, Diags) {
        let mut program = Program::default();
        let mut diags = Diags::default();
        for (topic, text) in STANDARD {
            program.add(&format!("std/{topic}.cfx"), text, Some(topic), &mut diags);
        }
        program.register(&mut diags);
        program.main = program.modules.len();
        let mut by_path: BTreeMap<String, usize> = BTreeMap::new();
        program.add(name, text, None, &mut diags);
        let mut next = program.main;
        while next < program.modules.len() {
            program.take_names(next, loader, &mut by_path, &mut diags);
            next += 1;
        }
        for module in 0..program.main {
            program.take_names(module, loader, &mut by_path, &mut diags);
        }
        let own = program.modules[program.main..].iter();
        let unread: Vec<String> = own.flat_map(|m| m.file.lost.iter().cloned()).collect();
        program.lost.extend(unread);
        program.order = program.sort();
        (program, diags)
    }

    /// Returns the order of all declarations, begun with those of the script as written.
    fn sort(&self) -> Order {
        let modules = (self.main..self.modules.len()).chain(0..self.main);
        let all = modules.flat_map(|module| (0..self.modules[module].file.items.len()).map(move |item| DefId { module, item }));
        Order::new(all, |def| {
            let mut seen = BTreeSet::new();
            let names = names_of_item(self.item(def));
            names.iter().filter_map(|(n, _)| self.find(def.module, n)).filter(|d| seen.insert(*d)).collect()
        })
    }

    fn add(&mut self, name: &str, text: &str, topic: Option<&str>, diags: &mut Diags) {
        let source = self.sources.add(name, text);
        let (file, found) = parse(&source);
        diags.extend(found);
        self.modules.push(Module {
            name: name.to_string(),
            topic: topic.map(str::to_string),
            file,
            names: BTreeMap::new(),
            taken: Vec::new(),
        });
    }

    /// Collects the signatures, variants and layers of the standard library.
    fn register(&mut self, diags: &mut Diags) {
        for (m, module) in self.modules.iter().enumerate() {
            let topic = module.topic.clone().unwrap_or_default();
            for (i, item) in module.file.items.iter().enumerate() {
                match &item.kind {
                    ast::ItemKind::Extern { name, .. } => match signature::signature(&topic, item) {
                        Some(Ok(s)) => {
                            self.operations.insert(name.name.clone(), s);
                        }
                        Some(Err(d)) => diags.push(d),
                        None => {
                            self.layers.insert(name.name.clone(), DefId { module: m, item: i });
                        }
                    },
                    ast::ItemKind::Variant { name, constructors } => {
                        let doc = item.doc.clone().unwrap_or_default();
                        let variant = Variant { name: name.name.clone(), doc, constructors: constructors.clone() };
                        self.variants.insert(name.name.clone(), variant);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Fills in what the names of one module mean: its own declarations, and those it takes with `use`.
    fn take_names(&mut self, at: usize, loader: Loader, by_path: &mut BTreeMap<String, usize>, diags: &mut Diags) {
        let mut names: BTreeMap<String, (DefId, Span)> = BTreeMap::new();
        let mut taken = Vec::new();
        let mut declare = |name: &ast::Ident, id: DefId, diags: &mut Diags| {
            if let Some((_, before)) = names.get(&name.name) {
                diags.push(
                    Diag::error("cfx::name::doubled", name.span, format!("the name `{}` is bound twice", name.name))
                        .here("bound again here")
                        .label(*before, "bound first here")
                        .help("a name is bound once; give one of them another name"),
                );
            } else {
                names.insert(name.name.clone(), (id, name.span));
            }
        };
        let items = self.modules[at].file.items.clone();
        let standard = self.modules[at].topic.is_some();
        for (i, item) in items.iter().enumerate() {
            let id = DefId { module: at, item: i };
            match &item.kind {
                ast::ItemKind::Use { path, names: wanted } => {
                    let Some(module) = self.module_of(path, loader, by_path, diags) else {
                        // What was to come from there is said once.
                        self.lost.extend(wanted.iter().map(|w| w.alias.as_ref().unwrap_or(&w.name).name.clone()));
                        continue;
                    };
                    for one in wanted {
                        let found = self.modules[module]
                            .file
                            .items
                            .iter()
                            .position(|x| declared(&x.kind).is_some_and(|n| n.name == one.name.name));
                        let Some(found) = found else {
                            self.lost.insert(one.alias.as_ref().unwrap_or(&one.name).name.clone());
                            if self.modules[module].file.lost.contains(&one.name.name) {
                                continue;
                            }
                            let all: Vec<&str> = self.modules[module]
                                .file
                                .items
                                .iter()
                                .filter_map(|x| declared(&x.kind))
                                .map(|n| n.name.as_str())
                                .collect();
                            diags.push(
                                Diag::error(
                                    "cfx::name::not_there",
                                    one.name.span,
                                    format!("`{}` declares no `{}`", self.modules[module].name, one.name.name),
                                )
                                .help(super::suggest::nearest_or_list(&one.name.name, &all)),
                            );
                            continue;
                        };
                        let target = DefId { module, item: found };
                        let name = one.alias.as_ref().unwrap_or(&one.name);
                        declare(name, target, diags);
                        taken.push((name.clone(), target));
                    }
                }
                ast::ItemKind::Extern { name, .. } | ast::ItemKind::Variant { name, .. } if !standard => diags.push(
                    Diag::error("cfx::name::builtin_only", name.span, "only the standard library declares built-ins")
                        .help("a new primitive is a signature in `stdlib/` and a body in Rust; see CONTRIBUTING.md"),
                ),
                kind => {
                    if let Some(name) = declared(kind) {
                        if !standard && self.operations.contains_key(&name.name) {
                            diags.push(
                                Diag::warning(
                                    "cfx::name::shadows",
                                    name.span,
                                    format!("`{}` is also the name of a built-in", name.name),
                                )
                                .help("calls still mean the built-in; another name would be easier to read"),
                            );
                        }
                        declare(name, id, diags);
                    }
                }
            }
        }
        self.modules[at].names = names.into_iter().map(|(n, (id, _))| (n, id)).collect();
        self.modules[at].taken = taken;
    }

    fn module_of(
        &mut self,
        path: &ast::UsePath,
        loader: Loader,
        by_path: &mut BTreeMap<String, usize>,
        diags: &mut Diags,
    ) -> Option<usize> {
        match path {
            ast::UsePath::Dotted(parts) => {
                let span = parts.first()?.span.to(parts.last()?.span);
                let words: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
                if let ["std", topic] = words.as_slice()
                    && let Some(i) = self.modules.iter().position(|m| m.topic.as_deref() == Some(topic))
                {
                    return Some(i);
                }
                let topics: Vec<String> = STANDARD.iter().map(|(t, _)| format!("std.{t}")).collect();
                let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
                diags.push(
                    Diag::error("cfx::name::no_module", span, format!("there is no `{}`", words.join(".")))
                        .help(super::suggest::nearest_or_list(&words.join("."), &topics)),
                );
                None
            }
            ast::UsePath::File(text) => {
                if let Some(&i) = by_path.get(&text.value) {
                    return Some(i);
                }
                match loader(&text.value) {
                    Ok(content) => {
                        self.add(&text.value, &content, None, diags);
                        by_path.insert(text.value.clone(), self.modules.len() - 1);
                        Some(self.modules.len() - 1)
                    }
                    Err((code, message, help)) => {
                        diags.push(Diag::error(code, text.span, message).help(help));
                        None
                    }
                }
            }
        }
    }

    /// Returns the declaration of a name as seen from a module.
    pub fn find(&self, module: usize, name: &str) -> Option<DefId> {
        self.modules.get(module)?.names.get(name).copied()
    }

    /// Returns a declaration.
    pub fn item(&self, id: DefId) -> &ast::Item {
        &self.modules[id.module].file.items[id.item]
    }

    /// Returns what declarations mention, and the order in which each stands after that.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Returns the circle that leads from something known before the run (a `let`, a parameter, an axis, a recipe) back to itself; empty
    /// where none does. Results are followed by what their calls mean by names, and may mention themselves.
    pub fn circle(&self, def: DefId) -> &[DefId] {
        let known = |d: &DefId| match &self.item(*d).kind {
            ast::ItemKind::Bind { keyword: ast::Keyword::Axis, value, .. } => !matches!(value.kind, ast::ExprKind::Call { .. }),
            ast::ItemKind::Bind { keyword, .. } => *keyword == ast::Keyword::Let,
            kind => matches!(kind, ast::ItemKind::Param(_) | ast::ItemKind::Recipe { .. }),
        };
        let circle = self.order.circle(def);
        // An axis may have a coordinate of its own name.
        let alone = |d: &DefId| matches!(self.item(*d).kind, ast::ItemKind::Bind { keyword: ast::Keyword::Axis, .. });
        match circle {
            [one] if alone(one) => &[],
            circle if circle.iter().all(known) => circle,
            _ => &[],
        }
    }

    /// Returns whether something known before the run leads back to itself.
    pub fn leads_back(&self, def: DefId) -> bool {
        !self.circle(def).is_empty()
    }

    /// Returns whether a place lies in the standard library.
    pub fn is_standard(&self, span: Span) -> bool {
        self.sources.files().get(self.main).is_some_and(|script| (span.start as usize) < script.base)
    }

    /// Returns a message with the place of the call that led to it, said in these words. Where the main place lies in the standard library, which the
    /// script's author cannot change, the nearest place of the script becomes the main one, and the library's is told in words.
    pub fn with_call(&self, mut diag: Diag, call: Span, words: &str) -> Diag {
        if !diag.labels.iter().any(|(span, _)| span.start == call.start) {
            diag.labels.push((call, words.to_string()));
        }
        let Some((place, said)) = diag.labels.first().cloned() else { return diag };
        if !self.is_standard(place) || diag.labels.iter().all(|(span, _)| self.is_standard(*span)) {
            return diag;
        }
        diag.labels.retain(|(span, _)| !self.is_standard(*span));
        if let (Some((_, words)), Some((file, line, _))) = (diag.labels.first_mut(), self.sources.place(place)) {
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            *words = format!("{words}; {file}, line {line}{said}").trim_start_matches("; ").to_string();
        }
        diag
    }

    /// Returns whether a declaration of that name could not be read, or the name stands for an expression that could not.
    pub fn is_lost(&self, name: &str) -> bool {
        name == ast::UNREAD || self.lost.contains(name)
    }

    /// Returns whether anything could not be read.
    pub fn lacks_declarations(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Returns the name in the standard library that a misspelt one most likely means, and the topic that declares it.
    pub fn near_in_topics(&self, name: &str) -> Option<(&str, &str)> {
        let topics = || self.modules.iter().filter(|m| m.topic.is_some());
        let builtin = |m: &Module, n: &str| {
            m.names
                .get(n)
                .is_some_and(|d| matches!(self.item(*d).kind, ast::ItemKind::Extern { .. } | ast::ItemKind::Variant { .. }))
        };
        let all: Vec<&str> = topics().flat_map(|m| m.names.keys().map(String::as_str).filter(|n| !builtin(m, n))).collect();
        let near = super::suggest::nearest(name, &all)?;
        Some((near, self.topic_of(near)?))
    }

    /// Returns the module that a place lies in.
    pub fn module_at(&self, span: Span) -> usize {
        let at = span.start as usize;
        self.sources.files().iter().rposition(|f| f.base <= at).unwrap_or(0)
    }

    /// Returns where the standard library declares a name that must be taken with `use`.
    pub fn topic_of(&self, name: &str) -> Option<&str> {
        self.modules.iter().find(|m| m.topic.is_some() && m.names.contains_key(name)).and_then(|m| m.topic.as_deref())
    }
}

/// Returns the name that a declaration binds.
pub fn declared(kind: &ast::ItemKind) -> Option<&ast::Ident> {
    match kind {
        ast::ItemKind::Bind { name, .. }
        | ast::ItemKind::Recipe { name, .. }
        | ast::ItemKind::Network { name, .. }
        | ast::ItemKind::Extern { name, .. }
        | ast::ItemKind::Variant { name, .. } => Some(name),
        ast::ItemKind::Param(param) => Some(&param.name),
        ast::ItemKind::Experiment { .. } | ast::ItemKind::Use { .. } | ast::ItemKind::Titled { .. } => None,
    }
}
