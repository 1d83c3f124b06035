//! Declarations of axes: ranges, lists, maps of named values, and bins that a call makes.

use super::axes::{Axis, AxisId, Coordinate, Origin, Role};
use super::checker::{AxisState, Checker};
use super::kind::Kind;
use super::scope::DefId;
use super::static_value::Static;
use super::statics::Env;
use super::typed::written;
use super::typed::{Node, Typed, ValueDecl};
use crate::base::text::shorten;
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{self, BinaryOp, Expr, ExprKind, ItemKind, Keyword};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most coordinates that an axis may have.
const LONGEST_AXIS: usize = 1_000_000;

impl<'a> Checker<'a> {
    /// Checks an axis declaration.
    pub(super) fn axis(&mut self, def: DefId) -> AxisState {
        if let Some(state) = self.axis_state(def) {
            if matches!(state, AxisState::Visiting) {
                let item = self.program().item(def);
                self.say(Diag::error("cfx::name::cycle", item.span, "this axis is made from itself").help("break the circle"));
                return AxisState::Failed;
            }
            return state;
        }
        if self.circular(def) {
            self.set_axis_state(def, AxisState::Failed);
            return AxisState::Failed;
        }
        self.set_axis_state(def, AxisState::Visiting);
        let item = self.program().item(def);
        let ItemKind::Bind { name, value, .. } = &item.kind else { return AxisState::Failed };
        let state = match self.reserved(name) {
            true => AxisState::Failed,
            false => self.axis_of(def, name, value).unwrap_or(AxisState::Failed),
        };
        self.set_axis_state(def, state.clone());
        state
    }

    /// Refuses names of axes that values have by themselves.
    fn reserved(&mut self, name: &ast::Ident) -> bool {
        let what = match name.name.as_str() {
            "class" => "the classes of a data set",
            "example" => "the examples of a data set",
            "stage" => "the stages of a network",
            "epoch" | "snapshot" => "the epochs of a training",
            _ => "",
        };
        if !what.is_empty() {
            let message = format!("`{}` is the name of a built-in axis: {what}", name.name);
            let help = format!("give this axis another name, such as `my_{}`", name.name);
            self.say(Diag::error("cfx::axis::reserved", name.span, message).help(help));
            return true;
        }
        false
    }

    fn axis_of(&mut self, def: DefId, name: &ast::Ident, value: &'a Expr) -> Option<AxisState> {
        let make = |coordinates| Axis {
            name: name.name.clone(),
            role: Role::Declared,
            origin: Origin::Declaration(name.span),
            coordinates: Some(coordinates),
            span: name.span,
        };
        if !self.one_kind(def.module, value) {
            return None;
        }
        if let Some(entries) = self.named_coordinates(def.module, value) {
            if entries.is_empty() {
                self.no_coordinates(name, value.span);
                return None;
            }
            let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
            for (key, _) in &entries {
                if let Some(before) = seen.insert(&key.name, key.span) {
                    self.say(self.doubled_coordinate(&key.name, key.span, before));
                    return None;
                }
            }
            // Results at the coordinates make a value over the axis; settings, networks and recipes do not.
            let results: Vec<bool> = entries.iter().map(|(_, e)| self.is_result(def.module, e)).collect();
            if results.iter().any(|r| *r) {
                let parts: Vec<Rc<Typed>> = entries.iter().map(|(_, e)| self.expr(def.module, e)).collect();
                let id = self.axes_mut().intern(make(entries.iter().map(|(k, _)| Coordinate::named(&k.name)).collect()));
                self.declare_axis(def, id);
                let typed = self.stack(id, parts, value.span)?;
                // Groups of examples that are made anew at each place of other axes nest in these, as bins do.
                if typed.kind == Kind::Dataset {
                    let outer: Vec<AxisId> = typed.axes.iter().copied().filter(|a| *a != id).collect();
                    self.axes_mut().nest(id, &outer);
                }
                return Some(AxisState::Results(id, typed));
            }
            let mut coordinates = Vec::new();
            let mut behind = Vec::new();
            for (key, e) in entries {
                let value = self.statics().value(def.module, e, &Env::new()).ok();
                // The coordinate's name enters streams; what it stands for is what settings see.
                coordinates
                    .push(Coordinate { value: value.or(Some(Static::Word(key.name.clone()))), ..Coordinate::named(&key.name) });
                behind.push(written(def.module, e));
                self.use_names(def.module, e);
            }
            let id = self.axes_mut().intern(make(coordinates));
            self.stand_for(id, behind);
            self.declare_axis(def, id);
            return Some(AxisState::Plain(id));
        }
        match &value.kind {
            ExprKind::Call { .. } => {
                let typed = self.expr(def.module, value);
                if typed.is_error() {
                    return None;
                }
                let added = match &typed.node {
                    Node::Call(call) => call.transfer.added.as_ref().map(|f| f.axis),
                    _ => None,
                };
                let Some(added) = added else {
                    self.say(
                        Diag::error("cfx::axis::no_coordinates", value.span, "this adds no axis")
                            .help("an axis is a range `0..10`, a list, a map of named values, or bins such as `quantile_bins(…, count: 50)`"),
                    );
                    return None;
                };
                self.axes_mut().rename(added, &name.name);
                self.declare_axis(def, added);
                let hidden = ValueDecl {
                    def,
                    keyword: Keyword::Axis,
                    name: name.name.clone(),
                    typed: typed.clone(),
                    doc: None,
                    span: value.span,
                };
                let reference = Typed { node: Node::Value(self.add_value(hidden)), ..(*typed).clone() };
                Some(AxisState::Results(added, Rc::new(reference)))
            }
            _ => {
                let list = match self.coordinates(def.module, value) {
                    Ok(list) => list,
                    Err(e) => {
                        self.say_all(e);
                        return None;
                    }
                };
                let mut seen: BTreeMap<String, Span> = BTreeMap::new();
                for (c, span) in &list {
                    if let Some(before) = seen.insert(c.canonical.clone(), *span) {
                        self.say(self.doubled_coordinate(&c.text, *span, before));
                        return None;
                    }
                }
                if list.is_empty() {
                    self.no_coordinates(name, value.span);
                    return None;
                }
                let id = self.axes_mut().intern(make(list.into_iter().map(|(c, _)| c).collect()));
                self.declare_axis(def, id);
                Some(AxisState::Plain(id))
            }
        }
    }

    /// Checks that the names in a list of coordinates are all words, or all names of networks, recipes and results.
    fn one_kind(&mut self, module: usize, value: &'a Expr) -> bool {
        let ExprKind::List(items) = &value.kind else { return true };
        let (things, others): (Vec<&Expr>, Vec<&Expr>) = items.iter().partition(|i| self.names_thing(module, i));
        let Some(first) = things.first() else { return true };
        for item in &others {
            match &item.kind {
                ExprKind::Name(name) if self.program().find(module, name).is_none() => {
                    let found = self.statics().unknown_name(module, name, item.span);
                    self.say_all(found);
                }
                _ => {
                    let message = "a coordinate is a name here, as the others are";
                    let diag = Diag::error("cfx::axis::coordinate", item.span, message).label(first.span, "this one is a name");
                    self.say(diag.help("give each a name: `{ a: …, b: … }`"));
                }
            }
        }
        others.is_empty()
    }

    /// Returns whether an expression is the name of a network, recipe or result.
    fn names_thing(&self, module: usize, item: &Expr) -> bool {
        let ExprKind::Name(name) = &item.kind else { return false };
        self.program().find(module, name).is_some_and(|def| {
            !matches!(
                self.program().item(def).kind,
                ItemKind::Param(_) | ItemKind::Extern { .. } | ItemKind::Bind { keyword: Keyword::Let | Keyword::Axis, .. }
            )
        })
    }

    fn no_coordinates(&mut self, name: &ast::Ident, span: Span) {
        let diag = Diag::error("cfx::axis::empty", span, format!("the axis `{}` has no coordinates", name.name));
        let text = self.program().sources.text(span);
        let ends = text.split_once("..").and_then(|(a, b)| Some((a.trim().parse::<i64>().ok()?, b.trim().parse::<i64>().ok()?)));
        let help = match ends.filter(|(from, to)| from > to) {
            Some((from, to)) => format!("a range ascends: write `{to}..{from}`, its end excluded"),
            None => "name at least one; the end of a range is excluded: `0..10` has ten coordinates".to_string(),
        };
        self.say(diag.help(help));
    }

    /// Returns coordinates that stand for something, with what they stand for: a map, or a list of names of networks, recipes, results.
    fn named_coordinates(&self, module: usize, value: &'a Expr) -> Option<Vec<(ast::Ident, &'a Expr)>> {
        match &value.kind {
            ExprKind::Map(entries) => Some(entries.iter().map(|(k, e)| (k.clone(), e)).collect()),
            ExprKind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ExprKind::Name(name) if self.names_thing(module, item) => {
                        Some((ast::Ident { name: name.clone(), span: item.span }, item))
                    }
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }

    fn doubled_coordinate(&self, text: &str, span: Span, before: Span) -> Diag {
        Diag::error("cfx::axis::doubled", span, format!("the coordinate `{text}` is given twice"))
            .here("again here")
            .label(before, "first here")
            .help("coordinates are compared by value: `20%` and `0.2` are the same")
    }

    /// Returns things without names as coordinates with some: `{ a: mean(x), b: mean(y) }`.
    pub(super) fn with_names(&self, items: &[Expr]) -> String {
        let named = items.iter().zip('a'..='z').take(3);
        let named = named.map(|(i, letter)| format!("{letter}: {}", shorten(self.program().sources.text(i.span))));
        let more = if items.len() > 3 { ", …" } else { "" };
        format!("{{ {}{more} }}", named.collect::<Vec<_>>().join(", "))
    }

    /// Returns the coordinates of a list or range, each with its place.
    fn coordinates(&self, module: usize, value: &Expr) -> Result<Vec<(Coordinate, Span)>, Diags> {
        let statics = self.statics();
        let whole = |e: &Expr| match statics.value(module, e, &Env::new())? {
            Static::Number(x) if x.fract() == 0.0 => Ok(x.clamp(-9e15, 9e15) as i64),
            _ => {
                Err(Diags::from(Diag::error("cfx::type::setting", e.span, "an end of a range is a whole number").help(format!(
                    "a range counts in steps of one, `0..10`; other coordinates are a list: `[{}]`",
                    shorten(&self.program().sources.text(value.span).replacen("..", ", ", 1))
                ))))
            }
        };
        match &value.kind {
            ExprKind::Range(from, to) => {
                let (from, to) = (whole(from)?, whole(to)?);
                if to.saturating_sub(from) > LONGEST_AXIS as i64 {
                    return Err(Diags::from(
                        Diag::error("cfx::axis::too_long", value.span, "this axis has over a million coordinates")
                            .help("split the experiment"),
                    ));
                }
                Ok((from..to).map(|i| (Coordinate::number(i as f64, i.to_string()), value.span)).collect())
            }
            ExprKind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ExprKind::Name(n) if self.program().find(module, n).is_none() => Ok((Coordinate::named(n), item.span)),
                    ExprKind::Text(t) => Ok((Coordinate::named(t), item.span)),
                    // A network, recipe or result without a name.
                    ExprKind::Call { .. } | ExprKind::Select(..) | ExprKind::Member(..) => Err(Diags::from(
                        Diag::error("cfx::axis::coordinate", item.span, "this coordinate has no name")
                            .help(format!("name it: `{}`", self.with_names(items))),
                    )),
                    _ => match statics.value(module, item, &Env::new())? {
                        Static::Number(x) => {
                            Ok((Coordinate::number(x, self.program().sources.text(item.span).trim().to_string()), item.span))
                        }
                        Static::Word(w) | Static::Text(w) => Ok((Coordinate::named(w), item.span)),
                        Static::Bool(_) => Err(Diags::from(
                            Diag::error("cfx::axis::coordinate", item.span, "a coordinate is a number or a word")
                                .help("name the truth values: `{ on: true, off: false }`"),
                        )),
                        Static::List(_) if items.len() == 1 => Err(Diags::from(
                            Diag::error(
                                "cfx::axis::coordinate",
                                item.span,
                                "a coordinate is a number or a word, and this is a list",
                            )
                            .help(format!(
                                "write it without the brackets around it: `{}`",
                                self.program().sources.text(item.span)
                            )),
                        )),
                        _ => Err(Diags::from(
                            Diag::error("cfx::axis::coordinate", item.span, "a coordinate is a number or a word")
                                .help("name other values: `{ a: …, b: … }`"),
                        )),
                    },
                })
                .collect(),
            ExprKind::Name(_) | ExprKind::Paren(_) => match statics.value(module, value, &Env::new())? {
                Static::List(items) => Ok(items
                    .into_iter()
                    .map(|s| match s {
                        Static::Number(x) => (Coordinate::number(x, format!("{x}")), value.span),
                        other => (Coordinate::named(other.word().unwrap_or("?")), value.span),
                    })
                    .collect()),
                _ => Err(Diags::from(
                    Diag::error("cfx::axis::no_coordinates", value.span, "this is not a list of coordinates")
                        .help("write a range or a list"),
                )),
            },
            ExprKind::Number { .. } => {
                let text = self.program().sources.text(value.span);
                let help = format!("`0..{text}` has the coordinates from 0 to just below {text}, `[{text}]` that one");
                let diag = Diag::error("cfx::axis::no_coordinates", value.span, "this is one number, not a list of coordinates");
                Err(Diags::from(diag.help(help)))
            }
            ExprKind::Binary(BinaryOp::Or, ..) => Err(Diags::from(
                Diag::error("cfx::axis::no_coordinates", value.span, "this is not a list of coordinates").help(format!(
                    "write a list in square brackets: `[{}]`",
                    shorten(&self.program().sources.text(value.span).replace(" or ", ", "))
                )),
            )),
            _ => Err(Diags::from(
                Diag::error("cfx::axis::no_coordinates", value.span, "this is not a list of coordinates")
                    .help("an axis is a range `0..10`, a list `[0%, 20%]`, or a map `{ a: …, b: … }`"),
            )),
        }
    }
}
