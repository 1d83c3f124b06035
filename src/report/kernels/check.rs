//! What figures refuse before anything runs: axes and columns that are not there, arguments with nothing to act on.

use super::facets;
use super::field::unknown;
use super::frame::Frame;
use super::named::{Axes, AxisName, Scaling, Sharing, Show, Texts};
use super::pool::pairs;
pub use super::problems::{problem, shape, unused};
use super::references;
use crate::engine::kernel::LabelledAxis;
use crate::lang::kind::Kind;
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Problem, Shape};
use crate::report::numeric::numeric;

/// An input, or a part of a record, as a figure will see it.
pub struct Part<'a> {
    /// The argument as written, or the name of the part.
    pub name: String,
    /// What each cell holds.
    pub kind: &'a Kind,
    /// Its axes, with those that scores are split into.
    pub axes: Vec<LabelledAxis>,
    /// Columns that all of its tables have, where they are known.
    pub columns: Option<Vec<String>>,
    /// Those that are known to hold words.
    pub texts: Vec<String>,
}

impl Part<'_> {
    /// Returns the axis that a setting names.
    pub fn find(&self, axis: &AxisName) -> Option<&LabelledAxis> {
        let named = self.axes.iter().find(|a| a.name == axis.name);
        named.or_else(|| self.axes.iter().find(|a| axis.role == "class" && a.role == "class"))
    }

    /// Returns what a value in `facet:` is held against.
    pub fn drawn(&self) -> facets::Drawn<'_> {
        facets::Drawn { name: &self.name, axes: &self.axes, examples: self.kind.per_example() }
    }

    /// Returns whether the axis is there, or may be a column of a table.
    fn has(&self, axis: &AxisName) -> bool {
        self.find(axis).is_some() || self.column(&axis.name)
    }

    fn column(&self, name: &str) -> bool {
        *self.kind == Kind::Table && self.columns.as_ref().is_none_or(|c| c.iter().any(|n| n == name))
    }

    /// Returns the axes that a figure does not show.
    fn left(&self, shown: &[&AxisName]) -> Vec<LabelledAxis> {
        let used: Vec<&str> = shown.iter().filter_map(|a| self.find(a)).map(|a| a.name.as_str()).collect();
        self.axes.iter().filter(|a| !used.contains(&a.name.as_str())).cloned().collect()
    }
}

/// Returns the only axis of a parameter. Problem: several are named.
pub fn single<'a>(parameter: &'static str, axes: &'a Axes) -> Result<Option<&'a AxisName>, Problem> {
    match axes.0.as_slice() {
        [_, second, ..] => {
            let message = format!("`{parameter}:` takes one axis, and `{}` is the second", second.name);
            Err(unused(parameter, message, "name one; a figure has `facet:` and further arguments for others"))
        }
        one => Ok(one.first()),
    }
}

/// Checks that no axis is named by two parameters.
pub fn different(axes: &[(&'static str, Option<&AxisName>)]) -> Result<(), Problem> {
    for (i, (parameter, axis)) in axes.iter().enumerate() {
        let Some(axis) = axis else { continue };
        if let Some((before, _)) = axes[..i].iter().find(|(_, a)| a.is_some_and(|a| a.name == axis.name)) {
            let message = format!("`{before}:` and `{parameter}:` both name the axis `{}`", axis.name);
            return Err(unused(parameter, message, "an axis has one place in a figure"));
        }
    }
    Ok(())
}

/// Returns the inputs of a parameter as the figure will see them once scores are split into the axes shown: by their classes, or by the
/// data sets in the slots of the parameters that name them. Nothing where an input could not be checked.
pub fn parts<'a>(
    parameter: &str,
    shapes: &'a [Shape<'a>],
    names: &Texts,
    shown: &[(&'static str, Option<&AxisName>)],
    wanted: &[AxisName],
) -> Option<Vec<Part<'a>>> {
    let mut out = Vec::new();
    let own = |slot: &str| slot.strip_prefix(parameter).is_some_and(|r| r.is_empty() || r.starts_with('.'));
    for input in shapes.iter().filter(|s| own(s.slot)) {
        let name = names.of(input.slot);
        let columns = columns(input);
        let texts: Vec<String> = input.facts.first().map_or_else(Vec::new, |f| f.texts.clone());
        let mut add = |name: String, kind: &'a Kind| {
            let axes = split(input, kind, shapes, shown);
            out.push(Part { name, kind, axes, columns: columns.clone(), texts: texts.clone() });
        };
        match input.kind {
            Kind::Unknown => return None,
            Kind::Record(fields) if !fields.is_empty() => {
                let numbers = fields.iter().filter(|(_, k)| matches!(k, Kind::Number { .. } | Kind::Truth { .. }));
                let asked = |n: &str| wanted.is_empty() || wanted.iter().any(|w| w.name == *n);
                numbers.filter(|(n, _)| asked(n)).for_each(|(n, k)| add(n.clone(), k));
            }
            kind => add(name, kind),
        }
    }
    Some(out)
}

/// Returns the columns that all tables of an input have; `None` if those of any are not known.
fn columns(input: &Shape) -> Option<Vec<String>> {
    let mut all = input.facts.iter().map(|f| f.columns.as_ref());
    let first = all.next()??.clone();
    all.try_fold(first, |common, c| c.map(|c| common.into_iter().filter(|n| c.contains(n)).collect()))
}

fn split(input: &Shape, kind: &Kind, shapes: &[Shape], shown: &[(&'static str, Option<&AxisName>)]) -> Vec<LabelledAxis> {
    let mut axes = input.axes.to_vec();
    for (parameter, axis) in shown {
        let Some(axis) = axis else { continue };
        let there = axes.iter().any(|a| a.name == axis.name || (axis.role == "class" && a.role == "class"));
        if there || !kind.per_example() {
            continue;
        }
        if axis.is_class() {
            if input.classes {
                let known = input.facts.iter().find_map(|f| f.classes.clone()).unwrap_or_else(|| vec!["?".into()]);
                let role = "class".to_string();
                axes.push(LabelledAxis { name: axis.name.clone(), role, coordinates: known, ..LabelledAxis::default() });
            }
            continue;
        }
        let sets = shapes.iter().find(|s| s.slot == *parameter && *s.kind == Kind::Dataset);
        if let Some(sets) = sets.filter(|s| s.axes.iter().any(|a| a.name == axis.name)) {
            let new: Vec<LabelledAxis> = sets.axes.iter().filter(|a| axes.iter().all(|b| b.name != a.name)).cloned().collect();
            axes.extend(new);
        }
    }
    axes
}

/// Returns words for the axes of a part.
pub fn axes_of(part: &Part) -> String {
    let names: Vec<String> = part.axes.iter().map(|a| format!("`{}`", a.name)).collect();
    match (names.is_empty(), part.kind.per_example()) {
        (true, true) => "it has one number per example and no axes".to_string(),
        (true, false) => "it is a single value".to_string(),
        (false, _) => format!("its axes are {}", names.join(", ")),
    }
}

/// Returns the problem of an axis that an input does not have.
pub fn not_there(parameter: &'static str, part: &Part, axis: &AxisName) -> Problem {
    if let (Kind::Table, Some(columns)) = (part.kind, &part.columns) {
        let known: Vec<&str> = columns.iter().map(String::as_str).collect();
        let message = format!("`{}` has no axis and no column `{}`", part.name, axis.name);
        return problem("cfx::name::no_field", parameter, message, nearest_or_list(&axis.name, &known));
    }
    let message = format!("`{}` has no axis `{}`: {}", part.name, axis.name, axes_of(part));
    let help = match (axis.is_class(), part.kind.per_example()) {
        (true, true) => "its examples have no labels".to_string(),
        (true, false) => format!("a number for each class is made from one for each example: `mean(…, by: {})`", axis.name),
        _ if part.axes.is_empty() => "a figure over an axis needs a value over one: a sweep, classes, stages".to_string(),
        _ => format!("name one of its axes in `{parameter}:`"),
    };
    problem("cfx::axis::not_there", parameter, message, help)
}

/// Returns the problem of a column of words, where numbers are drawn.
pub fn of_words(parameter: &'static str, part: &Part, column: &str) -> Problem {
    let message = format!("the column `{column}` of `{}` holds words", part.name);
    let numbers = part.columns.iter().flatten().filter(|c| !part.texts.contains(c)).map(|c| format!("`{c}`")).collect::<Vec<_>>();
    let other = if numbers.is_empty() { "others".to_string() } else { numbers.join(", ") };
    shape(parameter, message, format!("numbers stand in {other}; words may stand on an axis, in `color:` and in `facet:`"))
}

/// The arguments of a figure over an axis.
pub struct OverAxis<'a> {
    /// The parameter whose inputs are drawn.
    pub input: &'static str,
    /// See the signature.
    pub x: &'a Axes,
    /// Columns or parts; nothing for figures without that parameter.
    pub y: Option<&'a Axes>,
    /// See the signature.
    pub facet: &'a Axes,
    /// See the signature.
    pub color: &'a Axes,
    /// See the signature.
    pub show: Show,
    /// See the signature.
    pub sharing: Sharing,
    /// Names and axes.
    pub frame: &'a Frame,
}

/// Checks `curves`, `bands` and `bars`.
pub fn over_an_axis(f: &OverAxis, shapes: &[Shape]) -> Result<(), Problem> {
    f.frame.check()?;
    let names = &f.frame.names;
    let facets = f.facet.0.as_slice();
    two_facets(f.facet)?;
    let by = colored_by(shapes, names)?;
    let color = single("color", f.color)?.or(by.as_ref());
    let Some(x) = single("x", f.x)? else {
        return Err(shape("x", "`x:` names no axis".to_string(), "name the axis that the values are over"));
    };
    let mut shown = vec![("x", Some(x)), ("color", color)];
    shown.extend(facets.iter().map(|a| ("facet", Some(a))));
    different(&shown)?;
    let wanted = f.y.map_or(&[][..], |y| &y.0);
    let faceted = facets::given(shapes, names);
    let class = faceted.as_ref().and_then(facets::Given::class);
    let mut split = shown.clone();
    split.extend(class.iter().map(|a| ("class", Some(a))));
    parts_of_records(f.input, f.y, shapes, names)?;
    let Some(parts) = parts(f.input, shapes, names, &split, wanted) else { return Ok(()) };
    for part in &parts {
        if !part.has(x) {
            return Err(not_there("x", part, x));
        }
        for y in wanted.iter().filter(|_| *part.kind == Kind::Table) {
            if !part.column(&y.name) {
                let known: Vec<&str> = part.columns.iter().flatten().map(String::as_str).collect();
                let message = format!("`{}` has no column `{}`", part.name, y.name);
                return Err(problem("cfx::name::no_field", "y", message, nearest_or_list(&y.name, &known)));
            }
            if part.texts.contains(&y.name) {
                return Err(of_words("y", part, &y.name));
            }
        }
    }
    for (parameter, axis) in &shown[1..] {
        if let (Some(axis), Some(first)) = (axis, parts.first())
            && !parts.iter().any(|p| p.has(axis))
        {
            return Err(not_there(parameter, first, axis));
        }
    }
    faceted.map_or(Ok(()), |f| f.check(&parts.iter().map(Part::drawn).collect::<Vec<_>>(), Some(x)))?;
    scale_of_places(&parts, x, f.frame)?;
    let tables = parts.iter().any(|p| *p.kind == Kind::Table);
    let panels = if tables { wanted.len() } else { parts.len() };
    shared(&parts, panels, tables && wanted.is_empty(), f)?;
    let named = parts.iter().filter_map(|p| p.find(x)).any(|a| !unknown(a) && numeric(&a.coordinates, &a.role).is_none());
    references::check(shapes, !named, if f.sharing == Sharing::Together { 1 } else { panels })?;
    sorted_by(shapes, x, names)?;
    spread(&parts, &shown.iter().filter_map(|(_, a)| *a).collect::<Vec<_>>(), f.show)
}

/// Checks that facets have two axes at most.
pub fn two_facets(facets: &Axes) -> Result<(), Problem> {
    let Some(third) = facets.0.get(2) else { return Ok(()) };
    let message = format!("`facet:` takes two axes, one down and one across, and `{}` is the third", third.name);
    Err(unused("facet", message, "name two; a figure has `color:` for another"))
}

/// Returns the axis whose coordinates a value in `color:` colours.
fn colored_by(shapes: &[Shape], names: &Texts) -> Result<Option<AxisName>, Problem> {
    let Some(by) = shapes.iter().find(|s| s.slot == "color" && !matches!(s.kind, Kind::Dataset | Kind::Unknown)) else {
        return Ok(None);
    };
    let long: Vec<&LabelledAxis> = by.axes.iter().filter(|a| a.coordinates.len() > 1 || unknown(a)).collect();
    match long.as_slice() {
        [one] => {
            Ok(Some(AxisName { name: one.name.clone(), role: if one.role == "class" { "class".into() } else { String::new() } }))
        }
        all => {
            let names_of: Vec<String> = all.iter().map(|a| format!("`{}`", a.name)).collect();
            let has =
                if all.is_empty() { "it is a single value".into() } else { format!("its axes are {}", names_of.join(", ")) };
            let message = format!("a series has one colour, and `{}` is not a value over one axis: {has}", names.of("color"));
            let written = names.of("color");
            let help = match all.is_empty() && written.starts_with('"') {
                true => {
                    "colours are chosen by the figure: name an axis whose coordinates are to differ in colour, or leave it out"
                }
                false => "reduce it to one axis, or name an axis",
            };
            Err(shape("color", message, help))
        }
    }
}

/// Checks that values which are to share panels are several, and that two axes are for two of them.
fn shared(parts: &[Part], panels: usize, open: bool, f: &OverAxis) -> Result<(), Problem> {
    match (f.sharing, panels) {
        (Sharing::Apart, _) => Ok(()),
        (Sharing::Twin, _) if open => {
            let message = "two values have an axis each, and nothing names two columns of the table".to_string();
            Err(shape("panels", message, "name them: `y: [loss, accuracy]`"))
        }
        _ if open => Ok(()),
        (_, 0 | 1) => {
            let name = parts.first().map_or_else(String::new, |p| format!(", `{}`", p.name));
            let message = format!("there is one value to draw{name}, so that `panels:` has nothing to act on");
            Err(unused("panels", message, "leave it out, or give several values"))
        }
        (Sharing::Twin, n) if n != 2 => {
            let message = format!("two values have an axis each, and there are {n}");
            Err(shape("panels", message, "give two values, or take `together` or `apart`"))
        }
        _ => Ok(()),
    }
}

/// Checks that a value in `sort:` has the axis of the places.
fn sorted_by(shapes: &[Shape], x: &AxisName, names: &Texts) -> Result<(), Problem> {
    let Some(by) = shapes.iter().find(|s| s.slot == "sort" && !matches!(s.kind, Kind::Unknown)) else { return Ok(()) };
    let there = by.axes.iter().any(|a| a.name == x.name || (x.role == "class" && a.role == "class"));
    match there {
        true => Ok(()),
        false => {
            let message = format!("`{}` has no axis `{}`, whose coordinates it should sort", names.of("sort"), x.name);
            let help = format!("give a number for each: `mean(…, by: {})`", x.name);
            Err(problem("cfx::axis::not_there", "sort", message, help))
        }
    }
}

/// Checks that `y:` names parts of a record, and is not given for a number.
fn parts_of_records(parameter: &str, y: Option<&Axes>, shapes: &[Shape], names: &Texts) -> Result<(), Problem> {
    let Some(y) = y.filter(|y| !y.0.is_empty()) else { return Ok(()) };
    for input in shapes.iter().filter(|s| s.slot == parameter) {
        let name = names.of(input.slot);
        match input.kind {
            Kind::Record(fields) => {
                let known: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                for part in &y.0 {
                    match fields.iter().find(|(n, _)| *n == part.name) {
                        None => {
                            let message = format!("`{name}` has no part `{}`", part.name);
                            return Err(problem("cfx::name::no_field", "y", message, nearest_or_list(&part.name, &known)));
                        }
                        Some((_, Kind::Number { .. } | Kind::Truth { .. })) => {}
                        Some((_, kind)) => {
                            let message = format!("the part `{}` of `{name}` is a {kind}, and a curve needs numbers", part.name);
                            return Err(shape("y", message, format!("draw it by itself: `{name}.{}`", part.name)));
                        }
                    }
                }
            }
            Kind::Number { .. } | Kind::Truth { .. } => {
                let message = format!("`y:` names columns of a table or parts of a record, and `{name}` is a {}", input.kind);
                return Err(unused("y", message, "leave `y:` out"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks that a scale asked for has numbers to act on.
fn scale_of_places(parts: &[Part], x: &AxisName, frame: &Frame) -> Result<(), Problem> {
    let scaling = frame.x.scale;
    let ranged = frame.x.range().is_some();
    if scaling == Scaling::Auto && !ranged {
        return Ok(());
    }
    let asked = if scaling == Scaling::Auto { "x_range" } else { "x_scale" };
    for axis in parts.iter().filter_map(|p| p.find(x)).filter(|a| !unknown(a)) {
        match numeric(&axis.coordinates, &axis.role) {
            None => {
                let first = axis.coordinates.first().map_or("", String::as_str);
                let message = format!("the coordinates of `{}` are names (`{first}`), which a scale cannot lay out", axis.name);
                return Err(unused(asked, message, format!("leave `{asked}:` out")));
            }
            Some((values, _)) if scaling == Scaling::Log && values.iter().any(|v| *v <= 0.0) => {
                let at = values.iter().position(|v| *v <= 0.0).unwrap_or(0);
                let message = format!("a logarithmic axis has no place for `{}: {}`", axis.name, axis.coordinates[at]);
                return Err(shape("x_scale", message, "select the coordinates above zero, or take a linear scale"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Checks that what `show:` asks for has several values to act on, and that an interval's assumptions hold.
fn spread(parts: &[Part], shown: &[&AxisName], show: Show) -> Result<(), Problem> {
    let left: Vec<Vec<LabelledAxis>> = parts.iter().map(|p| p.left(shown)).collect();
    for (part, left) in parts.iter().zip(&left) {
        let all: Vec<usize> = (0..left.len()).collect();
        if let (Show::Ci | Show::Se, [(a, _), ..]) = (show, pairs(left, &all).as_slice()) {
            let message = format!("`{}` is pooled over pairs of `{}`, and pairs share their members", part.name, left[*a].name);
            let help = "the error of a mean needs independent values: `show: sd`, or reduce the pairs with `mean`, whose error allows for it";
            return Err(shape("show", message, help));
        }
        if let (Show::Ci | Show::Se, Some(axis)) = (show, left.iter().find(|a| a.shared)) {
            let message =
                format!("`{}` is pooled over `{}`, whose values were made of pairs that share units", part.name, axis.name);
            let help = "the error of a mean needs independent values: `show: sd`, or reduce over both sides of the pairs at \
                once with `mean`";
            return Err(shape("show", message, help));
        }
        if show == Show::All && part.kind.per_example() && left.is_empty() {
            let message = format!("`{}` is pooled over examples alone, which are not drawn each by itself", part.name);
            return Err(unused("show", message, "take `sd`, `se`, `ci` or `quantiles`"));
        }
    }
    let alone = |(p, left): (&Part, &Vec<LabelledAxis>)| *p.kind != Kind::Table && !p.kind.per_example() && left.is_empty();
    if show != Show::Sd && !parts.is_empty() && parts.iter().zip(&left).all(alone) {
        let message = format!("there is one value of `{}` at each place, so that `show:` has nothing to act on", parts[0].name);
        return Err(unused("show", message, "leave it out: estimates are drawn with their standard errors"));
    }
    Ok(())
}
