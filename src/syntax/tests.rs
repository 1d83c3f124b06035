use super::*;
use crate::base::{Diags, SourceFile};

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
        if std::env::var("SHOW").is_ok() {
            println!("--- {name}\n{}", outline(&file));
        }
        assert_eq!(diags, Diags::default(), "{name}");
        assert!(file.items.len() > 5, "{name}");
    }
}

/// Returns each message as `line: code: message | help`.
fn complaints(text: &str) -> Vec<String> {
    let file = source(text);
    let line = |at: u32| text[..at as usize - file.base].matches('\n').count() + 1;
    let (_, diags) = parse(&file);
    diags
        .0
        .iter()
        .map(|d| {
            let (span, words) = &d.labels[0];
            let under = &text[span.start as usize - file.base..span.end as usize - file.base];
            format!(
                "{}: {}: {} [{under}] ({words}) | {}",
                line(span.start),
                d.code,
                d.message,
                d.help.clone().unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn show_errors() {
    for text in [
        "cfx 2\nlet a = 1\n",
        "let a = 1\ncfx 1\n",
        "dataset = digits()\n",
        "dataset\nlet a = 1\n",
        "dataset \"x\" = digits()\n",
        "figure foo = bands()\n",
        "figure = bands()\n",
        "modle m = train(a)\ndata set x = 3\nanalysys z = 4\n",
        "x = 3\n",
        "for i in 0..10 { a }\nwhile true\ndef f(x):\nimport numpy\nlet z = 2\n",
        "let a = f(b = 3)\n",
        "model m = train(a) { epochs = 3 }\n",
        "model m == train(a)\n",
        "model m : train(a)\n",
        "model m := train(a)\n",
        "let a = 1 // why\nlet b = 'hi'\nlet c = a && b || !c\nlet d = \"open\nlet e = 1;\n",
        "model m = train(a, b {\n  epochs: 3\n}\nlet y = 2\n",
        "model m = train(a, b) {\n  epochs: 3\n\nstages s = tap(m)\n",
        "let a = [1, 2\nlet b = (3]\nlet c = 3)\n",
        "let a = 1 +\nlet b = \nlet c = 3 4\nlet d = f(a b)\nlet e = f(a, , b)\n",
        "let a = 12x + 1_000 + 1.2.3 + 10K\n",
        "let a = 1 < 2 < 3\nlet b = 1..2..3\n",
        "let a = \"a\\qb\"\n",
        "let a = if b then c\nlet d = if b c else d\n",
        "let a = f(x) { 3 }\n",
        "let gęś = 3\nlet b = “hi”\nlet c = 3 – 2\nlet d = a\u{a0}+ b\n",
        "let if = 3\n",
        "use std.data\nuse digits from std.data\nuse { a }\n",
        "network n(a: int { conv }\nnetwork m = 3\nlayer x\n",
        "extern f(x: stages)\nextern g(x stages) -> density\nvariant v\n",
        "}\nlet a = 2 ** 3\nlet b = 5 % 3\nlet c = [i for i in x]\n",
        "recipe r { a: 1 b: 2 }\nparam e int = 3\nparam x: = 2\n",
        "claim \"T\" = a >\n\nfigure \"T\" = \n  bands(x: y)\n",
        "let a = f(x)\n  .b\n",
    ] {
        println!("-----\n{text}");
        for c in complaints(text) {
            println!("  => {c}");
        }
    }
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
    for (name, text) in PROGRAMS {
        let text = reformat(text);
        if std::env::var("SHOW").is_ok() {
            println!("--- {name}\n{text}");
        }
    }
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
        if seconds > 0.3 {
            println!("{seconds:.2} s for {} bytes: {shown:?}", text.len());
        }
        assert!(seconds < bound, "{seconds} s for {} bytes: {shown:?}", text.len());
    }
}
