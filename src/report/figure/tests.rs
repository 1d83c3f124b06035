//! Ticks, widths, colours, escaping.

use super::color::{self, Map};
use super::scale::{Scale, fixed, number, thin};
use super::svg::{coordinate, escape};
use super::{Axis, Panel, Plot, font, png};

fn words(scale: Scale, length: f64) -> Vec<String> {
    scale.ticks(length, 50.0).into_iter().map(|t| t.1).collect()
}

#[test]
fn ticks_are_round() {
    assert_eq!(
        words(Scale::Linear { low: -0.13, high: 1.04 }, 250.0),
        ["0.00", "0.25", "0.50", "0.75", "1.00"].map(String::from)
    );
    assert_eq!(words(Scale::Linear { low: -30.0, high: 17.0 }, 300.0), ["−30", "−20", "−10", "0", "10"].map(String::from));
    assert_eq!(words(Scale::Linear { low: 0.0, high: 3e-7 }, 200.0), ["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷"].map(String::from));
    assert_eq!(
        words(Scale::Linear { low: 0.0, high: 2e6 }, 200.0),
        ["0", "0.5×10⁶", "1.0×10⁶", "1.5×10⁶", "2.0×10⁶"].map(String::from)
    );
    assert_eq!(words(Scale::Log { low: 0.8, high: 2000.0 }, 250.0), ["1", "10", "100", "1000"].map(String::from));
    assert_eq!(words(Scale::Log { low: 1e-9, high: 1e3 }, 200.0), ["10⁻⁸", "10⁻⁴", "10⁰"].map(String::from));
    assert_eq!(words(Scale::Log { low: 1.0, high: 30.0 }, 200.0), ["1", "2", "5", "10", "20"].map(String::from));
    assert!(words(Scale::Linear { low: f64::NAN, high: 1.0 }, 200.0).is_empty());
    for (low, high) in [(0.0, 1e-12), (-5.0, 1e9), (99.999, 100.0), (3.0, 3.000001)] {
        let ticks = Scale::Linear { low, high }.ticks(300.0, 50.0);
        assert!((2..=9).contains(&ticks.len()), "{low}..{high}: {ticks:?}");
        let mut texts: Vec<_> = ticks.iter().map(|t| &t.1).collect();
        texts.dedup();
        assert_eq!(texts.len(), ticks.len(), "different ticks read differently: {ticks:?}");
    }
}

#[test]
fn scales_hold_their_data() {
    assert_eq!(Scale::over([f64::NAN]), Scale::Linear { low: 0.0, high: 1.0 });
    assert!(matches!(Scale::over([2.0, 2.0]), Scale::Linear { low, high } if low < 2.0 && high > 2.0));
    assert_eq!(Scale::within([0.2, 0.999], 0.0, 1.0), Scale::Linear { low: 0.2 - 0.04 * 0.799, high: 1.0 });
    assert!(matches!(Scale::from_zero([-3.0, -1.0]), Scale::Linear { low, high } if low < -3.0 && high == 0.0));
    assert!(Scale::Log { low: 1.0, high: 10.0 }.place(0.0).is_nan());
    assert_eq!(Scale::Category { names: vec!["a".into(), "b".into()] }.place(1.0), 0.75);
}

#[test]
fn numbers_are_written_with_fixed_format() {
    assert_eq!(
        (coordinate(-0.001), coordinate(1.5), coordinate(f64::NAN), coordinate(1.0 / 3.0)),
        ("0".into(), "1.5".into(), "0".into(), "0.33".into())
    );
    assert_eq!(
        (fixed(-0.04, 1), fixed(-1.25, 2), number(0.001234), number(1.5e-9)),
        ("0.0".into(), "−1.25".into(), "0.00123".into(), "1.5×10⁻⁹".into())
    );
    assert_eq!(escape("<a b=\"c\">&'\u{0}\u{8}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
}

#[test]
fn widths_agree_with_the_font() {
    // Advances by fontTools, in units of 2816 an em.
    let em = |text: &str, bold: bool| font::width(text, 2816.0, bold);
    for (text, advance) in [("A", 1904.0), (" ", 792.0), ("ρ", 1608.0), ("−", 1856.0), ("A A", 4600.0)] {
        assert!((em(text, false) - advance).abs() < 1e-9, "{text}");
    }
    assert!((em("m", true) - 2528.0).abs() < 1e-9);
    assert_eq!(font::fit("a long name indeed", 10.0, false, 50.0), "a long n…");
    assert_eq!(font::squeeze("wide residual network 11", 10.0, 70.0), "wide r…ork 11");
    assert_eq!(font::squeeze("abc", 10.0, 0.0), "…");
    assert!(font::wrap("one two three", 10.0, false, 45.0).len() == 2);
    assert_eq!(thin((0..10).map(|i| (i as f64, "100".to_string())).collect(), 10.0, |v| v * 10.0).len(), 4);
}

#[test]
fn colours_are_even_and_legible() {
    assert_eq!(Map::Viridis.at(0.0).to_string(), "#440154");
    assert_eq!(Map::Viridis.at(1.0).to_string(), "#fde725");
    assert_eq!(Map::Cividis.at(f64::NAN).to_string(), "#00224e");
    assert!(color::is_light(Map::Viridis.at(1.0)) && !color::is_light(Map::Viridis.at(0.0)));
    assert_eq!(color::series(0, false).len(), 0);
    let many = color::series(100, false);
    assert!(many.len() == 100 && many[0] != many[99]);
}

#[test]
fn an_empty_plot_is_a_picture() {
    let axis = || Axis::new("", Scale::over([]));
    let panel = Panel { heading: String::new(), x: axis(), y: axis(), marks: vec![], shades: vec![] };
    for rows in [vec![], vec![vec![]], vec![vec![panel]]] {
        let svg = Plot { title: "T".into(), rows, size: (100.0, 80.0), legends: vec![], bar: None }.svg();
        assert!(png::render(&svg).expect("drawn").starts_with(b"\x89PNG"));
    }
    assert!(png::render("<svg").is_err());
}
