//! Settings of tests, completed by the defaults that the standard library gives.

use crate::base::SourceMap;
use crate::lang::{Settings, Static};
use crate::syntax::ast::{Expr, ExprKind, Item, ItemKind, Param};
use crate::syntax::parse;
use std::sync::OnceLock;

/// Returns the declarations of the standard library that networks are about.
fn library() -> &'static [Item] {
    static ITEMS: OnceLock<Vec<Item>> = OnceLock::new();
    ITEMS.get_or_init(|| {
        let mut sources = SourceMap::new();
        let texts = [include_str!("../../../../stdlib/training.cfx"), include_str!("../../../../stdlib/probes.cfx")];
        texts.into_iter().flat_map(|text| parse(&sources.add("std.cfx", text)).0.items).collect()
    })
}

/// Returns the parameters of a constructor.
fn constructor(name: &str) -> Option<&'static [Param]> {
    library().iter().find_map(|item| match &item.kind {
        ItemKind::Variant { constructors, .. } => constructors.iter().find(|c| c.name.name == name).map(|c| c.params.as_slice()),
        _ => None,
    })
}

fn value(expr: &Expr) -> Static {
    match &expr.kind {
        ExprKind::Number { value, .. } => Static::Number(value.to_f64()),
        ExprKind::Bool(b) => Static::Bool(*b),
        ExprKind::Text(t) => Static::Text(t.clone()),
        ExprKind::Name(n) if n == "none" => Static::None,
        ExprKind::Name(n) => Static::Word(n.clone()),
        ExprKind::List(items) => Static::List(items.iter().map(value).collect()),
        ExprKind::Call { callee, args, .. } => {
            let ExprKind::Name(name) = &callee.kind else { panic!("a constructor") };
            let params = constructor(name).unwrap();
            let at = |i: usize| args[i].name.as_ref().map_or(params[i].name.name.clone(), |n| n.name.clone());
            let given = (0..args.len()).map(|i| (at(i), value(&args[i].value))).collect();
            make(name, given)
        }
        other => panic!("{other:?}"),
    }
}

/// Options of which `none` is a word, and not nothing.
const WORDS: [&str; 3] = ["pool", "correction", "keep"];

fn filled(params: &[Param], mut given: Vec<(String, Static)>) -> Vec<(String, Static)> {
    for p in params {
        if let (Some(default), false) = (&p.default, given.iter().any(|(n, _)| *n == p.name.name)) {
            let word = WORDS.contains(&p.name.name.as_str());
            let value = match value(default) {
                Static::None if word => Static::Word("none".into()),
                other => other,
            };
            given.push((p.name.name.clone(), value));
        }
    }
    given
}

/// Returns a constructor with all its fields.
pub fn make(name: &str, given: Vec<(String, Static)>) -> Static {
    let params = constructor(name).unwrap_or_default();
    Static::Make(name.to_string(), filled(params, given))
}

/// Returns the settings of a call.
pub fn complete(op: &str, given: Vec<(String, Static)>) -> Settings {
    let params = library().iter().find_map(|item| match &item.kind {
        ItemKind::Extern { name, params, .. } if name.name == op => Some(params),
        _ => None,
    });
    Settings(filled(params.unwrap(), given))
}
