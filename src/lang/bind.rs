//! Binding of a call's arguments to the parameters of what it calls.

use super::finding::{Finding, Findings, What};
use super::signature::takes;
use super::suggest::{elsewhere, nearest};
use crate::base::Span;
use crate::syntax::ast::{Arg, Block, Expr, ExprKind, Param, TypeAtom};

/// Returns the arguments of a call, those of its block last.
pub fn all_args<'e>(args: &'e [Arg], block: &'e Option<Block>) -> Vec<&'e Arg> {
    let fields: &[Arg] = match block {
        Some(Block::Fields(fields)) => fields,
        _ => &[],
    };
    args.iter().chain(fields).collect()
}

/// Returns one slot per parameter: the argument given for it, or `None` if its default holds.
///
/// Positional arguments come first, in the parameters' order; then named ones, those of the trailing block among them.
/// `args` holds the arguments in brackets and then the block's fields; `span` is the callee's name.
///
/// Errors (all of them, not only the first): an unknown name, a doubled argument, a required one that is missing, more positional
/// arguments than parameters, a positional argument after a named one.
pub fn bind_args<'a>(params: &[Param], args: &[&'a Arg], callee: &str, span: Span) -> Result<Vec<Option<&'a Expr>>, Findings> {
    bind_args_except(params, args, callee, span, &[])
}

/// As [`bind_args`], where parameters named in `filled` may be left out although they have no default (`classes` of a network).
pub fn bind_args_except<'a>(
    params: &[Param],
    args: &[&'a Arg],
    callee: &str,
    span: Span,
    filled: &[&str],
) -> Result<Vec<Option<&'a Expr>>, Findings> {
    let mut found = Findings::default();
    let owned = || callee.to_string();
    let mut slots: Vec<Option<&'a Expr>> = vec![None; params.len()];
    let mut named: Option<&'a Arg> = None;
    let (mut positional, mut late) = (0, 0);
    for (i, arg) in args.iter().enumerate() {
        let at = arg.value.span;
        let index = match &arg.name {
            Some(name) => {
                named = Some(arg);
                let Some(index) = params.iter().position(|p| p.name.name == name.name) else {
                    found.push(unknown(params, callee, &name.name, name.span));
                    continue;
                };
                index
            }
            None => {
                if let Some(before) = named {
                    late += 1;
                    // Of several in a row the first.
                    if args[i - 1].name.is_some() {
                        let open = |(p, slot): (&Param, &Option<&Expr>)| {
                            slot.is_none() && p.default.is_none() && !filled.contains(&p.name.name.as_str())
                        };
                        found.push(after_named(params, callee, before, &args[i..], params.iter().zip(&slots).any(open)));
                    }
                    continue;
                }
                positional += 1;
                if positional > params.len() {
                    // Of several the first.
                    if positional == params.len() + 1 {
                        let what = What::TooMany { callee: owned(), most: params.len(), parameters: parameters(params, callee) };
                        found.push(Finding::new(at, what));
                    }
                    continue;
                }
                positional - 1
            }
        };
        if let Some(first) = slots[index] {
            let name = params[index].name.name.clone();
            found.push(Finding::new(at, What::Doubled { callee: owned(), name, first: first.span }));
            continue;
        }
        slots[index] = Some(&arg.value);
    }
    let names: Vec<String> = params
        .iter()
        .zip(&slots)
        .filter(|(p, slot)| slot.is_none() && p.default.is_none() && !filled.contains(&p.name.name.as_str()))
        .map(|(p, _)| p.name.name.clone())
        .collect();
    // After an unknown name the missing one is most likely its right spelling, which the first message says already.
    // What stands in a wrong place is most likely what is missing.
    if names.len() > late && !found.0.iter().any(|f| matches!(f.what, What::UnknownArgument { .. })) {
        // What a missing option can be is worth more than a list of all arguments.
        let option = |name: &String| params.iter().find(|p| p.name.name == *name).and_then(options);
        let axis = |name: &String| params.iter().any(|p| p.name.name == *name && names_axis(p));
        let help = match names.as_slice() {
            // `y:` names columns; who knows other libraries gives it what is to be drawn.
            [one]
                if one == "data"
                    && args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.name == "y"))
                    && axis(&"y".to_string()) =>
            {
                Some(format!("what is drawn comes first, `{callee}(value, x: axis)`; `y:` names columns of a table"))
            }
            // The data may be left out, and what is given first is taken for them.
            [one] if positional == 1 && params[0].name.name == "data" && params[0].default.is_some() => {
                Some(format!("what is given first is the data: write `{callee}(data, {one})`, or `{callee}({one}: …)`"))
            }
            [one] if axis(one) => Some(format!("write `{one}: axis`, with the name of one of the axes of what is given")),
            [one] => option(one).map(|words| format!("write `{one}: …` with {words}")),
            _ => None,
        };
        let parameters = help.unwrap_or_else(|| parameters(params, callee));
        found.push(Finding::new(span, What::Missing { callee: owned(), names, parameters }));
    }
    if found.0.is_empty() { Ok(slots) } else { Err(found) }
}

/// Returns that positional arguments, with which `rest` begins, follow a named one. `lacking`: they may be what the call lacks, rather than more of
/// what the one before them names.
pub fn after_named(params: &[Param], callee: &str, before: &Arg, rest: &[&Arg], lacking: bool) -> Finding {
    let late: Vec<&Arg> = rest.iter().copied().take_while(|a| a.name.is_none()).collect();
    let (name, named) = before.name.as_ref().map_or(("", before.value.span), |n| (n.name.as_str(), n.span));
    let number = |a: &Arg| match &a.value.kind {
        ExprKind::Number { text, .. } => Some(text.clone()),
        _ => None,
    };
    let numbers: Option<Vec<String>> = std::iter::once(before).chain(late.iter().copied()).map(number).collect();
    let word = |a: &Arg| match &a.value.kind {
        ExprKind::Name(name) => Some(name.clone()),
        _ => None,
    };
    let words: Option<Vec<String>> = std::iter::once(before).chain(late.iter().copied()).map(word).collect();
    let of_axes = params.iter().any(|p| p.name.name == name && takes(p).is_ok_and(|t| t.axis.is_some()));
    let is_list = |p: &Param| p.ty.as_ref().is_some_and(|t| t.alternatives.iter().any(|a| matches!(a, TypeAtom::List(_))));
    let several = numbers.or(words.filter(|_| of_axes)).map(|all| all.join(", "));
    let help = match several.filter(|_| !lacking) {
        Some(all) if of_axes => format!("several axes are a list: `{name}: [{all}]`"),
        Some(all) if params.iter().any(|p| p.name.name == name && is_list(p)) => {
            format!("several values are a list: `{name}: [{all}]`")
        }
        Some(all) if name == SEED || late.len() > 1 => format!(
            "a call has one value of `{name}`; for each of several declare an axis, `axis each = [{all}]`, and write `{name}: each`"
        ),
        _ => "put positional arguments first, or name this one".to_string(),
    };
    let at = late.first().map_or(named, |a| a.value.span);
    Finding::new(at, What::AfterNamed { callee: callee.to_string(), named, help })
}

fn unknown(params: &[Param], callee: &str, name: &str, span: Span) -> Finding {
    let names: Vec<_> = params.iter().map(|p| p.name.name.as_str()).collect();
    let help = likely(name, &names).unwrap_or_else(|| parameters(params, callee));
    Finding::new(span, What::UnknownArgument { callee: callee.to_string(), name: name.to_string(), help })
}

/// Returns what an argument of an unknown name is likely to mean, where one of the names is near.
fn likely(name: &str, names: &[&str]) -> Option<String> {
    match (elsewhere(name, names), nearest(name, names)) {
        (Some(ours), _) => Some(format!("here it is called `{ours}`")),
        (None, Some(near)) => Some(format!("did you mean `{near}`?")),
        (None, None) => None,
    }
}

/// The argument that every operation takes which draws random numbers. It stands in no signature.
pub const SEED: &str = "seed";

/// Returns that `seed` is misspelt in a call of an operation that draws random numbers; `None` if the name means something else.
pub fn misspelt_seed(params: &[Param], callee: &str, name: &str, span: Span) -> Option<Finding> {
    let own: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
    if own.contains(&name) || likely(name, &own).is_some() {
        return None;
    }
    let help = likely(name, &[SEED])?;
    Some(Finding::new(span, What::UnknownArgument { callee: callee.to_string(), name: name.to_string(), help }))
}

/// Returns findings about a call of an operation that draws random numbers: `seed` ends the list of what it takes.
pub fn with_seed(mut findings: Findings, callee: &str) -> Findings {
    let (list, none) = (format!("`{callee}` takes "), format!("`{callee}` takes no arguments"));
    for finding in &mut findings.0 {
        let (What::UnknownArgument { help: words, .. }
        | What::TooMany { parameters: words, .. }
        | What::Missing { parameters: words, .. }) = &mut finding.what
        else {
            continue;
        };
        if *words == none {
            *words = format!("`{callee}` takes {SEED} (optional)");
        } else if words.starts_with(&list) {
            words.push_str(&format!(", {SEED} (optional)"));
        }
    }
    findings
}

/// Returns the words that a parameter may be, where it is an option: `one of these`.
fn options(param: &Param) -> Option<String> {
    let [TypeAtom::Option(words)] = param.ty.as_ref()?.alternatives.as_slice() else { return None };
    let words: Vec<String> = words.iter().map(|w| format!("`{}`", w.name)).collect();
    let (last, rest) = words.split_last()?;
    Some(if rest.is_empty() { last.clone() } else { format!("{} or {last}", rest.join(", ")) })
}

/// Returns whether a parameter takes the name of an axis.
fn names_axis(param: &Param) -> bool {
    let named = |a: &TypeAtom| matches!(a, TypeAtom::Name(name) if name.name == "axis");
    param.ty.as_ref().is_some_and(|ty| ty.alternatives.iter().any(named))
}

/// Returns `conv takes channels, kernel, stride (optional)`.
fn parameters(params: &[Param], callee: &str) -> String {
    if params.is_empty() {
        return format!("`{callee}` takes no arguments");
    }
    let optional = |p: &Param| if p.default.is_some() { " (optional)" } else { "" };
    let list: Vec<_> = params.iter().map(|p| format!("{}{}", p.name.name, optional(p))).collect();
    format!("`{callee}` takes {}", list.join(", "))
}
