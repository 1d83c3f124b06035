//! Lowering: the typed script laid out as cells. One walk, for `check` (no file is read) and for `plan` alike.

use super::array::{Array, Place, each_place};
use super::examples;
use super::facts::{Facts, KnownInput, Operations, Planned, Policy, Problem, Shape};
use super::files::Files;
use super::graph::{Cell, CellId, Declared, Entry, Graph, LabelledAxis, Slot};
use super::units;
use crate::base::{Diag, Diags, Hash, Hasher, Severity, Span};
use crate::lang::axes::{AxisId, Coordinate, Origin, Pick, Role, find};
use crate::lang::kind::Kind;
use crate::lang::library::Names;
use crate::lang::net;
use crate::lang::scope::Program;
use crate::lang::signature::Signature;
use crate::lang::statics::{Env, NetworkRef, Statics};
use crate::lang::typed::{Call, Node, Script, Typed, ValueId};
use crate::lang::{Settings, Static};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// The most cells that a plan may have.
const MOST_CELLS: usize = 4_000_000;

/// Lays a script out as cells. Without `files` nothing is read, and coordinates that only files tell stand for one unknown each.
pub fn lower(program: &Program, script: &Script, operations: &dyn Operations, files: Option<&Files>) -> (Graph, Diags) {
    let mut lowering = Lowering {
        program,
        script,
        operations,
        files,
        coordinates: BTreeMap::new(),
        known: RefCell::default(),
        cells: Vec::new(),
        by_key: BTreeMap::new(),
        memo: vec![None; script.values.len()],
        diags: Diags::default(),
        hashes: BTreeMap::new(),
        label: String::new(),
    };
    let mut values = Vec::new();
    for v in &script.order {
        let decl = &script.values[*v];
        lowering.prepare(*v);
        let array = lowering.value(*v);
        let axes = array.axes.iter().map(|(a, _)| lowering.labelled(*a)).collect();
        values.push(Declared {
            keyword: decl.keyword.word().to_string(),
            name: decl.name.clone(),
            kind: decl.typed.kind.to_string(),
            source: program.sources.text(decl.span).to_string(),
            span: decl.span,
            doc: decl.doc.clone(),
            axes,
            entries: array.entries.clone(),
        });
    }
    let graph = Graph { title: script.title.clone(), seed: script.seed, cells: lowering.cells, values, ..Graph::default() };
    (graph, lowering.diags)
}

struct Lowering<'a> {
    program: &'a Program,
    script: &'a Script,
    operations: &'a dyn Operations,
    files: Option<&'a Files>,
    /// Coordinates that operations told.
    coordinates: BTreeMap<AxisId, Vec<Coordinate>>,
    /// Coordinates of axes asked for so far.
    known: RefCell<BTreeMap<AxisId, Rc<Vec<Coordinate>>>>,
    cells: Vec<Cell>,
    by_key: BTreeMap<Hash, CellId>,
    memo: Vec<Option<Rc<Array>>>,
    diags: Diags,
    hashes: BTreeMap<PathBuf, Hash>,
    label: String,
}

impl<'a> Lowering<'a> {
    /// Lays out what a value is made from, in the order in which it names it, so that long chains of declarations need no deep stack.
    fn prepare(&mut self, id: ValueId) {
        let mut way = vec![(id, self.script.values[id].typed.mentions(), 0)];
        while let Some((at, mentions, next)) = way.last_mut() {
            match mentions.get(*next).copied() {
                Some(value) => {
                    *next += 1;
                    if self.memo[value].is_none() {
                        way.push((value, self.script.values[value].typed.mentions(), 0));
                    }
                }
                None => {
                    let at = *at;
                    way.pop();
                    self.value(at);
                }
            }
        }
    }

    fn value(&mut self, id: ValueId) -> Rc<Array> {
        if let Some(done) = &self.memo[id] {
            return done.clone();
        }
        let decl = &self.script.values[id];
        let outer = std::mem::replace(&mut self.label, decl.name.clone());
        let array = self.lower(&decl.typed);
        self.label = outer;
        self.memo[id] = Some(array.clone());
        array
    }

    fn lower(&mut self, typed: &'a Typed) -> Rc<Array> {
        let own = matches!(typed.node, Node::Static(..) | Node::Stack { .. } | Node::If { .. });
        if own && self.too_many(&typed.axes, typed.span) {
            return Rc::new(Array::single(Entry::Absent("there would be too many cells".into())));
        }
        match &typed.node {
            Node::Error => Rc::new(Array::single(Entry::Absent("it could not be checked".into()))),
            Node::Value(id) => self.value(*id),
            Node::Static(module, expr) => {
                let axes = self.lengths(&typed.axes);
                let mut entries = Vec::new();
                each_place(&axes, |place| {
                    let env = self.env(place);
                    let value = Statics::of(self.program, self.script).value(*module, expr, &env);
                    entries.push(match value {
                        Ok(Static::Number(x)) => Entry::Number(x),
                        Ok(Static::Bool(b)) => Entry::Truth(b),
                        Ok(Static::Word(w) | Static::Text(w)) => Entry::Word(w),
                        Ok(_) => Entry::Absent("this is a setting, not a result".into()),
                        Err(found) if !place.is_empty() && found.only_divisions() => Entry::Absent("division by zero".into()),
                        Err(found) => {
                            self.diags.extend(found);
                            Entry::Absent("it could not be evaluated".into())
                        }
                    });
                });
                Rc::new(Array { axes, entries })
            }
            Node::Select { base, fixed, parts } => {
                let inner = self.lower(base);
                self.select(typed, &inner, fixed, parts)
            }
            Node::Stack { axis, parts } => {
                let lowered: Vec<Rc<Array>> = parts.iter().map(|p| self.lower(p)).collect();
                let axes = self.lengths(&typed.axes);
                let mut entries = Vec::new();
                each_place(&axes, |place| entries.push(lowered[place[axis]].at(place).clone()));
                Rc::new(Array { axes, entries })
            }
            Node::If { module, condition, yes, no } => {
                let (yes, no) = (self.lower(yes), self.lower(no));
                let axes = self.lengths(&typed.axes);
                let mut entries = Vec::new();
                each_place(&axes, |place| {
                    let env = self.env(place);
                    entries.push(match Statics::of(self.program, self.script).value(*module, condition, &env) {
                        Ok(Static::Bool(true)) => yes.at(place).clone(),
                        Ok(_) => no.at(place).clone(),
                        Err(found) => {
                            self.diags.extend(found);
                            Entry::Absent("its condition could not be evaluated".into())
                        }
                    });
                });
                Rc::new(Array { axes, entries })
            }
            Node::Align { base, from, to } => {
                let inner = self.lower(base);
                let (from_c, to_c) = (self.coordinates_of(*from), self.coordinates_of(*to));
                let none = !from_c.iter().any(|c| to_c.iter().any(|d| c.text == d.text));
                if none && !is_unknown(&from_c) && !is_unknown(&to_c) {
                    let list =
                        |c: &[Coordinate]| c.iter().take(6).map(|c| format!("`{}`", c.text)).collect::<Vec<_>>().join(", ");
                    let name = self.script.axes.name(*to);
                    let message =
                        format!("the two axes `{name}` have no coordinate in common: {} and {}", list(&to_c), list(&from_c));
                    let one = to_c.first().map_or("", |c| c.text.as_str());
                    let help = format!("select one of each, such as `x[{one}]`, and the axis is gone");
                    self.diags.push(Diag::error("cfx::axis::no_coordinate", typed.span, message).help(help));
                    return Rc::new(Array::single(Entry::Absent("its axes have nothing in common".into())));
                }
                let axes = self.lengths(&typed.axes);
                let mut entries = Vec::new();
                each_place(&axes, |place| {
                    let mut inside = place.clone();
                    if let Some(i) = inside.remove(to) {
                        match from_c.iter().position(|c| c.text == to_c[i].text) {
                            Some(j) => inside.insert(*from, j),
                            None => return entries.push(Entry::Absent(format!("there is no {} to align with", to_c[i].text))),
                        };
                    }
                    entries.push(inner.at(&inside).clone());
                });
                Rc::new(Array { axes, entries })
            }
            Node::Call(call) => Rc::new(self.call(typed, call)),
        }
    }

    fn select(&mut self, typed: &Typed, inner: &Array, fixed: &[(AxisId, Pick)], parts: &[(AxisId, AxisId)]) -> Rc<Array> {
        let mut at = Place::new();
        for (axis, pick) in fixed {
            match self.position(*axis, pick, typed.span) {
                Some(i) => at.insert(*axis, i),
                None => return Rc::new(Array::single(Entry::Absent("there is no such coordinate".into()))),
            };
        }
        for (axis, part) in parts {
            if let Origin::Part(_, picks) = &self.script.axes.get(*part).origin {
                for pick in picks.clone() {
                    if self.position(*axis, &pick, typed.span).is_none() {
                        return Rc::new(Array::single(Entry::Absent("there is no such coordinate".into())));
                    }
                }
            }
        }
        let axes = self.lengths(&typed.axes);
        let mut entries = Vec::new();
        each_place(&axes, |place| {
            let mut inside = place.clone();
            inside.extend(at.iter().map(|(a, i)| (*a, *i)));
            for (axis, part) in parts {
                if let Some(i) = place.get(part) {
                    let text = self.coordinates_of(*part)[*i].text.clone();
                    let j = self.coordinates_of(*axis).iter().position(|c| c.text == text).unwrap_or(0);
                    inside.insert(*axis, j);
                }
            }
            entries.push(inner.at(&inside).clone());
        });
        Rc::new(Array { axes, entries })
    }

    /// Returns the index of a coordinate; where only files tell the coordinates and none was read, the unknown one.
    fn position(&mut self, axis: AxisId, pick: &Pick, span: Span) -> Option<usize> {
        let coordinates = self.coordinates_of(axis);
        if is_unknown(&coordinates) {
            return Some(0);
        }
        let found = find(&coordinates, pick);
        if found.is_none() {
            let names: Vec<&str> = coordinates.iter().map(|c| c.text.as_str()).collect();
            let help = crate::lang::suggest::nearest_or_list(&pick.to_string(), &names);
            let message = format!("the axis `{}` has no coordinate `{pick}`", self.script.axes.name(axis));
            self.diags.push(Diag::error("cfx::axis::no_coordinate", span, message).help(help));
        }
        found
    }

    /// Returns an axis's coordinates: as declared, as an operation told, or a single unknown one.
    fn coordinates_of(&self, axis: AxisId) -> Rc<Vec<Coordinate>> {
        if let Some(known) = self.known.borrow().get(&axis) {
            return known.clone();
        }
        let found = Rc::new(self.find_coordinates(axis));
        self.known.borrow_mut().insert(axis, found.clone());
        found
    }

    fn find_coordinates(&self, axis: AxisId) -> Vec<Coordinate> {
        let a = self.script.axes.get(axis);
        if let Some(known) = a.coordinates.as_ref().or_else(|| self.coordinates.get(&axis)) {
            return known.clone();
        }
        match &a.origin {
            Origin::Other(of) => self.find_coordinates(*of),
            Origin::Part(of, picks) => {
                let all = self.find_coordinates(*of);
                if is_unknown(&all) {
                    return picks.iter().map(|p| Coordinate::named(p.to_string())).collect();
                }
                picks.iter().filter_map(|p| find(&all, p).map(|i| all[i].clone())).collect()
            }
            _ => vec![Coordinate { text: UNKNOWN.into(), canonical: UNKNOWN.into(), value: None }],
        }
    }

    fn lengths(&self, axes: &[AxisId]) -> Vec<(AxisId, usize)> {
        axes.iter().map(|a| (*a, self.coordinates_of(*a).len())).collect()
    }

    /// Returns whether a value over these axes would be too large, and says so.
    fn too_many(&mut self, axes: &[AxisId], span: Span) -> bool {
        let count = axes.iter().fold(1usize, |n, a| n.saturating_mul(self.coordinates_of(*a).len()));
        let many = count.saturating_add(self.cells.len()) > MOST_CELLS;
        if many {
            self.diags.push(
                Diag::error("cfx::plan::too_many", span, format!("this makes more than {MOST_CELLS} cells"))
                    .help("select fewer coordinates, or split the experiment"),
            );
        }
        many
    }

    fn labelled(&self, axis: AxisId) -> LabelledAxis {
        LabelledAxis {
            name: self.script.axes.name(axis).to_string(),
            role: self.script.axes.get(axis).role.word().to_string(),
            coordinates: self.coordinates_of(axis).iter().map(|c| c.text.clone()).collect(),
            within: self.script.axes.within(axis).iter().map(|a| self.script.axes.name(*a).to_string()).collect(),
            pairs: match self.script.axes.get(self.script.axes.whole(axis)).origin {
                Origin::Other(of) => Some(self.script.axes.name(of).to_string()),
                _ => None,
            },
        }
    }

    fn env(&self, place: &Place) -> Env {
        place.iter().map(|(a, i)| (*a, self.coordinates_of(*a)[*i].clone())).collect()
    }

    fn call(&mut self, typed: &'a Typed, call: &'a Call) -> Array {
        let (Some(signature), Some(op)) = (self.program.operations.get(&call.op), self.operations.planned(&call.op)) else {
            self.diags.push(
                Diag::error("cfx::internal", typed.span, format!("`{}` has no implementation", call.op))
                    .help("please report this"),
            );
            return Array::single(Entry::Absent("it has no implementation".into()));
        };
        let inputs: Vec<(&str, Rc<Array>, &[AxisId])> =
            call.inputs.iter().map(|(n, v, whole)| (n.as_str(), self.lower(v), whole.as_slice())).collect();
        let inside: Vec<(&str, Rc<Array>)> = call.inside.iter().map(|(_, n, v)| (n.as_str(), self.lower(v))).collect();
        self.told_coordinates(typed, call, signature, op);
        let outer: Vec<AxisId> = typed.axes.iter().copied().filter(|a| !call.transfer.kept.contains(a)).collect();
        let axes = self.lengths(&outer);
        let kept = self.lengths(&call.transfer.kept);
        if self.too_many(&typed.axes, typed.span) {
            return Array { entries: vec![Entry::Absent("there would be too many cells".into())], axes: Vec::new() };
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut places = Vec::new();
        each_place(&axes, |p| places.push(p.clone()));
        let mut by_place: BTreeMap<Vec<usize>, Entry> = BTreeMap::new();
        for place in places {
            let key: Vec<usize> = axes.iter().map(|(a, _)| place[a]).collect();
            let mirrored = self.mirror(call, signature, &axes, &place);
            let entry = match mirrored.and_then(|m| by_place.get(&m).cloned()) {
                Some(done) => done,
                None => self.cell(typed, call, signature, op, &inputs, &inside, &outer, &place),
            };
            by_place.insert(key, entry.clone());
            if kept.is_empty() {
                entries.push(entry);
                continue;
            }
            let count: usize = kept.iter().map(|(_, n)| n).product();
            for index in 0..count {
                entries.push(self.pick(&entry, index, &kept, typed.span));
            }
        }
        let mut all = axes;
        all.extend(kept);
        // The result's axes stand as the checker ordered them: kept ones last.
        Array { axes: all, entries }
    }

    /// Returns the place with each pair of axes swapped, where the measure is symmetric and that place comes earlier.
    fn mirror(&self, call: &Call, signature: &Signature, axes: &[(AxisId, usize)], place: &Place) -> Option<Vec<usize>> {
        if !signature.symmetric || call.transfer.pairs.is_empty() {
            return None;
        }
        let swapped = |a: &AxisId| {
            let partner = call.transfer.pairs.iter().find_map(|(x, y)| {
                if x == a {
                    Some(y)
                } else if y == a {
                    Some(x)
                } else {
                    None
                }
            });
            place[partner.unwrap_or(a)]
        };
        let mirrored: Vec<usize> = axes.iter().map(|(a, _)| swapped(a)).collect();
        let own: Vec<usize> = axes.iter().map(|(a, _)| place[a]).collect();
        (mirrored < own).then_some(mirrored)
    }

    /// Learns from a source what its axes are: the classes of a data set, the files of `load_stages`.
    fn told_coordinates(&mut self, typed: &Typed, call: &'a Call, signature: &'a Signature, op: &dyn Planned) {
        let class = typed
            .attached
            .class
            .filter(|a| matches!(self.script.axes.get(*a).origin, Origin::Classes(_)) && !self.coordinates.contains_key(a));
        let files = call
            .transfer
            .added
            .as_ref()
            .map(|f| f.axis)
            .filter(|a| self.script.axes.get(*a).coordinates.is_none() && !self.coordinates.contains_key(a));
        if !call.inputs.is_empty() || (class.is_none() && files.is_none()) {
            return;
        }
        let axes: Vec<(AxisId, usize)> = self.lengths(&call.transfer.mapped_axes());
        let mut first = Place::new();
        axes.iter().for_each(|(a, _)| {
            first.insert(*a, 0);
        });
        let env = self.env(&first);
        let Ok((settings, _)) = Statics::of(self.program, self.script).settings(signature, call, &env) else { return };
        // What is wrong is reported when the cells are made.
        let Ok(facts) = op.facts(&settings, &[], self.files) else { return };
        if let (Some(axis), Some(classes)) = (class, &facts.classes) {
            self.coordinates.insert(axis, classes.iter().map(Coordinate::named).collect());
        }
        if let (Some(axis), Some(names)) = (files, &facts.coordinates) {
            self.coordinates.insert(axis, names.iter().map(Coordinate::named).collect());
        }
        // Parts and others of these axes are asked for anew.
        self.known.borrow_mut().clear();
    }

    fn cell(
        &mut self,
        typed: &Typed,
        call: &'a Call,
        signature: &'a Signature,
        op: &dyn Planned,
        inputs: &[(&str, Rc<Array>, &[AxisId])],
        inside: &[(&str, Rc<Array>)],
        outer: &[AxisId],
        place: &Place,
    ) -> Entry {
        if !call.transfer.pairs.is_empty() && call.transfer.pairs.iter().all(|(a, b)| place[a] == place[b]) {
            return Entry::Absent("it would be compared with itself".into());
        }
        let mut slots: Vec<(String, Slot)> = Vec::new();
        for (name, array, whole) in inputs {
            slots.push((name.to_string(), self.slot(array, whole, place)));
        }
        if let (false, Some((_, array, whole))) = (call.transfer.pairs.is_empty(), inputs.first()) {
            let mut other = place.clone();
            for (a, b) in &call.transfer.pairs {
                other.insert(*a, place[b]);
            }
            slots.push(("against".to_string(), self.slot(array, whole, &other)));
        }
        for (name, slot) in &slots {
            if let (true, false, [Entry::Absent(why)]) = (slot.axes.is_empty(), op.takes_absent(name), slot.entries.as_slice()) {
                return Entry::Absent(why.clone());
            }
        }
        // Networks that share an axis of taps need not have all of them.
        if let Some(axis) =
            call.transfer.added.as_ref().map(|f| &f.axis).filter(|a| self.script.axes.get(**a).role == Role::Stage)
            && let Some(model) = slots.iter().flat_map(|(_, s)| self.facts_of(s)).find(|f| !f.taps.is_empty())
        {
            let name = &self.coordinates_of(*axis)[place[axis]].text;
            if !model.taps.iter().any(|(t, _)| t == name) {
                return Entry::Absent(format!("the network has no tap `{name}`"));
            }
        }
        // Nor have training runs that share an axis of epochs all of them.
        if let Some(axis) =
            call.transfer.added.as_ref().map(|f| &f.axis).filter(|a| self.script.axes.get(**a).role == Role::Snapshot)
            && let Some(kept) = slots.iter().flat_map(|(_, s)| self.facts_of(s)).find_map(|f| f.kept.as_ref())
            && let Some(Static::Number(epoch)) = self.coordinates_of(*axis)[place[axis]].value
            && !kept.contains(&(epoch as usize))
        {
            let last = kept.last().copied().unwrap_or(0);
            return Entry::Absent(match epoch as usize > last {
                true => format!("training ends after epoch {last}, before epoch {epoch}"),
                false => format!("the weights after epoch {epoch} are not kept here"),
            });
        }
        let env = self.env(place);
        let (mut settings, network) = match Statics::of(self.program, self.script).settings(signature, call, &env) {
            Ok(found) => found,
            Err(found) => {
                let open = place.keys().any(|a| is_unknown(&self.coordinates_of(*a)));
                self.diags.extend(if open { found.without_maps() } else { found });
                return Entry::Absent("its settings are wrong".into());
            }
        };
        // Of the results that settings refer to, those that the settings here do.
        let mut used = Vec::new();
        settings.0.iter_mut().for_each(|(_, value)| name_slots(value, &mut used));
        for (name, array) in inside.iter().filter(|(n, _)| used.iter().any(|u| u == n)) {
            let slot = self.slot(array, &[], place);
            if let [Entry::Absent(why)] = slot.entries.as_slice() {
                return Entry::Absent(why.clone());
            }
            slots.push((slot_name(name).to_string(), slot));
        }
        for (param, axis) in call.coordinates(signature) {
            let at = self.coordinate_setting(axis, place[&axis]);
            settings.0.retain(|(n, _)| *n != param);
            settings.0.push((param, at));
        }
        if let Some(network) = network {
            let data = slots.iter().find(|(n, _)| n == "data").and_then(|(_, s)| self.facts_of(s).first().copied().cloned());
            match self.network(&network, &data.unwrap_or_default(), op) {
                Ok(Some(net)) => settings.0.push(("network".to_string(), Static::Net(Arc::new(net)))),
                Ok(None) => {}
                Err(found) => {
                    for diag in found.0 {
                        let place = network.span;
                        let there = diag.labels.iter().any(|(s, _)| s.start == place.start);
                        self.diags.push(if there { diag } else { diag.label(place, "for this use of the network") });
                    }
                    return Entry::Absent("its network does not fit".into());
                }
            }
        }
        let stream = signature.random.then(|| self.stream(call, outer, place));
        let at: Vec<(String, String)> = outer
            .iter()
            .map(|a| (self.script.axes.name(*a).to_string(), self.coordinates_of(*a)[place[a]].text.clone()))
            .collect();
        let known: Vec<KnownInput> = slots.iter().map(|(n, s)| (n.as_str(), self.facts_of(s))).collect();
        if let (Kind::Figure, Some(units)) = (&signature.gives, units::setting(&known)) {
            settings.0.push(("units".to_string(), units));
        }
        let per_example = |slot: &str| call.inputs.iter().any(|(n, t, _)| n == slot && t.kind.per_example());
        let fit =
            examples::meet(&typed.kind, &settings, &known, per_example).and_then(|()| fits(op, &settings, call, &slots, &known));
        if let Err(problem) = fit {
            let diag = self.problem(problem, typed.span, Some(call));
            self.diags.push(diag);
            return Entry::Absent("it cannot be computed".into());
        }
        let units = units::of_result(signature, &known);
        let holds = |slot: &str| call.inputs.iter().any(|(n, t, _)| n == slot && examples::of_examples(&t.kind));
        let about =
            (examples::of_examples(&typed.kind) && typed.kind != Kind::Dataset).then(|| examples::of_inputs(&known, holds));
        // What a signature says of a table's columns is all of them, unless it leaves them open.
        let columns = (!signature.open && !signature.columns.is_empty()).then(|| signature.columns.clone());
        let entry = self.make(op, &call.op, settings, slots, stream, at, typed.span, Some(call));
        if let Entry::Cell(id) = &entry {
            let facts = &mut self.cells[*id].facts;
            if !units.is_empty() {
                facts.units = units;
            }
            facts.columns = columns.or(facts.columns.take());
        }
        if let (Entry::Cell(id), Some(about)) = (&entry, about) {
            examples::hand_on(about, &mut self.cells[*id].facts);
        }
        entry
    }

    fn slot(&self, array: &Array, whole: &[AxisId], place: &Place) -> Slot {
        let axes: Vec<(AxisId, usize)> = array.axes.iter().copied().filter(|(a, _)| whole.contains(a)).collect();
        let mut entries = Vec::new();
        each_place(&axes, |inner| {
            let mut all = place.clone();
            all.extend(inner.iter().map(|(a, i)| (*a, *i)));
            entries.push(array.at(&all).clone());
        });
        Slot { axes: axes.iter().map(|(a, _)| self.labelled(*a)).collect(), entries }
    }

    /// Returns a coordinate as a kernel sees it: the axis, its role, the coordinate's name and index (for classes, the label).
    fn coordinate_setting(&self, axis: AxisId, i: usize) -> Static {
        let here = &self.coordinates_of(axis)[i];
        if let (Role::Snapshot, Some(epoch)) = (self.script.axes.get(axis).role, &here.value) {
            return epoch.clone();
        }
        let whole = self.script.axes.whole(axis);
        let index = self.coordinates_of(whole).iter().position(|c| c.text == here.text).unwrap_or(i);
        let role = self.script.axes.get(axis).role;
        let mut fields =
            vec![("name".to_string(), Static::Text(here.text.clone())), ("index".to_string(), Static::Number(index as f64))];
        if role != Role::Stage {
            fields.push(("role".to_string(), Static::Word(role.word().to_string())));
        }
        if let (Role::Declared, Some(value)) = (role, &here.value) {
            fields.push(("value".to_string(), value.clone()));
        }
        Static::Make("at".to_string(), fields)
    }

    /// Returns the name of a cell's random stream: root seed, operation, and `seed:` or the coordinates by written value.
    fn stream(&mut self, call: &'a Call, outer: &[AxisId], place: &Place) -> Hash {
        let mut h = Hasher::new("cfx.stream.cell.1");
        h.int(self.script.seed).text(&call.op);
        match &call.seed {
            Some(seed) => {
                let env = self.env(place);
                match Statics::of(self.program, self.script).value(seed.0, &seed.1, &env) {
                    Ok(value) => {
                        h.text("seed").text(&value.to_json().to_string());
                    }
                    Err(found) => self.diags.extend(found),
                }
            }
            None => outer.iter().for_each(|a| {
                h.text(&self.coordinates_of(*a)[place[a]].canonical);
            }),
        }
        h.finish()
    }

    fn facts_of<'s>(&'s self, slot: &Slot) -> Vec<&'s Facts> {
        static NOTHING: std::sync::OnceLock<Facts> = std::sync::OnceLock::new();
        slot.entries
            .iter()
            .map(|e| match e {
                Entry::Cell(id) => &self.cells[*id].facts,
                _ => NOTHING.get_or_init(Facts::default),
            })
            .collect()
    }

    /// Returns the network program, once the shape of the data is known.
    fn network(&self, network: &NetworkRef, data: &Facts, op: &dyn Planned) -> Result<Option<net::ir::Net>, Diags> {
        let (Some(shape), Some(classes)) = (&data.shape, &data.classes) else { return Ok(None) };
        let library = Names { program: self.program, statics: Statics::of(self.program, self.script) };
        let Some(declared) = net::Declared::of(self.program.item(network.def)) else { return Ok(None) };
        let call = net::NetworkCall { network: declared, args: network.args.clone(), span: network.span };
        net::elaborate(&library, &call, shape, op.outputs(classes.len())).map(Some)
    }

    fn make(
        &mut self,
        op: &dyn Planned,
        name: &str,
        mut settings: Settings,
        inputs: Vec<(String, Slot)>,
        stream: Option<Hash>,
        at: Vec<(String, String)>,
        span: Span,
        call: Option<&Call>,
    ) -> Entry {
        // Whether weights are kept decides nothing about what they are: it is no part of the key.
        let keep = settings.word("keep") == "weights";
        settings.0.retain(|(n, _)| n != "keep");
        let nothing = |value: &Static| matches!(value, Static::None) || matches!(value, Static::List(items) if items.is_empty());
        let as_before = |value: &Static, word: &str| value.word() == Some(word) || (word == "none" && nothing(value));
        settings.0.retain(|(n, v)| !op.later().iter().any(|(name, word)| name == n && as_before(v, word)));
        let mut known: Vec<KnownInput> = inputs.iter().map(|(n, s)| (n.as_str(), self.facts_of(s))).collect();
        // Words known before the run may be but themselves, and what is absent none.
        let words: Vec<(usize, usize, Facts)> = inputs
            .iter()
            .enumerate()
            .flat_map(|(i, (_, s))| s.entries.iter().enumerate().map(move |(k, e)| (i, k, e)))
            .filter_map(|(i, k, e)| match e {
                Entry::Word(w) => Some((i, k, vec![w.clone()])),
                Entry::Absent(_) => Some((i, k, Vec::new())),
                _ => None,
            })
            .map(|(i, k, words)| (i, k, Facts { words: Some(words), ..Facts::default() }))
            .collect();
        words.iter().for_each(|(i, k, facts)| known[*i].1[*k] = facts);
        let mut warned = Vec::new();
        let (facts, cost) = match op.facts(&settings, &known, self.files) {
            Ok(facts) => {
                let cost = op.cost_of(&settings, &known, &facts);
                for warning in &facts.warnings {
                    let diag = Diag { severity: Severity::Warning, ..self.problem(warning.clone(), span, call) };
                    warned.push(diag);
                }
                (facts, cost)
            }
            Err(problem) => {
                let diag = self.problem(problem, span, call);
                self.diags.push(diag);
                return Entry::Absent("it cannot be computed".into());
            }
        };
        warned.into_iter().for_each(|diag| self.diags.push(diag));
        let mut files = Vec::new();
        for path in &facts.files {
            files.push((path.display().to_string(), self.file_hash(path)));
        }
        let mut cell = Cell {
            op: name.to_string(),
            version: op.version(),
            settings,
            inputs,
            stream,
            at,
            files,
            key: Hash::of(b""),
            facts,
            cost,
            policy: if keep { Policy::Stored } else { op.policy() },
            label: self.label.clone(),
            span,
            places: call.map(|c| c.written.iter().map(|(n, w)| (n.clone(), w.1.span)).collect()).unwrap_or_default(),
        };
        cell.key = cell.hash_with(&|id| self.cells[id].key);
        if let Some(id) = self.by_key.get(&cell.key) {
            if keep {
                self.cells[*id].policy = Policy::Stored;
            }
            return Entry::Cell(*id);
        }
        let id = self.cells.len();
        self.by_key.insert(cell.key, id);
        self.cells.push(cell);
        Entry::Cell(id)
    }

    /// Returns the element of a list along the axes that an operation keeps.
    fn pick(&mut self, from: &Entry, index: usize, kept: &[(AxisId, usize)], span: Span) -> Entry {
        let (Entry::Cell(id), Some(op)) = (from, self.operations.planned("pick")) else { return from.clone() };
        let mut at = self.cells[*id].at.clone();
        let mut rest = index;
        let mut tail = Vec::new();
        for (axis, len) in kept.iter().rev() {
            tail.push((self.script.axes.name(*axis).to_string(), self.coordinates_of(*axis)[rest % len].text.clone()));
            rest /= len;
        }
        at.extend(tail.into_iter().rev());
        let settings = Settings(vec![("index".to_string(), Static::Number(index as f64))]);
        let slot = Slot { axes: Vec::new(), entries: vec![from.clone()] };
        self.make(op, "pick", settings, vec![("x".to_string(), slot)], None, at, span, None)
    }

    fn problem(&self, problem: Problem, span: Span, call: Option<&Call>) -> Diag {
        // What is said of a parameter stands at what was given for it, a setting or an input. `sampler.passes` is the setting `passes` of the
        // constructor given for `sampler`; the constructor where the setting is left out.
        let given = |p: &str| {
            let call = call?;
            let (outer, inner) = p.split_once('.').unwrap_or((p, ""));
            let input = || call.inputs.iter().find(|(n, _, _)| n == outer).map(|(_, typed, _)| typed.span);
            call.written.get(outer).map(|w| w.1.argument(inner).unwrap_or(&w.1).span).or_else(input)
        };
        let place = problem.parameter.and_then(given).unwrap_or(span);
        let mut diag = Diag::error(problem.code, place, problem.message);
        if let Some(help) = problem.help {
            diag = diag.help(help);
        }
        diag
    }

    fn file_hash(&mut self, path: &std::path::Path) -> Hash {
        if let Some(hash) = self.hashes.get(path) {
            return *hash;
        }
        let hash = match std::fs::File::open(path) {
            Ok(file) => {
                let mut hasher = blake3::Hasher::new();
                match hasher.update_reader(file) {
                    Ok(h) => Hash(*h.finalize().as_bytes()),
                    Err(_) => Hash::of(b"unreadable"),
                }
            }
            Err(_) => Hash::of(b"unreadable"),
        };
        self.hashes.insert(path.to_path_buf(), hash);
        hash
    }
}

/// Asks an operation whether its inputs are of shapes that it can do something with.
fn fits(
    op: &dyn Planned,
    settings: &Settings,
    call: &Call,
    slots: &[(String, Slot)],
    known: &[KnownInput],
) -> Result<(), Problem> {
    let shapes: Vec<Shape> = slots
        .iter()
        .zip(known)
        .filter_map(|((name, slot), (_, facts))| {
            let (_, typed, _) = call.inputs.iter().find(|(n, _, _)| n == name)?;
            let unlabelled = facts.iter().any(|f| f.labelled == Some(false));
            let classes = typed.attached.class.is_some() && !unlabelled;
            Some(Shape { slot: name, kind: &typed.kind, axes: &slot.axes, classes, facts })
        })
        .collect();
    op.fits(settings, &shapes)
}

/// The one coordinate of an axis whose coordinates only files tell, while none is read.
const UNKNOWN: &str = "?";

/// Returns the name of a slot without the number that told it apart from others of that name.
fn slot_name(name: &str) -> &str {
    name.split_once('#').map_or(name, |(n, _)| n)
}

/// Notes the slots that a setting refers to, and takes their numbers off.
fn name_slots(value: &mut Static, used: &mut Vec<String>) {
    match value {
        Static::Input(slot) => {
            used.push(slot.clone());
            *slot = slot_name(slot).to_string();
        }
        Static::List(items) => items.iter_mut().for_each(|v| name_slots(v, used)),
        Static::Map(entries) | Static::Make(_, entries) => entries.iter_mut().for_each(|(_, v)| name_slots(v, used)),
        _ => {}
    }
}

fn is_unknown(coordinates: &[Coordinate]) -> bool {
    matches!(coordinates, [one] if one.value.is_none() && one.text == UNKNOWN)
}

/// Returns whether a value of this kind is a result that the report shows.
pub fn shown(kind: &Kind) -> bool {
    !matches!(kind, Kind::Dataset | Kind::Unknown)
}
