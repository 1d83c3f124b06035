//! Axes that a model carries from its training: the epochs of its history, and the epochs after which its weights are kept.

use super::axes::{Attached, Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::checker::Checker;
use super::finding::Findings;
use super::kind::Kind;
use super::shape::{Fresh, Source, Transfer};
use super::signature::Signature;
use super::static_value::Static;
use super::suggest::{at_most, nearest};
use super::typed::{Call, Node, Typed};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind, Keyword};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

#[cfg(test)]
mod tests;

/// The operation that gives a model the weights it had after an epoch.
const SNAPSHOT: &str = "snapshot";

/// What to do about epochs that `snapshots` cannot name.
pub const SNAPSHOTS_HELP: &str =
    "epochs count from 0, the initial weights, to the last one: `snapshots: [0, 5, last]`, or `snapshots: every(5)`";

/// Most epochs that a history may have to be an axis.
const LONGEST: f64 = 1e6;

/// Returns the epochs that the setting `snapshots` names, ascending: a list, in which `last` is the last epoch, or `every(n)`.
///
/// Errors: a sentence about an epoch that training does not reach, one below 0, or a step of 0.
pub fn named_epochs(snapshots: &Static, epochs: usize) -> Result<Vec<usize>, String> {
    let epoch = |s: &Static| if s.word() == Some("last") { Some(epochs) } else { s.number().map(|x| x as usize) };
    let named: BTreeSet<usize> = match snapshots {
        Static::List(items) => items.iter().filter_map(epoch).collect(),
        Static::Make(_, fields) => {
            let step = fields.iter().find_map(|(n, v)| if n == "epochs" { v.number() } else { None }).unwrap_or(0.0);
            if step < 1.0 {
                return Err("`every` takes a number of epochs, 1 or more".to_string());
            }
            (1..=epochs).filter(|e| e % (step as usize) == 0).collect()
        }
        _ => BTreeSet::new(),
    };
    let below = |s: &Static| s.number().is_some_and(|x| x < 0.0);
    if matches!(snapshots, Static::List(items) if items.iter().any(below)) {
        return Err("a snapshot before the beginning: epochs count from 0, the initial weights".to_string());
    }
    match named.last().filter(|e| **e > epochs) {
        Some(late) => Err(format!("a snapshot after epoch {late} where training ends after {epochs}")),
        None => Ok(named.into_iter().collect()),
    }
}

/// Returns the epochs after which a model has its weights, ascending: those that `snapshots` names, and the last one.
///
/// Errors: as [`named_epochs`].
pub fn kept_epochs(snapshots: &Static, epochs: usize) -> Result<Vec<usize>, String> {
    let mut kept = named_epochs(snapshots, epochs)?;
    if kept.last() != Some(&epochs) {
        kept.push(epochs);
    }
    Ok(kept)
}

impl<'a> Checker<'a> {
    /// Returns the axes that a training run carries, the epochs of its history and those of kept weights: of all its cells together,
    /// where its settings depend on axes. Nothing where these settings are wrong, which has been said: what is carried is not known then.
    pub(super) fn training_axes(&mut self, signature: &'a Signature, call: &Call, span: Span) -> Option<Attached> {
        let mut axes = Vec::new();
        let written = ["epochs", "snapshots"].iter().filter_map(|n| call.written.get(*n)).chain(&call.recipe);
        for w in written.cloned().collect::<Vec<_>>() {
            self.axes_of_static(w.0, &w.1, &mut axes);
            // A map stands for an entry at each coordinate of an axis that it does not name.
            if self.has_map(w.0, &w.1) {
                axes.extend(call.transfer.mapped_axes().into_iter().filter(|a| !axes.contains(a)).collect::<Vec<_>>());
            }
        }
        if let Some(recipe) = &call.recipe
            && self
                .statics()
                .recipe(recipe.0, &recipe.1, &Default::default())
                .is_ok_and(|f| f.values().any(|(m, e)| self.has_map(*m, e)))
        {
            axes.extend(call.transfer.mapped_axes().into_iter().filter(|a| !axes.contains(a)).collect::<Vec<_>>());
        }
        let (mut last, mut kept) = (0, BTreeSet::new());
        for env in self.envs(&axes) {
            let statics = self.statics();
            let settings = ["epochs", "snapshots"].map(|name| statics.single(signature, call, name, &env));
            let (epochs, snapshots) = match settings {
                [Ok(epochs), Ok(snapshots)] => (epochs, snapshots),
                // What is wrong with a setting was said where all settings were tried, unless it waits for a coordinate.
                [one, other] => {
                    let found = [one.err(), other.err()].into_iter().flatten();
                    match found.map(Findings::without_waiting).all(|f| f.0.is_empty()) {
                        true => continue,
                        false => return None,
                    }
                }
            };
            let Some((Static::Number(epochs), _)) = epochs else { continue };
            if !(0.0..=LONGEST).contains(&epochs) {
                continue;
            }
            let (snapshots, place) = snapshots.unwrap_or((Static::None, span));
            last = last.max(epochs as usize);
            match kept_epochs(&snapshots, epochs as usize) {
                Ok(found) => kept.extend(found),
                Err(message) => {
                    let diag = Diag::error("cfx::train::setting", place, message);
                    self.say(diag.help(SNAPSHOTS_HELP));
                    return None;
                }
            }
        }
        if kept.is_empty() {
            return Some(Attached::default());
        }
        let mut make = |role: Role, origin, epochs: Vec<usize>| {
            let coordinates = epochs.into_iter().map(|e| Coordinate::number(e as f64, e.to_string())).collect();
            self.axes_mut().intern(Axis { name: role.word().into(), role, origin, coordinates: Some(coordinates), span })
        };
        Some(Attached {
            epoch: Some(make(Role::Epoch, Origin::Epochs(span), (1..=last).collect())),
            snapshot: Some(make(Role::Snapshot, Origin::Snapshots(span), kept.into_iter().collect())),
            ..Attached::default()
        })
    }

    /// Returns whether a map is written in an expression outside calls, or in a `let` that it names.
    fn has_map(&self, module: usize, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Map(_) => true,
            ExprKind::Paren(x) | ExprKind::Unary(_, x) => self.has_map(module, x),
            ExprKind::Binary(_, a, b) => self.has_map(module, a) || self.has_map(module, b),
            ExprKind::If(_, a, b) => self.has_map(module, a) || self.has_map(module, b),
            ExprKind::List(items) => items.iter().any(|x| self.has_map(module, x)),
            ExprKind::Name(name) => self.program().find(module, name).is_some_and(|def| {
                let ItemKind::Bind { keyword: Keyword::Let, value, .. } = &self.program().item(def).kind else { return false };
                matches!(value.kind, ExprKind::Map(_))
            }),
            _ => false,
        }
    }

    /// Returns what several values side by side carry. Models of several training runs carry the epochs of all of them.
    pub(super) fn carried_by_all(&mut self, values: &[Rc<Typed>], span: Span) -> Attached {
        let mut all = values.iter().fold(Attached::default(), |all, v| all.or(&v.attached));
        all.class = self.classes_together(values, span);
        all.epoch = self.together(values.iter().filter_map(|v| v.attached.epoch).collect(), span);
        all.snapshot = self.together(values.iter().filter_map(|v| v.attached.snapshot).collect(), span);
        all
    }

    /// Returns the classes of values side by side: those of the data sets among them, not those that a network was trained on, where there
    /// are data sets. Several class axes stand for one that nothing can be split by.
    fn classes_together(&mut self, values: &[Rc<Typed>], span: Span) -> Option<AxisId> {
        let of = |wanted: &dyn Fn(&Typed) -> bool| -> Vec<AxisId> {
            let mut found: Vec<AxisId> = values.iter().filter(|v| wanted(v)).filter_map(|v| v.attached.class).collect();
            found.dedup();
            found
        };
        let mut classes = of(&|v| v.kind == Kind::Dataset);
        if classes.is_empty() {
            classes = of(&|v| v.kind != Kind::Model);
        }
        if classes.is_empty() {
            classes = of(&|_| true);
        }
        let first = *classes.first()?;
        if classes.iter().all(|c| *c == first) {
            return Some(first);
        }
        let axis = Axis { origin: Origin::Several(classes), coordinates: None, span, ..self.axes().get(first).clone() };
        Some(self.axes_mut().intern(axis))
    }

    fn together(&mut self, axes: Vec<AxisId>, span: Span) -> Option<AxisId> {
        let first = *axes.first()?;
        if axes.iter().all(|a| *a == first) {
            return Some(first);
        }
        let mut coordinates: BTreeMap<u64, Coordinate> = BTreeMap::new();
        for c in axes.iter().flat_map(|a| self.axes().get(*a).coordinates.iter().flatten()) {
            if let Some(Static::Number(epoch)) = c.value {
                coordinates.insert(epoch as u64, c.clone());
            }
        }
        let coordinates = Some(coordinates.into_values().collect());
        let axis = Axis { origin: Origin::Several(axes), coordinates, span, ..self.axes().get(first).clone() };
        Some(self.axes_mut().intern(axis))
    }

    /// Returns the model over some of its snapshots, over all where none are named.
    pub(super) fn over_snapshots(
        &mut self,
        model: Rc<Typed>,
        picks: Option<Vec<Pick>>,
        span: Span,
    ) -> Option<(Rc<Typed>, AxisId)> {
        let mut axis = model.attached.snapshot?;
        if let Some(picks) = picks {
            axis = self.axes_mut().part(axis, picks);
        }
        let mut axes = model.axes.clone();
        axes.push(axis);
        let call = Call {
            op: SNAPSHOT.to_string(),
            inputs: vec![("m".to_string(), model.clone(), Vec::new())],
            transfer: Transfer {
                operands: vec![model.axes.clone()],
                whole: vec![Vec::new()],
                mapped: model.axes.iter().map(|a| (*a, Source::Operand(0))).collect(),
                added: Some(Fresh { name: "epoch".to_string(), axis }),
                axes: axes.clone(),
                ..Transfer::default()
            },
            ..Call::default()
        };
        let attached = Attached { snapshot: None, ..model.attached.clone() };
        let node = Node::Call(Box::new(call));
        Some((Rc::new(Typed { node, axes, attached, span, ..(*model).clone() }), axis))
    }

    /// Brings out the snapshots that a selection of a model names: `m[snapshot: 5]`, `m[epoch: [1, last]]`.
    ///
    /// Returns the model over them, and the axis where it is to be dropped. `last` alone is the model as it ended, whenever that was.
    /// An error has been told where there is nothing.
    pub(super) fn selected_snapshots(
        &mut self,
        module: usize,
        model: &Rc<Typed>,
        name: &ast::Ident,
        value: &'a Expr,
        span: Span,
    ) -> Option<(Rc<Typed>, Option<AxisId>)> {
        let Some(axis) = model.attached.snapshot else {
            let message = format!("this model carries no axis `{}`", name.name);
            let help = "snapshots are kept by `train`; other models, and snapshots themselves, have their weights and no others";
            self.say(Diag::error("cfx::axis::unknown", name.span, message).help(help));
            return None;
        };
        if is_all(value) {
            return self.over_snapshots(model.clone(), None, span).map(|(over, _)| (over, None));
        }
        let (picks, keep) = self.picks(module, value, model)?;
        let known: Vec<String> = self.axes().get(axis).coordinates.iter().flatten().map(|c| c.text.clone()).collect();
        let missing =
            |c: &Self, p: &Pick| c.axes().get(axis).coordinates.as_ref().is_some_and(|all| super::axes::find(all, p).is_none());
        if let Some(pick) = picks.iter().find(|p| missing(self, p)) {
            let message = match pick {
                Pick::Named(word) => format!("the axis `{}` has no coordinate `{word}`", name.name),
                _ => format!("the weights after epoch {pick} are not kept"),
            };
            let near = nearest(&pick.to_string(), &["first", "last", "all"]);
            let help = match near {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!(
                    "kept are those after epochs {}; name more in `snapshots:` of the training, or write `every(5)` there",
                    at_most(&known, 14)
                ),
            };
            self.say(Diag::error("cfx::axis::no_coordinate", value.span, message).help(help));
            return None;
        }
        if picks.is_empty() {
            let diag = Diag::error("cfx::axis::empty", value.span, "this selects nothing");
            self.say(diag.help("name one coordinate or more"));
            return None;
        }
        if !keep && picks == [Pick::Last] {
            let attached = Attached { snapshot: None, ..model.attached.clone() };
            return Some((Rc::new(Typed { attached, span, ..(**model).clone() }), None));
        }
        let (over, axis) = self.over_snapshots(model.clone(), Some(picks), span)?;
        Some((over, (!keep).then_some(axis)))
    }

    /// Brings the snapshots of all models among inputs out: `by: snapshot`, where the operation itself splits nothing.
    pub(super) fn inputs_by_snapshot(&mut self, inputs: &mut [(usize, Vec<Rc<Typed>>, bool)], by: &Expr) -> bool {
        let mut found = false;
        for value in inputs.iter_mut().flat_map(|(_, values, _)| values) {
            if value.kind == Kind::Model
                && let Some((over, _)) = self.over_snapshots(value.clone(), None, value.span)
            {
                *value = over;
                found = true;
            }
        }
        if !found {
            let diag = Diag::error("cfx::axis::unknown", by.span, "no model here carries snapshots");
            self.say(diag.help("give it a model that `train` makes: `snapshots: every(5)` keeps weights on the way"));
        }
        found
    }
}

/// Returns whether an expression is the word `all`.
pub(super) fn is_all(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Name(n) if n == "all")
}

/// Returns whether a name is that of an axis which models carry.
pub(super) fn names_training(name: &str) -> bool {
    matches!(name, "snapshot" | "epoch")
}
