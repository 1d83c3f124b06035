//! Calls of built-ins: arguments sorted into inputs, settings and axis words, as the signature says.

use super::axes::AxisId;
use super::bind::bind_args;
use super::carried::names_training;
use super::checker::Checker;
use super::finding::Findings;
use super::kind::Kind;
use super::like::{copied_by_like, none_at};
use super::scope::DefId;
use super::signature::{SettingType, Signature};
use super::static_value::{LARGEST_WHOLE, Static};
use super::statics::{Env, NetworkRef, all_args, shorten};
use super::suggest::operation_elsewhere;
use super::typed::{Node, Typed, Written};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A call's arguments, sorted.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// Inputs by parameter: index, values, whether they were given as a list.
    pub inputs: Vec<(usize, Vec<Rc<Typed>>, bool)>,
    /// Axis words by parameter: index, module, expression.
    pub axis_words: Vec<(usize, usize, &'a Expr)>,
    pub written: BTreeMap<String, Written>,
    pub recipe: Option<Written>,
    pub recipe_source: Option<(usize, &'a Expr)>,
    /// `let`s that settings with results inside were followed through.
    pub inside_lets: Vec<DefId>,
    pub inside: Vec<(Span, String, Rc<Typed>)>,
    pub decided: Vec<(String, Static)>,
    pub seed: Option<Written>,
    /// Axes that settings depend on.
    pub setting_axes: Vec<AxisId>,
    pub networks: Vec<NetworkRef>,
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
            let diag = match &callee.kind {
                ExprKind::Member(base, method) => {
                    let base = shorten(self.program.sources.text(base.span));
                    let help = match operation_elsewhere(&method.name).filter(|_| self.operation(module, &method.name).is_none())
                    {
                        Some(ours) => format!("write {ours}"),
                        None => format!("write `{}({base})`", method.name),
                    };
                    Diag::error("cfx::call::callee", method.span, "values have no methods").help(help)
                }
                _ => Diag::error("cfx::call::callee", callee.span, "only a built-in can be called")
                    .help("write its name before the brackets"),
            };
            self.diags.push(diag);
            return Typed::error(e.span);
        };
        let Some(op) = self.operation(module, name) else {
            self.unknown_callee(module, name, callee.span);
            // Its arguments may hold mistakes of their own.
            self.check_results(module, &args);
            return Typed::error(e.span);
        };
        let signature = &self.program.operations[&op];
        if op == "align" {
            return self.align(module, signature, &args, e);
        }
        let before = self.diags.0.len();
        let typed = self.applied_to(module, name, signature, &args, e, title);
        if typed.is_error()
            && self.diags.0.len() > before
            && let Some(diag) = self.other_order(module, signature, &args)
        {
            self.diags.forget(before, e.span);
            self.diags.push(diag);
        }
        typed
    }

    /// Checks a call of an operation.
    fn applied_to(
        &mut self,
        module: usize,
        name: &str,
        signature: &'a Signature,
        args: &[&'a ast::Arg],
        e: &'a Expr,
        title: Option<&str>,
    ) -> Rc<Typed> {
        let program = self.program;
        if self.wrong_marks(module, signature, args) {
            return Typed::error(e.span);
        }
        let mut parts = Parts::default();
        let mut plain: Vec<&'a ast::Arg> = Vec::new();
        let mut like: Option<BTreeMap<String, (usize, &'a Expr)>> = None;
        let mut seed_axes = Vec::new();
        let mut by_snapshot: Option<&'a Expr> = None;
        let splits = signature.params.iter().any(|p| p.name.name == "by");
        for arg in args.iter().copied() {
            let value = &arg.value;
            match arg.name.as_ref().map(|n| n.name.as_str()) {
                Some("like") => {
                    like = self.like(module, signature, value);
                    if like.is_none() {
                        return Typed::error(e.span);
                    }
                }
                Some("seed") if signature.random => {
                    parts.seed = Some(self.keep(module, value));
                    self.axes_of_static(module, value, &mut seed_axes);
                }
                Some("by") if !splits && matches!(&value.kind, ExprKind::Name(n) if names_training(n)) => {
                    by_snapshot = Some(value)
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
                && signature.takes.iter().any(|other| !other.inputs.is_empty() && !other.inputs.contains(&Kind::Dataset))
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
        let mut bound = bind_args(&required, &plain, name, e.span);
        if let Err(found) = &bound
            && let Some(known) = without_misspelt(signature, &plain, found)
            && let Ok(again) = bind_args(&required, &known, name, e.span)
        {
            let found = std::mem::replace(&mut bound, Ok(again)).err().unwrap_or_default();
            let found = self.without_axis_word(signature, args, found);
            self.diags.extend(program.misplaced(signature, found));
        }
        let bound = match bound {
            Ok(bound) => bound,
            Err(found) => {
                let found = self.without_axis_word(signature, args, found);
                self.diags.extend(program.misplaced(signature, found));
                self.check_results(module, &plain);
                self.check_networks(module, signature, &plain);
                self.check_named_settings(module, signature, &plain);
                self.check_seed(&parts, &seed_axes);
                return Typed::error(e.span);
            }
        };
        let mut failed = false;
        for (i, given) in bound.into_iter().enumerate() {
            let param = &signature.params[i];
            let own = given.map(|g| (module, g));
            let copied = like.as_ref().and_then(|l| l.get(&param.name.name).copied()).filter(|_| copied_by_like(signature, i));
            let Some((from, value)) = own.or(copied) else { continue };
            failed |= !self.argument(signature, i, from, value, &mut parts);
        }
        failed |= !self.recipe_inputs(signature, &mut parts);
        if failed {
            if let Some((module, value)) = parts.recipe_source
                && let Err(found) = self.statics().recipe(module, value, &Env::new())
                && parts.setting_axes.is_empty()
            {
                self.diags.extend(found);
            }
            self.check_settings(signature, &parts.written, &parts.setting_axes);
            self.check_seed(&parts, &seed_axes);
            return Typed::error(e.span);
        }
        if let Some(by) = by_snapshot
            && !self.inputs_by_snapshot(&mut parts.inputs, by)
        {
            return Typed::error(e.span);
        }
        self.seed_fits(&parts, &seed_axes);
        parts.setting_axes.extend(seed_axes);
        if signature.gives == Kind::Figure {
            let mut names = Vec::new();
            for (i, values, list) in &parts.inputs {
                let name = &signature.params[*i].name.name;
                for (j, v) in values.iter().enumerate() {
                    let slot = if *list { format!("{name}.{j}") } else { name.clone() };
                    names.push((slot, Static::Text(shorten(program.sources.text(v.span)))));
                }
            }
            parts.decided.push(("names".to_string(), Static::Map(names)));
            parts.decided.push(("title".to_string(), Static::Text(title.unwrap_or_default().to_string())));
        }
        let (written, axes) = (parts.written.clone(), parts.setting_axes.clone());
        let typed = self.assemble(signature, parts, e.span);
        if typed.is_error() {
            self.check_settings(signature, &written, &axes);
        }
        typed
    }

    /// Checks the settings of a call that is wrong otherwise, for the mistakes of their own.
    fn check_settings(&mut self, signature: &'a Signature, written: &BTreeMap<String, Written>, axes: &[AxisId]) {
        let mut found = Vec::new();
        for env in self.envs(axes) {
            let statics = self.statics();
            for (param, takes) in signature.params.iter().zip(&signature.takes) {
                if let (Some(ty), Some(w)) = (&takes.setting, written.get(&param.name.name))
                    && let Err(wrong) = statics.setting(w.0, ty, &w.1, &env, &[])
                {
                    // A map over coordinates waits for axes that the call did not come to have.
                    found.push(wrong.without_maps());
                }
            }
        }
        found.into_iter().for_each(|f| self.diags.extend(f));
    }

    /// Refuses a seed that is the same everywhere and no whole number: it would be drawn by without a word.
    fn seed_fits(&mut self, parts: &Parts<'a>, axes: &[AxisId]) {
        let Some(seed) = parts.seed.as_ref().filter(|_| axes.is_empty()) else { return };
        match self.statics().value(seed.0, &seed.1, &Env::new()) {
            Ok(Static::Word(_)) => {}
            Ok(Static::Number(x)) if x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(&x) => {}
            Ok(Static::Number(x)) if x > LARGEST_WHOLE => {
                let message = "this seed is larger than whole numbers are exact";
                let diag = Diag::error("cfx::type::setting", seed.1.span, message);
                self.diags.push(diag.help("take one of up to fifteen digits"));
            }
            Ok(_) => {
                let diag = Diag::error("cfx::type::setting", seed.1.span, "a seed is a whole number, zero or more");
                self.diags
                    .push(diag.help("write, say, `seed: 7`; several seeds are an axis: `axis run = 0..5`, then `seed: run`"));
            }
            Err(found) => self.diags.extend(found),
        }
    }

    /// Checks the seed of a call that is wrong otherwise.
    fn check_seed(&mut self, parts: &Parts<'a>, axes: &[AxisId]) {
        let Some(seed) = &parts.seed else { return };
        if let Some(Err(found)) =
            self.envs(axes).iter().map(|env| self.statics().value(seed.0, &seed.1, env)).find(|v| v.is_err())
        {
            self.diags.extend(found);
        }
    }

    /// Checks the named arguments that are settings and nothing else, where the call itself is wrong.
    fn check_named_settings(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg]) {
        let (mut written, mut axes) = (BTreeMap::new(), Vec::new());
        for arg in args {
            let Some(name) = &arg.name else { continue };
            let Some(i) = signature.params.iter().position(|p| p.name.name == name.name) else { continue };
            let takes = &signature.takes[i];
            if let (Some(ty), true) = (&takes.setting, takes.inputs.is_empty() && takes.axis.is_none())
                && !matches!(ty, SettingType::Network | SettingType::Recipe)
                && !self.is_result(module, &arg.value)
            {
                self.axes_of_setting(module, ty, &arg.value, &mut axes);
                written.insert(name.name.clone(), self.keep(module, &arg.value));
            }
        }
        self.check_settings(signature, &written, &axes);
    }

    /// Checks the networks among the arguments of a call that is wrong otherwise.
    fn check_networks(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg]) {
        for (i, arg) in args.iter().enumerate() {
            let at = match &arg.name {
                Some(name) => signature.params.iter().position(|p| p.name.name == name.name),
                None => Some(i),
            };
            if at.and_then(|i| signature.takes.get(i)).is_some_and(|t| t.setting == Some(SettingType::Network)) {
                self.networks(module, &arg.value, &mut Vec::new());
            }
        }
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
        if self.program.find(module, name).is_none() && self.program.is_lost(name) {
            return;
        }
        let variant = self.program.variants.values().find(|v| v.constructors.iter().any(|c| c.name.name == name));
        let diag = match (self.program.find(module, name).map(|d| &self.program.item(d).kind), variant) {
            (Some(ItemKind::Network { .. }), _) => {
                Diag::error("cfx::call::callee", span, format!("`{name}` is a network; it is not called here"))
                    .help(format!("train it: `train({name}, data)`"))
            }
            (Some(_), _) => Diag::error("cfx::call::callee", span, format!("`{name}` is no built-in"))
                .help("only built-ins can be called; values are selected with `[ ]`"),
            (None, Some(v)) => {
                Diag::error("cfx::call::callee", span, format!("`{name}` makes {}, which is a setting", with_article(&v.name)))
                    .help(format!("give it to an argument that takes {}", with_article(&v.name)))
            }
            (None, None) => {
                let all: Vec<&str> = self.program.operations.keys().map(String::as_str).collect();
                let help = match (operation_elsewhere(name), super::suggest::nearest(name, &all)) {
                    (Some(ours), _) => format!("write {ours}"),
                    (None, Some(near)) => format!("did you mean `{near}`?"),
                    (None, None) => "`cfx doc` lists the built-ins".to_string(),
                };
                Diag::error("cfx::name::unknown", span, format!("there is no built-in `{name}`")).help(help)
            }
        };
        self.diags.push(diag);
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
            if items.is_empty() {
                let diag = Diag::error("cfx::axis::empty", value.span, format!("`{name}:` is given nothing"));
                self.diags.push(diag.help("name one value or more"));
                return false;
            }
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
            // Without any network nothing is known of what the call makes.
            if parts.networks.is_empty() {
                return false;
            }
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
    pub(super) fn envs(&self, axes: &[AxisId]) -> Vec<Env> {
        let mut envs = vec![Env::new()];
        for a in axes {
            let Some(coordinates) = &self.axes.get(*a).coordinates else { continue };
            let room = (256 / envs.len().max(1)).max(1);
            envs = envs
                .iter()
                .flat_map(|env| {
                    coordinates.iter().take(room).map(|c| {
                        let mut e = env.clone();
                        e.insert(*a, Rc::new(c.clone()));
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
            (_, ExprKind::If(_, a, b)) => {
                self.inputs_inside(slot, ty, module, a, parts) & self.inputs_inside(slot, ty, module, b, parts)
            }
            (_, ExprKind::Map(entries)) => {
                entries.iter().fold(true, |fine, (_, x)| fine & self.inputs_inside(slot, ty, module, x, parts))
            }
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
}

pub(super) fn misfit(param: &str, op: &str, wanted: &[Kind], v: &Typed) -> Diag {
    let kinds: Vec<String> = wanted.iter().map(|k| k.to_string()).collect();
    // The help lists the fields of a record.
    let kind = match (&v.kind, &v.node) {
        (Kind::Record(_), _) => "record".to_string(),
        (Kind::Group, Node::Static(_, e)) if matches!(e.kind, ExprKind::Text(_)) => "text".to_string(),
        (kind, _) => kind.to_string(),
    };
    let diag = Diag::error(
        "cfx::type::argument",
        v.span,
        format!("`{param}` of `{op}` takes {}, and this is {}", kinds.join(" or "), with_article(&kind)),
    )
    .here(&kind);
    match (&v.kind, wanted.first()) {
        (Kind::Number { .. } | Kind::Truth { .. }, Some(w)) if w.per_example() => {
            let help = "this is one number a cell; numbers per example are, say, `example_loss(m, data)` or `correct(m, data)`";
            diag.help(if matches!(w, Kind::Truth { .. }) { "compare one number per example, as in `score > 0.5`" } else { help })
        }
        (Kind::Record(fields), Some(Kind::Number { .. })) => {
            let names: Vec<String> = fields.iter().map(|(n, _)| format!("`.{n}`")).collect();
            diag.help(format!("take one of its fields: {}", names.join(", ")))
        }
        (Kind::Table, Some(Kind::Number { .. })) => diag.help("take one of its columns: `table.column`"),
        (Kind::Group, Some(Kind::Dataset)) => {
            diag.help("declare a data set and name it: `dataset d = digits()`, or `arrays(\"x.npy\", …)` for files")
        }
        (Kind::Model, Some(Kind::Stages)) => diag.help("read representations off the model: `tap(model, data, at: all)`"),
        (Kind::Dataset, Some(Kind::Stages)) => diag.help("give it representations: `tap(model, data)` or `load_stages(…)`"),
        (Kind::Stages, Some(Kind::Density)) => diag.help("fit a density first: `dp_mixture(stages, by: class)`"),
        _ => diag.help(format!("give it {}", kinds.iter().map(|k| with_article(k)).collect::<Vec<_>>().join(" or "))),
    }
}

fn with_article(word: &str) -> String {
    if word == "stages" || word == "unknown" || word == "text" {
        return word.to_string();
    }
    format!("{} {word}", if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

/// Returns the arguments of a call without those of unknown names, where these are all that is wrong with it and none of them
/// can be meant to change the axes of the result or to be one of its inputs: then what follows from the call can be checked as well.
fn without_misspelt<'a>(signature: &Signature, args: &[&'a ast::Arg], found: &Findings) -> Option<Vec<&'a ast::Arg>> {
    let names: Vec<&str> = signature.params.iter().map(|p| p.name.name.as_str()).collect();
    let plain = |i: usize| signature.takes[i].axis.is_none() && signature.takes[i].inputs.is_empty();
    let harmless = |name: &str| match super::suggest::nearest(name, &names) {
        Some(near) => names.iter().position(|n| *n == near).is_some_and(plain),
        None => signature.takes.iter().all(|t| t.axis.is_none()),
    };
    let unknown = |arg: &&ast::Arg| arg.name.as_ref().is_some_and(|n| !names.contains(&n.name.as_str()));
    let meant = args.iter().filter(|a| unknown(a)).all(|a| a.name.as_ref().is_some_and(|n| harmless(&n.name)));
    (found.only_unknown_arguments() && meant).then(|| args.iter().copied().filter(|a| !unknown(a)).collect())
}
