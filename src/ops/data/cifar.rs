//! CIFAR-10 and CIFAR-100 in their official forms (A. Krizhevsky 2009: Learning Multiple Layers of Features from Tiny Images).
//!
//! Binary: a record is one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100), then 3,072 bytes: red, green and blue planes of 32x32.

use super::bytes::{Input, broken, with_help};
use super::cifar_python;
use super::parts::{Normalisation, Reader, facts_of, named, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::plan::seen;
use crate::{settings, words};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Pixels of one plane.
const PLANE: usize = 32 * 32;

/// Names of CIFAR-10's classes, by label.
pub const CIFAR10_CLASSES: &str = "airplane automobile bird cat deer dog frog horse ship truck";

/// Names of CIFAR-100's fine classes, by label.
pub const CIFAR100_FINE: &str = "\
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle \
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish \
    forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle \
    mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine \
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar \
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale \
    willow_tree wolf woman worm";

/// Names of CIFAR-100's coarse classes, by label.
pub const CIFAR100_COARSE: &str = "\
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture \
    insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores \
    medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2";

settings! {
    /// Settings of `cifar10`.
    pub struct Cifar10Settings("cifar10") { folder: String, mean: Vec<f64>, std: Vec<f64> }
}

words! {
    /// Which of CIFAR-100's two labels an image has.
    pub enum Labels {
        /// One of 100.
        Fine = "fine",
        /// One of 20.
        Coarse = "coarse",
    }
}

settings! {
    /// Settings of `cifar100`.
    pub struct Cifar100Settings("cifar100") { folder: String, labels: Labels, mean: Vec<f64>, std: Vec<f64> }
}

/// Means and standard deviations, per channel.
type Norm<'a> = (&'a [f64], &'a [f64]);

/// CIFAR-10.
pub struct Cifar10;

/// CIFAR-100.
pub struct Cifar100;

/// How a record is laid out, and what its label means.
struct Layout {
    name: &'static str,
    label_bytes: usize,
    /// Which label byte counts.
    label_at: usize,
    /// Name of the labels in the Python version.
    labels: &'static str,
    classes: Vec<String>,
}

/// The files of the two splits.
struct Parts {
    train: Vec<PathBuf>,
    test: Vec<PathBuf>,
    /// All files that were looked for, in order: which of them are there is a part of what the data set is.
    looked_for: Vec<PathBuf>,
}

/// Returns the words of a list.
fn names(list: &str) -> Vec<String> {
    list.split_whitespace().map(str::to_string).collect()
}

impl Layout {
    fn record(&self) -> usize {
        self.label_bytes + 3 * PLANE
    }

    /// Returns the number of records in a file, by its length.
    fn count(&self, path: &Path) -> Result<usize, Problem> {
        let length = std::fs::metadata(path).map_err(|e| broken(path, format!("cannot be read: {e}")))?.len();
        let record = self.record() as u64;
        if length == 0 || length % record != 0 {
            // Says so where the file is merely packed.
            Input::open(path)?;
            let mut problem =
                broken(path, format!("has {length} bytes, which is not a whole number of records of {record} bytes"));
            let other = if self.label_bytes == 1 { record + 1 } else { record - 1 };
            if length > 0 && length % other == 0 {
                problem.help = Some(format!("records of {other} bytes would fit: is this the other CIFAR?"));
            }
            return Err(problem);
        }
        Ok((length / record) as usize)
    }

    /// Checks a label.
    fn check(&self, label: i128, row: usize, path: &Path) -> Result<u32, Problem> {
        if let Some(label) = u32::try_from(label).ok().filter(|l| (*l as usize) < self.classes.len()) {
            return Ok(label);
        }
        Err(broken(path, format!("has label {label} in record {row}, and {} has {} classes", self.name, self.classes.len())))
    }

    /// Returns the labels of a file, without its pixels.
    fn labels(&self, path: &Path) -> Result<Vec<u32>, Problem> {
        if is_python(path) {
            let batch = cifar_python::read(path, self.labels, 3 * PLANE)?;
            return batch.labels.iter().enumerate().map(|(row, label)| self.check(*label, row, path)).collect();
        }
        let count = self.count(path)?;
        let cannot = |e: std::io::Error| broken(path, format!("cannot be read: {e}"));
        let mut file = BufReader::with_capacity(1 << 18, seen::open(path).map_err(cannot)?);
        let mut head = vec![0u8; self.label_bytes];
        let mut labels = Vec::with_capacity(count.min(1 << 20));
        for row in 0..count {
            file.read_exact(&mut head).map_err(cannot)?;
            labels.push(self.check(head[self.label_at].into(), row, path)?);
            file.seek_relative(3 * PLANE as i64).map_err(cannot)?;
        }
        Ok(labels)
    }

    /// Appends the images of a file, planes turned into pixels, and their labels.
    fn images(&self, path: &Path, pixels: &mut Vec<u8>, labels: &mut Vec<u32>) -> Result<usize, Problem> {
        let mut image = |planes: &[u8]| {
            for i in 0..PLANE {
                pixels.extend_from_slice(&[planes[i], planes[PLANE + i], planes[2 * PLANE + i]]);
            }
        };
        if is_python(path) {
            let batch = cifar_python::read(path, self.labels, 3 * PLANE)?;
            for (row, label) in batch.labels.iter().enumerate() {
                labels.push(self.check(*label, row, path)?);
            }
            batch.planes.chunks_exact(3 * PLANE).for_each(image);
            return Ok(batch.labels.len());
        }
        let count = self.count(path)?;
        let mut input = Input::open(path)?;
        for row in 0..count {
            let record = input.take(self.record() as u64, "records")?;
            labels.push(self.check(record[self.label_at].into(), row, path)?);
            image(&record[self.label_bytes..]);
        }
        input.end()?;
        Ok(count)
    }

    /// Returns what is known of every data set of this layout.
    fn unread(&self, norm: Norm) -> Result<Facts, Problem> {
        Normalisation::of(norm.0, norm.1, 3)?;
        Ok(Facts { classes: Some(self.classes.clone()), shape: Some(vec![32, 32, 3]), ..Facts::default() })
    }

    fn facts(&self, norm: Norm, parts: Parts) -> Result<Facts, Problem> {
        Normalisation::of(norm.0, norm.1, 3)?;
        let (mut labels, mut counts) = (Vec::new(), [0, 0]);
        for (split, files) in [&parts.train, &parts.test].into_iter().enumerate() {
            for file in files {
                let new = self.labels(file)?;
                counts[split] += new.len();
                labels.extend(new);
            }
        }
        let ranges = splits(&[("train", counts[0]), ("test", counts[1])]);
        Ok(facts_of(self.classes.clone(), &labels, &ranges, vec![32, 32, 3], parts.looked_for))
    }

    fn read(self, name: String, norm: Norm, parts: Parts) -> Result<Source, Problem> {
        let (mut pixels, mut labels, mut counts) = (Vec::new(), Vec::new(), [0, 0]);
        for (split, files) in [&parts.train, &parts.test].into_iter().enumerate() {
            for file in files {
                counts[split] += self.images(file, &mut pixels, &mut labels)?;
            }
        }
        let data = Pixels::Bytes { data: pixels, divisor: 255.0 };
        Ok(Source {
            name,
            images: Normalisation::of(norm.0, norm.1, 3)?.images(vec![32, 32, 3], data),
            labels,
            classes: self.classes,
            splits: splits(&[("train", counts[0]), ("test", counts[1])]),
        })
    }
}

/// Returns whether a file is one of the Python version, which have no extension.
fn is_python(path: &Path) -> bool {
    path.extension().is_none()
}

/// Finds the files of both splits in a folder, those of the first version that is there.
fn parts(folder: &str, files: &Files, versions: &[(&[&str], &str)]) -> Result<Parts, Problem> {
    let folder = folder.trim_end_matches('/');
    let there = |name: &str| files.find(&format!("{folder}/{name}")).is_ok_and(|p| p.is_file());
    let found = versions.iter().position(|(train, test)| there(test) || train.iter().any(|n| there(n)));
    let (train, test) = versions[found.unwrap_or(0)];
    let mut parts = version_parts(folder, files, train, test)?;
    if let Ok(dir) = files.find(folder) {
        let names = versions[..=found.unwrap_or(0)].iter().flat_map(|(train, test)| train.iter().chain([test]));
        parts.looked_for = names.map(|n| files.find(&format!("{folder}/{n}")).unwrap_or_else(|_| dir.join(n))).collect();
    }
    Ok(parts)
}

/// Finds the files of both splits; either split may be missing, not both.
fn version_parts(folder: &str, files: &Files, train: &[&str], test: &str) -> Result<Parts, Problem> {
    let blame = |p: Problem| Problem { parameter: Some("folder"), ..p };
    let dir = files.find(folder).map_err(blame)?;
    let found = |name: &str| files.find(&format!("{folder}/{name}")).ok();
    let parts = Parts {
        train: train.iter().filter_map(|n| found(n)).collect(),
        test: found(test).into_iter().collect(),
        looked_for: Vec::new(),
    };
    if !parts.train.is_empty() || !parts.test.is_empty() {
        // A part of the training files alone is more likely a mistake than a wish.
        if !parts.train.is_empty() && parts.train.len() < train.len() {
            let missing = train.iter().find(|n| found(n).is_none()).unwrap_or(&"");
            return Err(blame(broken(&dir, format!("lacks `{missing}`, though other training files are there"))));
        }
        return Ok(parts);
    }
    let wanted = format!("it should have {} and `{test}`", train.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "));
    let packed = train.iter().chain([&test]).find_map(|n| [".xz", ".gz", ".bz2"].iter().find_map(|e| found(&format!("{n}{e}"))));
    let archive = ARCHIVES.iter().find(|n| found(n).is_some());
    let inner = FOLDERS.iter().find(|n| found(n).is_some_and(|p| p.is_dir()));
    let (message, help) = match (packed, archive, inner) {
        (_, _, Some(inner)) => {
            (format!("holds a folder `{inner}`, and not the files"), format!("name that: `folder: \"{folder}/{inner}\"`"))
        }
        (_, Some(archive), _) => (
            "has the packed archive only".to_string(),
            format!("unpack it first, `tar -xzf {archive}`, and name the folder that comes out"),
        ),
        (Some(path), _, _) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            ("has packed files only".to_string(), format!("unpack them first, for instance with `xz -dk {name}`; {wanted}"))
        }
        _ => ("holds no CIFAR files".to_string(), format!("{wanted}, or the same without `.bin` in the Python version")),
    };
    Err(blame(with_help(broken(&dir, message), help)))
}

/// The archives as they are published, and the folders in them.
const ARCHIVES: [&str; 4] =
    ["cifar-10-python.tar.gz", "cifar-10-binary.tar.gz", "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"];
const FOLDERS: [&str; 4] = ["cifar-10-batches-py", "cifar-10-batches-bin", "cifar-100-python", "cifar-100-binary"];

impl Cifar10 {
    fn layout(&self) -> Layout {
        Layout { name: "cifar10", label_bytes: 1, label_at: 0, labels: "labels", classes: names(CIFAR10_CLASSES) }
    }

    fn parts(&self, folder: &str, files: &Files) -> Result<Parts, Problem> {
        let batches = ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
        let python = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"];
        parts(folder, files, &[(&batches, "test_batch.bin"), (&["train.bin"], "test.bin"), (&python, "test_batch")])
    }
}

impl Cifar100 {
    fn layout(&self, settings: &Cifar100Settings) -> Layout {
        let (label_at, labels, list) = match settings.labels {
            Labels::Coarse => (0, "coarse_labels", CIFAR100_COARSE),
            Labels::Fine => (1, "fine_labels", CIFAR100_FINE),
        };
        Layout { name: "cifar100", label_bytes: 2, label_at, labels, classes: names(list) }
    }

    fn parts(&self, folder: &str, files: &Files) -> Result<Parts, Problem> {
        parts(folder, files, &[(&["train.bin"], "test.bin"), (&["train"], "test")])
    }
}

impl Reader for Cifar10 {
    type Settings = Cifar10Settings;

    fn settings(&self, settings: &Settings) -> Cifar10Settings {
        Cifar10Settings::read(settings)
    }

    fn name(&self, settings: &Cifar10Settings) -> String {
        named([&settings.folder])
    }

    fn facts(&self, settings: &Cifar10Settings, files: Option<&Files>) -> Result<Facts, Problem> {
        let norm = (settings.mean.as_slice(), settings.std.as_slice());
        match files {
            Some(files) => self.layout().facts(norm, self.parts(&settings.folder, files)?),
            None => self.layout().unread(norm),
        }
    }

    fn read(&self, settings: &Cifar10Settings, files: &Files) -> Result<Source, Problem> {
        let norm = (settings.mean.as_slice(), settings.std.as_slice());
        self.layout().read(self.name(settings), norm, self.parts(&settings.folder, files)?)
    }
}

impl Reader for Cifar100 {
    type Settings = Cifar100Settings;

    fn settings(&self, settings: &Settings) -> Cifar100Settings {
        Cifar100Settings::read(settings)
    }

    fn name(&self, settings: &Cifar100Settings) -> String {
        named([&settings.folder])
    }

    fn facts(&self, settings: &Cifar100Settings, files: Option<&Files>) -> Result<Facts, Problem> {
        let norm = (settings.mean.as_slice(), settings.std.as_slice());
        match files {
            Some(files) => self.layout(settings).facts(norm, self.parts(&settings.folder, files)?),
            None => self.layout(settings).unread(norm),
        }
    }

    fn read(&self, settings: &Cifar100Settings, files: &Files) -> Result<Source, Problem> {
        let norm = (settings.mean.as_slice(), settings.std.as_slice());
        self.layout(settings).read(self.name(settings), norm, self.parts(&settings.folder, files)?)
    }
}
