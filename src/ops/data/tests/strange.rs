//! Files that are not what they are called, or hold more than they should.

use super::*;

fn arrays(name: &str) -> [(&'static str, Static); 2] {
    [("x", text(name)), ("layout", word("features"))]
}

fn says(dir: &Path, name: &str, bytes: &[u8], wanted: &[&str]) {
    std::fs::write(dir.join(name), bytes).unwrap();
    let said = message(run("arrays", &arrays(name), vec![], 0, dir));
    assert!(wanted.iter().all(|w| said.contains(w)), "{said}");
}

fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), bytes].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn strangers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    says(
        dir,
        "a.npy",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        &["Git LFS pointer", "git lfs pull"],
    );
    says(dir, "b.npy", b"<!DOCTYPE html>\n<html><head>", &["HTML page", "download it again"]);
    says(dir, "c.npy", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", &["AppleDouble"]);
    says(dir, "d.npy", b"\x80\x04\x95\0\0\0\0\0\0", &["pickle", "np.save"]);
    says(dir, "e.npy", b"", &["is empty"]);
    says(dir, "f.npy", &npy("|V2", "(2, 1)", &[0; 4]), &["bfloat16", "float32"]);
    says(dir, "g.npy", &npy("<U3", "(2,)", &[0; 24]), &["holds texts", "np.unique"]);
    says(dir, "h.npy", &npy("<c8", "(2, 1)", &[0; 16]), &["complex"]);
    says(dir, "i.npy", &gzip(b"<html>"), &["HTML page"]);
    // One-hot labels.
    std::fs::write(dir.join("x.npy"), npy("|u1", "(3, 2)", &[1; 6])).unwrap();
    std::fs::write(dir.join("l.npy"), npy("|u1", "(3, 3)", &[1, 0, 0, 0, 0, 1, 0, 1, 0])).unwrap();
    let list = [&arrays("x.npy")[..], &[("labels", text("l.npy"))]].concat();
    let said = message(run("arrays", &list, vec![], 0, dir));
    assert!(said.contains("single 1") && said.contains("argmax"), "{said}");
    // A text is no pointer, whatever it begins with; a pointer is no text.
    std::fs::write(dir.join("t.txt"), "<html> a b c d e f g h i j\n").unwrap();
    let words = [("train", text("t.txt")), ("length", Static::Number(3.0))];
    assert!(run("corpus", &words, vec![], 0, dir).is_ok());
    std::fs::write(dir.join("t.txt"), "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 12345\n").unwrap();
    assert!(message(run("corpus", &words, vec![], 0, dir)).contains("git lfs pull"));
}

#[test]
fn what_follows_an_array_is_told_by_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let one = npy("|u1", "(3,)", &[1, 2, 3]);
    std::fs::write(&path, [one.clone(), one].concat()).unwrap();
    let place = crate::ops::data::npy::Place { path, array: None };
    let said = crate::ops::data::npy::header(&place, &[]).unwrap_err();
    assert!(said.message.contains("has more bytes than its header describes") && said.help.unwrap().contains("np.savez"));
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("x.npy")).status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: no pipes can be made here");
        return;
    }
    let said = message(run("arrays", &arrays("x.npy"), vec![], 0, dir.path()));
    assert!(said.contains("is a named pipe"), "{said}");
    let files = Files::new(dir.path(), &[PathBuf::from("/dev")]);
    assert!(files.find("null").unwrap_err().message.contains("is a device"));
}

#[test]
fn bombs_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // 300 MB of zeros in 300 kB: labels without images, words without end.
    let many = gzip(&[&[0, 0, 8, 1, 0x12, 0, 0, 0][..], &vec![0; 0x1200_0000]].concat());
    std::fs::write(dir.join("labels"), &many).unwrap();
    std::fs::write(dir.join("images"), [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1][..], &[7]].concat()).unwrap();
    let said = message(run("idx", &[("images", text("images")), ("labels", text("labels"))], vec![], 0, dir));
    assert!(said.contains("301989888 labels") && said.contains("1 images"), "{said}");
    std::fs::write(dir.join("t.txt"), &many).unwrap();
    let said = message(run("corpus", &[("train", text("t.txt"))], vec![], 0, dir));
    assert!(said.contains("unpacks to more than"), "{said}");
}

#[test]
fn cifar_in_other_forms_of_pickles_is_read() {
    let dir = tempfile::tempdir().unwrap();
    // Protocol 0 by Python 3: bytes as an escaped text in Latin-1.
    let text = |bytes: &[u8]| -> Vec<u8> {
        bytes
            .iter()
            .flat_map(|b| {
                if *b == b'\n' || *b == b'\\' || *b == 0 || *b == b'\r' || *b == 26 {
                    format!("\\u{b:04x}").into_bytes()
                } else {
                    vec![*b]
                }
            })
            .collect()
    };
    let encoded = |bytes: &[u8]| [b"c_codecs\nencode\n(V".to_vec(), text(bytes), b"\nVlatin1\ntR".to_vec()].concat();
    let array = |of: &str, shape: &str, columns: bool, bytes: &[u8]| {
        let state = format!(
            "(I1\n({shape}tcnumpy\ndtype\n(V{of}\nI00\nI01\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb{}",
            if columns { "I01\n" } else { "I00\n" }
        );
        [
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt".to_vec(),
            encoded(b"b"),
            b"tR".to_vec(),
            state.into_bytes(),
            encoded(bytes),
            b"tb".to_vec(),
        ]
        .concat()
    };
    let pixel = |row: usize, i: usize| (i * 7 + row * 13) as u8;
    let rows: Vec<u8> = (0..2 * 3072).map(|i| pixel(i / 3072, i % 3072)).collect();
    let columns: Vec<u8> = (0..2 * 3072).map(|i| pixel(i % 2, i / 2)).collect();
    let labels = array("i8", "I2\n", false, &[7u64.to_le_bytes(), 99u64.to_le_bytes()].concat());
    let scalar = |n: u64| {
        [
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(Vi8\nI00\nI01\ntR".to_vec(),
            encoded(&n.to_le_bytes()),
            b"tR".to_vec(),
        ]
        .concat()
    };
    let scalars = [b"(".to_vec(), scalar(7), scalar(99), b"l".to_vec()].concat();
    for (labels, data) in
        [(labels.clone(), array("u1", "I2\nI3072\n", false, &rows)), (scalars, array("u1", "I2\nI3072\n", true, &columns))]
    {
        let batch = [b"(dVfine_labels\n".to_vec(), labels, b"sVdata\n".to_vec(), data, b"s.".to_vec()].concat();
        std::fs::write(dir.path().join("train"), batch).unwrap();
        let (_, source) = facts_and_source("cifar100", cifar::Cifar100, &[("folder", super::text("."))], dir.path());
        assert_eq!(source.labels, [7, 99]);
        let Pixels::Bytes { data, .. } = &source.images.data else { panic!() };
        assert_eq!(data[3072 + 15..3072 + 18], [pixel(1, 5), pixel(1, 1024 + 5), pixel(1, 2048 + 5)]);
    }
    // As downloaded.
    let packed = tempfile::tempdir().unwrap();
    std::fs::write(packed.path().join("cifar-10-python.tar.gz"), gzip(b"x")).unwrap();
    let said = message(run("cifar10", &[("folder", super::text("."))], vec![], 0, packed.path()));
    assert!(said.contains("tar -xzf cifar-10-python.tar.gz"), "{said}");
    std::fs::create_dir(packed.path().join("cifar-10-batches-py")).unwrap();
    let said = message(run("cifar10", &[("folder", super::text("."))], vec![], 0, packed.path()));
    assert!(said.contains("cifar-10-batches-py"), "{said}");
}

#[test]
fn which_split_a_file_of_cifar_is_stands_in_the_key() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("train.bin"), vec![0u8; 3074]).unwrap();
    let seen = || -> Vec<crate::base::Hash> {
        let list = cifar::Cifar100.settings(&settings("cifar100", &[("folder", text("."))]));
        let facts = cifar::Cifar100.facts(&list, Some(&Files::new(dir.path(), &[]))).unwrap();
        facts.files.iter().map(|p| crate::plan::seen::Seen::now(p).hash).collect()
    };
    let before = seen();
    std::fs::rename(dir.path().join("train.bin"), dir.path().join("test.bin")).unwrap();
    assert_ne!(before, seen());
}
