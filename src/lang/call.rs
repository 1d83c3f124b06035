//! Calls of built-ins: arguments sorted into inputs, settings and axis words, as the signature says.

use super::axes::{Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::bind::bind_args;
use super::check::{AxisState, Checker};
use super::kind::Kind;
use super::library::Names;
use super::scope::DefId;
use super::signature::{AxisWord, Gathers, SettingType, Signature};
use super::static_value::Static;
use super::statics::{Env, NetworkRef, all_args, shorten};
use super::suggest::nearest_or_list;
use super::typed::{Attached, Call, Node, Typed, Written};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A call's arguments, sorted.
#[derive(Default)]
struct Parts<'a> {
    /// Inputs by parameter: index, values, whether they were given as a list.
    inputs: Vec<(usize, Vec<Rc<Typed>>, bool)>,
    /// Axis words by parameter: index, module, expression.
    axis_words: Vec<(usize, usize, &'a Expr)>,
    written: BTreeMap<String, Written>,
    recipe: Option<Written>,
    recipe_source: Option<(usize, &'a Expr)>,
    /// `let`s that settings with results inside were followed through.
    inside_lets: Vec<DefId>,
    inside: Vec<(Span, String, Rc<Typed>)>,
    decided: Vec<(String, Static)>,
    seed: Option<Written>,
    /// Axes that settings depend on.
    setting_axes: Vec<AxisId>,
    networks: Vec<NetworkRef>,
}

impl<'a> Checker<'a> {
    /// Checks a call as written.
    pub(super) fn call(
        &mut self,
        module: usize,
        callee: &'a Expr,
        args: Vec<&'a ast::Arg>,
        e: &'a Expr,
        title: Option<&str>,
    ) -> Rc<Typed> {
        let ExprKind::Name(name) = &callee.kind else {
            self.diags.push(
                Diag::error("cfx::call::callee", callee.span, "only a built-in can be called")
                    .help("write its name before the brackets"),
            );
            return Typed::error(e.span);
        };
        let Some(op) = self.operation(module, name) else {
            self.unknown_callee(module, name, callee.span);
            // Its arguments may hold mistakes of their own.
            self.check_results(module, &args);
            return Typed::error(e.span);
        };
        let program = self.program;
        let signature = &program.operations[&op];
        if op == "align" {
            return self.align(module, signature, &args, e);
        }
        let mut parts = Parts::default();
        let mut plain: Vec<&'a ast::Arg> = Vec::new();
        let mut like: Option<BTreeMap<String, (usize, &'a Expr)>> = None;
        let mut seed_axes = Vec::new();
        for arg in args {
            let value = &arg.value;
            match arg.name.as_ref().map(|n| n.name.as_str()) {
                Some("like") => {
                    like = self.like(module, value, 0);
                    if like.is_none() {
                        return Typed::error(e.span);
                    }
                }
                Some("seed") if signature.random => {
                    parts.seed = Some(self.keep(module, value));
                    self.axes_of_static(module, value, &mut seed_axes);
                }
                _ => plain.push(arg),
            }
        }
        let mut required = signature.params.clone();
        for (p, t) in required.iter_mut().zip(&signature.takes) {
            // The data set may follow from the examples of another input; the names below decide that later.
            if p.name.name == "data"
                && t.inputs.contains(&Kind::Dataset)
                && p.default.is_none()
                && signature.params.len() > 1
                && signature.params[0].name.name != "data"
            {
                p.default = Some(none_at(p.name.span));
            }
            if let Some(like) = &like
                && like.contains_key(&p.name.name)
                && p.default.is_none()
            {
                p.default = Some(none_at(p.name.span));
            }
        }
        let bound = match bind_args(&required, &plain, name, e.span) {
            Ok(bound) => bound,
            Err(found) => {
                self.diags.extend(found);
                self.check_results(module, &plain);
                return Typed::error(e.span);
            }
        };
        let mut failed = false;
        for (i, given) in bound.into_iter().enumerate() {
            let param = &signature.params[i];
            let own = given.map(|g| (module, g));
            let copied = like
                .as_ref()
                .and_then(|l| l.get(&param.name.name).copied())
                .filter(|_| signature.takes[i].inputs.is_empty() || signature.takes[i].axis.is_some());
            let Some((from, value)) = own.or(copied) else { continue };
            failed |= !self.argument(signature, i, from, value, &mut parts);
        }
        failed |= !self.recipe_inputs(signature, &mut parts);
        if failed {
            return Typed::error(e.span);
        }
        parts.setting_axes.extend(seed_axes);
        if signature.gives == Kind::Figure {
            let mut names = Vec::new();
            for (i, values, _) in &parts.inputs {
                let text: Vec<String> = values.iter().map(|v| shorten(program.sources.text(v.span))).collect();
                names.push((signature.params[*i].name.name.clone(), Static::Text(text.join(", "))));
            }
            parts.decided.push(("names".to_string(), Static::Map(names)));
            parts.decided.push(("title".to_string(), Static::Text(title.unwrap_or_default().to_string())));
        }
        self.assemble(signature, parts, e.span)
    }

    /// Checks the arguments that are results, for the mistakes of their own, where the call itself is wrong.
    fn check_results(&mut self, module: usize, args: &[&'a ast::Arg]) {
        for arg in args {
            if self.is_result(module, &arg.value) {
                self.expr(module, &arg.value);
            }
        }
    }

    /// Applies an operator's built-in to results.
    pub(super) fn operator(&mut self, op: &str, args: Vec<Rc<Typed>>, span: Span) -> Rc<Typed> {
        let Some(signature) = self.program.operations.get(op) else { return Typed::error(span) };
        let inputs = args.into_iter().enumerate().map(|(i, a)| (i, vec![a], false)).collect();
        self.assemble(signature, Parts { inputs, ..Parts::default() }, span)
    }

    /// Applies a built-in to named results with settings decided here.
    pub(super) fn builtin(
        &mut self,
        op: &str,
        args: Vec<(&str, Rc<Typed>)>,
        decided: Vec<(String, Static)>,
        span: Span,
    ) -> Rc<Typed> {
        let Some(signature) = self.program.operations.get(op) else { return Typed::error(span) };
        let inputs = args
            .into_iter()
            .filter_map(|(n, a)| signature.params.iter().position(|p| p.name.name == n).map(|i| (i, vec![a], false)))
            .collect();
        self.assemble(signature, Parts { inputs, decided, ..Parts::default() }, span)
    }

    fn unknown_callee(&mut self, module: usize, name: &str, span: Span) {
        let variant = self.program.variants.values().find(|v| v.constructors.iter().any(|c| c.name.name == name));
        let diag = match (self.program.find(module, name).map(|d| &self.program.item(d).kind), variant) {
            (Some(ItemKind::Network { .. }), _) => {
                Diag::error("cfx::call::callee", span, format!("`{name}` is a network; it is not called here"))
                    .help(format!("train it: `train({name}, data)`"))
            }
            (Some(_), _) => Diag::error("cfx::call::callee", span, format!("`{name}` is no built-in"))
                .help("only built-ins can be called; values are selected with `[ ]`"),
            (None, Some(v)) => Diag::error("cfx::call::callee", span, format!("`{name}` makes a {}, which is a setting", v.name))
                .help(format!("give it to an argument that takes a {}", v.name)),
            (None, None) => {
                let all: Vec<&str> = self.program.operations.keys().map(String::as_str).collect();
                let help = match super::suggest::nearest(name, &all) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`cfx doc` lists the built-ins".to_string(),
                };
                Diag::error("cfx::name::unknown", span, format!("there is no built-in `{name}`")).help(help)
            }
        };
        self.diags.push(diag);
    }

    /// Collects the settings of the call that declares a value, as written: `like: p`.
    fn like(&mut self, module: usize, e: &'a Expr, depth: usize) -> Option<BTreeMap<String, (usize, &'a Expr)>> {
        let complain = |c: &mut Self| {
            c.diags.push(
                Diag::error("cfx::call::like", e.span, "`like:` takes the name of a value declared by a call")
                    .help("name a declaration such as `density p = dp_mixture(…)`; its settings are copied as written"),
            );
            None
        };
        let ExprKind::Name(name) = &e.kind else { return complain(self) };
        let Some(def) = self.program.find(module, name) else {
            let diag = self.statics().unknown_name(module, name, e.span);
            self.diags.push(diag);
            return None;
        };
        self.used.insert(def);
        let ItemKind::Bind { value, .. } = &self.program.item(def).kind else { return complain(self) };
        let mut call = value;
        while let ExprKind::Paren(inner) | ExprKind::Select(inner, _) = &call.kind {
            call = inner;
        }
        let ExprKind::Call { callee, args, block } = &call.kind else { return complain(self) };
        let ExprKind::Name(callee) = &callee.kind else { return complain(self) };
        let Some(op) = self.operation(def.module, callee) else { return complain(self) };
        let mut out = BTreeMap::new();
        let mut plain = Vec::new();
        for arg in all_args(args, block) {
            match arg.name.as_ref().map(|n| n.name.as_str()) {
                Some("like") if depth < 32 => out = self.like(def.module, &arg.value, depth + 1)?,
                Some("like" | "seed") => {}
                _ => plain.push(arg),
            }
        }
        let mut params = self.program.operations[&op].params.clone();
        params.iter_mut().for_each(|p| p.default = Some(none_at(p.name.span)));
        for (param, given) in params.iter().zip(bind_args(&params, &plain, callee, call.span).ok()?) {
            if let Some(found) = given {
                out.insert(param.name.name.clone(), (def.module, found));
            }
        }
        Some(out)
    }

    /// Sorts one argument; false where it is wrong.
    fn argument(&mut self, signature: &'a Signature, i: usize, module: usize, value: &'a Expr, parts: &mut Parts<'a>) -> bool {
        let takes = &signature.takes[i];
        let name = &signature.params[i].name.name;
        if matches!(&value.kind, ExprKind::Name(n) if n == "none" && self.program.find(module, n).is_none()) {
            if let Some(ty) = &takes.setting
                && *ty != SettingType::Recipe
            {
                parts.written.insert(name.clone(), self.keep(module, value));
            }
            return true;
        }
        if takes.axis.is_some() && takes.inputs.is_empty() {
            parts.axis_words.push((i, module, value));
            return true;
        }
        if takes.axis.is_some() {
            // Either the name of an axis or a result: a name that is no declared result is an axis.
            let axis = match &value.kind {
                ExprKind::Name(n) => match self.program.find(module, n) {
                    None => true,
                    Some(_) => !self.is_result(module, value) || self.names_axis(module, n, parts),
                },
                _ => false,
            };
            if axis {
                parts.axis_words.push((i, module, value));
                return true;
            }
        }
        let as_input = !takes.inputs.is_empty() && (takes.setting.is_none() || self.is_result(module, value));
        if as_input {
            let items: Vec<&'a Expr> = match &value.kind {
                ExprKind::List(items) if takes.list => items.iter().collect(),
                _ => vec![value],
            };
            let list = takes.list && matches!(value.kind, ExprKind::List(_));
            let typed: Vec<Rc<Typed>> = items.into_iter().map(|x| self.expr(module, x)).collect();
            if typed.iter().any(|t| t.is_error()) {
                return false;
            }
            parts.inputs.push((i, typed, list));
            return true;
        }
        let Some(ty) = &takes.setting else { return true };
        let kept = self.keep(module, value);
        if *ty == SettingType::Recipe {
            parts.recipe = Some(kept);
            parts.recipe_source = Some((module, value));
            self.axes_of_static(module, value, &mut parts.setting_axes);
            return true;
        }
        if *ty == SettingType::Network {
            self.networks(module, value, &mut parts.networks);
        }
        self.axes_of_setting(module, ty, value, &mut parts.setting_axes);
        parts.written.insert(name.clone(), kept);
        if self.has_inputs(ty) {
            return self.inputs_inside(name, ty, module, value, parts);
        }
        true
    }

    /// Returns whether a bare name among arguments means an axis of the inputs seen so far.
    fn names_axis(&self, module: usize, name: &str, parts: &Parts) -> bool {
        let declared = self.program.find(module, name).and_then(|d| self.declared_axes.get(&d));
        parts.inputs.iter().flat_map(|(_, v, _)| v).flat_map(|v| &v.axes).any(|a| Some(&self.axes.whole(*a)) == declared)
    }

    /// Collects the networks that an expression means, at each coordinate of the axes it depends on.
    fn networks(&mut self, module: usize, e: &'a Expr, out: &mut Vec<NetworkRef>) {
        let mut axes = Vec::new();
        self.axes_of_static(module, e, &mut axes);
        for env in self.envs(&axes) {
            match self.statics().network(module, e, &env) {
                Ok(found) if !out.iter().any(|n| n.def == found.def && n.args == found.args) => out.push(found),
                Ok(_) => {}
                Err(found) => self.diags.extend(found),
            }
        }
    }

    /// Returns the combinations of known coordinates of axes, the first 256 of them.
    fn envs(&self, axes: &[AxisId]) -> Vec<Env> {
        let mut envs = vec![Env::new()];
        for a in axes {
            let Some(coordinates) = &self.axes.get(*a).coordinates else { continue };
            let room = (256 / envs.len().max(1)).max(1);
            envs = envs
                .iter()
                .flat_map(|env| {
                    coordinates.iter().take(room).map(|c| {
                        let mut e = env.clone();
                        e.insert(*a, c.clone());
                        e
                    })
                })
                .collect();
        }
        envs
    }

    /// Returns whether settings of a type may refer to results: `record: [accuracy(test)]`.
    pub(super) fn has_inputs(&self, ty: &SettingType) -> bool {
        match ty {
            SettingType::List(of) => self.has_inputs(of),
            SettingType::Either(types) => types.iter().any(|t| self.has_inputs(t)),
            SettingType::Variant(name) => self.program.variants.get(name).is_some_and(|v| {
                v.constructors
                    .iter()
                    .flat_map(|c| &c.params)
                    .any(|p| super::signature::takes(p).is_ok_and(|t| !t.inputs.is_empty()))
            }),
            _ => false,
        }
    }

    /// Checks the results that the fields of a recipe refer to, at each coordinate of the axes it depends on, where the call does not override them.
    fn recipe_inputs(&mut self, signature: &'a Signature, parts: &mut Parts<'a>) -> bool {
        let Some((module, value)) = parts.recipe_source else { return true };
        let mut axes = Vec::new();
        self.axes_of_static(module, value, &mut axes);
        let mut seen: Vec<Span> = Vec::new();
        let mut fine = true;
        for env in self.envs(&axes) {
            // What is wrong with the recipe itself is said where the settings are evaluated.
            let Ok(def) = self.statics().recipe_named(module, value, &env) else { continue };
            let Ok(fields) = super::statics::recipe_fields(self.program, def, value.span) else { continue };
            for (name, (from, field)) in fields {
                let Some(i) = signature.params.iter().position(|p| p.name.name == name) else { continue };
                if let Some(ty) = &signature.takes[i].setting
                    && !parts.written.contains_key(&name)
                    && !seen.contains(&field.span)
                    && self.has_inputs(ty)
                {
                    seen.push(field.span);
                    fine &= self.inputs_inside(&name, ty, from, field, parts);
                }
            }
        }
        fine
    }

    /// Checks the results that a setting refers to.
    fn inputs_inside(&mut self, slot: &str, ty: &SettingType, module: usize, e: &'a Expr, parts: &mut Parts<'a>) -> bool {
        match (ty, &e.kind) {
            (_, ExprKind::Paren(inner)) => self.inputs_inside(slot, ty, module, inner, parts),
            (_, ExprKind::If(_, a, b)) => self.inputs_inside(slot, ty, module, a, parts) & self.inputs_inside(slot, ty, module, b, parts),
            (_, ExprKind::Map(entries)) => entries.iter().fold(true, |fine, (_, x)| fine & self.inputs_inside(slot, ty, module, x, parts)),
            (_, ExprKind::Name(name)) => {
                let program = self.program;
                match program.find(module, name).filter(|d| !parts.inside_lets.contains(d)).map(|d| (d, &program.item(d).kind)) {
                    Some((def, ItemKind::Bind { keyword: ast::Keyword::Let, value, .. })) => {
                        parts.inside_lets.push(def);
                        self.inputs_inside(slot, ty, def.module, value, parts)
                    }
                    _ => true,
                }
            }
            (SettingType::List(of), ExprKind::List(items)) => {
                let mut fine = true;
                for (i, item) in items.iter().enumerate() {
                    fine &= self.inputs_inside(&format!("{slot}.{i}"), of, module, item, parts);
                }
                fine
            }
            (SettingType::Either(types), _) => types.iter().all(|t| self.inputs_inside(slot, t, module, e, parts)),
            (SettingType::Variant(v), ExprKind::Call { callee, args, block }) => {
                let ExprKind::Name(name) = &callee.kind else { return true };
                let program = self.program;
                let Some(constructor) =
                    program.variants.get(v).and_then(|v| v.constructors.iter().find(|c| c.name.name == *name))
                else {
                    return true;
                };
                let Ok(bound) = bind_args(&constructor.params, &all_args(args, block), name, e.span) else { return true };
                let mut fine = true;
                for (param, given) in constructor.params.iter().zip(bound) {
                    let (Ok(takes), Some(given)) = (super::signature::takes(param), given) else { continue };
                    if takes.inputs.is_empty() {
                        continue;
                    }
                    let typed = self.expr(module, given);
                    if typed.is_error() {
                        fine = false;
                    } else if !takes.inputs.iter().any(|k| typed.kind.fits(k)) {
                        self.diags.push(misfit(&param.name.name, name, &takes.inputs, &typed));
                        fine = false;
                    } else {
                        // Several recipes or branches may fill one slot, each in other cells: the number tells them apart, and the plan drops it.
                        let place = format!("{slot}.{}#{}", param.name.name, parts.inside.len());
                        parts.inside.push((given.span, place, typed));
                    }
                }
                fine
            }
            _ => true,
        }
    }

    /// Puts a call together: axes, kind, what it carries.
    fn assemble(&mut self, signature: &'a Signature, mut parts: Parts<'a>, span: Span) -> Rc<Typed> {
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
        let mut inputs: Vec<(usize, String, Rc<Typed>)> = Vec::new();
        for (i, values, list) in &parts.inputs {
            let name = &signature.params[*i].name.name;
            for (j, v) in values.iter().enumerate() {
                inputs.push((*i, if *list { format!("{name}.{j}") } else { name.clone() }, v.clone()));
            }
        }
        // What is known before the run takes the parts of axes that results have: `m[run: 0..2] * run`.
        let results: Vec<AxisId> = inputs.iter().filter(|(_, _, v)| !matches!(v.node, Node::Static(..))).flat_map(|(_, _, v)| v.axes.clone()).collect();
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
        let mut attached = inputs.iter().fold(Attached::default(), |all, (_, _, v)| all.or(&v.attached));
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
            let whole: Vec<AxisId> =
                v.axes.iter().copied().filter(|a| words.reduced.contains(a) || self.takes_whole(gathers, *a)).collect();
            let rest: Vec<AxisId> = v.axes.iter().copied().filter(|a| !whole.contains(a)).collect();
            if !self.unite(&mut mapped, &rest, span) {
                return Typed::error(span);
            }
            with_gathers.push((name, v, whole));
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
        Rc::new(Typed { node: Node::Call(Box::new(call)), kind, axes, attached, examples, span })
    }

    /// Returns whether a parameter takes an axis in whole by its signature.
    fn takes_whole(&self, gathers: &Gathers, axis: AxisId) -> bool {
        match gathers {
            Gathers::None => false,
            Gathers::All => true,
            Gathers::Some(roles) => {
                let axis = self.axes.get(axis);
                roles.iter().any(|r| r == axis.role.word() || *r == axis.name)
            }
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

    fn axis_word(
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
                    decided.push((name.clone(), Static::Word(word.clone())));
                    continue;
                }
                let mut names: Vec<String> = union.iter().map(|a| self.axes.name(*a).to_string()).collect();
                names.extend(attached.class.map(|_| "class".to_string()));
                let list: Vec<&str> = names.iter().map(String::as_str).collect();
                let help = if list.is_empty() { "the arguments have no axes".to_string() } else { nearest_or_list(word, &list) };
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
                    if let Some(AxisState::Results(_, typed)) =
                        self.program.find(module, word).map(|d| self.axis_state.get(&d).cloned()).unwrap_or(None)
                    {
                        inputs.push((i, name.clone(), typed));
                    }
                    if let Some((_, before)) = words.split.replace((name.clone(), axis)) {
                        let message = format!("a value is split by one axis at a time, and `{}` is there already", self.axes.name(before));
                        let help = format!("split by `{}` first, in a declaration of its own", self.axes.name(before));
                        self.diags.push(Diag::error("cfx::axis::two_splits", item.span, message).help(help));
                        return false;
                    }
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
                    let role = self.axes.get(axis).role.word().to_string();
                    let named = self.axes.name(axis).to_string();
                    decided.push((
                        name.clone(),
                        Static::Make(
                            "axis".into(),
                            vec![("name".into(), Static::Word(named)), ("role".into(), Static::Word(role))],
                        ),
                    ));
                }
            }
        }
        if signature.takes[i].axis == Some(AxisWord::Reduces) {
            decided.push((name, words.reduces()));
        }
        true
    }

    fn axis_names(&self, union: &[AxisId], attached: &Attached) -> String {
        let mut names: Vec<String> = union.iter().map(|a| format!("`{}`", self.axes.name(*a))).collect();
        for a in [attached.class, attached.stage].into_iter().flatten() {
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
        let carried = [attached.class, attached.stage]
            .into_iter()
            .flatten()
            .find(|a| self.axes.name(*a) == word || self.axes.get(*a).role.word() == word);
        if carried.is_some() && matches!(kind, Some(AxisWord::Splits | AxisWord::Axis)) {
            return carried;
        }
        if !matches!(kind, Some(AxisWord::Splits)) {
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
        true
    }

    /// Decides the axes that are reduced where the call does not say.
    fn default_reduces(
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

    fn default_taps(&mut self, signature: &Signature, attached: &Attached, words: &mut AxisWords, span: Span) -> bool {
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
    fn added(
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

    /// Checks `align(a, b, axis: class)`: b over a's axis of that name.
    fn align(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg], e: &'a Expr) -> Rc<Typed> {
        let bound = match bind_args(&signature.params, args, "align", e.span) {
            Ok(b) => b,
            Err(found) => {
                self.diags.extend(found);
                return Typed::error(e.span);
            }
        };
        let [Some(a), Some(b), Some(axis)] = bound.as_slice() else { return Typed::error(e.span) };
        let (a, b) = (self.expr(module, a), self.expr(module, b));
        if a.is_error() || b.is_error() {
            return Typed::error(e.span);
        }
        let ExprKind::Name(word) = &axis.kind else {
            self.diags
                .push(Diag::error("cfx::axis::word", axis.span, "`axis:` takes the name of an axis").help("write `axis: class`"));
            return Typed::error(e.span);
        };
        let of = |c: &Self, t: &Typed| {
            t.axes
                .iter()
                .copied()
                .chain([t.attached.class, t.attached.stage].into_iter().flatten())
                .find(|x| c.axes.name(*x) == word)
        };
        let (Some(to), Some(from)) = (of(self, &a), of(self, &b)) else {
            self.diags.push(
                Diag::error("cfx::axis::unknown", axis.span, format!("not both values have an axis `{word}`"))
                    .help("name an axis that both have"),
            );
            return Typed::error(e.span);
        };
        let swap = |x: AxisId| if x == from { to } else { x };
        let axes = b.axes.iter().map(|x| swap(*x)).collect();
        let attached = Attached { class: b.attached.class.map(swap), stage: b.attached.stage.map(swap) };
        let (kind, examples) = (b.kind.clone(), b.examples.clone());
        Rc::new(Typed { node: Node::Align { base: b, from, to }, kind, axes, attached, examples, span: e.span })
    }
}

/// What the axis words of a call come to.
#[derive(Default)]
struct AxisWords {
    split: Option<(String, AxisId)>,
    /// Axes named by `by:` that the input has already: they stay.
    stays: Vec<AxisId>,
    reduced: Vec<AxisId>,
    reduces_given: bool,
    example: bool,
    pairs: Vec<(AxisId, AxisId)>,
    taps: Option<(String, AxisId)>,
}

impl AxisWords {
    /// Returns the setting of an axis word that reduces: `example`, where examples are taken in. The other axes are those of the slots;
    /// their names are for reading, and enter no key.
    fn reduces(&self) -> Static {
        Static::List(if self.example { vec![Static::Word("example".into())] } else { Vec::new() })
    }
}

/// Returns the data set that a value's examples come from: itself, where it is one.
fn examples_of(v: &Rc<Typed>) -> Option<Rc<Typed>> {
    if v.kind == Kind::Dataset { Some(v.clone()) } else { v.examples.clone() }
}

fn misfit(param: &str, op: &str, wanted: &[Kind], v: &Typed) -> Diag {
    let kinds: Vec<String> = wanted.iter().map(|k| k.to_string()).collect();
    let diag = Diag::error(
        "cfx::type::argument",
        v.span,
        format!("`{param}` of `{op}` takes {}, and this is {}", kinds.join(" or "), with_article(&v.kind.to_string())),
    )
    .here(v.kind.to_string());
    match (&v.kind, wanted.first()) {
        (Kind::Record(fields), Some(Kind::Number { .. })) => {
            let names: Vec<String> = fields.iter().map(|(n, _)| format!("`.{n}`")).collect();
            diag.help(format!("take one of its fields: {}", names.join(", ")))
        }
        (Kind::Model, Some(Kind::Stages)) => diag.help("read representations off the model: `tap(model, data, at: all)`"),
        (Kind::Dataset, Some(Kind::Stages)) => diag.help("give it representations: `tap(model, data)` or `load_stages(…)`"),
        (Kind::Stages, Some(Kind::Density)) => diag.help("fit a density first: `dp_mixture(stages, by: class)`"),
        _ => diag.help(format!("give it {}", kinds.iter().map(|k| with_article(k)).collect::<Vec<_>>().join(" or "))),
    }
}

fn with_article(word: &str) -> String {
    if word == "stages" || word == "unknown" {
        return word.to_string();
    }
    format!("{} {word}", if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

fn none_at(span: Span) -> Expr {
    Expr { kind: ExprKind::Name("none".to_string()), span }
}
