//! Tests of cut lines: where they are cut, and that places stay what they were.

use super::cut;
use crate::base::{Diag, SourceMap, Span};

fn shown(text: &str, from: usize, to: usize) -> Option<(String, String, Vec<usize>)> {
    let mut sources = SourceMap::new();
    sources.add("before.cfx", "axis run = 0..3\n");
    let base = sources.add("exp.cfx", text).base;
    let diag = Diag::error("cfx::name::unknown", Span::new(base + from, base + to), "nothing here is called so");
    let drawn = cut(&sources, &diag)?;
    let text = drawn.sources.files()[1].text.clone();
    Some((text, drawn.sources.text(drawn.diag.span()).to_string(), drawn.columns.into_values().collect()))
}

#[test]
fn short_lines_stay() {
    assert_eq!(shown("let a = b\nlet c = d\n", 8, 9), None);
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let text = format!("let a = 1\nlet b = {}wrong{}\nlet c = 2\n", "1 + ".repeat(300), " + 1".repeat(300));
    let at = text.find("wrong").expect("the place");
    let (cut, span, columns) = shown(&text, at, at + 5).expect("a cut line");
    let lines: Vec<&str> = cut.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2], span.as_str()), (3, "let a = 1", "let c = 2", "wrong"));
    assert!(lines[1].starts_with('…') && lines[1].ends_with('…') && lines[1].len() < 200, "{}", lines[1]);
    assert_eq!(columns, vec![at - 10]);
}

#[test]
fn letters_of_several_bytes_and_spans_over_lines_are_no_trouble() {
    let text = format!("{}x{}\nlet y = {}\n", "ä".repeat(301), "ä".repeat(301), "z".repeat(500));
    let at = text.find('x').expect("the place");
    for (from, to) in [(at, at + 1), (0, 0), (0, text.len()), (at, text.len() - 1), (text.len(), text.len())] {
        let (cut, span, _) = shown(&text, from, to).unwrap_or_default();
        assert!(cut.len() < text.len() && span.len() <= cut.len());
    }
    assert_eq!(shown(&text, at, at + 1).map(|s| s.1).as_deref(), Some("x"));
}
