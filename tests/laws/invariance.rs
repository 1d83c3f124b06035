//! Invariances that the documentation states: scale, shift, rotation, the order of rows; from 1e-90 to 1e90, with constant and repeated columns.

use super::compare;
use super::world::{self, Cell, Line, Ran, WORLD, put};
use cfx::engine::Value;

/// Factors that must change nothing but the scale.
const FACTORS: [&str; 6] = ["1e-90", "1e-30", "1e-3", "7", "1e30", "1e90"];

/// Rows of the representations.
const ROWS: usize = 14;

/// Writes a matrix of 64-bit numbers as `.npy`.
fn save(name: &str, columns: usize, at: impl Fn(usize, usize) -> f64) {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({ROWS}, {columns}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    (0..ROWS * columns).for_each(|i| bytes.extend(at(i / columns, i % columns).to_le_bytes()));
    put(&format!("{name}.npy"), &bytes, 0);
}

/// A number for a row and column that follows no simple pattern, in -1..1.
fn noise(seed: u64, row: usize, column: usize) -> f64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((row as u64) << 32) ^ column as u64;
    for _ in 0..3 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
    }
    z as f64 / u64::MAX as f64 * 2.0 - 1.0
}

fn x(row: usize, column: usize) -> f64 {
    noise(1, row, column) + 0.3
}

fn y(row: usize, column: usize) -> f64 {
    noise(2, row, column) + 0.8 * noise(1, row, column % 3)
}

/// The columns of `x` turned by a quarter of a circle and more, pair by pair.
fn turned(row: usize, column: usize) -> f64 {
    let (c, s) = (0.6, 0.8);
    let pair = column / 2 * 2;
    if column.is_multiple_of(2) { c * x(row, pair) - s * x(row, pair + 1) } else { s * x(row, pair) + c * x(row, pair + 1) }
}

/// Writes all files; returns the declarations that read them.
fn files() -> String {
    let mut out = WORLD.to_string();
    let mut stages = |name: &str, columns: usize, at: &dyn Fn(usize, usize) -> f64| {
        save(name, columns, at);
        out.push_str(&format!("stages {name} = load_stages(\"{name}.npy\", rows: examples)[{name}]\n"));
    };
    stages("fx", 4, &x);
    stages("fy", 3, &y);
    stages("turned", 4, &turned);
    stages("shifted", 4, &|r, c| x(r, c) + 3.0 * (c + 1) as f64);
    stages("shuffled_x", 4, &|r, c| x((r * 5 + 3) % ROWS, c));
    stages("shuffled_y", 3, &|r, c| y((r * 5 + 3) % ROWS, c));
    for value in [0.1, 0.5, 1.0 / 3.0, 1e8 / 3.0, 7e-9] {
        stages(&constant(value), 5, &|r, c| if c == 2 { value } else { x(r, c - (c > 2) as usize) });
        stages(&alone(value), 2, &|_, c| value * (c + 1) as f64);
    }
    stages("repeated", 5, &|r, c| x(r, c.min(3)));
    for (i, factor) in FACTORS.iter().enumerate() {
        let k: f64 = factor.parse().expect("a number");
        stages(&format!("scaled{i}"), 4, &|r, c| k * x(r, c));
    }
    out
}

fn name_of(value: f64) -> String {
    format!("{value:e}").replace(['.', '-'], "_")
}

fn constant(value: f64) -> String {
    format!("constant{}", name_of(value))
}

fn alone(value: f64) -> String {
    format!("alone{}", name_of(value))
}

fn line(name: &str, text: &str) -> Line {
    Line { name: name.to_string(), text: format!("analysis {name} = {text}") }
}

/// Returns the number of a declaration without axes.
fn number(ran: &Ran, name: &str) -> Option<f64> {
    match ran.cells(name) {
        [Cell { value: Ok(Value::Number(n)), .. }] => Some(n.value),
        _ => None,
    }
}

/// Asserts that two declarations are the same number within `tolerance`.
fn near(ran: &Ran, left: &str, right: &str, tolerance: f64, wrong: &mut Vec<String>, what: &str) {
    match (number(ran, left), number(ran, right)) {
        (Some(x), Some(y)) if (x - y).abs() <= tolerance * x.abs().max(y.abs()).max(1e-300) => {}
        (x, y) => wrong.push(format!(
            "{what}: {y:?} in the place of {x:?} ({:?})",
            ran.cells(right).first().map(|c| c.value.as_ref().err())
        )),
    }
}

/// Measures of two representations that know neither scale, nor shift, nor rotation, nor the order of rows.
const LIKENESS: [(&str, &str); 9] = [
    ("linear", "cka({x}, against: {y})"),
    ("debiased", "cka({x}, against: {y}, debiased: true)"),
    ("rbf", "cka({x}, against: {y}, kernel: rbf(0.5))"),
    ("rbf_debiased", "cka({x}, against: {y}, kernel: rbf(2), debiased: true)"),
    ("turn", "procrustes({x}, against: {y})"),
    ("canonical", "cca({x}, against: {y}, seed: 1).similarity"),
    ("svcca", "cca({x}, against: {y}, variant: svcca, seed: 1).similarity"),
    ("pwcca", "cca({x}, against: {y}, variant: pwcca, seed: 1).similarity"),
    ("largest", "cca({x}, against: {y}, seed: 1).largest"),
];

#[test]
fn measures_of_likeness() {
    let world = files();
    let mut lines = Vec::new();
    let mut pairs: Vec<(String, String, String)> = Vec::new();
    for (name, template) in LIKENESS {
        let call = |x: &str, y: &str| template.replace("{x}", x).replace("{y}", y);
        let mut against = |other: &str, x: &str, y: &str| {
            let right = format!("{name}_{other}");
            lines.push(line(&right, &call(x, y)));
            pairs.push((format!("{name}_plain"), right, call(x, y)));
        };
        against("plain", "fx", "fy");
        if name != "pwcca" {
            // Its weights are sums over units, which depend on the axes.
            against("turned", "turned", "fy");
        }
        against("shifted", "shifted", "fy");
        against("shuffled", "shuffled_x", "shuffled_y");
        (0..FACTORS.len()).for_each(|i| against(&format!("scaled{i}"), &format!("scaled{i}"), "fy"));
        for value in [0.1, 0.5, 1.0 / 3.0, 1e8 / 3.0, 7e-9] {
            against(&constant(value), &constant(value), "fy");
        }
        if name != "pwcca" {
            against("swapped", "fy", "fx");
        }
        if matches!(name, "canonical" | "largest") {
            against("repeated", "repeated", "fy");
        }
    }
    let ran = world::run(&world, &lines);
    let mut wrong = Vec::new();
    for (left, right, what) in pairs {
        near(&ran, &left, &right, 1e-7, &mut wrong, &what);
    }
    assert!(wrong.is_empty(), "measures of likeness:\n{}", wrong.join("\n"));
}

/// A representation in which nothing varies is like nothing: there is no number.
#[test]
fn constants_are_like_nothing() {
    let world = files();
    let mut lines = Vec::new();
    for (name, template) in LIKENESS {
        for value in [0.1, 0.5, 1.0 / 3.0, 1e8 / 3.0, 7e-9] {
            let call = template.replace("{x}", &alone(value)).replace("{y}", "fy");
            lines.push((format!("{name}_{}", alone(value)), call));
        }
    }
    let ran = world::run(&world, &lines.iter().map(|(n, t)| line(n, t)).collect::<Vec<_>>());
    let wrong: Vec<String> = lines.iter().filter_map(|(n, t)| number(&ran, n).map(|x| format!("{t} is {x}"))).collect();
    assert!(wrong.is_empty(), "constants are like something:\n{}", wrong.join("\n"));
}

/// Measures of one representation that grow as it does, and shares that do not.
#[test]
fn measures_of_one_representation() {
    let world = files();
    let mut lines = vec![line("distance", "mean_distance(fx)"), line("energy", "captured_energy(svd(fx, width: 2))")];
    for (i, factor) in FACTORS.iter().enumerate() {
        lines.push(line(&format!("distance{i}"), &format!("mean_distance(scaled{i}) / {factor}")));
        lines.push(line(&format!("energy{i}"), &format!("captured_energy(svd(scaled{i}, width: 2))")));
        lines.push(line(&format!("within{i}"), &format!("mean_distance(svd(scaled{i}, width: 4)) / {factor}")));
    }
    let ran = world::run(&world, &lines);
    let mut wrong = Vec::new();
    for i in 0..FACTORS.len() {
        near(&ran, "distance", &format!("distance{i}"), 1e-9, &mut wrong, &format!("mean_distance at {}", FACTORS[i]));
        near(&ran, "energy", &format!("energy{i}"), 1e-9, &mut wrong, &format!("captured_energy at {}", FACTORS[i]));
        near(&ran, "distance", &format!("within{i}"), 1e-9, &mut wrong, &format!("mean_distance of svd at {}", FACTORS[i]));
    }
    assert!(wrong.is_empty(), "measures of one representation:\n{}", wrong.join("\n"));
}

/// Numbers per example, and numbers over axes: what does not depend on their scale, and what grows with it.
#[test]
fn statistics_of_numbers() {
    // Template, what its result is multiplied by where x is.
    let same = [
        "pearson({x}, s0)",
        "spearman({x}, s0)",
        "kendall({x}, s0)",
        "pearson({x}, s0, by: class)[class: 3]",
        "permutation_test({x}, {x} * 0.9, draws: 200, seed: 1).p_value",
        "permutation_test({x}, {x} * s0, paired: true, draws: 200, seed: 1).p_value",
        "share({x} > mean({x}))",
        "mean(rank(mean({x}, by: class), along: class)[class: 0..4])",
        "share(split_at_largest_gap(mean({x}, by: class)), of: low)",
        "count(where_above)",
    ];
    let grows = [
        "mean({x})",
        "std({x})",
        "median({x})",
        "quantile({x}, q: 20%)",
        "minimum({x})",
        "maximum({x})",
        "total({x})",
        "standard_error({x})",
        "largest_gap(mean({x}, by: class))",
        "bootstrap({x}, draws: 100, seed: 1).high",
        "describe({x}).std",
        "permutation_test({x}, s0 * {k}, draws: 100, seed: 1).difference",
    ];
    let world = format!("{WORLD}analysis v = s1[run: 1] + 0.5 * s0\n");
    let mut lines = Vec::new();
    let mut pairs: Vec<(String, String, String)> = Vec::new();
    for (j, template) in same.iter().chain(&grows).enumerate().filter(|(_, t)| t.contains("{x}")) {
        let plain = format!("plain{j}");
        lines.push(line(&plain, &template.replace("{x}", "v").replace("{k}", "1")));
        for (i, k) in FACTORS.iter().enumerate() {
            let name = format!("scaled{j}_{i}");
            let text = template.replace("{x}", &format!("(v * {k})")).replace("{k}", k);
            let text = if j < same.len() { text } else { format!("{text} / {k}") };
            lines.push(line(&name, &text));
            pairs.push((plain.clone(), name, text));
        }
    }
    for (j, template) in
        ["pearson({x}, s0)", "spearman({x}, s0)", "kendall({x}, s0)", "std({x})", "standard_error({x})"].iter().enumerate()
    {
        lines.push(line(&format!("still{j}"), &template.replace("{x}", "v")));
        lines.push(line(&format!("moved{j}"), &template.replace("{x}", "(v + 1000)")));
        pairs.push((format!("still{j}"), format!("moved{j}"), format!("{template} moved by 1000")));
    }
    let ran = world::run(&world, &lines);
    let mut wrong = Vec::new();
    for (left, right, what) in pairs {
        near(&ran, &left, &right, 1e-9, &mut wrong, &what);
    }
    // Errors scale with values, and correlations' errors stay.
    for (left, right) in [("plain0", "scaled0_5"), ("plain0", "scaled0_0")] {
        if let Some(why) = compare::cells(ran.cells(left), ran.cells(right), true) {
            wrong.push(format!("error of a correlation: {why}"));
        }
    }
    assert!(wrong.is_empty(), "statistics of numbers:\n{}", wrong.join("\n"));
}

/// Correlations with a constant are absent, whatever the constant.
#[test]
fn nothing_correlates_with_a_constant() {
    let mut lines = Vec::new();
    for op in ["pearson", "spearman", "kendall"] {
        for (i, value) in ["0", "0.1", "0.5", "1 / 3", "1e8 / 3", "7e-9", "1e90 / 3"].iter().enumerate() {
            lines.push((format!("{op}{i}"), format!("{op}(s0, 0 * s0 + {value})")));
            lines.push((format!("{op}_sum{i}"), format!("{op}(s0, {value} + 0.7 + 0 * s0)")));
        }
    }
    let ran = world::run(WORLD, &lines.iter().map(|(n, t)| line(n, t)).collect::<Vec<_>>());
    let wrong: Vec<String> = lines.iter().filter_map(|(n, t)| number(&ran, n).map(|x| format!("{t} is {x}"))).collect();
    assert!(wrong.is_empty(), "constants correlate:\n{}", wrong.join("\n"));
}
