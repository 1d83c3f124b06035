//! What holds of every cut, whatever the plan: checked over plans made at random, and over those of the kind and size.

use super::*;
use proptest::prelude::*;

fn piece(kind: Kind, seconds: f64, needs: Vec<usize>) -> Piece {
    Piece { kind, seconds, memory: 1e9, disk: 1e6, needs, pass: None }
}

fn limits() -> Limits {
    Limits { task: 3600.0, tasks: 0, array: 1000, cores: [1.0; 3] }
}

/// Checks what must hold of a cut.
fn holds(pieces: &[Piece], limits: &Limits, cut: &Cut) {
    // Every piece once.
    let mut place = vec![None; pieces.len()];
    for (number, task) in cut.tasks.iter().enumerate() {
        assert!(!task.pieces.is_empty());
        for (at, p) in task.pieces.iter().enumerate() {
            assert!(place[*p].replace((number, at)).is_none(), "piece {p} is in two tasks");
            assert!(pieces[*p].kind == task.kind || pieces[*p].kind == Kind::Reports, "piece {p} is on the wrong machine");
        }
    }
    let mut is_last = vec![false; pieces.len()];
    for p in &cut.last {
        assert!(place[*p].is_none() && !std::mem::replace(&mut is_last[*p], true), "piece {p} is in two tasks");
        assert_eq!(pieces[*p].kind, Kind::Reports);
    }
    assert!((0..pieces.len()).all(|p| place[p].is_some() || is_last[p]), "a piece is in no task");
    // Batches lie one after the other, are no larger than allowed, and wait for earlier ones.
    let mut next = 0;
    let mut batch_of = vec![0; cut.tasks.len()];
    for (number, batch) in cut.batches.iter().enumerate() {
        assert_eq!(batch.tasks.0, next);
        assert!(batch.tasks.1 > next && batch.tasks.1 - next <= limits.array);
        (next..batch.tasks.1).for_each(|t| batch_of[t] = number);
        next = batch.tasks.1;
        assert!(batch.after.iter().all(|b| *b < number), "a batch waits for a later one");
        let waves = (batch.tasks.0..batch.tasks.1).map(|t| (cut.tasks[t].wave, cut.tasks[t].kind));
        assert!(waves.into_iter().all(|w| w == (batch.wave, batch.kind)));
    }
    assert_eq!(next, cut.tasks.len());
    // What a piece needs comes before it.
    for (p, piece) in pieces.iter().enumerate() {
        let Some((task, at)) = place[p] else { continue };
        for d in &piece.needs {
            let (other, before) = place[*d].expect("a task does not wait for the last one");
            assert!(
                other == task && before < at || cut.batches[batch_of[task]].after.contains(&batch_of[other]),
                "piece {p} does not wait for {d}"
            );
        }
    }
}

fn plans() -> impl Strategy<Value = Vec<Piece>> {
    let one = (0..3usize, 0.0..5000.0f64, 0..4u32, proptest::collection::vec(0..1000usize, 0..4), 0..6usize);
    proptest::collection::vec(one, 1..120).prop_map(|all| {
        let mut out: Vec<Piece> = Vec::new();
        for (i, (kind, seconds, memory, needs, pass)) in all.into_iter().enumerate() {
            let mut needs: Vec<usize> = if i == 0 { Vec::new() } else { needs.into_iter().map(|n| n % i).collect() };
            needs.sort_unstable();
            needs.dedup();
            // Half of them are quick.
            let seconds = if i % 2 == 0 { seconds / 100.0 } else { seconds };
            let memory = 1e9 * f64::from(1 << memory);
            out.push(Piece { kind: Kind::ALL[kind], seconds, memory, disk: 1.0, needs, pass: (pass < 2).then_some(pass) });
        }
        out
    })
}

proptest! {
    #[test]
    fn every_cut_is_one(pieces in plans(), task in 10.0..8000.0f64, array in 1..20usize, cores in 1..9u32) {
        let limits = Limits { task, tasks: 0, array, cores: [1.0, f64::from(cores), f64::from(cores)] };
        holds(&pieces, &limits, &cut(&pieces, &limits));
    }

    #[test]
    fn the_number_of_tasks_is_kept_to(pieces in plans(), tasks in 1..30usize) {
        let limits = Limits { task: 100.0, tasks, ..limits() };
        let out = cut(&pieces, &limits);
        holds(&pieces, &limits, &out);
        let floor = out.tasks.iter().map(|t| (t.wave, t.kind, class(t.memory))).collect::<BTreeSet<_>>().len();
        prop_assert!(out.tasks.len() <= tasks.max(floor), "{} tasks where {tasks} are allowed and {floor} are needed", out.tasks.len());
    }
}

/// Trainings, passes of each, chains behind each pass, a number from each, and a figure of all.
fn experiment(count: usize, train: f64, chain: f64) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..count {
        let at = out.len();
        out.push(piece(Kind::Networks, train, vec![]));
        out.push(piece(Kind::Networks, train / 50.0, vec![at]));
        out.push(piece(Kind::Chains, chain, vec![at + 1]));
        out.push(piece(Kind::Reports, 0.01, vec![at + 2]));
        numbers.push(at + 3);
    }
    out.push(piece(Kind::Reports, 1.0, numbers));
    out
}

#[test]
fn passes_go_with_their_trainings_and_numbers_with_their_chains() {
    let pieces = experiment(300, 600.0, 1200.0);
    let out = cut(&pieces, &limits());
    holds(&pieces, &limits(), &out);
    // Five trainings an hour, two chains; the figure is left for the last task.
    assert_eq!(out.last, [1200]);
    let count = |kind| out.tasks.iter().filter(|t| t.kind == kind).count();
    assert_eq!((count(Kind::Networks), count(Kind::Chains), count(Kind::Reports)), (60, 150, 0));
    assert_eq!(out.batches.len(), 2);
    assert_eq!(out.batches[1].after, [0]);
    let train = out.tasks.iter().find(|t| t.kind == Kind::Networks).unwrap();
    assert_eq!(train.pieces.len(), 10);
}

#[test]
fn large_ones_are_alone_and_the_longest_comes_first() {
    let seconds = [7000.0, 100.0, 9000.0, 100.0, 8000.0];
    let pieces: Vec<Piece> = seconds.iter().map(|s| piece(Kind::Networks, *s, vec![])).collect();
    let out = cut(&pieces, &limits());
    holds(&pieces, &limits(), &out);
    let alone: Vec<&[usize]> = out.tasks.iter().map(|t| t.pieces.as_slice()).collect();
    assert_eq!(alone, [&[2][..], &[4], &[0], &[1, 3]]);
}

#[test]
fn what_very_many_need_comes_first_by_itself() {
    let mut pieces = vec![piece(Kind::Networks, 5.0, vec![])];
    pieces.extend((0..500).map(|_| piece(Kind::Networks, 60.0, vec![0])));
    let out = cut(&pieces, &limits());
    holds(&pieces, &limits(), &out);
    assert_eq!(out.tasks[0].pieces, [0]);
    assert_eq!(out.tasks.len(), 1 + 9, "sixty to a task");
}

#[test]
fn pieces_of_one_pass_stay_together() {
    let mut pieces: Vec<Piece> = (0..40).map(|_| piece(Kind::Networks, 4000.0, vec![])).collect();
    for i in 0..80 {
        pieces.push(Piece { pass: Some(i % 40), ..piece(Kind::Networks, 1500.0, vec![i % 40]) });
    }
    let out = cut(&pieces, &limits());
    holds(&pieces, &limits(), &out);
    let task = |p: usize| out.tasks.iter().position(|t| t.pieces.contains(&p)).unwrap();
    assert!((40..80).all(|p| task(p) == task(p + 40)));
}

#[test]
fn nothing_to_do_is_no_task() {
    assert_eq!(cut(&[], &limits()), Cut::default());
}

#[test]
fn time_grows_with_the_plan_and_no_faster() {
    // Counted by the work done, not by the clock: twice the plan makes twice the tasks, and needs are looked at once each.
    let small = cut(&experiment(12_500, 60.0, 240.0), &limits());
    let large = cut(&experiment(25_000, 60.0, 240.0), &limits());
    assert!(large.tasks.len().abs_diff(2 * small.tasks.len()) <= 2, "{} and {}", small.tasks.len(), large.tasks.len());
    let begun = std::time::Instant::now();
    let pieces = experiment(25_000, 60.0, 240.0);
    let out = cut(&pieces, &limits());
    assert!(begun.elapsed().as_secs_f64() < 20.0, "100,001 pieces take {:?}", begun.elapsed());
    holds(&pieces, &limits(), &out);
}
