//! SVG to PNG at twice the size, with the embedded font and nothing from the machine.

use super::font;
use super::raster;
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Pixels of the PNG for each pixel of the SVG.
pub const SCALE: f32 = 2.0;

/// Returns the picture as a PNG file.
///
/// Errors: a sentence, where the SVG cannot be read or is too large to draw (over 16,384 pixels a side).
pub fn render(svg: &str) -> Result<Vec<u8>, String> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut db = usvg::fontdb::Database::new();
        db.load_font_data(font::REGULAR.to_vec());
        db.load_font_data(font::SEMI_BOLD.to_vec());
        db.set_sans_serif_family("Inter");
        Arc::new(db)
    });
    let options = usvg::Options { fontdb: fonts.clone(), font_family: "Inter".to_string(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| format!("the picture cannot be drawn: {e}"))?;
    let size = tree.size();
    let (w, h) = ((size.width() * SCALE).ceil(), (size.height() * SCALE).ceil());
    if w > 16_384.0 || h > 16_384.0 {
        return Err(format!("the picture is {w} x {h} pixels, over 16384 a side"));
    }
    let mut pixels = tiny_skia::Pixmap::new(w as u32, h as u32).ok_or("the picture has no size")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    images(svg, &mut pixels)?;
    pixels.encode_png().map_err(|e| format!("the picture cannot be written: {e}"))
}

/// Lays the images of a drawing over its pixels, each pixel of an image as a rectangle: nothing is smoothed.
fn images(svg: &str, pixels: &mut tiny_skia::Pixmap) -> Result<(), String> {
    if !svg.contains("<image") {
        return Ok(());
    }
    let document = usvg::roxmltree::Document::parse(svg).map_err(|e| format!("the picture cannot be drawn: {e}"))?;
    let (width, height) = (pixels.width(), pixels.height());
    for node in document.descendants().filter(|n| n.has_tag_name("image")) {
        let number = |a: &str| node.attribute(a).and_then(|v| v.parse::<f32>().ok()).unwrap_or(0.0) * SCALE;
        let (x, y, w, h) = (number("x"), number("y"), number("width"), number("height"));
        let raster = raster::read(node.attribute("href").unwrap_or(""))?;
        let edge = |v: f32, most: u32| v.round().clamp(0.0, most as f32) as u32;
        for row in edge(y, height)..edge(y + h, height) {
            for column in edge(x, width)..edge(x + w, width) {
                let from = |at: u32, start: f32, length: f32, count: u32| {
                    ((((at as f32 + 0.5 - start) / length).clamp(0.0, 1.0) * count as f32) as u32).min(count.saturating_sub(1))
                };
                let at = 3 * (from(row, y, h, raster.height) * raster.width + from(column, x, w, raster.width)) as usize;
                let Some([r, g, b]) = raster.rgb.get(at..at + 3) else { continue };
                let ink = tiny_skia::ColorU8::from_rgba(*r, *g, *b, 255).premultiply();
                pixels.pixels_mut()[(row * width + column) as usize] = ink;
            }
        }
    }
    Ok(())
}
