//! The figures in the script's order, each with the fits behind it.

use super::super::contents::Contents;
use super::super::figure::svg::escape;
use super::super::formats::place_words;
use super::super::input::ReportInput;
use super::super::shown::Shown;
use super::diagnostics;
use super::words::{badge, line, prose, source};
use crate::plan::graph::Declared;
use std::fmt::Write;

/// Bytes of pictures that stand in the page itself; further figures are linked.
const INSIDE: usize = 4 << 20;
/// Places of one figure that stand in the page itself.
const PLACES: usize = 24;

/// Returns the figures as HTML, and for the list of contents the id and title of each, and whether chains behind it disagree.
pub fn figures(input: &ReportInput, contents: &Contents) -> (String, Vec<(String, String, bool)>) {
    let (mut out, mut list) = (String::new(), Vec::new());
    let mut inside = 0;
    for (i, shown) in contents.figures.iter().enumerate() {
        let Some(declared) = input.graph.values.get(shown.declared) else { continue };
        let n = i + 1;
        let size = shown.figure.as_ref().map_or(0, |f| f.svg.len());
        let linked = inside + size > INSIDE || shown.place >= PLACES;
        inside += if linked { 0 } else { size };
        let fits = declared.entries.get(shown.place).map(|e| contents.settling.fits_behind(e)).unwrap_or_default();
        let look = fits.iter().any(|f| f.disagrees());
        if shown.place < PLACES {
            list.push((format!("figure-{n}"), format!("{n}. {}", title(declared, shown)), look));
        }
        let _ = write!(
            out,
            "<figure id=\"figure-{n}\" aria-labelledby=\"figure-{n}-title\"{}>\n{}<figcaption>\n<h3 id=\"figure-{n}-title\">Figure {n}. {}{}</h3>\n\
             {}{}{}</figcaption>\n</figure>\n",
            if look { " class=\"doubt\"" } else { "" },
            plate(shown, n, linked),
            escape(&title(declared, shown)),
            if look { format!(" {}", badge("bad", "chains disagree")) } else { String::new() },
            caption(shown, n),
            diagnostics::behind(&fits, contents),
            made_by(input, declared)
        );
    }
    (out, list)
}

fn title(declared: &Declared, shown: &Shown) -> String {
    format!("{}{}", declared.name, place_words(declared, shown.place)).trim_end_matches('.').to_string()
}

/// Returns the picture, named for screen readers by its title and its caption; a link to it where it does not stand in the page.
fn plate(shown: &Shown, n: usize, linked: bool) -> String {
    match &shown.figure {
        Some(_) if linked => {
            format!("<p class=\"plate away\"><a href=\"{}.svg\">Open the picture of figure {n}</a></p>\n", escape(&shown.file))
        }
        Some(figure) => {
            let named = format!("role=\"img\" aria-describedby=\"figure-{n}-text\" ");
            let images = if figure.svg.contains("<image ") { " images" } else { "" };
            format!("<div class=\"plate{images}\">{}</div>\n", figure.svg.replacen("role=\"img\" ", &named, 1))
        }
        None => String::new(),
    }
}

fn caption(shown: &Shown, n: usize) -> String {
    match &shown.figure {
        Some(figure) => {
            let file = escape(&shown.file);
            let data = if figure.data.rows() > 0 { format!(" · <a href=\"{file}.csv\">CSV</a>") } else { String::new() };
            format!(
                "<p id=\"figure-{n}-text\">{}</p>\n<p class=\"files\"><a href=\"{file}.svg\">SVG</a> · <a href=\"{file}.png\">PNG</a> · \
                 <a href=\"{file}.pdf\">PDF</a>{data}</p>\n",
                prose(&figure.caption)
            )
        }
        None => format!("<p id=\"figure-{n}-text\">{} {}</p>\n", badge("fair", "absent"), escape(&shown.absent)),
    }
}

/// Returns the lines of the script that made the figure, folded.
fn made_by(input: &ReportInput, declared: &Declared) -> String {
    let words = line(input, declared.span).map_or_else(|| "As written".to_string(), |n| format!("Line {n} of the script"));
    format!("<details>\n<summary>{words}</summary>\n{}</details>\n", source(input, declared))
}
