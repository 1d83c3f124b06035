//! Tests of static evaluation and of binding.

use super::{Outcome, eval, eval_as};
use crate::base::{Diags, SourceMap, Span};
use crate::lang::Static;
use crate::lang::bind::bind_args;
use crate::lang::mentions::names;
use crate::lang::suggest::nearest;
use crate::syntax::ast::{Arg, Expr, ExprKind, ItemKind, TypeExpr};
use crate::syntax::parse;

fn expr(text: &str) -> Expr {
    let mut sources = SourceMap::new();
    let (tree, diags) = parse(&sources.add("test.cfx", format!("let x = {text}\n")));
    assert!(!diags.has_errors(), "{text}: {diags:?}");
    match tree.items.into_iter().next().map(|i| i.kind) {
        Some(ItemKind::Bind { value, .. }) => value,
        other => panic!("{other:?}"),
    }
}

fn ty(text: &str) -> TypeExpr {
    let mut sources = SourceMap::new();
    let (tree, _) = parse(&sources.add("test.cfx", format!("param x: {text}\n")));
    match tree.items.into_iter().next().map(|i| i.kind) {
        Some(ItemKind::Param(param)) => param.ty.expect("a type"),
        other => panic!("{other:?}"),
    }
}

fn scope(name: &str) -> Option<Static> {
    Some(match name {
        "epochs" => Static::Number(12.0),
        "rate" => Static::Number(0.1),
        "on" => Static::Bool(true),
        "stem" => Static::Word("cifar".into()),
        "widths" => Static::List(vec![Static::Number(64.0), Static::Number(32.0)]),
        _ => return None,
    })
}

fn value(text: &str) -> Static {
    eval(&expr(text), &scope).unwrap_or_else(|d| panic!("{text}: {d:?}"))
}

fn number(text: &str) -> f64 {
    value(text).number().unwrap_or_else(|| panic!("{text} is no number"))
}

fn error(outcome: Outcome) -> (String, String) {
    let diags = Diags::from(outcome.expect_err("an error is expected")).0;
    assert_eq!(diags.len(), 1);
    (diags[0].code.to_string(), diags[0].message.clone())
}

#[test]
fn numbers_are_exact_while_they_are_short_decimals() {
    for (text, expected) in [
        ("20%", 0.2),
        ("10k", 10_000.0),
        ("1e-4", 1e-4),
        ("0.1 + 0.2", 0.3),
        ("100 * 1.1", 110.0),
        ("3 * rate", 0.3),
        ("1 - 0.9", 0.1),
        ("(epochs - 2) / 4", 2.5),
        ("2 - 3 * 4", -10.0),
        ("-epochs", -12.0),
        ("1 / 3", 1.0 / 3.0),
        ("9007199254740991 + 1", 9007199254740992.0),
        ("if on and not (epochs < 12) then 1 else 1 / 0", 1.0),
    ] {
        assert_eq!(number(text).to_bits(), f64::to_bits(expected), "{text}");
    }
}

#[test]
fn truth_words_and_collections() {
    for (text, expected) in [
        ("epochs >= 12 and rate < 20%", true),
        ("epochs != 12 or false", false),
        ("stem == cifar", true),
        ("imagenet == stem", false),
        ("stem != imagenet", true),
        ("\"a\" == \"a\"", true),
        ("[64, 32] == widths", true),
        ("stem == none", false),
        ("none == none", true),
        ("0.3 == 0.1 + 0.2", true),
    ] {
        assert_eq!(value(text), Static::Bool(expected), "{text}");
    }
    assert_eq!(value("2..5"), Static::List([2.0, 3.0, 4.0].map(Static::Number).to_vec()));
    assert_eq!(value("5..2"), Static::List(vec![]));
    assert_eq!(
        value("{ a: 1, \"b c\": none }"),
        Static::Map(vec![("a".into(), Static::Number(1.0)), ("b c".into(), Static::None)])
    );
}

#[test]
fn a_number_of_units_is_affine() {
    let affine = |scale, offset| Static::Affine { name: "dim".into(), scale, offset };
    assert_eq!(value("dim + 2"), affine(1.0, 2.0));
    assert_eq!(value("2 * (dim - 1) / 4"), affine(0.5, -0.5));
    assert_eq!(value("3 - dim"), affine(-1.0, 3.0));
    assert_eq!(value("dim - dim + 2"), Static::Number(2.0));
    assert_eq!(error(eval(&expr("dim * dim"), &scope)).0, "cfx::static::affine");
    assert_eq!(error(eval(&expr("1 / dim"), &scope)).0, "cfx::static::affine");
    assert_eq!(eval(&expr("dim"), &|_: &str| Some(Static::Number(8.0))), Ok(Static::Number(8.0)));
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    for (text, code, message) in [
        ("1 / (epochs - 12)", "cfx::static::division", "division by zero"),
        ("1 + on", "cfx::static::type", "expected a number beside `+`, found the truth value true"),
        ("if epochs then 1 else 2", "cfx::static::type", "expected true or false, found the number 12"),
        ("rate == on", "cfx::static::type", "expected something to compare with the number 0.1, found the truth value true"),
        ("widths < 3", "cfx::static::type", "expected a number, found a list of 2"),
        ("0..2.5", "cfx::static::type", "expected a whole number, found the number 2.5"),
        ("0..100M", "cfx::static::too_large", "the range has 100000000 elements"),
        ("9007199254740993", "cfx::static::too_large", "whole numbers above 9,007,199,254,740,992 are not exact"),
        ("1e400", "cfx::static::too_large", "1e400 is too large for a number"),
        ("1e300 * 1e300", "cfx::static::too_large", "the result is too large for a number"),
        ("missing + 1", "cfx::static::unknown", "the value of `missing` is not known before the run"),
        ("mean(x)", "cfx::static::unknown", "what this makes is not known before the run"),
    ] {
        assert_eq!(error(eval(&expr(text), &scope)), (code.into(), message.into()), "{text}");
    }
    let diags = Diags::from(eval(&expr("12 + 1 / 0"), &scope).expect_err("division")).0;
    assert_eq!(diags[0].labels.iter().map(|l| l.0.len()).collect::<Vec<_>>(), [5, 1]);
}

#[test]
fn types_decide_what_bare_words_mean() {
    let words = ty("option(cifar, imagenet)");
    assert_eq!(eval_as(&expr("imagenet"), &words, &scope), Ok(Static::Word("imagenet".into())));
    assert_eq!(eval_as(&expr("if on then imagenet else cifar"), &words, &scope), Ok(Static::Word("imagenet".into())));
    assert_eq!(eval_as(&expr("stem"), &words, &scope), Ok(Static::Word("cifar".into())));
    // A declaration of an option's name is reached in round brackets.
    let shadow = |name: &str| (name == "imagenet").then(|| Static::Word("cifar".into()));
    assert_eq!(eval_as(&expr("(imagenet)"), &words, &shadow), Ok(Static::Word("cifar".into())));
    let (code, message) = error(eval_as(&expr("imagnet"), &words, &scope));
    assert_eq!((code.as_str(), message.as_str()), ("cfx::static::option", "`imagnet` is not one of the words allowed here"));
    for (text, wanted, message) in [
        ("2.5", "int", "expected int, found the number 2.5"),
        ("true", "real", "expected real, found the truth value true"),
        ("\"a\"", "bool", "expected bool, found the text \"a\""),
        ("[1, 2.5]", "[int]", "expected int, found the number 2.5"),
        ("widths", "text", "expected text, found a list of 2"),
        ("3", "option(a, b) | text", "expected one of a, b or text, found the number 3"),
        ("dim", "int", "expected int, found a number that depends on `dim`"),
    ] {
        assert_eq!(error(eval_as(&expr(text), &ty(wanted), &scope)), ("cfx::static::type".into(), message.into()), "{text}");
    }
    assert!(eval_as(&expr("[1, 2]"), &ty("[real]"), &scope).is_ok());
    assert!(eval_as(&expr("none"), &ty("int"), &scope).is_ok());
    assert!(eval_as(&expr("dim + 2"), &ty("real"), &scope).is_ok());
}

#[test]
fn names_of_an_expression_leave_out_keywords_of_calls_and_members() {
    let found = |text: &str| names(&expr(text)).into_iter().map(|n| n.0.to_string()).collect::<Vec<_>>();
    assert_eq!(found("f(a, b: c) { d: e }"), ["f", "a", "c", "e"]);
    assert_eq!(found("guess.f_score[stage3] + { a: b }.c"), ["guess", "stage3", "b"]);
}

/// Binds the arguments of `f(…)` to `channels, kernel, stride = 1`.
fn bound(call: &str) -> Result<Vec<Option<Span>>, Vec<(&'static str, String)>> {
    let mut sources = SourceMap::new();
    let (tree, _) = parse(&sources.add("std.cfx", "extern f(channels: int, kernel: int, stride: int = 1) -> layer\n"));
    let Some(ItemKind::Extern { params, .. }) = tree.items.first().map(|i| &i.kind) else { panic!("no extern") };
    let call = expr(call);
    let ExprKind::Call { args, block, .. } = &call.kind else { panic!("no call") };
    let fields: &[Arg] = if let Some(crate::syntax::ast::Block::Fields(fields)) = block { fields } else { &[] };
    let all: Vec<_> = args.iter().chain(fields).collect();
    match bind_args(params, &all, "f", call.span) {
        Ok(slots) => Ok(slots.into_iter().map(|s| s.map(|e| e.span)).collect()),
        Err(found) => Err(Diags::from(found).0.into_iter().map(|d| (d.code, d.message)).collect()),
    }
}

#[test]
fn arguments_bind_by_place_then_by_name() {
    let given = |call: &str| bound(call).unwrap().iter().map(|s| s.is_some()).collect::<Vec<_>>();
    assert_eq!(given("f(16, 3)"), [true, true, false]);
    assert_eq!(given("f(16, stride: 2, kernel: 3)"), [true, true, true]);
    assert_eq!(given("f(16) { kernel: 3 }"), [true, true, false]);
    let slots = bound("f(kernel: 3, channels: 16)").unwrap();
    assert!(slots[0] > slots[1], "slots are in the parameters' order");
}

#[test]
fn every_wrong_argument_is_reported() {
    let codes = |call: &str| bound(call).expect_err("errors").into_iter().map(|e| e.0).collect::<Vec<_>>();
    assert_eq!(codes("f(16)"), ["cfx::call::missing"]);
    assert_eq!(codes("f(16, 3, 1, 1, 2)"), ["cfx::call::too_many"]);
    assert_eq!(codes("f(16, 3, chanels: 2, stride: 1) { stride: 2 }"), ["cfx::call::unknown_argument", "cfx::call::doubled"]);
    assert_eq!(codes("f(16, kernel: 3, 2)"), ["cfx::call::order"]);
    let missing = bound("f()").expect_err("errors");
    assert_eq!(missing[0].1, "`f` needs the arguments `channels`, `kernel`");
}

#[test]
fn the_nearest_word_is_near() {
    let words = ["conv", "linear", "stage1", "stage2"];
    assert_eq!(nearest("cnov", &words), Some("conv"));
    assert_eq!(nearest("Linear", &words), Some("linear"));
    assert_eq!(nearest("stag2", &words), Some("stage2"));
    assert_eq!(nearest("pool", &words), None);
}
