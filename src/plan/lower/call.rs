//! A call as cells: what its cells have in common is worked out once, then each place of its axes is made a cell.

use super::coordinates::env;
use super::memo::Memo;
use super::state::{Known, Lowering};
use crate::base::{Diag, Name, Span};
use crate::lang::Settings;
use crate::lang::axes::{AxisId, Coordinate, Origin, Role};
use crate::lang::kind::Kind;
use crate::lang::signature::Signature;
use crate::lang::statics::Statics;
use crate::lang::typed::{Call, Typed};
use crate::plan::array::{Along, Array, View, each_place};
use crate::plan::examples;
use crate::plan::facts::{Facts, KnownInput, Planned, Shape};
use crate::plan::graph::{Entry, LabelledAxis, Slot, Space};
use crate::plan::problem::Problem;
use crate::plan::units;
use std::rc::Rc;
use std::sync::Arc;

/// What the cells of a call have in common. Nothing below this looks at the axes of a call again.
pub(super) struct Frame<'a> {
    pub call: &'a Call,
    pub signature: &'a Signature,
    pub op: &'a dyn Planned,
    pub kind: &'a Kind,
    pub span: Span,
    pub name: Name,
    /// Axes of whose places each is a cell, outermost first: all but those that are kept.
    pub outer: Vec<AxisId>,
    pub known: Vec<Known>,
    /// Inputs, and the second of a pair last.
    pub inputs: Vec<Input>,
    /// Results that settings refer to.
    pub inside: Vec<Input>,
    /// Axes of a pair, as numbers among `outer`.
    pub pairs: Vec<(usize, usize)>,
    /// Parameters that are given a coordinate: the parameter, the axis, its number among `outer`.
    pub given: Vec<(String, AxisId, usize)>,
    /// The number of an axis of taps, or of kept weights, that the call adds.
    pub taps: Option<usize>,
    pub snapshots: Option<usize>,
    /// The number of an axis of parts that the call deals out: bins, folds.
    pub dealt: Option<usize>,
    pub space: Space,
    pub places: Arc<[(String, Span)]>,
}

/// An input of all cells of a call.
pub(super) struct Input {
    pub name: Name,
    view: View,
    /// Axes taken in whole, and how far each of their places lies from the first.
    axes: Arc<[LabelledAxis]>,
    offsets: Vec<usize>,
    /// Names of axes that are taken in and not kept, and of those that stay while their partner of a pair is.
    gone: Vec<Name>,
    halved: Vec<Name>,
}

impl Input {
    fn new(
        lowering: &Lowering,
        name: &str,
        array: Rc<Array>,
        whole: &[AxisId],
        kept: &[AxisId],
        outer: impl Fn(AxisId) -> Option<usize>,
    ) -> Self {
        let all = lowering.labelled_of(&array);
        let taken_in = |(i, _): &(usize, &LabelledAxis)| whole.contains(&array.axes[*i].0) && !kept.contains(&array.axes[*i].0);
        let (gone, stay): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(taken_in);
        let partners =
            |a: &LabelledAxis, b: &LabelledAxis| a.pairs.as_ref() == Some(&b.name) || b.pairs.as_ref() == Some(&a.name);
        let halved = stay.iter().filter(|(_, a)| gone.iter().any(|(_, b)| partners(a, b)));
        let halved = halved.map(|(_, a)| a.name.as_str().into()).collect();
        let gone = gone.iter().map(|(_, a)| a.name.as_str().into()).collect();
        let taken: Vec<(AxisId, usize)> = array.axes.iter().copied().filter(|(a, _)| whole.contains(a)).collect();
        let along = |axis: AxisId| match whole.contains(&axis) {
            true => Along::Fixed(0),
            false => outer(axis).map_or(Along::Fixed(0), Along::Place),
        };
        let ids: Vec<AxisId> = taken.iter().map(|(a, _)| *a).collect();
        let lengths: Vec<usize> = taken.iter().map(|(_, n)| *n).collect();
        let inner = View::over(array.clone(), &ids);
        let mut offsets = Vec::new();
        each_place(&lengths, |place| offsets.push(inner.index(place)));
        Input { name: name.into(), view: View::new(array, along), axes: lowering.labelled(&ids), offsets, gone, halved }
    }

    /// Returns what the cell of a place is given.
    pub fn slot(&self, place: &[usize]) -> Slot {
        let start = self.view.index(place);
        let entries = &self.view.array().entries;
        Slot { axes: self.axes.clone(), entries: self.offsets.iter().map(|o| entries[start + o].clone()).collect() }
    }
}

impl Frame<'_> {
    /// Checks that what meets by examples is about the same examples, and asks the operation whether its inputs are of shapes that it can do
    /// something with.
    /// Returns what is worth a warning.
    pub fn fits(&self, settings: &Settings, inputs: &[(Name, Slot)], known: &[KnownInput]) -> Result<Option<Problem>, Problem> {
        let input = |slot: &str| self.call.inputs.iter().find(|(n, _, _)| n == slot).map(|(_, typed, _)| typed);
        let per_example = |slot: &str| input(slot).is_some_and(|t| t.kind.per_example());
        if examples::one_of(self.signature, known, per_example).is_none() {
            examples::meet(self.signature, self.kind, settings, known, per_example)?;
        }
        let mut shapes = Vec::new();
        for ((name, slot), (_, facts)) in inputs.iter().zip(known) {
            let Some(typed) = input(name) else { continue };
            let unlabelled = facts.iter().any(|f| f.labelled == Some(false));
            let classes = typed.attached.class.is_some() && !unlabelled;
            shapes.push(Shape { slot: name, kind: &typed.kind, axes: &slot.axes, classes, facts });
        }
        self.op.fits(settings, &shapes).map(|()| self.op.doubts(settings, &shapes))
    }

    /// Returns what is known of a result, with its units, its columns, and whose examples it is about.
    pub fn completed(&self, known: &[KnownInput], mut facts: Facts) -> Facts {
        let holds = |slot: &str| self.call.inputs.iter().any(|(n, t, _)| n == slot && examples::of_examples(&t.kind));
        let per_example = |slot: &str| self.call.inputs.iter().any(|(n, t, _)| n == slot && t.kind.per_example());
        let whole = examples::one_of(self.signature, known, per_example);
        let meets = whole.is_none() && examples::of_examples(self.kind) && *self.kind != Kind::Dataset;
        if let Some(whole) = whole {
            facts = whole;
        }
        // What a signature says of a table's columns is all of them, unless it leaves them open.
        if !self.signature.open && !self.signature.columns.is_empty() {
            facts.columns = Some(self.signature.columns.clone());
        }
        if !self.signature.texts.is_empty() {
            facts.texts = self.signature.texts.clone();
        }
        let inputs = known.iter().flat_map(|(slot, all)| {
            let here = self.inputs.iter().find(|i| &*i.name == *slot);
            let left = move |name: &&Name| here.is_none_or(|i| !i.gone.contains(name));
            let before = all.iter().find(|f| !f.shared.is_empty()).into_iter().flat_map(|f| &f.shared).filter(left);
            before.chain(here.into_iter().flat_map(|i| &i.halved)).cloned()
        });
        facts.shared = inputs.collect();
        facts.shared.sort_unstable();
        facts.shared.dedup();
        let units = units::of_result(self.signature, known);
        if !units.is_empty() {
            facts.units = units;
        }
        if meets {
            examples::hand_on(examples::of_inputs(known, holds), &mut facts);
        }
        facts
    }
}

impl<'a> Lowering<'a> {
    pub fn call(&mut self, typed: &'a Typed, call: &'a Call) -> Array {
        let (Some(signature), Some(op)) = (self.program.operations.get(&call.op), self.operations.planned(&call.op)) else {
            self.diags.push(
                Diag::error("cfx::internal", typed.span, format!("`{}` has no implementation", call.op))
                    .help("please report this"),
            );
            return Array::single(Entry::Absent("it has no implementation".into()));
        };
        let inputs: Vec<Rc<Array>> = call.inputs.iter().map(|(_, v, _)| self.lower(v)).collect();
        let inside: Vec<Rc<Array>> = call.inside.iter().map(|(_, _, v)| self.lower(v)).collect();
        self.told_coordinates(typed, call, signature, op);
        if self.too_many(&typed.axes, typed.span) {
            return Array::single(Entry::Absent("there would be too many cells".into()));
        }
        let frame = self.frame(typed, call, signature, op, inputs, inside);
        let kept = self.lengths(&call.transfer.kept);
        let axes = self.lengths(&frame.outer);
        let cells = self.cells_of(&frame, &axes);
        if kept.is_empty() {
            return Array { axes, entries: cells };
        }
        // The result's axes stand as the checker ordered them: kept ones last.
        let entries = self.picks(&cells, &kept, typed.span);
        Array { axes: axes.into_iter().chain(kept).collect(), entries }
    }

    /// Works out what the cells of a call have in common.
    fn frame(
        &self,
        typed: &'a Typed,
        call: &'a Call,
        signature: &'a Signature,
        op: &'a dyn Planned,
        inputs: Vec<Rc<Array>>,
        inside: Vec<Rc<Array>>,
    ) -> Frame<'a> {
        let transfer = &call.transfer;
        let outer: Vec<AxisId> = typed.axes.iter().copied().filter(|a| !transfer.kept.contains(a)).collect();
        let number = |axis: AxisId| outer.iter().position(|a| *a == axis);
        let partner = |axis: AxisId| transfer.pairs.iter().find(|(a, _)| *a == axis).map_or(axis, |(_, b)| *b);
        let mut slots: Vec<Input> = Vec::new();
        for ((name, _, whole), array) in call.inputs.iter().zip(&inputs) {
            slots.push(Input::new(self, name, array.clone(), whole, &transfer.kept, number));
        }
        if let (false, Some((_, _, whole)), Some(array)) = (transfer.pairs.is_empty(), call.inputs.first(), inputs.first()) {
            slots.push(Input::new(self, "against", array.clone(), whole, &transfer.kept, |axis| number(partner(axis))));
        }
        let inside =
            call.inside.iter().zip(inside).map(|((_, name, _), array)| Input::new(self, name, array, &[], &[], number)).collect();
        let added = transfer.added.as_ref().map(|fresh| fresh.axis);
        let of_role = |role: Role| added.filter(|a| self.script.axes.get(*a).role == role).and_then(number);
        let given = call.coordinates(signature).into_iter();
        Frame {
            call,
            signature,
            op,
            kind: &typed.kind,
            span: typed.span,
            name: call.op.as_str().into(),
            known: outer.iter().map(|a| self.known(*a)).collect(),
            inputs: slots,
            inside,
            pairs: transfer.pairs.iter().filter_map(|(a, b)| Some((number(*a)?, number(*b)?))).collect(),
            given: given.filter_map(|(parameter, axis)| Some((parameter, axis, number(axis)?))).collect(),
            taps: of_role(Role::Stage),
            snapshots: of_role(Role::Snapshot),
            dealt: of_role(Role::Count),
            space: self.space(&outer),
            places: call.written.iter().map(|(n, w)| (n.clone(), w.1.span)).collect(),
            outer,
        }
    }

    /// Makes the cells of all places, of a symmetric measure one for both orders.
    fn cells_of(&mut self, frame: &Frame<'a>, axes: &[(AxisId, usize)]) -> Vec<Entry> {
        let lengths: Vec<usize> = axes.iter().map(|(_, n)| *n).collect();
        let symmetric = frame.signature.symmetric && !frame.pairs.is_empty();
        let mut partner: Vec<usize> = (0..lengths.len()).collect();
        frame.pairs.iter().for_each(|(a, b)| partner.swap(*a, *b));
        let mut memo = Memo::default();
        let mut entries: Vec<Entry> = Vec::with_capacity(lengths.iter().product());
        each_place(&lengths, |place| {
            let mirrored = symmetric.then(|| partner.iter().map(|p| place[*p]).collect::<Vec<usize>>());
            let entry = match mirrored.filter(|m| m.as_slice() < place) {
                Some(earlier) => entries[earlier.iter().zip(&lengths).fold(0, |i, (p, n)| i * n + p)].clone(),
                None => self.cell(frame, &mut memo, place, entries.len()),
            };
            entries.push(entry);
        });
        entries
    }

    /// Learns from a source what its axes are: the classes of a data set, the files of `load_stages`.
    fn told_coordinates(&mut self, typed: &Typed, call: &'a Call, signature: &'a Signature, op: &dyn Planned) {
        let axes = &self.script.axes;
        let told = |a: &AxisId| self.told.contains_key(a);
        let class = typed.attached.class.filter(|a| matches!(axes.get(*a).origin, Origin::Classes(_)) && !told(a));
        let files =
            call.transfer.added.as_ref().map(|fresh| fresh.axis).filter(|a| axes.get(*a).coordinates.is_none() && !told(a));
        if !call.inputs.is_empty() || (class.is_none() && files.is_none()) {
            return;
        }
        let mapped = call.transfer.mapped_axes();
        let known: Vec<Known> = mapped.iter().map(|a| self.known(*a)).collect();
        if known.iter().any(|k| k.all.is_empty()) {
            return;
        }
        let first = env(&mapped, &known, &vec![0; known.len()]);
        let Ok((settings, _)) = Statics::of(self.program, self.script).settings(signature, call, &first) else { return };
        // What is wrong is reported when the cells are made.
        let Ok(facts) = op.facts(&settings, &[], self.files) else { return };
        if let (Some(axis), Some(classes)) = (class, &facts.classes) {
            self.told.insert(axis, classes.iter().map(Coordinate::named).collect());
        }
        if let (Some(axis), Some(names)) = (files, &facts.coordinates) {
            self.told.insert(axis, names.iter().map(Coordinate::named).collect());
        }
        // Parts and others of these axes are asked for anew.
        self.forget_coordinates();
    }
}
