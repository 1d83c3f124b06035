//! Faults planted on purpose: each law finds the fault that it is there for, and nothing where there is none.

use super::calls::Call;
use super::order::Here;
use super::world::{self, Line, WORLD};
use super::{accepted, arguments, figures, mapping, nesting, order};
use cfx::api::Registry;
use cfx::engine::{Context, Failure, Job, Kernel, Kernels, Value};
use cfx::lang::net::ir::Net;
use cfx::lang::{Settings, Static};
use cfx::plan::facts::{Cost, Facts, KnownInput, Operations, Planned, Policy, Problem, Shape};
use cfx::plan::files::Files;
use std::sync::{Arc, Mutex};

/// What a fault does to a job before the operation sees it; it may remember a job of before.
type Fault = fn(&mut Job, &mut Option<Job>);

/// An operation with a fault.
struct Faulty {
    standard: Registry,
    op: &'static str,
    given: Fault,
    before: Mutex<Option<Job>>,
}

impl Faulty {
    fn sound(&self) -> &dyn Planned {
        self.standard.planned(self.op).expect("a built-in")
    }
}

impl Planned for Faulty {
    /// Another than that of the built-in, whose results lie in the same store.
    fn version(&self) -> u32 {
        1000 + self.sound().version()
    }

    fn policy(&self) -> Policy {
        self.sound().policy()
    }

    fn takes_absent(&self, slot: &str) -> bool {
        self.sound().takes_absent(slot)
    }

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        self.sound().later()
    }

    fn outputs(&self, classes: usize) -> usize {
        self.sound().outputs(classes)
    }

    fn part(&self, network: &Net) -> Option<Arc<Net>> {
        self.sound().part(network)
    }

    fn told_of_truths(&self) -> Option<(&'static str, &'static str)> {
        self.sound().told_of_truths()
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        self.sound().fits(settings, shapes)
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        self.sound().doubts(settings, shapes)
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        self.sound().facts(settings, inputs, files)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        self.sound().cost(settings, inputs)
    }
}

impl Kernel for Faulty {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let mut job = job.clone();
        (self.given)(&mut job, &mut self.before.lock().expect("no fault panics"));
        self.standard.kernel(self.op).expect("a built-in").run(&job, cx)
    }
}

fn planted(op: &'static str, given: Fault) -> Registry {
    let mut registry = Registry::standard();
    registry.replace(op, Box::new(Faulty { standard: Registry::standard(), op, given, before: Mutex::new(None) }));
    registry
}

fn of(op: &str) -> Vec<(Line, Call)> {
    accepted().iter().filter(|(_, call)| call.op == op).cloned().collect()
}

/// Asserts that a law finds a fault in this operation where it is planted, and none where it is not.
fn found(op: &str, plant: fn() -> Registry, law: impl Fn() -> Vec<(String, String)>) {
    let sound = law();
    assert!(sound.is_empty(), "without a fault: {sound:?}");
    let wrong = world::with(plant, law);
    assert!(!wrong.is_empty(), "a fault in `{op}` is not found");
    assert!(wrong.iter().all(|(what, _)| what.split(' ').next() == Some(op)), "found elsewhere: {wrong:?}");
}

/// Returns the calls of an operation with their values.
fn by_names(calls: &[(Line, Call)]) -> Vec<(String, String)> {
    let ran = world::run(WORLD, &calls.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
    order::by_names(&Here { calls, ran: &ran })
}

/// Puts the axes of an input in the order of their names, and its values with them: what the operation keeps comes back in that order.
fn in_the_order_of_names(job: &mut Job, _: &mut Option<Job>) {
    for (_, input) in &mut job.inputs {
        if let [first, second] = input.axes.as_slice()
            && first.name > second.name
        {
            let (rows, columns) = (first.coordinates.len(), second.coordinates.len());
            input.values = (0..rows * columns).map(|i| input.values[i % rows * columns + i / rows].clone()).collect();
            input.axes.swap(0, 1);
        }
    }
}

#[test]
fn the_law_of_names_finds_an_order_of_axes_that_depends_on_them() {
    let calls = of("rank");
    found("rank", || planted("rank", in_the_order_of_names), || by_names(&calls));
}

/// Whatever quantile is asked for, gives the median.
fn the_median(job: &mut Job, _: &mut Option<Job>) {
    for (name, value) in &mut job.settings.0 {
        if name == "q" {
            *value = Static::Number(0.5);
        }
    }
}

#[test]
fn the_law_of_arguments_finds_one_that_is_dropped() {
    found("quantile", || planted("quantile", the_median), || arguments::dead(|op| op == "quantile"));
}

/// Takes the data sets of the first of several places for those of all: of bins that each run has for itself those of the first run.
fn the_first_bins(job: &mut Job, _: &mut Option<Job>) {
    for (_, sets) in job.inputs.iter_mut().filter(|(_, sets)| matches!(sets.values.first(), Some(Value::Dataset(_)))) {
        let Some(last) = sets.axes.last().map(|a| a.coordinates.len()).filter(|_| sets.axes.len() > 1) else {
            let one = sets.values[0].clone();
            sets.values.fill(one);
            continue;
        };
        // The bins stand along the last axis.
        for i in last..sets.values.len() {
            sets.values[i] = sets.values[i % last].clone();
        }
    }
}

/// Declares a test that the bins of one run in the place of those of all are found in an operation by the law of nesting.
macro_rules! lent {
    ($test:ident, $op:literal) => {
        #[test]
        fn $test() {
            found($op, || planted($op, the_first_bins), || nesting::lent(|op| op == $op));
        }
    };
}

lent!(bins_of_one_run_in_the_place_of_all_are_found_in_means, "mean");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_medians, "median");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_shares, "share");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_sums, "total");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_extremes, "maximum");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_correlations, "spearman");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_resampling, "bootstrap");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_histograms, "histogram");
lent!(bins_of_one_run_in_the_place_of_all_are_found_in_f_scores, "f_score_of");

/// Takes axes that nest in others for axes like these.
fn beside_each_other(job: &mut Job, _: &mut Option<Job>) {
    job.inputs.iter_mut().flat_map(|(_, input)| &mut input.axes).for_each(|axis| axis.within.clear());
}

#[test]
fn the_law_of_nesting_finds_inner_axes_that_are_taken_like_others() {
    found("std", || planted("std", beside_each_other), nesting::not_inner_first);
}

/// Returns what the law of mapping finds among these calls.
fn mapped(calls: &[(Line, Call)]) -> Vec<(String, String)> {
    let ran = world::run(WORLD, &calls.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
    mapping::at_each_coordinate(calls, &ran, 0)
}

/// Takes at one coordinate of an axis twice the number, because of where it stands.
fn by_its_place(job: &mut Job, _: &mut Option<Job>) {
    if job.at.iter().any(|(axis, at)| axis == "a" && at == "1") {
        for value in job.inputs.iter_mut().flat_map(|(_, input)| &mut input.values) {
            if let Value::Number(number) = value {
                number.value *= 2.0;
            }
        }
    }
}

#[test]
fn the_law_of_mapping_finds_an_operation_that_looks_at_its_place() {
    let calls = of("sqrt");
    found("sqrt", || planted("sqrt", by_its_place), || mapped(&calls));
}

#[test]
fn the_law_of_mapping_finds_groups_that_depend_on_where_they_stand() {
    let calls = of("threshold");
    found("threshold", || planted("threshold", by_its_place), || mapped(&calls));
}

/// Takes the inputs of the first cell for those of all.
fn those_of_the_first(job: &mut Job, before: &mut Option<Job>) {
    let first = before.get_or_insert_with(|| job.clone());
    job.inputs = first.inputs.clone();
}

#[test]
fn the_law_of_mapping_finds_one_cell_in_the_place_of_all() {
    let calls = of("exp");
    found("exp", || planted("exp", those_of_the_first), || mapped(&calls));
}

/// Declares a test that an argument which an operation is not handed is found by the law of arguments.
macro_rules! dropped {
    ($test:ident, $op:literal, $parameter:literal, $instead:expr) => {
        #[test]
        fn $test() {
            fn drop(job: &mut Job, _: &mut Option<Job>) {
                job.settings.0.iter_mut().filter(|(n, _)| n == $parameter).for_each(|(_, v)| *v = $instead)
            }
            found($op, || planted($op, drop), || arguments::dead(|op| op == $op));
        }
    };
}

dropped!(a_dropped_level_is_found, "bootstrap", "level", Static::Number(0.95));
dropped!(a_dropped_normalisation_is_found, "auc", "normalize", Static::Bool(false));
dropped!(a_dropped_choice_of_estimator_is_found, "cka", "debiased", Static::Bool(false));
dropped!(a_dropped_number_of_digits_is_found, "round", "digits", Static::Number(0.0));
dropped!(a_dropped_average_is_found, "f_score_of", "average", Static::Word("weighted".to_string()));

/// Puts the values of the first input in the order of the names of its axes, and leaves the axes as they are.
fn values_in_another_order(job: &mut Job, _: &mut Option<Job>) {
    let Some((_, input)) = job.inputs.first_mut() else { return };
    if let [first, second] = input.axes.as_slice()
        && first.name > second.name
    {
        let (rows, columns) = (first.coordinates.len(), second.coordinates.len());
        input.values = (0..rows * columns).map(|i| input.values[i % rows * columns + i / rows].clone()).collect();
    }
}

#[test]
fn the_law_of_names_finds_values_in_another_order_than_their_axes() {
    let calls = of("pearson");
    found("pearson", || planted("pearson", values_in_another_order), || by_names(&calls));
}

/// Declares a test that one cell in the place of all is found in an operation by the law of mapping.
macro_rules! one_for_all {
    ($test:ident, $op:literal) => {
        #[test]
        fn $test() {
            let calls = of($op);
            found($op, || planted($op, those_of_the_first), || mapped(&calls));
        }
    };
}

one_for_all!(groups_of_one_coordinate_for_all_are_found, "split_at_largest_gap");
one_for_all!(bins_of_one_coordinate_for_all_are_found, "quantile_bins");
one_for_all!(members_of_one_coordinate_for_all_are_found, "describe");
one_for_all!(ranks_of_one_coordinate_for_all_are_found, "rank");
one_for_all!(classes_of_one_coordinate_for_all_are_found, "own_class");

/// Leaves out the results that an argument gives.
fn without(job: &mut Job, argument: &str) {
    let of = |slot: &str| slot.strip_prefix(argument).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    job.inputs.retain(|(slot, _)| !of(slot));
}

/// Declares tests that an argument which a figure is not handed is found by the law of arguments.
macro_rules! not_drawn {
    ($($test:ident: $op:literal $parameter:literal, $what:ident;)*) => {
        $(#[test]
        fn $test() {
            fn drop(job: &mut Job, _: &mut Option<Job>) {
                not_drawn!(@ $what job, $parameter);
            }
            found($op, || planted($op, drop), || arguments::dead(|op| op == $op));
        })*
    };
    (@ axis $job:ident, $parameter:literal) => {
        $job.settings.0.iter_mut().filter(|(n, _)| n == $parameter).for_each(|(_, v)| *v = Static::None)
    };
    (@ result $job:ident, $parameter:literal) => { without($job, $parameter) };
    (@ first $job:ident, $parameter:literal) => { the_first_axis($job, $parameter) };
}

/// Takes the first axis of the first input, whatever axis an argument names.
fn the_first_axis(job: &mut Job, argument: &str) {
    let axis = job.inputs.iter().find_map(|(_, input)| input.axes.iter().find(|a| a.coordinates.len() > 1));
    let Some((name, role)) = axis.map(|a| (a.name.clone(), a.role.clone())) else { return };
    let role = if role == "class" { role } else { String::new() };
    let axis = Static::Make("axis".into(), vec![("name".into(), Static::Word(name)), ("role".into(), Static::Word(role))]);
    job.settings.0.iter_mut().filter(|(n, v)| n == argument && !matches!(v, Static::None)).for_each(|(_, v)| *v = axis.clone());
}

not_drawn! {
    the_axis_of_curves_is_drawn: "curves" "x", first;
    colours_of_curves_are_drawn: "curves" "color", axis;
    colours_of_curves_by_a_value_are_drawn: "curves" "color", result;
    facets_of_curves_are_drawn: "curves" "facet", axis;
    the_order_of_curves_is_drawn: "curves" "sort", result;
    lines_in_curves_are_drawn: "curves" "y_line", result;
    the_axis_of_bands_is_drawn: "bands" "x", first;
    colours_of_bands_are_drawn: "bands" "color", axis;
    facets_of_bands_are_drawn: "bands" "facet", axis;
    the_axis_of_bars_is_drawn: "bars" "x", first;
    colours_of_bars_are_drawn: "bars" "color", axis;
    colours_of_bars_by_a_value_are_drawn: "bars" "color", result;
    facets_of_bars_are_drawn: "bars" "facet", axis;
    the_order_of_bars_is_drawn: "bars" "sort", result;
    facets_of_profiles_are_drawn: "profile" "facet", axis;
    groups_of_profiles_are_drawn: "profile" "groups", result;
    what_a_profile_is_held_against_is_drawn: "profile" "against", result;
    facets_of_scatters_are_drawn: "scatter" "facet", axis;
    colours_of_scatters_are_drawn: "scatter" "color", result;
    names_of_points_are_drawn: "scatter" "label", axis;
    facets_of_distributions_are_drawn: "distribution" "facet", axis;
    colours_of_distributions_are_drawn: "distribution" "color", axis;
    facets_of_maps_are_drawn: "heatmap" "facet", axis;
    rows_of_maps_are_drawn: "heatmap" "rows", axis;
    columns_of_maps_are_drawn: "heatmap" "columns", axis;
    the_order_of_maps_is_drawn: "heatmap" "order", result;
    trees_of_maps_are_drawn: "heatmap" "tree", result;
    rows_of_images_are_drawn: "images" "rows", axis;
    columns_of_images_are_drawn: "images" "columns", axis;
}

/// Takes the values at the first coordinate of an axis for those at all.
fn values_of_the_first(job: &mut Job, _: &mut Option<Job>) {
    for (_, input) in job.inputs.iter_mut().filter(|(_, input)| input.axes.first().is_some_and(|a| a.coordinates.len() > 1)) {
        let each = input.values.len() / input.axes[0].coordinates.len();
        for i in each..input.values.len() {
            input.values[i] = input.values[i % each].clone();
        }
    }
}

/// Declares tests that figures which draw one coordinate in the place of all are found by the law of panels.
macro_rules! one_drawn_for_all {
    ($($test:ident: $op:literal;)*) => {
        $(#[test]
        fn $test() {
            found($op, || planted($op, values_of_the_first), || figures::panels(|op| op == $op, 0));
        })*
    };
}

one_drawn_for_all! {
    curves_of_one_coordinate_for_all_are_found: "curves";
    bars_of_one_coordinate_for_all_are_found: "bars";
    profiles_of_one_coordinate_for_all_are_found: "profile";
    points_of_one_coordinate_for_all_are_found: "scatter";
    maps_of_one_coordinate_for_all_are_found: "heatmap";
}

#[test]
fn the_law_of_panels_finds_bins_of_one_run_in_the_place_of_all() {
    found("bands", || planted("bands", the_first_bins), figures::bins_of_their_own);
}
