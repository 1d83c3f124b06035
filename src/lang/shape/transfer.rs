//! The one function of the algebra: from a call's shapes and axis words to what becomes of each axis.

use super::outcome::{Fresh, Named, Sets, Source, Split, Transfer};
use super::refusal::{Place, Refusal, What};
use super::request::{Holds, Name, Reduces, Request, Shape, Word};
use crate::lang::axes::{Axes, AxisId, Origin, Role};
use crate::lang::signature::Gathers;

/// Returns what becomes of each axis of a call. Looks at nothing but its arguments, and changes nothing.
///
/// Each axis that `between:` may pair must have its other already ([`Axes::other`]).
///
/// Errors: the first thing that does not go together, in the order of the rules in the room's description.
pub fn transfer(axes: &Axes, request: &Request) -> Result<Transfer, Refusal> {
    let operands = narrowed(axes, request);
    let mut union = Vec::new();
    for operand in &operands {
        unite(axes, &mut union, operand)?;
    }
    let call = Call { axes, request, operands: &operands, union: &union };
    let mut out = Transfer::default();
    let stays = call.splits(&mut out)?;
    let reduced = call.reduces(&mut out, &stays)?;
    call.pairs(&mut out)?;
    call.names(&mut out)?;
    call.adds(&mut out);
    call.whole(&mut out, &reduced);
    call.mapped(&mut out, &reduced)?;
    call.result(&mut out, reduced)?;
    out.operands = operands;
    Ok(out)
}

/// Adds axes to a list, unless one of them has the name of another that is not it.
pub fn unite(axes: &Axes, into: &mut Vec<AxisId>, more: &[AxisId]) -> Result<(), Refusal> {
    for a in more.iter().copied() {
        if into.contains(&a) {
            continue;
        }
        if let Some(b) = into.iter().copied().find(|b| axes.name(*b) == axes.name(a)) {
            let what = match axes.whole(a) == axes.whole(b) {
                true => What::CoordinatesDiffer { axis: b },
                false => What::SameName { one: b, other: a },
            };
            return Err(Refusal { place: Place::Call, what });
        }
        into.push(a);
    }
    Ok(())
}

/// Returns whether a parameter takes an axis in whole by its signature.
pub fn takes_whole(axes: &Axes, gathers: &Gathers, axis: AxisId) -> bool {
    match gathers {
        Gathers::None => false,
        Gathers::All => true,
        Gathers::Some(roles) => {
            let other = matches!(axes.get(axes.whole(axis)).origin, Origin::Other(_));
            let axis = axes.get(axis);
            roles.iter().any(|r| r == axis.role.word() || *r == axis.name || r == "other" && other)
        }
    }
}

/// Returns the axes of each input: what is known before the run takes the parts of axes that results have (`m[run: 0..2] * run`).
fn narrowed(axes: &Axes, request: &Request) -> Vec<Vec<AxisId>> {
    let shapes = || request.operands.iter().map(|o| &o.shape);
    let results: Vec<AxisId> = shapes().filter(|s| !s.known).flat_map(|s| s.axes.iter().copied()).collect();
    shapes().map(|s| if s.known { axes.narrowed(&s.axes, &results) } else { s.axes.clone() }).collect()
}

/// What an axis's name stands for in a call.
enum Found<'r> {
    /// An axis of the inputs.
    Had(AxisId),
    /// The classes of the examples.
    Class(AxisId),
    /// A declared axis whose coordinates are data sets.
    Sets(AxisId, &'r Shape),
}

/// A call being worked out.
struct Call<'r> {
    axes: &'r Axes,
    request: &'r Request,
    operands: &'r [Vec<AxisId>],
    union: &'r [AxisId],
}

impl<'r> Call<'r> {
    fn words(&self) -> impl Iterator<Item = (usize, &'r Word)> {
        self.request.words.iter().map(|(i, w)| (*i, w))
    }

    fn has_examples(&self) -> bool {
        self.request.operands.iter().any(|o| o.shape.has_examples())
    }

    fn per_example(&self) -> bool {
        self.request.operands.iter().any(|o| o.shape.holds == Holds::PerExample)
    }

    /// Returns whether some input can be sorted by data sets: by its examples, or, a group of classes, by counting those of each class.
    fn sorted_by_sets(&self) -> bool {
        let by_class = |axes: &[AxisId]| axes.iter().any(|a| self.axes.get(*a).role == Role::Class);
        let counted = |i: usize| self.request.operands[i].shape.holds == Holds::Group && by_class(&self.operands[i]);
        self.has_examples() || (0..self.operands.len()).any(counted)
    }

    /// Finds the axis that a name means: one of the inputs', by its name or by its declaration; the classes of examples; data sets.
    fn find(&self, name: &'r Name, classes: bool) -> Result<Option<Found<'r>>, What> {
        if let Some(axis) = self.union.iter().copied().find(|a| self.axes.name(*a) == name.text) {
            return Ok(Some(Found::Had(axis)));
        }
        if let (true, "class", Some(class)) = (classes, name.text.as_str(), self.request.carries.class) {
            if matches!(self.axes.get(class).origin, Origin::Several(_)) {
                return Err(What::SeveralClasses);
            }
            return match self.has_examples() {
                true => Ok(Some(Found::Class(class))),
                false => Err(What::NothingToSplit { name: name.text.clone() }),
            };
        }
        let Some(declared) = &name.declared else { return Ok(None) };
        let whole = self.axes.whole(declared.axis);
        match (self.union.iter().copied().find(|a| self.axes.whole(*a) == whole), &declared.sets) {
            (Some(axis), _) => Ok(Some(Found::Had(axis))),
            (None, Some(sets)) => Ok(Some(Found::Sets(declared.axis, sets))),
            (None, None) => Err(What::NotThere { name: name.text.clone(), union: self.union.to_vec() }),
        }
    }

    fn unknown(&self, name: &Name) -> What {
        match name.text.as_str() {
            // Values that are made from examples and have none themselves have lost their classes.
            "class" => What::NothingToSplit { name: name.text.clone() },
            _ => {
                let class = self.request.carries.class.filter(|_| self.has_examples());
                What::Unknown { name: name.text.clone(), known: self.union.iter().copied().chain(class).collect() }
            }
        }
    }

    /// Works out `by:`: returns the axes that the inputs have already and keep.
    fn splits(&self, out: &mut Transfer) -> Result<Vec<AxisId>, Refusal> {
        let mut stays = Vec::new();
        for (param, word) in self.words() {
            let Word::Splits { names, several } = word else { continue };
            // The axis, and the data sets behind it: which name it was, their axes.
            let mut here: Vec<(AxisId, Option<(usize, &Shape)>)> = Vec::new();
            for (k, name) in names.iter().enumerate() {
                let refuse = |what| Refusal { place: Place::Name { param, name: k }, what };
                let (axis, sets) = match self.find(name, true).map_err(refuse)? {
                    None => return Err(refuse(self.unknown(name))),
                    // An input that is mapped over the axis has it already; one that takes it in whole has not.
                    Some(Found::Had(axis)) if self.maps(axis) => {
                        if stays.contains(&axis) {
                            return Err(refuse(What::Doubled { name: name.text.clone() }));
                        }
                        stays.push(axis);
                        continue;
                    }
                    Some(Found::Had(axis) | Found::Class(axis)) => (axis, None),
                    Some(Found::Sets(..)) if !self.sorted_by_sets() => {
                        return Err(refuse(What::NothingToSplit { name: name.text.clone() }));
                    }
                    Some(Found::Sets(axis, shape)) => (axis, Some((k, shape))),
                };
                if here.iter().any(|(a, _)| *a == axis) {
                    return Err(refuse(What::Doubled { name: name.text.clone() }));
                }
                if let (Some((before, _)), false) = (here.first(), *several) {
                    return Err(refuse(What::TwoSplits { before: *before }));
                }
                here.push((axis, sets));
            }
            here.sort_by_key(|(axis, _)| self.rank(*axis));
            for (number, (axis, sets)) in here.into_iter().enumerate() {
                out.split.push(Split { param, number, axis });
                if let Some((name, _)) = sets {
                    out.sets.push(Sets { param, name, number: Some(number), whole: Vec::new() });
                }
            }
        }
        Ok(stays)
    }

    /// Returns where an axis stands among axes to split by: the classes first, then by coordinates, then by the place of its declaration.
    /// So the order in which they are named decides nothing.
    fn rank(&self, axis: AxisId) -> (bool, Vec<String>, usize) {
        let a = self.axes.get(axis);
        let coordinates = a.coordinates.iter().flatten().map(|c| c.canonical.clone()).collect();
        (a.role != Role::Class, coordinates, a.span.start as usize)
    }

    fn maps(&self, axis: AxisId) -> bool {
        let of = |i: usize| &self.request.operands[i].gathers;
        (0..self.operands.len()).any(|i| self.operands[i].contains(&axis) && !takes_whole(self.axes, of(i), axis))
    }

    /// Works out `over:`: returns the axes to take in whole, as the inputs have them.
    fn reduces(&self, out: &mut Transfer, stays: &[AxisId]) -> Result<Vec<AxisId>, Refusal> {
        let Some((param, reduces)) = self.words().find_map(|(i, w)| if let Word::Reduces(r) = w { Some((i, r)) } else { None })
        else {
            return Ok(Vec::new());
        };
        let split: Vec<AxisId> = out.split.iter().map(|s| s.axis).collect();
        let free: Vec<AxisId> = self.union.iter().copied().filter(|a| !stays.contains(a) && !split.contains(a)).collect();
        match reduces {
            Reduces::Named(names) => {
                let named = self.named_reduces(out, param, names)?;
                match named.iter().find(|a| stays.contains(a)) {
                    Some(axis) => Err(Refusal { place: Place::Call, what: What::KeptAndReduced { axis: *axis } }),
                    None => Ok(named),
                }
            }
            Reduces::Rest if self.per_example() => {
                out.example = true;
                Ok(Vec::new())
            }
            Reduces::Rest => {
                // Each coordinate of an axis that bins or groups are made over has bins or groups of its own.
                let sets: Vec<AxisId> = out.sets.iter().flat_map(|s| self.sets_of(s)).map(|a| self.axes.whole(*a)).collect();
                Ok(free.into_iter().filter(|a| !sets.contains(&self.axes.whole(*a))).collect())
            }
            Reduces::Everything => {
                out.example = self.per_example();
                Ok(free)
            }
            Reduces::Role(role) => {
                let of = |a: &AxisId| self.axes.get(*a).role.word() == role || self.axes.name(*a) == role;
                let fitting: Vec<AxisId> = free.iter().copied().filter(of).collect();
                match (fitting.as_slice(), free.as_slice()) {
                    ([one], _) | ([], [one]) => Ok(vec![*one]),
                    _ => Err(Refusal { place: Place::Call, what: What::WhichAxis { param, free } }),
                }
            }
        }
    }

    fn named_reduces(&self, out: &mut Transfer, param: usize, names: &'r [Name]) -> Result<Vec<AxisId>, Refusal> {
        let mut named = Vec::new();
        for (k, name) in names.iter().enumerate() {
            let refuse = |what| Refusal { place: Place::Name { param, name: k }, what };
            if name.text == "example" {
                if !self.per_example() {
                    return Err(refuse(What::NoExamples { union: self.union.to_vec() }));
                }
                if out.example {
                    return Err(refuse(What::Doubled { name: name.text.clone() }));
                }
                out.example = true;
                continue;
            }
            let axis = match self.find(name, false).map_err(refuse)? {
                Some(Found::Had(axis)) => axis,
                _ if name.text == "class" && self.per_example() => return Err(refuse(What::ClassOfExamples)),
                Some(_) => return Err(refuse(What::NotThere { name: name.text.clone(), union: self.union.to_vec() })),
                None => return Err(refuse(What::Unknown { name: name.text.clone(), known: self.union.to_vec() })),
            };
            if named.contains(&axis) {
                return Err(refuse(What::Doubled { name: name.text.clone() }));
            }
            named.push(axis);
        }
        Ok(self.union.iter().copied().filter(|a| named.contains(a)).collect())
    }

    /// Works out `between:`.
    fn pairs(&self, out: &mut Transfer) -> Result<(), Refusal> {
        let first = self.operands.first().map_or(&[][..], Vec::as_slice);
        for (param, word) in self.words() {
            let Word::Pairs(names) = word else { continue };
            let mut named = Vec::new();
            for (k, name) in names.iter().enumerate() {
                let refuse = |what| Refusal { place: Place::Name { param, name: k }, what };
                let not_there = || refuse(What::NotPaired { name: name.text.clone(), first: first.to_vec() });
                let axis = match self.find(name, false) {
                    Ok(Some(Found::Had(axis))) if first.contains(&axis) => axis,
                    _ => return Err(not_there()),
                };
                if named.contains(&axis) {
                    return Err(refuse(What::Doubled { name: name.text.clone() }));
                }
                named.push(axis);
            }
            let both = |a: &AxisId| self.axes.known_other(*a).map(|other| (*a, other));
            out.pairs.extend(first.iter().filter(|a| named.contains(a)).filter_map(both));
        }
        Ok(())
    }

    /// Works out words that only name axes.
    fn names(&self, out: &mut Transfer) -> Result<(), Refusal> {
        for (param, word) in self.words() {
            let Word::Names { names, columns } = word else { continue };
            let mut named: Vec<Named> = Vec::new();
            for (k, name) in names.iter().enumerate() {
                let refuse = |what| Refusal { place: Place::Name { param, name: k }, what };
                let found = match self.find(name, true) {
                    // A name that is no axis here may be that of a column.
                    Err(What::NothingToSplit { .. } | What::NotThere { .. }) if *columns => None,
                    found => found.map_err(refuse)?,
                };
                let one = match found {
                    Some(Found::Had(axis) | Found::Class(axis)) => Named::Axis(axis),
                    Some(Found::Sets(axis, _)) if self.sorted_by_sets() => {
                        out.sets.push(Sets { param, name: k, number: None, whole: Vec::new() });
                        Named::Axis(axis)
                    }
                    Some(Found::Sets(..)) => return Err(refuse(What::NothingToSplit { name: name.text.clone() })),
                    None if *columns => Named::Column(name.text.clone()),
                    None => return Err(refuse(self.unknown(name))),
                };
                // Values that have the places already and values that are sorted into them may stand side by side.
                if let (Named::Axis(axis), Some(declared)) = (&one, &name.declared)
                    && declared.sets.is_some()
                    && !out.sets.iter().any(|s| s.param == param && s.name == k)
                    && self.operands.iter().zip(&self.request.operands).any(|(a, o)| !a.contains(axis) && o.shape.has_examples())
                {
                    out.sets.push(Sets { param, name: k, number: None, whole: Vec::new() });
                }
                if named.contains(&one) {
                    return Err(refuse(What::Doubled { name: name.text.clone() }));
                }
                if let Named::Axis(axis) = one
                    && let Some((before, _)) = out.named.iter().find(|(_, other)| other.contains(&one))
                {
                    return Err(refuse(What::TwoPlaces { axis, before: *before }));
                }
                named.push(one);
            }
            out.named.push((param, named));
        }
        Ok(())
    }

    /// Works out the axis that `at:` or the operation itself adds.
    fn adds(&self, out: &mut Transfer) {
        let taps = self.words().find_map(|(i, w)| if let Word::Taps(t) = w { Some((i, *t)) } else { None });
        out.one_tap = taps.is_some_and(|(_, t)| t.one);
        out.added = match taps {
            Some((_, taps)) => Some(Fresh { name: "at".to_string(), axis: taps.axis }),
            None => self.request.fresh.clone(),
        };
    }

    /// The shape of the data sets behind a name.
    fn sets_of(&self, sets: &Sets) -> &'r [AxisId] {
        let names = self.words().filter(|(i, _)| *i == sets.param).find_map(|(_, w)| match w {
            Word::Splits { names, .. } | Word::Names { names, .. } => Some(names),
            _ => None,
        });
        let shape = names.and_then(|n| n.get(sets.name)).and_then(|n| n.declared.as_ref()).and_then(|d| d.sets.as_ref());
        shape.map_or(&[], |s| &s.axes)
    }

    /// Works out the axes taken in whole, input by input. Data sets that places stand for are taken in whole, as figures take everything.
    fn whole(&self, out: &mut Transfer, reduced: &[AxisId]) {
        for (i, operand) in self.operands.iter().enumerate() {
            let gathers = &self.request.operands[i].gathers;
            let taken = |a: &AxisId| reduced.contains(a) || takes_whole(self.axes, gathers, *a);
            out.whole.push(operand.iter().copied().filter(taken).collect());
        }
        for k in 0..out.sets.len() {
            let places = out.sets[k].number.is_none();
            let own = self.sets_of(&out.sets[k]).to_vec();
            out.sets[k].whole = own.into_iter().filter(|a| places || reduced.contains(a)).collect();
        }
    }

    /// Works out the axes mapped over, each with what brought it first.
    fn mapped(&self, out: &mut Transfer, reduced: &[AxisId]) -> Result<(), Refusal> {
        let mut mapped = Vec::new();
        let mut add = |more: Vec<AxisId>, source: Source| -> Result<(), Refusal> {
            let mut axes: Vec<AxisId> = mapped.iter().map(|(a, _)| *a).collect();
            let before = axes.len();
            unite(self.axes, &mut axes, &more)?;
            mapped.extend(axes.drain(before..).map(|a| (a, source)));
            Ok(())
        };
        for (i, operand) in self.operands.iter().enumerate() {
            add(operand.iter().copied().filter(|a| !out.whole[i].contains(a)).collect(), Source::Operand(i))?;
        }
        for (k, sets) in out.sets.iter().enumerate() {
            let split = |a: &AxisId| out.split.iter().any(|s| s.axis == *a);
            let own = self.sets_of(sets).iter().copied().filter(|a| !sets.whole.contains(a) && !split(a));
            add(own.collect(), Source::Sets(k))?;
        }
        for (i, inside) in self.request.inside.iter().enumerate() {
            add(inside.clone(), Source::Inside(i))?;
        }
        // A setting that depends on an axis depends on the part of it that the inputs have.
        let had: Vec<AxisId> = self.union.iter().chain(self.request.inside.iter().flatten()).copied().collect();
        let part = |a: AxisId| had.iter().copied().find(|k| self.axes.whole(*k) == a).unwrap_or(a);
        let settings: Vec<AxisId> = self.request.settings.iter().copied().map(part).collect();
        let taken = |a: &&AxisId| reduced.iter().any(|r| self.axes.whole(*r) == self.axes.whole(**a));
        if let Some(axis) = settings.iter().find(taken) {
            return Err(Refusal { place: Place::Call, what: What::SettingTaken { axis: *axis } });
        }
        add(settings, Source::Setting)?;
        out.mapped = mapped;
        Ok(())
    }

    /// Puts the result's axes together: mapped, split by, added, the others of pairs, kept.
    fn result(&self, out: &mut Transfer, reduced: Vec<AxisId>) -> Result<(), Refusal> {
        out.example_left = self.per_example() && !out.example;
        out.kept = if self.request.keeps { reduced } else { Vec::new() };
        let mut axes = out.mapped_axes();
        unite(self.axes, &mut axes, &out.split.iter().map(|s| s.axis).collect::<Vec<_>>())?;
        match out.added.as_ref().map(|f| f.axis) {
            // Bins take the name of their declaration, which is not known yet.
            Some(added) if self.axes.get(added).role == Role::Count => axes.push(added),
            added => unite(self.axes, &mut axes, &added.into_iter().collect::<Vec<_>>())?,
        }
        unite(self.axes, &mut axes, &out.pairs.iter().map(|(_, o)| *o).collect::<Vec<_>>())?;
        unite(self.axes, &mut axes, &out.kept)?;
        out.axes = axes;
        Ok(())
    }
}
