//! Folders of images as programs and systems leave them.

use super::*;
use crate::ops::data::image_folder::ImageFolder;

/// Writes an image of one colour, in the form that the name's ending says.
fn put(folder: &Path, name: &str, grey: u8) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_pixel(4, 4, image::Rgb([grey, grey, grey])).save(path).unwrap();
}

fn list<'a>(more: &[(&'a str, Static)]) -> Vec<(&'a str, Static)> {
    [&[("folder", text("set")), ("size", Static::Number(2.0))], more].concat()
}

#[test]
fn a_folder_beside_those_of_splits_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    for (name, grey) in [("TRAIN/a/1.png", 10), ("TRAIN/b/2.png", 20), ("eval/a/3.png", 30)] {
        put(&dir.path().join("set"), name, grey);
    }
    let (_, labels, splits, said, _) = read(dir.path(), &[]);
    assert_eq!((labels, splits), (vec![0, 1], vec![("train".to_string(), 2)]));
    assert!(said.contains("`eval` lies beside the folders of splits and is left out"), "{said}");
}

/// Returns classes, labels, splits, warnings, and the first number of each image.
fn read(dir: &Path, more: &[(&str, Static)]) -> (Vec<String>, Vec<u32>, Vec<(String, usize)>, String, Vec<u8>) {
    let (facts, source) = facts_and_source("image_folder", ImageFolder, &list(more), dir);
    let Pixels::Bytes { data, .. } = &source.images.data else { panic!() };
    let firsts = data.chunks(12).map(|c| c[0]).collect();
    let splits = source.splits.iter().map(|(n, r)| (n.clone(), r.len())).collect();
    let said = facts.warnings.iter().map(|w| w.message.clone()).collect::<Vec<_>>().join("; ");
    (source.classes, source.labels, splits, said, firsts)
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| n.to_string()).collect()
}

#[test]
fn litter_is_no_class_and_images_lie_anywhere_below_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for (name, grey) in [
        ("a/1.png", 10),
        ("a/images/2.png", 20),
        ("a/more/deep/3.bmp", 30),
        ("b/4.webp", 40),
        ("b/5.gif", 50),
        ("b/6.tiff", 60),
        ("b/7.PNG", 70),
        ("__MACOSX/a/x.png", 1),
        ("a/.ipynb_checkpoints/1-checkpoint.png", 2),
        (".ipynb_checkpoints/x.png", 3),
    ] {
        put(&set, name, grey);
    }
    std::fs::write(set.join("a/._1.png"), b"\0\x05\x16\x07").unwrap();
    std::fs::write(set.join(".DS_Store"), b"x").unwrap();
    std::fs::write(set.join("b/Thumbs.db"), b"x").unwrap();
    std::fs::create_dir(set.join("c")).unwrap();
    let (classes, labels, splits, said, firsts) = read(dir.path(), &[]);
    assert_eq!((classes, labels), (words(&["a", "b"]), vec![0, 0, 0, 1, 1, 1, 1]));
    assert_eq!((splits, firsts), (vec![("all".to_string(), 7)], vec![10, 20, 30, 40, 50, 60, 70]));
    assert!(said.contains("a folder without images") && said.contains("`c`"), "{said}");
    std::fs::write(set.join("a/x.HEIC"), b"x").unwrap();
    assert!(message(run("image_folder", &list(&[]), vec![], 0, dir.path())).contains("not decoded here (heic)"));
}

#[test]
fn splits_have_many_names() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    put(&set, "Train/a/1.png", 1);
    put(&set, "Train/b/2.png", 2);
    put(&set, "validation/b/3.png", 3);
    let (_, labels, splits, _, _) = read(dir.path(), &[]);
    assert_eq!((labels, splits), (vec![0, 1, 1], vec![("train".to_string(), 2), ("test".to_string(), 1)]));
    put(&set, "TEST/a/4.png", 4);
    let (_, labels, splits, _, firsts) = read(dir.path(), &[]);
    assert_eq!(splits, [("train", 2), ("valid", 1), ("test", 1)].map(|(n, c)| (n.to_string(), c)));
    assert_eq!((labels, firsts), (vec![0, 1, 1, 0], vec![1, 2, 3, 4]));
    // A class that the training images lack is most likely a mistake.
    put(&set, "TEST/c/5.png", 5);
    assert!(message(run("image_folder", &list(&[]), vec![], 0, dir.path())).contains("classes: pooled"));
    assert_eq!(read(dir.path(), &[("classes", word("pooled"))]).0, words(&["a", "b", "c"]));
}

#[test]
fn splits_of_different_classes_are_taken_together() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for name in ["train/n2/1.png", "train/n10/2.png", "val/n3/3.png", "test/n1/4.png"] {
        put(&set, name, 9);
    }
    let (classes, labels, splits, said, _) = read(dir.path(), &[]);
    assert_eq!(classes, words(&["n1", "n2", "n3", "n10"]));
    assert_eq!((labels, splits.len()), (vec![1, 3, 2, 0], 3));
    assert!(said.contains("no class is in two splits; the data set has all 4"), "{said}");
    assert_eq!(read(dir.path(), &[("classes", word("pooled"))]).3, "");
}

#[test]
fn order_is_natural_or_by_names() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for n in [0u8, 1, 2, 10] {
        put(&set, &format!("{n}/x.png"), n);
    }
    let (classes, _, _, _, firsts) = read(dir.path(), &[]);
    assert_eq!((classes, firsts), (words(&["0", "1", "2", "10"]), vec![0, 1, 2, 10]));
    let (classes, labels, _, _, firsts) = read(dir.path(), &[("order", word("names"))]);
    assert_eq!((classes, labels, firsts), (words(&["0", "1", "10", "2"]), vec![0, 1, 2, 3], vec![0, 1, 10, 2]));
}

#[test]
fn tiny_imagenet_lists_its_validation_images() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    put(&set, "train/n1/images/n1_0.png", 1);
    put(&set, "train/n2/images/n2_0.png", 2);
    put(&set, "val/images/val_0.png", 3);
    put(&set, "val/images/val_1.png", 4);
    put(&set, "test/images/test_0.png", 5);
    std::fs::write(set.join("val/val_annotations.txt"), "val_0.png\tn2\t0\t0\t3\t3\nval_1.png\tn1\t0\t0\t3\t3\n").unwrap();
    let (classes, labels, splits, said, firsts) = read(dir.path(), &[]);
    assert_eq!((classes, labels), (words(&["n1", "n2"]), vec![0, 1, 0, 1]));
    assert_eq!((splits[1].clone(), firsts), (("valid".to_string(), 2), vec![1, 2, 4, 3]));
    assert!(said.contains("1 image is in") && said.contains("left out"), "{said}");
}

#[test]
fn a_jpeg_that_is_cut_short_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    std::fs::create_dir_all(set.join("a")).unwrap();
    let noise = |x: u32, y: u32| image::Rgb([(x * 37 + y * 11) as u8, (x * 5) as u8, (y * 91) as u8]);
    image::RgbImage::from_fn(64, 64, noise).save(set.join("a/1.jpg")).unwrap();
    let whole = std::fs::read(set.join("a/1.jpg")).unwrap();
    assert_eq!(read(dir.path(), &[]).1, [0]);
    // What stands behind the end is no matter.
    std::fs::write(set.join("a/1.jpg"), [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(read(dir.path(), &[]).1, [0]);
    for share in [20, 50, 80, 95, 99] {
        std::fs::write(set.join("a/1.jpg"), &whole[..whole.len() * share / 100]).unwrap();
        let said = message(run("image_folder", &list(&[]), vec![], 0, dir.path()));
        assert!(said.contains("1.jpg` is a JPEG that is cut short"), "{said}");
    }
}

#[test]
fn moving_an_image_makes_another_data_set() {
    use crate::plan::seen::{Seen, guarded};
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for name in ["a/1.png", "a/2.png", "b/3.png"] {
        put(&set, name, 7);
    }
    let seen = || -> Vec<Seen> {
        let facts =
            ImageFolder.facts(&ImageFolder.settings(&settings("image_folder", &list(&[]))), Some(&Files::new(dir.path(), &[])));
        facts.unwrap().files.iter().map(|p| Seen::now(p)).collect()
    };
    let hashes = |seen: &[Seen]| seen.iter().map(|s| s.hash).collect::<Vec<_>>();
    let before = seen();
    assert_eq!(hashes(&before), hashes(&seen()));
    std::fs::rename(set.join("a/2.png"), set.join("b/2.png")).unwrap();
    // The pixels of all images in their order are what they were; the labels are not.
    assert_ne!(hashes(&before), hashes(&seen()));
    assert!(guarded(&before, || ()).is_err());
}

#[test]
fn lists_of_mini_imagenet_say_split_and_class() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for (i, name) in ["n02.jpg.png", "n01.png", "n03.png", "n04.png", "left.png"].iter().enumerate() {
        put(&set, &format!("images/{name}"), 10 * (i as u8 + 1));
    }
    std::fs::write(set.join("train.csv"), "filename,label\nn02.jpg.png,dog\nn01.png,cat\n").unwrap();
    std::fs::write(set.join("val.csv"), "\u{feff}label,filename\r\nowl,\"n03.png\"\r\n").unwrap();
    std::fs::write(set.join("test.csv"), "filename,label\nn04.png,pig\n").unwrap();
    let (classes, labels, splits, said, firsts) = read(dir.path(), &[("classes", word("pooled"))]);
    assert_eq!((classes, labels), (words(&["cat", "dog", "owl", "pig"]), vec![0, 1, 2, 3]));
    assert_eq!(splits, [("train", 2), ("valid", 1), ("test", 1)].map(|(n, k)| (n.to_string(), k)));
    assert_eq!((firsts, said.as_str()), (vec![20, 10, 30, 40], "1 image is named in no list and left out"));
    let says = |csv: &str, text: &str| {
        std::fs::write(set.join(csv), text).unwrap();
        message(run("image_folder", &list(&[]), vec![], 0, dir.path()))
    };
    assert!(says("test.csv", "filename,label\nn09.png,pig\n").contains("names `n09.png`, which is not an image in"));
    assert!(says("test.csv", "filename,label\nn01.png,pig\n").contains("names `n01.png`, which was named before"));
    assert!(says("test.csv", "filename,label\n../n01.png,pig\n").contains("which is not an image in"));
    assert!(says("test.csv", "filename,label\nn04.png\n").contains("has no file and label on line 2"));
    // Names of classes may hold commas and quotes, and images of different folders one name.
    for name in ["images/a/x.png", "images/b/x.png", "images/x.png"] {
        put(&set, name, 70);
    }
    std::fs::write(
        set.join("test.csv"),
        "filename,label\na/x.png,\"crane, bird\"\nb/x.png, \"crane, \"\"tall\"\"\" \nx.png,pig\n",
    )
    .unwrap();
    let (classes, labels, ..) = read(dir.path(), &[("classes", word("pooled"))]);
    assert_eq!(classes, words(&["cat", "crane, \"tall\"", "crane, bird", "dog", "owl", "pig"]));
    assert_eq!(labels, [0, 3, 4, 1, 2, 5]);
    std::fs::remove_file(set.join("images/x.png")).unwrap();
    assert!(says("test.csv", "filename,label\nx.png,pig\n").contains("several images in"));
}

#[test]
fn lists_in_another_form_merge_no_classes() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    for (name, grey) in [("images/1.png", 10), ("images/2.png", 20)] {
        put(&set, name, grey);
    }
    // Names that differ in a byte which is no UTF-8 are two.
    let put_list = |bytes: &[u8]| std::fs::write(set.join("train.csv"), bytes).unwrap();
    put_list(b"filename,label\n1.png,caf\xe8\n2.png,caf\xe9\n");
    assert!(message(run("image_folder", &list(&[]), vec![], 0, dir.path())).contains("is not text in UTF-8"));
    put_list(b"filename;label\n1.png;a\n2.png;b\n");
    let (classes, _, _, said, _) = read(dir.path(), &[]);
    assert!(classes.is_empty() && said.contains("has no columns `filename` and `label`"), "{said}");
    std::fs::remove_file(set.join("train.csv")).unwrap();
    std::fs::write(set.join("val_annotations.txt"), "1.png\ta\t0\n2.png\tb\t0\n1.png\tb\t0\n").unwrap();
    assert!(message(run("image_folder", &list(&[]), vec![], 0, dir.path())).contains("gives `1.png` two classes"));
}

#[test]
fn folders_above_beside_and_below_those_that_are_meant_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    put(&set, "only/a/1.png", 1);
    put(&set, "only/b/2.png", 2);
    let (classes, _, _, said, _) = read(dir.path(), &[]);
    assert_eq!(classes, words(&["only"]));
    assert!(said.contains("all images are of one class, `only`, and lie in folders below it (`a`, `b`)"), "{said}");
    put(&set, "other/1.png", 3);
    assert_eq!(read(dir.path(), &[]).3, "");
    for name in ["only/train/1.png", "only/test/1.png"] {
        put(&set, name, 4);
    }
    let said = message(run("image_folder", &list(&[]), vec![], 0, dir.path()));
    assert!(said.contains("holds folders of splits (`test`, `train`), and is no class") && said.contains("…/only"), "{said}");
    std::fs::remove_dir_all(&set).unwrap();
    put(&set, "train/a/1.png", 5);
    put(&set, "x.png", 6);
    std::fs::create_dir_all(set.join("test/a")).unwrap();
    let said = read(dir.path(), &[]).3;
    assert!(said.contains("1 image is in") && said.contains("beside the folders of splits"), "{said}");
    assert!(said.contains("test` holds no images, so that there is no such split"), "{said}");
    std::fs::remove_dir_all(&set).unwrap();
    std::fs::create_dir(&set).unwrap();
    std::fs::write(set.join("train.zip"), b"PK").unwrap();
    let said = message(run("image_folder", &list(&[]), vec![], 0, dir.path()));
    assert!(said.contains("holds no images / unpack `train.zip` first"), "{said}");
}

#[test]
fn what_is_no_image_is_told_before_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    put(&set, "a/1.png", 1);
    let says = |bytes: &[u8]| {
        std::fs::write(set.join("a/2.jpg"), bytes).unwrap();
        let settings = ImageFolder.settings(&settings("image_folder", &list(&[])));
        let facts = ImageFolder.facts(&settings, Some(&Files::new(dir.path(), &[])));
        let at_run = message(run("image_folder", &list(&[]), vec![], 0, dir.path()));
        let problem = facts.map(|_| ()).unwrap_err();
        let said = format!("{} / {}", problem.message, problem.help.unwrap_or_default());
        assert_eq!(said, at_run);
        said
    };
    assert!(says(b"").contains("2.jpg` is empty"));
    assert!(says(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n").contains("git lfs pull"));
    assert!(says(b"<!DOCTYPE html>").contains("is an HTML page"));
    assert!(says(b"hello").contains("begins as no image of a kind that is read here"));
    // What the name ends in is no matter.
    std::fs::copy(set.join("a/1.png"), set.join("a/2.jpg")).unwrap();
    assert_eq!(read(dir.path(), &[]).4, [1, 1]);
}

#[cfg(unix)]
#[test]
fn names_of_folders_are_no_lines_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set");
    put(&set, "a\nclaim \"Fine\": holds/1.png", 1);
    assert_eq!(read(dir.path(), &[]).0, words(&["a\\nclaim \"Fine\": holds"]));
    std::fs::write(set.join("a\nclaim \"Fine\": holds/2\n.png"), b"").unwrap();
    assert!(!message(run("image_folder", &list(&[]), vec![], 0, dir.path())).contains('\n'));
}
