//! Binding of a call's arguments to the parameters of what it calls.

use super::suggest::nearest;
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{Arg, Expr, Param};

/// Returns one slot per parameter: the argument given for it, or nothing where its default holds.
///
/// Positional arguments come first, in the parameters' order; then named ones, those of the trailing block among them.
/// `args` holds the arguments in brackets and then the block's fields; `span` is the callee's name.
///
/// Errors (all of them, not only the first): an unknown name, a doubled argument, a required one that is missing, more positional
/// arguments than parameters, a positional argument after a named one.
pub fn bind_args<'a>(params: &[Param], args: &[&'a Arg], callee: &str, span: Span) -> Result<Vec<Option<&'a Expr>>, Diags> {
    bind_args_except(params, args, callee, span, &[])
}

/// As [`bind_args`], where parameters named in `filled` may be left out although they have no default (`classes` of a network).
pub fn bind_args_except<'a>(
    params: &[Param],
    args: &[&'a Arg],
    callee: &str,
    span: Span,
    filled: &[&str],
) -> Result<Vec<Option<&'a Expr>>, Diags> {
    let mut diags = Diags::default();
    let mut slots: Vec<Option<&'a Expr>> = vec![None; params.len()];
    let mut named: Option<Span> = None;
    let mut positional = 0;
    for arg in args {
        let at = arg.value.span;
        let index = match &arg.name {
            Some(name) => {
                named = Some(name.span);
                let Some(index) = params.iter().position(|p| p.name.name == name.name) else {
                    diags.push(unknown(params, callee, &name.name, name.span));
                    continue;
                };
                index
            }
            None => {
                if let Some(before) = named {
                    diags.push(
                        Diag::error("cfx::call::order", at, format!("a positional argument of `{callee}` follows a named one"))
                            .label(before, "named")
                            .help("put positional arguments first, or name this one"),
                    );
                    continue;
                }
                positional += 1;
                if positional > params.len() {
                    let takes = match params.len() {
                        0 => "no arguments".to_string(),
                        1 => "one argument".to_string(),
                        n => format!("at most {n} arguments"),
                    };
                    let diag = Diag::error("cfx::call::too_many", at, format!("`{callee}` takes {takes}"));
                    let diag = diag.here("one too many");
                    diags.push(if params.is_empty() { diag } else { diag.help(parameters(params, callee)) });
                    continue;
                }
                positional - 1
            }
        };
        if let Some(first) = slots[index] {
            let name = &params[index].name.name;
            diags.push(
                Diag::error("cfx::call::doubled", at, format!("`{callee}` is given `{name}` twice"))
                    .label(first.span, "first given here")
                    .help("keep one of them"),
            );
            continue;
        }
        slots[index] = Some(&arg.value);
    }
    let missing: Vec<_> = params
        .iter()
        .zip(&slots)
        .filter(|(p, slot)| slot.is_none() && p.default.is_none() && !filled.contains(&p.name.name.as_str()))
        .map(|(p, _)| format!("`{}`", p.name.name))
        .collect();
    // After an unknown name the missing one is most likely its right spelling, which the first message says already.
    if !missing.is_empty() && !diags.0.iter().any(|d| d.code == "cfx::call::unknown_argument") {
        let what = if missing.len() == 1 { "argument" } else { "arguments" };
        let diag = Diag::error("cfx::call::missing", span, format!("`{callee}` needs the {what} {}", missing.join(", ")));
        diags.push(diag.help(parameters(params, callee)));
    }
    if diags.has_errors() { Err(diags) } else { Ok(slots) }
}

fn unknown(params: &[Param], callee: &str, name: &str, span: Span) -> Diag {
    let names: Vec<_> = params.iter().map(|p| p.name.name.as_str()).collect();
    let diag = Diag::error("cfx::call::unknown_argument", span, format!("`{callee}` has no argument `{name}`"));
    match nearest(name, &names) {
        Some(near) => diag.help(format!("did you mean `{near}`?")),
        None => diag.help(parameters(params, callee)),
    }
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
