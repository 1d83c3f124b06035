//! Tests of the epochs that settings name.

use super::{kept_epochs, named_epochs};
use crate::lang::Static;

fn list(items: &[f64]) -> Static {
    Static::List(items.iter().map(|x| Static::Number(*x)).collect())
}

fn every(n: f64) -> Static {
    Static::Make("every".into(), vec![("epochs".into(), Static::Number(n))])
}

#[test]
fn epochs_are_named_by_lists_and_steps() {
    assert_eq!(named_epochs(&list(&[5.0, 0.0, 1.0, 5.0]), 9), Ok(vec![0, 1, 5]));
    assert_eq!(named_epochs(&every(4.0), 9), Ok(vec![4, 8]));
    assert_eq!(named_epochs(&every(10.0), 9), Ok(vec![]));
    let last = Static::List(vec![Static::Number(1.0), Static::Word("last".into())]);
    assert_eq!(named_epochs(&last, 9), Ok(vec![1, 9]));
    assert!(named_epochs(&list(&[10.0]), 9).is_err_and(|m| m.contains("epoch 10")));
    assert!(named_epochs(&every(0.0), 9).is_err());
    assert!(named_epochs(&list(&[-1.0]), 9).is_err());
}

#[test]
fn the_last_epoch_is_kept_without_being_named() {
    assert_eq!(kept_epochs(&list(&[]), 9), Ok(vec![9]));
    assert_eq!(kept_epochs(&list(&[0.0, 9.0]), 9), Ok(vec![0, 9]));
    assert_eq!(kept_epochs(&every(3.0), 9), Ok(vec![3, 6, 9]));
    assert_eq!(kept_epochs(&Static::None, 0), Ok(vec![0]));
}
