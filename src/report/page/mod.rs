//! The page of a report: one HTML file that fetches nothing and runs no program, for screens light and dark, for paper, for the keyboard and for
//! screen readers. What was claimed comes first, then figures in the script's order, each with the fits behind it, then tables, folded.
//!
//! Its size does not grow with the number of cells: long lists show their beginning, or what is worst, and link the file that holds all.

mod claims;
mod diagnostics;
mod figures;
mod highlight;
mod plan;
mod script;
mod tables;
mod words;

pub use diagnostics::{LISTED, listed};
pub use words::short;

use super::contents::Contents;
use super::figure::{font, svg::escape};
use super::input::ReportInput;
use super::manifest::record;
use crate::base::time::duration;
use crate::plan::facts::Policy;
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");
/// A longer manifest is linked, not shown.
const MANIFEST: usize = 400_000;

/// A part of the page.
struct Section {
    id: &'static str,
    name: &'static str,
    /// Places within it that the list of contents names: id, words, whether they need a look.
    places: Vec<(String, String, bool)>,
    body: String,
}

/// Returns the report as HTML.
pub fn page(input: &ReportInput, contents: &Contents, manifest: &str) -> String {
    let title = if input.graph.title.is_empty() { input.script.name.as_str() } else { input.graph.title.as_str() };
    let section = |id, name, body| Section { id, name, places: Vec::new(), body };
    let (figures, places) = figures::figures(input, contents);
    let sections = [
        section("claims", "Claims", claims::claims(input, contents)),
        Section { places, ..section("figures", "Figures", figures) },
        section("tables", "Tables", tables::tables(input, contents)),
        section("diagnostics", "Diagnostics", diagnostics::diagnostics(input, contents)),
        section("plan", "Plan", plan::plan(input)),
        section("script", "Script", script::script(input)),
        section("manifest", "Manifest", manifest_section(manifest)),
    ];
    let sections: Vec<&Section> = sections.iter().filter(|s| !s.body.is_empty()).collect();
    let mut out = String::with_capacity(1 << 18);
    head(&mut out, title);
    out.push_str("<a class=\"skip\" href=\"#main\">Skip to the results</a>\n");
    header(&mut out, input, title);
    list(&mut out, &sections);
    out.push_str("<main id=\"main\" tabindex=\"-1\">\n");
    for Section { id, name, body, .. } in sections {
        let _ = write!(
            out,
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{name}</h2>\n{body}</section>\n"
        );
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, title: &str) {
    let face = |weight: u32, data: &[u8]| {
        format!(
            "@font-face{{font-family:Inter;font-weight:{weight};src:url(data:font/otf;base64,{}) format(\"opentype\")}}\n",
            words::base64(data)
        )
    };
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:\">\n\
         <title>{}</title>\n<style>\n{}{}{STYLE}</style>\n</head>\n<body>\n",
        escape(title),
        face(400, font::REGULAR),
        face(600, font::SEMI_BOLD)
    );
}

fn header(out: &mut String, input: &ReportInput, title: &str) {
    // Views and sums, which no store keeps, are no cells to those who read.
    let kept: Vec<usize> = (0..input.graph.cells.len()).filter(|i| input.graph.cells[*i].policy != Policy::Inline).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for i in kept.iter().copied() {
        *counts.entry(record(input, i).outcome.word()).or_insert(0) += 1;
    }
    let cells: Vec<String> = ["computed", "stored", "absent", "failed", "blocked", "not run"]
        .iter()
        .filter_map(|w| counts.get(w).map(|n| format!("{n} {w}")))
        .collect();
    let seconds: f64 = (0..input.graph.cells.len()).map(|i| record(input, i).seconds).sum();
    let mut facts = vec![
        escape(&input.script.name),
        format!("seed {}", input.graph.seed),
        match input.graph.overrides.len() {
            0 => String::new(),
            1 => "1 parameter set from outside".to_string(),
            n => format!("{n} parameters set from outside"),
        },
        format!("{} {} ({})", kept.len(), if kept.len() == 1 { "cell" } else { "cells" }, cells.join(", ")),
        format!("cells took {}", duration(seconds)),
        format!("cfx {}", escape(&input.build.version)),
    ];
    facts.extend(input.build.devices.iter().map(|d| escape(d)));
    facts.retain(|f| !f.is_empty());
    let facts: Vec<String> = facts.iter().map(|f| format!("<li>{f}</li>")).collect();
    let _ = write!(out, "<header>\n<h1>{}</h1>\n<ul class=\"facts\">{}</ul>\n</header>\n", escape(title), facts.join(""));
}

/// Writes the list of contents.
fn list(out: &mut String, sections: &[&Section]) {
    out.push_str("<nav aria-label=\"Contents\">\n<ol>\n");
    for section in sections {
        let _ = write!(out, "<li><a href=\"#{}\">{}</a>", section.id, section.name);
        if !section.places.is_empty() {
            out.push_str("\n<ol>\n");
            for (id, words, look) in &section.places {
                let mark = if *look { " <span class=\"mark\">chains disagree</span>" } else { "" };
                let _ = writeln!(out, "<li><a href=\"#{id}\">{}</a>{mark}</li>", escape(words));
            }
            out.push_str("</ol>\n");
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n</nav>\n");
}

fn manifest_section(manifest: &str) -> String {
    let link = "<p class=\"files\"><a href=\"manifest.json\">manifest.json</a></p>\n";
    if manifest.len() > MANIFEST {
        return link.into();
    }
    format!(
        "{link}<details>\n<summary>Show</summary>\n{}</details>\n",
        words::scrolled("The manifest", &format!("<pre>{}</pre>", escape(manifest)))
    )
}
