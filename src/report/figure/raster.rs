//! Images inside drawings: `data:` addresses of PNG files, in and out.

use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use resvg::usvg::roxmltree::Document;

/// Pixels of an image, row by row from the top, three bytes each.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green and blue of each pixel.
    pub rgb: Vec<u8>,
}

const PREFIX: &str = "data:image/png;base64,";
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Raster {
    /// Returns the image as a PNG file. Errors: a sentence, where it has no pixels.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        image::codecs::png::PngEncoder::new(&mut out)
            .write_image(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8)
            .map_err(|e| format!("the image cannot be written: {e}"))?;
        Ok(out)
    }

    /// Returns the address that holds the image itself. Errors: as [`Raster::png`].
    pub fn address(&self) -> Result<String, String> {
        Ok(address(&self.png()?))
    }
}

/// Returns the address that holds a PNG file itself.
pub fn address(png: &[u8]) -> String {
    format!("{PREFIX}{}", base64(png))
}

/// Returns the image that an address holds. Errors: a sentence, where it holds no PNG file.
pub fn read(address: &str) -> Result<Raster, String> {
    let failed = || "an image of the picture cannot be read".to_string();
    let bytes = address.strip_prefix(PREFIX).and_then(bytes).ok_or_else(failed)?;
    let image = image::load_from_memory_with_format(&bytes, ImageFormat::Png).map_err(|_| failed())?.to_rgb8();
    Ok(Raster { width: image.width(), height: image.height(), rgb: image.into_raw() })
}

/// Returns the images of a drawing in the order drawn. Errors: as [`read`].
pub fn all(svg: &str) -> Result<Vec<Raster>, String> {
    if !svg.contains("<image") {
        return Ok(Vec::new());
    }
    let document = Document::parse(svg).map_err(|e| format!("the picture cannot be read: {e}"))?;
    document.descendants().filter(|n| n.has_tag_name("image")).map(|n| read(n.attribute("href").unwrap_or(""))).collect()
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let all = part.iter().enumerate().fold(0u32, |all, (i, b)| all | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * i)) as usize & 63] as char;
            out.push(if i <= part.len() { digit } else { '=' });
        }
    }
    out
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for part in digits.chunks(4) {
        let mut all = 0u32;
        for (i, digit) in part.iter().enumerate() {
            all |= (DIGITS.iter().position(|d| d == digit)? as u32) << (18 - 6 * i);
        }
        out.extend_from_slice(&all.to_be_bytes()[1..part.len().max(1)]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_back_from_their_addresses() {
        assert_eq!(base64(b"Man"), "TWFu");
        assert_eq!(base64(b"Ma"), "TWE=");
        assert_eq!(base64(b"M"), "TQ==");
        for text in ["", "M", "Ma", "Man", "Many"] {
            assert_eq!(bytes(&base64(text.as_bytes())).as_deref(), Some(text.as_bytes()), "{text}");
        }
        let raster = Raster { width: 2, height: 1, rgb: vec![1, 2, 3, 250, 251, 252] };
        assert_eq!(read(&raster.address().expect("written")).expect("read"), raster);
        assert!(read("data:image/png;base64,AAAA").is_err() && read("file.png").is_err());
        assert!(Raster { width: 2, height: 2, rgb: vec![0; 12] }.png().is_ok());
    }
}
