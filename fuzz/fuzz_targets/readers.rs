//! Reads whatever bytes come as a file of one of the forms that cfx reads; the first byte says which. Reading must end and not panic; libFuzzer's
//! `-rss_limit_mb` bounds its memory. `CFX_CORPUS=fuzz/corpus/readers cargo test --test main readers::` writes sound files to begin from.
#![no_main]

#[path = "../../tests/readers/all.rs"]
mod all;

use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;

thread_local! {
    /// The readers, with the folder that their files lie in.
    static READERS: OnceCell<(Vec<all::Reader>, tempfile::TempDir)> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, file)) = bytes.split_first() else { return };
    READERS.with(|readers| {
        let (readers, _) = readers.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            (all::readers(folder.path()), folder)
        });
        readers[usize::from(*which) % readers.len()].read(file);
    });
});
