//! What may stand at a place.

use super::callee::{Called, Callee};
use super::context::{Context, Place};
use super::document::Document;
use super::hover::keywords;
use super::pages;
use crate::lang::axes::AxisId;
use crate::lang::def_id::DefId;
use crate::lang::kind::Kind;
use crate::lang::scope::{Program, declared};
use crate::lang::signature::{AxisWord, SettingType, Takes};
use crate::syntax::ast::{Block, ExprKind, ItemKind, Keyword, Step};
use std::collections::BTreeSet;
use std::ops::Range;

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is written.
    pub label: String,
    /// What it is.
    pub sort: Sort,
    /// A few words beside it: a type, a default.
    pub detail: String,
    /// What is said of it.
    pub doc: String,
    /// What is put into the text, where it is not the label: `$0` is where the cursor stands then.
    pub insert: Option<String>,
    /// Whether it is of the kind that is asked for here; others come behind.
    pub fits: bool,
}

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A word of the language.
    Keyword,
    /// A built-in operation.
    Operation,
    /// A network or layer.
    Network,
    /// A maker of settings.
    Constructor,
    /// A declared value.
    Value,
    /// An axis.
    Axis,
    /// The name of an argument.
    Argument,
    /// A word of an option set, a coordinate, a tap.
    Word,
    /// A part of a value: a split, a column.
    Part,
    /// A topic of the standard library.
    Topic,
}

/// Axes that values have by themselves.
const OWN_AXES: [(&str, &str); 5] = [
    ("class", "the classes of the labels"),
    ("stage", "the taps of a network"),
    ("example", "the examples"),
    ("epoch", "the epochs of a training"),
    ("snapshot", "the epochs after which weights are kept"),
];

/// Returns the bytes of the word that is being written, and what may stand there instead.
pub fn complete(document: &Document, byte: usize) -> (Range<usize>, Vec<Completion>) {
    let context = Context::at(document, byte);
    let names = Names { document, program: document.program() };
    let found = match &context.place {
        Place::Nowhere => Vec::new(),
        Place::Beginning => keywords().into_iter().map(|(word, doc)| plain(word, Sort::Keyword, "", &doc)).collect(),
        Place::Topic => names.topics(),
        Place::Taken(topic) => names.taken(topic),
        Place::Member { of, called } => names.parts(of, *called),
        Place::Argument { callee, in_body, given, position } => names.arguments(callee, *in_body, given, *position),
        Place::Setting { callee, in_body, name, .. } => names.settings(callee, *in_body, name),
        Place::Selection { of, axis } => names.coordinates(of, axis.as_deref()),
        Place::Step => names.layers(),
        Place::Compared(of) => names.compared(of),
        Place::Value => names.values(&|_| true),
    };
    let mut seen = BTreeSet::new();
    let once = found.into_iter().filter(|c| seen.insert(c.label.clone())).collect();
    (context.start..byte, once)
}

fn plain(label: &str, sort: Sort, detail: &str, doc: &str) -> Completion {
    Completion { label: label.to_string(), sort, detail: detail.to_string(), doc: doc.to_string(), insert: None, fits: true }
}

struct Names<'d> {
    document: &'d Document,
    program: &'d Program,
}

impl Names<'_> {
    fn topics(&self) -> Vec<Completion> {
        let all = pages::topics(self.program);
        all.into_iter().map(|(topic, lines)| plain(topic, Sort::Topic, "", &lines.join("\n"))).collect()
    }

    /// Returns what a topic declares that is taken with `use`.
    fn taken(&self, topic: &str) -> Vec<Completion> {
        let Some(module) = self.program.modules.iter().find(|m| m.topic.as_deref() == Some(topic)) else { return Vec::new() };
        let named = module.file.items.iter().filter_map(|i| Some((i, declared(&i.kind)?)));
        named.map(|(i, name)| plain(&name.name, Sort::Value, "", i.doc.as_deref().unwrap_or(""))).collect()
    }

    /// Returns the parts of a value, or of what a call gives.
    fn parts(&self, of: &str, called: bool) -> Vec<Completion> {
        let part = |name: &str, detail: String| plain(name, Sort::Part, &detail, "");
        let of_kind = |kind: &Kind| match kind {
            Kind::Record(fields) => fields.iter().map(|(n, k)| part(n, k.to_string())).collect(),
            Kind::Dataset => ["train", "test", "all"].iter().map(|s| part(s, "split".into())).collect(),
            _ => Vec::new(),
        };
        let columns = |op: &str| match self.program.operations.get(op) {
            Some(s) if !s.columns.is_empty() => s.columns.iter().map(|c| part(c, "column".into())).collect(),
            Some(s) => of_kind(&s.gives),
            None => Vec::new(),
        };
        if called {
            return columns(of);
        }
        let Some(value) = self.program.find(self.program.main, of).and_then(|d| self.document.value(d)) else {
            return Vec::new();
        };
        match &value.typed.node {
            crate::lang::typed::Node::Call(call) if value.typed.kind == Kind::Table => columns(&call.op),
            _ => of_kind(&value.typed.kind),
        }
    }

    /// Returns the arguments that a call may still be given by name, and what may be its next one.
    fn arguments(&self, callee: &str, in_body: bool, given: &[String], position: usize) -> Vec<Completion> {
        let Some(called) = Callee::find(self.program, self.program.main, callee, in_body) else {
            return if callee.is_empty() { seed() } else { self.values(&|_| true) };
        };
        let next = (given.is_empty()).then(|| called.params.get(position)).flatten();
        let mut out = match next {
            Some(p) => self.settings(callee, in_body, &p.name.name),
            None => Vec::new(),
        };
        let written: BTreeSet<&str> =
            given.iter().map(String::as_str).chain(called.params.iter().take(position).map(|p| p.name.name.as_str())).collect();
        let text = |span| self.program.sources.text(span).trim().to_string();
        for param in called.params.iter().filter(|p| !written.contains(p.name.name.as_str())) {
            let ty = param.ty.as_ref().map(|t| text(t.span)).unwrap_or_default();
            let default = param.default.as_ref().map(|d| format!(" = {}", text(d.span))).unwrap_or_default();
            let name = &param.name.name;
            let insert = Some(format!("{name}: $0"));
            out.push(Completion { insert, ..plain(&format!("{name}:"), Sort::Argument, &format!("{ty}{default}"), called.doc) });
        }
        if called.random && !given.iter().any(|g| g == "seed") {
            out.extend(seed());
        }
        out
    }

    /// Returns what may stand behind `name:` in a call.
    fn settings(&self, callee: &str, in_body: bool, name: &str) -> Vec<Completion> {
        let Some(called) = Callee::find(self.program, self.program.main, callee, in_body) else { return self.values(&|_| true) };
        let Some(i) = called.params.iter().position(|p| p.name.name == name) else {
            return if name == "seed" { self.axes() } else { self.values(&|_| true) };
        };
        let mut out: Vec<Completion> =
            called.options(i).iter().map(|w| plain(w, Sort::Word, "", called.doc.lines().next().unwrap_or(""))).collect();
        match called.takes.get(i) {
            Some(takes) => {
                if let Some(axis) = takes.axis {
                    out.extend(self.axis_words(axis));
                    return out;
                }
                out.extend(takes.setting.iter().flat_map(|s| self.makers(s)));
                if !takes.inputs.is_empty() {
                    out.extend(self.values(&|kind| fits(takes, kind)));
                } else if matches!(takes.setting, Some(SettingType::Network)) {
                    out.extend(self.networks());
                } else if !matches!(takes.setting, Some(SettingType::Option(_) | SettingType::Variant(_))) {
                    out.extend(self.known());
                }
            }
            None if called.is == Called::Constructor => {
                let named = called.params[i].ty.iter().flat_map(|t| &t.alternatives);
                for atom in named {
                    if let crate::syntax::ast::TypeAtom::Name(n) = atom {
                        out.extend(self.makers(&SettingType::Variant(n.name.clone())));
                    }
                }
                out.extend(self.known());
            }
            None => out.extend(self.known()),
        }
        out
    }

    /// Returns the axes that an axis word may name.
    fn axis_words(&self, word: AxisWord) -> Vec<Completion> {
        match word {
            AxisWord::Taps => {
                let mut out = vec![plain("all", Sort::Word, "every tap", "")];
                out.extend(self.taps().into_iter().map(|t| plain(&t, Sort::Word, "tap", "")));
                out
            }
            _ => {
                let mut out = self.axes();
                out.extend(OWN_AXES.iter().map(|(name, doc)| plain(name, Sort::Axis, doc, "")));
                out
            }
        }
    }

    /// Returns the taps of the networks that the script declares or takes, those of the networks that they consist of included.
    fn taps(&self) -> BTreeSet<String> {
        let module = &self.program.modules[self.program.main];
        let mut left: Vec<DefId> = module.names.values().copied().collect();
        let mut seen: BTreeSet<DefId> = left.iter().copied().collect();
        let mut out = BTreeSet::new();
        while let Some(def) = left.pop() {
            let ItemKind::Network { keyword: Keyword::Network, body, .. } = &self.program.item(def).kind else { continue };
            let mut called = Vec::new();
            body.steps.iter().for_each(|step| labels(step, false, &mut out, &mut called));
            left.extend(called.iter().filter_map(|name| self.program.find(def.module, name)).filter(|d| seen.insert(*d)));
        }
        out
    }

    /// Returns the constructors that make a setting of a type.
    fn makers(&self, setting: &SettingType) -> Vec<Completion> {
        match setting {
            SettingType::Variant(name) => {
                let Some(variant) = self.program.variants.get(name) else { return Vec::new() };
                let maker = |c: &crate::syntax::ast::Constructor| {
                    let insert = (!c.params.is_empty()).then(|| format!("{}($0)", c.name.name));
                    Completion { insert, ..plain(&c.name.name, Sort::Constructor, name, &variant.doc) }
                };
                variant.constructors.iter().map(maker).collect()
            }
            SettingType::List(inner) => self.makers(inner),
            SettingType::Either(types) => types.iter().flat_map(|t| self.makers(t)).collect(),
            SettingType::Bool => ["true", "false"].iter().map(|w| plain(w, Sort::Word, "", "")).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the declared axes.
    fn axes(&self) -> Vec<Completion> {
        let script = &self.document.checked.script;
        let detail = |id: &AxisId| match &script.axes.get(*id).coordinates {
            Some(c) => format!("{} coordinates", c.len()),
            None => String::new(),
        };
        let known = script.declared_axes.values().map(|id| plain(script.axes.name(*id), Sort::Axis, &detail(id), ""));
        let declared = self.declared().filter(|(_, keyword, _)| *keyword == Some(Keyword::Axis));
        known.chain(declared.map(|(name, _, doc)| plain(name, Sort::Axis, "", doc))).collect()
    }

    /// Returns what may be compared with a value: the coordinates of an axis, else any value.
    fn compared(&self, of: &str) -> Vec<Completion> {
        let script = &self.document.checked.script;
        let axis = script.declared_axes.values().find(|id| script.axes.name(**id) == of);
        let coordinates = axis.into_iter().flat_map(|id| script.axes.get(*id).coordinates.iter().flatten().take(200));
        let found: Vec<Completion> = coordinates.map(|c| plain(&c.text, Sort::Word, of, "")).collect();
        if found.is_empty() { self.values(&|_| true) } else { found }
    }

    /// Returns what the script declares or takes: name, keyword of a bound value, doc comment.
    fn declared(&self) -> impl Iterator<Item = (&str, Option<Keyword>, &str)> {
        let module = &self.program.modules[self.program.main];
        module.names.iter().map(|(name, def)| {
            let item = self.program.item(*def);
            let keyword = match &item.kind {
                ItemKind::Bind { keyword, .. } | ItemKind::Network { keyword, .. } => Some(*keyword),
                ItemKind::Param(_) => Some(Keyword::Param),
                ItemKind::Recipe { .. } => Some(Keyword::Recipe),
                _ => None,
            };
            (name.as_str(), keyword, item.doc.as_deref().unwrap_or(""))
        })
    }

    /// Returns what is known before the run: parameters, `let`s, axes, recipes.
    fn known(&self) -> Vec<Completion> {
        let known = [Keyword::Param, Keyword::Let, Keyword::Axis, Keyword::Recipe];
        let of = self.declared().filter(|(_, keyword, _)| keyword.is_some_and(|k| known.contains(&k)));
        of.map(|(name, keyword, doc)| plain(name, Sort::Value, keyword.map_or("", Keyword::word), doc)).collect()
    }

    fn networks(&self) -> Vec<Completion> {
        let of = self.declared().filter(|(_, keyword, _)| *keyword == Some(Keyword::Network));
        of.map(|(name, _, doc)| plain(name, Sort::Network, "network", doc)).collect()
    }

    /// Returns the declared values and the operations, those of a kind that is wanted first.
    fn values(&self, wanted: &dyn Fn(&Kind) -> bool) -> Vec<Completion> {
        let module = &self.program.modules[self.program.main];
        let script = &self.document.checked.script;
        let mut out = Vec::new();
        for (name, def) in &module.names {
            let item = self.program.item(*def);
            let doc = item.doc.as_deref().unwrap_or("");
            match (self.document.value(*def), &item.kind) {
                (Some(v), _) => {
                    let detail = v.typed.describe(&script.axes);
                    // A record or a table has parts of the kind that is asked for.
                    let fits = wanted(&v.typed.kind) || matches!(v.typed.kind, Kind::Record(_) | Kind::Table);
                    out.push(Completion { fits, ..plain(name, Sort::Value, &detail, doc) });
                }
                (None, ItemKind::Extern { .. } | ItemKind::Variant { .. }) => {}
                (None, ItemKind::Network { .. }) => out.push(plain(name, Sort::Network, "network", doc)),
                (None, _) => out.push(plain(name, Sort::Value, "", doc)),
            }
        }
        for (name, s) in &self.program.operations {
            let insert = Some(format!("{name}($0)"));
            let first = s.doc.lines().next().unwrap_or("");
            out.push(Completion { insert, fits: wanted(&s.gives), ..plain(name, Sort::Operation, &s.gives.to_string(), first) });
        }
        out
    }

    /// Returns the layers and networks that a step may be.
    fn layers(&self) -> Vec<Completion> {
        let doc = |def: &crate::lang::def_id::DefId| self.program.item(*def).doc.clone().unwrap_or_default();
        let built_in = self.program.layers.iter().map(|(name, def)| plain(name, Sort::Network, "layer", &doc(def)));
        let own = self.declared().filter(|(_, k, _)| matches!(k, Some(Keyword::Network | Keyword::Layer)));
        let own = own.map(|(name, k, doc)| plain(name, Sort::Network, k.map_or("", Keyword::word), doc));
        own.chain(built_in).collect()
    }

    /// Returns the axes of a value, or the coordinates of one of them.
    fn coordinates(&self, of: &str, axis: Option<&str>) -> Vec<Completion> {
        let script = &self.document.checked.script;
        let Some(value) = self.program.find(self.program.main, of).and_then(|d| self.document.value(d)) else {
            return self.axes();
        };
        let attached: Vec<AxisId> = value.typed.attached.iter().collect();
        let axes: Vec<AxisId> = value.typed.axes.iter().copied().chain(attached).collect();
        let mut out = Vec::new();
        for id in axes {
            let of = script.axes.get(id);
            if axis.is_some_and(|a| a != of.name) {
                continue;
            }
            let coordinates = of.coordinates.iter().flatten().take(200);
            out.extend(coordinates.map(|c| plain(&c.text, Sort::Word, &of.name, "")));
            if axis.is_none() {
                let insert = Some(format!("{}: $0", of.name));
                out.push(Completion { insert, ..plain(&format!("{}:", of.name), Sort::Axis, "", "") });
            }
        }
        out
    }
}

/// Collects the taps that a step names, and what it calls. A step that is repeated has the number of the turn behind its label: there is a first.
fn labels(step: &Step, repeated: bool, taps: &mut BTreeSet<String>, called: &mut Vec<String>) {
    taps.extend(step.label.as_ref().map(|l| if repeated { format!("{}1", l.name) } else { l.name.clone() }));
    let mut left = vec![&step.value];
    while let Some(expr) = left.pop() {
        match &expr.kind {
            ExprKind::Name(name) => called.push(name.clone()),
            ExprKind::Paren(inner) => left.push(inner),
            ExprKind::Chain(layers) => left.extend(layers),
            ExprKind::If(_, a, b) => left.extend([&**a, &**b]),
            ExprKind::Call { callee, block, .. } => {
                left.push(callee);
                if let Some(Block::Body(body)) = block {
                    let turns = matches!(&callee.kind, ExprKind::Name(name) if matches!(name.as_str(), "repeat" | "each"));
                    body.steps.iter().for_each(|step| labels(step, turns || repeated, taps, called));
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a value of a kind may be given for a parameter.
fn fits(takes: &Takes, kind: &Kind) -> bool {
    takes.inputs.iter().any(|wanted| kind.fits(wanted))
}

fn seed() -> Vec<Completion> {
    vec![Completion { insert: Some("seed: $0".into()), ..plain("seed:", Sort::Argument, "a whole number, or an axis", "") }]
}
