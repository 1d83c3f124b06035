//! Checkpoints as training programs write them: weights under keys, beside settings, optimisers and objects of all kinds.

use super::{legacy, list};
use crate::ops::foreign::Unreadable;
use crate::ops::foreign::tensors::Listing;
use std::io::Write;

/// A pickle's instructions, protocol 2.
type Code = Vec<u8>;

fn text(s: &str) -> Code {
    [b"X", &(s.len() as u32).to_le_bytes()[..], s.as_bytes()].concat()
}

fn dict(pairs: &[(&str, Code)]) -> Code {
    [b"}(".to_vec(), pairs.iter().flat_map(|(k, v)| [text(k), v.clone()].concat()).collect(), b"u".to_vec()].concat()
}

/// An object as `class(*arguments)` with a state, as Python writes instances.
fn object(module: &str, class: &str, arguments: &[Code], state: Option<Code>) -> Code {
    let built = state.map(|s| [s, b"b".to_vec()].concat()).unwrap_or_default();
    [format!("c{module}\n{class}\n(").into_bytes(), arguments.concat(), b"tR".to_vec(), built].concat()
}

/// A tensor of that many numbers, all in the storage `0` of four floats.
fn tensor(n: u8) -> Code {
    tensor_with(n, Vec::new())
}

/// As [`tensor`], with what newer versions say of it behind.
fn tensor_with(n: u8, more: Code) -> Code {
    let storage =
        [b"(".to_vec(), text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text("0"), text("cpu"), b"K\x04NtQ".to_vec()]
            .concat();
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(".to_vec(),
        storage,
        vec![b'K', 0, b'K', n, 0x85, b'K', 1, 0x85],
        b"\x89ccollections\nOrderedDict\n)R".to_vec(),
        more,
        b"tR".to_vec(),
    ]
    .concat()
}

fn read(root: Code, at: Option<&str>) -> Result<Listing, Unreadable> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let keys = [
        b"(".to_vec(),
        text("0"),
        b"l.".to_vec(),
        4u64.to_le_bytes().to_vec(),
        [1.0f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat(),
    ];
    file.write_all(&legacy(&[root, b".".to_vec()].concat(), &keys.concat())).unwrap();
    let listing = list(file.path(), at)?;
    listing.entries.iter().for_each(|e| assert_eq!(listing.numbers(file.path(), e).unwrap().len(), e.count().unwrap()));
    Ok(listing)
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.entries.iter().map(|e| e.name.as_str()).collect()
}

#[test]
fn weights_lie_under_the_keys_of_training_scripts() {
    // The official example of training on ImageNet: a tensor stands outermost too.
    let state = dict(&[("module.fc.weight", tensor(4)), ("module.fc.bias", tensor(2))]);
    let imagenet = dict(&[
        ("epoch", b"K\x05".to_vec()),
        ("arch", text("resnet18")),
        ("state_dict", state.clone()),
        ("best_acc1", tensor(1)),
    ]);
    assert_eq!(names(&read(imagenet, None).unwrap()), ["module.fc.weight", "module.fc.bias"]);
    for key in
        ["weights", "params", "network", "net", "model_state", "model_ema", "state_dict_ema", "student", "teacher", "model"]
    {
        let found = read(dict(&[("step", b"K\x01".to_vec()), (key, state.clone())]), None).unwrap();
        assert_eq!((found.entries.len(), found.under.as_slice()), (2, &[key.to_string()][..]));
    }
    // Wrapped twice, and by a key that only the user knows.
    let deep = dict(&[("model", dict(&[("state_dict", state.clone())]))]);
    assert_eq!(read(deep, None).unwrap().under, ["model", "state_dict"]);
    let odd =
        dict(&[("models", dict(&[("encoder.q", state.clone()), ("other", dict(&[("a", tensor(1))]))])), ("lr", b"N".to_vec())]);
    assert_eq!(read(odd.clone(), Some("models.encoder.q")).unwrap().entries.len(), 2);
    assert_eq!(names(&read(odd.clone(), Some("models.other")).unwrap()), ["a"]);
    let why = read(odd.clone(), Some("models.third")).unwrap_err();
    assert!(why.help.unwrap().contains("`encoder.q`, `other`"));
    let why = read(odd, None).unwrap_err();
    assert!(why.words.contains("`models`, `lr`"), "{}", why.words);
    assert_eq!(why.help.unwrap(), "there are tensors further in: `at: \"models.encoder.q\"` or `at: \"models.other\"`");
    let none =
        read(dict(&[("a", dict(&[("b", b"N".to_vec())])), ("c", [b"(".to_vec(), tensor(1), b"l".to_vec()].concat())]), None);
    let none = none.unwrap_err();
    assert!(none.help.unwrap().contains("torch.save(model.state_dict(), path)"));
    // Two networks of which neither is the one that is meant.
    let two = dict(&[("teacher", state.clone()), ("student", state.clone())]);
    assert!(read(two.clone(), None).unwrap_err().help.unwrap().contains("`at: \"student\"` or `at: \"teacher\"`"));
    assert_eq!(read(two, Some("teacher")).unwrap().entries.len(), 2);
}

#[test]
fn objects_beside_the_weights_are_passed_over() {
    let state = dict(&[("a", tensor(4)), ("b", tensor(2))]);
    let hundreds = [b"\x8a\x1a".to_vec(), vec![0; 25], vec![1]].concat();
    let beside: [(&str, Code); 15] = [
        ("big", hundreds),
        ("args", object("argparse", "Namespace", &[], Some(dict(&[("lr", b"G?\xb9\x99\x99\x99\x99\x99\x9a".to_vec())])))),
        ("device", object("torch", "device", &[text("cuda"), b"K\x00".to_vec()], None)),
        ("dtype", b"ctorch\nfloat32\n".to_vec()),
        ("path", object("pathlib", "PosixPath", &[text("runs"), text("1")], None)),
        (
            "best",
            object(
                "numpy.core.multiarray",
                "scalar",
                &[
                    object("numpy", "dtype", &[text("f8")], Some(b"(K\x03X\x01\x00\x00\x00<NNNt".to_vec())),
                    b"C\x08\0\0\0\0\0\0\xf0?".to_vec(),
                ],
                None,
            ),
        ),
        ("set", object("__builtin__", "set", &[b"](K\x01K\x02e".to_vec()], None)),
        ("complex", object("__builtin__", "complex", &[b"G\0\0\0\0\0\0\0\0".to_vec()], None)),
        ("bytes", object("__builtin__", "bytearray", &[text("x"), text("latin-1")], None)),
        ("counts", [b"ccollections\ndefaultdict\n(c__builtin__\nint\ntR".to_vec(), text("k"), b"K\x01s".to_vec()].concat()),
        ("hparams", [object("omegaconf.dictconfig", "DictConfig", &[], None), text("k"), b"K\x01s".to_vec()].concat()),
        (
            "callbacks",
            dict(&[("ModelCheckpoint", object("pytorch_lightning.callbacks", "ModelCheckpoint", &[], Some(dict(&[]))))]),
        ),
        ("config", object("__main__", "Config", &[], Some(dict(&[("a", b"N".to_vec())])))),
        ("when", object("datetime", "datetime", &[b"C\x0a\x07\xe8\x01\x01\0\0\0\0\0\0".to_vec()], None)),
        (
            "optimizer",
            dict(&[("state", b"}(K\x00".to_vec().into_iter().chain(dict(&[("m", tensor(4))])).chain(*b"u").collect())]),
        ),
    ];
    let mut pairs: Vec<(&str, Code)> = beside.to_vec();
    pairs.push(("state_dict", state));
    assert_eq!(names(&read(dict(&pairs), None).unwrap()), ["a", "b"]);
    // Among the weights, such an object is told by its maker where it is needed.
    let quantised = dict(&[("a", tensor(4)), ("b", object("torch._utils", "_rebuild_qtensor", &[], None))]);
    let found = read(quantised, None).unwrap();
    assert_eq!(found.others, [("b".to_string(), Some("torch._utils._rebuild_qtensor".to_string()))]);
    // So is one whose numbers are the storage's with another sign.
    let view = |truth: &[u8]| tensor_with(2, dict(&[("neg", truth.to_vec())]));
    let found = read(dict(&[("a", tensor(4)), ("b", view(b"\x88")), ("c", view(b"\x89"))]), None).unwrap();
    assert_eq!(names(&found), ["a", "c"]);
    assert!(found.others[0].1.as_ref().unwrap().contains("negative view"));
    // A whole module is none of use; what could do something is refused wherever it stands.
    let module = object("torchvision.models.resnet", "ResNet", &[], Some(dict(&[("_parameters", dict(&[("w", tensor(1))]))])));
    assert!(read(module, None).unwrap_err().words.contains("torchvision.models.resnet.ResNet"));
    let hostile = dict(&[("epoch", object("os", "system", &[text("true")], None)), ("state_dict", dict(&[("a", tensor(1))]))]);
    assert!(read(hostile, None).unwrap_err().words.contains("`os.system`"));
}
