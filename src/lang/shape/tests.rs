//! Laws of the algebra of shapes, by generation: no kernel is in sight.

use super::*;
use crate::base::{Span, Stream};
use crate::lang::axes::{Attached, Axes, Axis, AxisId, Coordinate, Origin, Pick, Role};
use crate::lang::signature::Gathers;
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;

/// A small world: declared axes `a` to `e`, the classes of some data, bins that nest in `a`, and parts of axes.
struct World {
    axes: Axes,
    declared: Vec<AxisId>,
    class: AxisId,
    bins: AxisId,
}

fn span(at: u32) -> Span {
    Span { start: at, end: at + 1 }
}

fn coordinates(n: usize) -> Option<Vec<Coordinate>> {
    Some((0..n).map(|k| Coordinate::number(k as f64, k.to_string())).collect())
}

/// Returns the world with its axes called by the names given.
fn world(names: [&str; 7]) -> World {
    let mut axes = Axes::default();
    let mut make = |k: usize, role: Role, origin: Origin, coordinates| {
        axes.intern(Axis { name: names[k].into(), role, origin, coordinates, span: span(10 * k as u32) })
    };
    let declared: Vec<AxisId> =
        (0..5).map(|k| make(k, Role::Declared, Origin::Declaration(span(10 * k as u32)), coordinates(2 + k % 2))).collect();
    let class = make(5, Role::Class, Origin::Classes(span(50)), None);
    let bins = make(6, Role::Count, Origin::Call(span(60)), coordinates(4));
    axes.nest(bins, &[declared[0]]);
    for a in &declared {
        axes.other(*a);
        axes.part(*a, vec![Pick::First]);
    }
    World { axes, declared, class, bins }
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "class", "bin"];

fn shuffled<T>(mut items: Vec<T>, rng: &mut ChaCha12Rng) -> Vec<T> {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.random_range(0..=i));
    }
    items
}

impl World {
    fn shape(&self, rng: &mut ChaCha12Rng) -> Shape {
        let axes = shuffled(self.declared.clone(), rng);
        let axes = axes[..rng.random_range(0..=3)].to_vec();
        let holds = [Holds::One, Holds::PerExample, Holds::PerExample, Holds::Examples][rng.random_range(0..4)];
        Shape { axes, holds, known: holds == Holds::One && rng.random_bool(0.2) }
    }

    fn name(&self, axis: AxisId) -> Name {
        let sets =
            (axis == self.bins).then(|| Shape { axes: vec![self.declared[0], self.bins], holds: Holds::Examples, known: false });
        let declared = (axis != self.class).then_some(Declared { axis, sets });
        Name { text: self.axes.name(axis).to_string(), declared }
    }

    /// Returns a call as someone might write it, right or wrong.
    fn request(&self, rng: &mut ChaCha12Rng) -> Request {
        let operands: Vec<Operand> = (0..rng.random_range(1..=3))
            .map(|param| Operand {
                param,
                shape: self.shape(rng),
                gathers: if rng.random_bool(0.15) { Gathers::All } else { Gathers::None },
            })
            .collect();
        let mut had: Vec<AxisId> = operands.iter().flat_map(|o| o.shape.axes.clone()).collect();
        had.sort();
        had.dedup();
        let mut words = Vec::new();
        let some = |rng: &mut ChaCha12Rng, of: Vec<AxisId>| -> Vec<Name> {
            let of = shuffled(of, rng);
            let n = rng.random_range(0..=of.len().min(2));
            of[..n].iter().map(|a| self.name(*a)).collect()
        };
        if rng.random_bool(0.5) {
            let mut of = had.clone();
            of.extend([self.class, self.bins]);
            words.push((3, Word::Splits { names: some(rng, of), several: rng.random_bool(0.8) }));
        }
        words.push((
            4,
            Word::Reduces(match rng.random_range(0..4) {
                0 => Reduces::Rest,
                1 => Reduces::Everything,
                _ => {
                    let mut names = some(rng, had.clone());
                    if rng.random_bool(0.4) {
                        names.push(Name { text: "example".into(), declared: None });
                    }
                    Reduces::Named(shuffled(names, rng))
                }
            }),
        ));
        if rng.random_bool(0.2) {
            words.push((5, Word::Pairs(some(rng, operands[0].shape.axes.clone()))));
        }
        let settings = if rng.random_bool(0.3) { vec![self.declared[rng.random_range(0..5)]] } else { Vec::new() };
        let carries = Attached { class: Some(self.class), ..Attached::default() };
        Request { operands, words, settings, carries, keeps: rng.random_bool(0.2), ..Request::default() }
    }
}

/// Calls a law with many generated calls, and says of how many the algebra made something.
fn each(law: impl Fn(&World, &Request, &Result<Transfer, Refusal>, &mut ChaCha12Rng)) {
    let world = world(NAMES);
    let mut made = 0;
    for n in 0..4000 {
        let mut rng = Stream::root(9).named("shapes").numbered(n).rng();
        let request = world.request(&mut rng);
        let found = transfer(&world.axes, &request);
        made += usize::from(found.is_ok());
        law(&world, &request, &found, &mut rng);
    }
    assert!(made > 2000, "only {made} of the calls have a shape");
}

#[test]
fn every_axis_of_an_input_is_mapped_or_taken_in_whole_and_never_both() {
    each(|world, request, found, _| {
        let Ok(t) = found else { return };
        for (i, operand) in t.operands.iter().enumerate() {
            for a in operand {
                let (whole, mapped) = (t.whole[i].contains(a), t.mapped_axes().contains(a));
                assert!(whole || mapped, "{} of {request:?}", world.axes.name(*a));
                let gathered = matches!(request.operands[i].gathers, Gathers::All);
                assert!(!(whole && mapped) || gathered, "{} is both in {request:?}", world.axes.name(*a));
            }
        }
    });
}

#[test]
fn the_result_has_each_of_its_axes_once_and_under_a_name_of_its_own() {
    each(|world, request, found, _| {
        let Ok(t) = found else { return };
        let mut names: Vec<&str> = t.axes.iter().map(|a| world.axes.name(*a)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), t.axes.len(), "{request:?}");
        let mut parts = t.mapped_axes();
        parts.extend(t.split.iter().map(|s| s.axis));
        parts.extend(t.pairs.iter().map(|(_, o)| *o));
        parts.extend(&t.kept);
        assert!(t.axes.iter().all(|a| parts.contains(a)) && parts.iter().all(|a| t.axes.contains(a)), "{request:?}");
    });
}

/// Returns a call with the names of each axis word in another order.
fn reordered(request: &Request, rng: &mut ChaCha12Rng) -> Request {
    let mut other = request.clone();
    for (_, word) in &mut other.words {
        match word {
            Word::Splits { names, .. } | Word::Pairs(names) | Word::Reduces(Reduces::Named(names)) => {
                *names = shuffled(std::mem::take(names), rng);
            }
            _ => {}
        }
    }
    other
}

#[test]
fn the_order_of_names_in_an_axis_word_says_nothing() {
    each(|world, request, found, rng| {
        let other = transfer(&world.axes, &reordered(request, rng));
        match (found, other) {
            (Ok(one), Ok(two)) => {
                // Which of the names the data sets stand behind is a matter of writing.
                let plain =
                    |t: &Transfer| Transfer { sets: t.sets.iter().map(|s| Sets { name: 0, ..s.clone() }).collect(), ..t.clone() };
                assert_eq!(plain(one), plain(&two), "{request:?}");
            }
            (one, two) => assert_eq!(one.is_ok(), two.is_ok(), "{request:?}"),
        }
    });
}

#[test]
fn an_axis_that_the_call_does_not_name_is_mapped_and_changes_nothing_else() {
    let world = world(NAMES);
    let mut seen = 0;
    for n in 0..4000 {
        let mut rng = Stream::root(11).named("mapping").numbered(n).rng();
        let mut request = world.request(&mut rng);
        // Rules that say "all axes" name every axis.
        let all = |w: &Word| matches!(w, Word::Reduces(Reduces::Everything | Reduces::Rest));
        if request.words.iter().any(|(_, w)| all(w)) || request.operands.iter().any(|o| matches!(o.gathers, Gathers::All)) {
            continue;
        }
        let Ok(before) = transfer(&world.axes, &request) else { continue };
        let used: Vec<AxisId> =
            before.axes.iter().chain(before.whole.iter().flatten()).chain(&request.settings).copied().collect();
        let Some(new) = world.declared.iter().copied().find(|a| !used.contains(a)) else { continue };
        // Bins that nest in the new axis would bring it by themselves.
        if before.split.iter().any(|s| world.axes.within(s.axis).contains(&new)) {
            continue;
        }
        request.operands[0].shape.axes.insert(0, new);
        let after = transfer(&world.axes, &request).expect("an axis more");
        assert_eq!(after.axes[1..], before.axes, "{request:?}");
        assert_eq!(after.mapped_axes()[1..], before.mapped_axes(), "{request:?}");
        assert_eq!((&after.whole, &after.kept, after.example), (&before.whole, &before.kept, before.example), "{request:?}");
        assert_eq!(after.mapped[0], (new, Source::Operand(0)));
        seen += 1;
    }
    assert!(seen > 300, "{seen}");
}

#[test]
fn names_of_axes_are_for_reading() {
    let (one, two) = (world(NAMES), world(["x", "y", "z", "u", "v", "class", "quart"]));
    for n in 0..2000 {
        let rng = |stream: &str| Stream::root(12).named(stream).numbered(n).rng();
        let (a, b) = (one.request(&mut rng("names")), two.request(&mut rng("names")));
        match (transfer(&one.axes, &a), transfer(&two.axes, &b)) {
            (Ok(x), Ok(y)) => assert_eq!(x, y, "{a:?}"),
            (x, y) => assert_eq!(x.is_ok(), y.is_ok(), "{a:?}"),
        }
    }
}

fn single(shape: Shape, words: Vec<(usize, Word)>, world: &World) -> Result<Transfer, Refusal> {
    let carries = Attached { class: shape.has_examples().then_some(world.class), ..Attached::default() };
    let operands = vec![Operand { param: 0, shape, gathers: Gathers::None }];
    transfer(&world.axes, &Request { operands, words, carries, ..Request::default() })
}

fn by(names: Vec<Name>) -> (usize, Word) {
    (3, Word::Splits { names, several: true })
}

fn over(reduces: Reduces) -> (usize, Word) {
    (4, Word::Reduces(reduces))
}

#[test]
fn what_has_no_examples_is_not_split() {
    let w = world(NAMES);
    for (holds, fine) in [(Holds::One, false), (Holds::Group, false), (Holds::PerExample, true), (Holds::Examples, true)] {
        for axis in [w.class, w.bins] {
            let shape = Shape { axes: vec![w.declared[1]], holds, known: false };
            let found = single(shape, vec![by(vec![w.name(axis)]), over(Reduces::Rest)], &w);
            let refused =
                matches!(&found, Err(Refusal { place: Place::Name { param: 3, name: 0 }, what: What::NothingToSplit { .. } }));
            assert_eq!((found.is_ok(), refused), (fine, !fine), "{holds:?} {found:?}");
        }
    }
    // Groups of classes are counted by the examples of bins.
    let groups = Shape { axes: vec![w.declared[0], w.class], holds: Holds::Group, known: false };
    let found = single(groups, vec![by(vec![w.name(w.bins)]), over(Reduces::Rest)], &w).expect("groups by bins");
    assert_eq!(found.whole, vec![vec![w.class]], "each coordinate of the axis that bins nest in has bins of its own");
    assert_eq!(found.axes, vec![w.declared[0], w.bins]);
}

#[test]
fn bins_follow_the_axis_that_they_nest_in() {
    let w = world(NAMES);
    let scores = Shape { axes: vec![w.declared[0]], holds: Holds::PerExample, known: false };
    let names = vec![w.name(w.declared[0]), Name { text: "example".into(), declared: None }];
    let found = single(scores, vec![by(vec![w.name(w.bins)]), over(Reduces::Named(names))], &w).expect("bins of each run");
    assert_eq!((found.whole[0].clone(), found.sets[0].whole.clone()), (vec![w.declared[0]], vec![w.declared[0]]));
    assert_eq!((found.axes, found.example), (vec![w.bins], true));
}

#[test]
fn refusals_say_where() {
    let w = world(NAMES);
    let value = || Shape { axes: vec![w.declared[0], w.declared[1]], holds: Holds::One, known: false };
    let scores = || Shape { holds: Holds::PerExample, ..value() };
    let named = |names: Vec<Name>| over(Reduces::Named(names));
    let text = |t: &str| Name { text: t.into(), declared: None };
    let at = |name: usize| Place::Name { param: 4, name };
    let what = |found: Result<Transfer, Refusal>| found.map(|t| t.axes).expect_err("a refusal");
    let gone = what(single(value(), vec![named(vec![w.name(w.declared[0]), text("zz")])], &w));
    assert!(matches!(&gone, Refusal { place, what: What::Unknown { name, .. } } if *place == at(1) && name == "zz"), "{gone:?}");
    assert_eq!(what(single(value(), vec![named(vec![text("example")])], &w)).place, at(0));
    assert_eq!(what(single(scores(), vec![named(vec![text("class")])], &w)).what, What::ClassOfExamples);
    let twice = vec![w.name(w.declared[0]), w.name(w.declared[0])];
    assert_eq!(what(single(value(), vec![named(twice)], &w)), Refusal { place: at(1), what: What::Doubled { name: "a".into() } });
    let both = what(single(value(), vec![by(vec![w.name(w.declared[0])]), named(vec![w.name(w.declared[0])])], &w));
    assert_eq!(both.what, What::KeptAndReduced { axis: w.declared[0] });
    let elsewhere = what(single(value(), vec![named(vec![w.name(w.declared[3])])], &w));
    assert!(matches!(elsewhere.what, What::NotThere { .. }), "{elsewhere:?}");
    let which = what(single(value(), vec![over(Reduces::Role("class".into()))], &w));
    assert!(matches!(which, Refusal { place: Place::Call, what: What::WhichAxis { param: 4, .. } }), "{which:?}");
}
