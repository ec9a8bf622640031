//! A smaller picture of the whole beside the tiles of an image.

use serde::{Deserialize, Serialize};

use super::{Blocks, Plan, Stage};
use crate::named::named_enum;
use crate::output::Elements;
use crate::{Error, Result, Tensor};

named_enum! {
    /// Where the picture of the whole stands among the tiles.
    pub enum OverviewPlace("place") {
        /// Before them: LLaVA-OneVision.
        First = "first",
        /// Behind them: Idefics3, SmolVLM.
        Last = "last",
    }
}

/// A picture of the whole, of the size of a tile, as one more tile. Values and form are those of the tiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// How many stages of the plan come before its own; 0 for the image as it is read.
    pub after: usize,
    /// Its own stages.
    pub stages: Vec<Stage>,
    /// Where it stands.
    pub place: OverviewPlace,
    /// Whether an image of one tile has it, too.
    pub always: bool,
}

impl Plan {
    /// The plan of the tiles without the picture of the whole, [1, tiles, …] of one image.
    pub fn tiles_alone(&self) -> Self {
        let mut plan = self.clone();
        plan.overview = None;
        plan.outputs.clear();
        if let Some(Blocks::Tiles { joined, .. }) = &mut plan.form.blocks {
            *joined = false;
        }
        plan
    }

    /// The plan of the picture of the whole, [1, 1, …] of one image.
    pub fn overview_alone(&self) -> Option<Self> {
        let overview = self.overview.as_ref()?;
        let mut plan = self.tiles_alone();
        plan.stages.truncate(overview.after);
        plan.stages.extend(overview.stages.iter().copied());
        Some(plan)
    }

    /// Whether an image of so many tiles has a picture of the whole besides.
    pub fn has_overview(&self, tiles: usize) -> bool {
        self.overview
            .as_ref()
            .is_some_and(|overview| overview.always || tiles > 1)
    }

    /// The tensor of one image from those of its tiles and of the picture of the whole.
    pub(crate) fn beside(&self, tiles: Tensor, whole: Tensor) -> Tensor {
        let count = tiles.shape.get(1).copied().unwrap_or(0);
        let joined = self.form.blocks.is_some_and(Blocks::is_joined);
        let shape = |count: usize| {
            let mut shape = if joined { vec![count] } else { vec![1, count] };
            shape.extend(tiles.shape.iter().skip(2));
            shape
        };
        if !self.has_overview(count) {
            return Tensor {
                shape: shape(count),
                elements: tiles.elements,
            };
        }
        let shape = shape(count + 1);
        let first = (self.overview.as_ref()).is_some_and(|overview| overview.place == OverviewPlace::First);
        let (one, other) = if first { (whole, tiles) } else { (tiles, whole) };
        let elements = match (one.elements, other.elements) {
            (Elements::Float32(one), Elements::Float32(other)) => Elements::Float32([one, other].concat()),
            (Elements::Float16(one), Elements::Float16(other)) => Elements::Float16([one, other].concat()),
            (Elements::Uint8(one), Elements::Uint8(other)) => Elements::Uint8([one, other].concat()),
            // Both have the element type of the form.
            (one, _) => one,
        };
        Tensor { shape, elements }
    }

    pub(super) fn check_overview(&self) -> Result<()> {
        let Some(overview) = &self.overview else {
            return Ok(());
        };
        let Some(Blocks::Tiles {
            height,
            width,
            rows: None,
            sample: false,
            ..
        }) = self.form.blocks
        else {
            return Err(Error::new(
                "overview",
                "is one more tile, and there are none, or a fixed number of them",
            )
            .fix("add a step blocks with tiles and without rows and sample, or leave overview out"));
        };
        if self.float.is_some() || self.is_of_batch() {
            return Err(Error::new("overview", "is of pixels of one image")
                .expected_got("no resize of floats and no canvas of the batch", "one of them"));
        }
        if overview.after > self.stages.len() {
            return Err(Error::new("overview.after", "is not a number of stages")
                .expected_got(format_args!("at most {}", self.stages.len()), overview.after));
        }
        for (index, stage) in overview.stages.iter().enumerate() {
            stage
                .check()
                .map_err(|error| error.within_key(format_args!("overview.stages[{index}]")))?;
        }
        let made = self.overview_alone().and_then(|plan| plan.fixed_output());
        if made == Some((height, width)) {
            return Ok(());
        }
        let got = made.map_or_else(
            || "a size that follows from the image".to_owned(),
            |(height, width)| format!("{height} x {width}"),
        );
        Err(Error::new("overview", "has not the size of a tile")
            .expected_got(format_args!("{height} x {width}"), got))
    }
}
