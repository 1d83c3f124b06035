//! Panels on a page: facets wrapped into rows, or one axis of facets down and one across; ends and labels of axes.

use super::cube::Cube;
use super::frame::Frame;
use crate::report::figure::Panel;

/// Widest row of panels in pixels, 1/96 inch: the text of a page.
const PAGE: f64 = 780.0;

/// Room beside and between panels.
const GUTTER: f64 = 26.0;

/// Returns how many panels stand in a row: as many as a page is wide, and rows of equal length where that is possible.
pub fn per_row(count: usize, width: f64) -> usize {
    let fit = (((PAGE - 40.0) / (width + GUTTER)) as usize).clamp(1, count.max(1));
    count.max(1).div_ceil(count.max(1).div_ceil(fit))
}

/// Returns the panels of a figure in rows. `panels` has, for each value drawn, the panels of all facets. Facets of one axis are wrapped to
/// a page; of two, the first goes down and the second across.
pub fn grid(cube: &Cube, frame: &Frame, panels: Vec<Vec<Panel>>, width: f64) -> Vec<Vec<Panel>> {
    let count = cube.facet_count();
    let columns = match cube.facets.as_slice() {
        [_, across] => across.1.len(),
        _ => per_row(count, width),
    };
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    let mut rest: Vec<std::vec::IntoIter<Panel>> = panels.into_iter().map(Vec::into_iter).collect();
    for start in (0..count).step_by(columns.max(1)) {
        for (p, all) in rest.iter_mut().enumerate() {
            let mut row: Vec<Panel> = all.by_ref().take(columns).collect();
            for (k, panel) in row.iter_mut().enumerate() {
                let facet = cube.facet(start + k);
                match facet.as_slice() {
                    [one] if p == 0 => panel.heading = heading(frame, *one),
                    [_, across] if p == 0 && start == 0 => panel.heading = heading(frame, *across),
                    _ => {}
                }
            }
            if let ([down, _], Some(last)) = (cube.facet(start).as_slice(), row.last_mut()) {
                last.side = heading(frame, *down);
            }
            rows.push(row);
        }
    }
    rows
}

/// Returns the heading of a facet: the axis and the coordinate, unless that names the axis already (`stage1`).
pub fn heading(frame: &Frame, (axis, coordinate): (&str, &str)) -> String {
    let label = frame.axis_label(axis);
    match axis.is_empty() || coordinate.is_empty() || coordinate.starts_with(axis) {
        true => frame.coordinate(axis, coordinate),
        false => format!("{label}: {}", frame.coordinate(axis, coordinate)),
    }
}
