//! Order of the colour channels.

use serde::{Deserialize, Serialize};

use super::keys::KeyInfo;
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::named::named_enum;
use crate::{CHANNELS, Result};

named_enum! {
    /// An order of the colour channels.
    pub enum Order("order") {
        /// Red, green, blue: the order of the input.
        Rgb = "rgb",
        /// Blue, green, red: what models trained through OpenCV take.
        Bgr = "bgr",
    }
}

impl Order {
    /// For each output channel, the input channel that it is.
    pub fn channels(self) -> [usize; CHANNELS] {
        match self {
            Self::Rgb => [0, 1, 2],
            Self::Bgr => [2, 1, 0],
        }
    }
}

/// Gives the channels another order; later steps see the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelOrder {
    /// The order of the output, given an input in RGB order.
    pub order: Order,
}

impl StepKind for ChannelOrder {
    const NAME: &'static str = "channel_order";
    const SUMMARY: &'static str = "reorder the channels: image[..., ::-1]";
    const FORMULA: &'static str = "out[c] = image[order[c]]";
    const EXAMPLE: &'static str = "step = \"channel_order\"\norder = \"bgr\"";
    const DESCRIPTION: &'static str = "Later steps see the new order: mean and std, colours and values are given in it. A gray image stays as it is.";
    const KEYS: &'static [KeyInfo] = &[KeyInfo::required("order", "rgb, bgr", "the order of the output")];

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.reorder(self.order.channels());
        Ok(())
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        if pixels.dim().2 != CHANNELS {
            return Ok(pixels);
        }
        let channels = self.order.channels();
        let axis = ndarray::Axis(2);
        Ok(match pixels {
            Pixels::Uint8(image) => Pixels::Uint8(image.select(axis, &channels)),
            Pixels::Float32(image) => Pixels::Float32(image.select(axis, &channels)),
        })
    }
}
