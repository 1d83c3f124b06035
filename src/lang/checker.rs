//! The checker's state: what is known of a script so far. Closed to other files, which ask and tell it through methods.

use super::axes::{Axes, AxisId};
use super::finding::Finding;
use super::lets::Lets;
use super::scope::{DefId, Program};
use super::static_value::Static;
use super::statics::Statics;
use super::typed::{Script, Typed, ValueDecl, ValueId, Written};
use crate::base::{Diag, Diags, Span};
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

/// Title, seed and place of the `experiment`.
pub(super) type Experiment = (String, u64, Span);

pub(super) struct Checker<'a> {
    program: &'a Program,
    axes: Axes,
    diags: Diags,
    values: Vec<ValueDecl>,
    value_of: BTreeMap<DefId, Option<ValueId>>,
    /// Declarations being checked, the innermost last.
    visiting: Vec<DefId>,
    declared_axes: BTreeMap<DefId, AxisId>,
    axis_state: BTreeMap<DefId, AxisState>,
    coordinate_values: BTreeMap<AxisId, Vec<Written>>,
    params: BTreeMap<DefId, Static>,
    used: BTreeSet<DefId>,
    lets: Lets,
    /// Axes that declarations known before the run depend on.
    axes_behind: BTreeMap<DefId, Rc<Vec<AxisId>>>,
    experiment: Option<Experiment>,
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

    /// Returns the typed script and all messages. `order`: the values of the script's own declarations; `overrides`: see [`Script::overrides`].
    pub fn into_script(self, order: Vec<ValueId>, overrides: Vec<(String, String, String)>) -> (Script, Diags) {
        let (title, seed, _) = self.experiment.unwrap_or_default();
        let script = Script {
            title,
            seed,
            axes: self.axes,
            values: self.values,
            order,
            declared_axes: self.declared_axes,
            coordinate_values: self.coordinate_values,
            params: self.params,
            overrides,
            lets: self.lets,
        };
        (script, self.diags)
    }

    /// Returns the files and their names.
    pub fn program(&self) -> &'a Program {
        self.program
    }

    /// Returns what settings are evaluated against so far.
    pub fn statics(&self) -> Statics<'_> {
        Statics {
            program: self.program,
            axes: &self.axes,
            declared_axes: &self.declared_axes,
            coordinate_values: &self.coordinate_values,
            params: &self.params,
            lets: &self.lets,
            read: None,
            outside: None,
        }
    }

    // -------------------------------------------------------------------------------------------------------- messages

    /// Adds a message.
    pub fn say(&mut self, diag: Diag) {
        self.diags.push(diag);
    }

    /// Adds messages, or findings that can be put in words.
    pub fn say_all(&mut self, diags: impl Into<Diags>) {
        self.diags.extend(diags);
    }

    /// Returns how many messages there are.
    pub fn said(&self) -> usize {
        self.diags.0.len()
    }

    /// Takes back the messages behind the first `from` that are about places within a span.
    pub fn take_back(&mut self, from: usize, within: Span) {
        self.diags.forget(from, within);
    }

    /// Returns whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.diags.has_errors()
    }

    // ------------------------------------------------------------------------------------------------------------ axes

    /// Returns all axes.
    pub fn axes(&self) -> &Axes {
        &self.axes
    }

    /// Returns all axes, to add to them.
    pub fn axes_mut(&mut self) -> &mut Axes {
        &mut self.axes
    }

    /// Returns what is known of an axis declaration.
    pub fn axis_state(&self, def: DefId) -> Option<AxisState> {
        self.axis_state.get(&def).cloned()
    }

    /// Notes what is known of an axis declaration.
    pub fn set_axis_state(&mut self, def: DefId, state: AxisState) {
        self.axis_state.insert(def, state);
    }

    /// Returns the axis declarations that are wrong.
    pub fn failed_axes(&self) -> impl Iterator<Item = DefId> {
        self.axis_state.iter().filter(|(_, s)| matches!(s, AxisState::Failed)).map(|(d, _)| *d)
    }

    /// Notes the axis of a declaration.
    pub fn declare_axis(&mut self, def: DefId, axis: AxisId) {
        self.declared_axes.insert(def, axis);
    }

    /// Returns the axis of a declaration.
    pub fn declared_as(&self, def: DefId) -> Option<AxisId> {
        self.declared_axes.get(&def).copied()
    }

    /// Notes the expressions behind the named coordinates of an axis.
    pub fn stand_for(&mut self, axis: AxisId, behind: Vec<Written>) {
        self.coordinate_values.insert(axis, behind);
    }

    /// Returns the axes that a declaration known before the run depends on, where that was found out.
    pub fn known_axes_behind(&self, def: DefId) -> Option<&Rc<Vec<AxisId>>> {
        self.axes_behind.get(&def)
    }

    /// Notes the axes that a declaration known before the run depends on.
    pub fn keep_axes_behind(&mut self, def: DefId, axes: Vec<AxisId>) {
        self.axes_behind.insert(def, Rc::new(axes));
    }

    // ---------------------------------------------------------------------------------------------------------- values

    /// Adds a declared value.
    pub fn add_value(&mut self, value: ValueDecl) -> ValueId {
        self.values.push(value);
        self.values.len() - 1
    }

    /// Returns the declared values so far.
    pub fn values(&self) -> &[ValueDecl] {
        &self.values
    }

    /// Returns a declared value.
    pub fn value_at(&self, id: ValueId) -> &ValueDecl {
        &self.values[id]
    }

    /// Returns the value of a declaration that has been checked; nothing in it where the declaration is wrong.
    pub fn value_of(&self, def: DefId) -> Option<Option<ValueId>> {
        self.value_of.get(&def).copied()
    }

    /// Notes the value of a declaration.
    pub fn set_value_of(&mut self, def: DefId, value: Option<ValueId>) {
        self.value_of.insert(def, value);
    }

    /// Begins with a declaration.
    pub fn enter(&mut self, def: DefId) {
        self.visiting.push(def);
    }

    /// Ends the innermost declaration.
    pub fn leave(&mut self) {
        self.visiting.pop();
    }

    /// Returns the declarations being checked, the innermost last.
    pub fn visiting(&self) -> &[DefId] {
        &self.visiting
    }

    // -------------------------------------------------------------------------------------------- known before the run

    /// Gives a parameter its value.
    pub fn set_param(&mut self, def: DefId, value: Static) {
        self.params.insert(def, value);
    }

    /// Notes that a `let` is wrong, which has been said.
    pub fn failed_let(&mut self, def: DefId, span: Span) {
        self.lets.keep(def, Err(Box::new(Finding::consequence(span))));
    }

    /// Notes that a declaration is used. Returns whether it was not before.
    pub fn note_used(&mut self, def: DefId) -> bool {
        self.used.insert(def)
    }

    /// Returns whether a declaration is used.
    pub fn is_used(&self, def: DefId) -> bool {
        self.used.contains(&def)
    }

    /// Returns title, seed and place of the `experiment`.
    pub fn experiment(&self) -> Option<&Experiment> {
        self.experiment.as_ref()
    }

    /// Notes title, seed and place of the `experiment`.
    pub fn set_experiment(&mut self, experiment: Experiment) {
        self.experiment = Some(experiment);
    }
}
