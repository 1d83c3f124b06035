//! Tree to text: the formatter.
use super::ast::File;
use crate::base::SourceFile;
/// Returns the file in the house style.
pub fn format(file: &File, source: &SourceFile) -> String {
    let _ = file;
    source.text.clone()
}
