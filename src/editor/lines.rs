//! Offsets of a text as lines and columns, as editors count them: from 0, columns in units of UTF-16.

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    /// Finds the lines of a text.
    pub fn of(text: &str) -> Lines {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { starts, length: text.len() }
    }

    /// Returns the line and column of a byte of the text; of its end, where the byte lies behind it.
    pub fn place(&self, text: &str, byte: usize) -> (u32, u32) {
        let byte = byte.min(self.length);
        let line = self.starts.partition_point(|s| *s <= byte) - 1;
        let before = text.get(self.starts[line]..byte).unwrap_or("");
        (line as u32, before.encode_utf16().count() as u32)
    }

    /// Returns the byte of a line and column; the nearest one, where there is no such place.
    pub fn byte(&self, text: &str, line: u32, column: u32) -> usize {
        let Some(start) = self.starts.get(line as usize) else { return self.length };
        let rest = text[*start..].split('\n').next().unwrap_or("");
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        let mut units = 0;
        for (at, c) in rest.char_indices() {
            if units + c.len_utf16() as u32 > column {
                return start + at;
            }
            units += c.len_utf16() as u32;
        }
        start + rest.len()
    }
}
