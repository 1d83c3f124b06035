//! One cell of a call, in phases: inputs, absence, settings, network, stream, facts, key.

use super::call::Frame;
use super::coordinates::{env, is_unknown};
use super::memo::{Base, Memo, Told};
use super::state::Lowering;
use crate::base::{Diag, Diags, Hash, Hasher, Name, Severity, Span};
use crate::lang::axes::AxisId;
use crate::lang::kind::Kind;
use crate::lang::library::Names;
use crate::lang::net;
use crate::lang::statics::{NetworkRef, Statics};
use crate::lang::typed::Call;
use crate::lang::{Settings, Static};
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem};
use crate::plan::graph::{At, Cell, CellId, Common, Entry, Given, Inputs, LabelledAxis, Slot, Space, WITH_ITSELF};
use crate::plan::seen::Seen;
use crate::plan::units;
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// What a cell is given, by parameter.
type Slots = Vec<(Name, Slot)>;

/// What makes cells: a call, or the taking apart of lists.
struct Maker<'m, 'a> {
    op: &'m dyn Planned,
    name: &'m Name,
    policy: Policy,
    span: Span,
    places: &'m Arc<[(String, Span)]>,
    frame: Option<&'m Frame<'a>>,
}

/// A cell, or why there is none.
type Made<T> = Result<T, String>;

impl<'a> Lowering<'a> {
    /// Returns the cell of a place of a call, the `index`th, or why it is absent.
    pub fn cell(&mut self, frame: &Frame<'a>, memo: &mut Memo, place: &[usize], index: usize) -> Entry {
        match self.made(frame, memo, place, index) {
            Ok(id) => Entry::Cell(id),
            Err(why) => Entry::Absent(why),
        }
    }

    fn made(&mut self, frame: &Frame<'a>, memo: &mut Memo, place: &[usize], index: usize) -> Made<CellId> {
        if !frame.pairs.is_empty() && frame.pairs.iter().all(|(a, b)| place[*a] == place[*b]) {
            return Err(WITH_ITSELF.into());
        }
        let mut inputs: Slots = frame.inputs.iter().map(|i| (i.name.clone(), i.slot(place))).collect();
        inputs.iter_mut().for_each(|(_, slot)| self.mark_shared(slot));
        absence(frame.op, &inputs)?;
        self.lacking(frame, place, &inputs)?;
        let base = self.base(frame, memo, place)?;
        inside(frame, &base, place, &mut inputs)?;
        let settings = self.settings(frame, memo, &base, place, &inputs)?;
        let stream = if frame.signature.random { Some(self.stream(frame, memo, place)) } else { None };
        let policy = if base.keep { Policy::Stored } else { frame.op.policy() };
        let maker =
            Maker { op: frame.op, name: &frame.name, policy, span: frame.span, places: &frame.places, frame: Some(frame) };
        let told =
            self.told(&maker, memo, &settings, &inputs).map_err(|problem| self.report(problem, frame.span, Some(frame.call)))?;
        let at = At::new(frame.space.clone(), index);
        Ok(self.keep(&told, Inputs::new(inputs, &mut memo.layout), stream, at, base.keep))
    }

    /// Marks the axes taken in along which values share units of pairs.
    fn mark_shared(&self, slot: &mut Slot) {
        let shared = |axis: &LabelledAxis| self.facts_of(slot).any(|f| f.shared.iter().any(|name| **name == *axis.name));
        if slot.axes.is_empty() || self.facts_of(slot).all(|f| f.shared.is_empty()) || !slot.axes.iter().any(shared) {
            return;
        }
        slot.axes = slot.axes.iter().map(|a| LabelledAxis { shared: shared(a), ..a.clone() }).collect();
    }

    /// Returns why a network lacks what the cell would look at: networks that share an axis of taps need not have all of them, nor have
    /// training runs that share an axis of epochs all of them.
    fn lacking(&self, frame: &Frame, place: &[usize], inputs: &Slots) -> Made<()> {
        let facts = || inputs.iter().flat_map(|(_, slot)| self.facts_of(slot));
        if let Some(number) = frame.taps
            && let Some(model) = facts().find(|f| !f.taps.is_empty())
        {
            let name = &frame.known[number].names[place[number]];
            // What has a dot is the path of a layer, which the operation looks for.
            if !model.taps.iter().any(|(t, _)| *name == *t) && !name.contains('.') {
                return Err(format!("the network has no tap `{name}`"));
            }
        }
        if let Some(number) = frame.snapshots
            && let Some(kept) = facts().find_map(|f| f.kept.as_ref())
            && let Some(Static::Number(epoch)) = frame.known[number].all[place[number]].value
            && !kept.contains(&(epoch as usize))
        {
            let last = kept.last().copied().unwrap_or(0);
            return Err(match epoch as usize > last {
                true => format!("training ends after epoch {last}, before epoch {epoch}"),
                false => format!("the weights after epoch {epoch} are not kept here"),
            });
        }
        Ok(())
    }

    /// Evaluates the settings that are written, once for all places that agree in the coordinates that they look at.
    fn base(&mut self, frame: &Frame<'a>, memo: &mut Memo, place: &[usize]) -> Made<Rc<Base>> {
        let wrong = || "its settings are wrong".to_string();
        if let Some(known) = memo.bases.get(place) {
            return known.ok_or_else(wrong);
        }
        let read = RefCell::default();
        let statics = Statics::of(self.program, self.script).noting(&read);
        let found = statics.settings(frame.signature, frame.call, &env(&frame.outer, &frame.known, place));
        let base = match found {
            Ok((settings, network)) => Some(Rc::new(cleaned(settings, network, frame.op))),
            Err(found) => {
                let open = frame.known.iter().any(is_unknown);
                self.diags.extend(if open { found.without_waiting() } else { found });
                None
            }
        };
        if memo.bases.put(place, &numbers(frame, &read.borrow()), base.clone()) {
            memo.given.clear();
        }
        base.ok_or_else(wrong)
    }

    /// Returns the settings with the coordinates and the network that belong here filled in, once for all cells that agree in these.
    fn settings(&mut self, frame: &Frame<'a>, memo: &mut Memo, base: &Rc<Base>, place: &[usize], inputs: &Slots) -> Made<Given> {
        let wrong = || "its network does not fit".to_string();
        let data = base.network.as_ref().and_then(|_| self.first_facts(inputs, "data"));
        let coordinates: Vec<usize> = frame.given.iter().map(|(_, _, number)| place[*number]).collect();
        let key = (Rc::as_ptr(base) as usize, coordinates, data.as_ref().map_or(0, |d| Arc::as_ptr(d) as usize));
        // What a figure is told of units depends on all of its inputs.
        let figure = matches!(frame.signature.gives, Kind::Figure);
        if let Some(known) = memo.given.get(&key).filter(|_| !figure) {
            return known.clone().ok_or_else(wrong);
        }
        let mut settings = base.settings.clone();
        for (parameter, axis, number) in &frame.given {
            settings.0.retain(|(n, _)| n != parameter);
            settings.0.push((parameter.clone(), self.coordinate_setting(*axis, place[*number])));
        }
        let fits = match &base.network {
            Some(network) => self.fitted(network, &data.unwrap_or_default(), frame.op, &mut settings),
            None => true,
        };
        if figure && let Some(units) = units::setting(&self.known_inputs(inputs)) {
            settings.0.push(("units".to_string(), units));
        }
        let truths = |slot: &str| frame.call.inputs.iter().any(|(n, t, _)| n == slot && matches!(t.kind, Kind::Truth { .. }));
        if let Some((_, setting)) = frame.op.told_of_truths().filter(|(slot, _)| truths(slot)) {
            settings.0.push((setting.to_string(), Static::Bool(true)));
        }
        let given = fits.then(|| Given::from(settings));
        memo.given.insert(key, given.clone());
        given.ok_or_else(wrong)
    }

    /// Adds the program of a network to the settings, once the shape of the data is known. Returns whether it fits the data; where it does
    /// not, says so.
    fn fitted(&mut self, network: &NetworkRef, data: &Facts, op: &dyn Planned, settings: &mut Settings) -> bool {
        match self.network(network, data, op) {
            Ok(found) => settings.0.extend(found.map(|net| ("network".to_string(), Static::Net(Arc::new(net))))),
            Err(found) => {
                for diag in found.0 {
                    self.diags.push(self.program.with_call(diag, network.span, "for this use of the network"));
                }
                return false;
            }
        }
        true
    }

    fn network(&self, network: &NetworkRef, data: &Facts, op: &dyn Planned) -> Result<Option<net::ir::Net>, Diags> {
        let (Some(shape), Some(classes)) = (&data.shape, &data.classes) else { return Ok(None) };
        let library = Names { program: self.program, statics: Statics::of(self.program, self.script) };
        let Some(declared) = net::Declared::of(self.program.item(network.def)) else { return Ok(None) };
        let call = net::NetworkCall { network: declared, args: network.args.clone(), span: network.span };
        let whole = net::elaborate(&library, &call, shape, op.outputs(classes.len()));
        if whole.is_err()
            && let Some(part) = net::elaborate(&library, &call, shape, 1).ok().and_then(|one| op.part(&one))
        {
            return Ok(Some(Arc::unwrap_or_clone(part)));
        }
        whole.map(Some)
    }

    /// Returns the name of a cell's random stream: root seed, operation, and `seed:` or the coordinates by written value.
    fn stream(&mut self, frame: &Frame<'a>, memo: &mut Memo, place: &[usize]) -> Hash {
        let mut h = Hasher::new("cfx.stream.cell.1");
        h.int(self.script.seed).text(&frame.call.op);
        let Some(seed) = &frame.call.seed else {
            // What an operation deals out along an axis of its own (folds) is one draw.
            let coordinates = frame.known.iter().zip(place).enumerate().filter(|(number, _)| Some(*number) != frame.dealt);
            coordinates.for_each(|(_, (known, i))| {
                h.text(&known.all[*i].canonical);
            });
            return h.finish();
        };
        if let Some(known) = memo.streams.get(place) {
            return known;
        }
        let read = RefCell::default();
        let statics = Statics::of(self.program, self.script).noting(&read);
        match statics.value(seed.0, &seed.1, &env(&frame.outer, &frame.known, place)) {
            Ok(value) => {
                h.text("seed").text(&value.to_json().to_string());
            }
            Err(found) => self.diags.extend(found),
        }
        memo.streams.put(place, &numbers(frame, &read.borrow()), h.finish());
        h.finish()
    }

    /// Asks the operation what is known of the result and what it will take, once for all cells with these settings and equal inputs.
    fn told(&mut self, maker: &Maker, memo: &mut Memo, settings: &Given, inputs: &Slots) -> Result<Rc<Told>, Option<Problem>> {
        let (op, frame) = (maker.op, maker.frame);
        let key = (settings.address(), self.facts_addresses(inputs));
        if let Some(known) = memo.told.get(&key) {
            return known.clone().ok_or(None);
        }
        let words = words(inputs);
        let mut known = self.known_inputs(inputs);
        words.iter().for_each(|(slot, entry, facts)| known[*slot].1[*entry] = facts);
        let fits = frame.map_or(Ok(None), |f| f.fits(settings, inputs, &known));
        let answer = fits.and_then(|doubt| Ok((doubt, op.facts(settings, &known, self.files)?))).map(|(doubt, mut facts)| {
            facts.warnings.extend(doubt);
            let cost = (op.cost_of(settings, &known, &facts), op.at_most(settings, &known), op.share(settings, &known));
            let on_device = op.on_device(settings, &known);
            let facts = match frame {
                Some(frame) => frame.completed(&known, facts),
                None => facts,
            };
            (facts, cost, on_device)
        });
        let (facts, (cost, at_most, share), on_device) = match answer {
            Ok(told) => told,
            Err(problem) => {
                memo.told.insert(key, None);
                return Err(Some(problem));
            }
        };
        for warning in facts.warnings.clone() {
            let diag = self.worded(warning, frame.map_or_else(Span::default, |f| f.span), frame.map(|f| f.call));
            self.tell(Diag { severity: Severity::Warning, ..diag });
        }
        let facts = memo.last.take().filter(|last| **last == facts).unwrap_or_else(|| Arc::new(facts));
        memo.last = Some(facts.clone());
        let files = self.seen(&facts.files);
        let common = Common {
            op: maker.name.clone(),
            version: op.version(),
            settings: settings.clone(),
            files,
            facts,
            cost,
            at_most,
            on_device,
            share,
            policy: maker.policy,
            label: self.label.clone(),
            span: maker.span,
            places: maker.places.clone(),
        };
        let told = Rc::new(Told { common: Arc::new(common) });
        memo.told.insert(key, Some(told.clone()));
        Ok(told)
    }

    /// Reports a problem, where it has not been; returns why there is no cell.
    fn report(&mut self, problem: Option<Problem>, span: Span, call: Option<&Call>) -> String {
        if let Some(problem) = problem {
            let diag = self.worded(problem, span, call);
            self.tell(diag);
        }
        "it cannot be computed".to_string()
    }

    /// Returns a problem as a message at its place.
    fn worded(&self, problem: Problem, span: Span, call: Option<&Call>) -> Diag {
        // What is said of a parameter stands at what was given for it, a setting or an input. `sampler.passes` is the setting `passes` of the
        // constructor given for `sampler`; the constructor where the setting is left out.
        let given = |p: &str| {
            let call = call?;
            let (outer, inner) = p.split_once('.').unwrap_or((p, ""));
            let input = || call.inputs.iter().find(|(n, _, _)| n == outer).map(|(_, typed, _)| typed.span);
            let word = || call.places.iter().find(|(n, _)| n == outer).map(|(_, span)| *span);
            let recipe = || {
                let (module, named) = &**call.recipe.as_ref()?;
                let fields = Statics::of(self.program, self.script).recipe(*module, named, &BTreeMap::new()).ok()?;
                fields.get(outer).map(|(_, value)| value.argument(inner).unwrap_or(value).span)
            };
            call.written.get(outer).map(|w| w.1.argument(inner).unwrap_or(&w.1).span).or_else(word).or_else(input).or_else(recipe)
        };
        let place = problem.parameter.and_then(given).unwrap_or(span);
        let diag = Diag::error(problem.code, place, problem.message);
        match problem.help {
            Some(help) => diag.help(help),
            None => diag,
        }
    }

    /// Names a cell by its key and keeps it, unless there is one of that key.
    fn keep(&mut self, told: &Told, inputs: Inputs, stream: Option<Hash>, at: At, stored: bool) -> CellId {
        let mut cell = Cell { common: told.common.clone(), inputs, stream, at, key: Hash::of(b"") };
        cell.key = cell.hash_with(&|id| self.cells[id].key);
        if let Some(id) = self.by_key.get(&cell.key, |id| &self.cells[id].key) {
            let there = &mut self.cells[id];
            if stored && there.policy != Policy::Stored {
                there.common = Arc::new(Common { policy: Policy::Stored, ..Common::clone(&there.common) });
            }
            // Of a symmetric measure the rows of both sides are the same cells, and share units along either axis.
            let more: Vec<Name> = cell.facts.shared.iter().filter(|name| !there.facts.shared.contains(name)).cloned().collect();
            if !more.is_empty() {
                let mut facts = Facts::clone(&there.facts);
                facts.shared.extend(more);
                there.common = Arc::new(Common { facts: Arc::new(facts), ..Common::clone(&there.common) });
            }
            return id;
        }
        let id = self.cells.len();
        self.by_key.insert(&cell.key, id, |id| &self.cells[id].key);
        self.cells.push(cell);
        id
    }

    /// Returns the elements of lists along the axes that an operation keeps.
    pub fn picks(&mut self, lists: &[Entry], kept: &[(AxisId, usize)], span: Span) -> Vec<Entry> {
        let count: usize = kept.iter().map(|(_, n)| n).product();
        let Some(op) = self.operations.planned("pick") else {
            return lists.iter().flat_map(|list| std::iter::repeat_n(list.clone(), count)).collect();
        };
        let axes: Vec<AxisId> = kept.iter().map(|(a, _)| *a).collect();
        let further = self.space(&axes);
        let index = |i: usize| Given::from(Settings(vec![("index".to_string(), Static::Number(i as f64))]));
        let settings: Vec<Given> = (0..count).map(index).collect();
        let (name, slot) = (Name::from("pick"), Name::from("x"));
        let mut memo = Memo::default();
        let mut out = Vec::with_capacity(lists.len() * count);
        let mut joined: Option<(Space, Space)> = None;
        let (none, places) = (Arc::default(), Arc::default());
        let maker = Maker { op, name: &name, policy: op.policy(), span, places: &places, frame: None };
        for list in lists {
            for (i, given) in settings.iter().enumerate() {
                let Entry::Cell(id) = list else {
                    out.push(list.clone());
                    continue;
                };
                let at = self.cells[*id].at.inside(&further, i, &mut joined);
                let inputs = vec![(slot.clone(), Slot { axes: Arc::clone(&none), entries: vec![list.clone()] })];
                out.push(match self.told(&maker, &mut memo, given, &inputs) {
                    Ok(told) => Entry::Cell(self.keep(&told, Inputs::new(inputs, &mut memo.layout), None, at, false)),
                    Err(problem) => Entry::Absent(self.report(problem, span, None)),
                });
            }
        }
        out
    }

    fn facts_of<'s>(&'s self, slot: &'s Slot) -> impl Iterator<Item = &'s Facts> {
        static NOTHING: std::sync::OnceLock<Facts> = std::sync::OnceLock::new();
        slot.entries.iter().map(|e| match e {
            Entry::Cell(id) => &*self.cells[*id].facts,
            _ => NOTHING.get_or_init(Facts::default),
        })
    }

    fn known_inputs<'s>(&'s self, inputs: &'s Slots) -> Vec<KnownInput<'s>> {
        inputs.iter().map(|(name, slot)| (name.as_str(), self.facts_of(slot).collect())).collect()
    }

    /// Returns what is known of the first cell in the slot of that name.
    fn first_facts(&self, inputs: &Slots, slot: &str) -> Option<Arc<Facts>> {
        match inputs.iter().find(|(n, _)| *n == slot)?.1.entries.first()? {
            Entry::Cell(id) => Some(self.cells[*id].facts.clone()),
            _ => None,
        }
    }

    /// Returns where in memory lies what is known of inputs: equal lists mean equal inputs, as far as they are known.
    fn facts_addresses(&self, inputs: &Slots) -> Vec<usize> {
        let mut out = Vec::with_capacity(inputs.len() * 2);
        for (_, slot) in inputs {
            out.extend(slot.entries.iter().map(|e| match e {
                Entry::Cell(id) => Arc::as_ptr(&self.cells[*id].facts) as usize,
                Entry::Word(word) => Hash::of(word.as_bytes()).0.iter().take(7).fold(3, |n, b| n << 8 | usize::from(*b)),
                Entry::Absent(_) => 1,
                Entry::Number(_) | Entry::Truth(_) => 0,
            }));
            out.push(usize::MAX);
        }
        out
    }

    /// Returns files with their hashes, each hashed once.
    fn seen(&mut self, paths: &[PathBuf]) -> Arc<[Seen]> {
        let new: Vec<&PathBuf> = paths.iter().filter(|p| !self.seen.contains_key(*p)).collect();
        let hashed: Vec<(PathBuf, Seen)> = new.into_par_iter().map(|p| (p.clone(), Seen::now(p))).collect();
        self.seen.extend(hashed);
        paths.iter().filter_map(|p| self.seen.get(p).cloned()).collect()
    }
}

/// Returns what is known of inputs that are no cells, by slot and entry: words may be but themselves, and what is absent none.
fn words(inputs: &Slots) -> Vec<(usize, usize, Facts)> {
    let of = |words: Vec<String>| Facts { words: Some(words), ..Facts::default() };
    let mut out = Vec::new();
    for (i, (_, slot)) in inputs.iter().enumerate() {
        for (k, entry) in slot.entries.iter().enumerate() {
            match entry {
                Entry::Word(word) => out.push((i, k, of(vec![word.clone()]))),
                Entry::Absent(_) => out.push((i, k, of(Vec::new()))),
                _ => {}
            }
        }
    }
    out
}

/// Returns why a cell is absent whose inputs are.
fn absence(op: &dyn Planned, inputs: &Slots) -> Made<()> {
    for (name, slot) in inputs {
        if let (true, false, [Entry::Absent(why)]) = (slot.axes.is_empty(), op.takes_absent(name), slot.entries.as_slice()) {
            return Err(why.clone());
        }
    }
    Ok(())
}

/// Adds the results that the settings here refer to.
fn inside(frame: &Frame, base: &Base, place: &[usize], inputs: &mut Slots) -> Made<()> {
    for input in frame.inside.iter().filter(|i| base.used.iter().any(|u| i.name == *u)) {
        let slot = input.slot(place);
        if let [Entry::Absent(why)] = slot.entries.as_slice() {
            return Err(why.clone());
        }
        inputs.push((slot_name(&input.name).into(), slot));
    }
    Ok(())
}

/// Returns settings without those that are no part of the key.
fn cleaned(mut settings: Settings, network: Option<NetworkRef>, op: &dyn Planned) -> Base {
    let mut used = Vec::new();
    settings.0.iter_mut().for_each(|(_, value)| name_slots(value, &mut used));
    // Whether weights are kept decides nothing about what they are.
    let keep = settings.0.iter().any(|(n, v)| n == "keep" && v.word() == Some("weights"));
    settings.0.retain(|(n, _)| n != "keep");
    let nothing = |value: &Static| matches!(value, Static::None) || matches!(value, Static::List(items) if items.is_empty());
    let as_before = |value: &Static, word: &str| value.word() == Some(word) || (word == "none" && nothing(value));
    settings.0.retain(|(n, v)| !op.later().iter().any(|(name, word)| name == n && as_before(v, word)));
    Base { settings, network, used, keep }
}

/// Returns the numbers among a call's axes of those that were looked at.
fn numbers(frame: &Frame, read: &BTreeSet<AxisId>) -> Vec<usize> {
    (0..frame.outer.len()).filter(|i| read.contains(&frame.outer[*i])).collect()
}

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
