//! The names that a pickle may refer to, and what each stands for: an effect written here, or an object that is passed over.

use super::Kind;

/// The names that stand for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`, `Counter`, `defaultdict`.
    Dict,
    /// `torch.Size`: a tuple.
    Size,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    Tensor,
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`.
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`: a tensor of a class of its own.
    Typed,
    /// `torch.FloatStorage` and its kin.
    Storage(Kind),
    /// `numpy.core.multiarray._reconstruct`: an array that its state fills.
    NewArray,
    /// `numpy.core.multiarray.scalar`: a number.
    Scalar,
    /// `numpy.ndarray`.
    ArrayType,
    /// `numpy.dtype`.
    NumberType,
    /// `_codecs.encode`: bytes written as a text by Python 3 for Python 2.
    Encode,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It stands for this.
    As(Global),
    /// An object of no use here: it and whatever is made with it are passed over; nothing of it is run.
    Inert,
    /// No checkpoint needs it.
    Refused,
}

/// What of Python's own library, of torch and of NumPy is plain data: module, and names (`*`: all).
const PLAIN: [(&str, &[&str]); 24] = [
    ("argparse", &["Namespace"]),
    ("types", &["SimpleNamespace"]),
    ("collections", &["deque"]),
    ("pathlib", &["*"]),
    ("pathlib._local", &["*"]),
    ("datetime", &["*"]),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("uuid", &["UUID"]),
    ("enum", &["*"]),
    ("copyreg", &["_reconstructor", "__newobj__", "__newobj_ex__"]),
    ("copy_reg", &["_reconstructor", "__newobj__", "__newobj_ex__"]),
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("torch.serialization", &["_get_layout"]),
    ("torch.cuda.amp.grad_scaler", &["*"]),
    ("torch.amp.grad_scaler", &["*"]),
    ("torch.torch_version", &["TorchVersion"]),
    ("torch._utils", TENSORS),
    ("numpy.random._pickle", &["*"]),
    ("numpy.random", &["__RandomState_ctor"]),
    ("numpy.random.mtrand", &["__RandomState_ctor"]),
    ("typing", &["*"]),
    ("signal", &["Signals"]),
];
/// Python's own kinds of data.
const BUILTINS: &[&str] = &[
    "set",
    "frozenset",
    "bytearray",
    "bytes",
    "complex",
    "range",
    "xrange",
    "slice",
    "object",
    "int",
    "long",
    "float",
    "str",
    "unicode",
    "bool",
    "list",
    "dict",
    "tuple",
    "type",
    "NoneType",
    "Ellipsis",
];
/// Tensors of kinds that are not read here.
const TENSORS: &[&str] = &[
    "_rebuild_tensor_v3",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_sparse_csr_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
    "_rebuild_nested_tensor",
    "_rebuild_wrapper_subclass",
];
/// Parts of torch whose objects are passed over: modules, optimisers, schedules.
const PARTS: [&str; 5] = ["torch.nn.", "torch.optim.", "torch.distributed.", "torch.utils.data.", "torch.ao."];
/// Packages whose functions do things: of these, nothing but what is plain data is passed over.
const OWN: &[&str] = &[
    "__builtin__",
    "__main__.os",
    "_codecs",
    "_io",
    "_pickle",
    "_posixsubprocess",
    "_socket",
    "_thread",
    "asyncio",
    "atexit",
    "base64",
    "bdb",
    "builtins",
    "cProfile",
    "code",
    "codecs",
    "codeop",
    "collections",
    "commands",
    "copy_reg",
    "copyreg",
    "cPickle",
    "ctypes",
    "datetime",
    "decimal",
    "dill",
    "distutils",
    "doctest",
    "ensurepip",
    "enum",
    "fractions",
    "ftplib",
    "functools",
    "gc",
    "glob",
    "http",
    "idlelib",
    "imp",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "joblib",
    "json",
    "logging",
    "marshal",
    "mmap",
    "multiprocessing",
    "nt",
    "ntpath",
    "numpy",
    "operator",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pickletools",
    "pip",
    "pkgutil",
    "platform",
    "posix",
    "posixpath",
    "profile",
    "pty",
    "pydoc",
    "random",
    "requests",
    "runpy",
    "select",
    "setuptools",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "sysconfig",
    "tempfile",
    "test",
    "threading",
    "timeit",
    "torch",
    "trace",
    "traceback",
    "tty",
    "types",
    "typing",
    "unittest",
    "urllib",
    "urllib2",
    "uuid",
    "venv",
    "warnings",
    "webbrowser",
    "weakref",
    "zipapp",
    "zipimport",
    "_bootstrap",
    "cloudpickle",
    "pty",
    "nturl2path",
    "win32api",
    "aiohttp",
];

/// Returns what a name stands for.
pub fn known(module: &str, name: &str) -> Known {
    use Global::*;
    Known::As(match (module, name) {
        ("collections", "OrderedDict" | "Counter" | "defaultdict") => Dict,
        ("torch", "Size") => Size,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Parameter,
        ("torch._tensor", "_rebuild_from_type_v2") => Typed,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => NewArray,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Scalar,
        ("numpy", "ndarray") => ArrayType,
        ("numpy", "dtype") => NumberType,
        ("_codecs", "encode") => Encode,
        ("torch" | "torch.cuda" | "torch.storage", _) => match storage(name) {
            Some(kind) => Storage(kind),
            None => return other(module, name),
        },
        _ => return other(module, name),
    })
}

/// Returns what a storage of torch holds, by the name of its class.
fn storage(name: &str) -> Option<Kind> {
    Some(match name {
        "DoubleStorage" => Kind::F64,
        "FloatStorage" => Kind::F32,
        "HalfStorage" => Kind::F16,
        "BFloat16Storage" => Kind::Bf16,
        "LongStorage" | "ComplexFloatStorage" => Kind::Other(8),
        "IntStorage" => Kind::Other(4),
        "ShortStorage" => Kind::Other(2),
        "CharStorage" | "ByteStorage" | "BoolStorage" => Kind::Other(1),
        _ => return None,
    })
}

/// Returns what becomes of a name that stands for nothing.
fn other(module: &str, name: &str) -> Known {
    let package = module.split('.').next().unwrap_or(module);
    let listed = PLAIN.iter().any(|(m, names)| *m == module && (names == &["*"] || names.contains(&name)));
    let plain_word = !name.contains('.') && !name.starts_with("__");
    let number_type = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
    let inert = match module {
        _ if listed => true,
        // Kinds of numbers and places: `torch.float32`, `torch.device`, `numpy.int64`.
        "torch" => {
            let kinds = [
                "float", "bfloat", "int", "uint", "bool", "complex", "half", "double", "long", "short", "quint", "qint",
                "Storage",
            ];
            plain_word
                && (number_type(&kinds)
                    || matches!(
                        name,
                        "device" | "Generator" | "strided" | "contiguous_format" | "preserve_format" | "Tensor" | "dtype"
                    ))
        }
        "torch.storage" => name.ends_with("Storage"),
        "torch.nn.parameter" => true,
        "numpy" => {
            plain_word && number_type(&["float", "int", "uint", "bool", "complex", "str_", "bytes_", "datetime64", "timedelta64"])
        }
        _ if module.starts_with("numpy.dtypes") => true,
        _ if PARTS.iter().any(|p| module.starts_with(p)) => plain_word,
        _ => !OWN.contains(&package) && plain_word,
    };
    if inert { Known::Inert } else { Known::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_built_or_passed_over_and_what_does_things_is_refused() {
        assert_eq!(known("torch", "FloatStorage"), Known::As(Global::Storage(Kind::F32)));
        for (module, name) in [
            ("argparse", "Namespace"),
            ("torch", "device"),
            ("torch", "float32"),
            ("pathlib", "PosixPath"),
            ("builtins", "set"),
            ("builtins", "complex"),
            ("omegaconf.dictconfig", "DictConfig"),
            ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
            ("__main__", "Config"),
            ("torch.optim.lr_scheduler", "StepLR"),
            ("numpy", "float64"),
        ] {
            assert_eq!(known(module, name), Known::Inert, "{module}.{name}");
        }
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("builtins", "eval"),
            ("builtins", "getattr"),
            ("torch", "load"),
            ("torch.serialization", "load"),
            ("torch.storage", "_load_from_bytes"),
            ("torch.hub", "load"),
            ("numpy.testing._private.utils", "runstring"),
            ("subprocess", "Popen"),
            ("collections", "OrderedDict.__init__"),
            ("functools", "partial"),
        ] {
            assert_eq!(known(module, name), Known::Refused, "{module}.{name}");
        }
    }
}
