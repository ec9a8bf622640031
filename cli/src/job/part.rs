//! A part file: finished rows of a run.
//!
//! The first line is JSON with the number of rows and of the bytes that follow, and a digest of both. Each row is
//! a line of JSON, and the little-endian elements of its output where there is one.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::hex;
use crate::detection::{Columns, Detection};
use crate::host::Array;
use crate::labels::Ranked;
use crate::map::Map;
use crate::output::OutputFile;
use crate::results::{ImageResult, Kept};

#[derive(Serialize, Deserialize)]
struct Header {
    rows: usize,
    failed: usize,
    bytes: u64,
    sha256: String,
}

impl Header {
    /// A digest that will hold the bytes behind the header, and holds the numbers in it.
    fn hasher(rows: usize, failed: usize, bytes: u64) -> Sha256 {
        Sha256::new_with_prefix(format!("{rows} {failed} {bytes}\n"))
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<(usize, usize)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    top: Option<Vec<Rank>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Form>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    map: Option<Map>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawn: Option<String>,
}

/// The bits of the rows of detections, and what is in them.
#[derive(Serialize, Deserialize)]
struct Found {
    rotated: bool,
    keypoints: [usize; 2],
    mask: bool,
    rows: Vec<Vec<u64>>,
}

/// An index and the bits of its score, which JSON cannot hold when it is NaN.
type Rank = (usize, u64);

#[derive(Serialize, Deserialize)]
struct Form {
    npy_type: String,
    shape: Vec<usize>,
    bytes: usize,
}

/// Rows on their way into a part file.
#[derive(Default)]
pub(super) struct Rows {
    encoded: Vec<u8>,
    pub(super) rows: usize,
    pub(super) failed: usize,
}

impl Rows {
    pub(super) fn bytes(&self) -> usize {
        self.encoded.len()
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        let mut elements = Vec::new();
        let mut line = Line {
            id: row.id.clone(),
            path: row.path.clone(),
            size: row.size,
            error: None,
            top: None,
            output: None,
            found: None,
            map: None,
            drawn: row.drawn.clone(),
        };
        match &row.outcome {
            Err(error) => {
                line.error = Some(error.to_string());
                self.failed += 1;
            }
            Ok(Kept::Top(top)) => {
                let ranks = top.iter().map(|ranked| (ranked.index, ranked.score.to_bits()));
                line.top = Some(ranks.collect());
            }
            Ok(Kept::Found(found)) => {
                let columns = found.first().map(Detection::columns).unwrap_or_default();
                let bits = |detection: &Detection| detection.row().into_iter().map(f64::to_bits).collect();
                let rows = found.iter().map(bits).collect();
                line.found = Some(Found {
                    rotated: columns.rotated,
                    keypoints: columns.keypoints,
                    mask: columns.mask,
                    rows,
                });
            }
            Ok(Kept::Map(map)) => line.map = Some(map.clone()),
            Ok(Kept::Output(array)) => {
                array.write_le(&mut elements).map_err(|error| encoding(&error))?;
                line.output = Some(Form {
                    npy_type: array.npy_type().to_owned(),
                    shape: array.shape().to_vec(),
                    bytes: elements.len(),
                });
            }
        }
        serde_json::to_writer(&mut self.encoded, &line).map_err(|error| encoding(&error))?;
        self.encoded.push(b'\n');
        self.encoded.extend(elements);
        self.rows += 1;
        Ok(())
    }

    /// Writes the rows as a part file, which appears complete or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let bytes = self.encoded.len() as u64;
        let digest = Header::hasher(self.rows, self.failed, bytes).chain_update(&self.encoded);
        let header = Header {
            rows: self.rows,
            failed: self.failed,
            bytes,
            sha256: hex(&digest.finalize()),
        };
        let mut file = OutputFile::create(path)?;
        file.write(|out| {
            serde_json::to_writer(&mut *out, &header)?;
            out.write_all(b"\n")?;
            out.write_all(&self.encoded)
        })?;
        file.finish()
    }
}

fn encoding(error: &dyn std::fmt::Display) -> Error {
    Error::new("row", "cannot be encoded")
        .with_kind(ErrorKind::Io)
        .why(error)
}

/// A part file that is read row by row.
pub(super) struct Part {
    reader: BufReader<File>,
    path: String,
    pub(super) rows: usize,
    pub(super) failed: usize,
    left: usize,
}

impl Part {
    /// Opens a part file; `None` for one that is missing or not what was written.
    ///
    /// # Errors
    /// What reading meets.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let cannot = |error: std::io::Error| {
            Error::new(path.display(), format_args!("cannot be read: {error}")).with_kind(ErrorKind::Io)
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(cannot)?,
        };
        let total = file.metadata().map_err(cannot)?.len();
        let mut reader = BufReader::new(file);
        let line = line(&mut reader).map_err(cannot)?;
        let Ok(Header {
            rows,
            failed,
            bytes,
            sha256,
        }) = serde_json::from_slice(&line)
        else {
            return Ok(None);
        };
        if rows == 0 || (line.len() as u64).checked_add(bytes) != Some(total) {
            return Ok(None);
        }
        let mut hasher = Header::hasher(rows, failed, bytes);
        loop {
            let bytes = reader.fill_buf().map_err(cannot)?;
            let read = bytes.len();
            if read == 0 {
                break;
            }
            hasher.update(bytes);
            reader.consume(read);
        }
        if hex(&hasher.finalize()) != sha256 {
            return Ok(None);
        }
        reader.seek(SeekFrom::Start(line.len() as u64)).map_err(cannot)?;
        Ok(Some(Self {
            reader,
            path: path.display().to_string(),
            rows,
            failed,
            left: rows,
        }))
    }

    fn read_row(&mut self) -> Result<ImageResult> {
        let broken = |what: &dyn std::fmt::Display| {
            Error::new(&self.path, format_args!("is damaged: {what}"))
                .with_kind(ErrorKind::Io)
                .fix("delete the file and run again with --resume, which computes its rows again")
        };
        let line = line(&mut self.reader).map_err(|error| broken(&error))?;
        let line: Line = serde_json::from_slice(&line).map_err(|error| broken(&error))?;
        let found = line.found.map(|found| {
            let Found {
                rotated,
                keypoints,
                mask,
                rows,
            } = found;
            let columns = Columns {
                rotated,
                keypoints,
                mask,
            };
            let detection = |bits: &Vec<u64>| {
                let row: Vec<f64> = bits.iter().copied().map(f64::from_bits).collect();
                Detection::of(&row, &columns)
            };
            Kept::Found(rows.iter().map(detection).collect())
        });
        let kept = line.top.map(ranks).or(found).or(line.map.map(Kept::Map));
        let outcome = match (line.output, kept, line.error) {
            (Some(form), None, None) => {
                let mut elements = Vec::new();
                let bytes = form.bytes as u64;
                (&mut self.reader)
                    .take(bytes)
                    .read_to_end(&mut elements)
                    .map_err(|error| broken(&error))?;
                let array = Array::from_npy(&form.npy_type, &form.shape, &elements);
                Ok(Kept::Output(
                    array.ok_or_else(|| broken(&"an output does not have its form"))?,
                ))
            }
            (None, Some(kept), None) => Ok(kept),
            (None, None, Some(error)) => Err(Error::new("", error).with_kind(ErrorKind::Image)),
            _ => return Err(broken(&"a row is neither an output nor an error")),
        };
        Ok(ImageResult {
            id: line.id,
            path: line.path,
            size: line.size,
            drawn: line.drawn,
            outcome,
        })
    }
}

/// The highest elements of a row.
fn ranks(top: Vec<Rank>) -> Kept {
    let ranked = top.into_iter().map(|(index, bits)| Ranked {
        index,
        score: f64::from_bits(bits),
    });
    Kept::Top(ranked.collect())
}

/// A line with its end; what is too long for one is cut.
fn line(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    const LONGEST: u64 = 1 << 26;
    let mut line = Vec::new();
    reader.take(LONGEST).read_until(b'\n', &mut line)?;
    Ok(line)
}

impl Iterator for Part {
    type Item = Result<ImageResult>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let row = self.read_row();
        if row.is_err() {
            self.left = 0;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;
    use crate::map::Shows;

    fn rows() -> Vec<ImageResult> {
        let row = |id: &str, outcome| ImageResult {
            id: id.to_owned(),
            path: Some(format!("folder/{id}")),
            size: Some((3, 4)),
            drawn: (id == "c").then(|| "drawn/c.png".to_owned()),
            outcome,
        };
        let found = Detection {
            corners: [1.0, f32::NAN, 3.5, 4.0],
            score: 0.1,
            class: -3,
            rotated: None,
            points: vec![vec![1.0, 2.0], vec![3.0, 4.0]],
            mask_pixels: Some(12_000_000),
        };
        let map = |shows| {
            Ok(Kept::Map(Map {
                height: 3,
                width: 4,
                shows,
            }))
        };
        let array = ArrayD::from_shape_vec(IxDyn(&[2, 2]), vec![f32::NAN, -0.0, 1.0, f32::MAX]).unwrap();
        vec![
            row("a\nb", Ok(Kept::Output(Array::Float32(array)))),
            row("b", Err(Error::new("b", "is bad\nindeed"))),
            row(
                "c",
                Ok(Kept::Top(vec![Ranked {
                    index: 7,
                    score: f64::NAN,
                }])),
            ),
            row(
                "d",
                Ok(Kept::Output(Array::Bool(ArrayD::from_elem(IxDyn(&[]), true)))),
            ),
            row("e", Ok(Kept::Found(vec![found]))),
            row("f", map(Shows::Classes(vec![(255, 11), (-1, 1)]))),
            row("g", map(Shows::Values(Some([f32::MIN_POSITIVE, 0.1])))),
            row("h", map(Shows::Above(4))),
        ]
    }

    fn bytes(row: &ImageResult) -> String {
        let mut rows = Rows::default();
        rows.push(row).unwrap();
        format!("{:?}", rows.encoded)
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let mut part = Rows::default();
        for row in rows() {
            part.push(&row).unwrap();
        }
        part.write(&path).unwrap();
        let read = Part::open(&path).unwrap().unwrap();
        assert_eq!((read.rows, read.failed), (8, 1));
        let read: Vec<_> = read.map(|row| bytes(&row.unwrap())).collect();
        assert_eq!(read, rows().iter().map(bytes).collect::<Vec<_>>());
    }

    #[test]
    fn a_part_that_is_cut_anywhere_is_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let mut part = Rows::default();
        for row in rows().iter().take(4) {
            part.push(row).unwrap();
        }
        part.write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(Part::open(&path).unwrap().is_none(), "{length}");
        }
    }

    #[test]
    fn a_part_with_one_bit_flipped_anywhere_is_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let mut part = Rows::default();
        for row in rows().iter().take(4) {
            part.push(row).unwrap();
        }
        part.write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &damaged).unwrap();
            let read = Part::open(&path).unwrap();
            // A letter of the digest in upper case would be the same number, but is not what was written.
            assert!(read.is_none(), "bit {bit}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Part::open(&path).unwrap().is_none());
    }

    /// What no flipped bit makes, but another program could.
    #[test]
    fn rows_of_another_form_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        for rows in [
            "x\n",
            "{\"id\":\"a\"}\n",
            "{\"id\":\"a\",\"output\":{\"npy_type\":\"<f4\",\"shape\":[9],\"bytes\":4}}\nabcd",
        ] {
            let part = Rows {
                encoded: rows.as_bytes().to_vec(),
                rows: 1,
                failed: 0,
            };
            part.write(&path).unwrap();
            let read: Vec<_> = Part::open(&path).unwrap().unwrap().collect();
            let [Err(error)] = read.as_slice() else {
                panic!("{rows}")
            };
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
    }
}
