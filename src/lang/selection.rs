//! Selection: `m[noise: 20%]`, `reps[stage4]`, `acc[run: [0, last]]`.

use super::axes::{AxisId, Origin, Pick, find};
use super::carried::{is_all, names_training};
use super::checker::Checker;
use super::kind::Kind;
use super::static_value::Static;
use super::statics::Env;
use super::suggest::{at_most, nearest, nearest_or_list};
use super::typed::{Node, Typed};
use crate::base::text::shorten;
use crate::base::{Decimal, Diag, Span};
use crate::syntax::ast::{self, BinaryOp, Expr, ExprKind, ItemKind, Keyword};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The axis that labels carry.
const CLASS: &str = "class";

impl<'a> Checker<'a> {
    /// Checks a selection: `m[noise: 20%]`, `reps[stage4]`.
    pub(super) fn select(&mut self, module: usize, base: Rc<Typed>, picks: &'a [ast::Arg], span: Span) -> Rc<Typed> {
        if base.is_error() {
            return base;
        }
        if picks.is_empty() {
            let diag = Diag::error("cfx::axis::empty", span, "this selects nothing");
            self.say(diag.help("name a coordinate, as in `[run: 0]`, or leave the brackets out"));
            return Typed::error(span);
        }
        let (mut fixed, mut parts): (Vec<(AxisId, Pick)>, Vec<(AxisId, AxisId)>) = (Vec::new(), Vec::new());
        // Snapshots that a model carries are brought out first.
        let (mut base, mut brought) = (base, false);
        for arg in picks {
            let Some(name) = arg.name.as_ref().filter(|n| names_training(&n.name)) else { continue };
            if brought {
                let message = "the axis `snapshot` is selected twice";
                self.say(Diag::error("cfx::axis::selected_twice", name.span, message).help("name each axis once"));
                return Typed::error(span);
            }
            if base.kind != Kind::Model || base.axes.iter().any(|a| self.axes().name(*a) == name.name) {
                continue;
            }
            let Some((over, dropped)) = self.selected_snapshots(module, &base, name, &arg.value, span) else {
                return Typed::error(span);
            };
            (base, brought) = (over, true);
            fixed.extend(dropped.map(|axis| (axis, Pick::First)));
        }
        // Classes that the labels of a data set carry choose examples.
        let mut of_class = false;
        for arg in picks {
            if !self.names_classes(&base, arg) || of_class {
                continue;
            }
            let Some(chosen) = self.examples_of_class(module, &base, arg, span) else { return Typed::error(span) };
            (base, of_class) = (chosen, true);
        }
        if of_class && picks.len() == 1 {
            return base;
        }
        for arg in picks {
            if brought && arg.name.as_ref().is_some_and(|n| names_training(&n.name)) {
                continue;
            }
            if of_class && self.names_classes(&base, arg) {
                continue;
            }
            if let Some(name) = arg.name.as_ref().filter(|_| is_all(&arg.value)) {
                let Some(axis) = self.axis_named(&base, name) else { return Typed::error(span) };
                // A coordinate of that name is meant by it.
                if !self.axes().get(axis).coordinates.iter().flatten().any(|c| c.text == "all") {
                    continue;
                }
            }
            let Some((list, keep)) = self.picks(module, &arg.value, &base) else { return Typed::error(span) };
            let axis = match &arg.name {
                Some(name) => self.axis_named(&base, name),
                None => self.axis_with(&base, &list, arg.value.span),
            };
            let Some(axis) = axis else { return Typed::error(span) };
            if fixed.iter().any(|(a, _)| *a == axis) || parts.iter().any(|(a, _)| *a == axis) {
                let message = format!("the axis `{}` is selected twice", self.axes().name(axis));
                let written = shorten(self.program().sources.text(arg.value.span));
                let help = match arg.name {
                    Some(_) => "name each axis once".to_string(),
                    None => format!("several coordinates of an axis are a list: `{}: [{written}, …]`", self.axes().name(axis)),
                };
                self.say(Diag::error("cfx::axis::selected_twice", arg.value.span, message).help(help));
                return Typed::error(span);
            }
            if let Some(coordinates) = &self.axes().get(axis).coordinates
                && let Some(pick) = list.iter().find(|p| find(coordinates, p).is_none())
            {
                let names: Vec<&str> = coordinates.iter().map(|c| c.text.as_str()).collect();
                let column = self.made_by(&base).is_some_and(|s| s.columns.contains(&pick.to_string()));
                let help = match pick {
                    _ if base.kind == Kind::Table && column => {
                        let of_base = shorten(self.program().sources.text(base.span));
                        format!("a column of a table follows a point: `{of_base}.{pick}`")
                    }
                    Pick::Value(x) if x.to_string().starts_with('-') => "`last` is the last coordinate".to_string(),
                    // Digits that are near are no spelling that is meant.
                    Pick::Value(_) => listed(&names),
                    _ => nearest_or_list(&pick.to_string(), &names),
                };
                let message = format!("the axis `{}` has no coordinate `{pick}`", self.axes().name(axis));
                self.say(Diag::error("cfx::axis::no_coordinate", arg.value.span, message).help(help));
                return Typed::error(span);
            }
            if let Some(doubled) = self.doubled_pick(axis, &list) {
                let message = format!("the coordinate `{doubled}` is given twice");
                let diag = Diag::error("cfx::axis::doubled", arg.value.span, message);
                self.say(diag.help("name each once: a coordinate that is selected twice would count twice"));
                return Typed::error(span);
            }
            match (keep, list.into_iter().next()) {
                (false, Some(pick)) => fixed.push((axis, pick)),
                (true, None) => {
                    self.say(
                        Diag::error("cfx::axis::empty", arg.value.span, "this selects nothing")
                            .help("name one coordinate or more"),
                    );
                    return Typed::error(span);
                }
                (true, Some(first)) => {
                    let (all, _) = self.picks(module, &arg.value, &base).unwrap_or((vec![first], true));
                    let part = self.axes_mut().part(axis, all);
                    parts.push((axis, part));
                }
                (false, None) => return Typed::error(span),
            }
        }
        let axes = base
            .axes
            .iter()
            .filter(|a| !fixed.iter().any(|(f, _)| f == *a))
            .map(|a| parts.iter().find(|(p, _)| p == a).map_or(*a, |(_, n)| *n))
            .collect();
        let mut attached = base.attached.clone();
        // Of several data sets with classes of their own, the one that is left has its own.
        attached.class = self.class_at(&base, &fixed).or(attached.class);
        for (old, new) in &parts {
            if attached.class == Some(*old) {
                attached.class = Some(*new);
            }
        }
        let (kind, examples) = (base.kind.clone(), base.examples.clone());
        // The examples' own axes are selected alike, so that a score's data set follows the score.
        let examples = examples.map(|e| {
            let within: Vec<(AxisId, Pick)> = fixed.iter().filter(|(a, _)| e.axes.contains(a)).cloned().collect();
            let cut: Vec<(AxisId, AxisId)> = parts.iter().filter(|(a, _)| e.axes.contains(a)).copied().collect();
            if within.is_empty() && cut.is_empty() {
                return e;
            }
            let axes = e
                .axes
                .iter()
                .filter(|a| !within.iter().any(|(f, _)| f == *a))
                .map(|a| cut.iter().find(|(p, _)| p == a).map_or(*a, |(_, n)| *n))
                .collect();
            Rc::new(Typed { node: Node::Select { base: e.clone(), fixed: within, parts: cut }, axes, ..(*e).clone() })
        });
        Rc::new(Typed { node: Node::Select { base, fixed, parts }, kind, axes, attached, examples, span })
    }

    /// Returns whether a part of a selection names classes that the labels of a data set carry, or those of the examples that scores are of.
    fn names_classes(&self, base: &Typed, arg: &ast::Arg) -> bool {
        let named = arg.name.as_ref().is_some_and(|n| n.name == CLASS);
        let sorted = |b: &Typed| b.axes.iter().any(|a| self.axes().name(*a) == CLASS);
        let examples = || base.examples.as_ref().is_some_and(|e| e.axes.iter().all(|a| base.axes.contains(a)));
        named && !sorted(base) && (base.kind == Kind::Dataset || base.kind.per_example() && examples())
    }

    /// Returns the examples of the classes that a selection of a data set names: `d[class: cat]`, `d[class: [cat, dog]]`. Of scores it returns
    /// those of these examples, `among(x, d[class: cat])`.
    fn examples_of_class(&mut self, module: usize, base: &Rc<Typed>, arg: &'a ast::Arg, span: Span) -> Option<Rc<Typed>> {
        if is_all(&arg.value) {
            return Some(base.clone());
        }
        let (picks, _) = self.picks(module, &arg.value, base)?;
        let names = picks.iter().map(|p| Static::Text(p.to_string())).collect();
        let data = base.examples.as_ref().filter(|_| base.kind != Kind::Dataset).unwrap_or(base);
        let mut chosen =
            self.builtin("of_class", vec![("data", data.clone())], vec![(CLASS.to_string(), Static::List(names))], span);
        if base.kind != Kind::Dataset && !chosen.is_error() {
            chosen = self.builtin("among", vec![("x", base.clone()), ("data", chosen)], Vec::new(), span);
        }
        (!chosen.is_error()).then_some(chosen)
    }

    /// Returns a coordinate that a selection names twice, where it does.
    fn doubled_pick(&self, axis: AxisId, picks: &[Pick]) -> Option<String> {
        let known = self.axes().get(axis).coordinates.as_deref();
        let place = |p: &Pick| known.and_then(|all| find(all, p)).map_or_else(|| p.to_string(), |i| format!("#{i}"));
        let mut seen = BTreeSet::new();
        picks.iter().find(|p| !seen.insert(place(p))).map(|p| match known.and_then(|all| find(all, p).map(|i| &all[i])) {
            Some(coordinate) => coordinate.text.clone(),
            None => p.to_string(),
        })
    }

    /// Returns the classes of the one value that a selection leaves of values over a declared axis, where these have several.
    fn class_at(&self, base: &Typed, fixed: &[(AxisId, Pick)]) -> Option<AxisId> {
        if !matches!(self.axes().get(base.attached.class?).origin, Origin::Several(_)) {
            return None;
        }
        match &base.node {
            Node::Value(id) => self.class_at(&self.value_at(*id).typed, fixed),
            Node::Select { base, .. } | Node::Only { base, .. } => self.class_at(base, fixed),
            Node::Stack { axis, parts } => {
                let (_, pick) = fixed.iter().find(|(a, _)| a == axis)?;
                parts.get(find(self.axes().get(*axis).coordinates.as_ref()?, pick)?)?.attached.class
            }
            // Classes come with the data: of an operation's inputs, one has those of its result.
            Node::Call(call) => call.inputs.iter().find_map(|(_, v, _)| self.class_at(v, fixed)),
            _ => None,
        }
    }

    /// Returns the coordinates that a selection names, and whether the axis stays.
    pub(super) fn picks(&mut self, module: usize, e: &'a Expr, base: &Typed) -> Option<(Vec<Pick>, bool)> {
        match &e.kind {
            ExprKind::List(items) => {
                let mut out = Vec::new();
                for item in items {
                    out.extend(self.picks(module, item, base)?.0);
                }
                Some((out, true))
            }
            ExprKind::Range(from, to)
                if [from, to].iter().any(|end| matches!(&end.kind, ExprKind::Name(n) if n == "first" || n == "last")) =>
            {
                let diag = Diag::error("cfx::axis::coordinate", e.span, "the ends of a range are numbers");
                self.say(diag.help("write numbers, `0..3`, or list coordinates, `[first, last]`"));
                None
            }
            ExprKind::Range(..) => match self.statics().value(module, e, &Env::new()) {
                Ok(Static::List(items)) => {
                    self.use_names(module, e);
                    Some((items.iter().filter_map(Static::number).filter_map(Decimal::from_f64).map(Pick::Value).collect(), true))
                }
                Ok(_) => None,
                Err(found) => {
                    self.say_all(found);
                    None
                }
            },
            ExprKind::Text(t) => Some((vec![Pick::Named(t.clone())], false)),
            ExprKind::Name(n) if n == "first" => Some((vec![Pick::First], false)),
            ExprKind::Name(n) if n == "last" => Some((vec![Pick::Last], false)),
            ExprKind::Name(n) => {
                let pick = Pick::Named(n.clone());
                let coordinate =
                    base.axes.iter().any(|a| self.axes().get(*a).coordinates.as_ref().is_some_and(|c| find(c, &pick).is_some()));
                if coordinate {
                    return Some((vec![pick], false));
                }
                // Not a coordinate: perhaps a parameter or `let` that holds one.
                let held = self.program().find(module, n).filter(|d| {
                    matches!(self.program().item(*d).kind, ItemKind::Param(_) | ItemKind::Bind { keyword: Keyword::Let, .. })
                });
                match held.map(|_| self.statics().value(module, e, &Env::new())) {
                    Some(Ok(Static::Number(x))) => {
                        self.use_names(module, e);
                        Some((vec![Pick::Value(Decimal::from_f64(x)?)], false))
                    }
                    Some(Ok(Static::List(items))) => {
                        self.use_names(module, e);
                        let one = |s: &Static| match s {
                            Static::Number(x) => Decimal::from_f64(*x).map(Pick::Value),
                            other => other.word().map(|w| Pick::Named(w.to_string())),
                        };
                        Some((items.iter().filter_map(one).collect(), true))
                    }
                    Some(Ok(Static::Text(t) | Static::Word(t))) => {
                        self.use_names(module, e);
                        Some((vec![Pick::Named(t)], false))
                    }
                    _ => Some((vec![pick], false)),
                }
            }
            ExprKind::Binary(_, a, b)
                if [a, b].iter().any(|side| matches!(&side.kind, ExprKind::Name(n) if n == "first" || n == "last")) =>
            {
                let message = "`first` and `last` are coordinates, and nothing is added to them";
                let help = "write the coordinate itself, or a list of them: `[run: 3]`, `[run: [first, last]]`";
                self.say(Diag::error("cfx::axis::coordinate", e.span, message).help(help));
                None
            }
            ExprKind::Binary(op, axis, _) if self.compares_axis(*op, axis, base) => {
                let axis = self.program().sources.text(axis.span);
                let message = "a selection names coordinates, and this is a comparison";
                let help = format!("write `{axis}: …` with one coordinate, or with a list of them: `{axis}: [first, last]`");
                self.say(Diag::error("cfx::axis::coordinate", e.span, message).help(help));
                None
            }
            _ => match self.statics().value(module, e, &Env::new()) {
                Ok(Static::Number(x)) => {
                    self.use_names(module, e);
                    Some((vec![Pick::Value(Decimal::from_f64(x)?)], false))
                }
                Ok(_) => {
                    self.say(
                        Diag::error("cfx::axis::coordinate", e.span, "a coordinate is a number or a word")
                            .help("select as in `[run: 3]`, `[noise: 20%]` or `[stage: stage1]`"),
                    );
                    None
                }
                Err(found) if found.only_results() => {
                    let condition = shorten(self.program().sources.text(e.span));
                    let message = "a selection names coordinates, and these are known only after the run";
                    let help =
                        format!("count with `share({condition})`, or choose value by value: `if {condition} then … else …`");
                    self.say(Diag::error("cfx::axis::coordinate", e.span, message).help(help));
                    None
                }
                Err(found) => {
                    self.say_all(found);
                    None
                }
            },
        }
    }

    /// Returns whether an expression compares an axis of a value with something.
    fn compares_axis(&self, op: BinaryOp, left: &Expr, base: &Typed) -> bool {
        let comparison = matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
        let named = |n: &str| base.axes.iter().any(|a| self.axes().name(*a) == n);
        comparison && matches!(&left.kind, ExprKind::Name(n) if named(n))
    }

    fn axis_named(&mut self, base: &Typed, name: &ast::Ident) -> Option<AxisId> {
        let found = base.axes.iter().copied().find(|a| self.axes().name(*a) == name.name);
        if found.is_none() {
            let names: Vec<&str> = base.axes.iter().map(|a| self.axes().name(*a)).collect();
            let help = if names.is_empty() { "it is a single value".to_string() } else { nearest_or_list(&name.name, &names) };
            let help = match &base.kind {
                Kind::Table if base.attached.epoch.is_some() && name.name == "epoch" => {
                    "name a column of it first: `history(m).accuracy[epoch: last]`".to_string()
                }
                _ if name.name == "snapshot" => "select snapshots of the model: `m[snapshot: all]`".to_string(),
                Kind::Dataset if matches!(name.name.as_str(), "label" | "labels" | "target" | "classes" | "y") => {
                    "labels are the axis `class`: `d[class: 3]`, `d[class: [cat, dog]]`".to_string()
                }
                kind if kind.per_example() && name.name == "class" => {
                    "the examples of a class are chosen by their data set, `among(x, d[class: …])`; reduced over them: \
                     `mean(x, by: class)[class: …]`"
                        .to_string()
                }
                _ => help,
            };
            let message = format!("this has no axis `{}`", name.name);
            self.say(Diag::error("cfx::axis::unknown", name.span, message).help(help));
        }
        found
    }

    /// Returns the axis that a bare coordinate belongs to: the only one that has it.
    fn axis_with(&mut self, base: &Typed, picks: &[Pick], span: Span) -> Option<AxisId> {
        let has = |a: &AxisId| match &self.axes().get(*a).coordinates {
            Some(c) => picks.iter().all(|p| !matches!(p, Pick::First | Pick::Last) && find(c, p).is_some()),
            None => false,
        };
        let sure: Vec<AxisId> = base.axes.iter().copied().filter(has).collect();
        let open: Vec<AxisId> = base.axes.iter().copied().filter(|a| self.axes().get(*a).coordinates.is_none()).collect();
        match (sure.as_slice(), open.as_slice()) {
            ([one], _) => Some(*one),
            ([], [one]) => Some(*one),
            ([], []) if base.axes.len() == 1 => Some(base.axes[0]),
            ([], _) => {
                let shown: Vec<String> = picks.iter().map(|p| p.to_string()).collect();
                let what = match shown.as_slice() {
                    [one] => format!("no axis here has the coordinate `{one}`"),
                    [first, .., last] if shown.len() > 4 => format!("no axis here has the coordinates `{first}` to `{last}`"),
                    several => {
                        let several: Vec<String> = several.iter().map(|s| format!("`{s}`")).collect();
                        format!("no axis here has the coordinates {}", several.join(", "))
                    }
                };
                let mut all: Vec<String> = Vec::new();
                for a in &base.axes {
                    all.extend(self.axes().get(*a).coordinates.iter().flatten().map(|c| c.text.clone()));
                }
                let all: Vec<&str> = all.iter().map(String::as_str).collect();
                let named = picks.first().map(|p| p.to_string()).unwrap_or_default();
                let of_base = shorten(self.program().sources.text(base.span));
                let column = base.kind == Kind::Table && self.made_by(base).is_some_and(|s| s.columns.contains(&named));
                let help = if column {
                    format!("a column of a table follows a point: `{of_base}.{named}`")
                } else if base.kind == Kind::Dataset && matches!(picks, [Pick::Named(_)]) {
                    format!("a split of a data set follows a point: `{of_base}.{named}`")
                } else if base.kind == Kind::Dataset {
                    let count = picks.len().max(10);
                    format!("examples are chosen by operations: `sample({of_base}, {count})`, `where({of_base}, condition)`")
                } else if base.axes.is_empty() {
                    "it is a single value, with nothing to select".to_string()
                } else if named.starts_with('-') {
                    let axis = base.axes.last().map_or("run", |a| self.axes().name(*a));
                    format!("the last coordinate of an axis is `last`: `{of_base}[{axis}: last]`")
                } else if base.axes.iter().any(|a| self.axes().name(*a) == named) {
                    format!("an axis is named before its coordinate: `{of_base}[{named}: …]`")
                } else {
                    match shown.first().and_then(|s| nearest(s, &all)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            let names: Vec<&str> = base.axes.iter().map(|a| self.axes().name(*a)).collect();
                            format!("its axes are {}", names.join(", "))
                        }
                    }
                };
                self.say(Diag::error("cfx::axis::no_coordinate", span, what).help(help));
                None
            }
            (several, _) => {
                let names: Vec<String> = several.iter().map(|a| format!("`{}: …`", self.axes().name(*a))).collect();
                self.say(
                    Diag::error("cfx::axis::ambiguous", span, "more than one axis has this coordinate")
                        .help(format!("say which: {}", names.join(" or "))),
                );
                None
            }
        }
    }
}

/// Returns the coordinates that there are, in words: whole numbers in a row by their ends.
fn listed(names: &[&str]) -> String {
    let whole: Option<Vec<i64>> = names.iter().map(|n| n.parse().ok()).collect();
    match (whole, names) {
        (Some(all), [first, .., last]) if all.windows(2).all(|w| w[1] == w[0] + 1) => format!("there is `{first}` to `{last}`"),
        _ => at_most_of(names),
    }
}

fn at_most_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    format!("there is {}", at_most(&quoted, 14))
}
