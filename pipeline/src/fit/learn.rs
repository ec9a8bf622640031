//! The order of the questions.

use super::answer::{Answer, layout_of, same_bits};
use super::levels::{COLOR, Channels, Levels};
use super::probes::{SIZES, flat, noise};
use super::session::{Session, Stop, random};
use super::table::Table;
use super::ways::border_of;
use super::{Callable, Learned, Progress, Refusal, refuse};
use crate::{Dtype, Elements, ErrorKind, Layout};

/// Learns the pipeline of `call` from at most `most` images that it makes and asks about.
///
/// The pipeline gives every bit of every answer, and of at least 12 images that were not used to find it.
///
/// # Errors
/// A callable that is not deterministic, fails on a first image, or does what no pipeline of this library does: with the nearest
/// pipeline, where one came near.
///
/// ```
/// use prep_onnx_pipeline::fit::{PROBES, learn};
/// use prep_onnx_pipeline::{Dtype, Layout, preset};
///
/// let other = preset("clip")?.import(None)?.pipeline;
/// let learned = learn(&mut |image| other.reference(image, Layout::Nchw, Dtype::Float32), PROBES, &mut |_| {})?;
/// let image = ndarray::Array3::from_shape_fn((200, 300, 3), |(y, x, c)| (y * 7 + x * 3 + c) as u8);
/// assert_eq!(
///     learned.pipeline.reference(image.view(), Layout::Nchw, Dtype::Float32)?,
///     other.reference(image.view(), Layout::Nchw, Dtype::Float32)?,
/// );
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn learn(call: &mut Callable<'_>, most: usize, on: &mut dyn FnMut(Progress)) -> Result<Learned, Refusal> {
    let mut session = Session {
        call,
        on,
        most,
        stage: "first look",
        asked: 0,
        log: Vec::new(),
        failed: Vec::new(),
        form: None,
    };
    session.learn().map_err(|stop| Refusal {
        error: (*stop.error).or_kind(ErrorKind::Unsupported),
        probes: session.asked,
        nearest: stop.nearest,
    })
}

impl Session<'_, '_> {
    fn learn(&mut self) -> Result<Learned, Stop> {
        let (layout, dtype) = self.first_look()?;
        let levels = self.levels(layout, dtype)?;
        let count = self.answer(0)?.channels();
        let mut table = Table::new(count, dtype);
        self.stage = "geometry";
        let (resolved, border) = self.geometry(&levels, &mut table)?;
        self.stage = "values";
        self.fill_table(&levels, &mut table, border.as_deref())?;
        let arithmetic = table.steps().ok_or_else(|| {
            refuse("computes its values in a way that is not known here")
                .why("the 256 values of a channel are those of no chain of a scale, a mean and a deviation in float32 or float64")
                .fix("write the pipeline by hand where the nearest one will do: prep-onnx steps lists the steps")
        })?;
        let border = border.map(|values| border_of(&values, &levels, &table));
        self.stage = "rules";
        let mut candidates = self.candidates(&levels, &resolved, border, &arithmetic, count)?;
        self.tell_apart(&mut candidates)?;
        self.stage = "confirmation";
        let confirmed = self.confirm(&candidates)?;
        let found = candidates.swap_remove(0);
        let mut notes = Vec::new();
        if let Some((size, error)) = self.failed.first() {
            notes.push(format!(
                "the callable failed on {} of {} images, first on one of {} x {}: {error}; the pipeline may take such images",
                self.failed.len(),
                self.asked,
                size.0,
                size.1
            ));
        }
        let rank = self.log.first().map_or(4, |record| record.tensor.shape.len());
        if rank < 3 {
            notes.push(
                "the callable's tensor has no axis of channels; the pipeline's has one of extent 1"
                    .to_owned(),
            );
        }
        Ok(Learned {
            pipeline: found.pipeline,
            layout,
            dtype,
            probes: self.asked,
            failed: self.failed.len(),
            confirmed,
            notes,
        })
    }

    /// The form of the tensor, and whether one image gives it twice.
    fn first_look(&mut self) -> Result<(Layout, Dtype), Stop> {
        let first = self.must_ask(noise(SIZES[0], 1))?;
        let again = self.must_ask(noise(SIZES[0], 1))?;
        if !same_bits(&self.log[first].tensor, &self.log[again].tensor) {
            return Err(random().into());
        }
        let tensor = &self.log[first].tensor;
        let form = (layout_of(&tensor.shape)?, tensor.dtype());
        let finite = match &tensor.elements {
            Elements::Float32(values) => values.iter().all(|value| value.is_finite()),
            Elements::Float16(values) => values.iter().all(|value| value.is_finite()),
            Elements::Uint8(_) => true,
        };
        if !finite {
            return Err(refuse("gives numbers that are not finite").into());
        }
        self.form = Some(form);
        Ok(form)
    }

    fn levels(&mut self, layout: Layout, dtype: Dtype) -> Result<Levels, Stop> {
        let mut answers = Vec::new();
        for color in [[0; 3], [255; 3], COLOR] {
            let index = self.must_ask(flat(SIZES[0], color))?;
            answers.push(Answer::new(&self.log[index].tensor, layout)?);
        }
        let [black, white, color] = &answers[..] else {
            return Err(refuse("failed").into());
        };
        let levels = Levels::new(black, white, color, dtype)?;
        if let Channels::Order(order) = levels.channels
            && order != [0, 1, 2]
            && order != [2, 1, 0]
        {
            return Err(refuse(format_args!("has its channels in the order {order:?}"))
                .why("the steps have red, green, blue and the reverse")
                .into());
        }
        Ok(levels)
    }
}
