//! Putting a call together: which axes are mapped, taken in whole, added and kept; what the result is and carries.

use super::axes::{Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::axis_words::AxisWords;
use super::call::{Parts, misfit};
use super::check::Checker;
use super::kind::Kind;
use super::library::Names;
use super::signature::{AxisWord, Gathers, Signature};
use super::static_value::Static;
use super::statics::NetworkRef;
use super::typed::{Call, Node, Typed};
use crate::base::{Diag, Span};
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Puts a call together: axes, kind, what it carries.
    pub(super) fn assemble(&mut self, signature: &'a Signature, mut parts: Parts<'a>, span: Span) -> Rc<Typed> {
        for (i, values, _) in &parts.inputs {
            let wanted = &signature.takes[*i].inputs;
            for v in values {
                if !wanted.iter().any(|k| v.kind.fits(k)) {
                    self.diags.push(misfit(&signature.params[*i].name.name, &signature.name, wanted, v));
                    return Typed::error(span);
                }
            }
        }
        if !self.default_data(signature, &mut parts, span) {
            return Typed::error(span);
        }
        parts.inputs.sort_by_key(|(i, _, _)| *i);
        self.pass_through(signature, &mut parts, span);
        let mut inputs: Vec<(usize, String, Rc<Typed>)> = Vec::new();
        for (i, values, list) in &parts.inputs {
            let name = &signature.params[*i].name.name;
            for (j, v) in values.iter().enumerate() {
                inputs.push((*i, if *list { format!("{name}.{j}") } else { name.clone() }, v.clone()));
            }
        }
        // What is known before the run takes the parts of axes that results have: `m[run: 0..2] * run`.
        let results: Vec<AxisId> =
            inputs.iter().filter(|(_, _, v)| !matches!(v.node, Node::Static(..))).flat_map(|(_, _, v)| v.axes.clone()).collect();
        for (_, _, v) in inputs.iter_mut().filter(|(_, _, v)| matches!(v.node, Node::Static(..))) {
            let axes = self.axes.narrowed(&v.axes, &results);
            if axes != v.axes {
                *v = Rc::new(Typed { axes, ..(**v).clone() });
            }
        }
        let mut union: Vec<AxisId> = Vec::new();
        for (_, _, v) in &inputs {
            if !self.unite(&mut union, &v.axes, span) {
                return Typed::error(span);
            }
        }
        let values: Vec<Rc<Typed>> = inputs.iter().map(|(_, _, v)| v.clone()).collect();
        let mut attached = self.carried_by_all(&values, span);
        // Classes are those of the examples: a data set's, not those a network was trained on.
        let shown = inputs.iter().filter(|(_, _, v)| v.kind == Kind::Dataset).find_map(|(_, _, v)| v.attached.class);
        attached.class = shown.or(attached.class);
        // A source of examples brings classes of its own.
        if inputs.is_empty() && matches!(signature.gives, Kind::Dataset | Kind::Stages | Kind::Model) {
            let axis = Axis { name: "class".into(), role: Role::Class, origin: Origin::Classes(span), coordinates: None, span };
            attached.class = Some(self.axes.intern(axis));
        }
        if !parts.networks.is_empty() {
            attached.stage = Some(self.tap_axis(&parts.networks, span));
        }
        let mut words = AxisWords::default();
        for (i, module, value) in std::mem::take(&mut parts.axis_words) {
            if !self.axis_word(signature, i, module, value, &union, &attached, &mut inputs, &mut words, &mut parts.decided) {
                return Typed::error(span);
            }
        }
        let split_axes: Vec<AxisId> = words.split.iter().map(|(_, a)| *a).chain(words.stays.iter().copied()).collect();
        if !self.default_reduces(signature, &inputs, &union, &split_axes, &mut words, &mut parts.decided, span) {
            return Typed::error(span);
        }
        if !self.default_taps(signature, &attached, &mut words, span) {
            return Typed::error(span);
        }
        let added = match self.added(signature, &parts, &words, span) {
            Ok(added) => added,
            Err(()) => return Typed::error(span),
        };
        // Axes taken in whole, input by input; what is left is mapped over.
        let mut mapped: Vec<AxisId> = Vec::new();
        let mut with_gathers = Vec::new();
        for (i, name, v) in inputs {
            let gathers = &signature.takes[i].gathers;
            // Data sets that places stand for are taken in whole, as figures take everything.
            let places = signature.takes[i].axis == Some(AxisWord::Axis) && signature.takes[i].inputs.is_empty();
            let whole: Vec<AxisId> =
                v.axes.iter().copied().filter(|a| words.reduced.contains(a) || places || self.takes_whole(gathers, *a)).collect();
            let rest: Vec<AxisId> = v.axes.iter().copied().filter(|a| !whole.contains(a)).collect();
            if !self.unite(&mut mapped, &rest, span) {
                return Typed::error(span);
            }
            with_gathers.push((name, v, whole));
        }
        // Tables and figures show the names of axes that they take in: there, and only there, these enter the key.
        if signature.takes.iter().any(|t| t.gathers == Gathers::All) {
            let shown: Vec<AxisId> = with_gathers.iter().flat_map(|(_, _, whole): &(_, _, Vec<AxisId>)| whole.clone()).collect();
            let names = shown.iter().map(|a| Static::Word(self.axes.name(*a).to_string())).collect();
            parts.decided.push(("axes".to_string(), Static::List(names)));
        }
        for (_, _, v) in &parts.inside {
            if !self.unite(&mut mapped, &v.axes.clone(), span) {
                return Typed::error(span);
            }
        }
        let setting_axes: Vec<AxisId> = parts
            .setting_axes
            .iter()
            .map(|s| mapped.iter().copied().find(|m| self.axes.whole(*m) == *s).unwrap_or(*s))
            .filter(|s| !words.reduced.iter().any(|r| self.axes.whole(*r) == *s))
            .collect();
        if !self.unite(&mut mapped, &setting_axes, span) {
            return Typed::error(span);
        }
        // Bins and the like are made anew at each place of the axes that the operation is mapped over.
        if let Some((_, axis)) = &added
            && self.axes.get(*axis).role == Role::Count
        {
            self.axes.nest(*axis, &mapped);
        }
        let mut axes = mapped.clone();
        for a in
            words.split.iter().map(|(_, a)| *a).chain(added.iter().map(|(_, a)| *a)).chain(words.pairs.iter().map(|(_, o)| *o))
        {
            if !axes.contains(&a) {
                axes.push(a);
            }
        }
        let kept: Vec<AxisId> = if signature.keeps.is_empty() { Vec::new() } else { words.reduced.clone() };
        axes.extend(kept.iter().copied());
        let example_left = with_gathers.iter().any(|(_, v, _)| v.kind.per_example()) && !words.example;
        let has_reduces = signature.takes.iter().any(|t| t.axis == Some(AxisWord::Reduces));
        let kind = match &signature.gives {
            Kind::Number { per_example: false } if example_left => Kind::Number { per_example: true },
            Kind::Truth { per_example: false } if example_left => Kind::Truth { per_example: true },
            // An operation that averages over examples leaves plain numbers.
            Kind::Number { .. } if words.example && has_reduces => Kind::Number { per_example: false },
            // Operations on anything give what they were given: the last of their inputs.
            // One value for each example, where any of the inputs has one.
            Kind::Unknown => match with_gathers.last().map_or(Kind::Unknown, |(_, v, _)| v.kind.clone()) {
                Kind::Number { .. } if example_left => Kind::Number { per_example: true },
                Kind::Truth { .. } if example_left => Kind::Truth { per_example: true },
                other => other,
            },
            other => other.clone(),
        };
        let examples = with_gathers
            .iter()
            .find(|(n, v, _)| n == "data" && v.kind == Kind::Dataset)
            .map(|(_, v, _)| v.clone())
            .or_else(|| with_gathers.iter().find_map(|(_, v, _)| examples_of(v)));
        let call = Call {
            op: signature.name.clone(),
            inputs: with_gathers,
            written: parts.written,
            recipe: parts.recipe,
            inside: parts.inside,
            decided: parts.decided,
            split: words.split,
            added,
            pairs: words.pairs,
            kept,
            seed: parts.seed,
            mapped,
        };
        self.try_settings(signature, &call);
        if signature.carries {
            attached = self.training_axes(signature, &call, span).or(&attached);
        } else if kind != Kind::Model || signature.gives == Kind::Model {
            // What is made of a model has one set of weights behind it; only a choice between models is the model still.
            attached.snapshot = None;
            attached.epoch = attached.epoch.filter(|_| kind == Kind::Model || signature.rows.is_some());
        }
        let tap = call.added.as_ref().map(|(_, a)| *a).filter(|_| words.one_tap);
        let typed = Rc::new(Typed { node: Node::Call(Box::new(call)), kind, axes, attached, examples, span });
        match tap {
            Some(axis) => {
                let axes = typed.axes.iter().copied().filter(|a| *a != axis).collect();
                let node = Node::Select { base: typed.clone(), fixed: vec![(axis, Pick::First)], parts: Vec::new() };
                Rc::new(Typed { node, axes, ..(*typed).clone() })
            }
            None => typed,
        }
    }

    /// Returns whether a parameter takes an axis in whole by its signature.
    pub(super) fn takes_whole(&self, gathers: &Gathers, axis: AxisId) -> bool {
        match gathers {
            Gathers::None => false,
            Gathers::All => true,
            Gathers::Some(roles) => {
                let axis = self.axes.get(axis);
                roles.iter().any(|r| r == axis.role.word() || *r == axis.name)
            }
        }
    }

    /// Lets models go through the operation that a parameter names (`through(trial_outcome)`), with the call's other inputs of its names.
    fn pass_through(&mut self, signature: &'a Signature, parts: &mut Parts<'a>, span: Span) {
        for k in 0..parts.inputs.len() {
            let (i, values, _) = &parts.inputs[k];
            let Some(op) = &signature.takes[*i].through else { continue };
            let [model] = values.as_slice() else { continue };
            if model.kind != Kind::Model {
                continue;
            }
            let Some(first) = self.program.operations.get(op).and_then(|s| s.params.first()) else { continue };
            let mut args = vec![(first.name.name.as_str(), model.clone())];
            for (j, others, _) in parts.inputs.iter().filter(|(j, _, _)| j != i) {
                args.extend(others.iter().map(|o| (signature.params[*j].name.name.as_str(), o.clone())));
            }
            let passed = self.builtin(op, args, Vec::new(), span);
            parts.inputs[k].1 = vec![passed];
        }
    }

    /// Adds axes to a list, unless one of them has the name of another that is not it.
    pub(super) fn unite(&mut self, into: &mut Vec<AxisId>, axes: &[AxisId], span: Span) -> bool {
        for a in axes {
            if into.contains(a) {
                continue;
            }
            if let Some(b) = into.iter().copied().find(|b| self.axes.name(*b) == self.axes.name(*a)) {
                let (one, two) = (self.axes.get(b).clone(), self.axes.get(*a).clone());
                let diag = if self.axes.whole(*a) == self.axes.whole(b) {
                    Diag::error(
                        "cfx::axis::coordinates_differ",
                        span,
                        format!("the axis `{}` has different coordinates in the two arguments", one.name),
                    )
                    .help("select the same coordinates on both sides")
                } else {
                    Diag::error("cfx::axis::same_name", span, format!("two axes are called `{}` and are not the same", one.name))
                        .label(one.span, "one comes from here")
                        .label(two.span, "the other from here")
                        .help(format!("if they mean the same, say so: `align(a, b, axis: {})`", one.name))
                };
                self.diags.push(diag);
                return false;
            }
            into.push(*a);
        }
        true
    }

    /// Fills in `data` from the examples that another input carries.
    fn default_data(&mut self, signature: &Signature, parts: &mut Parts, span: Span) -> bool {
        let Some(i) = signature.params.iter().position(|p| p.name.name == "data") else { return true };
        if !signature.takes[i].inputs.contains(&Kind::Dataset) || parts.inputs.iter().any(|(j, _, _)| *j == i) {
            return true;
        }
        match parts.inputs.iter().flat_map(|(_, v, _)| v).find_map(examples_of) {
            Some(found) => parts.inputs.push((i, vec![found], false)),
            None if signature.params[i].default.is_none() => {
                self.diags.push(
                    Diag::error(
                        "cfx::call::missing",
                        span,
                        format!("`{}` needs the data set that the examples come from", signature.name),
                    )
                    .help("give it: `data: …`"),
                );
                return false;
            }
            None => {}
        }
        true
    }

    /// Returns the axis of the taps of networks: those of the first, then what others add.
    fn tap_axis(&mut self, networks: &[NetworkRef], span: Span) -> AxisId {
        let mut names: Vec<String> = Vec::new();
        let mut origin = Vec::new();
        for n in networks {
            origin.push(n.def);
            let item = self.program.item(n.def);
            let Some(network) = super::net::Declared::of(item) else { continue };
            let library = Names { program: self.program, statics: self.statics() };
            let call = super::net::NetworkCall { network, args: n.args.clone(), span: n.span };
            match super::net::taps(&library, &call) {
                Ok(taps) => {
                    for (tap, _) in taps {
                        if !names.contains(&tap) {
                            names.push(tap);
                        }
                    }
                }
                Err(found) => self.diags.extend(found),
            }
        }
        origin.sort();
        origin.dedup();
        let coordinates = names.iter().map(Coordinate::named).collect();
        self.axes.intern(Axis {
            name: "stage".into(),
            role: Role::Stage,
            origin: Origin::Taps(origin, names),
            coordinates: Some(coordinates),
            span,
        })
    }

    /// Evaluates the settings at every combination of known coordinates, for their messages.
    fn try_settings(&mut self, signature: &'a Signature, call: &Call) {
        let all: Vec<AxisId> = call.mapped.iter().copied().chain(call.added.iter().map(|(_, a)| *a)).collect();
        let open = all.iter().any(|a| self.axes.get(*a).coordinates.is_none());
        let envs = self.envs(&all);
        let mut found = Vec::new();
        for env in &envs {
            if let Err(e) = self.statics().settings(signature, call, env) {
                found.extend(e.0.into_iter().filter(|d| !(open && d.code == "cfx::axis::no_entry")));
            }
        }
        found.into_iter().for_each(|d| self.diags.push(d));
    }
}

/// Returns words as a list in a sentence, the first `most` of them.
pub(super) fn at_most(words: &[String], most: usize) -> String {
    let shown = words.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > most { format!("{shown} and {} more", words.len() - most) } else { shown }
}

/// Returns the data set that a value's examples come from: itself, where it is one.
fn examples_of(v: &Rc<Typed>) -> Option<Rc<Typed>> {
    if v.kind == Kind::Dataset { Some(v.clone()) } else { v.examples.clone() }
}
