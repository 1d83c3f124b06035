//! Figures: a panel, and a colour, hold the numbers that the figure draws of the selection at its coordinate.

use super::calls::{Call, bases};
use super::mapping::{names, selected};
use super::world::{self, Line, WORLD};
use super::{compare, excused, judge};
use cfx::engine::Value;
use cfx::engine::value::{Column, Table};
use cfx::lang::kind::Kind;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Axes of the world with their coordinates.
const AXES: [(&str, &[&str]); 4] = [("a", &["0", "1"]), ("b", &["1", "3", "7"]), ("c", &["left", "right"]), ("run", &["0", "1"])];

/// Columns that name what is drawn as it is written in the script, or points by all their coordinates.
const NAMES: [&str; 2] = ["value", "point"];

/// Returns the rows of a table at a coordinate, or all rows, without the column of the axis and without names of what is drawn.
fn rows(table: &Table, axis: &str, coordinate: Option<&str>, common: &BTreeSet<&str>) -> Table {
    let text = |column: &Column, row: usize| match column {
        Column::Texts(t) => t[row].clone(),
        Column::Numbers(x) => x[row].to_string(),
    };
    let own = table.columns.iter().find(|(name, _)| name == axis).map(|(_, column)| column);
    let here = |row: &usize| coordinate.is_none_or(|c| own.is_some_and(|column| text(column, *row) == c));
    let kept: Vec<usize> = (0..table.rows()).filter(here).collect();
    let cut = |column: &Column| match column {
        Column::Texts(t) => Column::Texts(kept.iter().map(|r| t[*r].clone()).collect()),
        Column::Numbers(x) => Column::Numbers(kept.iter().map(|r| x[*r]).collect()),
    };
    let columns = table.columns.iter().filter(|(name, _)| common.contains(name.as_str()));
    Table { columns: columns.map(|(name, column)| (name.clone(), cut(column))).collect() }
}

fn drawn<'a>(ran: &'a world::Ran, name: &str) -> Option<&'a Table> {
    match ran.cells(name) {
        [world::Cell { value: Ok(Value::Figure(f)), .. }] => Some(&f.data),
        _ => None,
    }
}

/// Returns what differs between the panel, or the colour, at a coordinate and the figure of the selection there.
fn at_coordinate(whole: &Table, cut: &Table, axis: &str, coordinate: &str) -> Option<String> {
    let named = |(name, column): &&(String, Column)| NAMES.contains(&name.as_str()) && matches!(column, Column::Texts(_));
    let columns = |t: &Table| t.columns.iter().filter(|c| !named(c)).map(|(n, _)| n.clone()).collect::<BTreeSet<String>>();
    let (here, there) = (columns(whole), columns(cut));
    let common = here.intersection(&there).map(String::as_str).filter(|n| *n != axis).collect();
    let says = |t: Table| compare::atoms(&Ok(Value::Table(Arc::new(t))));
    compare::difference(&says(rows(whole, axis, Some(coordinate), &common)), &says(rows(cut, axis, None, &common)))
}

/// Returns what is wrong in the panels and colours of some figures; more than `least` are compared.
pub(super) fn panels(of: impl Fn(&str) -> bool, least: usize) -> Vec<(String, String)> {
    let figures = || world::library().operations.values().filter(|s| s.gives == Kind::Figure && !excused(&s.name) && of(&s.name));
    let mut tried: Vec<(Line, Line, Call, &str, &str)> = Vec::new();
    for (base, parameter) in figures().flat_map(|s| bases(s).into_iter().flat_map(|b| ["facet", "color"].map(|p| (b.clone(), p))))
    {
        let signature = base.signature();
        let takes = signature.params.iter().zip(&signature.takes).find(|(p, _)| p.name.name == parameter);
        if takes.is_none_or(|(_, t)| t.axis.is_none()) {
            continue;
        }
        for (axis, coordinates) in
            AXES.iter().filter(|(axis, _)| base.axes_given().iter().any(|a| a == axis) && !names(&base, axis))
        {
            for coordinate in *coordinates {
                let n = tried.len();
                let (whole, cut) = (base.with(parameter, axis), selected(&base, axis, coordinate));
                tried.push((whole.line(&format!("whole{n}")), cut.line(&format!("cut{n}")), whole, axis, coordinate));
            }
        }
    }
    let all: Vec<Line> = tried.iter().flat_map(|t| [t.0.clone(), t.1.clone()]).collect();
    let refused = world::refusals(WORLD, &all);
    let kept: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &kept);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (whole, cut, call, axis, coordinate) in &tried {
        if refused.contains_key(&whole.name) || refused.contains_key(&cut.name) {
            continue;
        }
        if let (Some(whole), Some(cut)) = (drawn(&ran, &whole.name), drawn(&ran, &cut.name)) {
            seen += 1;
            let why = at_coordinate(whole, cut, axis, coordinate);
            wrong.extend(why.map(|why| (call.op.clone(), format!("{} at {axis} {coordinate}: {why}", call.text()))));
        }
    }
    assert!(seen > least, "only {seen} panels and colours were compared");
    wrong
}

#[test]
fn a_panel_is_the_figure_of_its_coordinate() {
    let bins = "its bins are those of all panels together";
    judge("a panel is not the figure of its coordinate", &panels(|_| true, 40), &[("distribution", bins)]);
}

/// Bins that each run has for itself are met by that run's values, in figures as in reductions.
#[test]
fn bins_in_figures_are_each_runs_own() {
    judge("a figure draws the bins of one run for all", &bins_of_their_own(), &[]);
}

/// Returns what is wrong where scores are drawn over bins that each run has for itself.
pub(super) fn bins_of_their_own() -> Vec<(String, String)> {
    let figures = [
        ("panels", "bands(x: bin, y: [s1], facet: run)", "bands(x: bin, y: [mean(s1, by: bin, over: example)], facet: run)"),
        ("colours", "bands(x: bin, y: [s1], color: run)", "bands(x: bin, y: [mean(s1, by: bin, over: example)], color: run)"),
        ("pooled", "bands(x: bin, y: [s1])", "bands(x: bin, y: [mean(s1, by: bin, over: example)])"),
    ];
    let line = |name: String, text: &str| Line { text: format!("figure \"{name}\" = {text}"), name };
    let sides = |(name, scores, means): &(&str, &str, &str)| {
        [line(format!("scores {name}"), scores), line(format!("means {name}"), means)]
    };
    let lines: Vec<Line> = figures.iter().flat_map(sides).collect();
    let refused = world::refusals(WORLD, &lines);
    assert!(refused.is_empty(), "{refused:#?}");
    let ran = world::run(WORLD, &lines);
    let mut wrong = Vec::new();
    for (name, text, _) in figures {
        let (Some(scores), Some(means)) = (drawn(&ran, &format!("scores {name}")), drawn(&ran, &format!("means {name}"))) else {
            panic!("{name}: not drawn");
        };
        let common = ["bin", "run", "mean"].into();
        let says = |t: &Table| compare::atoms(&Ok(Value::Table(Arc::new(rows(t, "", None, &common)))));
        let why = compare::difference(&says(scores), &says(means));
        wrong.extend(why.map(|why| ("bands".to_string(), format!("{text}: {why}"))));
    }
    wrong
}
