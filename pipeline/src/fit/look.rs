//! Each size of image: where its pixels come from, and which values they have.

use ndarray::Axis;

use super::answer::Answer;
use super::levels::{Channels, Levels};
use super::measure::Planes;
use super::probes::{Code, SIZES, blocks, coded, ramp};
use super::refuse;
use super::resolve::{Look, Sampler, Solution, samplers};
use super::session::{Session, Size, Stop};
use super::table::Table;
use super::ways::{Resolved, corner, unresolved};
use crate::scalar;

impl Session<'_, '_> {
    /// Every size, resolved; and the values around the image, where there is a border.
    pub(super) fn geometry(
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
    pub(super) fn resolve(
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
    pub(super) fn note(
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
    pub(super) fn fill_table(
        &mut self,
        levels: &Levels,
        table: &mut Table,
        border: Option<&[f32]>,
    ) -> Result<(), Stop> {
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
}
