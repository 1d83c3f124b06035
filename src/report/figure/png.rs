//! SVG to PNG at twice the size, with the embedded font and nothing from the machine.

use super::font;
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
    pixels.encode_png().map_err(|e| format!("the picture cannot be written: {e}"))
}
