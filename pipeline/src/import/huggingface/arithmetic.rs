//! Rescale, normalise and channel order of a Hugging Face config.

use super::{Backend, Reader};
use crate::import::processors::Quirk;
use crate::steps::{ChannelOrder, Normalize, Order, Rescale, RescaleNormalize, Step};
use crate::{CHANNELS, Precision, Result};

impl Reader {
    /// What happens to the values of the pixels, and to their order.
    pub(super) fn arithmetic(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        if self.processor.quirk == Quirk::LayoutLmV2 {
            steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
            return Ok(());
        }
        let mut rescale = self.keys.flag("do_rescale")?;
        if self.processor.name == "OwlViT" {
            // The first configs of OWL-ViT had this name for it.
            rescale = self.keys.flag("rescale")?.or(rescale);
        }
        let given = self.keys.divisor("rescale_factor")?;
        let factor = match rescale.unwrap_or(true) {
            true => Some(self.or_default("rescale_factor", given, self.processor.factor)),
            false => None,
        };
        let normalize = self
            .keys
            .flag("do_normalize")?
            .unwrap_or(self.processor.normalize);
        let mean = self.keys.per_channel("image_mean")?;
        let std = self.keys.divisors("image_std")?;
        let mut offset = None;
        let mut again = false;
        if self.processor.quirk == Quirk::EfficientNet {
            offset = self.keys.flag("rescale_offset")?.unwrap_or(false).then_some(-1.0);
            again = self.keys.flag("include_top")?.unwrap_or(true);
        }
        let normalize = normalize && self.processor.quirk != Quirk::MobileVit;
        let mean = if normalize {
            Some(self.or_default("image_mean", mean, self.processor.mean))
        } else {
            None
        };
        let std = if normalize || again {
            self.or_default("image_std", std, self.processor.std)
        } else {
            self.processor.std
        };
        self.fold(steps, factor, offset, mean, std);
        if again {
            let mean = [0.0; CHANNELS];
            steps.push(Step::Normalize(Normalize { mean, std }));
        }
        if self.processor.quirk == Quirk::MobileVit
            && self.keys.flag("do_flip_channel_order")?.unwrap_or(true)
        {
            steps.push(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
        }
        Ok(())
    }

    /// Rescale and normalise in the arithmetic of the backend.
    fn fold(
        &self,
        steps: &mut Vec<Step>,
        factor: Option<f64>,
        offset: Option<f64>,
        mean: Option<[f64; CHANNELS]>,
        std: [f64; CHANNELS],
    ) {
        let precision = match self.backend {
            Backend::Torchvision => Precision::Float32,
            Backend::Pillow => Precision::Float64,
        };
        match (factor, mean) {
            (Some(factor), Some(mean)) if self.backend == Backend::Torchvision && offset.is_none() => {
                steps.push(Step::RescaleNormalize(RescaleNormalize { factor, mean, std }));
            }
            (factor, mean) => {
                steps.extend(factor.map(|factor| {
                    Step::Rescale(Rescale {
                        factor: Some(factor),
                        divisor: None,
                        offset,
                        precision,
                    })
                }));
                steps.extend(mean.map(|mean| Step::Normalize(Normalize { mean, std })));
            }
        }
    }
}
