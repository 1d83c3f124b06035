//! What the page of a report shows, gathered while its files are written.

use super::frame::{Cells, Frame};
use super::held_out::HeldOut;
use super::settling::Settling;
use super::shown::Shown;
use crate::plan::graph::{CellId, Entry};

/// Rows of a table that the page shows; all of them are in its CSV.
pub const ROWS: usize = 30;

/// What has been written for the page to show.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Figures in the order of the script.
    pub figures: Vec<Shown>,
    /// Tables in the order of the script.
    pub tables: Vec<Sheet>,
    /// Which densities settled, and what is made from the others.
    pub settling: Settling,
    /// Which numbers are of held-out rows that an operation has seen.
    pub held_out: HeldOut,
    /// Pictures of chains that did not settle.
    pub chains: Vec<Chains>,
    /// Name of the file that lists the diagnostics of all densities, where the page does not show all.
    pub diagnostics: Option<String>,
}

impl Contents {
    /// Returns what must be said beside a value.
    pub fn beside(&self, entry: &Entry) -> Vec<String> {
        let held_out = self.held_out.behind(entry).map(str::to_string);
        self.settling.behind(entry).into_iter().chain(held_out).collect()
    }
}

/// The chains of a density that did not settle.
#[derive(Clone, Debug)]
pub struct Chains {
    /// The cell of the density.
    pub cell: CellId,
    /// Name of the density.
    pub name: String,
    /// What its fit says of them.
    pub note: String,
    /// The picture, as SVG.
    pub svg: String,
}

/// A table as the page shows it: its first rows, and the range of each column where there are more.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Index of the declaration.
    pub declared: usize,
    /// Name of its files, without extension.
    pub file: String,
    /// The first rows, [`ROWS`] at most.
    pub first: Frame,
    /// How many rows there are.
    pub rows: usize,
    /// Lowest, median and highest number of each column that holds numbers; empty where all rows are shown.
    pub ranges: Vec<Option<[f64; 3]>>,
}

impl Sheet {
    /// Returns a table as the page shows it.
    pub fn of(declared: usize, file: String, table: &Frame) -> Sheet {
        let rows = table.rows();
        let ranges = if rows > ROWS { table.columns.iter().map(|c| range(&c.cells)).collect() } else { Vec::new() };
        Sheet { declared, file, first: table.first(ROWS), rows, ranges }
    }
}

/// Returns the lowest, the median (of an even number of them the lower one) and the highest number of a column; `None` for other columns and where there is no number.
fn range(cells: &Cells) -> Option<[f64; 3]> {
    let mut numbers: Vec<f64> = match cells {
        Cells::Numbers(x) => x.iter().copied().filter(|x| !x.is_nan()).collect(),
        Cells::Integers(x) => x.iter().flatten().map(|x| *x as f64).collect(),
        Cells::Truths(_) | Cells::Texts(_) => return None,
    };
    numbers.sort_unstable_by(f64::total_cmp);
    Some([*numbers.first()?, numbers[(numbers.len() - 1) / 2], *numbers.last()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_columns() {
        assert_eq!(range(&Cells::Numbers(vec![3.0, f64::NAN, -1.0, 2.0, 9.0])), Some([-1.0, 2.0, 9.0]));
        assert_eq!(range(&Cells::Integers(vec![None, Some(4)])), Some([4.0, 4.0, 4.0]));
        assert_eq!(range(&Cells::Texts(vec![Some("a".into())])), None);
        assert_eq!(range(&Cells::Numbers(vec![f64::NAN])), None);
    }
}
