//! Ticks, widths, colours, escaping.

use super::color::{self, Map};
use super::scale::{Scale, fixed, number, thin};
use super::svg::{coordinate, escape};
use super::{Axis, Panel, Plot, font, pdf, png, raster, svg};

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
    assert!(matches!(Scale::from_zero([-3.0, -1.0], false), Scale::Linear { low, high } if low < -3.0 && high == 0.0));
    assert_eq!(Scale::from_zero([0.3, 0.99], true), Scale::Linear { low: 0.0, high: 1.0 });
    assert_eq!(Scale::over([0.1 + 0.2, 0.3]), Scale::over([0.3 + 1e-17, 0.1 + 0.2]), "the last digit is no range");
    for scale in [Scale::Linear { low: -2.0, high: 5.0 }, Scale::Log { low: 0.1, high: 50.0 }] {
        assert!((scale.number(scale.place(3.0)) - 3.0).abs() < 1e-12);
    }
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
    // Doubled steps keep both ends.
    let doubled = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 128.0].map(|v| (v, v.to_string())).to_vec();
    let kept: Vec<String> = thin(doubled, 10.0, |v| v * 2.2).into_iter().map(|t| t.1).collect();
    assert_eq!(kept, ["0", "8", "16", "32", "128"]);
    // Two hundred places are counted in twenties.
    let counted = (0..200).map(|i| (i as f64, i.to_string())).collect();
    let kept: Vec<String> = thin(counted, 10.0, |v| v * 1.5).into_iter().map(|t| t.1).collect();
    assert_eq!((kept.len(), kept[1].as_str(), kept[9].as_str()), (10, "20", "180"));
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
    let panel = Panel::new(axis(), axis(), vec![]);
    for rows in [vec![], vec![vec![]], vec![vec![panel]]] {
        let svg = Plot { title: "T".into(), rows, size: (100.0, 80.0), legends: vec![], bar: None }.svg();
        assert!(png::render(&svg).expect("drawn").starts_with(b"\x89PNG"));
    }
    assert!(png::render("<svg").is_err());
}

#[test]
fn a_pdf_holds_what_the_svg_holds() {
    let mut svg = svg::Svg::new();
    svg.rect(0.0, 0.0, 40.0, 30.0, color::OKABE_ITO[0], 0.5);
    svg.polyline(&[(1.0, 1.0), (5.0, 5.0)], color::INK, 1.5, "4 3", 1.0);
    svg.lines(&[((0.0, 0.0), (1.0, 1.0))], color::INK, 1.0, 1.0);
    svg.dots(&[(3.0, 3.0)], 2.0, color::INK, 0.8);
    svg.circle((5.0, 5.0), 2.0, color::WHITE, Some((color::INK, 1.0)), 1.0);
    let look = svg::TextStyle { size: 10.0, bold: false, color: color::INK, anchor: svg::Anchor::End, turn: -90.0 };
    svg.text((20.0, 20.0), "ρ = 1", look);
    let raster = raster::Raster { width: 2, height: 1, rgb: vec![255, 0, 0, 0, 0, 255] };
    svg.image(10.0, 10.0, 20.0, 10.0, &raster.address().expect("written"));
    let text = svg.finish(40.0, 30.0, "A (picture)");
    let file = pdf::render(&text).expect("drawn");
    assert_eq!(file, pdf::render(&text).expect("drawn"), "equal pictures are equal bytes");
    let plain = String::from_utf8_lossy(&file).to_string();
    // 40 x 30 pixels of 1/96 inch.
    assert!(plain.starts_with("%PDF-1.6") && plain.contains("/MediaBox [0 0 30 22.5]"), "{plain}");
    assert!(plain.contains("/G500x1000 << /ca 0.5 /CA 1 >>") && plain.contains("/G1000x800"), "{plain}");
    assert!(plain.contains("/Width 2 /Height 1") && plain.contains("/BaseFont /Inter-Regular") && !plain.contains("SemiBold"));
    // Each entry of the table of objects points at one.
    let start: usize =
        plain.rsplit("startxref\n").next().and_then(|t| t.lines().next()).and_then(|t| t.parse().ok()).expect("a place");
    assert!(file[start..].starts_with(b"xref\n"));
    let table = String::from_utf8_lossy(&file[start..]).to_string();
    for (i, line) in table.lines().skip(3).take_while(|l| l.ends_with(" n ")).enumerate() {
        let at: usize = line[..10].parse().expect("a number");
        assert!(file[at..].starts_with(format!("{} 0 obj", i + 1).as_bytes()), "object {}", i + 1);
    }
    assert!(pdf::render("<svg").is_err() && pdf::render("<svg xmlns=\"http://www.w3.org/2000/svg\"/>").is_err());
    // The pixels of the image are in the PNG as well: red at the left, blue at the right.
    let png = image::load_from_memory(&png::render(&text).expect("drawn")).expect("a PNG").to_rgb8();
    assert_eq!((png.get_pixel(30, 30).0, png.get_pixel(50, 30).0), ([255, 0, 0], [0, 0, 255]));
}

#[test]
fn a_bar_of_one_number_has_one_colour() {
    for range in [(0.3, 0.3), (0.3, 0.1 + 0.2), (0.0, 0.0), (-2.0, -2.0)] {
        let panel = Panel::new(Axis::new("x", Scale::over([0.0])), Axis::new("y", Scale::over([0.0])), Vec::new());
        let bar = super::ColorBar {
            label: "all".into(),
            range,
            shades: super::Shades::Even,
            map: Map::Viridis,
            absent: String::new(),
            ticks: None,
        };
        let plot =
            Plot { title: String::new(), rows: vec![vec![panel]], size: (100.0, 120.0), legends: Vec::new(), bar: Some(bar) };
        let svg = plot.svg();
        assert_eq!(Map::Viridis.of(range.1, range), Map::Viridis.at(0.5));
        assert!(svg.contains(&Map::Viridis.at(0.5).to_string()) && !svg.contains(&Map::Viridis.at(1.0).to_string()), "{range:?}");
        assert!(svg.contains(&format!(">{}</text>", number(range.0))), "{svg}");
    }
}
