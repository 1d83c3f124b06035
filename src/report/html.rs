//! The report: one HTML file that fetches nothing, for screens light and dark, and for paper.

use super::figure::{font, scale, svg::escape};
use super::formats::place_words;
use super::held_out::HeldOut;
use super::input::{Outcome, ReportInput};
use super::manifest::record;
use super::picture;
use super::settling::{Diagnostic, Settling};
use super::shown::Shown;
use crate::base::Span;
use crate::base::time::duration;
use crate::engine::value::{Column, Table, Value};
use crate::plan::graph::{Declared, Entry};
use crate::plan::share;
use crate::plan::units::unit;
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");
/// Rows of a table that are shown; the rest is in its CSV.
pub const ROWS: usize = 12;
/// Remarks beside a table that are shown.
const BESIDE: usize = 4;
/// A longer manifest is linked, not shown.
const MANIFEST: usize = 400_000;
/// A picture of more declarations than this would be no help, and take long to lay out.
const DRAWN: usize = 400;

/// What has been written for the page to show.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Figures in the order of the script.
    pub figures: Vec<Shown>,
    /// Tables: index of the declaration, name of the files without extension, the first rows ([`ROWS`] at most), and how many there are.
    pub tables: Vec<(usize, String, Table, usize)>,
    /// Which densities settled, and what is made from the others.
    pub settling: Settling,
    /// Which numbers are of rows held out that an operation has seen.
    pub held_out: HeldOut,
    /// Chains that did not settle: name of the density, note, picture.
    pub chains: Vec<(String, String, String)>,
}

impl Page {
    /// Returns what must be said beside a value.
    pub fn beside(&self, entry: &Entry) -> Vec<String> {
        let held_out = self.held_out.behind(entry).map(str::to_string);
        self.settling.behind(entry).into_iter().chain(held_out).collect()
    }
}

/// Returns the report as HTML.
pub fn page(input: &ReportInput, page: &Page, manifest: &str) -> String {
    let mut out = String::with_capacity(1 << 18);
    let title = if input.graph.title.is_empty() { input.script.name.as_str() } else { input.graph.title.as_str() };
    head(&mut out, title);
    let sections: [(&str, &str, String); 7] = [
        ("claims", "Claims", claims(input, page)),
        ("figures", "Figures", figures(input, page)),
        ("tables", "Tables", tables(input, page)),
        ("diagnostics", "Diagnostics", diagnostics(input, page)),
        ("plan", "Plan", plan(input)),
        ("script", "Script", script(input)),
        ("manifest", "Manifest", manifest_section(manifest)),
    ];
    header(&mut out, input, title, &sections);
    for (id, name, body) in sections.iter().filter(|s| !s.2.is_empty()) {
        let _ = write!(out, "<section id=\"{id}\">\n<h2>{name}</h2>\n{body}</section>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn head(out: &mut String, title: &str) {
    let face = |weight: u32, data: &[u8]| {
        format!(
            "@font-face{{font-family:Inter;font-weight:{weight};src:url(data:font/otf;base64,{}) format(\"opentype\")}}\n",
            base64(data)
        )
    };
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; font-src data:\">\n\
         <title>{}</title>\n<style>\n{}{}{STYLE}</style>\n</head>\n<body>\n",
        escape(title),
        face(400, font::REGULAR),
        face(600, font::SEMI_BOLD)
    );
}

fn header(out: &mut String, input: &ReportInput, title: &str, sections: &[(&str, &str, String)]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for i in 0..input.graph.cells.len() {
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
        format!("{} cells ({})", input.graph.cells.len(), cells.join(", ")),
        duration(seconds),
        format!("cfx {}", escape(&input.build.version)),
    ];
    facts.extend(input.build.devices.iter().map(|d| escape(d)));
    facts.retain(|f| !f.is_empty());
    let links: Vec<String> =
        sections.iter().filter(|s| !s.2.is_empty()).map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    let _ = write!(
        out,
        "<header>\n<h1>{}</h1>\n<p class=\"facts\">{}</p>\n<nav>{}</nav>\n</header>\n",
        escape(title),
        facts.join(" · "),
        links.join("")
    );
}

fn claims(input: &ReportInput, page: &Page) -> String {
    let mut out = String::new();
    for declared in input.graph.values.iter().filter(|v| v.keyword == "claim") {
        for (i, entry) in declared.entries.iter().enumerate() {
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
                other => ("", "not decided", format!("a {} is no truth value", other.word())),
            };
            let beside: String =
                page.beside(entry).iter().map(|w| format!("<br><span class=\"soft\">{}</span>", escape(w))).collect();
            // What is decided with values in doubt is not plainly true.
            let class = if class == "good" && page.settling.behind(entry).is_some() { "fair" } else { class };
            let _ = writeln!(
                out,
                "<li><span class=\"badge {class}\">{word}</span><div><b>{}</b> {}<br><code>{}</code>{beside}</div></li>",
                escape(&format!("{}{}", declared.name, place_words(declared, i))),
                line_link(input, declared.span),
                escape(&text)
            );
        }
    }
    if out.is_empty() { out } else { format!("<ul class=\"claims\">\n{out}</ul>\n") }
}

fn figures(input: &ReportInput, page: &Page) -> String {
    let mut out = String::new();
    for (number, shown) in page.figures.iter().enumerate() {
        let Some(declared) = input.graph.values.get(shown.declared) else { continue };
        let title = format!("{}{}", declared.name, place_words(declared, shown.place));
        let n = number + 1;
        match &shown.figure {
            Some(figure) => {
                let file = escape(&shown.file);
                let data = if figure.data.rows() > 0 { format!(" · <a href=\"{file}.csv\">CSV</a>") } else { String::new() };
                let _ = write!(
                    out,
                    "<figure id=\"figure-{n}\">\n<div class=\"plate\">{}</div>\n<figcaption><b>Figure {n}. {}.</b> {}\
                     <div class=\"files\"><a href=\"{file}.svg\">SVG</a> · <a href=\"{file}.png\">PNG</a>{data}</div>\n",
                    figure.svg,
                    escape(title.trim_end_matches('.')),
                    escape(&figure.caption)
                );
            }
            None => {
                let _ = write!(
                    out,
                    "<figure id=\"figure-{n}\">\n<figcaption><b>Figure {n}. {}.</b> <span class=\"badge fair\">absent</span> {}\n",
                    escape(&title),
                    escape(&shown.absent)
                );
            }
        }
        let _ = writeln!(
            out,
            "<details><summary>{}</summary>{}</details></figcaption>\n</figure>",
            made_by(input, declared),
            source(input, declared)
        );
    }
    out
}

fn made_by(input: &ReportInput, declared: &Declared) -> String {
    match line(input, declared.span) {
        Some(n) => format!("Line {n} of the script"),
        None => "As written".into(),
    }
}

/// Returns the text of a declaration with its line numbers.
fn source(input: &ReportInput, declared: &Declared) -> String {
    let first = line(input, declared.span);
    let lines: Vec<String> = declared
        .source
        .lines()
        .enumerate()
        .map(|(i, l)| match first {
            Some(n) => format!("<span class=\"n\">{}</span>{}", n + i, escape(l)),
            None => escape(l),
        })
        .collect();
    format!("<pre>{}</pre>", lines.join("\n"))
}

/// Returns the line of the script on which a place lies.
fn line(input: &ReportInput, span: Span) -> Option<usize> {
    let at = (span.start as usize).checked_sub(input.script.base)?;
    input.script.text.get(..at).map(|before| before.matches('\n').count() + 1)
}

fn line_link(input: &ReportInput, span: Span) -> String {
    line(input, span).map_or_else(String::new, |n| format!("<a class=\"soft\" href=\"#line-{n}\">line {n}</a>"))
}

/// Returns a number for a table: up to five significant digits.
pub fn short(x: f64) -> String {
    match x {
        x if x.is_nan() => String::new(),
        x if !x.is_finite() => scale::number(x),
        x if x.fract() == 0.0 && x.abs() < 1e7 => scale::fixed(x, 0),
        x => {
            let exponent = x.abs().log10().floor() as i32;
            if (-4..7).contains(&exponent) {
                let text = scale::fixed(x, (4 - exponent).clamp(0, 8) as usize);
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
            } else {
                scale::number(x)
            }
        }
    }
}

fn tables(input: &ReportInput, page: &Page) -> String {
    let mut out = String::new();
    for (declared, file, table, count) in &page.tables {
        let Some(declared) = input.graph.values.get(*declared) else { continue };
        let file = escape(file);
        let _ = write!(
            out,
            "<h3>{} <span class=\"soft\">{} {}</span></h3>\n{}{}{}<p class=\"soft files\">{count} rows · <a href=\"{file}.csv\">CSV</a> · <a href=\"{file}.parquet\">Parquet</a></p>\n",
            escape(&declared.name),
            escape(&declared.kind),
            line_link(input, declared.span),
            declared.doc.as_ref().map_or_else(String::new, |d| format!("<p>{}</p>\n", escape(d))),
            rows(table, *count, &declared.name, input.units(declared)),
            beside(page, declared),
        );
    }
    out
}

/// Returns what must be said of a declaration's values: of densities that did not settle in one sentence, the rest once each.
fn beside(page: &Page, declared: &Declared) -> String {
    let all = declared.entries.len();
    let mut words: Vec<(String, usize)> =
        page.settling.behind_all(&declared.entries).map(|text| (text, all)).into_iter().collect();
    for text in declared.entries.iter().filter_map(|e| page.held_out.behind(e).map(str::to_string)) {
        match words.iter_mut().find(|w| w.0 == text) {
            Some(w) => w.1 += 1,
            None => words.push((text, 1)),
        }
    }
    let line = |(text, n): &(String, usize)| {
        let which = if *n == all { String::new() } else { format!("{n} of {all}: ") };
        format!("<p class=\"soft\">{which}{}</p>\n", escape(text))
    };
    let more = words.len().saturating_sub(BESIDE);
    let rest = if more > 0 { format!("<p class=\"soft\">and {more} more; see Diagnostics</p>\n") } else { String::new() };
    words.iter().take(BESIDE).map(line).collect::<String>() + &rest
}

/// Returns the first rows of a table: columns named as the declaration, or as a part of its record, with their units.
fn rows(table: &Table, count: usize, own: &str, units: &[(String, String)]) -> String {
    let heading = |name: &str| match unit(units, if name == own { "" } else { name }) {
        Some(unit) => format!("{} <span class=\"soft\">({})</span>", escape(name), escape(unit)),
        None => escape(name),
    };
    let right = |c: &Column| if matches!(c, Column::Numbers(_)) { " class=\"r\"" } else { "" };
    let mut out = "<div class=\"scroll\"><table>\n<tr>".to_string();
    for (name, column) in &table.columns {
        let _ = write!(out, "<th{}>{}</th>", right(column), heading(name));
    }
    out.push_str("</tr>\n");
    for i in 0..table.rows() {
        out.push_str("<tr>");
        for (_, column) in &table.columns {
            let text = match column {
                Column::Numbers(x) => x.get(i).map_or_else(String::new, |v| short(*v)),
                Column::Texts(t) => t.get(i).map_or_else(String::new, |t| escape(t)),
            };
            let _ = write!(out, "<td{}>{text}</td>", right(column));
        }
        out.push_str("</tr>\n");
    }
    if count > table.rows() {
        let _ = writeln!(out, "<tr><td class=\"soft\" colspan=\"{}\">…</td></tr>", table.columns.len().max(1));
    }
    out.push_str("</table></div>\n");
    out
}

fn diagnostics(input: &ReportInput, page: &Page) -> String {
    let mut out = String::new();
    let all = &page.settling.fits;
    if !all.is_empty() {
        let badge = |(word, class): (&str, &str), count: &str| format!("<span class=\"badge {class}\">{count}{word}</span>");
        let mut verdicts: Vec<((&str, &str), usize)> = Vec::new();
        for fit in all {
            match verdicts.iter_mut().find(|v| v.0 == fit.diagnostic.badge()) {
                Some(v) => v.1 += 1,
                None => verdicts.push((fit.diagnostic.badge(), 1)),
            }
        }
        // The worst come first.
        let rank = |class: &str| ["bad", "fair", "", "good"].iter().position(|c| *c == class);
        verdicts.sort_by_key(|v| rank(v.0.1));
        let badges: Vec<String> = verdicts.iter().map(|(v, n)| badge(*v, &format!("{n} "))).collect();
        let mut sorted: Vec<&Diagnostic> = all.iter().map(|f| &f.diagnostic).collect();
        sorted.sort_by_key(|d| rank(d.badge().1));
        let mut body = String::new();
        for d in &sorted {
            let _ = writeln!(
                body,
                "<tr><td>{}</td><td>{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"long\">{}</td></tr>",
                escape(&d.name),
                badge(d.badge(), ""),
                d.r_hat_words(),
                d.ess.map_or_else(String::new, |x| scale::fixed(x, 0)),
                escape(&d.note)
            );
        }
        let open = if sorted.len() <= 12 { " open" } else { "" };
        let _ = write!(
            out,
            "<h3>Densities</h3>\n<p>{}</p>\n<details{open}><summary>{} densities</summary><div class=\"scroll\"><table>\n\
             <tr><th>density</th><th>verdict</th><th class=\"r\">R-hat</th><th class=\"r\">ESS</th><th>note</th></tr>\n{body}</table></div></details>\n",
            badges.join(" "),
            sorted.len()
        );
        out.push_str(&chains(page));
    }
    out.push_str(&troubles(input));
    out
}

/// Returns the pictures of chains that did not settle.
fn chains(page: &Page) -> String {
    let mut out = String::new();
    for (name, note, svg) in &page.chains {
        let _ = writeln!(
            out,
            "<figure>\n<div class=\"plate\">{svg}</div>\n<figcaption><b>Chains of {}.</b> {}. Above, what every pass found; below, how the draws \
             after burn-in of each chain rank among those of all: even (dashed) where chains tell of one distribution.</figcaption>\n</figure>",
            escape(name),
            escape(note)
        );
    }
    let more = page.settling.worst().len().saturating_sub(page.chains.len());
    if more > 0 && !page.chains.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{more} more did not settle; `trace(p)` has the chains of each.</p>");
    }
    out
}

/// Returns the cells that failed, are absent or did not run, by reason.
fn troubles(input: &ReportInput) -> String {
    let mut reasons: BTreeMap<(u8, String, String), Vec<String>> = BTreeMap::new();
    for (i, cell) in input.graph.cells.iter().enumerate() {
        let (rank, why, help) = match &record(input, i).outcome {
            Outcome::Failed { message, help } => (0, message.clone(), help.clone().unwrap_or_default()),
            Outcome::Blocked(why) => (1, why.clone(), String::new()),
            Outcome::Absent(why) => (2, why.clone(), String::new()),
            Outcome::NotRun if !input.records.is_empty() => (3, String::new(), String::new()),
            _ => continue,
        };
        reasons.entry((rank, why, help)).or_default().push(cell.title());
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut body = String::new();
    for ((rank, why, help), cells) in &reasons {
        let (class, word) = [("bad", "failed"), ("bad", "blocked"), ("", "absent"), ("", "not run")][*rank as usize];
        let shown: Vec<String> = cells.iter().take(8).map(|c| escape(c)).collect();
        let more = if cells.len() > 8 { format!(" and {} more", cells.len() - 8) } else { String::new() };
        let help = if help.is_empty() { String::new() } else { format!("<br><span class=\"soft\">{}</span>", escape(help)) };
        let _ = writeln!(
            body,
            "<tr><td><span class=\"badge {class}\">{} {word}</span></td><td class=\"long\">{}{help}</td><td class=\"long\">{}{more}</td></tr>",
            cells.len(),
            escape(why),
            shown.join("<br>")
        );
    }
    format!(
        "<h3>Cells without a result</h3>\n<div class=\"scroll\"><table>\n<tr><th></th><th>reason</th><th>cells</th></tr>\n{body}</table></div>\n"
    )
}

fn plan(input: &ReportInput) -> String {
    if input.graph.values.is_empty() {
        return String::new();
    }
    let (nodes, edges) = picture::declarations(input.graph);
    let mut body = String::new();
    for (i, declared) in input.graph.values.iter().enumerate() {
        let mut ids: Vec<usize> =
            declared.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
        ids.sort_unstable();
        ids.dedup();
        let sum = |f: &dyn Fn(usize) -> f64| ids.iter().map(|id| f(*id)).sum::<f64>();
        let planned: f64 = share::seconds(input.graph, &ids).iter().sum();
        let actual = sum(&|id| record(input, id).seconds);
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>",
            escape(&declared.name),
            escape(nodes.get(i).map_or("", |n| n.about.as_str())),
            ids.len(),
            duration(planned),
            duration(actual)
        );
    }
    let picture = if nodes.len() <= DRAWN {
        picture::draw(&nodes, &edges)
    } else {
        format!("<p>{} declarations: too many for a picture here; <code>cfx plan --svg</code> draws them.</p>", nodes.len())
    };
    format!(
        "<figure class=\"plan\"><div class=\"plate\">{}</div></figure>\n<details><summary>Cells and time by declaration</summary><div class=\"scroll\"><table>\n\
         <tr><th>declaration</th><th>what</th><th class=\"r\">cells</th><th class=\"r\">estimated</th><th class=\"r\">actual</th></tr>\n{body}</table></div></details>\n",
        picture
    )
}

fn script(input: &ReportInput) -> String {
    if input.script.text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = input
        .script
        .text
        .lines()
        .enumerate()
        .map(|(i, l)| format!("<span id=\"line-{0}\"><span class=\"n\">{0}</span>{1}</span>", i + 1, escape(l)))
        .collect();
    format!("{}<pre>{}</pre>\n", overrides(input), lines.join("\n"))
}

/// Returns the parameters whose values were given from outside, beside what the script writes.
fn overrides(input: &ReportInput) -> String {
    if input.graph.overrides.is_empty() {
        return String::new();
    }
    let row = |o: &crate::plan::graph::Override| {
        let written = o.default.as_ref().map_or_else(|| "no default".to_string(), |d| format!("<code>{}</code>", escape(d)));
        format!(
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{written}</td></tr>\n",
            escape(&o.name),
            escape(&o.value)
        )
    };
    let rows: String = input.graph.overrides.iter().map(row).collect();
    format!(
        "<p>This run was given other values than the script writes:</p>\n<table><thead><tr><th>parameter</th><th>given</th><th>in the \
         script</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
    )
}

fn manifest_section(manifest: &str) -> String {
    if manifest.len() > MANIFEST {
        return "<p><a href=\"manifest.json\">manifest.json</a></p>\n".into();
    }
    format!(
        "<p class=\"files\"><a href=\"manifest.json\">manifest.json</a></p>\n<details><summary>Show</summary><pre>{}</pre></details>\n",
        escape(manifest)
    )
}

/// Returns bytes in base 64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().enumerate().fold(0u32, |n, (i, b)| n | (*b as u32) << (16 - 8 * i));
        for i in 0..4 {
            out.push(if i <= chunk.len() { SIGNS[(n >> (18 - 6 * i)) as usize & 63] as char } else { '=' });
        }
    }
    out
}
