//! Values as packs and back. Numbers that may be infinite or missing go into arrays, never into JSON.

use super::{PackError, bad, pack_from_bytes, pack_to_bytes};
use crate::engine::loadings::{Load, Loadings, Wholes};
use crate::engine::parts::Parts;
use crate::engine::value::{
    Array, ArrayData, Column, Dataset, Figure, Images, Model, Number, Pack, Pixels, Scores, Source as Examples, Stages, Table,
    Truth, Value, Weights,
};
use crate::lang::net::ir::{Net, Source};
use ndarray::Array2;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Nesting of records and lists that is read back.
const DEPTH: usize = 32;

/// Returns the bytes of a value as an artifact.
///
/// Errors: a data set from files is in it; an array and its shape, or a network and its description, do not match.
pub fn encode(value: &Value) -> Result<Vec<u8>, PackError> {
    pack_to_bytes(&to_pack(value)?)
}

/// Returns the value that the bytes of an artifact hold.
///
/// Errors: the bytes are no artifact, or its parts do not fit together.
pub fn decode(bytes: &[u8]) -> Result<Value, PackError> {
    from_pack(pack_from_bytes(bytes)?)
}

/// Returns a value as a pack. A [`Value::Pack`] is wrapped, so that its kind may be any word.
///
/// Errors: as [`encode`].
pub fn to_pack(value: &Value) -> Result<Pack, PackError> {
    to_pack_below(value, 0)
}

fn to_pack_below(value: &Value, depth: usize) -> Result<Pack, PackError> {
    if depth > DEPTH {
        return bad("the value is nested too deeply to be stored");
    }
    let mut arrays = Vec::new();
    let (kind, meta) = match value {
        Value::Dataset(d) => ("dataset", dataset(d, &mut arrays)?),
        Value::Model(m) => ("model", model(m, &mut arrays)?),
        Value::Stages(s) => {
            arrays.push(("x".into(), f64s(vec![s.x.nrows(), s.x.ncols()], s.x.iter().copied().collect())));
            arrays.push(("ids".into(), u32s(&s.ids)));
            arrays.push(("labels".into(), u32s(&s.labels)));
            arrays.push(("notes".into(), f64s(vec![s.notes.len()], s.notes.iter().map(|n| n.1).collect())));
            let notes: Vec<_> = s.notes.iter().map(|n| &n.0).collect();
            ("stages", json!({ "classes": s.classes, "notes": notes, "numbered": s.numbered }))
        }
        Value::Scores(s) => {
            arrays.push(("values".into(), f64s(vec![s.values.len()], s.values.clone())));
            arrays.push(("ids".into(), u32s(&s.ids)));
            arrays.push(("labels".into(), u32s(&s.labels)));
            let mut meta = json!({ "classes": s.classes });
            if !s.missing.is_empty() {
                meta["missing"] = json!(*s.missing);
            }
            if !s.loadings.is_empty() {
                loadings(&s.loadings, &mut arrays);
            }
            ("scores", meta)
        }
        Value::Number(n) => {
            arrays.push(("value".into(), f64s(vec![1], vec![n.value])));
            if let Some(error) = n.error {
                arrays.push(("error".into(), f64s(vec![1], vec![error])));
            }
            if let Some(shares) = n.parts.shares() {
                arrays.push(("sources".into(), sources(shares.clone().map(|s| s.0))));
                arrays.push(("shares".into(), f64s(vec![shares.len()], shares.map(|s| s.1).collect())));
            }
            let exact = n.error.is_none() && n.parts.is_exact();
            ("number", if exact { json!({ "count": n.count, "exact": true }) } else { json!({ "count": n.count }) })
        }
        Value::Truth(t) => {
            ("truth", json!({ "holds": t.holds, "within_error": t.within_error, "no_error": t.no_error, "text": t.text }))
        }
        Value::Word(w) => ("word", json!(w)),
        Value::Absent(why) => ("absent", json!(why)),
        Value::Record(parts) => {
            let names: Vec<_> = parts.iter().map(|p| &p.0).collect();
            let inner = nest(parts.iter().map(|p| &p.1), depth, &mut arrays)?;
            ("record", json!({ "names": names, "parts": inner }))
        }
        Value::List(items) => ("list", json!({ "parts": nest(items.iter(), depth, &mut arrays)? })),
        Value::Table(t) => ("table", table(t, "", &mut arrays)),
        Value::Figure(f) => {
            arrays.push(("svg".into(), u8s(f.svg.as_bytes())));
            arrays.push(("png".into(), u8s(&f.png)));
            ("figure", json!({ "caption": f.caption, "data": table(&f.data, "data/", &mut arrays) }))
        }
        Value::Pack(p) => {
            arrays = p.arrays.clone();
            ("pack", json!({ "kind": p.kind, "meta": p.meta }))
        }
    };
    Ok(Pack { kind: kind.to_string(), meta, arrays })
}

/// Returns names of sources of error as an array: two halves each.
fn sources(all: impl Iterator<Item = u64>) -> Array {
    u32s(&all.flat_map(|s| [(s >> 32) as u32, s as u32]).collect::<Vec<u32>>())
}

fn read_sources(pack: &mut Pack, name: &str) -> Result<Vec<u64>, PackError> {
    let halves = as_u32(take(pack, name)?)?;
    Ok(halves.chunks_exact(2).map(|h| (h[0] as u64) << 32 | h[1] as u64).collect())
}

/// Adds to the arrays of scores what they err by together: the sources, how many numbers there are of each (one, where it moves all examples alike),
/// and the numbers.
fn loadings(all: &Loadings, arrays: &mut Vec<(String, Array)>) {
    let (mut lengths, mut numbers) = (Vec::new(), Vec::new());
    for (_, load) in all.iter() {
        let own = match load {
            Load::All(x) => std::slice::from_ref(x),
            Load::Each(each) => each,
        };
        // One example is as all are.
        lengths.push(own.len() as u32);
        numbers.extend_from_slice(own);
    }
    arrays.push(("sources".into(), sources(all.iter().map(|(s, _)| s))));
    arrays.push(("lengths".into(), u32s(&lengths)));
    arrays.push(("loadings".into(), f64s(vec![numbers.len()], numbers)));
    let wholes = all.wholes();
    if !wholes.is_empty() {
        let each = || wholes.values().flat_map(|of| of.iter());
        arrays.push(("wholes".into(), sources(wholes.keys().copied())));
        arrays.push(("wholes/lengths".into(), u32s(&wholes.values().map(|of| of.len() as u32).collect::<Vec<u32>>())));
        arrays.push(("wholes/sources".into(), sources(each().map(|(source, _)| *source))));
        let shares: Vec<f64> = each().map(|(_, share)| *share).collect();
        arrays.push(("wholes/shares".into(), f64s(vec![shares.len()], shares)));
    }
}

/// Reads the sources that stand for several.
fn read_wholes(pack: &mut Pack) -> Result<Wholes, PackError> {
    if pack.array("wholes").is_none() {
        return Ok(Wholes::default());
    }
    let (names, lengths) = (read_sources(pack, "wholes")?, as_u32(take(pack, "wholes/lengths")?)?);
    let (sources, shares) = (read_sources(pack, "wholes/sources")?, as_f64(take(pack, "wholes/shares")?)?);
    let all: Vec<(u64, f64)> = sources.iter().copied().zip(shares.iter().copied()).collect();
    let whole: usize = lengths.iter().map(|n| *n as usize).sum();
    if names.len() != lengths.len() || sources.len() != shares.len() || whole != all.len() {
        return bad("the shared errors of scores do not match their sources");
    }
    let mut rest = all.as_slice();
    let mut out = Wholes::default();
    for (name, length) in names.into_iter().zip(lengths) {
        let (own, after) = rest.split_at((length as usize).min(rest.len()));
        rest = after;
        out.insert(name, Arc::new(own.to_vec()));
    }
    Ok(out)
}

fn read_loadings(pack: &mut Pack) -> Result<Loadings, PackError> {
    let (sources, lengths) = (read_sources(pack, "sources")?, as_u32(take(pack, "lengths")?)?);
    let numbers = as_f64(take(pack, "loadings")?)?;
    let mut rest = numbers.as_slice();
    let mut out = Vec::new();
    for (source, length) in sources.iter().zip(&lengths) {
        let Some((own, after)) = rest.split_at_checked(*length as usize) else {
            return bad("the shared errors of scores do not match their sources");
        };
        rest = after;
        out.push((*source, if let [x] = own { Load::All(*x) } else { Load::Each(Arc::new(own.to_vec())) }));
    }
    if sources.len() != lengths.len() || !rest.is_empty() {
        return bad("the shared errors of scores do not match their sources");
    }
    Ok(Loadings::kept(out).standing(read_wholes(pack)?))
}

/// Returns the value that a pack written by [`to_pack`] holds.
///
/// Errors: its parts do not fit together.
pub fn from_pack(pack: Pack) -> Result<Value, PackError> {
    from_pack_below(pack, 0)
}

fn from_pack_below(mut pack: Pack, depth: usize) -> Result<Value, PackError> {
    if depth > DEPTH {
        return bad("the artifact is nested too deeply");
    }
    let kind = std::mem::take(&mut pack.kind);
    Ok(match kind.as_str() {
        "model" => Value::Model(Arc::new(read_model(&mut pack)?)),
        "dataset" => Value::Dataset(Arc::new(read_dataset(&mut pack)?)),
        "stages" => {
            let x = take(&mut pack, "x")?;
            let [rows, columns] = x.shape[..] else { return bad("a representation is a matrix") };
            let x = Array2::from_shape_vec((rows, columns), as_f64(x)?).map_err(|e| PackError(e.to_string()))?;
            let (ids, labels) = ids_and_labels(&mut pack, rows)?;
            let names: Vec<String> = get(&pack.meta, "notes")?;
            let notes = as_f64(take(&mut pack, "notes")?)?;
            if names.len() != notes.len() {
                return bad("the notes of a representation do not match their names");
            }
            let notes = names.into_iter().zip(notes).collect();
            // Those that were kept before this was said came from networks, or are read anew.
            let numbered = pack.meta["numbered"].as_bool().unwrap_or(false);
            Value::Stages(Arc::new(Stages { x, ids, labels, classes: get(&pack.meta, "classes")?, numbered, notes }))
        }
        "scores" => {
            let values = as_f64(take(&mut pack, "values")?)?;
            let (ids, labels) = ids_and_labels(&mut pack, values.len())?;
            let missing = if pack.meta["missing"].is_null() { Arc::default() } else { Arc::new(get(&pack.meta, "missing")?) };
            let loadings = if pack.array("sources").is_some() { read_loadings(&mut pack)? } else { Loadings::default() };
            Value::Scores(Arc::new(Scores {
                values,
                ids,
                labels,
                classes: get(&pack.meta, "classes")?,
                missing,
                loadings,
                about: None,
            }))
        }
        "number" => {
            let one = |array: Array| match as_f64(array)?[..] {
                [x] => Ok(x),
                _ => bad("a number is one number"),
            };
            let value = one(take(&mut pack, "value")?)?;
            let error = if pack.array("error").is_some() { Some(one(take(&mut pack, "error")?)?) } else { None };
            let mut number = Number::new(value, error, get(&pack.meta, "count")?);
            if pack.array("sources").is_some() {
                let sources = read_sources(&mut pack, "sources")?;
                let shares = as_f64(take(&mut pack, "shares")?)?;
                if sources.len() != shares.len() {
                    return bad("the parts of an error do not match their sources");
                }
                number.parts = Parts::kept(sources.into_iter().zip(shares).collect());
            }
            if pack.meta["exact"].as_bool() == Some(true) {
                number.parts = Parts::exact();
            }
            Value::Number(number)
        }
        "truth" => {
            let m = &pack.meta;
            // Not said of those that were kept before it was known.
            let no_error = m["no_error"].as_bool().unwrap_or(false);
            Value::Truth(Truth {
                holds: get(m, "holds")?,
                within_error: get(m, "within_error")?,
                no_error,
                text: get(m, "text")?,
            })
        }
        "word" => Value::Word(parse(&pack.meta)?),
        "absent" => Value::Absent(parse(&pack.meta)?),
        "record" => {
            let names: Vec<String> = get(&pack.meta, "names")?;
            let parts = unnest(pack, depth)?;
            if names.len() != parts.len() {
                return bad("the parts of a record do not match their names");
            }
            Value::Record(names.into_iter().zip(parts).collect())
        }
        "list" => Value::List(unnest(pack, depth)?),
        "table" => {
            let meta = pack.meta.take();
            Value::Table(Arc::new(read_table(&meta, "", &mut pack)?))
        }
        "figure" => {
            let meta = pack.meta.take();
            let svg = String::from_utf8(as_u8(take(&mut pack, "svg")?)?).map_err(|e| PackError(e.to_string()))?;
            let png = as_u8(take(&mut pack, "png")?)?;
            let data = read_table(&meta["data"], "data/", &mut pack)?;
            Value::Figure(Arc::new(Figure { svg, png, caption: get(&meta, "caption")?, data }))
        }
        "pack" => {
            let meta = pack.meta.get_mut("meta").map(Json::take);
            let Some(meta) = meta else { return bad("the pack has no description") };
            Value::Pack(Arc::new(Pack { kind: get(&pack.meta, "kind")?, meta, arrays: pack.arrays }))
        }
        other => return bad(format!("the artifact is of an unknown kind `{other}`")),
    })
}

/// Adds the arrays of several values to those of one, and returns the descriptions.
fn nest<'a>(values: impl Iterator<Item = &'a Value>, depth: usize, arrays: &mut Vec<(String, Array)>) -> Result<Json, PackError> {
    let mut out = Vec::new();
    for value in values {
        let inner = to_pack_below(value, depth + 1)?;
        out.push(json!([inner.kind, inner.meta, inner.arrays.len()]));
        arrays.extend(inner.arrays);
    }
    Ok(Json::Array(out))
}

/// Returns the values that [`nest`] wrote: each takes its number of arrays from the front.
fn unnest(mut pack: Pack, depth: usize) -> Result<Vec<Value>, PackError> {
    let Some(Json::Array(parts)) = pack.meta.get_mut("parts").map(Json::take) else {
        return bad("the parts of an artifact are not described");
    };
    let mut arrays = pack.arrays.into_iter();
    let mut out = Vec::new();
    for mut part in parts {
        let (kind, count) = (parse::<String>(&part[0])?, parse::<usize>(&part[2])?);
        let meta = part.get_mut(1).map(Json::take).unwrap_or_default();
        let own: Vec<_> = arrays.by_ref().take(count).collect();
        if own.len() != count {
            return bad("the artifact has too few arrays");
        }
        out.push(from_pack_below(Pack { kind, meta, arrays: own }, depth + 1)?);
    }
    if arrays.next().is_some() {
        return bad("the artifact has too many arrays");
    }
    Ok(out)
}

fn model(m: &Model, arrays: &mut Vec<(String, Array)>) -> Result<Json, PackError> {
    let add = |w: &Weights, arrays: &mut Vec<(String, Array)>| {
        for (name, shape, data) in w {
            arrays.push((name.clone(), Array { shape: shape.clone(), data: ArrayData::F32(data.clone()) }));
        }
        w.len()
    };
    let net = serde_json::to_value(&*m.net).map_err(|e| PackError(format!("the network cannot be written: {e}")))?;
    let weights = add(&m.weights, arrays);
    let snapshots: Vec<_> = m.snapshots.iter().map(|(epoch, w)| json!([epoch, add(w, arrays)])).collect();
    arrays.push(("trained_on".into(), u32s(&m.trained_on)));
    let history = table(&m.history, "history/", arrays);
    Ok(json!({ "net": net, "weights": weights, "snapshots": snapshots, "history": history, "classes": m.classes }))
}

fn read_model(pack: &mut Pack) -> Result<Model, PackError> {
    let net: Net = get(&pack.meta, "net")?;
    check_net(&net)?;
    let meta = pack.meta.take();
    let mut arrays = std::mem::take(&mut pack.arrays).into_iter();
    let mut read = |count: usize| -> Result<Arc<Weights>, PackError> {
        let mut out = Vec::new();
        for _ in 0..count {
            match arrays.next() {
                Some((name, Array { shape, data: ArrayData::F32(data) })) => out.push((name, shape, data)),
                _ => return bad("the weights of a model are missing"),
            }
        }
        Ok(Arc::new(out))
    };
    let weights = read(get(&meta, "weights")?)?;
    let mut snapshots = Vec::new();
    for (epoch, count) in get::<Vec<(usize, usize)>>(&meta, "snapshots")? {
        snapshots.push((epoch, read(count)?));
    }
    pack.arrays = arrays.collect();
    let trained_on = Arc::new(as_u32(take(pack, "trained_on")?)?);
    let history = read_table(&meta["history"], "history/", pack)?;
    Ok(Model { net: Arc::new(net), weights, snapshots, history, trained_on, classes: get(&meta, "classes")? })
}

/// Returns an error where a network refers to layers that are not there, or come later.
/// Describes a data set that a kernel made. Those that came from files, which is where bytes come from, are read again and never written.
fn dataset(d: &Dataset, arrays: &mut Vec<(String, Array)>) -> Result<Json, PackError> {
    let source = &d.source;
    let Pixels::Floats(x) = &source.images.data else { return bad("a data set is never stored") };
    arrays.push(("x".into(), f32s(x)));
    arrays.push(("mean".into(), f32s(&source.images.mean)));
    arrays.push(("std".into(), f32s(&source.images.std)));
    arrays.push(("given".into(), u32s(&source.labels)));
    arrays.push(("ids".into(), u32s(&d.ids)));
    arrays.push(("labels".into(), u32s(&d.labels)));
    Ok(json!({ "name": source.name, "shape": source.images.shape, "classes": source.classes, "splits": source.splits }))
}

fn read_dataset(pack: &mut Pack) -> Result<Dataset, PackError> {
    let meta = pack.meta.take();
    let shape: Vec<usize> = get(&meta, "shape")?;
    let splits: Vec<(String, std::ops::Range<usize>)> = get(&meta, "splits")?;
    let x = as_f32(take(pack, "x")?)?;
    let size = shape.iter().try_fold(1usize, |n, x| n.checked_mul(*x)).filter(|n| *n > 0);
    let Some(count) = size.filter(|n| x.len().is_multiple_of(*n)).map(|n| x.len() / n) else {
        return bad("the numbers of a data set do not match the shape of its examples");
    };
    let (mean, std) = (as_f32(take(pack, "mean")?)?, as_f32(take(pack, "std")?)?);
    let given = as_u32(take(pack, "given")?)?;
    let rows = pack.array("ids").map_or(0, |a| a.data.len());
    let (ids, labels) = ids_and_labels(pack, rows)?;
    let inside = ids.iter().all(|id| (*id as usize) < count) && splits.iter().all(|(_, r)| r.start <= r.end && r.end <= count);
    if !inside || !(given.is_empty() || given.len() == count) {
        return bad("a data set refers to examples that are not there");
    }
    let images = Images { shape, data: Pixels::Floats(x), mean, std };
    let source = Examples { name: get(&meta, "name")?, images, labels: given, classes: get(&meta, "classes")?, splits };
    Ok(Dataset { source: Arc::new(source), ids, labels })
}

fn check_net(net: &Net) -> Result<(), PackError> {
    let ordered = net.nodes.iter().enumerate().all(|(i, node)| {
        node.inputs.iter().all(|s| match s {
            Source::Input => true,
            Source::Node(id) => *id < i,
        })
    });
    if !ordered || net.taps.iter().any(|t| t.1 >= net.nodes.len()) || net.output >= net.nodes.len() {
        return bad("the network of a model refers to a layer that is not there");
    }
    Ok(())
}

fn table(t: &Table, prefix: &str, arrays: &mut Vec<(String, Array)>) -> Json {
    let mut columns = Vec::new();
    for (i, (name, column)) in t.columns.iter().enumerate() {
        match column {
            Column::Numbers(x) => {
                arrays.push((format!("{prefix}{i}"), f64s(vec![x.len()], x.clone())));
                columns.push(json!([name, null]));
            }
            Column::Texts(x) => columns.push(json!([name, x])),
        }
    }
    Json::Array(columns)
}

fn read_table(meta: &Json, prefix: &str, pack: &mut Pack) -> Result<Table, PackError> {
    let mut columns: Vec<(String, Column)> = Vec::new();
    for (i, (name, texts)) in parse::<Vec<(String, Option<Vec<String>>)>>(meta)?.into_iter().enumerate() {
        let column = match texts {
            Some(x) => Column::Texts(x),
            None => Column::Numbers(as_f64(take(pack, &format!("{prefix}{i}"))?)?),
        };
        if columns.first().is_some_and(|c| c.1.len() != column.len()) {
            return bad("the columns of a table are not of one length");
        }
        columns.push((name, column));
    }
    Ok(Table { columns })
}

/// Returns ids and labels of `rows` examples; labels may be missing altogether.
fn ids_and_labels(pack: &mut Pack, rows: usize) -> Result<(Arc<Vec<u32>>, Arc<Vec<u32>>), PackError> {
    let ids = as_u32(take(pack, "ids")?)?;
    let labels = as_u32(take(pack, "labels")?)?;
    if ids.len() != rows || !(labels.is_empty() || labels.len() == rows) {
        return bad("there is not one id and label for each example");
    }
    Ok((Arc::new(ids), Arc::new(labels)))
}

fn parse<T: DeserializeOwned>(json: &Json) -> Result<T, PackError> {
    T::deserialize(json).map_err(|e| PackError(format!("the artifact's description is damaged: {e}")))
}

fn get<T: DeserializeOwned>(json: &Json, name: &str) -> Result<T, PackError> {
    parse(&json[name])
}

fn take(pack: &mut Pack, name: &str) -> Result<Array, PackError> {
    match pack.arrays.iter().position(|(n, _)| n == name) {
        Some(i) => Ok(pack.arrays.remove(i).1),
        None => bad(format!("the array `{name}` is missing")),
    }
}

fn f64s(shape: Vec<usize>, data: Vec<f64>) -> Array {
    Array { shape, data: ArrayData::F64(data) }
}

fn f32s(data: &[f32]) -> Array {
    Array { shape: vec![data.len()], data: ArrayData::F32(data.to_vec()) }
}

fn u32s(data: &[u32]) -> Array {
    Array { shape: vec![data.len()], data: ArrayData::U32(data.to_vec()) }
}

fn u8s(data: &[u8]) -> Array {
    Array { shape: vec![data.len()], data: ArrayData::U8(data.to_vec()) }
}

fn as_f64(array: Array) -> Result<Vec<f64>, PackError> {
    if let ArrayData::F64(x) = array.data { Ok(x) } else { bad("an array is not of 64-bit floats") }
}

fn as_f32(array: Array) -> Result<Vec<f32>, PackError> {
    if let ArrayData::F32(x) = array.data { Ok(x) } else { bad("an array is not of 32-bit floats") }
}

fn as_u32(array: Array) -> Result<Vec<u32>, PackError> {
    if let ArrayData::U32(x) = array.data { Ok(x) } else { bad("an array is not of 32-bit integers") }
}

fn as_u8(array: Array) -> Result<Vec<u8>, PackError> {
    if let ArrayData::U8(x) = array.data { Ok(x) } else { bad("an array is not of bytes") }
}
