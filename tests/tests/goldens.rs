//! Bit for bit parity with the libraries: every result that `tests/goldens/make_goldens.py` recorded from them.
#![allow(clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ndarray::{Array3, s};
use prep_onnx_pipeline::{
    Filter, Layout, Notation, PRESETS, Pipeline, Resampler, Result, Windows, import, preset, resample,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Cases whose config is refused because it cannot be expressed, and the key that the refusal names.
const REFUSED: &[(&str, &str)] = &[
    // torchvision has no such filter for tensors: the library fails as well.
    ("hf-vit-box.torchvision", "resample"),
    ("hf-vit-hamming.torchvision", "resample"),
];

/// The torchvision weights, whose transforms no config file describes: (case, `Resize`, filter).
const TORCHVISION: &[(&str, usize, Filter)] = &[
    ("torchvision-resnet50-v1", 256, Filter::Bilinear),
    ("torchvision-resnet50-v2", 232, Filter::Bilinear),
    ("torchvision-swin-t", 232, Filter::Bicubic),
    ("torchvision-vit-b16", 256, Filter::Bilinear),
    ("torchvision-efficientnet-b0", 256, Filter::Bicubic),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn json(name: &str) -> Value {
    let text = std::fs::read_to_string(folder("goldens").join(name)).expect("the file is shipped");
    serde_json::from_str(&text).expect("the script wrote JSON")
}

fn images() -> BTreeMap<String, Array3<u8>> {
    let entries = std::fs::read_dir(folder("images")).expect("the images are shipped");
    let read = |path: PathBuf| {
        let image = image::open(&path).expect("a shipped image").to_rgb8();
        let (width, height) = image.dimensions();
        let shape = (height as usize, width as usize, 3);
        let name = path
            .file_stem()
            .expect("a file name")
            .to_string_lossy()
            .into_owned();
        let pixels = Array3::from_shape_vec(shape, image.into_raw()).expect("three bytes a pixel");
        (name, pixels)
    };
    entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .map(read)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The pipeline that a case is about.
fn pipeline(name: &str, case: &Value) -> Result<Pipeline> {
    if let Some((_, size, filter)) = TORCHVISION.iter().find(|(case, ..)| *case == name) {
        let mut value = preset("imagenet")?.import(None)?.pipeline.to_value();
        value["steps"][0]["size"]["shortest_edge"] = (*size).into();
        value["steps"][0]["filter"] = filter.name().into();
        return Pipeline::from_value(value);
    }
    let path = folder("goldens").join(case["config"].as_str().expect("a config file"));
    let text = std::fs::read_to_string(path).expect("the config is shipped");
    let resampler = case["backend"].as_str().map(|backend| match backend {
        "torchvision" => Resampler::Torchvision,
        _ => Resampler::Pillow,
    });
    Ok(import(&text, Notation::Json, resampler)?.pipeline)
}

/// Compares one case on every image; returns how many results agree, and what does not.
fn compare(name: &str, case: &Value, images: &BTreeMap<String, Array3<u8>>) -> (usize, Vec<String>) {
    let refused = REFUSED
        .iter()
        .find(|(case, _)| *case == name)
        .map(|(_, key)| *key);
    let pipeline = match (pipeline(name, case), refused) {
        (Ok(pipeline), None) => pipeline,
        (Err(error), Some(key)) if error.to_string().contains(&format!(": {key}: ")) => return (0, vec![]),
        (Ok(_), Some(key)) => return (0, vec![format!("{name}: {key} is not refused")]),
        (Err(error), _) => return (0, vec![format!("{name}: {error}")]),
    };
    let dtype = case["dtype"]
        .as_str()
        .expect("a dtype")
        .parse()
        .expect("a known dtype");
    let results = case["images"].as_object().expect("results by image");
    let mut equal = 0;
    let mut differences = Vec::new();
    for (image, result) in results {
        let Some(expected) = result["sha256"].as_str() else {
            differences.push(format!("{name} {image}: the library failed: {}", result["error"]));
            continue;
        };
        match pipeline.reference(images[image].view(), Layout::Nchw, dtype) {
            Err(error) => differences.push(format!("{name} {image}: {error}")),
            Ok(tensor) if sha256(&tensor.to_le_bytes()) != expected => {
                differences.push(format!("{name} {image}: the bits differ"));
            }
            Ok(_) => equal += 1,
        }
    }
    (equal, differences)
}

#[test]
fn every_pipeline_gives_the_bits_of_its_library() {
    let goldens = json("goldens.json");
    let cases: Vec<(&String, &Value)> = goldens["cases"]
        .as_object()
        .expect("cases by name")
        .iter()
        .collect();
    let images = images();
    let next = AtomicUsize::new(0);
    let results = Mutex::new((0, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (equal, differences) = compare(name, case, &images);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.0 += equal;
                    results.1.extend(differences);
                }
            });
        }
    });
    let (equal, differences) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        equal + differences.len(),
        differences.join("\n")
    );
    assert_eq!(equal, (cases.len() - REFUSED.len()) * images.len());
    eprintln!(
        "{equal} results of {} cases are equal",
        cases.len() - REFUSED.len()
    );
}

#[test]
fn every_resize_gives_the_bytes_of_its_library() {
    let goldens = json("resize.json");
    let images = images();
    let pairs = goldens["pairs"].as_array().expect("pairs");
    let number = |value: &Value| value.as_u64().expect("a number of pixels") as usize;
    let mut differences = Vec::new();
    let mut compared = 0;
    for windows in Windows::ALL {
        let resampler = Resampler::from(*windows);
        let results = goldens[resampler.name()]["results"]
            .as_object()
            .expect("results by filter");
        for (filter, hashes) in results {
            let filter: Filter = filter.parse().expect("a known filter");
            resampler.check_filter(filter).expect("the library has it");
            for (pair, expected) in pairs.iter().zip(hashes.as_array().expect("a hash for each pair")) {
                let mut image = images[pair["image"].as_str().expect("an image")].view();
                if let Some([left, top, width, height]) = pair["crop"].as_array().map(Vec::as_slice) {
                    let [left, top] = [left, top].map(number);
                    let [width, height] = [width, height].map(number);
                    image.slice_collapse(s![top..top + height, left..left + width, ..]);
                }
                let to = (number(&pair["out"][1]), number(&pair["out"][0]));
                let resized = resample::resize(image, to, filter, *windows, true);
                let bytes: Vec<u8> = resized.iter().copied().collect();
                compared += 1;
                if sha256(&bytes) != expected.as_str().expect("a hash") {
                    differences.push(format!("{resampler} {filter} {pair}"));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert_eq!(compared, (6 + 6 + 5) * pairs.len());
    eprintln!("{compared} resizes are equal");
}

/// A preset that a golden config also describes must mean the same.
#[test]
fn presets_mean_what_the_recorded_configs_mean() {
    let same = [
        ("beit", "hf-beit.json"),
        ("blip", "hf-blip.json"),
        ("clip", "hf-clip.json"),
        ("convnext", "hf-convnext-224.json"),
        ("convnext-384", "hf-convnext-384.json"),
        ("deit", "hf-deit.json"),
        ("dinov2", "hf-dinov2.json"),
        ("efficientnet", "hf-efficientnet.json"),
        ("mobilenet", "hf-mobilenet-v2.json"),
        ("siglip", "hf-siglip.json"),
        ("swin", "hf-swin.json"),
        ("timm-0.95", "timm-resnet50-a1.json"),
        ("trocr", "hf-trocr.json"),
        ("vit", "hf-vit.json"),
    ];
    for (name, config) in same {
        let listed = preset(name)
            .expect("a preset")
            .import(None)
            .expect("it parses")
            .pipeline;
        let path = folder("goldens/configs").join(config);
        let text = std::fs::read_to_string(path).expect("the config is shipped");
        let recorded = import(&text, Notation::Json, None).expect("it parses").pipeline;
        assert_eq!(listed.steps, recorded.steps, "{name} and {config}");
    }
    assert!(PRESETS.len() > same.len());
}
