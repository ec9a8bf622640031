//! Annotated images in a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::ArrayView3;
use prep_onnx_pipeline::{Error, Result};

use crate::drawing::Sheet;
use crate::labels::Labels;
use crate::picture::write_png;
use crate::results::Kept;

/// Draws what was found in each image into a folder.
pub(crate) struct Draw {
    folder: PathBuf,
    labels: Labels,
    names: HashSet<String>,
}

impl Draw {
    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub(crate) fn into(folder: &Path, labels: Labels) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::io(folder.display(), "cannot be made", &error))?;
        Ok(Self {
            folder: folder.to_owned(),
            labels,
            names: HashSet::new(),
        })
    }

    /// Writes the image `id` with what was found in it, as PNG.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn draw(&mut self, id: &str, image: ArrayView3<'_, u8>, kept: &Kept) -> Result<()> {
        let Kept::Found(found) = kept else {
            return Ok(());
        };
        let mut picture = image.to_owned();
        let mut sheet = Sheet {
            picture: &mut picture,
            scale: 1.0,
        };
        sheet.detections(found, &self.labels);
        let name = self.name(id);
        write_png(&self.folder.join(name), &picture)
    }

    /// A file name like the image's that none had before.
    fn name(&mut self, id: &str) -> String {
        let last = id.rsplit(['/', '\\']).next().unwrap_or(id);
        let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
        let clean = |c: char| if c.is_control() || c == ':' { '_' } else { c };
        let stem: String = stem.chars().map(clean).take(100).collect();
        let stem = if stem.is_empty() { "image".to_owned() } else { stem };
        let mut name = format!("{stem}.png");
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{stem}-{number}.png");
            number += 1;
        }
        name
    }
}
