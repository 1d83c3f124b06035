//! Expressions as labelled arrays. Selection, stacking, alignment and choice only rearrange entries.

use super::coordinates::{env, find_in, is_unknown};
use super::state::{Known, Lowering, absent};
use crate::base::{Diag, Hash, Hasher};
use crate::lang::Static;
use crate::lang::axes::{AxisId, Origin, Pick};
use crate::lang::statics::Statics;
use crate::lang::typed::{Chosen, Node, Typed, ValueId};
use crate::plan::array::{Along, Array, View, each_place};
use crate::plan::graph::Entry;
use crate::syntax::ast::Expr;
use std::rc::Rc;

impl<'a> Lowering<'a> {
    /// Lays out a declared value, once those that it refers to are.
    pub fn declare(&mut self, id: ValueId) {
        let decl = &self.script.values[id];
        self.label = decl.name.as_str().into();
        let array = self.lower(&decl.typed);
        self.memo[id] = Some(array);
    }

    /// Returns a declared value.
    pub fn value(&self, id: ValueId) -> Rc<Array> {
        self.memo[id].clone().unwrap_or_else(|| absent("it is made from itself"))
    }

    pub fn lower(&mut self, typed: &'a Typed) -> Rc<Array> {
        let own = matches!(typed.node, Node::Static(..) | Node::Stack { .. } | Node::If { .. } | Node::Only { .. });
        if own && self.too_many(&typed.axes, typed.span) {
            return absent("there would be too many cells");
        }
        match &typed.node {
            Node::Error => absent("it could not be checked"),
            Node::Value(id) => self.value(*id),
            Node::Static(module, expr) => self.known_before(typed, *module, expr),
            Node::Select { base, fixed, parts } => {
                let inner = self.lower(base);
                self.select(typed, inner, fixed, parts)
            }
            Node::Stack { axis, parts } => {
                let lowered: Vec<Rc<Array>> = parts.iter().map(|p| self.lower(p)).collect();
                let views: Vec<View> = lowered.into_iter().map(|p| View::over(p, &typed.axes)).collect();
                let at = typed.axes.iter().position(|a| a == axis).unwrap_or(0);
                self.rearrange(typed, |place| views[place[at]].at(place).clone())
            }
            Node::If { module, condition, yes, no } => {
                let (yes, no) = (self.lower(yes), self.lower(no));
                self.choose(typed, *module, condition, [yes, no])
            }
            Node::Only { base, chosen } => {
                let inner = self.lower(base);
                self.only(typed, inner, chosen)
            }
            Node::Align { base, from, to } => {
                let inner = self.lower(base);
                self.align(typed, inner, *from, *to)
            }
            Node::Call(call) => Rc::new(self.call(typed, call)),
        }
    }

    /// Returns the array over a value's axes whose entries are found place by place.
    fn rearrange(&self, typed: &Typed, mut entry: impl FnMut(&[usize]) -> Entry) -> Rc<Array> {
        let axes = self.lengths(&typed.axes);
        let lengths: Vec<usize> = axes.iter().map(|(_, n)| *n).collect();
        let mut entries = Vec::with_capacity(lengths.iter().product());
        each_place(&lengths, |place| entries.push(entry(place)));
        Rc::new(Array { axes, entries })
    }

    /// Evaluates what is known before the run, at each place.
    fn known_before(&mut self, typed: &Typed, module: usize, expr: &Expr) -> Rc<Array> {
        let known: Vec<Known> = typed.axes.iter().map(|a| self.known(*a)).collect();
        let statics = Statics::of(self.program, self.script);
        let mut wrong = Vec::new();
        let array = self.rearrange(typed, |place| match statics.value(module, expr, &env(&typed.axes, &known, place)) {
            Ok(Static::Number(x)) => Entry::Number(x),
            Ok(Static::Bool(b)) => Entry::Truth(b),
            Ok(Static::Word(w) | Static::Text(w)) => Entry::Word(w),
            Ok(_) => Entry::Absent("this is a setting, not a result".into()),
            Err(found) if !place.is_empty() && found.only_divisions() => Entry::Absent("division by zero".into()),
            Err(found) => {
                wrong.push(found);
                Entry::Absent("it could not be evaluated".into())
            }
        });
        wrong.into_iter().for_each(|found| self.diags.extend(found));
        self.of_one_kind(typed, &known, &array.entries);
        array
    }

    /// Refuses a value known before the run that is a number at one place and a word or truth value at another.
    fn of_one_kind(&mut self, typed: &Typed, known: &[Known], entries: &[Entry]) {
        let kind = |entry: &Entry| match entry {
            Entry::Number(_) => Some("a number"),
            Entry::Truth(_) => Some("a truth value"),
            Entry::Word(_) => Some("a word"),
            Entry::Cell(_) | Entry::Absent(_) => None,
        };
        let mut kinds = entries.iter().enumerate().filter_map(|(i, e)| Some((i, kind(e)?)));
        let Some((first, one)) = kinds.next() else { return };
        let Some((odd, other)) = kinds.find(|(_, k)| *k != one) else { return };
        let place = |index: usize| {
            let mut rest = index;
            let mut names: Vec<String> = Vec::new();
            for axis in known.iter().rev() {
                names.push(format!("`{}`", axis.names[rest % axis.names.len()]));
                rest /= axis.names.len();
            }
            names.reverse();
            names.join(", ")
        };
        let message = format!("this is {one} at {} and {other} at {}", place(first), place(odd));
        let help =
            "all coordinates stand for one kind of thing: write numbers throughout, or name them, `{ small: 1, large: 10 }`";
        self.diags.push(Diag::error("cfx::axis::coordinate", typed.span, message).help(help));
    }

    fn choose(&mut self, typed: &Typed, module: usize, condition: &Expr, branches: [Rc<Array>; 2]) -> Rc<Array> {
        let known: Vec<Known> = typed.axes.iter().map(|a| self.known(*a)).collect();
        let [yes, no] = branches.map(|b| View::over(b, &typed.axes));
        let statics = Statics::of(self.program, self.script);
        let mut wrong = Vec::new();
        let array = self.rearrange(typed, |place| match statics.value(module, condition, &env(&typed.axes, &known, place)) {
            Ok(Static::Bool(true)) => yes.at(place).clone(),
            Ok(_) => no.at(place).clone(),
            Err(found) => {
                wrong.push(found);
                Entry::Absent("its condition could not be evaluated".into())
            }
        });
        wrong.into_iter().for_each(|found| self.diags.extend(found));
        array
    }

    /// Returns a value at the places that are chosen. Of those that are there and at which the condition holds, `count` are drawn: the ones whose hashes of seed and
    /// coordinates are the lowest, so that further coordinates leave the order of these as it is.
    fn only(&mut self, typed: &Typed, inner: Rc<Array>, chosen: &Chosen) -> Rc<Array> {
        let known: Vec<Known> = typed.axes.iter().map(|a| self.known(*a)).collect();
        let lengths: Vec<usize> = self.lengths(&typed.axes).iter().map(|(_, n)| *n).collect();
        let view = View::over(inner, &typed.axes);
        let statics = Statics::of(self.program, self.script);
        let mut wrong = Vec::new();
        let mut reasons: Vec<Option<String>> = Vec::new();
        let mut drawn: Vec<(Hash, usize)> = Vec::new();
        each_place(&lengths, |place| {
            let holds = match &chosen.condition {
                None => true,
                Some(written) => match statics.value(written.0, &written.1, &env(&typed.axes, &known, place)) {
                    Ok(Static::Bool(holds)) => holds,
                    Ok(_) => false,
                    Err(found) => {
                        wrong.push(found);
                        false
                    }
                },
            };
            let there = !matches!(view.at(place), Entry::Absent(_));
            if let (true, Some((_, seed))) = (holds && there, chosen.count) {
                let mut h = Hasher::new("cfx.only.1");
                h.int(self.script.seed).int(seed);
                known.iter().zip(place).for_each(|(known, i)| {
                    h.text(&known.all[*i].canonical);
                });
                drawn.push((h.finish(), reasons.len()));
            }
            reasons.push((!holds).then(|| "this combination is left out by the condition of `only`".to_string()));
        });
        wrong.into_iter().for_each(|found| self.diags.extend(found));
        if let Some((count, _)) = chosen.count {
            drawn.sort_unstable();
            let total = drawn.len();
            for (_, place) in drawn.into_iter().skip(count) {
                reasons[place] = Some(format!("this combination is not one of the {count} drawn of {total}"));
            }
        }
        let mut next = reasons.into_iter();
        self.rearrange(typed, |place| match next.next().flatten() {
            Some(why) => Entry::Absent(why),
            None => view.at(place).clone(),
        })
    }

    fn select(&mut self, typed: &Typed, inner: Rc<Array>, fixed: &[(AxisId, Pick)], parts: &[(AxisId, AxisId)]) -> Rc<Array> {
        let mut at: Vec<(AxisId, usize)> = Vec::new();
        for (axis, pick) in fixed {
            match self.position(*axis, pick, typed.span) {
                Some(i) => at.push((*axis, i)),
                None => return absent("there is no such coordinate"),
            }
        }
        for (axis, part) in parts {
            if let Origin::Part(_, picks) = &self.script.axes.get(*part).origin
                && picks.iter().any(|pick| self.position(*axis, pick, typed.span).is_none())
            {
                return absent("there is no such coordinate");
            }
        }
        let translated: Vec<(AxisId, usize, Vec<usize>)> = parts
            .iter()
            .filter_map(|(axis, part)| {
                let to = self.translation(*part, *axis).into_iter().map(|i| i.unwrap_or(0)).collect();
                Some((*axis, typed.axes.iter().position(|a| a == part)?, to))
            })
            .collect();
        let view = View::new(inner, |axis| {
            if let Some((_, place, to)) = translated.iter().find(|(a, ..)| *a == axis) {
                return Along::Translated(*place, to.clone());
            }
            if let Some((_, i)) = at.iter().find(|(a, _)| *a == axis) {
                return Along::Fixed(*i);
            }
            typed.axes.iter().position(|a| *a == axis).map_or(Along::Fixed(0), Along::Place)
        });
        self.rearrange(typed, |place| view.at(place).clone())
    }

    fn align(&mut self, typed: &Typed, inner: Rc<Array>, from: AxisId, to: AxisId) -> Rc<Array> {
        let Some(at) = typed.axes.iter().position(|a| *a == to) else {
            let view = View::over(inner, &typed.axes);
            return self.rearrange(typed, |place| view.at(place).clone());
        };
        let found = self.translation(to, from);
        let (there, here) = (self.known(from), self.known(to));
        if found.iter().all(Option::is_none) && !is_unknown(&there) && !is_unknown(&here) {
            let list = |k: &Known| k.names.iter().take(6).map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
            let name = self.script.axes.name(to);
            let message = format!("the two axes `{name}` have no coordinate in common: {} and {}", list(&here), list(&there));
            let one = here.names.first().map_or("", |c| c.as_str());
            let help = format!("select one of each, such as `x[{one}]`, and the axis is gone");
            self.diags.push(Diag::error("cfx::axis::no_coordinate", typed.span, message).help(help));
            return absent("its axes have nothing in common");
        }
        let names = self.known(to).names;
        let table: Vec<usize> = found.iter().map(|i| i.unwrap_or(0)).collect();
        let view = View::new(inner, |axis| match axis {
            axis if axis == from => Along::Translated(at, table.clone()),
            axis if axis == to => Along::Fixed(0),
            axis => typed.axes.iter().position(|a| *a == axis).map_or(Along::Fixed(0), Along::Place),
        });
        self.rearrange(typed, |place| match found[place[at]] {
            Some(_) => view.at(place).clone(),
            None => Entry::Absent(format!("there is no {} to align with", names[place[at]])),
        })
    }

    /// Returns for each coordinate of an axis the index of that of the same name on another axis.
    fn translation(&self, from: AxisId, to: AxisId) -> Vec<Option<usize>> {
        let to = self.known(to);
        self.known(from).names.iter().map(|name| find_in(&to, &Pick::Named(name.to_string()))).collect()
    }
}
