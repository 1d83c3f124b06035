//! Coordinates of axes: as declared, as an operation told, or a single unknown one.

use super::state::{Known, Lowering, Places};
use crate::base::{Decimal, Diag, Name, Span};
use crate::lang::Static;
use crate::lang::axes::{AxisId, Coordinate, Origin, Pick, Role};
use crate::lang::statics::Env;
use crate::plan::array::Array;
use crate::plan::graph::{LabelledAxis, Space};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The one coordinate of an axis whose coordinates only files tell, while none is read.
const UNKNOWN: &str = "?";

/// Returns whether these coordinates stand for those that only files tell.
pub(super) fn is_unknown(known: &Known) -> bool {
    matches!(&*known.all, [one] if one.value.is_none() && one.text == UNKNOWN)
}

impl Known {
    /// Returns where the coordinates are.
    fn places(&self) -> &Places {
        self.index.get_or_init(|| {
            let (mut names, mut values) = (BTreeMap::new(), BTreeMap::new());
            for (i, (name, coordinate)) in self.names.iter().zip(self.all.iter()).enumerate() {
                names.entry(name.clone()).or_insert(i);
                if let Some(Static::Number(x)) = coordinate.value
                    && let Some(value) = Decimal::from_f64(x)
                {
                    let text = value.to_string();
                    values.entry(if *name == text { name.clone() } else { text.into() }).or_insert(i);
                }
            }
            Places { names, values }
        })
    }
}

impl Lowering<'_> {
    /// Returns what is known of an axis's coordinates.
    pub fn known(&self, axis: AxisId) -> Known {
        if let Some(known) = self.known.borrow().get(&axis) {
            return known.clone();
        }
        let all = self.find_coordinates(axis);
        let names = all.iter().map(|c| Name::from(c.text.as_str())).collect();
        let known = Known { all, names, index: Rc::default() };
        self.known.borrow_mut().insert(axis, known.clone());
        known
    }

    fn find_coordinates(&self, axis: AxisId) -> Rc<[Rc<Coordinate>]> {
        let a = self.script.axes.get(axis);
        if let Some(known) = a.coordinates.as_ref().or_else(|| self.told.get(&axis)) {
            return known.iter().cloned().map(Rc::new).collect();
        }
        match &a.origin {
            Origin::Other(of) => self.known(*of).all,
            Origin::Part(of, picks) => {
                let all = self.known(*of);
                if is_unknown(&all) {
                    return picks.iter().map(|p| Rc::new(Coordinate::named(p.to_string()))).collect();
                }
                picks.iter().filter_map(|p| find_in(&all, p).map(|i| all.all[i].clone())).collect()
            }
            _ => [Rc::new(Coordinate { text: UNKNOWN.into(), canonical: UNKNOWN.into(), value: None })].into(),
        }
    }

    /// Forgets what was derived from coordinates, since an operation has told some.
    pub fn forget_coordinates(&mut self) {
        self.known.borrow_mut().clear();
        self.labelled.borrow_mut().clear();
        self.spaces.borrow_mut().clear();
    }

    /// Returns the index of a coordinate; where only files tell the coordinates and none was read, the unknown one.
    pub fn position(&mut self, axis: AxisId, pick: &Pick, span: Span) -> Option<usize> {
        let known = self.known(axis);
        if is_unknown(&known) {
            return Some(0);
        }
        let found = find_in(&known, pick);
        if found.is_none() {
            let names: Vec<&str> = known.all.iter().map(|c| c.text.as_str()).collect();
            let help = crate::lang::suggest::nearest_or_list(&pick.to_string(), &names);
            let message = format!("the axis `{}` has no coordinate `{pick}`", self.script.axes.name(axis));
            self.diags.push(Diag::error("cfx::axis::no_coordinate", span, message).help(help));
        }
        found
    }

    pub fn lengths(&self, axes: &[AxisId]) -> Vec<(AxisId, usize)> {
        axes.iter().map(|a| (*a, self.known(*a).all.len())).collect()
    }

    /// Returns axes as kernels and readers see them.
    pub fn labelled(&self, axes: &[AxisId]) -> Arc<[LabelledAxis]> {
        if let Some(known) = self.labelled.borrow().get(axes) {
            return known.clone();
        }
        let made: Arc<[LabelledAxis]> = axes.iter().map(|a| self.one_labelled(*a)).collect();
        self.labelled.borrow_mut().insert(axes.to_vec(), made.clone());
        made
    }

    /// Returns the axes of an array as kernels and readers see them.
    pub fn labelled_of(&self, array: &Array) -> Arc<[LabelledAxis]> {
        let axes: Vec<AxisId> = array.axes.iter().map(|(a, _)| *a).collect();
        self.labelled(&axes)
    }

    fn one_labelled(&self, axis: AxisId) -> LabelledAxis {
        let axes = &self.script.axes;
        LabelledAxis {
            name: axes.name(axis).to_string(),
            role: axes.get(axis).role.word().to_string(),
            coordinates: self.known(axis).all.iter().map(|c| c.text.clone()).collect(),
            within: axes.within(axis).iter().map(|a| axes.name(*a).to_string()).collect(),
            pairs: match axes.get(axes.whole(axis)).origin {
                Origin::Other(of) => Some(axes.name(of).to_string()),
                _ => None,
            },
            shared: false,
        }
    }

    /// Returns the space of these axes, for cells to lie in.
    pub fn space(&self, axes: &[AxisId]) -> Space {
        if let Some(known) = self.spaces.borrow().get(axes) {
            return known.clone();
        }
        let made: Space = axes.iter().map(|a| (Name::from(self.script.axes.name(*a)), self.known(*a).names)).collect();
        self.spaces.borrow_mut().insert(axes.to_vec(), made.clone());
        made
    }

    /// Returns a coordinate as a kernel sees it: the axis, its role, the coordinate's name and index (for classes, the label).
    pub fn coordinate_setting(&self, axis: AxisId, i: usize) -> Static {
        let known = self.known(axis);
        let here = &known.all[i];
        let role = self.script.axes.get(axis).role;
        if let (Role::Snapshot, Some(epoch)) = (role, &here.value) {
            return epoch.clone();
        }
        let whole = self.known(self.script.axes.whole(axis));
        let index = whole.places().names.get(here.text.as_str()).copied().unwrap_or(i);
        let mut fields =
            vec![("name".to_string(), Static::Text(here.text.clone())), ("index".to_string(), Static::Number(index as f64))];
        if role != Role::Stage {
            fields.push(("role".to_string(), Static::Word(role.word().to_string())));
        }
        if let (Role::Declared, Some(value)) = (role, &here.value) {
            fields.push(("value".to_string(), value.clone()));
        }
        Static::Make("at".to_string(), fields)
    }
}

/// Returns the coordinates of a place over axes, for settings to be evaluated at.
pub(super) fn env(axes: &[AxisId], known: &[Known], place: &[usize]) -> Env {
    axes.iter().zip(known).zip(place).map(|((a, k), i)| (*a, k.all[*i].clone())).collect()
}

/// Returns the index of the coordinate that a selection means, as [`crate::lang::axes::find`] does, without looking at all of them.
pub(super) fn find_in(known: &Known, pick: &Pick) -> Option<usize> {
    let called = |name: &str| known.places().names.get(name).copied();
    match pick {
        Pick::Named(name) => called(name),
        Pick::First => called("first").or((!known.all.is_empty()).then_some(0)),
        Pick::Last => called("last").or(known.all.len().checked_sub(1)),
        Pick::Value(value) => {
            let text = value.to_string();
            let places = [known.places().values.get(text.as_str()).copied(), called(&text)];
            places.into_iter().flatten().min()
        }
    }
}
