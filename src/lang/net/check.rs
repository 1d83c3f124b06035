//! What can be said of a network or layer before its arguments and shapes are known; and its taps.

use super::env::{CLASSES, Env, each_parts, enter, one, step_into, takes_layers};
use super::library::{Declared, Found, Library, NetworkCall};
use super::limits::{DEEPEST, MOST_STEPS, holds_no_steps, needs_steps, no_layer, unknown_layer};
use super::{Combinator, StepRef, bare, combinator, steps_of, steps_of_body};
use crate::base::text::with_article;
use crate::base::{Diag, Diags, Span};
use crate::lang::Static;
use crate::lang::bind::bind_args_except;
use crate::lang::eval::{describe, eval, eval_as, options};
use crate::lang::mentions::names;
use crate::lang::suggest::suggestion;
use crate::syntax::ast::{Arg, BinaryOp, Block, Expr, ExprKind, Param, TypeAtom, TypeExpr};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The code of messages about two steps of one label.
const DOUBLED: &str = "cfx::network::doubled_label";

/// Returns what is wrong with the declaration of a network or layer: unknown layers, values and words, wrong arguments, steps where none
/// belong, doubled taps, and layers that contain themselves. Shapes are for [`super::elaborate()`].
pub fn check_body(library: &dyn Library, declared: Declared) -> Diags {
    let mut checker = Checker { library, diags: Diags::default() };
    let mut known = Known::new();
    for param in declared.params {
        if let Some((first, _)) = known.insert(&param.name.name, (param.name.span, param.ty.as_ref())) {
            let text = format!("`{}` has two parameters `{}`", declared.name.name, param.name.name);
            checker.diags.push(Diag::error("cfx::network::doubled_parameter", param.name.span, text).label(first, "the first"));
        }
    }
    for diag in declared.params.iter().filter_map(|p| crate::lang::type_names::wrong(p.ty.as_ref()?, &["layers"])) {
        checker.diags.push(diag);
    }
    if declared.is_network() {
        known.entry(CLASSES).or_insert((declared.name.span, None));
    }
    for param in declared.params {
        if let Some(default) = &param.default {
            checker.argument(default, param, &known);
        }
    }
    checker.steps(&steps_of_body(declared.body), &known);
    if declared.is_network() {
        checker.doubled_taps(declared);
    }
    if let Some(diag) = cycle(library, declared) {
        checker.diags.push(diag);
    }
    let used = references(declared);
    for param in declared.params {
        // What a network makes of `classes` shows in its last layer, and is reported there.
        let filled = declared.is_network() && param.name.name == CLASSES;
        // A name that is near it is most likely meant to use it, and has been refused.
        let misspelt = || {
            let help = format!("did you mean `{}`?", param.name.name);
            checker.diags.0.iter().any(|d| d.help.as_deref() == Some(help.as_str()))
        };
        if !filled && !used.iter().any(|(name, _)| *name == param.name.name) && !misspelt() {
            let text = format!("`{}` of `{}` has no effect", param.name.name, declared.name.name);
            let diag = Diag::warning("cfx::network::unused_parameter", param.name.span, text);
            checker.diags.push(diag.help("remove it, or use it in the body"));
        }
    }
    checker.diags
}

/// Returns the taps of a network with its arguments, in the order of its steps, each with the place of its label.
///
/// Errors: a choice or count that is not known before the number of classes is.
pub fn taps(library: &dyn Library, call: &NetworkCall) -> Result<Vec<(String, Span)>, Diags> {
    // The number of classes is known to the plan only: counts and choices must not depend on it.
    let classes = Static::Affine { name: CLASSES.into(), scale: 1.0, offset: 0.0 };
    let env = Rc::new(enter(library, call, classes.clone())?);
    let mut walk = Taps { library, classes, out: Vec::new(), depth: 0, steps: 0 };
    walk.steps(&steps_of_body(call.network.body), &env)?;
    Ok(walk.out)
}

/// The names known in a body: parameters with their types, and what `each` binds.
type Known<'a> = BTreeMap<&'a str, (Span, Option<&'a TypeExpr>)>;

struct Checker<'l> {
    library: &'l dyn Library,
    diags: Diags,
}

impl<'l> Checker<'l> {
    fn steps(&mut self, steps: &[StepRef<'l>], known: &Known<'l>) {
        let mut labels: BTreeMap<&str, Span> = BTreeMap::new();
        for step in steps {
            if let Some(label) = step.label
                && let Some(first) = labels.insert(&label.name, label.span)
            {
                let text = format!("two neighbouring steps are called `{}`", label.name);
                let diag = Diag::error(DOUBLED, label.span, text).label(first, "the first");
                self.diags.push(diag.help("give them different labels"));
            }
            self.layers(step.value, known);
        }
    }

    fn layers(&mut self, expr: &'l Expr, known: &Known<'l>) {
        match &expr.kind {
            ExprKind::Paren(inner) => self.layers(inner, known),
            ExprKind::Chain(parts) => parts.iter().for_each(|part| self.layers(part, known)),
            ExprKind::If(condition, then, other) => {
                self.value(condition, None, known);
                self.layers(then, known);
                self.layers(other, known);
            }
            ExprKind::Name(name) => self.call(name, expr.span, &[], None, known),
            ExprKind::Call { callee, args, block } => match &bare(callee).kind {
                ExprKind::Name(name) => self.call(name, callee.span, args, block.as_ref(), known),
                _ => self.diags.push(no_layer(expr.span)),
            },
            _ => self.diags.push(no_layer(expr.span)),
        }
    }

    fn call(&mut self, name: &'l str, span: Span, args: &'l [Arg], block: Option<&'l Block>, known: &Known<'l>) {
        if let Some((_, ty)) = known.get(name) {
            if !takes_layers(*ty) {
                self.diags.push(Diag::error("cfx::network::not_layer", span, format!("`{name}` is a value, not a layer")));
            } else if let Some(arg) = args.first() {
                let text = format!("arguments of `{name}` are given where it is passed");
                self.diags.push(Diag::error("cfx::call::too_many", arg.value.span, text));
            }
            return;
        }
        match self.library.find(span, name) {
            Some(Found::BuiltIn(original, params)) => {
                let kind = combinator(&original.name);
                match (kind, block) {
                    (Some(_), None) => self.diags.push(needs_steps(name, span)),
                    (None, Some(block)) => self.diags.push(holds_no_steps(name, block, span)),
                    _ => {}
                }
                if kind == Some(Combinator::Each) {
                    return match each_parts(args, span) {
                        Ok((element, list)) => {
                            self.value(list, None, known);
                            let mut inner = known.clone();
                            inner.insert(element, (span, None));
                            self.steps(&steps_of(block), &inner);
                        }
                        Err(diag) => self.diags.push(diag),
                    };
                }
                match input_size(&original.name, args) {
                    Some(diag) => self.diags.push(diag),
                    None => self.arguments(params, args, name, span, &[], known),
                }
                if kind.is_some() {
                    self.steps(&steps_of(block), known);
                }
            }
            Some(Found::Declared(declared)) => {
                if let Some(block) = block {
                    self.diags.push(holds_no_steps(name, block, span));
                }
                let filled: &[&str] = if declared.is_network() { &[CLASSES] } else { &[] };
                self.arguments(declared.params, args, name, span, filled, known);
            }
            Some(Found::Static(value)) => {
                self.diags.push(Diag::error(
                    "cfx::network::not_layer",
                    span,
                    format!("`{name}` is {}, not a layer", describe(&value)),
                ));
            }
            Some(Found::Other(keyword)) => {
                self.diags.push(Diag::error(
                    "cfx::network::not_layer",
                    span,
                    format!("`{name}` is {}, not a layer", with_article(keyword)),
                ));
            }
            None if self.library.is_silent(span, name) => {}
            None => {
                let passed: Vec<_> = known.iter().filter(|(_, (_, ty))| takes_layers(*ty)).map(|(n, _)| *n).collect();
                self.diags.push(unknown_layer(self.library, name, span, &passed));
            }
        }
    }

    fn arguments(&mut self, params: &'l [Param], args: &'l [Arg], name: &str, span: Span, filled: &[&str], known: &Known<'l>) {
        let list: Vec<_> = args.iter().collect();
        match bind_args_except(params, &list, name, span, filled) {
            Ok(slots) => {
                for (param, slot) in params.iter().zip(slots) {
                    if let Some(expr) = slot {
                        self.argument(expr, param, known);
                    }
                }
            }
            Err(diags) => self.diags.extend(diags),
        }
    }

    fn argument(&mut self, expr: &'l Expr, param: &'l Param, known: &Known<'l>) {
        let is_none = matches!(&expr.kind, ExprKind::Name(n) if n == "none");
        if !takes_layers(param.ty.as_ref()) {
            self.value(expr, param.ty.as_ref(), known);
        } else if !is_none {
            self.layers(expr, known);
        }
    }

    /// Checks a value: its names, and, where it is written out, its type.
    fn value(&mut self, expr: &'l Expr, ty: Option<&'l TypeExpr>, known: &Known<'l>) {
        match &expr.kind {
            ExprKind::If(condition, then, other) => {
                self.value(condition, None, known);
                self.value(then, ty, known);
                return self.value(other, ty, known);
            }
            ExprKind::Binary(BinaryOp::Eq | BinaryOp::Ne, a, b) => {
                // Beside a parameter with an option set, a bare name is one of its words.
                let words = |e: &Expr| match &bare(e).kind {
                    ExprKind::Name(name) => known.get(name.as_str()).and_then(|k| k.1).and_then(options),
                    _ => None,
                };
                for (side, set) in [(b, words(a)), (a, words(b))] {
                    match (&side.kind, set) {
                        (ExprKind::Name(word), Some(set)) if !known.contains_key(word.as_str()) && word != "none" => {
                            self.word(word, &set, side.span);
                        }
                        _ => self.value(side, None, known),
                    }
                }
                return;
            }
            ExprKind::Binary(_, a, b) => {
                self.value(a, None, known);
                return self.value(b, None, known);
            }
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => return self.value(inner, None, known),
            ExprKind::Name(name) => {
                let words = ty.and_then(options);
                if let Some(words) = &words
                    && words.contains(&name.as_str())
                {
                    return;
                }
                let value = self.library.find(expr.span, name);
                if known.contains_key(name.as_str()) || name == "none" || matches!(value, Some(Found::Static(_))) {
                    return;
                }
                if self.library.is_silent(expr.span, name) {
                    return;
                }
                match (words, value) {
                    (Some(words), _) => self.word(name, &words, expr.span),
                    (None, Some(found)) => {
                        let text = format!("`{name}` is not a value known before the run");
                        let mut diag = Diag::error("cfx::static::unknown", expr.span, text);
                        if matches!(found, Found::Other("axis")) {
                            let ty = match ty.map(|t| t.alternatives.as_slice()) {
                                Some([TypeAtom::Name(ty)]) => ty.name.as_str(),
                                _ => "real",
                            };
                            let own = format!("`network n({name}: {ty}) {{ … }}`, then `n({name}: {name})`");
                            diag = diag.help(format!("make it a parameter, and give it where the network is named: {own}"));
                        }
                        if matches!(found, Found::BuiltIn(..) | Found::Declared(_)) {
                            diag = diag.help(format!("layers follow one another with `->`: `linear(64) -> {name}`"));
                        }
                        self.diags.push(diag);
                    }
                    (None, None) => {
                        let mut diag = Diag::error("cfx::name::unknown", expr.span, format!("there is no `{name}` here"));
                        diag.help = suggestion(name, &known.keys().copied().collect::<Vec<_>>(), "parameters here");
                        self.diags.push(diag);
                    }
                }
                return;
            }
            _ => {}
        }
        let used = names(expr);
        if used.is_empty() {
            let outcome = match ty {
                Some(ty) => eval_as(expr, ty, &|_: &str| None),
                None => eval(expr, &|_: &str| None),
            };
            if let Err(diags) = outcome {
                self.diags.extend(diags);
            }
        }
        for (name, span) in used {
            let named = known.contains_key(name) || name == "none" || self.library.is_silent(span, name);
            if !named && !matches!(self.library.find(span, name), Some(Found::Static(_))) {
                let mut diag = Diag::error("cfx::name::unknown", span, format!("there is no value `{name}` here"));
                diag.help = suggestion(name, &known.keys().copied().collect::<Vec<_>>(), "parameters here");
                self.diags.push(diag);
            }
        }
    }

    fn word(&mut self, word: &str, words: &[&str], span: Span) {
        if !words.contains(&word) {
            let mut diag = Diag::error("cfx::static::option", span, format!("`{word}` is not one of the words allowed here"));
            diag.help = suggestion(word, words, "one of");
            self.diags.push(diag);
        }
    }

    /// Reports taps that any choice of arguments would double, and one that has the same name as another further in.
    fn doubled_taps(&mut self, declared: Declared<'l>) {
        let mut found = Vec::new();
        labels(&steps_of_body(declared.body), &mut found);
        let mut first: BTreeMap<&str, Span> = BTreeMap::new();
        for (name, span) in found {
            // Of neighbours that has been said.
            let said = self.diags.0.iter().any(|d| d.code == DOUBLED && d.span() == span);
            if let Some(before) = first.insert(name, span)
                && !said
            {
                let diag = Diag::error(DOUBLED, span, format!("there are two taps `{name}`"));
                self.diags.push(diag.label(before, "the first").help("give them different labels"));
            }
        }
    }
}

/// Refuses the size of the input that PyTorch's linear layers are given first.
fn input_size(layer: &str, args: &[Arg]) -> Option<Diag> {
    let [first, second, ..] = args else { return None };
    let text = match &second.value.kind {
        ExprKind::Number { text, .. } => text,
        ExprKind::Name(name) if name == CLASSES => name,
        _ => return None,
    };
    (layer == "linear" && first.name.is_none() && second.name.is_none()).then(|| {
        Diag::error("cfx::static::type", second.value.span, "`linear` takes one number, that of its outputs")
            .help(format!("sizes of inputs follow from the step before: write `linear({text})`"))
    })
}

/// Collects labels outside `repeat`, `each` and choices.
fn labels<'a>(steps: &[StepRef<'a>], out: &mut Vec<(&'a str, Span)>) {
    fn inside<'a>(expr: &'a Expr, out: &mut Vec<(&'a str, Span)>) {
        match &bare(expr).kind {
            ExprKind::Chain(parts) => parts.iter().for_each(|part| inside(part, out)),
            ExprKind::Call { callee, block, .. } => {
                let kind = match &bare(callee).kind {
                    ExprKind::Name(name) => combinator(name),
                    _ => None,
                };
                if !matches!(kind, None | Some(Combinator::Repeat | Combinator::Each)) {
                    labels(&steps_of(block.as_ref()), out);
                }
            }
            _ => {}
        }
    }
    for step in steps {
        if let Some(label) = step.label {
            out.push((&label.name, label.span));
        }
        inside(step.value, out);
    }
}

/// Returns whether a network or layer contains itself.
pub fn contains_itself(library: &dyn Library, declared: Declared) -> bool {
    cycle(library, declared).is_some()
}

/// Returns the message for a layer that contains itself, with the way round.
fn cycle(library: &dyn Library, start: Declared) -> Option<Diag> {
    fn visit<'a>(
        library: &'a dyn Library,
        at: Declared<'a>,
        start: Span,
        trail: &mut Vec<&'a str>,
        seen: &mut Vec<Span>,
    ) -> Option<Span> {
        for (name, span) in references(at) {
            if at.params.iter().any(|p| p.name.name == name) {
                continue;
            }
            let Some(Found::Declared(next)) = library.find(span, name) else { continue };
            if next.name.span == start {
                return Some(span);
            }
            // A way longer than this is refused when the network is laid out.
            if seen.contains(&next.name.span) || trail.len() >= DEEPEST {
                continue;
            }
            seen.push(next.name.span);
            trail.push(&next.name.name);
            if visit(library, next, start, trail, seen).is_some() {
                return Some(span);
            }
            trail.pop();
        }
        None
    }
    let mut trail = vec![start.name.name.as_str()];
    let span = visit(library, start, start.name.span, &mut trail, &mut Vec::new())?;
    trail.push(&start.name.name);
    let diag = Diag::error("cfx::network::cycle", span, format!("`{}` contains itself", start.name.name));
    Some(diag.here(trail.join(" -> ")).help("a layer is made of others; to use one several times, write `repeat(n) { … }`"))
}

fn references(declared: Declared<'_>) -> Vec<(&str, Span)> {
    let defaults = declared.params.iter().filter_map(|p| p.default.as_ref());
    declared.body.steps.iter().map(|s| &s.value).chain(defaults).flat_map(names).collect()
}

struct Taps<'l> {
    library: &'l dyn Library,
    classes: Static,
    out: Vec<(String, Span)>,
    depth: usize,
    steps: usize,
}

impl<'l> Taps<'l> {
    fn steps(&mut self, steps: &[StepRef<'l>], env: &Rc<Env<'l>>) -> Result<(), Diags> {
        for step in steps {
            self.layers(step.value, env)?;
            if let Some(label) = step.label {
                let name = env.label(&label.name);
                if let Some((_, first)) = self.out.iter().find(|t| t.0 == name) {
                    let diag = Diag::error("cfx::network::doubled_label", label.span, format!("there are two taps `{name}`"));
                    return Err(one(diag.label(*first, "the first").help("give them different labels")));
                }
                self.out.push((name, label.span));
                if self.out.len() > 10_000 {
                    return Err(one(Diag::error("cfx::network::too_large", label.span, "the network has more than 10000 taps")));
                }
            }
        }
        Ok(())
    }

    fn layers(&mut self, expr: &'l Expr, env: &Rc<Env<'l>>) -> Result<(), Diags> {
        if self.depth >= DEEPEST {
            let text = format!("steps are nested more than {DEEPEST} deep");
            return Err(one(Diag::error("cfx::network::too_large", expr.span, text)));
        }
        self.depth += 1;
        let out = self.layers_inside(expr, env);
        self.depth -= 1;
        out
    }

    fn layers_inside(&mut self, expr: &'l Expr, env: &Rc<Env<'l>>) -> Result<(), Diags> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            let text = format!("the network takes more than {MOST_STEPS} steps to lay out");
            return Err(one(Diag::error("cfx::network::too_large", expr.span, text)));
        }
        match &expr.kind {
            ExprKind::Paren(inner) => self.layers(inner, env),
            ExprKind::Chain(parts) => parts.iter().try_for_each(|part| self.layers(part, env)),
            ExprKind::If(condition, then, other) => match env.value(self.library, condition, None)? {
                Static::Bool(true) => self.layers(then, env),
                _ => self.layers(other, env),
            },
            ExprKind::Name(name) => self.call(name, expr.span, &[], None, env),
            ExprKind::Call { callee, args, block } => match &bare(callee).kind {
                ExprKind::Name(name) => self.call(name, callee.span, args, block.as_ref(), env),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn call(
        &mut self,
        name: &'l str,
        span: Span,
        args: &'l [Arg],
        block: Option<&'l Block>,
        env: &Rc<Env<'l>>,
    ) -> Result<(), Diags> {
        if env.values.contains_key(name) {
            return Ok(());
        }
        match self.library.find(span, name) {
            Some(Found::Declared(declared)) if declared.is_network() => {
                let inner = step_into(self.library, declared, args, span, env, self.classes.clone())?;
                let inner = Rc::new(Env { turns: env.turns.clone(), ..inner });
                self.steps(&steps_of_body(declared.body), &inner)
            }
            Some(Found::BuiltIn(original, _)) => {
                let steps = steps_of(block);
                match combinator(&original.name) {
                    // Without labels there is nothing to find, however many turns there are.
                    None => Ok(()),
                    Some(Combinator::Repeat) => {
                        let count = args.first().map_or(Ok(0), |a| env.count(self.library, &a.value))?;
                        (0..count).try_for_each(|turn| self.steps(&steps, &Rc::new(env.turn(turn))))
                    }
                    Some(Combinator::Each) => {
                        let (name, items) = env.elements(self.library, args, span)?;
                        items.into_iter().enumerate().try_for_each(|(turn, item)| {
                            let mut inner = env.turn(turn);
                            inner.values.insert(name.to_string(), super::env::Bound::Value(item));
                            self.steps(&steps, &Rc::new(inner))
                        })
                    }
                    Some(_) => self.steps(&steps, env),
                }
            }
            _ => Ok(()),
        }
    }
}
