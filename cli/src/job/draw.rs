//! Annotated images in a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::ArrayView3;
use prep_onnx_loader::path_text;
use prep_onnx_pipeline::{Error, Result};

use crate::answered::Answered;
use crate::drawing::Sheet;
use crate::labels::Labels;
use crate::picture::write_png;

/// Draws what was answered for each image into a folder.
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

    /// Remembers a file of an earlier run, which is not written over.
    pub(crate) fn is_there(&mut self, file: &str) {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        self.names.insert(name.to_owned());
    }

    /// Writes the image `id` with what was answered, as PNG, and returns the path of the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn draw(
        &mut self,
        id: &str,
        image: ArrayView3<'_, u8>,
        answered: &Answered,
    ) -> Result<String> {
        let mut picture = image.to_owned();
        let mut sheet = Sheet {
            picture: &mut picture,
            scale: 1.0,
        };
        answered.draw(&mut sheet, &self.labels)?;
        let name = self.name(id);
        let path = self.folder.join(name);
        write_png(&path, &picture)?;
        Ok(path_text(&path).into())
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
