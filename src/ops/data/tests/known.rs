//! What is known of choices before the run, compared with what the run gives; whose scores files hold; classes that no example has.

use super::*;
use crate::plan::facts::Planned;

/// Returns what planning says of a call.
fn facts(op: &str, list: &[(&str, Static)], inputs: &[(&str, &Facts)], folder: Option<&Path>) -> Result<Facts, String> {
    let kernels = kernels();
    let kernel: &dyn Planned = &*kernels.iter().find(|(n, _)| *n == op).unwrap().1;
    let inputs: Vec<_> = inputs.iter().map(|(n, f)| (*n, vec![*f])).collect();
    let files = folder.map(|f| Files::new(f, &[]));
    kernel
        .facts(&settings(op, list), &inputs, files.as_ref())
        .map_err(|p| format!("{}: {}", p.parameter.unwrap_or(""), p.message))
}

fn number(x: f64) -> Static {
    Static::Number(x)
}

fn whole() -> Facts {
    facts("digits", &[], &[], None).unwrap()
}

fn split(name: &str, of: &Facts) -> Facts {
    facts("split", &[("name", text(name))], &[("data", of)], None).unwrap()
}

fn choice(op: &str, list: &[(&str, Static)], of: &Facts) -> Result<Facts, String> {
    facts(op, list, &[("data", of)], None)
}

#[test]
fn splits_and_all_of_them_are_told_apart() {
    let d = whole();
    assert_eq!((d.mixed.clone(), d.from.len(), d.rows), (vec!["train".to_string(), "test".to_string()], 2, Some(1797)));
    let (train, all) = (split("train", &d), split("all", &d));
    assert_eq!((train.mixed.len(), train.rows, train.from.clone()), (0, Some(1437), vec!["train".to_string()]));
    assert_eq!(train.class_sizes.as_ref().unwrap().iter().sum::<usize>(), 1437);
    assert_eq!((all.mixed.len(), all.rows, all.class_sizes), (0, Some(1797), d.class_sizes.clone()));
    // What is chosen from both is mixed too, until someone says so.
    for (op, list) in [("sample", ("count", number(50.0))), ("subset", ("fraction", number(0.5)))] {
        assert_eq!(choice(op, std::slice::from_ref(&list), &d).unwrap().mixed.len(), 2, "{op}");
        assert!(choice(op, &[list], &train).unwrap().mixed.is_empty());
    }
    let test = split("test", &d);
    let without = facts("without", &[], &[("data", &d), ("other", &test)], None).unwrap();
    assert_eq!((without.mixed.len(), without.rows, without.from), (0, Some(1437), vec!["train".to_string()]));
    let said = facts("split", &[("name", text("test"))], &[("data", &train)], None).unwrap_err();
    assert!(said.contains("come from train"), "{said}");
}

#[test]
fn numbers_of_chosen_examples_are_right_or_the_most_there_can_be() {
    let d = whole();
    let train = split("train", &d);
    let sampled = choice("sample", &[("count", number(20.0))], &train).unwrap();
    assert_eq!((sampled.rows, sampled.rows_at_most, sampled.most_rows()), (Some(20), None, Some(20)));
    assert_eq!(choice("subset", &[("fraction", number(0.1))], &train).unwrap().rows, Some(144));
    let left = |other: &Facts| facts("without", &[], &[("data", &train), ("other", other)], None).unwrap();
    assert_eq!(left(&sampled).rows, Some(1417));
    let mut score = train.each_example();
    score.source = train.source.clone();
    let held = facts("where", &[], &[("data", &train), ("condition", &score)], None).unwrap();
    assert_eq!((held.rows, held.most_rows()), (None, Some(1437)));
    assert_eq!((left(&held).rows, left(&held).most_rows()), (None, Some(1437)));
    let lowest = facts("lowest", &[("count", number(30.0))], &[("x", &score), ("data", &train)], None).unwrap();
    assert_eq!(lowest.rows, Some(30));
    let bin = facts("quantile_bins", &[("count", number(50.0))], &[("x", &score), ("data", &train)], None).unwrap();
    assert_eq!((bin.rows, bin.most_rows()), (None, Some(29)));
    // A split of a choice has no more than the split, nor than the choice.
    let some = choice("sample", &[("count", number(500.0))], &d).unwrap();
    assert_eq!((split("train", &some).rows, split("train", &some).most_rows()), (None, Some(500)));
    assert_eq!(split("test", &some).most_rows(), Some(360));
}

#[test]
fn what_cannot_be_chosen_is_known_before_the_run() {
    let d = split("test", &whole());
    let says =
        |got: Result<Facts, String>, words: &str| assert!(got.as_ref().is_err_and(|e| e.contains(words)), "{got:?}: {words}");
    says(choice("sample", &[("count", number(361.0))], &d), "count: 361 examples are asked for, and there are 360");
    says(choice("sample", &[("count", number(0.0))], &d), "count: no examples");
    says(choice("subset", &[("fraction", number(-0.1))], &d), "fraction:");
    says(choice("subset", &[("fraction", number(1e-6))], &d), "leaves no example");
    let score = d.each_example();
    for op in ["lowest", "highest"] {
        says(facts(op, &[("count", number(361.0))], &[("x", &score)], None), "there are 360");
    }
    says(
        facts("quantile_bins", &[("count", number(361.0))], &[("x", &score)], None),
        "360 examples with a score do not fill 361 bins",
    );
    let other = Facts { source: Some("other".into()), ..d.clone() };
    says(facts("where", &[], &[("data", &other), ("condition", &score)], None), "condition: `data` is about examples of `other`");
    says(
        facts("lowest", &[("count", number(3.0))], &[("x", &score), ("data", &other)], None),
        "data: `x` is about examples of `digits`",
    );
    says(facts("without", &[], &[("data", &d), ("other", &other)], None), "other: `data`");
    let bare = Facts { labelled: Some(false), classes: None, ..d.clone() };
    says(choice("corrupt_labels", &[("fraction", number(0.5)), ("method", word("other"))], &bare), "no labels to corrupt");
    says(choice("relabel", &[("labels", text("l.npy"))], &bare), "read without labels");
}

/// Writes an array of one dimension.
fn save(path: &Path, numbers: &[u16]) {
    let header = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({},), }}", numbers.len());
    let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    std::fs::write(path, [start, bytes].concat()).unwrap();
}

#[test]
fn scores_of_others_are_refused_before_and_during_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, n: u16| save(&dir.path().join(name), &(0..n).collect::<Vec<_>>());
    put("train.npy", 1437);
    put("all.npy", 1797);
    put("few.npy", 7);
    let d = whole();
    let (train, test) = (split("train", &d), split("test", &d));
    let part = |name: &str| dataset(run("split", &[("name", text(name))], vec![("data", value(&digits()))], 0, dir.path()));
    let planned = |file: &str, of: &Facts| facts("load_scores", &[("path", text(file))], &[("data", of)], Some(dir.path()));
    let read = |file: &str, of: &Arc<Dataset>| match run(
        "load_scores",
        &[("path", text(file))],
        vec![("data", value(of))],
        0,
        dir.path(),
    ) {
        Ok(Value::Scores(s)) => Ok(s.values.clone()),
        Err(Failure::Failed { message, .. }) => Err(message),
        other => panic!("{other:?}"),
    };
    let agree = |file: &str, facts: &Facts, data: &Arc<Dataset>, words: Option<&str>| match (
        planned(file, facts),
        read(file, data),
        words,
    ) {
        (Ok(_), Ok(values), None) => values,
        (Err(a), Err(b), Some(words)) if a.contains(words) && b.contains(words) => Vec::new(),
        other => panic!("{file}: {other:?}"),
    };
    assert_eq!(agree("train.npy", &train, &part("train"), None)[1436], 1436.0);
    assert_eq!(agree("all.npy", &test, &part("test"), None)[0], 1437.0);
    agree("train.npy", &test, &part("test"), Some("other examples are wanted"));
    agree("train.npy", &d, &digits(), Some("other examples are wanted"));
    agree("few.npy", &test, &part("test"), Some("has 7 numbers for 360 examples"));
    let some = choice("sample", &[("count", number(9.0))], &train).unwrap();
    let chosen = dataset(run("sample", &[("count", number(9.0))], vec![("data", value(&part("train")))], 0, dir.path()));
    let values = agree("train.npy", &some, &chosen, None);
    assert!(values.iter().zip(chosen.ids.iter()).all(|(v, id)| *v == *id as f64));
    let many = facts("with_ids", &[("path", text("all.npy"))], &[("data", &train)], Some(dir.path())).unwrap_err();
    assert!(many.contains("names 1797 examples, and there are 1437"), "{many}");
    let ids = |file: &str, of: &Facts| facts("with_ids", &[("path", text(file))], &[("data", of)], Some(dir.path()));
    assert!(ids("few.npy", &train).is_ok());
    assert!(ids("few.npy", &test).unwrap_err().contains("names example 0, which is none of these"));
    std::fs::write(dir.path().join("halves.npy"), crate::report::formats::npy(&[2], &[1.0, 2.5])).unwrap();
    assert!(ids("halves.npy", &train).unwrap_err().contains("names example 2.5"));
    let labels = facts("relabel", &[("labels", text("few.npy"))], &[("data", &train)], Some(dir.path())).unwrap_err();
    assert!(labels.contains("has 7 labels; 1437"), "{labels}");
}

#[test]
fn labels_beside_scores_tell_another_order() {
    let list = [("x", text("packed.npz:x")), ("labels", text("packed.npz:labels")), ("layout", word("features"))];
    let data = dataset(run("arrays", &list, vec![], 0, &here()));
    let read = |file: &str| run("load_scores", &[("path", text(file))], vec![("data", value(&data))], 0, &here());
    let Ok(Value::Scores(scores)) = read("scores.npz") else { panic!() };
    assert_eq!(scores.values[..3], [0.0, 0.125, 0.25]);
    let said = message(read("scores_rolled.npz"));
    assert!(said.contains("has labels in `tr_labels`, and 6 of 6 differ"), "{said}");
    // Numbers of the examples beside scores tell their order too; names of another kind say nothing.
    use crate::report::formats::{npy, npy_u32, npz};
    let d = tempfile::tempdir().unwrap();
    std::fs::copy(here().join("packed.npz"), d.path().join("packed.npz")).unwrap();
    for (ids, rolled) in [([0, 1, 2, 3, 4, 5], false), ([1, 2, 3, 4, 5, 0], true), ([10, 11, 12, 13, 14, 15], false)] {
        let packed = npz(&[("scores", npy(&[6], &[0.0; 6])), ("ids", npy_u32(&ids))]).unwrap();
        std::fs::write(d.path().join("s.npz"), packed).unwrap();
        let read = run("load_scores", &[("path", text("s.npz"))], vec![("data", value(&data))], 0, d.path());
        match rolled {
            true => assert!(message(read).contains("has the numbers of examples in `ids`, in another order"), "{ids:?}"),
            false => assert!(read.is_ok(), "{ids:?}: {read:?}"),
        }
    }
    // Labels of a split are those of the scores where there are as many.
    let right = data.source.labels.clone();
    let rolled: Vec<u32> = right.iter().cycle().skip(1).take(right.len()).copied().collect();
    assert_ne!(right, rolled);
    for (labels, fits) in [(&right[..], true), (&rolled[..], false), (&rolled[..4], true)] {
        let packed = npz(&[("scores", npy(&[6], &[0.0; 6])), ("y_train", npy_u32(labels))]).unwrap();
        std::fs::write(d.path().join("s.npz"), packed).unwrap();
        let read = run("load_scores", &[("path", text("s.npz"))], vec![("data", value(&data))], 0, d.path());
        assert_eq!(read.is_ok(), fits, "{labels:?}");
    }
}

#[test]
fn random_labels_are_classes_that_examples_have() {
    let (d, folder) = (tempfile::tempdir().unwrap(), Path::new("."));
    save(&d.path().join("x.npy"), &(0..90).collect::<Vec<_>>());
    let bytes = std::fs::read(d.path().join("x.npy")).unwrap();
    let at = bytes.windows(5).position(|w| w == b"(90,)").unwrap();
    // The same as 45 rows of two numbers: a longer shape takes a space from the end of the header.
    let shape = [&bytes[..at], b"(45,2)", &bytes[at + 5..]].concat();
    let end = shape.iter().position(|b| *b == b'}').unwrap();
    std::fs::write(d.path().join("x.npy"), [&shape[..end - 1], &shape[end..]].concat()).unwrap();
    save(&d.path().join("y.npy"), &(0..45).map(|i| [0, 2, 7][i % 3]).collect::<Vec<_>>());
    let list = [("x", text("x.npy")), ("labels", text("y.npy")), ("layout", word("features"))];
    let known = facts("arrays", &list, &[], Some(d.path())).unwrap();
    assert!(
        known.warnings[0].message.contains("of 8 classes 5 have no example: `1`, `3`, `4`, `5`, `6`"),
        "{:?}",
        known.warnings
    );
    let data = dataset(run("arrays", &list, vec![], 0, d.path()));
    for method in ["uniform", "other", "permute"] {
        for seed in 0..20 {
            let settings = [("fraction", number(1.0)), ("method", word(method))];
            let got = dataset(run("corrupt_labels", &settings, vec![("data", value(&data))], seed, folder));
            assert!(got.labels.iter().all(|l| [0, 2, 7].contains(l)), "{method}: {:?}", got.labels);
            if method == "other" {
                assert!(got.labels.iter().zip(data.labels.iter()).all(|(a, b)| a != b));
            }
        }
    }
}

#[test]
fn grey_is_what_pillow_makes_of_colours() {
    // Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)) of Pillow 13.
    let pillow = [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([10, 200, 30], 124),
        ([255, 255, 255], 255),
        ([1, 2, 3], 2),
        ([77, 13, 240], 58),
        ([0, 0, 0], 0),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (i, (colour, _)) in pillow.iter().enumerate() {
        std::fs::create_dir_all(dir.path().join("set/a")).unwrap();
        let image = image::RgbImage::from_pixel(2, 2, image::Rgb(*colour));
        image.save(dir.path().join(format!("set/a/{i}.png"))).unwrap();
    }
    let list = [("folder", text("set")), ("size", number(2.0)), ("channels", word("grey"))];
    let data = dataset(run("image_folder", &list, vec![], 0, dir.path()));
    let Pixels::Bytes { data, .. } = &data.source.images.data else { panic!() };
    assert_eq!(data.chunks(4).map(|c| c[0]).collect::<Vec<u8>>(), pillow.map(|(_, grey)| grey));
}
