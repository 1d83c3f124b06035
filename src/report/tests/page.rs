//! The page's structure: landmarks, headings, order, names for screen readers, places that links lead to, contrast, and a size that does not grow
//! with the number of cells. How it looks is for eyes.

use super::super::*;
use super::example::{Run, axis, declared, drawing, example, scores, with_input};
use crate::engine::value::{Figure, Number, Pack, Truth};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Checks that elements close in the order they open.
pub fn balanced(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else { break };
        let tag = &rest[..end];
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or("");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closing {name}");
        } else if !tag.ends_with('/') && !matches!(name, "!doctype" | "meta" | "br" | "link" | "img") {
            open.push(name);
        }
        rest = &rest[end + 1..];
        // A style is text up to its end.
        if tag == "style" {
            rest = &rest[rest.find("</style>").expect("an end")..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Returns the page of a run.
fn page_of(run: &Run) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("results");
    with_input(run, |input| write(input, &out)).expect("written");
    std::fs::read_to_string(out.join("report.html")).expect("read")
}

/// Returns the elements of a page as they open: name and attributes.
fn elements(html: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let (_, body) = html.split_once("</head>").expect("a head");
    let mut out = Vec::new();
    for piece in body.split('<').skip(1).filter(|p| !p.starts_with('/')) {
        let tag = piece.split('>').next().unwrap_or_default();
        let (name, rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        let mut attributes = BTreeMap::new();
        let mut rest = rest.trim();
        while let Some((key, more)) = rest.split_once("=\"") {
            let (value, more) = more.split_once('"').expect("a closing quote");
            attributes.insert(key.trim().to_string(), value.to_string());
            rest = more.trim_start();
        }
        out.push((name.trim_end_matches('/').to_string(), attributes));
    }
    out
}

#[test]
fn landmarks_headings_and_names() {
    let html = page_of(&example());
    balanced(&html);
    let all = elements(&html);
    let of = |name: &str| all.iter().filter(|e| e.0 == name).map(|e| &e.1).collect::<Vec<_>>();
    for landmark in ["header", "nav", "main", "h1"] {
        assert_eq!(of(landmark).len(), 1, "{landmark}");
    }
    // The first thing that the keyboard reaches leads past the contents.
    let first = all.iter().find(|e| e.0 == "a").expect("a link");
    assert_eq!((first.1["class"].as_str(), first.1["href"].as_str()), ("skip", "#main"));
    // Claims come first, then figures, then tables.
    let sections: Vec<&str> = of("section").iter().map(|a| a["id"].as_str()).collect();
    assert_eq!(sections, ["claims", "figures", "tables", "diagnostics", "plan", "script", "manifest"]);
    // No level of headings is left out.
    let levels: Vec<u32> = all.iter().filter_map(|e| e.0.strip_prefix('h')?.parse().ok()).collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|w| w[1] <= w[0] + 1), "{levels:?}");
    // Every place is there once, and whatever points to a place finds it.
    let ids: Vec<&String> = all.iter().filter_map(|e| e.1.get("id")).collect();
    let places: BTreeSet<&str> = ids.iter().map(|id| id.as_str()).collect();
    assert_eq!(ids.len(), places.len(), "an id stands twice");
    for (name, attributes) in &all {
        let links = attributes.get("href").and_then(|h| h.strip_prefix('#'));
        let named = ["aria-labelledby", "aria-describedby"].iter().filter_map(|a| attributes.get(*a).map(String::as_str));
        for place in links.into_iter().chain(named) {
            assert!(places.contains(place), "{name} points to {place}");
        }
    }
    // Pictures have names, and those of figures are described by their captions. Boxes that scroll are reached by the keyboard.
    for svg in of("svg") {
        assert!(svg["role"] == "img" && !svg["aria-label"].is_empty());
    }
    let figure = all.iter().position(|e| e.1.get("id").is_some_and(|id| id == "figure-1")).expect("a figure");
    let svg = all[figure..].iter().find(|e| e.0 == "svg").expect("its picture");
    assert_eq!(svg.1["aria-describedby"], "figure-1-text");
    for area in all.iter().filter(|e| e.1.get("class").is_some_and(|c| c == "scroll")) {
        assert_eq!((area.1["role"].as_str(), area.1["tabindex"].as_str()), ("region", "0"));
        assert!(!area.1["aria-label"].is_empty());
    }
    assert!(of("th").iter().all(|th| th.contains_key("scope")));
    // Tables are folded.
    assert_eq!(of("details").iter().filter(|d| d.get("class").is_some_and(|c| c == "sheet")).count(), 5);
}

#[test]
fn figures_say_which_densities_are_behind_them() {
    let mut run = example();
    // The figure is made from the last stage, whose chains agree; then they do not.
    assert!(!page_of(&run).contains("class=\"doubt\""));
    let p = declared(&run, "p").entries.last().cloned();
    let Some(Entry::Cell(p)) = p else { panic!("a cell") };
    let meta = serde_json::json!({ "verdict": "disagree", "r_hat": 1.3, "ess": 12 });
    run.values[p] = Value::Pack(Arc::new(Pack { kind: "density.dp".into(), meta, arrays: vec![] }));
    let html = page_of(&run);
    let (_, figure) = html.split_once("<figure id=\"figure-1\"").expect("a figure");
    let figure = figure.split("</figure>").next().expect("its end");
    assert!(figure.contains("class=\"doubt\"") && figure.contains("chains disagree"), "{figure}");
    assert!(figure.contains("Densities behind it:") && figure.contains("1 disagree") && figure.contains("did not settle"));
    let (_, contents) = html.split_once("<nav").expect("contents");
    assert!(contents.split("</nav>").next().expect("its end").contains("chains disagree"));
}

#[test]
fn numbers_are_rounded_by_their_errors() {
    let html = page_of(&example());
    assert!(html.contains("complexity <span class=\"soft\">± SE</span>"), "the error stands in the value's column");
    assert!(html.contains(">0.333 ± 0.010<") && !html.contains("complexity_se</th>"));
    assert!(html.contains(">0.600 ± 0.020<"));
}

/// Returns the relative luminance of a colour `#rrggbb` or `#rgb` (WCAG 2.2).
fn luminance(color: &str) -> f64 {
    let digits = color.trim_start_matches('#');
    let wide: String = if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_string() };
    let part = |i: usize| {
        let c = f64::from(u8::from_str_radix(&wide[i..i + 2], 16).expect("a colour")) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn text_stands_out_from_its_ground() {
    let style = include_str!("../page/style.css");
    let palettes: Vec<BTreeMap<&str, &str>> = style
        .split(":root {")
        .skip(1)
        .map(|block| {
            let block = block.split('}').next().expect("an end");
            block.split(';').filter_map(|d| d.trim().strip_prefix("--")?.split_once(": ")).collect()
        })
        .collect();
    assert_eq!(palettes.len(), 3, "light, dark, print");
    let texts = ["ink", "soft", "link", "keyword", "comment", "string", "constant", "called", "named"];
    let mut pairs: Vec<(&str, &str)> = texts.iter().flat_map(|t| [(*t, "ground"), (*t, "panel")]).collect();
    pairs.extend([("good", "good-ground"), ("fair", "fair-ground"), ("bad", "bad-ground"), ("bad", "ground")]);
    pairs.extend(texts.iter().map(|t| (*t, "fair-ground")));
    for palette in &palettes {
        for (text, ground) in &pairs {
            let (a, b) = (luminance(palette[text]), luminance(palette[ground]));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "{text} {} on {ground} {}: {ratio:.2}", palette[text], palette[ground]);
        }
    }
}

#[test]
fn of_a_large_drawing_the_pixels_stand_in_the_page() {
    let mut run = example();
    let last = run.last();
    let x =
        crate::engine::kernel::Labelled { axes: vec![axis("stage", "stage", 2)], values: vec![scores(60, 0.0), scores(60, 1.0)] };
    let Value::Figure(small) = drawing("profile", vec![("x", x)], "Many shapes") else { panic!("a figure") };
    let shapes = "<path d=\"M0 0L1 1\"/>".repeat(20_000);
    let large = Figure { svg: small.svg.replace("</svg>", &format!("{shapes}</svg>")), ..small.as_ref().clone() };
    run.declare("figure", "Many shapes", "figure", vec![], &[last], |_| Value::Figure(Arc::new(large.clone())));
    let html = page_of(&run);
    balanced(&html);
    assert!(html.contains("src=\"data:image/png;base64,") && !html.contains(&shapes));
    let all = elements(&html);
    let picture = all.iter().find(|(name, a)| name == "img" && a.contains_key("alt")).expect("an image");
    assert!(all.iter().any(|(_, a)| a.get("id") == picture.1.get("aria-describedby")), "{:?}", picture.1.keys());
    assert_eq!(html.matches("<svg").count(), page_of(&example()).matches("<svg").count(), "small drawings stand there as such");
}

#[test]
fn the_page_does_not_grow_with_the_cells() {
    let n = 20_000;
    let mut run = example();
    let last = run.last();
    let truth = |holds: bool| Truth { holds, within_error: false, no_error: false, text: "1 > 0".into() };
    run.declare("analysis", "many", "number", vec![axis("place", "", n)], &[last], |i| {
        Value::Number(Number::estimate(i as f64, 0.5))
    });
    run.declare("claim", "Everywhere", "truth", vec![axis("place", "", n)], &[last], |i| Value::Truth(truth(i != n - 1)));
    run.declare("density", "dense", "density", vec![axis("place", "", n)], &[last], |i| {
        let verdict = if i == n - 1 { "disagree" } else { "settled" };
        Value::Pack(Arc::new(Pack { kind: "density.dp".into(), meta: serde_json::json!({ "verdict": verdict }), arrays: vec![] }))
    });
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("results");
    with_input(&run, |input| write(input, &out)).expect("written");
    let html = std::fs::read_to_string(out.join("report.html")).expect("read");
    let small = page_of(&example());
    assert!(html.len() < small.len() + 300_000, "{} after {}", html.len(), small.len());
    // What needs a look is shown; where the rest is, is said.
    assert!(html.contains(&format!("Everywhere [place: place{n}]")) && html.contains("19976 more places of this claim"));
    assert!(html.contains("lowest of all 20000") && html.contains("the first 30 of 20000 rows"));
    assert!(html.contains(&format!("dense [place: place{n}]")));
    let csv = std::fs::read_to_string(out.join("tables/diagnostics.csv")).expect("all diagnostics");
    assert_eq!(csv.lines().count(), 1 + n + 6);
    assert!(html.contains("href=\"tables/diagnostics.csv\""));
}
