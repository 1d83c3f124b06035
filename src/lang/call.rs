//! Calls of built-ins: arguments sorted into inputs, settings and axis words, as the signature says.

use super::bind::{SEED, after_named, bind_args, misspelt_seed, with_seed};
use super::carried::names_training;
use super::checker::Checker;
use super::finding::Findings;
use super::kind::Kind;
use super::like::{copied_by_like, none_at};
use super::parts::Parts;
use super::signature::Signature;
use super::static_value::Static;
use super::statics::Env;
use super::suggest::{is_package, operation_elsewhere};
use super::typed::Typed;
use crate::base::text::{shorten, with_article};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::collections::BTreeMap;
use std::rc::Rc;

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
                    let help = self.in_place_of_method(module, base, &method.name, &args);
                    Diag::error("cfx::call::callee", method.span, "values have no methods").help(help)
                }
                _ => Diag::error("cfx::call::callee", callee.span, "only a built-in can be called")
                    .help("write its name before the brackets"),
            };
            self.say(diag);
            return Typed::error(e.span);
        };
        let Some(op) = self.operation(module, name) else {
            self.unknown_callee(module, name, callee.span);
            // Its arguments may hold mistakes of their own.
            self.check_results(module, &args);
            return Typed::error(e.span);
        };
        let signature = &self.program().operations[&op];
        if op == "align" {
            return self.align(module, signature, &args, e);
        }
        if op == "only" {
            return self.only(module, signature, &args, e);
        }
        let before = self.said();
        let typed = self.applied_to(module, name, signature, &args, e, title);
        if self.said() > before
            && let Some(diag) = self.other_order(module, signature, &args)
        {
            self.take_back(before, e.span);
            self.say(diag);
            return Typed::error(e.span);
        }
        typed
    }

    /// Says that `seed` is misspelt where an argument's name is near it. It counts as the seed then.
    fn is_misspelt_seed(&mut self, signature: &Signature, arg: &ast::Arg) -> bool {
        let Some(name) = &arg.name else { return false };
        let found = misspelt_seed(&signature.params, &signature.name, &name.name, name.span);
        let misspelt = found.is_some();
        found.into_iter().for_each(|f| self.say_all(Findings::from(f)));
        misspelt
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
        let program = self.program();
        if self.wrong_marks(module, signature, args) {
            return Typed::error(e.span);
        }
        let mut parts = Parts::default();
        let mut plain: Vec<&'a ast::Arg> = Vec::new();
        let mut like: Option<BTreeMap<String, (usize, &'a Expr)>> = None;
        let mut seed_axes = Vec::new();
        let mut by_snapshot: Option<&'a Expr> = None;
        let splits = signature.params.iter().any(|p| p.name.name == "by");
        // What is taken here is named, and no positional argument follows it.
        let late = args.windows(2).position(|w| w[0].name.is_some() && w[1].name.is_none() && !binds(signature, w[0]));
        if let Some(at) = late {
            self.say_all(Findings::from(after_named(&signature.params, name, args[at], &args[at + 1..], false)));
            return Typed::error(e.span);
        }
        for arg in args.iter().copied() {
            let value = &arg.value;
            match arg.name.as_ref().map(|n| n.name.as_str()) {
                Some("like") => {
                    like = self.like(module, signature, value);
                    if like.is_none() {
                        return Typed::error(e.span);
                    }
                }
                Some(word) if signature.random && (word == SEED || self.is_misspelt_seed(signature, arg)) => {
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
        let seeded = |found| if signature.random { with_seed(found, name) } else { found };
        let mut bound = bind_args(&required, &plain, name, e.span).map_err(seeded);
        if let Err(found) = &bound
            && let Some(known) = without_misspelt(signature, &plain, found)
            && let Ok(again) = bind_args(&required, &known, name, e.span)
        {
            let found = std::mem::replace(&mut bound, Ok(again)).err().unwrap_or_default();
            let found = self.without_axis_word(signature, args, found);
            self.say_all(program.misplaced(signature, found));
        }
        let bound = match bound {
            Ok(bound) => bound,
            Err(found) => {
                let found = self.without_axis_word(signature, args, found);
                self.say_all(program.misplaced(signature, found));
                self.check_results(module, &plain);
                self.check_networks(module, signature, &plain);
                self.check_named_settings(module, signature, &plain);
                self.check_seed(&parts, &seed_axes);
                return Typed::error(e.span);
            }
        };
        let mut failed = false;
        let mut given = Vec::new();
        for (i, argument) in bound.into_iter().enumerate() {
            let param = &signature.params[i];
            let own = argument.map(|g| (module, g));
            let copied = like.as_ref().and_then(|l| l.get(&param.name.name).copied()).filter(|_| copied_by_like(signature, i));
            let Some((from, value)) = own.or(copied) else { continue };
            given.push((i, from, value));
            failed |= !self.argument(signature, i, from, value, &mut parts);
        }
        failed |= !self.recipe_inputs(signature, &mut parts);
        if failed {
            if let Some((module, value)) = parts.recipe_source
                && let Err(found) = self.statics().recipe(module, value, &Env::new())
                && parts.setting_axes.is_empty()
            {
                self.say_all(found);
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
            let labels = self.figure_labels(signature, &given, &parts);
            parts.decided.extend(labels);
            parts.decided.push(("title".to_string(), Static::Text(title.unwrap_or_default().to_string())));
        }
        let (written, axes) = (parts.written.clone(), parts.setting_axes.clone());
        let typed = self.assemble(signature, parts, e.span);
        if typed.is_error() {
            self.check_settings(signature, &written, &axes);
        }
        typed
    }

    /// Returns what to write in place of a method of a value.
    fn in_place_of_method(&self, module: usize, base: &Expr, method: &str, args: &[&ast::Arg]) -> String {
        let text = |span| shorten(self.program().sources.text(span));
        let base = text(base.span);
        let given = |a: &&ast::Arg| a.name.as_ref().map_or(text(a.value.span), |n| format!("{}: {}", n.name, text(a.value.span)));
        let inner: Vec<String> = args.iter().map(given).collect();
        // `np.mean(x)`: the package is left out.
        if is_package(&base) {
            let inner = if inner.is_empty() { "x".to_string() } else { inner.join(", ") };
            return match operation_elsewhere(method) {
                _ if self.operation(module, method).is_some() => {
                    format!("operations are built in and named alone: write `{method}({inner})`")
                }
                Some(ours) => {
                    format!("operations are built in and named alone: write {}", ours.replacen("(x", &format!("({inner}"), 1))
                }
                None => "operations are built in and named alone; `cfx doc` lists them".to_string(),
            };
        }
        if base == "std" || base.starts_with("std.") {
            let inner = inner.join(", ");
            return match (self.operation(module, method), self.program().topic_of(method)) {
                (None, Some(topic)) => {
                    format!("take it by `use std.{topic} {{ {method} }}`, and name it alone: `{method}({inner})`")
                }
                _ => format!("built-ins are named alone: write `{method}({inner})`"),
            };
        }
        if self.operation(module, method).is_some() {
            let all: Vec<String> = std::iter::once(base).chain(inner).collect();
            return format!("write `{method}({})`", all.join(", "));
        }
        if self
            .program()
            .find(module, &base)
            .is_some_and(|d| matches!(self.program().item(d).kind, ItemKind::Bind { keyword: ast::Keyword::Dataset, .. }))
            || base.ends_with(".train")
            || base.ends_with(".test")
        {
            match method {
                "head" | "take" | "first" | "sample" | "select" => {
                    let count = inner.first().map_or("100", String::as_str);
                    return format!("a number of examples is drawn by `sample({base}, {count})`");
                }
                "filter" | "query" | "loc" => return format!("examples are chosen by `where({base}, condition)`"),
                "shuffle" => return "training shuffles the examples in every epoch".to_string(),
                _ => {}
            }
        }
        if matches!(method, "sel" | "isel" | "loc" | "iloc" | "get" | "item" | "take" | "head" | "first" | "last") {
            return format!("coordinates are selected in square brackets: `{base}[run: 0]`, `{base}[run: last]`");
        }
        let model = |d| matches!(self.program().item(d).kind, ItemKind::Bind { keyword: ast::Keyword::Model, .. });
        match operation_elsewhere(method) {
            Some(ours) => format!("write {}", ours.replacen("(x", &format!("({base}"), 1)),
            None if self.program().find(module, &base).is_some_and(model) => {
                let data = inner.first().map_or("data", String::as_str);
                format!("outputs of a layer are read by its label: `tap({base}, {data}, at: {method})`")
            }
            None => format!("operations are written around the value, `mean({base})`; `cfx doc` lists them"),
        }
    }

    /// Applies an operator's built-in to results.
    pub(super) fn operator(&mut self, op: &str, args: Vec<Rc<Typed>>, span: Span) -> Rc<Typed> {
        let Some(signature) = self.program().operations.get(op) else { return Typed::error(span) };
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
        let Some(signature) = self.program().operations.get(op) else { return Typed::error(span) };
        let inputs = args
            .into_iter()
            .filter_map(|(n, a)| signature.params.iter().position(|p| p.name.name == n).map(|i| (i, vec![a], false)))
            .collect();
        self.assemble(signature, Parts { inputs, decided, ..Parts::default() }, span)
    }

    fn unknown_callee(&mut self, module: usize, name: &str, span: Span) {
        if self.program().find(module, name).is_none() && self.program().is_lost(name) {
            return;
        }
        let variant = self.program().variants.values().find(|v| v.constructors.iter().any(|c| c.name.name == name));
        let diag = match (self.program().find(module, name).map(|d| &self.program().item(d).kind), variant) {
            (Some(ItemKind::Network { .. }), _) => {
                Diag::error("cfx::call::callee", span, format!("`{name}` is a network; it is not called here"))
                    .help(format!("train it: `train({name}, data)`"))
            }
            (Some(_), _) => Diag::error("cfx::call::callee", span, format!("`{name}` is no built-in"))
                .help(match self.program().find(module, name).map(|d| &self.program().item(d).kind) {
                    Some(ItemKind::Bind { keyword: ast::Keyword::Model, .. }) => format!(
                        "a model is measured, `accuracy({name}, data)` or `correct({name}, data)`, and read, `tap({name}, data, at: all)`"
                    ),
                    _ => "only built-ins can be called; values are selected with `[ ]`".to_string(),
                }),
            (None, Some(v)) => {
                Diag::error("cfx::call::callee", span, format!("`{name}` makes {}, which is a setting", with_article(&v.name)))
                    .help(format!("give it to an argument that takes {}", with_article(&v.name)))
            }
            (None, None) => {
                let all: Vec<&str> = self.program().operations.keys().map(String::as_str).collect();
                let help = match (operation_elsewhere(name), super::suggest::nearest(name, &all)) {
                    (Some(ours), _) => format!("write {ours}"),
                    (None, Some(near)) => format!("did you mean `{near}`?"),
                    (None, None) => "`cfx doc` lists the built-ins".to_string(),
                };
                Diag::error("cfx::name::unknown", span, format!("there is no built-in `{name}`")).help(help)
            }
        };
        self.say(diag);
    }
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

/// Returns whether an argument is one of those of the signature, which are bound to its parameters.
fn binds(signature: &Signature, arg: &ast::Arg) -> bool {
    arg.name.as_ref().is_some_and(|n| signature.params.iter().any(|p| p.name.name == n.name))
}
