//! A plan in every backend, and what the scalar reference says of it.

use std::path::{Path, PathBuf};

use image::{ExtendedColorType, ImageEncoder};
use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};
use prep_onnx::host::{Array, Feed, Session};
use prep_onnx::runtime::Loaded;
use prep_onnx_pipeline::plan::SourceFormat;
use prep_onnx_pipeline::{Accept, Answers, OutputKind, Pipeline, Plan, Version};
use prep_onnx_rewriter::{EmbedOptions, Lowering};

use crate::embed_to;
use crate::embedded::{bytes, open};
use crate::identity::write_identity;

/// The versions of the op that the library has.
const FUSED: &[Version] = Version::ALL;

/// A pipeline in identity models of one opset, in every backend that has it.
pub struct Planned {
    folder: tempfile::TempDir,
    pipeline: Pipeline,
    /// What it compiles to.
    pub plan: Plan,
    opset: i64,
}

/// A session of a backend, by the name of that.
pub type Backend = (&'static str, Session);

impl Planned {
    /// The pipeline that compiles to `plan`, with all `outputs` or with the tensor alone.
    pub fn new(pipeline: &Pipeline, plan: &Plan, opset: i64, outputs: bool) -> Self {
        let kinds = OutputKind::EXTRA.iter().copied().filter(|_| outputs);
        let kinds: Vec<_> = kinds
            .filter(|kind| *kind != OutputKind::Grid || plan.form.blocks.is_some())
            .collect();
        let plan = plan.clone().with_outputs(&kinds).expect("outputs of the plan");
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_identity(&folder.path().join("model.onnx"), &plan, opset);
        let mut pipeline = pipeline.clone();
        pipeline.output.layout = Some(plan.form.layout);
        Self {
            folder,
            pipeline,
            plan,
            opset,
        }
    }

    fn embed(&self, lowering: Lowering, accept: Accept, image_size: Option<(usize, usize)>) -> PathBuf {
        let options = EmbedOptions {
            input: Some("x".to_owned()),
            lowering,
            accept,
            image_size,
            outputs: self.plan.outputs.clone(),
            ..EmbedOptions::default()
        };
        let path = self.folder.path().join(format!("{lowering}-{accept}.onnx"));
        let report = embed_to(&self.model(), &self.pipeline, &options, &path);
        assert_eq!(report.plan, self.plan);
        assert_eq!(report.opset, self.opset);
        path
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("model.onnx")
    }

    /// The sessions of this form.
    pub fn backends(
        &self,
        loaded: &Loaded,
        accept: Accept,
        image_size: Option<(usize, usize)>,
    ) -> Vec<Backend> {
        let one_file = self.embed(Lowering::OneFile, accept, image_size);
        let flat = self.embed(Lowering::Standard, accept, image_size);
        let session = |path: &Path, fused: bool| open(loaded, path, fused);
        let mut backends = vec![
            ("portable", session(&one_file, false)),
            ("standard", session(&flat, false)),
        ];
        if FUSED.contains(&self.plan.version()) {
            backends.push(("fused", session(&one_file, true)));
        }
        backends
    }

    /// The session that takes files; `None` where no file has the plan's source format.
    pub fn of_files(&self, loaded: &Loaded) -> Option<Session> {
        (self.plan.source == SourceFormat::Rgb).then(|| {
            let path = self.embed(Lowering::Fused, Accept::Encoded, None);
            open(loaded, &path, true)
        })
    }

    /// All outputs for images as PNG files.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn run_files(
        &self,
        session: &mut Session,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Vec<Array>, String> {
        let files: Vec<Vec<u8>> = images.iter().map(png).collect();
        let lengths: Array1<i64> = files.iter().map(|file| file.len() as i64).collect();
        let bytes = Array::Uint8(Array1::from(files.concat()).into_dyn());
        let lengths = Array::Int64(lengths.into_dyn());
        self.run(
            session,
            &[("bytes", Feed::Array(&bytes)), ("lengths", Feed::Array(&lengths))],
        )
    }

    /// All outputs for images of one size.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn run_batch(
        &self,
        session: &mut Session,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Vec<Array>, String> {
        let stacked = ndarray::stack(Axis(0), images).expect("images of one size");
        self.run(session, &[("image", Feed::Images(stacked.view()))])
    }

    /// All outputs for images of mixed sizes.
    ///
    /// # Errors
    /// What ONNX Runtime says.
    pub fn run_ragged(
        &self,
        session: &mut Session,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Vec<Array>, String> {
        let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
        let shapes: Vec<i64> = images
            .iter()
            .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
            .collect();
        let pixels = Array::Uint8(Array1::from(pixels).into_dyn());
        let shapes = Array2::from_shape_vec((images.len(), 3), shapes).expect("three extents an image");
        let shapes = Array::Int64(shapes.into_dyn());
        self.run(
            session,
            &[("pixels", Feed::Array(&pixels)), ("shapes", Feed::Array(&shapes))],
        )
    }

    fn run(&self, session: &mut Session, feeds: &[(&str, Feed<'_>)]) -> Result<Vec<Array>, String> {
        let outputs: Vec<usize> = (0..=self.plan.outputs.len()).collect();
        session.run(feeds, &outputs).map_err(|error| error.to_string())
    }

    /// What differs between `outputs` and `answers`; nothing where all bits are equal.
    pub fn difference(&self, answers: &Answers, outputs: &[Array]) -> Option<String> {
        let (tensor, extras) = outputs.split_first().expect("the tensor");
        let expected: Vec<u8> = answers
            .tensors
            .iter()
            .flat_map(|tensor| tensor.to_le_bytes())
            .collect();
        let mut shape = answers
            .tensors
            .first()
            .map(|tensor| tensor.shape.clone())
            .unwrap_or_default();
        if let Some(first) = shape.first_mut() {
            *first = answers.tensors.iter().map(|tensor| tensor.shape[0]).sum();
        }
        if !answers.tensors.is_empty() && tensor.shape() != shape {
            return Some(format!(
                "the tensor has the shape {:?} instead of {shape:?}",
                tensor.shape()
            ));
        }
        let got = bytes(tensor);
        if got != expected {
            let width = if expected.is_empty() {
                1
            } else {
                expected.len() / got.len().max(1)
            };
            let first = got
                .iter()
                .zip(&expected)
                .position(|(got, expected)| got != expected);
            let count = got
                .iter()
                .zip(&expected)
                .filter(|(got, expected)| got != expected)
                .count();
            return Some(format!(
                "the tensor: {count} bytes, the first at {first:?} ({width})"
            ));
        }
        for (kind, array) in self.plan.outputs.iter().zip(extras) {
            let of = |row: &dyn Fn(&prep_onnx_pipeline::Extras) -> Vec<u8>| -> Vec<u8> {
                answers.extras.iter().flat_map(row).collect()
            };
            let int64s = |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let expected = match kind {
                OutputKind::Geometry => of(&|extras| {
                    extras
                        .geometry
                        .iter()
                        .flat_map(|value| value.to_le_bytes())
                        .collect()
                }),
                OutputKind::Mask => {
                    of(&|extras| extras.mask.iter().flat_map(|value| value.to_le_bytes()).collect())
                }
                OutputKind::Sizes => of(&|extras| int64s(&extras.sizes)),
                OutputKind::Grid => of(&|extras| int64s(&extras.grid)),
                OutputKind::Tensor | OutputKind::Status => continue,
            };
            if bytes(array) != expected {
                return Some(format!("{kind}: {array:?} instead of {:?}", answers.extras));
            }
        }
        None
    }
}

fn png(image: &ArrayView3<'_, u8>) -> Vec<u8> {
    let (height, width, _) = image.dim();
    let pixels: Vec<u8> = image.iter().copied().collect();
    let mut file = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut file);
    encoder
        .write_image(&pixels, width as u32, height as u32, ExtendedColorType::Rgb8)
        .expect("pixels of an image");
    file
}

/// An image, and its mirror images: images of one size.
pub fn mirrored(image: &Array3<u8>) -> [ArrayView3<'_, u8>; 3] {
    let turned = |axis: usize| {
        let mut view = image.view();
        view.invert_axis(Axis(axis));
        view
    };
    [image.view(), turned(0), turned(1)]
}
