//! SVG of this crate's own drawings to PDF 1.6, at 72 points an inch: text stays text, in the embedded fonts.
//!
//! The reader knows what [`super::svg`] writes, and nothing else of SVG.

use super::font::{self, Font};
use super::raster;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use resvg::usvg::roxmltree::{Document, Node};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

/// Points for each pixel of the SVG: 72 / 96.
const POINTS: f64 = 0.75;

/// Returns the picture as a PDF file of one page. Equal pictures are equal bytes.
///
/// Errors: a sentence, where the text is no SVG that this crate writes.
pub fn render(svg: &str) -> Result<Vec<u8>, String> {
    let document = Document::parse(svg).map_err(|e| format!("the picture cannot be read: {e}"))?;
    let root = document.root_element();
    let (width, height) = (number(&root, "width"), number(&root, "height"));
    if !(width > 0.0 && height > 0.0) {
        return Err("the picture has no size".into());
    }
    let mut page = Page::default();
    let _ = writeln!(page.content, "{} 0 0 {} 0 {} cm", real(POINTS), real(-POINTS), real(height * POINTS));
    for node in root.descendants().filter(Node::is_element) {
        page.add(&node)?;
    }
    page.finish(width * POINTS, height * POINTS, root.attribute("aria-label").unwrap_or(""))
}

/// What stands on the page, and what it needs.
#[derive(Default)]
struct Page {
    content: String,
    /// Opacities of fillings and outlines, in thousandths.
    states: BTreeSet<(u32, u32)>,
    /// Glyphs used, with the characters that they stand for: regular, semi-bold.
    glyphs: [BTreeMap<u16, char>; 2],
    images: Vec<raster::Raster>,
}

impl Page {
    fn add(&mut self, node: &Node) -> Result<(), String> {
        let path = match node.tag_name().name() {
            "rect" => {
                let (x, y, w, h) = (number(node, "x"), number(node, "y"), number(node, "width"), number(node, "height"));
                match number(node, "rx") {
                    r if r > 0.0 => rounded(x, y, w, h, r),
                    _ => format!("{} {} {} {} re\n", real(x), real(y), real(w), real(h)),
                }
            }
            "line" => {
                let end = |x: &str, y: &str| format!("{} {}", real(number(node, x)), real(number(node, y)));
                format!("{} m {} l\n", end("x1", "y1"), end("x2", "y2"))
            }
            "circle" => circle(number(node, "cx"), number(node, "cy"), number(node, "r")),
            "polyline" => lines(node.attribute("points").unwrap_or(""), false),
            "polygon" => lines(node.attribute("points").unwrap_or(""), true),
            "path" => path(node.attribute("d").unwrap_or(""))?,
            "text" => return self.text(node),
            "image" => return self.image(node),
            _ => return Ok(()),
        };
        let fill = node.attribute("fill").and_then(color);
        let stroke = node.attribute("stroke").and_then(color);
        let paint = match (&fill, &stroke) {
            (Some(_), Some(_)) => "B",
            (Some(_), None) => "f",
            (None, Some(_)) => "S",
            (None, None) => return Ok(()),
        };
        self.content.push_str("q ");
        self.fade(node);
        if let Some(c) = fill {
            let _ = write!(self.content, "{c} rg ");
        }
        if let Some(c) = stroke {
            let _ = write!(self.content, "{c} RG {} w ", real(number(node, "stroke-width").max(0.01)));
            if node.attribute("stroke-linecap") == Some("round") {
                self.content.push_str("1 J ");
            }
            if node.attribute("stroke-linejoin") == Some("round") {
                self.content.push_str("1 j ");
            }
            if let Some(dash) = node.attribute("stroke-dasharray") {
                let parts: Vec<String> = numbers(dash).into_iter().map(real).collect();
                let _ = write!(self.content, "[{}] 0 d ", parts.join(" "));
            }
        }
        let _ = writeln!(self.content, "{}{paint} Q", path);
        Ok(())
    }

    /// Sets the opacities of an element.
    fn fade(&mut self, node: &Node) {
        let share = |a: &str| node.attribute(a).and_then(|v| v.parse::<f64>().ok()).unwrap_or(1.0).clamp(0.0, 1.0);
        let state = ((share("fill-opacity") * 1000.0).round() as u32, (share("stroke-opacity") * 1000.0).round() as u32);
        if state != (1000, 1000) {
            self.states.insert(state);
            let _ = write!(self.content, "/{} gs ", state_name(state));
        }
    }

    fn text(&mut self, node: &Node) -> Result<(), String> {
        let bold = node.attribute("font-weight").is_some();
        let font = font::of(bold);
        let text = node.text().unwrap_or("");
        let size = number(node, "font-size");
        let (x, y) = (number(node, "x"), number(node, "y"));
        let width = font::width(text, size, bold);
        let back = match node.attribute("text-anchor") {
            Some("middle") => width / 2.0,
            Some("end") => width,
            _ => 0.0,
        };
        let turn = node
            .attribute("transform")
            .and_then(|t| t.strip_prefix("rotate("))
            .and_then(|t| numbers(t.trim_end_matches(')')).first().copied())
            .unwrap_or(0.0);
        let (sin, cos) = turn.to_radians().sin_cos();
        let mut shown = String::new();
        for c in text.chars() {
            // What the font lacks is left out, as room of its width.
            let glyph = font.glyph(c);
            if glyph > 0 {
                self.glyphs[usize::from(bold)].entry(glyph).or_insert(c);
            }
            let _ = write!(shown, "{glyph:04x}");
        }
        let ink = node.attribute("fill").and_then(color).unwrap_or_else(|| "0 0 0".into());
        // Text space has its second axis upwards; the page here has it downwards.
        let _ = writeln!(
            self.content,
            "BT /{} {} Tf {ink} rg {} {} {} {} {} {} Tm <{shown}> Tj ET",
            if bold { "F1" } else { "F0" },
            real(size),
            precise(cos),
            precise(sin),
            precise(sin),
            precise(-cos),
            real(x - back * cos),
            real(y - back * sin)
        );
        Ok(())
    }

    fn image(&mut self, node: &Node) -> Result<(), String> {
        let (x, y, w, h) = (number(node, "x"), number(node, "y"), number(node, "width"), number(node, "height"));
        let href = node.attribute("href").unwrap_or("");
        let raster = raster::read(href)?;
        let name = self.images.len();
        self.images.push(raster);
        let _ = writeln!(self.content, "q {} 0 0 {} {} {} cm /I{name} Do Q", real(w), real(-h), real(x), real(y + h));
        Ok(())
    }

    fn finish(self, width: f64, height: f64, title: &str) -> Result<Vec<u8>, String> {
        let mut file = File::default();
        let catalog = file.reserve();
        let pages = file.reserve();
        let page = file.reserve();
        let mut fonts = String::new();
        for (i, glyphs) in self.glyphs.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
            let id = file.font(font::of(i == 1), glyphs)?;
            let _ = write!(fonts, "/F{i} {id} 0 R ");
        }
        let mut images = String::new();
        for (i, raster) in self.images.iter().enumerate() {
            let about = format!(
                "/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Interpolate false",
                raster.width, raster.height
            );
            let id = file.stream(&about, &raster.rgb)?;
            let _ = write!(images, "/I{i} {id} 0 R ");
        }
        let mut states = String::new();
        for state in &self.states {
            let share = |n: u32| real(f64::from(n) / 1000.0);
            let _ = write!(states, "/{} << /ca {} /CA {} >> ", state_name(*state), share(state.0), share(state.1));
        }
        let content = file.stream("", self.content.as_bytes())?;
        let info = file.object(&format!("<< /Title {} /Producer (cfx) >>", utf16(title)));
        file.put(catalog, &format!("<< /Type /Catalog /Pages {pages} 0 R >>"));
        file.put(pages, &format!("<< /Type /Pages /Kids [{page} 0 R] /Count 1 >>"));
        file.put(
            page,
            &format!(
                "<< /Type /Page /Parent {pages} 0 R /MediaBox [0 0 {} {}] /Contents {content} 0 R /Group << /S /Transparency /CS /DeviceRGB >> \
                 /Resources << /Font << {fonts}>> /XObject << {images}>> /ExtGState << {states}>> >> >>",
                real(width),
                real(height)
            ),
        );
        Ok(file.finish(catalog, info))
    }
}

/// Objects of a PDF file, numbered from 1.
#[derive(Default)]
struct File {
    objects: Vec<Vec<u8>>,
}

impl File {
    fn reserve(&mut self) -> usize {
        self.objects.push(Vec::new());
        self.objects.len()
    }

    fn put(&mut self, id: usize, text: &str) {
        self.objects[id - 1] = text.as_bytes().to_vec();
    }

    fn object(&mut self, text: &str) -> usize {
        self.objects.push(text.as_bytes().to_vec());
        self.objects.len()
    }

    fn stream(&mut self, about: &str, data: &[u8]) -> Result<usize, String> {
        let failed = |e: std::io::Error| format!("the picture cannot be packed: {e}");
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        packer.write_all(data).map_err(failed)?;
        let packed = packer.finish().map_err(failed)?;
        let mut bytes = format!("<< {about} /Filter /FlateDecode /Length {} >>\nstream\n", packed.len()).into_bytes();
        bytes.extend(packed);
        bytes.extend_from_slice(b"\nendstream");
        self.objects.push(bytes);
        Ok(self.objects.len())
    }

    /// Adds a font with the widths of the glyphs used and the characters that they stand for, so that text can be searched.
    fn font(&mut self, font: &Font, glyphs: &BTreeMap<u16, char>) -> Result<usize, String> {
        let data = self.stream("/Subtype /OpenType", font.bytes())?;
        let per_mille = |w: f64| real(1000.0 * w);
        let descriptor = self.object(&format!(
            "<< /Type /FontDescriptor /FontName /{} /Flags 32 /FontBBox [-1000 -500 3000 1500] /ItalicAngle 0 /Ascent 969 /Descent -241 \
             /CapHeight 727 /StemV 90 /FontFile3 {data} 0 R >>",
            font.name()
        ));
        let widths: Vec<String> = glyphs.iter().map(|(g, c)| format!("{g} [{}]", per_mille(font.advance(*c)))).collect();
        let descendant = self.object(&format!(
            "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> \
             /FontDescriptor {descriptor} 0 R /DW 620 /W [{}] >>",
            font.name(),
            widths.join(" ")
        ));
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n\
             1 begincodespacerange <0000> <ffff> endcodespacerange\n",
        );
        let pairs: Vec<_> = glyphs.iter().collect();
        for part in pairs.chunks(100) {
            let _ = writeln!(map, "{} beginbfchar", part.len());
            for (glyph, c) in part {
                let _ = writeln!(map, "<{glyph:04x}> <{}>", hex(**c));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap CMapName currentdict /CMap defineresource pop end end");
        let unicode = self.stream("", map.as_bytes())?;
        Ok(self.object(&format!(
            "<< /Type /Font /Subtype /Type0 /BaseFont /{} /Encoding /Identity-H /DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>",
            font.name()
        )))
    }

    fn finish(self, catalog: usize, info: usize) -> Vec<u8> {
        let mut out = b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut places = Vec::new();
        for (i, object) in self.objects.iter().enumerate() {
            places.push(out.len());
            out.extend(format!("{} 0 obj\n", i + 1).into_bytes());
            out.extend_from_slice(object);
            out.extend_from_slice(b"\nendobj\n");
        }
        let start = out.len();
        let mut end = format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1);
        for at in &places {
            let _ = writeln!(end, "{at:010} 00000 n ");
        }
        let _ = writeln!(
            end,
            "trailer\n<< /Size {} /Root {catalog} 0 R /Info {info} 0 R >>\nstartxref\n{start}\n%%EOF",
            places.len() + 1
        );
        out.extend(end.into_bytes());
        out
    }
}

fn state_name((fill, stroke): (u32, u32)) -> String {
    format!("G{fill}x{stroke}")
}

/// Returns a number with at most three decimals.
fn real(x: f64) -> String {
    let text = format!("{:.3}", if x.is_finite() { x } else { 0.0 });
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() { "0".into() } else { text.into() }
}

/// Returns a number of -1..1 as parts of a matrix are written.
fn precise(x: f64) -> String {
    format!("{x:.6}")
}

fn number(node: &Node, name: &str) -> f64 {
    node.attribute(name).and_then(|v| v.parse::<f64>().ok()).filter(|v| v.is_finite()).unwrap_or(0.0)
}

fn numbers(text: &str) -> Vec<f64> {
    text.split([' ', ',']).filter_map(|t| t.parse().ok()).collect()
}

/// Returns a colour `#rrggbb` as three shares; nothing for `none`.
fn color(text: &str) -> Option<String> {
    let hex = u32::from_str_radix(text.strip_prefix('#')?, 16).ok()?;
    let part = |shift: u32| real(f64::from((hex >> shift) & 255) / 255.0);
    Some(format!("{} {} {}", part(16), part(8), part(0)))
}

fn lines(points: &str, closed: bool) -> String {
    let all = numbers(points);
    let mut out = String::new();
    for (i, p) in all.chunks_exact(2).enumerate() {
        let _ = write!(out, "{} {} {} ", real(p[0]), real(p[1]), if i == 0 { "m" } else { "l" });
    }
    if closed {
        out.push_str("h ");
    }
    out
}

/// Bezier curves stay within 0.03 % of a quarter of a circle where their handles have this length of its radius.
const HANDLE: f64 = 0.552_284_75;

fn circle(x: f64, y: f64, r: f64) -> String {
    rounded(x - r, y - r, 2.0 * r, 2.0 * r, r)
}

fn rounded(x: f64, y: f64, w: f64, h: f64, r: f64) -> String {
    let r = r.min(w / 2.0).min(h / 2.0);
    let k = r * (1.0 - HANDLE);
    let (a, b) = (x + w, y + h);
    let p = |x: f64, y: f64| format!("{} {} ", real(x), real(y));
    let corner = |c: [(f64, f64); 3]| c.iter().map(|(x, y)| p(*x, *y)).collect::<String>() + "c ";
    [
        p(x + r, y) + "m ",
        p(a - r, y) + "l ",
        corner([(a - k, y), (a, y + k), (a, y + r)]),
        p(a, b - r) + "l ",
        corner([(a, b - k), (a - k, b), (a - r, b)]),
        p(x + r, b) + "l ",
        corner([(x + k, b), (x, b - k), (x, b - r)]),
        p(x, y + r) + "l ",
        corner([(x, y + k), (x + k, y), (x + r, y)]),
        "h ".to_string(),
    ]
    .concat()
}

/// Returns a path of the commands M, L, C, V and h.
fn path(d: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut at = (0.0, 0.0);
    let mut rest = d;
    while let Some(command) = rest.chars().next() {
        let body = &rest[command.len_utf8()..];
        let end = body.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(body.len());
        let all = numbers(body[..end].trim());
        rest = &body[end..];
        match (command, all.as_slice()) {
            ('M', [x, y]) => {
                at = (*x, *y);
                let _ = write!(out, "{} {} m ", real(*x), real(*y));
            }
            ('L', [x, y]) => {
                at = (*x, *y);
                let _ = write!(out, "{} {} l ", real(*x), real(*y));
            }
            ('V', [y]) => {
                at.1 = *y;
                let _ = write!(out, "{} {} l ", real(at.0), real(*y));
            }
            ('h', [dx]) => {
                at.0 += dx;
                let _ = write!(out, "{} {} l ", real(at.0), real(at.1));
            }
            ('C', [a, b, c, d, x, y]) => {
                at = (*x, *y);
                let all: Vec<String> = [a, b, c, d, x, y].into_iter().map(|v| real(*v)).collect();
                let _ = write!(out, "{} c ", all.join(" "));
            }
            _ => return Err(format!("the picture cannot be read: `{command}` in a path")),
        }
    }
    Ok(out)
}

/// Returns a character in UTF-16 as hexadecimal digits.
fn hex(c: char) -> String {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().map(|u| format!("{u:04x}")).collect()
}

/// Returns a text string of PDF in UTF-16.
fn utf16(text: &str) -> String {
    format!("<feff{}>", text.chars().map(hex).collect::<String>())
}
