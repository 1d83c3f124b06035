//! Which densities settled, the chains of those that did not, and the cells without a result.

use super::super::contents::Contents;
use super::super::figure::{scale, svg::escape};
use super::super::frame::{Cells, Field, Frame, Is};
use super::super::input::{Outcome, ReportInput};
use super::super::manifest::record;
use super::super::settling::{Diagnostic, Fit, Settling};
use super::words::{badge, prose, scrolled};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Densities that the page lists, the worst first; all are in a file where there are more.
pub const LISTED: usize = 200;
/// Densities that did not settle that are listed beside a figure.
const BESIDE: usize = 12;
/// Reasons of cells without a result that are listed.
const REASONS: usize = 60;

/// Returns the diagnostics of all densities as a table.
pub fn listed(settling: &Settling) -> Frame {
    let all = || settling.fits.iter().map(|f| &f.diagnostic);
    let texts = |of: &dyn Fn(&Diagnostic) -> &str| Cells::Texts(all().map(|d| Some(of(d).to_string())).collect());
    let numbers = |of: &dyn Fn(&Diagnostic) -> Option<f64>| Cells::Numbers(all().map(|d| of(d).unwrap_or(f64::NAN)).collect());
    let columns = [
        ("density", texts(&|d| &d.name)),
        ("verdict", texts(&|d| &d.verdict)),
        ("r_hat", numbers(&|d| d.r_hat)),
        ("ess", numbers(&|d| d.ess)),
        ("note", texts(&|d| &d.note)),
    ];
    let field = |(name, cells): (&str, Cells)| Field { name: name.to_string(), is: Is::Column, of: String::new(), cells };
    Frame { columns: columns.into_iter().map(field).collect() }
}

/// Returns the section: verdicts, chains, cells without a result; empty where there is nothing to tell.
pub fn diagnostics(input: &ReportInput, contents: &Contents) -> String {
    let mut out = String::new();
    let mut fits: Vec<&Fit> = contents.settling.fits.iter().collect();
    if !fits.is_empty() {
        fits.sort_by_key(|f| rank(f.diagnostic.badge().1));
        let open = if contents.settling.worst().is_empty() { "" } else { " open" };
        let all = match &contents.diagnostics {
            Some(file) => format!(
                "<p class=\"files\">{LISTED} of {} densities, the worst first; <a href=\"{}.csv\">CSV</a> has all</p>\n",
                fits.len(),
                escape(file)
            ),
            None => String::new(),
        };
        let _ = write!(
            out,
            "<h3>Did the chains settle?</h3>\n<p class=\"counts\">{}</p>\n<details{open}>\n<summary>{} {}</summary>\n{}{all}</details>\n",
            verdicts(&fits),
            fits.len(),
            if fits.len() == 1 { "density" } else { "densities" },
            table("Densities and their chains", &fits[..fits.len().min(LISTED)], true)
        );
        out.push_str(&chains(contents));
    }
    out.push_str(&troubles(input));
    out
}

/// Returns what is to be said below a figure of the densities behind it: how many settled, and which did not.
pub fn behind(fits: &[&Fit], contents: &Contents) -> String {
    if fits.is_empty() {
        return String::new();
    }
    let mut bad: Vec<&Fit> = fits.iter().copied().filter(|f| f.unsettled()).collect();
    bad.sort_by_key(|f| rank(f.diagnostic.badge().1));
    let which = if bad.is_empty() {
        String::new()
    } else {
        let more = bad.len().saturating_sub(BESIDE);
        let rest = if more > 0 { format!("<p class=\"soft\">and {more} more</p>\n") } else { String::new() };
        format!(
            "<details>\n<summary>{} did not settle</summary>\n{}{rest}</details>\n",
            bad.len(),
            table("Densities behind this figure that did not settle", &bad[..bad.len().min(BESIDE)], false)
        )
    };
    let pictured = contents.chains.iter().any(|c| bad.iter().any(|f| f.cell == c.cell));
    let see = if pictured { "see their chains" } else { "see all" };
    format!("<p class=\"counts\">Densities behind it: {} <a href=\"#diagnostics\">{see}</a></p>\n{which}", verdicts(fits))
}

/// Returns the place of a verdict in the order of what needs a look.
fn rank(class: &str) -> usize {
    ["bad", "fair", "", "good"].iter().position(|c| *c == class).unwrap_or(0)
}

/// Returns how many densities have which verdict, the worst first.
fn verdicts(fits: &[&Fit]) -> String {
    let mut counts: Vec<((&str, &str), usize)> = Vec::new();
    for fit in fits {
        match counts.iter_mut().find(|v| v.0 == fit.diagnostic.badge()) {
            Some(v) => v.1 += 1,
            None => counts.push((fit.diagnostic.badge(), 1)),
        }
    }
    counts.sort_by_key(|v| rank(v.0.1));
    let badges: Vec<String> = counts.iter().map(|((word, class), n)| badge(class, &format!("{n} {word}"))).collect();
    badges.join(" ")
}

/// Returns a table of densities. `own`: rows are places that links lead to.
fn table(name: &str, fits: &[&Fit], own: bool) -> String {
    let mut body = String::new();
    for fit in fits {
        let d = &fit.diagnostic;
        let (word, class) = d.badge();
        let _ = writeln!(
            body,
            "<tr{}><th scope=\"row\">{}</th><td>{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"long\">{}</td></tr>",
            if own { format!(" id=\"fit-{}\"", fit.cell) } else { String::new() },
            escape(&d.name),
            badge(class, word),
            d.r_hat_words(),
            d.ess.map_or_else(String::new, |x| scale::fixed(x, 0)),
            prose(&d.note)
        );
    }
    scrolled(
        name,
        &format!(
            "<table>\n<thead><tr><th scope=\"col\">density</th><th scope=\"col\">verdict</th><th scope=\"col\" class=\"r\">R-hat</th>\
             <th scope=\"col\" class=\"r\">ESS</th><th scope=\"col\">note</th></tr></thead>\n<tbody>\n{body}</tbody></table>"
        ),
    )
}

/// Returns the pictures of chains that did not settle.
fn chains(contents: &Contents) -> String {
    let mut out = String::new();
    for c in &contents.chains {
        let id = format!("chains-{}", c.cell);
        let _ = writeln!(
            out,
            "<figure id=\"{id}\" aria-labelledby=\"{id}-title\">\n<div class=\"plate\">{}</div>\n<figcaption>\n<h4 id=\"{id}-title\">Chains of {}</h4>\n\
             <p id=\"{id}-text\">{}. Above, what every pass found; below, how the draws after burn-in of each chain rank among those of all: even \
             (dashed) where chains tell of one distribution.</p>\n</figcaption>\n</figure>",
            c.svg.replacen(
                "role=\"img\" aria-label=\"\"",
                &format!("role=\"img\" aria-describedby=\"{id}-text\" aria-label=\"Chains of {}\"", escape(&c.name)),
                1
            ),
            escape(&c.name),
            prose(&c.note)
        );
    }
    let more = contents.settling.worst().len().saturating_sub(contents.chains.len());
    if more > 0 && !contents.chains.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{more} more did not settle; `trace(p)` has the chains of each.</p>");
    }
    out
}

/// Returns the cells that failed, are absent or did not run, by reason.
fn troubles(input: &ReportInput) -> String {
    let mut reasons: BTreeMap<(u8, String, String), (Vec<usize>, usize)> = BTreeMap::new();
    for i in 0..input.graph.cells.len() {
        let (rank, why, help) = match &record(input, i).outcome {
            Outcome::Failed { message, help } => (0, message.clone(), help.clone().unwrap_or_default()),
            Outcome::Blocked(why) => (1, why.clone(), String::new()),
            Outcome::Absent(why) => (2, why.clone(), String::new()),
            Outcome::NotRun if !input.records.is_empty() => (3, String::new(), String::new()),
            _ => continue,
        };
        let (shown, count) = reasons.entry((rank, why, help)).or_default();
        *count += 1;
        if shown.len() < 8 {
            shown.push(i);
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut body = String::new();
    for ((rank, why, help), (shown, count)) in reasons.iter().take(REASONS) {
        let (class, word) = [("bad", "failed"), ("bad", "blocked"), ("", "absent"), ("", "not run")][*rank as usize];
        let cells: Vec<String> = shown.iter().map(|i| escape(&input.graph.cells[*i].title())).collect();
        let more = if *count > shown.len() { format!(" and {} more", count - shown.len()) } else { String::new() };
        let help = if help.is_empty() { String::new() } else { format!("<br><span class=\"soft\">{}</span>", escape(help)) };
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td class=\"long\">{}{help}</td><td class=\"long\">{}{more}</td></tr>",
            badge(class, &format!("{count} {word}")),
            escape(why),
            cells.join("<br>")
        );
    }
    let more = reasons.len().saturating_sub(REASONS);
    let rest = if more > 0 {
        format!("<p class=\"soft\">and {more} more reasons; <a href=\"manifest.json\">manifest.json</a> has all</p>\n")
    } else {
        String::new()
    };
    let table = format!(
        "<table>\n<thead><tr><th scope=\"col\">how many</th><th scope=\"col\">reason</th><th scope=\"col\">cells</th></tr></thead>\n<tbody>\n{body}</tbody></table>"
    );
    format!("<h3>Cells without a result</h3>\n{}{rest}", scrolled("Cells without a result", &table))
}
