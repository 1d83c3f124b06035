//! The figures in the script's order, each with the fits behind it.

use super::super::contents::Contents;
use super::super::figure::{raster, svg::escape};
use super::super::formats::place_words;
use super::super::input::ReportInput;
use super::super::shown::Shown;
use super::diagnostics;
use super::words::{badge, line, prose, source};
use crate::engine::value::Figure;
use crate::plan::graph::Declared;
use std::fmt::Write;

/// Bytes of pictures that stand in the page itself; further figures are linked.
const INSIDE: usize = 4 << 20;
/// Bytes of a drawing that stands in the page as such. Browsers take long to lay out more shapes: of these figures the pixels stand there.
const DRAWN: usize = 256 << 10;
/// Places of one figure that stand in the page itself.
const PLACES: usize = 24;

/// Returns the figures as HTML, and for the list of contents the id and title of each, and whether chains behind it disagree.
pub fn figures(input: &ReportInput, contents: &Contents) -> (String, Vec<(String, String, bool)>) {
    let (mut out, mut list) = (String::new(), Vec::new());
    let mut inside = 0;
    for (i, shown) in contents.figures.iter().enumerate() {
        let Some(declared) = input.graph.values.get(shown.declared) else { continue };
        let n = i + 1;
        let picture = shown.figure.as_ref().map(|f| picture(f, n));
        let size = picture.as_ref().map_or(0, String::len);
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
            plate(shown, n, picture.filter(|_| !linked)),
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

/// Returns the picture, named for screen readers by its title and its caption: the drawing, or of a large one its pixels, if these are less.
fn picture(figure: &Figure, n: usize) -> String {
    let described = format!("aria-describedby=\"figure-{n}-text\"");
    let pixels = figure.png.len().div_ceil(3) * 4;
    let sides = attribute(&figure.svg, "width").zip(attribute(&figure.svg, "height"));
    if let Some((width, height)) = sides.filter(|_| figure.svg.len() > DRAWN.max(pixels) && !figure.png.is_empty()) {
        let title = attribute(&figure.svg, "aria-label").unwrap_or_default();
        let address = raster::address(&figure.png);
        return format!(
            "<img {described} alt=\"{title}\" width=\"{width}\" height=\"{height}\" decoding=\"async\" src=\"{address}\">"
        );
    }
    figure.svg.replacen("role=\"img\" ", &format!("role=\"img\" {described} "), 1)
}

/// Returns an attribute of a drawing, as written in its first element.
fn attribute<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let element = &svg[..svg.find('>')?];
    element.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

/// Returns the picture, or a link to it where it does not stand in the page.
fn plate(shown: &Shown, n: usize, picture: Option<String>) -> String {
    match (&shown.figure, picture) {
        (Some(figure), Some(picture)) => {
            let images = if figure.svg.contains("<image ") { " images" } else { "" };
            format!("<div class=\"plate{images}\">{picture}</div>\n")
        }
        (Some(_), None) => {
            format!("<p class=\"plate away\"><a href=\"{}.svg\">Open the picture of figure {n}</a></p>\n", escape(&shown.file))
        }
        (None, _) => String::new(),
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
