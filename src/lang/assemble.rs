//! Putting a call together: its inputs and axis words go through the algebra of shapes; what the result is and carries.

use super::axes::{Attached, Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::axis_words::{AxisWords, shape_of};
use super::checker::Checker;
use super::kind::Kind;
use super::library::Names;
use super::meaning::Meaning;
use super::misfit::misfit;
use super::parts::Parts;
use super::shape::{self, Named, Operand, Request, Transfer, What, Word};
use super::signature::{AxisWord, Gathers, Signature};
use super::static_value::Static;
use super::statics::NetworkRef;
use super::typed::{Call, Node, Typed};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{self, Expr};
use std::rc::Rc;

/// An input of a call: its parameter, the name of its slot, its value.
type Input = (usize, String, Rc<Typed>);

impl<'a> Checker<'a> {
    /// Puts a call together. What is wrong with it is said here.
    pub(super) fn assemble(&mut self, signature: &'a Signature, mut parts: Parts<'a>, span: Span) -> Rc<Typed> {
        let ready = self.kinds_fit(signature, &parts) && self.default_data(signature, &mut parts, span);
        if !ready || !self.paired(signature, &parts, span) || !self.meanings_fit(signature, &parts, span) {
            return Typed::error(span);
        }
        self.sides_differ(signature, &parts);
        self.directions_agree(&parts);
        parts.inputs.sort_by_key(|(i, _, _)| *i);
        self.pass_through(signature, &mut parts, span);
        let inputs = slots(signature, &parts);
        let values: Vec<Rc<Typed>> = inputs.iter().map(|(_, _, v)| v.clone()).collect();
        let carries = self.carried(signature, &parts, &values, span);
        let Some(words) = self.axis_words(signature, &parts, &values, &carries, span) else { return Typed::error(span) };
        let Some(fresh) = self.fresh(signature, &parts, span) else { return Typed::error(span) };
        let operand = |(i, _, v): &Input| Operand { param: *i, shape: shape_of(v), gathers: signature.takes[*i].gathers.clone() };
        let request = Request {
            operands: inputs.iter().map(operand).collect(),
            words: words.words.clone(),
            inside: parts.inside.iter().map(|(_, _, v)| v.axes.clone()).collect(),
            settings: parts.setting_axes.clone(),
            fresh,
            carries: carries.clone(),
            keeps: !signature.keeps.is_empty(),
        };
        let transfer = match shape::transfer(self.axes(), &request) {
            Ok(found) => found,
            Err(refusal) => {
                let said: Vec<(usize, usize, &Expr)> = parts.axis_words.clone();
                let place = self.setting_on(&parts, &refusal.what).unwrap_or(span);
                let mut diag = self.refused(signature, &said, &refusal, values.first(), place);
                if let (What::CoordinatesDiffer { .. }, false) = (&refusal.what, words.sets.is_empty()) {
                    diag.help = self.select_behind(values.first(), span).or(diag.help);
                }
                self.say(diag);
                return Typed::error(span);
            }
        };
        if !self.columns_fit(signature, &parts, &transfer, &values) {
            return Typed::error(span);
        }
        self.applied(signature, parts, inputs, &words, carries, transfer, span)
    }

    /// Returns what to write where data sets of an axis's own split a selection along it: the selection behind the call.
    fn select_behind(&self, of: Option<&Rc<Typed>>, call: Span) -> Option<String> {
        let Node::Select { base, .. } = &of?.node else { return None };
        let (call, whole, inner) = (self.program().sources.text(call), of?.span, self.program().sources.text(base.span));
        let (whole, picks) = (self.program().sources.text(whole), self.program().sources.text(whole).strip_prefix(inner)?);
        let turned = call.replacen(whole, inner, 1);
        Some(format!("each of the coordinates has data sets of its own to split by; select behind: `{turned}{picks}`"))
    }

    /// Returns where the setting stands that depends on an axis which cannot be.
    fn setting_on(&mut self, parts: &Parts, what: &What) -> Option<Span> {
        let What::SettingTaken { axis } = what else { return None };
        let whole = self.axes().whole(*axis);
        for written in parts.written.values().chain(&parts.seed) {
            let mut axes = Vec::new();
            self.axes_of_static(written.0, &written.1, &mut axes);
            if axes.contains(&whole) {
                return Some(written.1.span);
            }
        }
        None
    }

    /// Returns whether every input is of a kind that its parameter takes.
    fn kinds_fit(&mut self, signature: &Signature, parts: &Parts) -> bool {
        for (i, values, _) in &parts.inputs {
            let wanted = &signature.takes[*i].inputs;
            if let Some(v) = values.iter().find(|v| !wanted.iter().any(|k| v.kind.fits(k))) {
                self.say(misfit(&signature.params[*i].name.name, &signature.name, wanted, v));
                return false;
            }
        }
        self.branches_fit(signature, parts)
    }

    /// Returns whether inputs of which the result is one are of one kind; a choice for each example is between numbers or truth values.
    fn branches_fit(&mut self, signature: &Signature, parts: &Parts) -> bool {
        let alternative = |i: usize| signature.one_of.contains(&signature.params[i].name.name);
        let values = parts.inputs.iter().filter(|(i, _, _)| alternative(*i)).flat_map(|(_, v, _)| v).collect::<Vec<_>>();
        let [first, others @ ..] = values.as_slice() else { return true };
        let plain = |v: &Typed| matches!(v.kind, Kind::Number { .. } | Kind::Truth { .. });
        let each = parts.inputs.iter().flat_map(|(_, v, _)| v).any(|v| v.kind.per_example());
        for other in others {
            let alike = first.kind.fits(&other.kind) || other.kind.fits(&first.kind);
            let message = match alike {
                true if !each || plain(first) && plain(other) => continue,
                true => format!("a choice for each example is between numbers, and these are of kind {}", first.kind),
                false => format!("one branch is a {}, the other a {}", first.kind, other.kind),
            };
            let diag = Diag::error("cfx::type::branches", other.span, message).label(first.span, format!("{}", first.kind));
            self.say(diag.help("both branches must be of one kind"));
            return false;
        }
        true
    }

    /// Returns whether an operation on pairs is given one side more, by `against:` or by `between:`, and not both.
    fn paired(&mut self, signature: &Signature, parts: &Parts, span: Span) -> bool {
        let Some(between) = signature.takes.iter().position(|t| t.axis == Some(AxisWord::Pairs)) else { return true };
        let against = signature.params.iter().position(|p| p.name.name == "against");
        let given = parts.inputs.iter().find(|(i, _, _)| Some(*i) == against);
        let diag = match (parts.axis_words.iter().find(|(i, _, _)| *i == between), given) {
            (Some((_, _, word)), Some((_, values, _))) => {
                let diag = Diag::error(
                    "cfx::call::both",
                    word.span,
                    "`between:` pairs an axis with itself, and `against:` is another side",
                );
                let diag = values.iter().fold(diag, |d, v| d.label(v.span, "the other side"));
                diag.help("give one of them")
            }
            (None, None) => {
                let message = format!("`{}` compares two sides, and this is one", signature.name);
                Diag::error("cfx::call::missing", span, message)
                    .help("give the other side, `against: …`, or pair an axis with itself, `between: …`")
            }
            _ => return true,
        };
        self.say(diag);
        false
    }

    /// Returns whether two values are one declaration, or written alike.
    pub(super) fn are_same(&self, a: &Typed, b: &Typed) -> bool {
        match (&a.node, &b.node) {
            (Node::Value(a), Node::Value(b)) => a == b,
            _ => self.program().sources.text(a.span) == self.program().sources.text(b.span),
        }
    }

    /// Warns of a comparison of a value with itself.
    fn sides_differ(&mut self, signature: &Signature, parts: &Parts) {
        let is_other = |i: usize| i > 0 && matches!(signature.params[i].name.name.as_str(), "against" | "y");
        let side = |wanted: &dyn Fn(usize) -> bool| match parts.inputs.iter().find(|(i, _, _)| wanted(*i))?.1.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let (Some(one), Some(other)) = (side(&|i| i == 0), side(&is_other)) else { return };
        if one.kind == other.kind && self.are_same(one, other) {
            let diag = Diag::warning("cfx::call::itself", other.span, format!("`{}` compares this with itself", signature.name));
            let pairs = signature.takes.iter().any(|t| t.axis == Some(AxisWord::Pairs));
            let help =
                if pairs { "give it two values, or pair an axis with itself: `between: run`" } else { "give it two values" };
            self.say(diag.label(one.span, "the same").help(help));
        }
    }

    /// Warns where densities and representations meet that were projected by an `svd` each: their numbers are along other directions.
    fn directions_agree(&mut self, parts: &Parts) {
        let reduced = |v: &Typed| {
            let behind = self.behind(v)?;
            let fitted = behind.inputs.iter().find(|(n, ..)| v.kind == Kind::Density && n == "x").map(|(_, x, _)| &**x);
            let rows = if v.kind == Kind::Density { fitted? } else { v };
            let svd = self.behind(rows).filter(|call| call.op == "svd")?;
            svd.inputs.first().map(|(_, x, _)| (std::ptr::from_ref(svd), self.program().sources.text(x.span), v.span))
        };
        let meet = |v: &&Rc<Typed>| matches!(v.kind, Kind::Density | Kind::Stages);
        let all: Vec<_> = parts.inputs.iter().flat_map(|(_, values, _)| values).filter(meet).filter_map(|v| reduced(v)).collect();
        let density = parts.inputs.iter().flat_map(|(_, values, _)| values).any(|v| v.kind == Kind::Density);
        let Some((first, others)) = all.split_first().filter(|_| density) else { return };
        if let Some(other) = others.iter().find(|o| o.0 != first.0 && o.1 != first.1) {
            let message = "these were projected by another `svd`, on directions of its own";
            let help = "reduce all examples at once, and fit within some of them: `dp_mixture(x, within: d.train)`, then \
                        `among(log_density(p, x), d.test)`; or take both without `svd`";
            let diag = Diag::warning("cfx::repr::other_directions", other.2, message);
            self.say(diag.label(first.2, "in the directions of one `svd`").help(help));
        }
    }

    /// Returns what the inputs of a call, its settings and the call itself carry.
    fn carried(&mut self, signature: &Signature, parts: &Parts, values: &[Rc<Typed>], span: Span) -> Attached {
        let mut carries = self.carried_by_all(values, span);
        // A source of examples brings classes of its own.
        if values.is_empty() && matches!(signature.gives, Kind::Dataset | Kind::Stages | Kind::Model) {
            let axis = Axis { name: "class".into(), role: Role::Class, origin: Origin::Classes(span), coordinates: None, span };
            carries.class = Some(self.axes_mut().intern(axis));
        }
        if !parts.networks.is_empty() {
            carries.stage = Some(self.tap_axis(&parts.networks, span));
        }
        carries
    }

    /// Returns whether names that are no axes can be columns of the inputs.
    fn columns_fit(&mut self, signature: &Signature, parts: &Parts, transfer: &Transfer, values: &[Rc<Typed>]) -> bool {
        for (param, named) in &transfer.named {
            let items = parts.axis_words.iter().filter(|(i, _, _)| i == param).flat_map(|(_, _, e)| super::refusals::items(e));
            for (one, item) in named.iter().zip(items) {
                let Named::Column(word) = one else { continue };
                // Where every input is a table whose columns are known, one of them has it, and what is drawn by it is no word.
                let drawn = matches!(signature.params[*param].name.name.as_str(), "y" | "value");
                let field = ast::Ident { name: word.clone(), span: item.span };
                let of_words = |v: &Typed| if drawn { self.of_words(v, &field) } else { None };
                let wrong: Vec<Option<Diag>> =
                    values.iter().map(|v| self.wrong_column(v, word, item.span).or_else(|| of_words(v))).collect();
                if wrong.iter().all(Option::is_some)
                    && let Some(diag) = wrong.into_iter().flatten().next()
                {
                    self.say(diag);
                    return false;
                }
            }
        }
        true
    }

    /// Returns a call whose axes are worked out: its settings, its kind, what it carries.
    fn applied(
        &mut self,
        signature: &'a Signature,
        mut parts: Parts<'a>,
        inputs: Vec<Input>,
        words: &AxisWords,
        carries: Attached,
        transfer: Transfer,
        span: Span,
    ) -> Rc<Typed> {
        let mut taken: Vec<(String, Rc<Typed>, Vec<AxisId>)> = Vec::new();
        for (((_, slot, v), axes), whole) in inputs.into_iter().zip(&transfer.operands).zip(&transfer.whole) {
            let v = if v.axes == *axes { v } else { Rc::new(Typed { axes: axes.clone(), ..(*v).clone() }) };
            taken.push((slot, v, whole.clone()));
        }
        for sets in &transfer.sets {
            let name = &signature.params[sets.param].name.name;
            let found = words.sets.iter().find(|(param, k, _)| (*param, *k) == (sets.param, sets.name));
            if let Some((_, _, typed)) = found {
                taken.push((numbered(name, sets.number.unwrap_or(0)), typed.clone(), sets.whole.clone()));
            }
        }
        // Bins and the like are made anew at each place of the axes that the operation is mapped over.
        if let Some(made) = &transfer.added
            && self.axes().get(made.axis).role == Role::Count
        {
            self.axes_mut().nest(made.axis, &transfer.mapped_axes());
        }
        parts.decided.extend(self.decided(signature, words, &transfer, &taken));
        let places = parts.axis_words.iter().map(|(i, _, e)| (signature.params[*i].name.name.clone(), e.span)).collect();
        let kind = kind_of_result(signature, &transfer, taken.last().map(|(_, v, _)| &v.kind));
        let examples = taken
            .iter()
            .find(|(n, v, _)| n == "data" && v.kind == Kind::Dataset)
            .map(|(_, v, _)| v.clone())
            .or_else(|| taken.iter().find_map(|(_, v, _)| examples_of(v)));
        let (axes, one_tap) = (transfer.axes.clone(), transfer.one_tap);
        let tap = transfer.added.as_ref().map(|f| f.axis).filter(|_| one_tap);
        let call = Call {
            op: signature.name.clone(),
            inputs: taken,
            written: parts.written,
            recipe: parts.recipe,
            inside: parts.inside,
            decided: parts.decided,
            seed: parts.seed,
            places,
            transfer,
        };
        if !self.try_settings(signature, &call) {
            return Typed::error(span);
        }
        let mut attached = carries;
        if signature.carries {
            let Some(own) = self.training_axes(signature, &call, span) else { return Typed::error(span) };
            attached = own.or(&attached);
        } else if kind != Kind::Model || signature.gives == Kind::Model {
            // What is made of a model has one set of weights behind it; only a choice between models is the model still.
            attached.snapshot = None;
            attached.epoch = attached.epoch.filter(|_| kind == Kind::Model || signature.rows.is_some());
        }
        let attached = carried_by(&kind, attached);
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

    /// Returns the settings that the transfer decides: what is reduced, named places, the names of axes that a figure shows.
    fn decided(
        &self,
        signature: &Signature,
        words: &AxisWords,
        transfer: &Transfer,
        inputs: &[(String, Rc<Typed>, Vec<AxisId>)],
    ) -> Vec<(String, Static)> {
        let word = |w: &str| Static::Word(w.to_string());
        let mut out = Vec::new();
        if let Some((i, _)) = words.words.iter().find(|(_, w)| matches!(w, Word::Reduces(_))) {
            // `example`, where examples are taken in. The other axes are those of the slots; their names are for reading, and enter no key.
            let example = if transfer.example { vec![word("example")] } else { Vec::new() };
            out.push((signature.params[*i].name.name.clone(), Static::List(example)));
        }
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let Some(told) = &takes.tells else { continue };
            let given = inputs.iter().find(|(name, ..)| *name == param.name.name);
            if given.is_some_and(|(_, v, _)| self.meaning(v, "", 0).is_some_and(|m| Meaning::named(told) == Some(m))) {
                out.push((told.clone(), Static::Bool(true)));
            }
        }
        for (param, named) in &transfer.named {
            let one = |n: &Named| {
                let (name, role) = match n {
                    Named::Axis(axis) => (self.axes().name(*axis), self.axes().get(*axis).role.word()),
                    Named::Column(name) => (name.as_str(), ""),
                };
                Static::Make("axis".into(), vec![("name".into(), word(name)), ("role".into(), word(role))])
            };
            let name = signature.params[*param].name.name.clone();
            match named.as_slice() {
                [] => {}
                [only] => out.push((name, one(only))),
                several => out.push((name, Static::List(several.iter().map(one).collect()))),
            }
        }
        // Tables and figures show the names of axes that they take in: there, and only there, these enter the key.
        if signature.takes.iter().any(|t| t.gathers == Gathers::All) {
            let shown = inputs.iter().flat_map(|(_, _, whole)| whole).map(|a| word(self.axes().name(*a))).collect();
            out.push(("axes".to_string(), Static::List(shown)));
        }
        out
    }

    /// Adds axes to a list, unless one of them has the name of another that is not it.
    pub(super) fn unite(&mut self, into: &mut Vec<AxisId>, axes: &[AxisId], span: Span) -> bool {
        match shape::unite(self.axes(), into, axes) {
            Ok(()) => true,
            Err(refusal) => {
                let diag = self.refused_at(None, &refusal.what, span);
                self.say(diag);
                false
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
            let Some(first) = self.program().operations.get(op).and_then(|s| s.params.first()) else { continue };
            let mut args = vec![(first.name.name.as_str(), model.clone())];
            for (j, others, _) in parts.inputs.iter().filter(|(j, _, _)| j != i) {
                args.extend(others.iter().map(|o| (signature.params[*j].name.name.as_str(), o.clone())));
            }
            let passed = self.builtin(op, args, Vec::new(), span);
            parts.inputs[k].1 = vec![passed];
        }
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
                self.say(
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
            let item = self.program().item(n.def);
            let Some(network) = super::net::Declared::of(item) else { continue };
            let library = Names { program: self.program(), statics: self.statics() };
            let call = super::net::NetworkCall { network, args: n.args.clone(), span: n.span };
            // A network that contains itself has no taps, which is said of its declaration.
            match super::net::taps(&library, &call) {
                Err(_) if super::net::contains_itself(&library, network) => {}
                Ok(taps) => {
                    for (tap, _) in taps {
                        if !names.contains(&tap) {
                            names.push(tap);
                        }
                    }
                }
                Err(found) => {
                    let program = self.program();
                    let at_use = |diag| program.with_call(diag, n.span, "for this use of the network");
                    self.say_all(Diags::from(found.0.into_iter().map(at_use).collect::<Vec<_>>()));
                }
            }
        }
        origin.sort();
        origin.dedup();
        let coordinates = names.iter().map(Coordinate::named).collect();
        self.axes_mut().intern(Axis {
            name: "stage".into(),
            role: Role::Stage,
            origin: Origin::Taps(origin, names),
            coordinates: Some(coordinates),
            span,
        })
    }

    /// Evaluates the settings at every combination of known coordinates, for their messages; returns whether columns that they name are there.
    fn try_settings(&mut self, signature: &'a Signature, call: &Call) -> bool {
        let mut all = call.transfer.mapped_axes();
        all.extend(call.transfer.added.iter().map(|f| f.axis));
        let open = all.iter().any(|a| self.axes().get(*a).coordinates.is_none());
        let envs = self.envs(&all);
        let mut found = Vec::new();
        for env in &envs {
            if let Err(e) = self.statics().settings(signature, call, env) {
                found.push(if open { e.without_waiting() } else { e });
            }
        }
        found.into_iter().for_each(|f| self.say_all(f));
        self.named_columns_fit(signature, call, &envs)
    }
}

/// Returns the data set that a value's examples come from: itself, where it is one.
fn examples_of(v: &Rc<Typed>) -> Option<Rc<Typed>> {
    if v.kind == Kind::Dataset { Some(v.clone()) } else { v.examples.clone() }
}

/// Returns the inputs of a call with the names of their slots.
fn slots(signature: &Signature, parts: &Parts) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (i, values, list) in &parts.inputs {
        let name = &signature.params[*i].name.name;
        for (j, v) in values.iter().enumerate() {
            inputs.push((*i, if *list { format!("{name}.{j}") } else { name.clone() }, v.clone()));
        }
    }
    inputs
}

/// Returns the name of the slot and setting of a parameter's split: `by`, then `by.1`, …
pub fn numbered(name: &str, number: usize) -> String {
    if number == 0 { name.to_string() } else { format!("{name}.{number}") }
}

/// Returns what the cells of a result hold.
fn kind_of_result(signature: &Signature, transfer: &Transfer, last: Option<&Kind>) -> Kind {
    let has_reduces = signature.takes.iter().any(|t| t.axis == Some(AxisWord::Reduces));
    match &signature.gives {
        Kind::Number { per_example: false } if transfer.example_left => Kind::Number { per_example: true },
        Kind::Truth { per_example: false } if transfer.example_left => Kind::Truth { per_example: true },
        // An operation that averages over examples leaves plain numbers.
        Kind::Number { .. } if transfer.example && has_reduces => Kind::Number { per_example: false },
        // Operations on anything give what they were given: the last of their inputs; one value for each example, where any has one.
        Kind::Unknown => match last.cloned().unwrap_or(Kind::Unknown) {
            Kind::Number { .. } if transfer.example_left => Kind::Number { per_example: true },
            Kind::Truth { .. } if transfer.example_left => Kind::Truth { per_example: true },
            other => other,
        },
        other => other.clone(),
    }
}

/// Returns what values of a kind can carry of what their inputs do: examples have classes, models have taps, and both their training.
fn carried_by(kind: &Kind, attached: Attached) -> Attached {
    let examples = kind.per_example() || matches!(kind, Kind::Dataset | Kind::Stages | Kind::Model | Kind::Unknown);
    let model = matches!(kind, Kind::Model | Kind::Unknown);
    Attached {
        class: attached.class.filter(|_| examples),
        stage: attached.stage.filter(|_| model),
        epoch: attached.epoch.filter(|_| model || *kind == Kind::Table),
        snapshot: attached.snapshot.filter(|_| model),
    }
}
