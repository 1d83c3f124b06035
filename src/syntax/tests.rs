//! Tests of reading, messages and the formatter.

use super::*;
use crate::base::{Diag, Diags, SourceFile};
use proptest::prelude::*;

/// The target programs of the design, the standard library's forms, and networks.
const PROGRAMS: [(&str, &str); 7] = [
    ("target1", include_str!("../../tests/data/syntax/target1.cfx")),
    ("target2", include_str!("../../tests/data/syntax/target2.cfx")),
    ("target3", include_str!("../../tests/data/syntax/target3.cfx")),
    ("target4", include_str!("../../tests/data/syntax/target4.cfx")),
    ("target5", include_str!("../../tests/data/syntax/target5.cfx")),
    ("signatures", include_str!("../../tests/data/syntax/signatures.cfx")),
    ("networks", include_str!("../../tests/data/syntax/networks.cfx")),
];

fn source(text: &str) -> SourceFile {
    SourceFile { name: "t.cfx".into(), text: text.into(), base: 100 }
}

#[test]
fn target_programs_parse() {
    for (name, text) in PROGRAMS {
        let (file, diags) = parse(&source(text));
        assert_eq!(diags, Diags::default(), "{name}");
        assert!(file.items.len() > 5, "{name}");
    }
}

/// Returns each message as `line code: message (words at the place; help)`, and what is under its main place.
fn complaints(text: &str) -> Vec<(String, String)> {
    let file = source(text);
    let (_, diags) = parse(&file);
    let one = |d: &Diag| {
        let (span, words) = &d.labels[0];
        let (start, end) = (span.start as usize - file.base, span.end as usize - file.base);
        let line = text[..start].matches('\n').count() + 1;
        let code = d.code.strip_prefix("cfx::syntax::").expect("a code of this room");
        let help = d.help.clone().unwrap_or_default();
        (format!("{line} {code}: {} ({words}; {help})", d.message), text[start..end].to_string())
    };
    diags.0.iter().map(one).collect()
}

/// Checks that a text gets just these messages: how each begins or what it contains, and what it points at.
fn expect(text: &str, expected: &[(&str, &str)]) {
    let found = complaints(text);
    let shown = found.iter().map(|(m, at)| format!("{m} at {at:?}")).collect::<Vec<_>>().join("\n");
    assert_eq!(found.len(), expected.len(), "{text}\n{shown}");
    for ((message, at), (wanted, wanted_at)) in found.iter().zip(expected) {
        assert!(message.contains(wanted), "{text}\n{shown}\nlacks: {wanted}");
        assert_eq!(at, wanted_at, "{text}\n{shown}");
    }
}

#[test]
fn editions() {
    expect("cfx 2\nlet a = 1\n", &[("1 edition: edition 2 of the language is not known here", "cfx 2")]);
    expect("let a = 1\ncfx 1\n", &[("2 edition: the edition is alone in the first line", "cfx 1")]);
    expect("# c\n\n  cfx 1 # d\nlet a = 1", &[]);
    expect("\u{FEFF}cfx 1\r\nlet a = 1\r\n", &[]);
    expect("", &[]);
    expect("  \n\t\n# only a comment", &[]);
}

#[test]
fn declarations_not_begun_well() {
    expect("dataset = digits()\n", &[("1 missing-name: expected a name after `dataset`", "=")]);
    expect("dataset\nlet a = 1\n", &[("1 missing-name: expected a name after `dataset`", "")]);
    expect("dataset \"x\" = digits()\n", &[("a dataset is named by one word without quotes", "\"x\"")]);
    expect("figure foo = bands()\n", &[("expected a title in double quotes after `figure` (; write `figure \"foo\"`", "foo")]);
    expect("let if = 3\n", &[("`if` is a word of the language and cannot be a name", "if")]);
    expect(
        "modle m = train(a)\nanalysys z = 4\nFigure \"T\" = 3\n",
        &[("1 keyword-misspelt", "modle"), ("did you mean `analysis`?", "analysys"), ("did you mean `figure`?", "Figure")],
    );
    expect("x = 3\n", &[("the declaration of `x` does not say what it is", "x")]);
    expect("}\nlet a = 2\n", &[("1 expected: `}` closes nothing", "}")]);
    expect("use std.data\n", &[("expected `{` or `.` after `data`", "")]);
    expect("use digits from std.data\n", &[("write `use std.data { digits }`", "from")]);
    expect("network m = 3\n", &[("a network is declared with its steps", "=")]);
    expect("extern f(x: stages)\n", &[("expected `->` after `)`", "")]);
    expect("model m = f(x)\n{ a: 1 }\n", &[("belongs to the expression before it only on the same line", "{")]);
    expect("let a = f(x)\n  .b\n", &[("2 foreign: a line cannot begin with a point: values have no methods", ".")]);
}

#[test]
fn spellings_of_other_languages() {
    expect("for i in 0..10 { a }\n", &[("1 foreign: there are no loops", "for")]);
    expect("let a = [i for i in x]\n", &[("1 foreign: there are no comprehensions", "for")]);
    expect("while true\n", &[("1 foreign: there are no loops", "while")]);
    expect("def f(x):\n", &[("scripts define no functions", "def")]);
    expect("let f(x) = x + 1\n", &[("scripts define no functions", "(")]);
    expect("let f = (x) => x + 1\n", &[("scripts define no functions", "=")]);
    expect("recipe r = { epochs: 3 }\n", &[("write `recipe r { … }`", "{")]);
    expect("import numpy\n", &[("taken by `use std.data { digits }`", "import")]);
    expect("let a = f(b = 3)\n", &[("an argument is given with `:` (; write `b: …`)", "=")]);
    expect("model m = train(a) { epochs = 3 }\n", &[("write `epochs: …`", "=")]);
    expect("model m == train(a)\n", &[("write `model m = …`", "==")]);
    expect("model m : train(a)\n", &[("write `model m = …`", ":")]);
    expect("model m := train(a)\n", &[("a name is bound by `=` alone", ":=")]);
    expect("let a = 1 // why\n", &[("comments begin with `#` (; write `# why`)", "// why")]);
    expect("let b = 'hi'\n", &[("string: strings stand in double quotes (; write `\"hi\"`)", "'hi'")]);
    expect("let c = a && b || !c\n", &[("written `and`", "&&"), ("written `or`", "||"), ("written `not`", "!")]);
    expect("let e = 1;\n", &[("nothing is ended by `;`", ";")]);
    expect("let a = 2 ** 3\n", &[("there is no power operator", "*")]);
    expect("let b = 5 % 3\n", &[("there is no remainder operator", "%")]);
    expect("let gęś = 3\n", &[("`ęś` cannot stand here", "ęś")]);
    expect("let b = “hi”\n", &[("is not the quotation mark of strings", "“")]);
    expect("let c = 3 – 2\n", &[("a dash, not a minus sign", "–")]);
    expect("let d = a\u{a0}+ b\n", &[("the invisible character U+00A0", "\u{a0}")]);
}

#[test]
fn brackets_without_partners() {
    expect("model m = train(a, b {\n  epochs: 3\n}\nlet y = 2\n", &[("1 bracket: `(` is never closed", "(")]);
    expect("model m = train(a, b) {\n  epochs: 3\n\nstages s = tap(m)\n", &[("1 bracket: `{` is never closed", "{")]);
    expect("let a = [1, 2\nlet b = 3\n", &[("1 bracket: `[` is never closed (opened here; add `]`", "[")]);
    expect("let b = (3]\n", &[("1 bracket: `(` is not closed", "(")]);
    expect("let c = 3)\n", &[("1 bracket: `)` closes nothing", ")")]);
}

#[test]
fn tokens_not_expected() {
    expect(
        "let a = 1 +\nlet b = \n",
        &[("1 expected: expected a value after `+`", ""), ("2 expected: expected a value after `=`", "")],
    );
    expect("let c = 3 4\n", &[("expected the end of the declaration after `3`", "4")]);
    expect("let d = f(a b)\n", &[("expected a comma, an operator or `:` between `a` and `b`", "b")]);
    expect("let e = f(a, , b)\n", &[("expected a value or `)` after `,`", ",")]);
    expect("let a = if b then c\n", &[("expected `else` after `c`", "")]);
    expect("let d = if b c else d\n", &[("expected `then` after `b`", "c")]);
    expect("recipe r { a: 1 b: 2 }\n", &[("put each field or step on its own line", "b")]);
    expect("param x: = 2\n", &[("expected a type after `:`", "=")]);
    expect("let a = f(x) { 3 }\n", &[("1 field: this field has no name", "3")]);
    expect("let a = 1 < 2 < 3\n", &[("comparisons cannot follow one another", "<")]);
    expect("let a = 1 < 2 == true\n", &[("comparisons cannot follow one another", "==")]);
    expect("let b = 1..2..3\n", &[("ranges cannot follow one another", "..")]);
    expect("let a = 1andb\n", &[("1 number: `1andb` is not a number", "1andb")]);
    expect("let a = \"a\\qb\"\n", &[("`\\q` means nothing in a string", "\\q")]);
    expect("let d = \"open\nlet e = 2\n", &[("1 string: this string has no closing quote", "\"open")]);
    expect(
        "let a = 12x + 1_000 + 1.2.3 + 10K\n",
        &[
            ("`12x`", "12x"),
            ("write `1000`", "1_000"),
            ("`1.2.3` is not a number", "1.2.3"),
            ("thousands are written `10k`", "10K"),
        ],
    );
}

#[test]
fn several_errors_in_one_run() {
    let text = "cfx 1\nmodel = 3\ndataset d = digits()\nmodle x = f(d)\nanalysis y = mean(d\n\nanalysis z = mean(x: = 2)\nlet last = 1\n";
    let (file, diags) = parse(&source(text));
    assert_eq!(diags.0.len(), 4, "{diags:?}");
    assert_eq!(outline(&file), "(cfx 1)\n(dataset d (call digits))\n(let last 1/1/None)\n");
    let many = "model = 1\n".repeat(1000);
    assert_eq!(parse(&source(&many)).1.0.len(), 101);
}

/// Checks how the value of `let a = …` is read.
fn reads(value: &str, outlined: &str) {
    let (file, diags) = parse(&source(&format!("let a = {value}\n")));
    assert_eq!(diags, Diags::default(), "{value}");
    assert_eq!(outline(&file).trim_end(), format!("(let a {outlined})"), "{value}");
}

#[test]
fn precedence() {
    reads("x + y * z - w", "(- (+ x (* y z)) w)");
    reads("not x == y and z or w", "(or (and (Not (== x y)) z) w)");
    reads("-x * y..z + w", "((* (Neg x) y)..(+ z w))");
    reads("d except b + c == e", "(== (except d (+ b c)) e)");
    reads("if x then y else z + w", "(if x y (+ z w))");
    reads("x -> if y then u -> v else w -> z", "(-> x (if y (-> u v) (-> w z)))");
    reads("notx + nothing.order[stages, model: andy]", "(+ notx (select nothing.order stages model: andy))");
    reads("f(x)[y](z).w { v: 1 }", "(call (call (select (call f x) y) z).w (fields v: 1/1/None))");
    reads("x\n  -> y", "(-> x y)");
    reads("x + # why\n  y", "(+ x y)");
    reads("(x\n  # why\n  + y)", "(paren (+ x y))");
    reads("\n  f(\n x,\n\n y,\n)", "(call f x y)");
    reads("{ x: 1, \"y z\": { }\n w:\n2\n, }", "(map \"x\": 1/1/None \"y z\": (map) \"w\": 2/2/None)");
    reads("[1e-4, 2.5M, 0.1%, 3k, 1E2]", "[1e-4/0.0001/None 2.5M/2500000/Mega 0.1%/0.001/Percent 3k/3000/Kilo 1E2/100/None]");
    reads("\"zażółć \\\"x\\\" \\\\ # no\"", "\"zażółć \\\"x\\\" \\\\ # no\"");
}

#[test]
fn brackets_belong_to_what_stands_before_on_the_line() {
    expect("let a = (x\n(y))\n", &[("expected", "(")]);
    expect("let a = f\n(y)\n", &[("2 expected: expected a declaration, found `(`", "(")]);
    reads("f (x) [y] {}", "(call (select (call f x) y) (fields))");
}

#[test]
fn keywords_are_names_elsewhere() {
    let text = "let model = layer(stages: use, model: axis[network]) {\n  claim: 1\n  figure: [let, param]\n}\n";
    assert_eq!(complaints(text), Vec::new());
    reformat(text);
}

#[test]
fn spans_lie_in_the_space_of_all_files() {
    let text = "## Doc\nlet a = f(x , y ) # c\n";
    let (file, _) = parse(&source(text));
    let item = &file.items[0];
    assert_eq!((item.span.start, item.span.end), (107, 124));
    assert_eq!(item.doc.as_deref(), Some("Doc"));
    let ast::ItemKind::Bind { name, value, .. } = &item.kind else { panic!("a binding") };
    assert_eq!((name.span.start, name.span.end), (111, 112));
    assert_eq!((value.span.start, value.span.end), (115, 124));
    assert_eq!(file.comments.iter().map(|c| (c.span.start, c.trailing)).collect::<Vec<_>>(), [(100, false), (125, true)]);
}

/// Formats a text that has no errors, and checks what must hold of the result.
fn reformat(text: &str) -> String {
    let before = source(text);
    let (tree, diags) = parse(&before);
    assert!(!diags.has_errors(), "{diags:?}\n{text}");
    let once = format(&tree, &before);
    let after = source(&once);
    let (again, diags) = parse(&after);
    assert!(!diags.has_errors(), "{diags:?}\nof\n{text}\nas\n{once}");
    assert_eq!(outline(&tree), outline(&again), "the tree of\n{text}\nas\n{once}");
    let texts = |f: &ast::File| f.comments.iter().map(|c| c.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&tree), texts(&again), "the comments of\n{text}\nas\n{once}");
    assert_eq!(format(&again, &after), once, "twice formatted\n{text}");
    once
}

#[test]
fn formatting_keeps_the_programs() {
    for (_, text) in PROGRAMS {
        reformat(text);
        reformat(&text.replace('\n', "\r\n"));
    }
}

#[test]
fn depth_is_bounded_and_fits_a_small_stack() {
    let work = || {
        for (open, close, levels) in [
            ("(", ")", 1),
            ("[", "]", 1),
            ("{ a: ", " }", 1),
            ("f(b: ", ")", 1),
            ("(f {\na: [", "]})", 3),
            ("if a then ", " else b", 1),
            ("if ", " then a else b", 1),
        ] {
            let n = 100 / levels;
            let text = |n: usize| format!("let a = {}x{}\n", open.repeat(n), close.repeat(n));
            reformat(&text(n));
            let found = complaints(&text(n + 1));
            assert!(found.len() == 1 && found[0].0.contains("depth: this is nested more than 100 levels deep"), "{found:?}");
        }
        for part in ["-", "not ", "1 + ", "f -> if x then a else "] {
            reformat(&format!("let a = {}x\n", part.repeat(99)));
        }
        for part in ["-", "1 + ", "not "] {
            let found = complaints(&format!("let a = {}x\n", part.repeat(1000)));
            assert!(found.len() == 1 && found[0].0.contains("depth: this expression is too long"), "{found:?}");
        }
        expect(
            &format!("let a = x{}\n", ".b".repeat(250)),
            &[("this expression is too long", &format!("x{}", ".b".repeat(200)))],
        );
        let many = "if x then 1 else 2";
        reformat(&format!(
            "let a = [{}]\nlet b = {{\n{}}}\n",
            format!("{many}, ").repeat(300),
            format!("a: {many}\n").repeat(300)
        ));
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work);
    assert!(thread.is_ok_and(|t| t.join().is_ok()));
}

#[test]
fn nasty_nesting_takes_little_time() {
    let deep = |open: &str, close: &str, n: usize| format!("let a = {}x{}\n", open.repeat(n), close.repeat(n));
    let mut texts = Vec::new();
    for n in [50, 99, 100, 101, 5000, 100_000] {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{a: ", "}"),
            ("f(", ")"),
            ("f {a: ", "}"),
            ("f[", "]"),
            ("(f {a: [", "]})"),
            ("if a then ", " else b"),
        ] {
            texts.push(deep(open, close, n));
            texts.push(deep(open, "", n));
            texts.push(deep("", close, n));
        }
        for part in [
            "-",
            "not ",
            "- \n",
            "not\n",
            "if ",
            "if x then\n",
            "if a then b else\n",
            "if a then b\nelse ",
            "a.",
            "1+",
            "a and\n",
            "1..",
            "a == not ",
            "f -> ",
        ] {
            texts.push(format!("let a = {}x\n", part.repeat(n)));
        }
        for part in ["(1)", "[1]", ".b", "{}", "()"] {
            texts.push(format!("let a = x{}\n", part.repeat(n)));
        }
        texts.push(format!("let a = [{}]\n", "1, ".repeat(n)));
        texts.push(format!("extern f(x: {}) -> a\n", "[".repeat(n)));
        texts.push(format!("extern f(x: {}", "{a:".repeat(n)));
        texts.push("\n".repeat(n) + &"# c\n".repeat(n) + &"## d\n".repeat(n) + "let a = 1");
        texts.push("let a = (\n".repeat(n));
        texts.push("dataset\n".repeat(n));
        texts.push("\"".repeat(n));
        texts.push("let a = f {\n".to_string() + &"  b: 1,,\n".repeat(n));
        texts.push(format!("let a = f(b{}1)", "\n".repeat(n)));
    }
    for text in texts {
        let start = std::time::Instant::now();
        let file = source(&text);
        let (tree, diags) = parse(&file);
        if !diags.has_errors() {
            let _ = (outline(&tree), format(&tree, &file));
        }
        let seconds = start.elapsed().as_secs_f64();
        let bound = 0.5 + text.len() as f64 * 1e-5;
        let shown: String = text.chars().take(60).collect();
        assert!(seconds < bound, "{seconds} s for {} bytes: {shown:?}", text.len());
    }
}

/// Checks what a text is formatted to.
fn formats(text: &str, expected: &str) {
    assert_eq!(reformat(text), expected);
}

#[test]
fn comments_stay_where_they_are() {
    formats(
        "# first\n\n\n\ncfx 1   # edition\n## doc\nlet a=1 # why\n# between\n\n## not a doc\n\nlet b = 2\n# last",
        "# first\n\ncfx 1  # edition\n## doc\nlet a = 1  # why\n# between\n\n## not a doc\n\nlet b = 2\n# last\n",
    );
    formats(
        "model m = train(x, # data\n  # the other\n y ) { # settings\n\n a: 1 , b: 2 # both\n\n\n # end\n }\n",
        "model m = train(\n  x,  # data\n  # the other\n  y\n) {  # settings\n\n  a: 1, b: 2  # both\n\n  # end\n}\n",
    );
    formats("let a = 1   + # odd\n   2\n", "let a = 1   + # odd\n   2\n");
    formats(
        "network n(\n a: int # width\n b) { # top\n # in\n}\n",
        "network n(\n  a: int  # width\n  b\n) {  # top\n  # in\n}\n",
    );
    formats("let a = [ # none\n]\nlet bc = f( # g\n)\n", "let a  = [  # none\n]\nlet bc = f(  # g\n)\n");
}

#[test]
fn long_lines_are_broken() {
    let names: Vec<String> = (0..30).map(|i| format!("name_{i}: value_{i}")).collect();
    let text = reformat(&format!("model m = train(x, y) {{ {} }}\n", names.join(", ")));
    assert_eq!(text, format!("model m = train(x, y) {{\n  {}\n}}\n", names.join("\n  ")));
    let numbers: Vec<String> = (100..200).map(|i| i.to_string()).collect();
    let text = reformat(&format!("axis a = [{}]\n", numbers.join(", ")));
    assert!(text.lines().count() > 4 && text.lines().all(|l| l.len() <= 130), "{text}");
    let long = "very_long_name_of_something".repeat(2);
    let text = reformat(&format!("let a = if {long} then {long} else {long}\nlet b = {long} and {long} and {long}\n"));
    assert!(text.lines().all(|l| l.len() <= 130), "{text}");
}

/// Returns a text without errors, made of snippets.
fn program() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("x"),
        Just("12%"),
        Just("1e-4"),
        Just("\"t # é\""),
        Just("true"),
        Just("model"),
        Just("{}"),
        Just("[]"),
        Just("f()"),
        Just("a_rather_long_name_of_a_thing_that_fills_lines")
    ];
    let gap = prop_oneof![5 => Just(""), 2 => Just(" "), 1 => Just("\n"), 1 => Just(" # c\n"), 1 => Just("\n\n\n## d\n"), 1 => Just("\n# e\n# f\n")];
    let comma = prop_oneof![3 => Just(","), 1 => Just("\n"), 1 => Just(" # s\n"), 1 => Just(",\n\n # t\n\n")];
    let expr = leaf.prop_map(str::to_string).prop_recursive(6, 40, 4, move |inner| {
        let (g, c) = (gap.clone(), comma.clone());
        prop_oneof![
            (inner.clone(), g.clone(), inner.clone()).prop_map(|(a, g, b)| format!("({a} and {g}{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("x * {a} - y..not {b}")),
            (inner.clone(), g.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, g, b, c)| format!("if {a}{g} then {g}{b} else {c}")),
            (inner.clone(), g.clone(), inner.clone()).prop_map(|(a, g, b)| format!("{a}{g}->{g}{b}")),
            (g.clone(), inner.clone(), g.clone(), inner.clone())
                .prop_map(|(g, a, h, b)| format!("f({g}{a}{h}, {g}name: {b}{h})")),
            (g.clone(), inner.clone(), g.clone(), inner.clone()).prop_map(|(g, a, h, b)| format!("[{g}{a}{h},{g}{b}{h},]")),
            (g.clone(), inner.clone(), c.clone(), inner.clone(), g.clone())
                .prop_map(|(g, a, c, b, h)| format!("{{{g}a: {g}{a}{c}\"k k\": {b}{h}}}")),
            (g.clone(), inner.clone(), c.clone(), inner.clone(), g.clone())
                .prop_map(|(g, a, c, b, h)| format!("train(x) {{{g}aa: {a}{c}b:{g}{b}{h}}}.member[x, {g}y: 1]")),
        ]
    });
    let item = (0..7usize, expr.clone(), expr).prop_map(|(kind, a, b)| match kind {
        0 => format!("model abc = {a}"),
        1 => format!("claim \"T\" =\n  {a}"),
        2 => format!("recipe r = s {{ a: {a}\n\n b: {b} }}"),
        3 => format!("network n(a: int = {a}\n # c\n b) {{ {a}\n\n # in\n tap: {b} }}"),
        4 => format!("extern e(x: stages gathers(class) | none = {a}, # c\n y: option(p, q)) -> {{ a: [real] }} random"),
        5 => format!("variant v = | a(x: int = {a}) |\n b"),
        _ => format!("param p: int = {b}"),
    });
    proptest::collection::vec((item, prop_oneof![Just("\n"), Just(" # t\n"), Just("\n\n\n# o\n"), Just("\n## doc\n")]), 1..5)
        .prop_map(|items| items.into_iter().map(|(i, s)| i + s).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn formatting_keeps_trees_and_comments(text in program()) {
        reformat(&text);
    }

    #[test]
    fn changed_programs_never_panic(
        which in 0..PROGRAMS.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4usize, any::<prop::sample::Index>()), 1..12),
    ) {
        const PIECES: [&str; 24] = ["(", ")", "[", "]", "{", "}", "\n", ",", ":", "=", "->", "|", " ", "\"", "'", "#", "##", "if ", "model ", "..", "é", "not", "1", "\r"];
        let mut text: Vec<char> = PROGRAMS[which].1.chars().collect();
        for (at, kind, what) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            match kind {
                0 if at < text.len() => { text.remove(at); }
                1 => { let end = (at + what.index(40)).min(text.len()); text.drain(at..end); }
                2 if at < text.len() => { let other = what.index(text.len()); text.swap(at, other); }
                _ => { text.splice(at..at, PIECES[what.index(PIECES.len())].chars()); }
            }
        }
        let text: String = text.into_iter().collect();
        let (_, diags) = parse(&source(&text));
        for diag in &diags.0 {
            for (span, _) in &diag.labels {
                prop_assert!(text.get(span.start as usize - 100..span.end as usize - 100).is_some());
            }
        }
        if !diags.has_errors() {
            reformat(&text);
        }
    }

    #[test]
    fn any_text_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "[a-z(){}\\[\\]\"'#:=,.|\\-><!&%0-9é \n\t]{0,300}") {
        parse(&source(&String::from_utf8_lossy(&bytes)));
        let (_, diags) = parse(&source(&text));
        if !diags.has_errors() {
            reformat(&text);
        }
    }
}
