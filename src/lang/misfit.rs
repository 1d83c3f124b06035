//! Inputs of the wrong kind, with what to give in their place.

use super::kind::Kind;
use super::typed::{Node, Typed};
use crate::base::Diag;
use crate::base::text::with_article;
use crate::syntax::ast::ExprKind;

/// Returns the message for an input of a kind that its parameter does not take.
pub(super) fn misfit(param: &str, op: &str, wanted: &[Kind], v: &Typed) -> Diag {
    let mut kinds: Vec<String> = Vec::new();
    for kind in wanted.iter().map(|k| k.to_string()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let kind = kind_of(v);
    let place = operand(param, op).unwrap_or_else(|| format!("`{param}` of `{op}`"));
    let diag = Diag::error(
        "cfx::type::argument",
        v.span,
        format!("{place} takes {}, and this is {}", kinds.join(" or "), with_article(&kind)),
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
        (Kind::Dataset, Some(Kind::Number { .. })) if op == "add" => {
            diag.help("all splits of a data set together are `.all`, as in `d.all`; several data sets are an axis: `axis set = { a: one, b: other }`")
        }
        (Kind::Dataset, Some(Kind::Number { .. })) if op == "subtract" => {
            diag.help("the examples of one data set that are not in another: `one except other`")
        }
        (Kind::Group, Some(Kind::Dataset)) => {
            diag.help("declare a data set and name it: `dataset d = digits()`, or `arrays(\"x.npy\", …)` for files")
        }
        (Kind::Model, Some(Kind::Stages)) => diag.help("read representations off the model: `tap(model, data, at: all)`"),
        (Kind::Dataset, Some(Kind::Stages)) => diag.help("give it representations: `tap(model, data)` or `load_stages(…)`"),
        (Kind::Number { .. }, Some(Kind::Truth { .. })) => diag.help("compare it: `x > 0.5` holds or does not"),
        (Kind::Model, Some(Kind::Number { .. })) if wanted.len() <= 2 => diag.help("measure the model: `accuracy(model, data)`, or for each example `correct(model, data)`"),
        (Kind::Dataset, Some(Kind::Number { .. })) if wanted.len() <= 2 => {
            diag.help("a data set is no number; what a model makes of its examples is: `correct(model, data)`, `example_loss(model, data)`")
        }
        (Kind::Stages, Some(Kind::Number { .. })) if wanted.len() <= 2 => diag.help(
            "a representation holds a row of units for each example; `class_means(x)` averages its rows by class, `mean_distance(x)` and `cka(x, against: y)` are numbers made of it",
        ),
        (Kind::Density, Some(Kind::Number { .. })) if wanted.len() <= 2 => {
            diag.help("a density is no number; what it says of examples is: `log_density(p, stages)`, and of itself `density_summary(p)`")
        }
        (Kind::Stages, Some(Kind::Density)) => diag.help("fit a density first: `dp_mixture(stages, by: class)`"),
        _ => diag.help(format!("give it {}", kinds.iter().map(|k| with_article(k)).collect::<Vec<_>>().join(" or "))),
    }
}

/// Returns the kind of a value in words; the help lists the fields of a record.
fn kind_of(v: &Typed) -> String {
    match (&v.kind, &v.node) {
        (Kind::Record(_), _) => "record".to_string(),
        (Kind::Group, Node::Static(_, e)) if matches!(e.kind, ExprKind::Text(_)) => "text".to_string(),
        (kind, _) => kind.to_string(),
    }
}

/// Returns the place of an input of an operator, which has no name in scripts.
fn operand(param: &str, op: &str) -> Option<String> {
    let mark = match op {
        "add" => "+",
        "subtract" => "-",
        "multiply" => "*",
        "divide" => "/",
        "less" => "<",
        "less_equal" => "<=",
        "greater" => ">",
        "greater_equal" => ">=",
        "equal" => "==",
        "not_equal" => "!=",
        "both" => "and",
        "either" => "or",
        "negate" => return Some("`-`".to_string()),
        "negation" => return Some("`not`".to_string()),
        _ => return None,
    };
    let side = if param == "a" { "left" } else { "right" };
    Some(format!("the {side} side of `{mark}`"))
}

/// Returns the message for a claim that is no truth value.
pub(super) fn no_claim(v: &Typed, written: &str) -> Diag {
    let kind = kind_of(v);
    let message = format!("a claim holds or fails, and this is {}", with_article(&kind));
    let diag = Diag::error("cfx::type::keyword", v.span, message);
    match v.kind {
        Kind::Truth { per_example: true } => {
            diag.help(format!("say of how many examples it must hold: `all({written})` or `share({written}) > 90%`"))
        }
        _ => diag.help("compare two numbers, as in `a > b`"),
    }
}
