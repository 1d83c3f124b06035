//! Static evaluation: expressions whose value is known before anything runs, to [`Static`].

use super::Static;
use super::finding::{Finding, What};
use super::static_value::LARGEST_WHOLE;
use crate::base::{Decimal, Diag, Span};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Ident, TypeAtom, TypeExpr, UnaryOp};

/// Names in scope.
pub trait Scope {
    /// Returns the value of a name (a parameter, a `let`, an axis's coordinate), or why it has none; `None` if the name is unknown.
    fn value(&self, name: &str, span: Span) -> Option<Outcome>;

    /// Returns what is wrong with calling a name, where it is more than that calls are not known before the run.
    fn called(&self, _name: &str, _span: Span) -> Option<Box<Finding>> {
        None
    }

    /// Returns where one is on the axis of that name; `None` if it is no axis whose coordinates have names.
    fn here(&self, _name: &str) -> Option<Here> {
        None
    }

    /// Returns the coordinates of the axis of that name as they are written, and their values; `None` where the script does not list them as numbers one
    /// by one.
    fn listed(&self, _name: &str) -> Option<(Vec<String>, Vec<f64>)> {
        None
    }
}

/// Where one is on an axis whose coordinates have names.
pub struct Here {
    /// The coordinate's name.
    pub name: String,
    /// Names of all coordinates.
    pub all: Vec<String>,
}

impl<F: Fn(&str) -> Option<Static>> Scope for F {
    fn value(&self, name: &str, _span: Span) -> Option<Outcome> {
        self(name).map(Ok)
    }
}

/// What an expression is evaluated in.
pub type Lookup<'a> = &'a dyn Scope;

#[cfg(test)]
mod tests;

/// The symbol that stands for a representation's number of units until the data are known.
pub const DIM: &str = "dim";

/// The most elements that a range may have.
const LONGEST_RANGE: f64 = 1e6;

/// The most elements that a value known before the run may have, those of lists and maps inside it counted.
pub const MOST_ELEMENTS: usize = 1_000_000;

/// How deep lists and maps may lie in each other.
pub const DEEPEST: usize = 100;

/// Returns the value of an expression.
///
/// Numbers are exact while they are short decimals: rounding noise of a sum or product is taken off, so `0.1 + 0.2` is `0.3`.
/// The name `none` is [`Static::None`]; `dim` is affine unless it is in scope. Only the branch taken of an `if` is evaluated.
///
/// Errors (`cfx::static::…`): operands of the wrong kind, division by zero, a whole number too large to be exact, and whatever is
/// not known before the run: calls, selections, names that `lookup` does not give.
pub fn eval(expr: &Expr, lookup: Lookup) -> Outcome {
    evaluate(expr, lookup)
}

/// As [`eval`], for a parameter of a given type: a bare name is looked up first among the words of `option(…)` (`(name)` is not),
/// and the result is checked with [`fit`].
pub fn eval_as(expr: &Expr, ty: &TypeExpr, lookup: Lookup) -> Outcome {
    typed(expr, ty, lookup)
}

/// Returns the value as the type wants it (text as a word of an option set), or what is wrong with it.
///
/// Knows `int real bool text`, `option(…)`, lists of them, `none` and alternatives; leaves other types to the caller.
pub fn fit(value: Static, ty: &TypeExpr, span: Span) -> Outcome {
    if matches!(value, Static::None) || ty.alternatives.iter().any(|atom| fits(&value, atom)) {
        return Ok(value);
    }
    if let (Static::Word(word), Some(words)) = (&value, options(ty)) {
        return Err(no_option(word, &words, span));
    }
    let whole = ty.alternatives.iter().any(|a| matches!(a, TypeAtom::Name(n) if n.name == "int"));
    let help = matches!(value, Static::Number(_)).then(|| "write a whole number".to_string()).filter(|_| whole);
    let what = What::Mismatch { expected: words_of(ty), found: describe(&value), because: None, help };
    Err(Box::new(Finding::new(span, what)))
}

/// Returns the words of a type's option set, where it has one.
pub fn options(ty: &TypeExpr) -> Option<Vec<&str>> {
    ty.alternatives.iter().find_map(|atom| match atom {
        TypeAtom::Option(words) => Some(words.iter().map(|w| w.name.as_str()).collect()),
        _ => None,
    })
}

/// Returns a type in the words of the language: `int`, `[real]`, `option(mean, max)`.
pub fn words_of(ty: &TypeExpr) -> String {
    let atom = |atom: &TypeAtom| match atom {
        TypeAtom::Name(name) => name.name.clone(),
        TypeAtom::Option(words) => format!("one of {}", words.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(", ")),
        TypeAtom::List(inner) => format!("[{}]", words_of(inner)),
        TypeAtom::Record(fields) => {
            format!("{{ {} }}", fields.iter().map(|f| format!("{}: {}", f.0.name, words_of(&f.1))).collect::<Vec<_>>().join(", "))
        }
    };
    ty.alternatives.iter().map(atom).collect::<Vec<_>>().join(" or ")
}

/// Returns what a value is, in words: `the number 3`, `a list`.
pub fn describe(value: &Static) -> String {
    match value {
        Static::None => "none".into(),
        Static::Bool(b) => format!("the truth value {b}"),
        Static::Number(x) => format!("the number {}", number(*x)),
        Static::Text(t) => format!("the text \"{t}\""),
        Static::Word(w) => format!("the word `{w}`"),
        Static::List(items) => format!("a list of {}", items.len()),
        Static::Map(_) => "a map".into(),
        Static::Make(name, _) => format!("`{name}(…)`"),
        Static::Affine { name, .. } => format!("a number that depends on `{name}`"),
        Static::Net(net) => format!("the network `{}`", net.name),
        Static::Input(_) => "a result of the run".into(),
    }
}

/// A value, or why there is none.
pub type Outcome = Result<Static, Box<Finding>>;

fn evaluate(expr: &Expr, lookup: Lookup) -> Outcome {
    let span = expr.span;
    match &expr.kind {
        ExprKind::Number { value, text, .. } => literal(*value, text, span),
        ExprKind::Text(text) => Ok(Static::Text(text.clone())),
        ExprKind::Bool(b) => Ok(Static::Bool(*b)),
        ExprKind::Name(name) => match lookup.value(name, span) {
            Some(value) => value,
            None if name == "none" => Ok(Static::None),
            None if name == DIM => Ok(Static::Affine { name: DIM.into(), scale: 1.0, offset: 0.0 }),
            None => Err(found(span, What::NotBefore { name: name.clone() })),
        },
        ExprKind::Paren(inner) => evaluate(inner, lookup),
        ExprKind::List(items) => {
            let mut room = Room::new(span);
            let elements = items.iter().map(|e| room.take(evaluate(e, lookup)?));
            Ok(Static::List(elements.collect::<Result<_, _>>()?))
        }
        ExprKind::Map(entries) => {
            let mut room = Room::new(span);
            let elements = entries.iter().map(|(k, e)| Ok((k.name.clone(), room.take(evaluate(e, lookup)?)?)));
            Ok(Static::Map(elements.collect::<Result<_, Box<Finding>>>()?))
        }
        ExprKind::Range(from, to) => range(whole(from, lookup)?, whole(to, lookup)?, span),
        ExprKind::Unary(UnaryOp::Not, inner) => Ok(Static::Bool(!truth(inner, lookup)?)),
        ExprKind::Unary(UnaryOp::Neg, inner) => match evaluate(inner, lookup)? {
            Static::Number(x) => Ok(Static::Number(-x)),
            Static::Affine { name, scale, offset } => Ok(Static::Affine { name, scale: -scale, offset: -offset }),
            other => Err(mismatch(inner.span, "a number", &other)),
        },
        ExprKind::Binary(op, a, b) => binary(*op, a, b, span, lookup),
        ExprKind::If(condition, then, other) => {
            if truth(condition, lookup)? {
                evaluate(then, lookup)
            } else {
                evaluate(other, lookup)
            }
        }
        ExprKind::Member(..) => Err(found(span, What::Computed { text: "a part of a result" })),
        ExprKind::Select(..) => Err(found(span, What::Computed { text: "a selection of results" })),
        ExprKind::Call { callee, .. } => {
            let named = if let ExprKind::Name(name) = &callee.kind { lookup.called(name, callee.span) } else { None };
            Err(named.unwrap_or_else(|| found(span, What::Computed { text: "what this makes" })))
        }
        ExprKind::Chain(_) => Err(found(span, What::Layers)),
    }
}

fn typed(expr: &Expr, ty: &TypeExpr, lookup: Lookup) -> Outcome {
    if let (ExprKind::Name(name), Some(words)) = (&expr.kind, options(ty)) {
        if words.contains(&name.as_str()) {
            return Ok(Static::Word(name.clone()));
        }
        if is_unknown(lookup.value(name, expr.span)) && name != "none" && ty.alternatives.len() == 1 {
            return Err(no_option(name, &words, expr.span));
        }
    }
    let value = match (&expr.kind, element(ty)) {
        (ExprKind::List(items), Some(inner)) => {
            Static::List(items.iter().map(|e| typed(e, inner, lookup)).collect::<Result<_, _>>()?)
        }
        // Both branches of a choice may be words of the option set.
        (ExprKind::If(condition, then, other), _) => {
            return if truth(condition, lookup)? { typed(then, ty, lookup) } else { typed(other, ty, lookup) };
        }
        _ => evaluate(expr, lookup)?,
    };
    fit(value, ty, expr.span)
}

fn element(ty: &TypeExpr) -> Option<&TypeExpr> {
    ty.alternatives.iter().find_map(|atom| if let TypeAtom::List(inner) = atom { Some(&**inner) } else { None })
}

fn fits(value: &Static, atom: &TypeAtom) -> bool {
    match (atom, value) {
        (TypeAtom::Option(words), Static::Word(word) | Static::Text(word)) => words.iter().any(|w: &Ident| w.name == *word),
        (TypeAtom::Option(_), _) => false,
        (TypeAtom::List(inner), Static::List(items)) => {
            items.iter().all(|item| inner.alternatives.iter().any(|atom| fits(item, atom)))
        }
        (TypeAtom::List(_), _) => false,
        (TypeAtom::Record(_), _) => true,
        (TypeAtom::Name(name), value) => match (name.name.as_str(), value) {
            ("int", Static::Number(x)) => x.fract() == 0.0,
            // A number of classes that is not known yet is whole all the same; multiples of a number of units need not be.
            ("int", Static::Affine { name, .. }) => name != DIM,
            ("int", _) => false,
            ("real", Static::Number(_) | Static::Affine { .. }) => true,
            ("real", _) => false,
            ("bool", value) => matches!(value, Static::Bool(_)),
            ("text", value) => matches!(value, Static::Text(_)),
            _ => true,
        },
    }
}

fn binary(op: BinaryOp, a: &Expr, b: &Expr, span: Span, lookup: Lookup) -> Outcome {
    match op {
        BinaryOp::And => Ok(Static::Bool(truth(a, lookup)? && truth(b, lookup)?)),
        BinaryOp::Or => Ok(Static::Bool(truth(a, lookup)? || truth(b, lookup)?)),
        BinaryOp::Eq | BinaryOp::Ne => {
            let (x, y) = comparands(a, b, lookup)?;
            let equal = match (&x, &y) {
                (Static::Word(x) | Static::Text(x), Static::Word(y) | Static::Text(y)) => x == y,
                (Static::None, _) | (_, Static::None) => matches!((&x, &y), (Static::None, Static::None)),
                (Static::Number(_), Static::Number(_))
                | (Static::Bool(_), Static::Bool(_))
                | (Static::List(_), Static::List(_))
                | (Static::Map(_), Static::Map(_)) => x == y,
                _ => {
                    let expected = format!("something to compare with {}", describe(&x));
                    let because = Some((a.span, describe(&x)));
                    return Err(found(b.span, What::Mismatch { expected, found: describe(&y), because, help: None }));
                }
            };
            Ok(Static::Bool(equal == (op == BinaryOp::Eq)))
        }
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
            let (x, y) = (plain(a, lookup)?, plain(b, lookup)?);
            Ok(Static::Bool(match op {
                BinaryOp::Lt => x < y,
                BinaryOp::Le => x <= y,
                BinaryOp::Gt => x > y,
                _ => x >= y,
            }))
        }
        BinaryOp::Except => Err(found(span, What::Except)),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div => {
            let (x, y) = (evaluate(a, lookup)?, evaluate(b, lookup)?);
            arithmetic(op, (x, a.span), (y, b.span), span)
        }
    }
}

/// Evaluates both sides of `==`; beside a word, a bare name is a word (`stem == imagenet`), and beside an axis it is the name of a
/// coordinate, whatever that stands for (`labels == true_labels`).
fn comparands(a: &Expr, b: &Expr, lookup: Lookup) -> Result<(Static, Static), Box<Finding>> {
    let bare = |e: &Expr| if let ExprKind::Name(name) = &e.kind { Some(name.clone()) } else { None };
    if let (Some(x), Some(y)) = (bare(a), bare(b)) {
        for (axis, word, span) in [(&x, &y, b.span), (&y, &x, a.span)] {
            let Some(here) = lookup.here(axis) else { continue };
            if here.all.contains(word) {
                return Ok((Static::Word(here.name), Static::Word(word.clone())));
            }
            if is_unknown(lookup.value(word, span)) && lookup.here(word).is_none() {
                return Err(found(span, What::NoCoordinate { axis: axis.clone(), word: word.clone(), all: here.all }));
            }
        }
    }
    let (x, y) = (evaluate(a, lookup), evaluate(b, lookup));
    for (axis, at, literal) in [(bare(a), &y, b), (bare(b), &x, a)] {
        let (Some(axis), Ok(Static::Number(at)), ExprKind::Number { .. }) = (axis, at, &literal.kind) else { continue };
        let Some((all, _)) = lookup.listed(&axis).filter(|(_, numbers)| !numbers.contains(at)) else { continue };
        return Err(found(literal.span, What::NoCoordinate { axis, word: at.to_string(), all }));
    }
    for (name, value, side) in [(bare(a), &x, b), (bare(b), &y, a)] {
        if let (Some(axis), Ok(Static::Number(_) | Static::Bool(_)), ExprKind::Text(word)) = (name, value, &side.kind)
            && lookup.here(&axis).is_some_and(|here| here.all.contains(word))
        {
            let diag = Diag::error("cfx::static::type", side.span, "coordinates are named without quotes");
            return Err(Box::new(Finding::from(diag.help(format!("write `{axis} == {word}`")))));
        }
    }
    match (x, y, bare(a), bare(b)) {
        (Ok(Static::Word(x)), y, _, Some(name)) if !matches!(y, Ok(Static::Word(_) | Static::None)) => {
            Ok((Static::Word(x), Static::Word(name)))
        }
        (x, Ok(Static::Word(y)), Some(name), _) if !matches!(x, Ok(Static::Word(_) | Static::None)) => {
            Ok((Static::Word(name), Static::Word(y)))
        }
        (x, y, _, _) => Ok((x?, y?)),
    }
}

/// Returns whether nothing declares a name, which then may be a word.
fn is_unknown(value: Option<Outcome>) -> bool {
    match value {
        None => true,
        Some(Err(found)) => matches!(found.what, What::UnknownName { .. }),
        Some(Ok(_)) => false,
    }
}

/// A number as `scale * name + offset`; plain numbers have scale 0.
struct Linear(Option<String>, f64, f64);

fn arithmetic(op: BinaryOp, (x, x_span): (Static, Span), (y, y_span): (Static, Span), span: Span) -> Outcome {
    let linear = |value: Static, span: Span| match value {
        Static::Number(x) => Ok(Linear(None, 0.0, x)),
        Static::Affine { name, scale, offset } => Ok(Linear(Some(name), scale, offset)),
        other => {
            let help = match &other {
                Static::Text(t) if t.trim().parse::<f64>().is_ok() => format!("a number has no quotes: `{}`", t.trim()),
                Static::Word(w) => format!("let the word stand for a number: `{{ {w}: 1, … }}`"),
                Static::List(_) => "nothing is computed with lists; numbers along an `axis` are computed one by one".to_string(),
                Static::Bool(_) => "choose the number: `if condition then 1 else 0`".to_string(),
                _ => "arithmetic is for numbers".to_string(),
            };
            let (expected, found) = (format!("a number beside `{}`", op.word()), describe(&other));
            let what = What::Mismatch { expected, found, because: None, help: Some(help) };
            Err(Box::new(Finding::new(span, what)))
        }
    };
    let (x, y) = (linear(x, x_span)?, linear(y, y_span)?);
    let bent = |name: &str| found(span, What::Affine { name: name.to_string() });
    let (scale, offset) = match op {
        BinaryOp::Add => (x.1 + y.1, x.2 + y.2),
        BinaryOp::Sub => (x.1 - y.1, x.2 - y.2),
        BinaryOp::Mul => match (&x.0, &y.0) {
            (Some(name), Some(_)) => return Err(bent(name)),
            (Some(_), None) => (x.1 * y.2, x.2 * y.2),
            _ => (x.2 * y.1, x.2 * y.2),
        },
        _ => match &y.0 {
            Some(name) => return Err(bent(name)),
            None if y.2 == 0.0 => return Err(found(span, What::Division { by: y_span })),
            None => (x.1 / y.2, x.2 / y.2),
        },
    };
    let (scale, offset) = (tidy(scale), tidy(offset));
    if !(scale.is_finite() && offset.is_finite()) {
        return Err(too_large(span, "the result is too large for a number", Some("numbers go up to about 1.8e308")));
    }
    match x.0.or(y.0) {
        Some(name) if scale != 0.0 => Ok(Static::Affine { name, scale, offset }),
        _ => exact(offset, span),
    }
}

/// Takes rounding noise off: the twelve-digit decimal, where it lies within four units in the last place.
fn tidy(x: f64) -> f64 {
    let short = format!("{x:.11e}").parse().unwrap_or(x);
    if (short - x).abs() <= 4.0 * f64::EPSILON * x.abs() { short } else { x }
}

/// What a list or map may still take in: lists of lists of lists grow beyond all memory in a few lines.
struct Room {
    span: Span,
    elements: usize,
}

impl Room {
    fn new(span: Span) -> Self {
        Room { span, elements: 0 }
    }

    /// Takes in an element, where there is room for it.
    fn take(&mut self, element: Static) -> Outcome {
        let (elements, depth) = element.extent();
        self.elements += elements.max(1);
        if self.elements > MOST_ELEMENTS {
            let words = "this has more than a million elements, those of the lists inside it counted";
            return Err(too_large(self.span, words, Some("name a list once where it is used; what varies is an `axis`")));
        }
        if depth >= DEEPEST {
            let words = format!("lists lie more than {DEEPEST} deep in each other here");
            return Err(too_large(self.span, &words, Some("write one list of all elements")));
        }
        Ok(element)
    }
}

fn exact(x: f64, span: Span) -> Outcome {
    if x.fract() == 0.0 && x.abs() > LARGEST_WHOLE && x.abs() < 1e18 {
        return Err(inexact(span));
    }
    Ok(Static::Number(x))
}

fn inexact(span: Span) -> Box<Finding> {
    let help = "take a smaller number; where any will do, as for a seed, one of up to fifteen digits";
    too_large(span, "whole numbers above 9,007,199,254,740,992 are not exact", Some(help))
}

fn too_large(span: Span, words: &str, help: Option<&str>) -> Box<Finding> {
    found(span, What::TooLarge { words: words.to_string(), help: help.map(str::to_string) })
}

fn found(span: Span, what: What) -> Box<Finding> {
    Box::new(Finding::new(span, what))
}

fn literal(value: Decimal, text: &str, span: Span) -> Outcome {
    let x = value.to_f64();
    if !x.is_finite() {
        return Err(too_large(span, &format!("{text} is too large for a number"), Some("numbers go up to about 1.8e308")));
    }
    match value.to_int() {
        Some(n) if x as i128 != n as i128 => Err(inexact(span)),
        _ => Ok(Static::Number(x)),
    }
}

fn range(from: f64, to: f64, span: Span) -> Outcome {
    let count = (to - from).max(0.0);
    if count > LONGEST_RANGE {
        return Err(too_large(span, &format!("the range has {} elements", number(count)), Some("a range may have a million")));
    }
    Ok(Static::List((0..count as usize).map(|i| Static::Number(from + i as f64)).collect()))
}

fn truth(expr: &Expr, lookup: Lookup) -> Result<bool, Box<Finding>> {
    match evaluate(expr, lookup)? {
        Static::Bool(b) => Ok(b),
        other => Err(mismatch(expr.span, "true or false", &other)),
    }
}

fn plain(expr: &Expr, lookup: Lookup) -> Result<f64, Box<Finding>> {
    match evaluate(expr, lookup)? {
        Static::Number(x) => Ok(x),
        other => Err(mismatch(expr.span, "a number", &other)),
    }
}

fn whole(expr: &Expr, lookup: Lookup) -> Result<f64, Box<Finding>> {
    let x = plain(expr, lookup)?;
    if x.fract() == 0.0 { Ok(x) } else { Err(mismatch(expr.span, "a whole number", &Static::Number(x))) }
}

fn mismatch(span: Span, expected: &str, value: &Static) -> Box<Finding> {
    found(span, What::Mismatch { expected: expected.to_string(), found: describe(value), because: None, help: None })
}

fn no_option(word: &str, words: &[&str], span: Span) -> Box<Finding> {
    let words = words.iter().map(|w| w.to_string()).collect();
    found(span, What::NoOption { word: word.to_string(), words })
}

/// Returns a number as people write it.
fn number(x: f64) -> String {
    Decimal::from_f64(x).map_or_else(|| x.to_string(), |d| d.to_string())
}
