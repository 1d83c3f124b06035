//! The checker: what is known of a script so far, and the walk over its declarations, each after those that it mentions.

use super::axes::{Axes, AxisId};
use super::lets::Lets;
use super::scope::{DefId, Program, declared};
use super::static_value::Static;
use super::statics::Statics;
use super::typed::{Script, Typed, ValueDecl, ValueId, Written};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{ItemKind, Keyword};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is known of an axis declaration.
#[derive(Clone)]
pub(super) enum AxisState {
    Visiting,
    /// An axis whose coordinates are words, numbers, networks, recipes.
    Plain(AxisId),
    /// An axis with one result for each coordinate.
    Results(AxisId, Rc<Typed>),
    Failed,
}

pub(super) struct Checker<'a> {
    pub program: &'a Program,
    pub axes: Axes,
    pub diags: Diags,
    pub values: Vec<Option<ValueDecl>>,
    pub value_of: BTreeMap<DefId, Option<ValueId>>,
    pub visiting: Vec<DefId>,
    pub declared_axes: BTreeMap<DefId, AxisId>,
    pub axis_state: BTreeMap<DefId, AxisState>,
    pub coordinate_values: BTreeMap<AxisId, Vec<Written>>,
    pub params: BTreeMap<DefId, Static>,
    pub used: BTreeSet<DefId>,
    pub lets: Lets,
    /// Axes that declarations known before the run depend on.
    pub axes_behind: BTreeMap<DefId, Rc<Vec<AxisId>>>,
    /// Title, seed and place of the `experiment`.
    pub experiment: Option<(String, u64, Span)>,
}

impl<'a> Checker<'a> {
    /// Returns a checker that knows nothing yet.
    pub fn new(program: &'a Program) -> Self {
        Checker {
            program,
            axes: Axes::default(),
            diags: Diags::default(),
            values: Vec::new(),
            value_of: BTreeMap::new(),
            visiting: Vec::new(),
            declared_axes: BTreeMap::new(),
            axis_state: BTreeMap::new(),
            coordinate_values: BTreeMap::new(),
            params: BTreeMap::new(),
            used: BTreeSet::new(),
            lets: Lets::default(),
            axes_behind: BTreeMap::new(),
            experiment: None,
        }
    }

    /// Checks all declarations of the script, and those of other files that they mention.
    pub fn run(mut self, set: &[(String, String)]) -> (Script, Diags, Diags) {
        let program = self.program;
        let main = program.main;
        let overrides = self.parameters(set);
        // The order begins with the script's declarations and what they mention; what comes after the last of them is not mentioned.
        let sorted = &program.order().sorted;
        let end = sorted.iter().rposition(|d| d.module == main).map_or(0, |i| i + 1);
        let own = |d: &&DefId| program.modules[d.module].topic.is_none();
        for def in sorted[..end].iter().filter(own) {
            self.declaration(*def);
        }
        let mut order = Vec::new();
        for item in 0..program.modules[main].file.items.len() {
            order.extend(self.value_of.get(&DefId { module: main, item }).copied().flatten());
        }
        self.same_titles(&order);
        self.nothing_silent();
        let mut idle = self.unused();
        idle.extend(self.whole());
        let values = self.values.into_iter().flatten().collect();
        let (title, seed, _) = self.experiment.unwrap_or_default();
        let script = Script {
            title,
            seed,
            axes: self.axes,
            values,
            order,
            declared_axes: self.declared_axes,
            coordinate_values: self.coordinate_values,
            params: self.params,
            overrides,
            lets: self.lets,
        };
        (script, self.diags, idle)
    }

    /// Returns what settings are evaluated against so far.
    pub(super) fn statics(&self) -> Statics<'_> {
        Statics {
            program: self.program,
            axes: &self.axes,
            declared_axes: &self.declared_axes,
            coordinate_values: &self.coordinate_values,
            params: &self.params,
            lets: &self.lets,
            read: None,
        }
    }

    /// Returns whether something known before the run leads back to itself, and says so once for each circle.
    pub(super) fn circular(&mut self, def: DefId) -> bool {
        let circle = self.program.circle(def);
        let Some(first) = circle.iter().min() else { return false };
        let name = |d: &DefId| declared(&self.program.item(*d).kind);
        let Some(start) = name(first) else { return true };
        let mut diag = Diag::error("cfx::name::cycle", start.span, format!("`{}` is made from itself", start.name));
        for other in circle.iter().filter(|d| *d != first).take(8).filter_map(name) {
            diag = diag.label(other.span, format!("through `{}`", other.name));
        }
        self.diags.push(diag.help("break the circle: something in it must not depend on the others"));
        true
    }

    fn same_titles(&mut self, order: &[ValueId]) {
        let mut seen: BTreeMap<(&str, String), Span> = BTreeMap::new();
        let mut found = Vec::new();
        for v in order.iter().filter_map(|i| self.values[*i].as_ref()) {
            if matches!(v.keyword, Keyword::Figure | Keyword::Claim)
                && let Some(before) = seen.insert((v.keyword.word(), v.name.clone()), v.span)
            {
                found.push(
                    Diag::error("cfx::name::doubled", v.span, format!("two {}s have the title \"{}\"", v.keyword.word(), v.name))
                        .here("again here")
                        .label(before, "first here")
                        .help("titles name files and sections; make them differ"),
                );
            }
        }
        found.into_iter().for_each(|d| self.diags.push(d));
    }

    /// Makes sure that what is left out of the typed script has a message: a silence would be a result that is missing without a word.
    fn nothing_silent(&mut self) {
        if self.diags.has_errors() || self.program.lacks_declarations() {
            return;
        }
        let values = self.values.iter().flatten().filter(|v| v.typed.is_error()).map(|v| v.span);
        let axes =
            self.axis_state.iter().filter(|(_, s)| matches!(s, AxisState::Failed)).map(|(d, _)| self.program.item(*d).span);
        if let Some(span) = values.chain(axes).next() {
            let diag = Diag::error("cfx::internal", span, "this could not be checked, and nothing else says why");
            self.diags.push(diag.help("please report this"));
        }
    }

    /// Warns where a script lacks what makes it one.
    fn whole(&self) -> Diags {
        let mut out = Diags::default();
        let file = &self.program.modules[self.program.main].file;
        let base = self.program.sources.files().get(self.program.main).map_or(0, |f| f.base);
        let place = file.items.first().map_or(Span::new(base, base), |i| i.span);
        let library = file.items.iter().all(|i| {
            matches!(
                i.kind,
                ItemKind::Network { .. }
                    | ItemKind::Recipe { .. }
                    | ItemKind::Param(_)
                    | ItemKind::Use { .. }
                    | ItemKind::Bind { keyword: Keyword::Let, .. }
            )
        });
        if file.items.is_empty() {
            let diag = Diag::warning("cfx::name::no_experiment", place, "this script declares nothing");
            out.push(
                diag.help("begin with `experiment \"Title\" { seed: 1 }`, and declare data sets, models, analyses, figures"),
            );
        } else if self.experiment.is_none() && !library {
            let message = "this script has no `experiment`: it has no title, and its seed is 0";
            let diag = Diag::warning("cfx::name::no_experiment", place, message);
            out.push(diag.help("write `experiment \"Title\" { seed: 1 }` before the first declaration"));
        }
        out
    }

    /// Warns about declarations that nothing uses and that produce nothing by themselves.
    fn unused(&self) -> Diags {
        let mut out = Diags::default();
        let main = &self.program.modules[self.program.main];
        for (i, item) in main.file.items.iter().enumerate() {
            let def = DefId { module: self.program.main, item: i };
            let idle = matches!(
                item.kind,
                ItemKind::Bind { keyword: Keyword::Dataset | Keyword::Axis | Keyword::Let, .. }
                    | ItemKind::Recipe { .. }
                    | ItemKind::Param(_)
                    | ItemKind::Network { .. }
            );
            if let Some(name) = declared(&item.kind).filter(|_| idle && !self.used.contains(&def)) {
                out.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("use it, or take it out"),
                );
            }
        }
        for (name, def) in &main.taken {
            let builtin = matches!(self.program.item(*def).kind, ItemKind::Extern { .. });
            if !self.used.contains(def) && !builtin {
                out.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("take it out of the `use` line"),
                );
            }
        }
        out
    }
}
