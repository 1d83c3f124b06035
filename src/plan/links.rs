//! Which cell takes which, both ways: lists of numbers end to end, four bytes a link.

use super::graph::{CellId, Graph};

/// For each cell a list of cells.
#[derive(Debug, Default)]
pub struct Lists {
    /// Where the list of each cell begins; one more at the end.
    starts: Vec<usize>,
    all: Vec<u32>,
}

impl Lists {
    /// Returns the list of a cell.
    pub fn of(&self, id: CellId) -> &[u32] {
        &self.all[self.starts[id]..self.starts[id + 1]]
    }

    /// Returns the list of a cell as numbers of cells.
    pub fn ids(&self, id: CellId) -> impl Iterator<Item = CellId> {
        self.of(id).iter().map(|i| *i as CellId)
    }

    /// Returns, for each cell, the cells that it takes, each once, in order of first use.
    pub fn inputs(graph: &Graph) -> Lists {
        let mut lists = Lists { starts: vec![0], all: Vec::new() };
        for cell in &graph.cells {
            lists.all.extend(cell.dependencies().into_iter().map(|i| i as u32));
            lists.starts.push(lists.all.len());
        }
        lists
    }

    /// Returns, for each cell, those in whose lists it is, in order.
    pub fn turned(&self) -> Lists {
        let cells = self.starts.len() - 1;
        let mut starts = vec![0; cells + 1];
        self.all.iter().for_each(|to| starts[*to as usize + 1] += 1);
        (0..cells).for_each(|id| starts[id + 1] += starts[id]);
        let mut next = starts.clone();
        let mut all = vec![0; self.all.len()];
        for id in 0..cells {
            for to in self.of(id) {
                let at = &mut next[*to as usize];
                all[*at] = id as u32;
                *at += 1;
            }
        }
        Lists { starts, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_turn_around() {
        let lists = Lists { starts: vec![0, 0, 1, 3, 5], all: vec![0, 0, 1, 2, 0] };
        let turned = lists.turned();
        let all: Vec<Vec<CellId>> = (0..4).map(|id| turned.ids(id).collect()).collect();
        assert_eq!(all, [vec![1, 2, 3], vec![2], vec![3], vec![]]);
        assert_eq!(turned.turned().all, [0, 0, 1, 0, 2]);
    }
}
