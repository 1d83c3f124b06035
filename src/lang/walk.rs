//! The walk over a script's declarations, each after those that it mentions, and what is said of the script as a whole.

use super::checker::Checker;
use super::scope::{DefId, declared};
use super::typed::{Script, ValueId};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{ItemKind, Keyword};
use std::collections::BTreeMap;

impl<'a> Checker<'a> {
    /// Checks all declarations of the script, and those of other files that they mention.
    pub fn run(mut self, set: &[(String, String)]) -> (Script, Diags, Diags) {
        let program = self.program();
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
            order.extend(self.value_of(DefId { module: main, item }).flatten());
        }
        self.same_titles(&order);
        self.nothing_silent();
        let mut idle = self.unused();
        idle.extend(self.whole());
        let (script, diags) = self.into_script(order, overrides);
        (script, diags, idle)
    }

    /// Returns whether something known before the run leads back to itself, and says so once for each circle.
    pub(super) fn circular(&mut self, def: DefId) -> bool {
        let circle = self.program().circle(def);
        let Some(first) = circle.iter().min() else { return false };
        let name = |d: &DefId| declared(&self.program().item(*d).kind);
        let Some(start) = name(first) else { return true };
        let mut diag = Diag::error("cfx::name::cycle", start.span, format!("`{}` is made from itself", start.name));
        for other in circle.iter().filter(|d| *d != first).take(8).filter_map(name) {
            diag = diag.label(other.span, format!("through `{}`", other.name));
        }
        self.say(diag.help("break the circle: something in it must not depend on the others"));
        true
    }

    fn same_titles(&mut self, order: &[ValueId]) {
        let mut seen: BTreeMap<(&str, String), Span> = BTreeMap::new();
        let mut found = Vec::new();
        for v in order.iter().map(|i| self.value_at(*i)) {
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
        found.into_iter().for_each(|d| self.say(d));
    }

    /// Makes sure that what is left out of the typed script has a message: a silence would be a result that is missing without a word.
    fn nothing_silent(&mut self) {
        if self.has_errors() || self.program().lacks_declarations() {
            return;
        }
        let values = self.values().iter().filter(|v| v.typed.is_error()).map(|v| v.span);
        let axes = self.failed_axes().map(|d| self.program().item(d).span);
        let silent = values.chain(axes).next();
        if let Some(span) = silent {
            let diag = Diag::error("cfx::internal", span, "this could not be checked, for an unknown reason");
            self.say(diag.help("please report this"));
        }
    }

    /// Warns where a script lacks what makes it one.
    fn whole(&self) -> Diags {
        let mut out = Diags::default();
        let file = &self.program().modules[self.program().main].file;
        let base = self.program().sources.files().get(self.program().main).map_or(0, |f| f.base);
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
        } else if self.experiment().is_some()
            && file.items.iter().all(|i| matches!(i.kind, ItemKind::Experiment { .. } | ItemKind::Use { .. }))
        {
            let diag = Diag::warning("cfx::name::no_experiment", place, "this script declares nothing but its experiment");
            out.push(diag.help("declare data sets, models, analyses, figures: a run of it computes nothing"));
        } else if self.experiment().is_none() && !library {
            let message = "this script has no `experiment`: it has no title, and its seed is 0";
            let diag = Diag::warning("cfx::name::no_experiment", place, message);
            out.push(diag.help("write `experiment \"Title\" { seed: 1 }` before the first declaration"));
        }
        out
    }

    /// Warns about declarations that nothing uses and that produce nothing by themselves.
    fn unused(&self) -> Diags {
        let mut out = Diags::default();
        let main = &self.program().modules[self.program().main];
        for (i, item) in main.file.items.iter().enumerate() {
            let def = DefId { module: self.program().main, item: i };
            let idle = matches!(
                item.kind,
                ItemKind::Bind { keyword: Keyword::Dataset | Keyword::Axis | Keyword::Let, .. }
                    | ItemKind::Recipe { .. }
                    | ItemKind::Param(_)
                    | ItemKind::Network { .. }
            );
            if let Some(name) = declared(&item.kind).filter(|_| idle && !self.is_used(def)) {
                out.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("use it, or remove it"),
                );
            }
        }
        for (name, def) in &main.taken {
            let builtin = matches!(self.program().item(*def).kind, ItemKind::Extern { .. });
            if !self.is_used(*def) && !builtin {
                out.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("remove it from the `use` line"),
                );
            }
        }
        out
    }
}
