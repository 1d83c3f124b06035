//! What expressions known before the run depend on and use: axes, and declarations.

use super::axes::AxisId;
use super::checker::{AxisState, Checker};
use super::mentions::names;
use super::scope::DefId;
use super::signature::SettingType;
use super::typed::Written;
use super::typed::written;
use crate::syntax::ast::{Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

impl Checker<'_> {
    /// Collects the axes whose coordinates an expression known before the run depends on.
    pub(super) fn axes_of_static(&mut self, module: usize, e: &Expr, out: &mut Vec<AxisId>) {
        for (name, _) in names(e) {
            let Some(def) = self.program().find(module, name) else { continue };
            add(out, &self.axes_behind(def));
        }
    }

    /// Returns the axes that a declaration known before the run depends on, itself first where it is one.
    fn axes_behind(&mut self, def: DefId) -> Rc<Vec<AxisId>> {
        if let Some(known) = self.known_axes_behind(def) {
            return known.clone();
        }
        let program = self.program();
        // Only what its coordinates stand for makes an axis depend on others.
        let follows = |d: DefId| match &program.item(d).kind {
            ItemKind::Bind { keyword: Keyword::Axis, value, .. } => matches!(value.kind, ExprKind::Map(_)),
            ItemKind::Bind { keyword, .. } => *keyword == Keyword::Let,
            kind => matches!(kind, ItemKind::Recipe { .. }),
        };
        let passed = |d: DefId| follows(d) || matches!(program.item(d).kind, ItemKind::Bind { keyword: Keyword::Axis, .. });
        // Each after those that it mentions, so that nothing is followed twice, nor down a long chain at once.
        let mut open = vec![def];
        let mut below: Vec<DefId> = Vec::new();
        if !follows(def) {
            below.push(def);
            open.clear();
        }
        for d in open {
            below.extend(program.order().below(d, |x| passed(x) && self.known_axes_behind(x).is_none()));
        }
        for d in below {
            let mut axes = Vec::new();
            let mut inside = follows(d);
            if matches!(program.item(d).kind, ItemKind::Bind { keyword: Keyword::Axis, .. }) {
                let state = self.axis(d);
                if let AxisState::Plain(a) | AxisState::Results(a, _) = &state {
                    axes.push(*a);
                }
                inside &= matches!(state, AxisState::Plain(_));
            }
            if inside {
                for mentioned in program.order().mentions(d) {
                    if let Some(more) = self.known_axes_behind(*mentioned) {
                        add(&mut axes, more);
                    }
                }
            }
            self.keep_axes_behind(d, axes);
        }
        self.known_axes_behind(def).cloned().unwrap_or_default()
    }

    /// Collects the axes that a setting of a type depends on; words of the type are not taken for axes.
    pub(super) fn axes_of_setting(&mut self, module: usize, ty: &SettingType, e: &Expr, out: &mut Vec<AxisId>) {
        if let (ExprKind::Name(n), Some(words)) = (&e.kind, option_words(ty))
            && words.contains(n)
        {
            return;
        }
        self.axes_of_static(module, e, out);
    }

    /// Notes that the names in a setting are used, and what these are made from.
    pub(super) fn use_names(&mut self, module: usize, e: &Expr) {
        let program = self.program();
        let mut open: Vec<DefId> = names(e).into_iter().filter_map(|(n, _)| program.find(module, n)).collect();
        while let Some(def) = open.pop() {
            if !self.note_used(def) {
                continue;
            }
            let made = match &program.item(def).kind {
                ItemKind::Bind { keyword, .. } => matches!(keyword, Keyword::Let | Keyword::Axis),
                kind => matches!(kind, ItemKind::Recipe { .. } | ItemKind::Network { .. } | ItemKind::Param(_)),
            };
            if made {
                open.extend(program.order().mentions(def));
            }
        }
    }

    /// Remembers an expression as written.
    pub(super) fn keep(&mut self, module: usize, e: &Expr) -> Written {
        self.use_names(module, e);
        written(module, e)
    }
}

/// Adds the axes that are not there yet.
fn add(out: &mut Vec<AxisId>, more: &[AxisId]) {
    for axis in more {
        if !out.contains(axis) {
            out.push(*axis);
        }
    }
}

/// Returns the words that a type allows, where it is an option set (perhaps beside others).
fn option_words(ty: &SettingType) -> Option<&Vec<String>> {
    match ty {
        SettingType::Option(words) => Some(words),
        SettingType::Either(types) => types.iter().find_map(option_words),
        _ => None,
    }
}
