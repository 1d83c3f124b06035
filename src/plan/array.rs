//! Labelled arrays of plan entries: what a value over axes is before it runs.

use super::graph::Entry;
use crate::lang::axes::AxisId;
use std::rc::Rc;

/// Entries over axes, in row-major order.
#[derive(Clone, Debug)]
pub struct Array {
    /// The axes, outermost first, each with its length.
    pub axes: Vec<(AxisId, usize)>,
    /// The entries; as many as the product of the lengths.
    pub entries: Vec<Entry>,
}

impl Array {
    /// Returns an array without axes.
    pub fn single(entry: Entry) -> Self {
        Array { axes: Vec::new(), entries: vec![entry] }
    }
}

/// How far a step along an axis of the place leads in the entries.
#[derive(Clone, Debug)]
enum Steps {
    /// So many entries for each coordinate.
    Each(usize),
    /// For each coordinate, from the beginning.
    Table(Vec<usize>),
}

/// Where an array takes the coordinate of one of its axes from.
#[derive(Clone, Debug)]
pub enum Along {
    /// The axis of that number in the place.
    Place(usize),
    /// The axis of that number in the place, its coordinates translated.
    Translated(usize, Vec<usize>),
    /// One coordinate, whatever the place.
    Fixed(usize),
}

/// An array seen from places over other axes: which entry belongs to a place.
#[derive(Clone, Debug)]
pub struct View {
    array: Rc<Array>,
    start: usize,
    steps: Vec<(usize, Steps)>,
}

impl View {
    /// Returns a view in which every axis of the array takes its coordinate from where `of` says.
    pub fn new(array: Rc<Array>, of: impl Fn(AxisId) -> Along) -> Self {
        let mut view = View { start: 0, steps: Vec::new(), array };
        let mut stride = 1;
        for (axis, length) in view.array.axes.iter().rev() {
            match of(*axis) {
                Along::Place(at) => view.steps.push((at, Steps::Each(stride))),
                Along::Translated(at, to) => view.steps.push((at, Steps::Table(to.iter().map(|i| i * stride).collect()))),
                Along::Fixed(i) => view.start += i * stride,
            }
            stride *= length;
        }
        view
    }

    /// Returns a view from places over these axes; axes that are not among them count as at their first coordinate.
    pub fn over(array: Rc<Array>, axes: &[AxisId]) -> Self {
        View::new(array, |axis| axes.iter().position(|a| *a == axis).map_or(Along::Fixed(0), Along::Place))
    }

    /// Returns the number of the entry at a place.
    pub fn index(&self, place: &[usize]) -> usize {
        let step = |(at, steps): &(usize, Steps)| match steps {
            Steps::Each(n) => place[*at] * n,
            Steps::Table(offsets) => offsets[place[*at]],
        };
        self.start + self.steps.iter().map(step).sum::<usize>()
    }

    /// Returns the entry at a place.
    pub fn at(&self, place: &[usize]) -> &Entry {
        &self.array.entries[self.index(place)]
    }

    /// Returns the array.
    pub fn array(&self) -> &Array {
        &self.array
    }
}

/// Calls `f` with every place over axes of these lengths, the last axis fastest.
pub fn each_place(lengths: &[usize], mut f: impl FnMut(&[usize])) {
    let total: usize = lengths.iter().product();
    let mut place = vec![0; lengths.len()];
    for _ in 0..total {
        f(&place);
        for (at, length) in place.iter_mut().zip(lengths).rev() {
            *at += 1;
            if *at < *length {
                break;
            }
            *at = 0;
        }
    }
}
