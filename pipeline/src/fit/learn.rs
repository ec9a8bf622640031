//! The order of the questions.

use ndarray::{Array3, Axis};

use super::answer::{Answer, layout_of, same_bits};
use super::build::{Border, Parts};
use super::levels::{COLOR, Channels, Levels};
use super::measure::Planes;
use super::probes::{Code, Stream, blocks, coded, flat, noise, ramp, scene};
use super::refuse;
use super::resolve::{Look, Near, Sampler, Solution, samplers};
use super::rules::{canvas_rules, size_rules};
use super::table::Table;
use super::ways::{Resolved, Way, border_of, corner, how, turn_of, unresolved};
use super::{Callable, Learned, Nearest, Progress, Refusal};
use crate::plan::Placement;
use crate::{Dtype, Elements, Error, ErrorKind, Layout, Pipeline, Plan, Result, Tensor, scalar};

type Size = (usize, usize);

/// The sizes that every callable is asked about; those after them follow from its outputs.
const SIZES: [Size; 6] = [
    (240, 320),
    (333, 250),
    (201, 201),
    (96, 251),
    (480, 202),
    (64, 49),
];
/// The least number of fresh probes that a pipeline has to stand.
const FRESH: usize = 12;
/// The most fresh probes.
const MOST_FRESH: usize = 20;

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

/// Why the learning ends without a pipeline.
struct Stop {
    error: Box<Error>,
    nearest: Option<Box<Nearest>>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error: Box::new(error),
            nearest: None,
        }
    }
}

/// One question and its answer.
struct Record {
    image: Array3<u8>,
    tensor: Tensor,
}

struct Session<'a, 'b> {
    call: &'a mut Callable<'b>,
    on: &'a mut dyn FnMut(Progress),
    most: usize,
    stage: &'static str,
    asked: usize,
    log: Vec<Record>,
    failed: Vec<(Size, Error)>,
    form: Option<(Layout, Dtype)>,
}

/// A pipeline that is still possible.
struct Candidate {
    pipeline: Pipeline,
    plan: Plan,
}

/// Whether the resizes of plans of one geometry give other lines for an image of this size.
fn lines_differ(plans: &[&Plan], size: Size) -> bool {
    let lines = |plan: &Plan| -> Option<Vec<Array3<u8>>> {
        let geometry = plan.geometry(size.0, size.1).ok()?;
        let mut found = Vec::new();
        for (stage, numbers) in plan.stages.iter().zip(&geometry.stages) {
            let (Some(resample), Some(resized)) = (stage.resample, numbers.resized) else {
                continue;
            };
            for (from, to) in [
                ((1, resized.from.1), (1, resized.to.1)),
                ((resized.from.0, 1), (resized.to.0, 1)),
            ] {
                let line = noise(from, 5).select(Axis(2), &[0]);
                found.push(resample.sampling.resize(line.view(), to));
            }
        }
        Some(found)
    };
    let first = plans.first().and_then(|plan| lines(plan));
    first.is_some() && plans.iter().skip(1).any(|plan| lines(plan) != first)
}

/// A size on which rules may differ: any, small ones, edges that go into others without a rest or with a half.
fn likely(stream: &mut Stream, trial: usize, most: usize) -> Size {
    let round =
        |stream: &mut Stream| (1 << stream.range(0, 4)) * [16, 24, 40, 50, 64, 75][stream.range(0, 6)];
    let (a, b) = match trial % 5 {
        0 => (stream.range(1, most), stream.range(1, most)),
        1 => (stream.range(16, 500), stream.range(16, 500)),
        2 => (stream.range(8, 100), stream.range(8, 100)),
        3 => (round(stream), stream.range(8, 700)),
        _ => (round(stream), round(stream) + stream.range(0, 3)),
    };
    if stream.range(0, 2) == 0 { (a, b) } else { (b, a) }
}

fn random() -> Error {
    refuse("is not deterministic: one image gives two tensors")
        .why("what is random cannot be written into a model")
        .fix("turn random transforms off (model.eval(), no RandomCrop), or fix what they do")
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

    /// Asks about an image; `None` where the callable fails on it.
    fn ask(&mut self, image: Array3<u8>) -> Result<Option<usize>, Stop> {
        if self.asked >= self.most {
            return Err(
                refuse(format_args!("is not understood after {} images", self.asked))
                    .why("what it does has more parts than these images tell apart")
                    .into(),
            );
        }
        self.asked += 1;
        (self.on)(Progress {
            asked: self.asked,
            most: self.most,
            stage: self.stage,
        });
        let size = (image.dim().0, image.dim().1);
        match (self.call)(image.view()) {
            Ok(tensor) => {
                if let Some((layout, dtype)) = self.form
                    && (tensor.dtype() != dtype || layout_of(&tensor.shape)? != layout)
                {
                    return Err(refuse("gives tensors of several forms").into());
                }
                self.log.push(Record { image, tensor });
                Ok(Some(self.log.len() - 1))
            }
            Err(error) => {
                self.failed.push((size, error.clone()));
                if self.log.is_empty() || self.failed.len() > self.most / 4 {
                    return Err(error
                        .within(format_args!("an image of {} x {}", size.0, size.1))
                        .into());
                }
                Ok(None)
            }
        }
    }

    /// Whether the callable may take images of this size: it failed on none that was as large along its shorter edge.
    fn takes(&self, size: Size) -> bool {
        self.failed
            .iter()
            .all(|((height, width), _)| size.0.min(size.1) > *height.min(width))
    }

    /// As [`Session::ask`], where a failure ends the learning.
    fn must_ask(&mut self, image: Array3<u8>) -> Result<usize, Stop> {
        match self.ask(image)? {
            Some(index) => Ok(index),
            None => Err(self
                .failed
                .last()
                .map_or_else(|| refuse("failed"), |(_, error)| error.clone())
                .into()),
        }
    }

    fn answer(&self, index: usize) -> Result<Answer, Stop> {
        let (layout, _) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        Ok(Answer::new(&self.log[index].tensor, layout)?)
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

    /// Every size, resolved; and the values around the image, where there is a border.
    fn geometry(
        &mut self,
        levels: &Levels,
        table: &mut Table,
    ) -> Result<(Vec<Resolved>, Option<Vec<f32>>), Stop> {
        let mut resolved = Vec::new();
        let mut border: Option<Vec<f32>> = None;
        let mut known = samplers();
        let mut sizes = SIZES.to_vec();
        let mut index = 0;
        while let Some(size) = sizes.get(index).copied() {
            if let Some(one) = self.resolve(size, index, levels, table, &known, &mut border)? {
                let resizes = |solution: &Solution| {
                    let from = solution.before.map_or(one.source, |placement| placement.size);
                    from != solution.resized
                };
                if one.solutions.iter().all(resizes) {
                    known.retain(|sampler| {
                        one.solutions
                            .iter()
                            .any(|solution| solution.samplers.contains(sampler))
                    });
                }
                resolved.push(one);
            }
            index += 1;
            if index == SIZES.len() {
                // Beyond the outputs, where images are no longer enlarged.
                let largest = |of: &dyn Fn(&Resolved) -> usize| resolved.iter().map(of).max().unwrap_or(224);
                let output = (largest(&|one| one.output.0), largest(&|one| one.output.1));
                if output.0.max(output.1) > 300 && output.0.max(output.1) < 1200 {
                    sizes.push((output.0 + output.0 / 3 + 7, output.1 + output.1 / 4 + 10));
                    sizes.push((output.0 / 2 + 5, output.1 + output.1 / 2 + 3));
                }
            }
        }
        if resolved.len() < 4 {
            return Err(refuse("fails on most sizes of images").into());
        }
        Ok((resolved, border))
    }

    /// One size of image: its coded probes, and how their pixels came to their place.
    fn resolve(
        &mut self,
        size: Size,
        index: usize,
        levels: &Levels,
        table: &mut Table,
        known: &[Sampler],
        border: &mut Option<Vec<f32>>,
    ) -> Result<Option<Resolved>, Stop> {
        let seed = 100 + index as u64;
        let mut codes = [Code::Columns, Code::Rows, Code::Noise];
        codes.rotate_left(index % 3);
        let (records, channels) = match &levels.channels {
            Channels::Order(order) => {
                let Some(record) = self.ask(coded(size, codes, seed))? else {
                    return Ok(None);
                };
                let place = |code: Code| {
                    order
                        .iter()
                        .position(|channel| codes[*channel] == code)
                        .unwrap_or(0)
                };
                let places = [place(Code::Columns), place(Code::Rows), place(Code::Noise)];
                ([record; 3], places)
            }
            Channels::Gray(_) => {
                let mut records = [0; 3];
                for (at, code) in [Code::Columns, Code::Rows, Code::Noise].into_iter().enumerate() {
                    let Some(record) = self.ask(coded(size, [code; 3], seed))? else {
                        return Ok(None);
                    };
                    records[at] = record;
                }
                (records, [0; 3])
            }
        };
        let answers = [
            self.answer(records[0])?,
            self.answer(records[1])?,
            self.answer(records[2])?,
        ];
        let plane = |at: usize| levels.plane(&answers[at], channels[at]);
        let planes = Planes {
            columns: plane(0),
            rows: plane(1),
            noise: plane(2),
        };
        let Some(measured) = planes.measure(size) else {
            return Err(refuse("does not keep the directions of the image")
                .expected_got(
                    "rows and columns in their order, or turned by 90 degrees clockwise",
                    "another order",
                )
                .why("the ramps of a probe are mirrored, turned otherwise, or not to be seen")
                .into());
        };
        let output = answers[2].size();
        let around = corner(&answers[2], measured.inner);
        if let Some(values) = &around {
            let same = |known: &Vec<f32>| known.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits());
            if !border.as_ref().is_none_or(same) {
                return Err(refuse("has a border whose colour follows from the image").into());
            }
            border.get_or_insert_with(|| values.clone());
        }
        for (at, record) in records.iter().enumerate() {
            if at == 0 || *record != records[0] {
                self.note(levels, table, &answers[at], Some(measured.inner), None)?;
            }
        }
        let image = levels.ordered(&self.log[records[2]].image);
        let mut noise = image.select(Axis(2), &[channels[2]]);
        let mut source = size;
        let ramp_of = |length: usize| -> Vec<u8> { (0..length).map(|at| ramp(at, length)).collect() };
        let (seen, ramps) = if measured.turned {
            noise = scalar::turned(&noise);
            source = (size.1, size.0);
            let mut mirrored = ramp_of(size.0);
            mirrored.reverse();
            (
                [&planes.noise, &planes.columns, &planes.rows],
                [ramp_of(size.1), mirrored],
            )
        } else {
            (
                [&planes.noise, &planes.rows, &planes.columns],
                [ramp_of(size.0), ramp_of(size.1)],
            )
        };
        let level = |at: usize| {
            let values = border.as_ref()?;
            levels.whole(channels[at], values[channels[at]])
        };
        let [vertical, horizontal] = if measured.turned { [0, 1] } else { [1, 0] };
        let look = Look {
            source,
            measured,
            noise,
            ramps,
            seen,
            around: [level(2), level(vertical), level(horizontal)],
        };
        let answer = &answers[2];
        let between = levels.between(answer, measured.inner);
        match look.resolve(known) {
            Ok(solutions) => Ok(Some(Resolved {
                size,
                turned: measured.turned,
                source,
                output,
                solutions,
            })),
            Err(near) => Err(Stop {
                error: Box::new(unresolved(size, between, near.as_deref())),
                nearest: near
                    .and_then(|near| self.nearest(size, levels, &near))
                    .map(Box::new),
            }),
        }
    }

    /// Notes the values of an answer's pixels; `inner` is where the image is, `border` the values around it.
    fn note(
        &self,
        levels: &Levels,
        table: &mut Table,
        answer: &Answer,
        inner: Option<[usize; 4]>,
        border: Option<&[f32]>,
    ) -> Result<(), Stop> {
        let (height, width, count) = answer.values.dim();
        let [top, left, rows, columns] = inner.unwrap_or([0, 0, height, width]);
        for row in top..top + rows {
            for column in left..left + columns {
                let is_border = border.is_some_and(|border| {
                    (0..count).all(|channel| answer.values[[row, column, channel]] == border[channel])
                });
                if is_border {
                    continue;
                }
                for channel in 0..count {
                    let value = answer.values[[row, column, channel]];
                    let Some(pixel) = levels.whole(channel, value) else {
                        continue;
                    };
                    if !table.note(channel, pixel, value) {
                        return Err(refuse("gives one pixel value several values")
                            .why("its floats are resized, blurred or normalised by what is in the image")
                            .into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks about the pixel values that no probe has shown.
    fn fill_table(&mut self, levels: &Levels, table: &mut Table, border: Option<&[f32]>) -> Result<(), Stop> {
        let count = self.answer(0)?.channels();
        for round in 0..8_usize {
            let unseen: Vec<Vec<u8>> = (0..count).map(|channel| table.unseen(channel)).collect();
            if unseen.iter().all(Vec::is_empty) {
                return Ok(());
            }
            let values: [Vec<u8>; 3] = match &levels.channels {
                Channels::Order(order) => {
                    let mut values: [Vec<u8>; 3] = Default::default();
                    for (output, channel) in order.iter().enumerate() {
                        values[*channel] = unseen[output].clone();
                    }
                    values
                }
                // What a rule of gray never gives is not needed.
                Channels::Gray(rules) => {
                    let reached = |value: &u8| {
                        (0..=255_u8).any(|gray| rules.iter().any(|rule| rule.gray([gray; 3]) == *value))
                    };
                    let values: Vec<u8> = unseen[0].iter().copied().filter(reached).collect();
                    if values.is_empty() || round > 2 {
                        return Ok(());
                    }
                    [values.clone(), values.clone(), values]
                }
            };
            // Small ones for crops at a place.
            let size = [SIZES[0], SIZES[2], SIZES[5], (44, 40)][round % 4];
            let Some(index) = self.ask(blocks(size, &values, 300 + round as u64))? else {
                continue;
            };
            let answer = self.answer(index)?;
            self.note(levels, table, &answer, None, border)?;
        }
        Err(refuse("never showed some of the 256 pixel values").into())
    }

    /// Every pipeline that agrees with all sizes.
    fn candidates(
        &self,
        levels: &Levels,
        resolved: &[Resolved],
        border: Option<Border>,
        arithmetic: &[crate::steps::Step],
        channels: usize,
    ) -> Result<Vec<Candidate>, Stop> {
        let (layout, dtype) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        let turn = turn_of(resolved)?;
        let grays: Vec<Option<_>> = match &levels.channels {
            Channels::Order(_) => vec![None],
            Channels::Gray(rules) => [true, false]
                .into_iter()
                .flat_map(|first| rules.iter().map(move |rule| Some((*rule, first, channels))))
                .collect(),
        };
        let reversed = matches!(levels.channels, Channels::Order([2, 1, 0]));
        let mut found = Vec::new();
        let mut lacking = "sizes";
        for early in [false, true] {
            let Some(way) = Way::of(resolved, early) else {
                continue;
            };
            lacking = way.lacking();
            for before in &way.befores {
                for size in &way.sizes {
                    for after in &way.afters {
                        for sampler in &way.samplers {
                            for gray in &grays {
                                let parts = Parts {
                                    turn,
                                    gray: *gray,
                                    before: *before,
                                    resize: size.map(|size| (size, *sampler)),
                                    after: *after,
                                    border,
                                    reversed,
                                    arithmetic: arithmetic.to_vec(),
                                    layout,
                                    dtype,
                                };
                                let Some(pipeline) = parts.pipeline() else {
                                    continue;
                                };
                                if let Ok(plan) = pipeline.compile(layout, dtype) {
                                    found.push(Candidate { pipeline, plan });
                                }
                            }
                            if size.is_none() {
                                break;
                            }
                        }
                    }
                }
            }
        }
        if found.is_empty() {
            let sizes: Vec<_> = resolved
                .iter()
                .filter_map(|one| {
                    let solution = one.solutions.first()?;
                    Some(format!(
                        "{} x {} to {} x {} on {} x {}",
                        one.size.0,
                        one.size.1,
                        solution.resized.0,
                        solution.resized.1,
                        one.output.0,
                        one.output.1
                    ))
                })
                .collect();
            return Err(refuse(format_args!(
                "follows no rule of {lacking} that is known here: {}",
                sizes.join(", ")
            ))
            .why("every image alone is understood, but no rule gives all of them")
            .into());
        }
        // All that was asked before counts, too.
        for index in 0..self.log.len() {
            self.keep_equal(&mut found, index)?;
        }
        Ok(found)
    }

    /// Drops the candidates that do not give the bits of an answer.
    fn keep_equal(&self, candidates: &mut Vec<Candidate>, index: usize) -> Result<(), Stop> {
        let record = &self.log[index];
        let mut outcomes: Vec<(crate::plan::ImageGeometry, String, bool)> = Vec::new();
        let mut kept = Vec::new();
        let mut last = None;
        for candidate in candidates.drain(..) {
            let (height, width, _) = record.image.dim();
            let geometry = candidate.plan.geometry(height, width).ok();
            let equal = geometry.is_some_and(|geometry| {
                let how = how(&candidate.plan);
                let known = outcomes.iter().find(|(at, by, _)| *at == geometry && *by == how);
                if let Some((.., equal)) = known {
                    return *equal;
                }
                let tensor = candidate.plan.tensor(record.image.view(), &geometry);
                let equal = tensor.is_ok_and(|tensor| same_bits(&tensor, &record.tensor));
                outcomes.push((geometry, how, equal));
                equal
            });
            if equal {
                kept.push(candidate);
            } else {
                last = Some(candidate);
            }
        }
        if kept.is_empty() {
            return Err(Stop {
                error: Box::new(
                    refuse(format_args!(
                        "does something else with an image of {} x {} than with those before",
                        record.image.dim().0,
                        record.image.dim().1
                    ))
                    .why("a pipeline that gives every bit of the others does not give those of this one"),
                ),
                nearest: last
                    .and_then(|last| self.distance(&last.pipeline, record))
                    .map(Box::new),
            });
        }
        *candidates = kept;
        Ok(())
    }

    /// Asks about images on which the candidates differ, until none do.
    fn tell_apart(&mut self, candidates: &mut Vec<Candidate>) -> Result<(), Stop> {
        let mut stream = Stream::new(7);
        let largest = self
            .log
            .iter()
            .flat_map(|record| record.tensor.shape.clone())
            .max()
            .unwrap_or(224);
        let most = (largest * 2 + 64).clamp(500, 1400);
        for _ in 0..16 {
            if candidates.len() < 2 {
                break;
            }
            let mut best: (usize, Size) = (1, (0, 0));
            // The fewer there are, the rarer the sizes on which they differ: where an edge is halfway between two numbers.
            let trials = (40_000 / candidates.len()).clamp(100, 4000);
            for trial in 0..trials {
                let size = likely(&mut stream, trial, most);
                if !self.takes(size) {
                    continue;
                }
                let mut kinds: Vec<Option<crate::plan::ImageGeometry>> = Vec::new();
                for candidate in candidates.iter() {
                    let kind = candidate.plan.geometry(size.0, size.1).ok();
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
                if kinds.len() > best.0 {
                    best = (kinds.len(), size);
                }
                if best.0 >= 2 && (trial >= 24 || best.0 >= 6) {
                    break;
                }
            }
            if best.0 < 2 {
                break;
            }
            if let Some(index) = self.ask(noise(best.1, stream.bits()))? {
                self.keep_equal(candidates, index)?;
            }
        }
        // One geometry is left; resizes and rules of gray may still be several.
        for round in 0..8_usize {
            let mut kinds: Vec<(String, usize)> = Vec::new();
            for (index, candidate) in candidates.iter().enumerate() {
                let how = how(&candidate.plan);
                if !kinds.iter().any(|(known, _)| *known == how) {
                    kinds.push((how, index));
                }
            }
            if kinds.len() < 2 {
                break;
            }
            let shapes = [(300, 40), (40, 300), (180, 260), (400, 150)];
            let (height, width) = shapes[round % 4];
            let mut size = (height + stream.range(0, 60), width + stream.range(0, 60));
            if round >= 2 {
                // Nearest filters differ on few sizes: lines are looked for on which they do.
                let plans: Vec<&Plan> = kinds.iter().map(|(_, index)| &candidates[*index].plan).collect();
                let rare = (0..3000).find_map(|_| {
                    let size = (stream.range(16, most.min(700)), stream.range(16, most.min(700)));
                    (self.takes(size) && lines_differ(&plans, size)).then_some(size)
                });
                size = rare.unwrap_or(size);
            }
            let image = noise(size, stream.bits());
            let Ok(first) = candidates[kinds[0].1].plan.reference(&[image.view()]) else {
                continue;
            };
            let differ = kinds.iter().skip(1).any(|(_, index)| {
                candidates[*index]
                    .plan
                    .reference(&[image.view()])
                    .is_ok_and(|other| other.tensors != first.tensors)
            });
            if differ && let Some(index) = self.ask(image)? {
                self.keep_equal(candidates, index)?;
            }
        }
        Ok(())
    }

    /// How many fresh images the first candidate gives every bit of.
    fn confirm(&mut self, candidates: &[Candidate]) -> Result<usize, Stop> {
        let mut stream = Stream::new(11);
        let left = self.most.saturating_sub(self.asked + 1);
        let output = self.log.first().map_or(224, |record| {
            record.tensor.shape.iter().copied().max().unwrap_or(224)
        });
        let (layout, dtype) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        let mut confirmed = 0;
        let first = &candidates[0];
        let mut trial = 0;
        while confirmed < left.min(MOST_FRESH) && trial < 4 * MOST_FRESH && self.asked + 1 < self.most {
            trial += 1;
            let size = match trial % 4 {
                0 => (stream.range(16, 200), stream.range(16, 200)),
                1 => (stream.range(100, 700), stream.range(100, 700)),
                2 => {
                    let near = |stream: &mut Stream| {
                        stream
                            .range(output.saturating_sub(9).max(8), output + 10)
                            .min(1400)
                    };
                    (near(&mut stream), near(&mut stream))
                }
                _ => {
                    let edge = stream.range(24, 120);
                    let long = edge * stream.range(2, 5);
                    if trial % 8 == 3 {
                        (edge, long)
                    } else {
                        (long, edge)
                    }
                }
            };
            if !self.takes(size) {
                continue;
            }
            let Some(index) = self.ask(scene(size, stream.bits()))? else {
                continue;
            };
            let record = &self.log[index];
            let equal = first
                .pipeline
                .reference(record.image.view(), layout, dtype)
                .is_ok_and(|tensor| same_bits(&tensor, &record.tensor));
            if !equal {
                return Err(Stop {
                    error: Box::new(refuse(format_args!(
                        "does something else with a fresh image of {} x {} than the pipeline that gives all others",
                        size.0, size.1
                    ))),
                    nearest: self.distance(&first.pipeline, record).map(Box::new),
                });
            }
            confirmed += 1;
        }
        // A callable that is random at times may show it now.
        let again = self.must_ask(self.log[0].image.clone())?;
        if !same_bits(&self.log[0].tensor, &self.log[again].tensor) {
            return Err(random().into());
        }
        if confirmed < FRESH {
            return Err(refuse(format_args!(
                "could be confirmed on {confirmed} fresh images alone"
            ))
            .expected_got(format_args!("at least {FRESH}"), confirmed)
            .fix("allow more probes")
            .into());
        }
        Ok(confirmed)
    }

    /// A pipeline for one size, as near as it came.
    fn nearest(&self, size: Size, levels: &Levels, near: &Near) -> Option<Nearest> {
        let (layout, dtype) = self.form?;
        let solution = &near.solution;
        let sampler = *solution.samplers.first()?;
        let from = solution.before.map_or(size, |placement| placement.size);
        let first = |places: &[Placement]| canvas_rules(places).into_iter().next().flatten();
        let parts = Parts {
            turn: None,
            gray: match &levels.channels {
                Channels::Order(_) => None,
                Channels::Gray(rules) => rules.first().map(|rule| (*rule, false, 1)),
            },
            before: solution.before.and_then(|place| first(&[place])),
            resize: size_rules(&[(from, solution.resized)], &[])
                .into_iter()
                .next()
                .flatten()
                .map(|rule| (rule, sampler)),
            after: first(&[solution.after]),
            border: None,
            reversed: matches!(levels.channels, Channels::Order([2, 1, 0])),
            arithmetic: Vec::new(),
            layout,
            dtype,
        };
        Some(Nearest {
            pipeline: parts.pipeline()?,
            size,
            differing: near.differing,
            largest: near.largest,
            place: "in the pixels, before rescale and normalize",
        })
    }

    /// How far a pipeline is from an answer.
    fn distance(&self, pipeline: &Pipeline, record: &Record) -> Option<Nearest> {
        let (layout, dtype) = self.form?;
        let size = (record.image.dim().0, record.image.dim().1);
        let expected = pipeline.reference(record.image.view(), layout, dtype).ok()?;
        let (expected, got) = (
            Answer::new(&expected, layout).ok()?,
            Answer::new(&record.tensor, layout).ok()?,
        );
        if expected.values.dim() != got.values.dim() {
            return Some(Nearest {
                pipeline: pipeline.clone(),
                size,
                differing: 1.0,
                largest: 255.0,
                place: "in the size of the output",
            });
        }
        let plan = pipeline.compile(layout, dtype).ok()?;
        let table = plan.table();
        let step = |channel: usize| {
            let row = table.channel(channel.min(2));
            (f64::from(row[255]) - f64::from(row[0])).abs() / 255.0
        };
        let (mut differing, mut largest) = (0_usize, 0.0_f64);
        for (((.., channel), a), b) in expected.values.indexed_iter().zip(got.values.iter()) {
            if a.to_bits() != b.to_bits() {
                differing += 1;
                largest =
                    largest.max((f64::from(*a) - f64::from(*b)).abs() / step(channel).max(f64::MIN_POSITIVE));
            }
        }
        Some(Nearest {
            pipeline: pipeline.clone(),
            size,
            differing: differing as f64 / expected.values.len().max(1) as f64,
            largest,
            place: "in the values",
        })
    }
}
