//! Mapping: over an axis that it does not know, an operation is at each coordinate what it is on the selection there.

use super::calls::Call;
use super::world::{self, Cell, Line, WORLD, known};
use super::{accepted, compare, here, judge};
use cfx::lang::signature::SettingType;

/// Axes of the world with two of their coordinates each, and one that can be added.
const AXES: [(&str, &str, &str, &str); 4] = [
    ("a", "axis a = [0, 1]", "axis a = [0, 1, 2]", "1"),
    ("b", "axis b = [1, 3, 7]", "axis b = [1, 3, 4, 7]", "3"),
    ("c", "axis c = { left: 2, right: 5 }", "axis c = { middle: 3, left: 2, right: 5 }", "right"),
    ("run", "axis run = [0, 1]", "axis run = [0, 1, 2]", "1"),
];

/// Returns whether a call names an axis in one of its axis words.
pub fn names(call: &Call, axis: &str) -> bool {
    let signature = call.signature();
    signature.params.iter().zip(&signature.takes).any(|(param, takes)| {
        takes.axis.is_some()
            && call
                .arg(&param.name.name)
                .is_some_and(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == axis))
    })
}

/// Returns the call on the selection at a coordinate: every value that has the axis is cut to it.
pub fn selected(call: &Call, axis: &str, at: &str) -> Call {
    let cut = |text: &str| {
        let mut out = String::new();
        let chars: Vec<char> = text.chars().collect();
        let (mut i, mut quoted) = (0, false);
        while i < chars.len() {
            let c = chars[i];
            quoted ^= c == '"';
            if quoted || !(c.is_alphabetic() || c == '_') {
                out.push(c);
                i += 1;
                continue;
            }
            let start = i;
            while i < chars.len() && (chars[i].is_alphanumeric() || chars[i] == '_') {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let has = known().iter().any(|k| k.name == word && k.axes.iter().any(|x| x == axis));
            // Names of arguments inside and selections made already stay as they are.
            let kept = matches!(chars.get(i), Some(':' | '[')) || (start > 0 && chars[start - 1] == '.');
            out.push_str(&if has && !kept { format!("{word}[{axis}: {at}]") } else { word });
        }
        out
    };
    let signature = call.signature();
    let axis_word =
        |name: &str| signature.params.iter().zip(&signature.takes).any(|(p, t)| p.name.name == name && t.axis.is_some());
    let args = call.args.iter().map(|(n, text)| (n.clone(), if axis_word(n) { text.clone() } else { cut(text) }));
    Call { op: call.op.clone(), args: args.collect() }
}

/// Returns the cells at a coordinate, without the axis.
fn at(cells: &[Cell], axis: &str, coordinate: &str) -> Vec<Cell> {
    let here = cells.iter().filter(|c| c.at.get(axis).is_some_and(|x| x == coordinate));
    here.map(|c| Cell { at: c.at.iter().filter(|(a, _)| *a != axis).map(|(a, x)| (a.clone(), x.clone())).collect(), ..c.clone() })
        .collect()
}

/// Compares calls that map over an axis with what they are at one coordinate. What they are there is computed in another run and store: a cell that has
/// the key of another is that cell, and would agree with itself whatever its operation makes of its place.
fn compare_all(all: &[(Line, Call, Call, &str, &str)]) -> Vec<(String, String)> {
    let cut: Vec<Line> = all.iter().enumerate().map(|(i, (_, _, cut, ..))| cut.line(&format!("cut{i}"))).collect();
    let refused = world::refusals(WORLD, &cut);
    let cuts: Vec<Line> = cut.iter().filter(|l| !refused.contains_key(&l.name)).cloned().collect();
    let mut lines: Vec<Line> = Vec::new();
    for (line, ..) in all {
        if !lines.iter().any(|l| l.name == line.name) {
            lines.push(line.clone());
        }
    }
    let (ran, cut_ran) = (world::run(WORLD, &lines), world::run_anew(WORLD, &cuts));
    let mut wrong = Vec::new();
    for ((line, call, cut, axis, coordinate), cut_line) in all.iter().zip(&cut) {
        let why = match refused.get(&cut_line.name) {
            Some(why) => Some(format!("refused at one coordinate: {why}")),
            None => {
                // An axis word may bring the axis back: bins of each run.
                let cut = cut_ran.cells(&cut_line.name);
                let again = cut.first().is_some_and(|c| c.at.contains_key(*axis));
                let cut = if again { at(cut, axis, coordinate) } else { cut.to_vec() };
                compare::cells(&at(ran.cells(&line.name), axis, coordinate), &cut, true)
            }
        };
        wrong.extend(
            why.map(|why| (call.op.clone(), format!("{} at {axis} {coordinate} is not {}: {why}", call.text(), cut.text()))),
        );
    }
    wrong
}

#[test]
fn over_an_axis_is_at_each_coordinate() {
    let wrong = at_each_coordinate(accepted(), here(), 200);
    judge("at a coordinate of an axis that it maps over, an operation is another", &wrong, &[]);
}

/// Returns what is wrong where calls are cut to a coordinate of an axis that they map over; there are more than `least`.
pub fn at_each_coordinate(calls: &[(Line, Call)], ran: &world::Ran, least: usize) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (line, call) in calls {
        for (axis, _, _, coordinate) in AXES {
            let mapped = ran.cells(&line.name).first().is_some_and(|c| c.at.contains_key(axis));
            let given = call.axes_given().iter().any(|a| a == axis);
            if mapped && given && !names(call, axis) {
                all.push((line.clone(), call.clone(), selected(call, axis, coordinate), axis, coordinate));
            }
        }
    }
    assert!(all.len() > least, "only {} calls map over an axis", all.len());
    compare_all(&all)
}

#[test]
fn settings_map_over_axes_as_inputs_do() {
    let mut tried: Vec<(Line, Call, Call, &str, &str)> = Vec::new();
    for signature in world::library().operations.values().filter(|s| !super::excused(&s.name)) {
        let bases = super::calls::bases(signature);
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = param.name.name.as_str();
            let more = match takes.setting {
                Some(SettingType::Int) => "a",
                Some(SettingType::Real) => "0.25 * a",
                _ => continue,
            };
            for base in bases.iter().take(3) {
                let first = base.arg(name).map(str::to_string).unwrap_or_else(|| "1".to_string());
                let call = base.with(name, &format!("{first} + {more}"));
                let line = call.line(&format!("mapped{}", tried.len()));
                let cut = selected(&base.with(name, &format!("{first} + {}", more.replace('a', "1"))), "a", "1");
                tried.push((line, call, cut, "a", "1"));
            }
        }
    }
    let refused = world::refusals(WORLD, &tried.iter().map(|t| t.0.clone()).collect::<Vec<_>>());
    let ran: Vec<Line> = tried.iter().map(|t| t.0.clone()).filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &ran);
    let tried: Vec<_> = tried.into_iter().filter(|t| !refused.contains_key(&t.0.name)).collect();
    let mut wrong = Vec::new();
    let mut mapped = Vec::new();
    for t in tried {
        if ran.cells(&t.0.name).first().is_some_and(|c| c.at.contains_key("a")) {
            mapped.push(t);
        } else if !matches!(t.1.signature().gives, cfx::lang::kind::Kind::Figure) {
            wrong.push((t.1.op.clone(), format!("{} has no axis a", t.1.text())));
        }
    }
    assert!(mapped.len() > 40, "only {} settings map over an axis", mapped.len());
    wrong.extend(compare_all(&mapped));
    judge("a setting that depends on an axis is another at its coordinates", &wrong, &[]);
}

#[test]
fn a_coordinate_added_changes_no_other_cell() {
    let here = here();
    let mut wrong = Vec::new();
    for (axis, declared, longer, _) in AXES {
        let mapped = |(line, call): &&(Line, Call)| {
            here.cells(&line.name).first().is_some_and(|c| c.at.contains_key(axis)) && !names(call, axis)
        };
        let calls: Vec<&(Line, Call)> = accepted().iter().filter(mapped).collect();
        assert!(WORLD.contains(declared) && !calls.is_empty());
        let there = world::run(&WORLD.replace(declared, longer), &calls.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
        for (line, call) in calls {
            let (x, y) = (here.cells(&line.name), there.cells(&line.name));
            let key = |c: &&Cell| y.iter().any(|o| o.at == c.at && o.key != c.key);
            let why = compare::cells(x, y, false).or_else(|| x.iter().find(key).map(|c| format!("another key at {:?}", c.at)));
            wrong.extend(why.map(|why| (call.op.clone(), format!("{} with one more {axis}: {why}", call.text()))));
        }
    }
    judge("a coordinate added to an axis that an operation maps over changes other cells", &wrong, &[]);
}
