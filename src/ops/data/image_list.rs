//! How folders of images are laid out: which folders are splits and classes, which files are images, and in which order.
//!
//! In: a folder. Out: classes, and the files of each split with their labels. Never: opening an image.

use super::bytes::{Input, broken, utf8, with_help};
use super::image_csv::{self, Csv};
use crate::base::natural;
use crate::base::text::on_a_line;
use crate::plan::facts::Problem;
use crate::plan::files::{Files, is_text};
use crate::words;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Deepest that images may lie below the folder of their class.
const DEPTH: usize = 8;
/// Folders that systems and programs leave behind.
const LITTER: [&str; 6] = ["__macosx", "__pycache__", "@eadir", "lost+found", "$recycle.bin", "system volume information"];
/// Endings of files that are decoded.
const IMAGES: [&str; 13] = ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "pnm"];
/// Endings of images that are not.
const OTHERS: [&str; 11] = ["heic", "heif", "avif", "jp2", "jxl", "svg", "psd", "dng", "cr2", "nef", "exr"];
/// Tiny-ImageNet's labels of its validation images: a file, its class, and a box on each line.
const ANNOTATIONS: &str = "val_annotations.txt";
/// Largest file of labels that is read, in bytes.
const LONGEST: u64 = 1 << 28;

words! {
    /// The order of classes, and of the files in each.
    pub enum Order {
        /// Runs of digits compare as numbers: 2 before 10.
        Natural = "natural",
        /// By characters, as Python sorts: 10 before 2.
        Names = "names",
    }
}

words! {
    /// Which classes splits may have.
    pub enum Classes {
        /// Those of the training images.
        Shared = "shared",
        /// Any: the data set has those of all splits together.
        Pooled = "pooled",
    }
}

/// The files of a split with their labels.
pub type Labelled = Vec<(PathBuf, u32)>;

/// What the folders hold.
pub struct Listing {
    /// Names of the classes; none where the images have no labels.
    pub classes: Vec<String>,
    /// For each split: its name, and its files with their labels.
    pub splits: Vec<(&'static str, Labelled)>,
    /// What was listed or read to find them: folders, files of labels.
    pub from: Vec<PathBuf>,
    /// What is left out, or taken for what it may not be.
    pub warnings: Vec<Problem>,
}

/// A walk through folders.
struct Walk<'a> {
    files: &'a Files,
    order: Order,
    from: Vec<PathBuf>,
    warnings: Vec<Problem>,
}

/// One split as it lies there.
struct Part {
    split: &'static str,
    dir: PathBuf,
    /// Classes with their images.
    classes: Vec<(String, Vec<PathBuf>)>,
    /// Images that lie in no folder of a class.
    loose: Vec<PathBuf>,
}

/// Returns the name of a path's last part.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the split that a folder's name stands for.
fn split_of(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "train" | "training" => "train",
        "val" | "valid" | "validation" => "valid",
        "test" | "testing" => "test",
        _ => return None,
    })
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

impl Walk<'_> {
    fn sort(&self, names: &mut [PathBuf]) {
        match self.order {
            Order::Natural => names.sort_by_cached_key(|p| natural(&name(p))),
            Order::Names => names.sort_by_cached_key(|p| name(p)),
        }
    }

    fn warn(&mut self, message: String, help: &str) {
        let problem = Problem { code: "cfx::data::images", parameter: Some("folder"), message, help: Some(help.to_string()) };
        self.warnings.push(problem);
    }

    /// Returns the folders and the images in a folder, in order; hidden names and litter are left out.
    fn entries(&mut self, dir: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Problem> {
        self.files.note(dir);
        self.from.push(dir.to_path_buf());
        let listed = std::fs::read_dir(dir).map_err(|e| broken(dir, format!("cannot be listed: {e}")))?;
        let (mut folders, mut images) = (Vec::new(), Vec::new());
        for entry in listed {
            let path = entry.map_err(|e| broken(dir, format!("cannot be listed: {e}")))?.path();
            let name = name(&path);
            if name.starts_with('.') || LITTER.contains(&name.to_ascii_lowercase().as_str()) {
                continue;
            }
            let (is_dir, ending) = (path.is_dir(), ending(&path));
            let (known, other) = (IMAGES.contains(&ending.as_str()), OTHERS.contains(&ending.as_str()));
            if !is_dir && !known && !other {
                if std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) && !path.exists() {
                    let message = format!("`{}` is a link to what is not there, and is left out", path.display());
                    self.warn(on_a_line(&message).into_owned(), "fetch what it points to, or remove the link");
                }
                continue;
            }
            is_text(&path)?;
            if !path.canonicalize().is_ok_and(|real| self.files.inside(&real)) {
                let problem = broken(&path, "is a link to nothing, or to where nothing may be read");
                return Err(with_help(problem, "grant the folder that it points to with `--data DIR`, or remove it"));
            }
            match (is_dir, known) {
                (true, _) => folders.push(path),
                (false, true) => images.push(path),
                (false, false) => {
                    let problem = broken(&path, format!("is an image of a kind that is not decoded here ({ending})"));
                    return Err(with_help(
                        problem,
                        "convert it to PNG, or move it away; PNG, JPEG, WebP, BMP, GIF, TIFF and PNM are read",
                    ));
                }
            }
        }
        self.sort(&mut folders);
        self.sort(&mut images);
        Ok((folders, images))
    }

    /// Returns all images in a folder and the folders below it.
    fn images_below(&mut self, dir: &Path) -> Result<Vec<PathBuf>, Problem> {
        let mut out = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![(dir.to_path_buf(), 0)];
        while let Some((dir, depth)) = open.pop() {
            if depth > DEPTH || !seen.insert(dir.canonicalize().unwrap_or_default()) {
                return Err(broken(&dir, format!("lies more than {DEPTH} folders deep, or is reached twice")));
            }
            let (folders, images) = self.entries(&dir)?;
            out.extend(images);
            open.extend(folders.into_iter().rev().map(|f| (f, depth + 1)));
        }
        Ok(out)
    }

    /// Returns a split's classes and images.
    fn part(&mut self, split: &'static str, dir: &Path) -> Result<Part, Problem> {
        let (folders, mut loose) = self.entries(dir)?;
        let mut part = Part { split, dir: dir.to_path_buf(), classes: Vec::new(), loose: Vec::new() };
        // A single folder `images` is no class.
        if let [only] = folders.as_slice()
            && name(only).eq_ignore_ascii_case("images")
        {
            loose.extend(self.images_below(only)?);
        } else {
            let mut empty = Vec::new();
            for folder in folders {
                let images = self.images_below(&folder)?;
                match images.is_empty() {
                    true => empty.push(name(&folder)),
                    // The name reaches terminals and pages, in which it is no line of its own.
                    false => part.classes.push((on_a_line(&name(&folder)).into_owned(), images)),
                }
            }
            if !part.classes.is_empty() && !empty.is_empty() {
                let list = empty.iter().take(8).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
                let message = format!("`{}` has {} without images: {list}", dir.display(), folders_of(empty.len()));
                self.warn(message, "such a folder is not a class; a class has at least one image");
            }
        }
        part.loose = loose;
        Ok(part)
    }

    /// Returns the splits of lists in CSV files: the images below `images`, or below the folder, that each names, class by class in its order.
    fn listed(&mut self, root: &Path, lists: &[Csv]) -> Result<Vec<Part>, Problem> {
        let dir = Some(root.join("images")).filter(|d| d.is_dir()).unwrap_or_else(|| root.to_path_buf());
        let images = self.images_below(&dir)?;
        let below = |image: &Path| image.strip_prefix(&dir).unwrap_or(image).to_string_lossy().replace('\\', "/");
        let by_path: BTreeMap<String, &PathBuf> = images.iter().map(|image| (below(image), image)).collect();
        // Where several images have one name, the name alone tells none of them.
        let mut by_name: BTreeMap<String, Option<&PathBuf>> = BTreeMap::new();
        for image in &images {
            by_name.entry(name(image)).and_modify(|one| *one = None).or_insert(Some(image));
        }
        let mut named: BTreeSet<PathBuf> = BTreeSet::new();
        let mut parts = Vec::new();
        for list in lists {
            self.files.note(&list.path);
            self.from.push(list.path.clone());
            let mut classes: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
            for (file, class) in &list.rows {
                let image = match (by_path.get(file), by_name.get(file)) {
                    (Some(image), _) | (_, Some(Some(image))) => (*image).clone(),
                    (None, Some(None)) => {
                        let words = format!("names `{file}`, and several images in `{}` have that name", dir.display());
                        return Err(with_help(broken(&list.path, words), "write the path of each below that folder"));
                    }
                    (None, None) => {
                        let words = format!("names `{file}`, which is not an image in `{}`", dir.display());
                        let help = "unpack the images beside the lists, into a folder `images`";
                        return Err(with_help(broken(&list.path, words), help));
                    }
                };
                if !named.insert(image.clone()) {
                    return Err(broken(&list.path, format!("names `{file}`, which was named before")));
                }
                classes.entry(class.clone()).or_default().push(image);
            }
            parts.push(Part {
                split: list.split,
                dir: root.to_path_buf(),
                classes: classes.into_iter().collect(),
                loose: Vec::new(),
            });
        }
        let unnamed = images.len() - named.len();
        if unnamed > 0 {
            let words = format!("{} named in no list and left out", images_are(unnamed));
            self.warn(words, "the lists say which images belong to the data set");
        }
        let order = ["train", "valid", "test"];
        parts.sort_by_key(|p| order.iter().position(|s| *s == p.split));
        // Validation images alone are what is tested on.
        let only_valid = !parts.iter().any(|p| p.split == "test");
        parts.iter_mut().filter(|p| p.split == "valid" && only_valid).for_each(|p| p.split = "test");
        Ok(parts)
    }

    /// Gives loose images the classes of Tiny-ImageNet's list, where there is one.
    fn annotate(&mut self, part: &mut Part) -> Result<(), Problem> {
        let path = part.dir.join(ANNOTATIONS);
        if part.loose.is_empty() || !part.classes.is_empty() || !path.is_file() {
            return Ok(());
        }
        self.files.note(&path);
        self.from.push(path.clone());
        let text = utf8(&path, Input::text(&path)?.rest(LONGEST)?)?;
        let lines = text
            .lines()
            .filter_map(|l| l.split_once('\t'))
            .map(|(f, rest)| (f, rest.split('\t').next().unwrap_or_default().trim()));
        let mut classes: BTreeMap<&str, &str> = BTreeMap::new();
        for (image, class) in lines {
            if classes.insert(image, class).is_some_and(|before| before != class) {
                return Err(broken(&path, format!("gives `{image}` two classes")));
            }
        }
        let mut by_class: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for image in std::mem::take(&mut part.loose) {
            let Some(class) = classes.get(name(&image).as_str()) else {
                return Err(broken(&path, format!("does not name `{}`", image.display())));
            };
            by_class.entry(class.to_string()).or_default().push(image);
        }
        part.classes = by_class.into_iter().collect();
        Ok(())
    }
}

fn folders_of(n: usize) -> String {
    if n == 1 { "a folder".to_string() } else { format!("{n} folders") }
}

/// Returns the splits of a folder and where they lie; the folder itself where there are none.
fn splits_of(root: &Path, top: &[PathBuf]) -> Result<Vec<(&'static str, PathBuf)>, Problem> {
    let named: Vec<(&'static str, &PathBuf)> = top.iter().filter_map(|p| Some((split_of(&name(p))?, p))).collect();
    let trained = named.iter().any(|(s, _)| *s == "train");
    // Without training images, folders of these names may as well be classes among others.
    if named.is_empty() || !trained && named.len() < top.len() {
        return Ok(vec![("all", root.to_path_buf())]);
    }
    let mut out = Vec::new();
    for split in ["train", "valid", "test"] {
        let mut of_it = named.iter().filter(|(s, _)| *s == split).map(|(_, p)| *p);
        if let (Some(first), second) = (of_it.next(), of_it.next()) {
            if let Some(second) = second {
                let words = format!("has two folders for one split: `{}` and `{}`", name(first), name(second));
                return Err(with_help(broken(root, words), "keep one of them"));
            }
            out.push((split, first.clone()));
        }
    }
    // Validation images alone are what is tested on.
    let only_valid = !out.iter().any(|(s, _)| *s == "test");
    out.iter_mut().filter(|(s, _)| *s == "valid" && only_valid).for_each(|part| part.0 = "test");
    Ok(out)
}

/// Returns the classes and files of a folder of images.
///
/// Errors: it holds no images, images of a kind that is not read, or links to elsewhere; classes of its splits differ and are not to be pooled.
pub fn list(root: &Path, files: &Files, order: Order, pool: Classes) -> Result<Listing, Problem> {
    let mut walk = Walk { files, order, from: Vec::new(), warnings: Vec::new() };
    let (top, beside) = walk.entries(root)?;
    let mut parts = Vec::new();
    let folders = splits_of(root, &top)?;
    let splits = !matches!(folders.as_slice(), [("all", _)]);
    if splits && !beside.is_empty() {
        let message = format!("{} in `{}` beside the folders of splits, and left out", images_are(beside.len()), root.display());
        walk.warn(message, "put each into the folder of its class in a split");
    }
    for dir in top.iter().filter(|_| !splits) {
        let named: Vec<PathBuf> = walk.entries(dir)?.0.into_iter().filter(|p| split_of(&name(p)).is_some()).collect();
        if named.len() > 1 && named.iter().any(|p| split_of(&name(p)) == Some("train")) {
            let words = format!("holds folders of splits (`{}`, `{}`), and is no class", name(&named[0]), name(&named[1]));
            return Err(with_help(broken(dir, words), format!("name this folder: `folder: \"…/{}\"`", name(dir))));
        }
    }
    for left in top.iter().filter(|dir| splits && !folders.iter().any(|(_, used)| used == *dir)) {
        walk.warn(
            format!("`{}` lies beside the folders of splits and is left out", name(left)),
            "splits are `train`, `val` (`valid`, `validation`) and `test`: rename it, or move it away",
        );
    }
    let of_all = matches!(folders.as_slice(), [("all", _)]);
    let (lists, others) = if of_all { image_csv::lists(root)? } else { (Vec::new(), Vec::new()) };
    if lists.is_empty() {
        for (split, dir) in folders {
            let mut part = walk.part(split, &dir)?;
            walk.annotate(&mut part)?;
            parts.push(part);
        }
    } else {
        parts = walk.listed(root, &lists)?;
    }
    for part in parts.iter().filter(|p| splits && p.classes.is_empty() && p.loose.is_empty()) {
        walk.warn(format!("`{}` holds no images, so that there is no such split", part.dir.display()), "fill it, or remove it");
    }
    let labelled = parts.iter().any(|p| !p.classes.is_empty());
    if let Some(path) = others.first().filter(|_| !labelled) {
        let message = format!("`{}` has no columns `filename` and `label`, so the images have no labels", path.display());
        walk.warn(on_a_line(&message).into_owned(), "the first line of a list names its columns, with commas between them");
    }
    for part in parts.iter_mut().filter(|p| labelled && !p.loose.is_empty()) {
        let (images, dir) = (images_are(part.loose.len()), part.dir.display().to_string());
        walk.warn(
            format!("{images} in `{dir}` and not in the folder of a class, and left out"),
            "put each into the folder of its class",
        );
        part.loose.clear();
    }
    parts.retain(|p| !p.classes.is_empty() || !p.loose.is_empty());
    if parts.is_empty() {
        let help = match packed(root) {
            Some(archive) => format!("unpack `{archive}` first"),
            None => "PNG, JPEG, WebP, BMP, GIF, TIFF and PNM files are read, in one folder for each class".to_string(),
        };
        return Err(with_help(broken(root, "holds no images"), help));
    }
    let classes = classes_of(&mut walk, &parts, pool)?;
    if let [class] = classes.as_slice()
        && let [first, second, ..] = folders_below(&parts).as_slice()
    {
        let message = format!("all images are of one class, `{class}`, and lie in folders below it (`{first}`, `{second}`)");
        walk.warn(message, "if those are the classes, name the folder that they lie in");
    }
    let label = |class: &str| classes.iter().position(|c| c == class).unwrap_or(0) as u32;
    let splits = parts
        .iter()
        .map(|part| {
            let mut of_classes: Vec<(u32, &Vec<PathBuf>)> = part.classes.iter().map(|(c, images)| (label(c), images)).collect();
            of_classes.sort_by_key(|(label, _)| *label);
            let labelled = of_classes.into_iter().flat_map(|(label, images)| images.iter().map(move |f| (f.clone(), label)));
            (part.split, labelled.chain(part.loose.iter().map(|f| (f.clone(), 0))).collect())
        })
        .collect();
    walk.from.sort();
    walk.from.dedup();
    Ok(Listing { classes, splits, from: walk.from, warnings: walk.warnings })
}

/// Returns the folders directly below those of classes, in which their images lie.
fn folders_below(parts: &[Part]) -> Vec<String> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    for part in parts {
        for (class, images) in &part.classes {
            let dir = part.dir.join(class);
            let below = images.iter().filter_map(|image| image.strip_prefix(&dir).ok()?.parent()?.components().next());
            out.extend(below.map(|folder| folder.as_os_str().to_string_lossy().into_owned()));
        }
    }
    out.into_iter().collect()
}

/// Returns the name of a packed archive in a folder.
fn packed(root: &Path) -> Option<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(root).ok()?.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let archive =
        |name: &String| ["zip", "tar", "gz", "tgz", "xz", "bz2", "7z", "rar", "zst"].contains(&ending(Path::new(name)).as_str());
    names.into_iter().find(archive)
}

/// Returns a number of images with its verb.
fn images_are(count: usize) -> String {
    if count == 1 { "1 image is".to_string() } else { format!("{count} images are") }
}

/// Returns the names of all classes in order.
fn classes_of(walk: &mut Walk, parts: &[Part], pool: Classes) -> Result<Vec<String>, Problem> {
    let names = |part: &Part| part.classes.iter().map(|(c, _)| c.clone()).collect::<BTreeSet<String>>();
    let first = parts.first().map(names).unwrap_or_default();
    let mut all = first.clone();
    let mut apart = true;
    let mut stray = None;
    for part in &parts[1.min(parts.len())..] {
        let these = names(part);
        apart &= these.is_disjoint(&all);
        stray = stray.or_else(|| these.difference(&first).next().map(|c| part.dir.join(c)));
        all.extend(these);
    }
    if let (Some(stray), Classes::Shared) = (stray, pool) {
        if !apart {
            let problem = broken(&stray, "is a class that the training images do not have");
            return Err(with_help(problem, "write `classes: pooled` if splits should have different classes"));
        }
        let message = format!("no class is in two splits; the data set has all {} of them", all.len());
        walk.warn(message, "write `classes: pooled` to say that this is meant; `d.all` are the examples of all splits");
    }
    let mut sorted: Vec<PathBuf> = all.into_iter().map(PathBuf::from).collect();
    walk.sort(&mut sorted);
    Ok(sorted.iter().map(|p| name(p)).collect())
}
