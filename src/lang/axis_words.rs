//! Words that name axes: `by:`, `over:`, `between:`, `at:`, and what they stand for where they are left out.

use super::axes::{Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::call::Parts;
use super::check::{AxisState, Checker};
use super::kind::Kind;
use super::scope::DefId;
use super::signature::{AxisWord, SettingType, Signature};
use super::static_value::Static;
use super::statics::{Env, shorten};
use super::suggest::nearest_or_list;
use super::typed::{Attached, Typed};
use crate::base::{Diag, Span};
use crate::syntax::ast::{Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

/// What the axis words of a call come to.
#[derive(Default)]
pub(super) struct AxisWords {
    /// Axes to split by: the parameter (numbered from the second on: `by`, `by.1`), the axis.
    pub split: Vec<(String, AxisId)>,
    /// Axes named by `by:` that the input has already: they stay.
    pub stays: Vec<AxisId>,
    pub reduced: Vec<AxisId>,
    pub reduces_given: bool,
    pub example: bool,
    pub pairs: Vec<(AxisId, AxisId)>,
    pub taps: Option<(String, AxisId)>,
    /// Whether `at:` names a single tap, outside a list.
    pub one_tap: bool,
}

impl AxisWords {
    /// Returns the setting of an axis word that reduces: `example`, where examples are taken in. The other axes are those of the slots;
    /// their names are for reading, and enter no key.
    fn reduces(&self) -> Static {
        Static::List(if self.example { vec![Static::Word("example".into())] } else { Vec::new() })
    }
}

impl<'a> Checker<'a> {
    pub(super) fn axis_word(
        &mut self,
        signature: &'a Signature,
        i: usize,
        module: usize,
        value: &'a Expr,
        union: &[AxisId],
        attached: &Attached,
        inputs: &mut Vec<(usize, String, Rc<Typed>)>,
        words: &mut AxisWords,
        decided: &mut Vec<(String, Static)>,
    ) -> bool {
        let name = signature.params[i].name.name.clone();
        let items: Vec<&'a Expr> = match &value.kind {
            ExprKind::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        match signature.takes[i].axis {
            Some(AxisWord::Taps) => return self.taps(&name, &items, attached, words, value),
            Some(AxisWord::Reduces) => words.reduces_given = true,
            _ => {}
        }
        // Axes and columns that are named and nothing more.
        let mut named = Vec::new();
        for item in items {
            let ExprKind::Name(word) = &item.kind else {
                let text = shorten(self.program.sources.text(item.span));
                self.diags.push(
                    Diag::error(
                        "cfx::axis::word",
                        item.span,
                        format!("`{name}:` takes the name of an axis, and `{text}` is none"),
                    )
                    .help(format!("its axes are {}", self.axis_names(union, attached))),
                );
                return false;
            };
            if signature.takes[i].axis == Some(AxisWord::Reduces) && word == "example" {
                if !inputs.iter().any(|(_, _, v)| v.kind.per_example()) {
                    self.diags.push(
                        Diag::error("cfx::axis::unknown", item.span, "this has no axis `example`")
                            .help(format!("its axes are {}", self.axis_names(union, attached))),
                    );
                    return false;
                }
                words.example = true;
                continue;
            }
            let Some(axis) = self.resolve_axis(signature.takes[i].axis, module, word, item, union, attached) else {
                // A figure may name a column of a table instead.
                let columns = signature.takes[i].axis == Some(AxisWord::Axis)
                    && inputs.iter().any(|(_, _, v)| matches!(v.kind, Kind::Table | Kind::Record(_)) || v.kind.per_example());
                if columns {
                    // Where every input is a table whose columns are known, one of them has it.
                    let wrong: Vec<Option<Diag>> = inputs.iter().map(|(_, _, v)| self.wrong_column(v, word, item.span)).collect();
                    if wrong.iter().all(Option::is_some)
                        && let Some(diag) = wrong.into_iter().flatten().next()
                    {
                        self.diags.push(diag);
                        return false;
                    }
                    let fields = vec![("name".into(), Static::Word(word.clone())), ("role".into(), Static::Word(String::new()))];
                    named.push(Static::Make("axis".into(), fields));
                    continue;
                }
                let mut names: Vec<String> = union.iter().map(|a| self.axes.name(*a).to_string()).collect();
                if matches!(signature.takes[i].axis, Some(AxisWord::Splits | AxisWord::Axis)) {
                    names.extend(attached.class.map(|_| "class".to_string()));
                }
                if self.diags.0.last().is_some_and(|d| d.span() == item.span) {
                    return false;
                }
                let list: Vec<&str> = names.iter().map(String::as_str).collect();
                let help = match word.as_str() {
                    "snapshot" => "bring snapshots out where the model is named: `m[snapshot: all]`".to_string(),
                    _ if list.is_empty() => "the arguments have no axes".to_string(),
                    _ => nearest_or_list(word, &list),
                };
                self.diags
                    .push(Diag::error("cfx::axis::unknown", item.span, format!("there is no axis `{word}` here")).help(help));
                return false;
            };
            match signature.takes[i].axis {
                Some(AxisWord::Splits) => {
                    // An input that is mapped over the axis has it already; one that takes it in whole has not.
                    let mapped = inputs
                        .iter()
                        .any(|(j, _, v)| v.axes.contains(&axis) && !self.takes_whole(&signature.takes[*j].gathers, axis));
                    if mapped {
                        words.stays.push(axis);
                        continue;
                    }
                    if let Some((_, before)) = words.split.first().filter(|_| !signature.takes[i].several) {
                        let message =
                            format!("this is split by one axis at a time, and `{}` is there already", self.axes.name(*before));
                        self.diags.push(
                            Diag::error("cfx::axis::two_splits", item.span, message).help("name one; reductions take several"),
                        );
                        return false;
                    }
                    if words.split.iter().any(|(_, a)| *a == axis) {
                        let message = format!("the axis `{word}` is there twice");
                        self.diags.push(Diag::error("cfx::axis::doubled", item.span, message).help("name each axis once"));
                        return false;
                    }
                    let slot = match words.split.len() {
                        0 => name.clone(),
                        n => format!("{name}.{n}"),
                    };
                    if let Some(typed) = self.data_sets_of(module, word) {
                        inputs.push((i, slot.clone(), typed));
                    }
                    words.split.push((slot, axis));
                }
                Some(AxisWord::Reduces) => {
                    if !union.contains(&axis) {
                        self.diags.push(
                            Diag::error(
                                "cfx::axis::not_there",
                                item.span,
                                format!("the arguments have no axis `{word}` to reduce"),
                            )
                            .help(format!("their axes are {}", self.axis_names(union, attached))),
                        );
                        return false;
                    }
                    words.reduced.push(axis);
                }
                Some(AxisWord::Pairs) => {
                    let first = inputs.first().map(|(_, _, v)| v.axes.clone()).unwrap_or_default();
                    if !first.contains(&axis) {
                        self.diags.push(
                            Diag::error(
                                "cfx::axis::not_there",
                                item.span,
                                format!("there is no axis `{word}` to pair with itself"),
                            )
                            .help(format!("its axes are {}", self.axis_names(&first, &Attached::default()))),
                        );
                        return false;
                    }
                    let other = self.axes.other(axis);
                    words.pairs.push((axis, other));
                }
                _ => {
                    // Places made of examples (bins, groups): scores that do not have the axis are read by its data sets.
                    if inputs.iter().any(|(_, _, v)| !v.axes.contains(&axis))
                        && let Some(typed) = self.data_sets_of(module, word)
                    {
                        inputs.push((i, name.clone(), typed));
                    }
                    let role = self.axes.get(axis).role.word().to_string();
                    let fields = vec![
                        ("name".into(), Static::Word(self.axes.name(axis).to_string())),
                        ("role".into(), Static::Word(role)),
                    ];
                    named.push(Static::Make("axis".into(), fields));
                }
            }
        }
        match named.len() {
            0 => {}
            1 => decided.extend(named.pop().map(|one| (name.clone(), one))),
            _ => decided.push((name.clone(), Static::List(named))),
        }
        if signature.takes[i].axis == Some(AxisWord::Reduces) {
            decided.push((name, words.reduces()));
        }
        true
    }

    fn axis_names(&self, union: &[AxisId], attached: &Attached) -> String {
        let mut names: Vec<String> = union.iter().map(|a| format!("`{}`", self.axes.name(*a))).collect();
        for a in attached.iter() {
            let n = format!("`{}`", self.axes.name(a));
            if !names.contains(&n) {
                names.push(n);
            }
        }
        if names.is_empty() { "none".to_string() } else { names.join(", ") }
    }

    /// Returns the axis that a name means: one of the arguments', one that they carry, or a declared one.
    fn resolve_axis(
        &mut self,
        kind: Option<AxisWord>,
        module: usize,
        word: &str,
        item: &Expr,
        union: &[AxisId],
        attached: &Attached,
    ) -> Option<AxisId> {
        if let Some(found) = union.iter().copied().find(|a| self.axes.name(*a) == word) {
            return Some(found);
        }
        // Epochs are columns of a history, and snapshots are brought out where the model is named.
        let carried = [attached.class, attached.stage]
            .into_iter()
            .flatten()
            .find(|a| self.axes.name(*a) == word || self.axes.get(*a).role.word() == word);
        if carried.is_some() && matches!(kind, Some(AxisWord::Splits | AxisWord::Axis)) {
            return carried;
        }
        let sets = matches!(kind, Some(AxisWord::Axis))
            && self.program.find(module, word).is_some()
            && self.is_axis_of_data_sets(module, word);
        if !sets && !matches!(kind, Some(AxisWord::Splits)) {
            return None;
        }
        let def: DefId = self.program.find(module, word)?;
        self.used.insert(def);
        match self.axis(def) {
            AxisState::Results(a, typed) if typed.kind == Kind::Dataset => Some(a),
            AxisState::Plain(a) | AxisState::Results(a, _) if union.contains(&a) => Some(a),
            AxisState::Plain(_) | AxisState::Results(..) => {
                self.diags.push(
                    Diag::error("cfx::axis::not_there", item.span, format!("the arguments do not depend on the axis `{word}`"))
                        .help("an axis splits a value where its coordinates are data sets, such as bins or groups"),
                );
                None
            }
            _ => None,
        }
    }

    fn taps(&mut self, param: &str, items: &[&'a Expr], attached: &Attached, words: &mut AxisWords, value: &'a Expr) -> bool {
        let Some(stage) = attached.stage else {
            self.diags.push(
                Diag::error("cfx::axis::no_taps", value.span, "the taps of this model are not known")
                    .help("name the network where the model is made"),
            );
            return false;
        };
        if self.axes.get(stage).coordinates.as_ref().is_some_and(|c| c.is_empty()) {
            self.diags.push(
                Diag::error("cfx::axis::no_taps", value.span, "this network names no taps")
                    .help("put a label before a step of the network: `stage1: …`"),
            );
            return false;
        }
        if matches!(items, [one] if matches!(&one.kind, ExprKind::Name(n) if n == "all")) {
            words.taps = Some((param.to_string(), stage));
            return true;
        }
        let known: Vec<String> = self.axes.get(stage).coordinates.iter().flatten().map(|c| c.text.clone()).collect();
        let mut picks = Vec::new();
        for item in items {
            let name = match &item.kind {
                ExprKind::Name(n) => n.clone(),
                ExprKind::Text(t) => t.clone(),
                _ => shorten(self.program.sources.text(item.span)),
            };
            if !known.contains(&name) {
                let list: Vec<&str> = known.iter().map(String::as_str).collect();
                self.diags.push(
                    Diag::error("cfx::axis::no_tap", item.span, format!("the network has no tap `{name}`"))
                        .help(nearest_or_list(&name, &list)),
                );
                return false;
            }
            if picks.contains(&Pick::Named(name.clone())) {
                self.diags.push(
                    Diag::error("cfx::axis::doubled", item.span, format!("the tap `{name}` is there twice"))
                        .help("name each tap once"),
                );
                return false;
            }
            picks.push(Pick::Named(name));
        }
        if picks.is_empty() {
            self.diags
                .push(Diag::error("cfx::axis::empty", value.span, "this picks no tap").help("write `at: all`, or name taps"));
            return false;
        }
        let axis = self.axes.part(stage, picks);
        words.taps = Some((param.to_string(), axis));
        // One tap drops the axis, a list keeps it, as in every selection.
        words.one_tap = !matches!(value.kind, ExprKind::List(_));
        true
    }

    /// Decides the axes that are reduced where the call does not say.
    pub(super) fn default_reduces(
        &mut self,
        signature: &Signature,
        inputs: &[(usize, String, Rc<Typed>)],
        union: &[AxisId],
        split: &[AxisId],
        words: &mut AxisWords,
        decided: &mut Vec<(String, Static)>,
        span: Span,
    ) -> bool {
        let Some(i) = signature.takes.iter().position(|t| t.axis == Some(AxisWord::Reduces)) else { return true };
        if words.reduces_given {
            return true;
        }
        let word = match signature.params[i].default.as_ref().map(|d| &d.kind) {
            Some(ExprKind::Name(n)) => n.as_str(),
            _ => "rest",
        };
        let example = inputs.iter().any(|(_, _, v)| v.kind.per_example());
        let free: Vec<AxisId> = union.iter().copied().filter(|a| !split.contains(a)).collect();
        match word {
            "none" => return true,
            "everything" => {
                words.reduced = free;
                words.example = example;
            }
            "rest" if example => words.example = true,
            "rest" => words.reduced = free,
            role => {
                let named: Vec<AxisId> = free
                    .iter()
                    .copied()
                    .filter(|a| self.axes.get(*a).role.word() == role || self.axes.name(*a) == role)
                    .collect();
                match (named.as_slice(), free.as_slice()) {
                    ([one], _) | ([], [one]) => words.reduced = vec![*one],
                    _ => {
                        let names: Vec<String> = free.iter().map(|a| format!("`{}`", self.axes.name(*a))).collect();
                        let param = &signature.params[i].name.name;
                        let (message, help) = if free.is_empty() {
                            (
                                format!("`{}` works along an axis, and this is a single value", signature.name),
                                "give it a value over classes, runs or stages".to_string(),
                            )
                        } else {
                            (
                                format!("`{}` must know along which axis", signature.name),
                                format!("say `{param}: …`, one of {}", names.join(", ")),
                            )
                        };
                        self.diags.push(Diag::error("cfx::axis::which", span, message).help(help));
                        return false;
                    }
                }
            }
        }
        decided.push((signature.params[i].name.name.clone(), words.reduces()));
        true
    }

    pub(super) fn default_taps(&mut self, signature: &Signature, attached: &Attached, words: &mut AxisWords, span: Span) -> bool {
        let Some(i) = signature.takes.iter().position(|t| t.axis == Some(AxisWord::Taps)) else { return true };
        if words.taps.is_some()
            || matches!(signature.params[i].default.as_ref().map(|d| &d.kind), Some(ExprKind::Name(n)) if n == "none")
        {
            return true;
        }
        match attached.stage {
            Some(stage) if self.axes.get(stage).coordinates.as_ref().is_none_or(|c| !c.is_empty()) => {
                words.taps = Some((signature.params[i].name.name.clone(), stage));
                true
            }
            Some(_) => {
                self.diags.push(
                    Diag::error("cfx::axis::no_taps", span, "this network names no taps")
                        .help("put a label before a step of the network: `stage1: …`"),
                );
                false
            }
            None => {
                self.diags.push(
                    Diag::error("cfx::axis::no_taps", span, "the taps of this model are not known")
                        .help("name the network where the model is made"),
                );
                false
            }
        }
    }

    /// Returns the axis that the operation adds.
    pub(super) fn added(
        &mut self,
        signature: &'a Signature,
        parts: &Parts,
        words: &AxisWords,
        span: Span,
    ) -> Result<Option<(String, AxisId)>, ()> {
        for name in &signature.adds {
            if let Some((p, a)) = &words.taps
                && p == name
            {
                return Ok(Some((p.clone(), *a)));
            }
            if name == "files" {
                let axis = Axis { name: "stage".into(), role: Role::Stage, origin: Origin::Call(span), coordinates: None, span };
                return Ok(Some(("at".to_string(), self.axes.intern(axis))));
            }
            let Some(i) = signature.params.iter().position(|p| p.name.name == *name) else { continue };
            if signature.takes[i].setting != Some(SettingType::Int) {
                continue;
            }
            let value = match parts.written.get(name) {
                Some(w) => self.statics().value(w.0, &w.1, &Env::new()),
                None => match &signature.params[i].default {
                    Some(d) => self.statics().value(self.program.module_at(d.span), d, &Env::new()),
                    None => Ok(Static::None),
                },
            };
            let place = parts.written.get(name).map_or(span, |w| w.1.span);
            match value {
                Ok(Static::Number(x)) if x >= 1.0 && x.fract() == 0.0 && x <= 1e6 => {
                    let coordinates = (0..x as usize).map(|k| Coordinate::number(k as f64, k.to_string())).collect();
                    let axis = Axis {
                        name: "bin".into(),
                        role: Role::Count,
                        origin: Origin::Call(span),
                        coordinates: Some(coordinates),
                        span,
                    };
                    return Ok(Some(("at".to_string(), self.axes.intern(axis))));
                }
                Ok(_) => {
                    self.diags.push(
                        Diag::error(
                            "cfx::type::setting",
                            place,
                            format!("`{name}` is the length of an axis: a whole number from 1 to a million"),
                        )
                        .help("write, say, `count: 50`"),
                    );
                    return Err(());
                }
                Err(found) => {
                    self.diags.extend(found);
                    return Err(());
                }
            }
        }
        Ok(None)
    }

    /// Returns the data sets that the coordinates of a declared axis stand for, where they do.
    fn data_sets_of(&self, module: usize, word: &str) -> Option<Rc<Typed>> {
        match self.axis_state.get(&self.program.find(module, word)?)? {
            AxisState::Results(_, typed) if typed.kind == Kind::Dataset => Some(typed.clone()),
            _ => None,
        }
    }

    fn is_axis_of_data_sets(&mut self, module: usize, word: &str) -> bool {
        let Some(def) = self.program.find(module, word) else { return false };
        let axis = matches!(self.program.item(def).kind, ItemKind::Bind { keyword: Keyword::Axis, .. });
        axis && matches!(self.axis(def), AxisState::Results(_, typed) if typed.kind == Kind::Dataset)
    }
}
