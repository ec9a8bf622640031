//! What the demo ships: a model, images, and what the original pipeline made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, Result};
use serde::Deserialize;

use crate::output::OutputFile;

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        const IMAGES: &[(&str, &[u8])] = &[$(
            ($name, include_bytes!(concat!("../../../../models/demo/", $name))),
        )+];
    };
}

shipped!(
    "blue_disc-02.png",
    "coarse_stripes-05.png",
    "day-09.png",
    "fine_stripes-06.png",
    "fine_stripes-11.png",
    "night-10.png",
    "red_disc-01.png",
    "red_disc-12.png",
    "sea-08.png",
    "sunset-07.png",
    "tall_oval-04.png",
    "wide_oval-03.png",
);

const MODEL: &[u8] = include_bytes!("../../../../models/zoo/shapes-cnn.onnx");
const LABELS: &str = include_str!("../../../../models/zoo/labels.txt");
const ORIGINAL: &str = include_str!("../../../../tests/goldens/make_demo.py");
const RECORD: &str = include_str!("../../../../tests/goldens/demo.json");

/// The Python module of the original pipeline, without its ending.
pub(super) const ORIGINAL_MODULE: &str = "original_pipeline";

/// What Pillow and numpy made of the images.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    /// The version of Pillow.
    pub(super) pillow: String,
    /// The version of numpy.
    pub(super) numpy: String,
    /// By file name.
    pub(super) images: BTreeMap<String, Expected>,
}

/// What one image shows, and the digest of its tensor.
#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    pub(super) label: String,
    pub(super) sha256: String,
}

/// The demo on disk.
pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) model: PathBuf,
    pub(super) images: Vec<PathBuf>,
}

/// The recorded results.
///
/// # Errors
/// When the shipped file is not what it should be.
pub(super) fn record() -> Result<Record> {
    serde_json::from_str(RECORD).map_err(|error| Error::new("tests/goldens/demo.json", error))
}

/// The names of the model's classes, one per line.
pub(super) fn labels() -> &'static str {
    LABELS
}

/// Writes model, labels, images and the original pipeline below `folder`.
///
/// # Errors
/// When it is not writable.
pub(super) fn write(folder: &Path) -> Result<Files> {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).map_err(|error| {
        Error::io(folder.display(), "cannot be written", &error)
            .fix("name another folder: prep-onnx demo --folder DIR")
    })?;
    let put = |path: PathBuf, bytes: &[u8]| {
        let mut file = OutputFile::create(&path)?;
        file.write(|out| out.write_all(bytes))?;
        file.finish().map(|()| path)
    };
    let model = put(folder.join("shapes-cnn.onnx"), MODEL)?;
    put(folder.join("labels.txt"), LABELS.as_bytes())?;
    put(folder.join(format!("{ORIGINAL_MODULE}.py")), ORIGINAL.as_bytes())?;
    let images = IMAGES
        .iter()
        .map(|(name, bytes)| put(images.join(name), bytes))
        .collect::<Result<_>>()?;
    Ok(Files {
        folder: folder.to_owned(),
        model,
        images,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_image_has_a_record_and_a_label_of_the_model() {
        let record = record().unwrap();
        let names: Vec<_> = IMAGES.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            record.images.keys().map(String::as_str).collect::<Vec<_>>()
        );
        for expected in record.images.values() {
            assert!(
                labels().lines().any(|label| label == expected.label),
                "{expected:?}"
            );
        }
    }
}
