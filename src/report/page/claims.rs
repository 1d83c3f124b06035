//! The claims with their verdicts, and the densities behind them that did not settle.

use super::super::contents::Contents;
use super::super::figure::svg::escape;
use super::super::formats::place_words;
use super::super::input::ReportInput;
use super::words::{badge, line_link, prose};
use crate::engine::value::Value;
use crate::plan::graph::Declared;
use std::fmt::Write;

/// Places of one claim that are shown; those that do not hold come first where there are more.
const PLACES: usize = 24;

/// A claim at one place.
struct Decided {
    class: &'static str,
    word: String,
    place: usize,
    text: String,
    beside: Vec<String>,
}

/// Returns the claims, in the script's order; empty where there are none.
pub fn claims(input: &ReportInput, contents: &Contents) -> String {
    let (mut out, mut verdicts): (String, Vec<(&'static str, String, usize)>) = (String::new(), Vec::new());
    for declared in input.graph.values.iter().filter(|v| v.keyword == "claim") {
        let mut all: Vec<Decided> = (0..declared.entries.len()).map(|i| decided(input, contents, declared, i)).collect();
        for d in &all {
            match verdicts.iter_mut().find(|v| v.0 == d.class && v.1 == d.word) {
                Some(v) => v.2 += 1,
                None => verdicts.push((d.class, d.word.clone(), 1)),
            }
        }
        let count = all.len();
        if count > PLACES {
            all.sort_by_key(|d| rank(d.class));
        }
        all.iter().take(PLACES).for_each(|d| item(&mut out, input, declared, d));
        if count > PLACES {
            let _ = writeln!(
                out,
                "<li><span></span><div class=\"soft\">and {} more places of this claim; <a href=\"manifest.json\">manifest.json</a> has all</div></li>",
                count - PLACES
            );
        }
    }
    if out.is_empty() {
        return out;
    }
    verdicts.sort_by_key(|v| rank(v.0));
    let counts: Vec<String> = verdicts.iter().map(|(class, word, n)| badge(class, &format!("{n} {word}"))).collect();
    let all: usize = verdicts.iter().map(|v| v.2).sum();
    let counts = if all > 1 { format!("<p class=\"counts\">{}</p>\n", counts.join(" ")) } else { String::new() };
    format!("{counts}<ul class=\"claims\">\n{out}</ul>\n")
}

/// Returns the place of a verdict in the order of what needs a look.
fn rank(class: &str) -> usize {
    ["bad", "fair", "", "good"].iter().position(|c| *c == class).unwrap_or(0)
}

fn decided(input: &ReportInput, contents: &Contents, declared: &Declared, place: usize) -> Decided {
    let entry = &declared.entries[place];
    let (class, word, text) = match (input.value)(entry) {
        Value::Truth(t) => {
            let class = if !t.holds {
                "bad"
            } else if t.within_error {
                "fair"
            } else {
                "good"
            };
            (class, t.verdict(), t.text.clone())
        }
        Value::Absent(why) => ("", "not decided", why),
        other => ("", "not decided", format!("a {} is not a truth value", other.word())),
    };
    // What is decided with values in doubt is not plainly true.
    let class = if class == "good" && contents.settling.behind(entry).is_some() { "fair" } else { class };
    Decided { class, word: word.to_string(), place, text, beside: contents.beside(entry) }
}

fn item(out: &mut String, input: &ReportInput, declared: &Declared, d: &Decided) {
    let beside: String = d.beside.iter().map(|w| format!("<br><span class=\"soft\">{}</span>", prose(w))).collect();
    let _ = writeln!(
        out,
        "<li>{}<div><b>{}</b> {}<br><code>{}</code>{beside}</div></li>",
        badge(d.class, &d.word),
        escape(&format!("{}{}", declared.name, place_words(declared, d.place))),
        line_link(input, declared.span),
        escape(&d.text)
    );
}
