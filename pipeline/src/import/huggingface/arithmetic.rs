//! Rescale, normalise and channel order of a Hugging Face config.

use super::processors::Values;
use super::{Backend, Reader};
use crate::import::keys::Given;
use crate::steps::{ChannelOrder, Normalize, Order, Rescale, RescaleNormalize, Step};
use crate::{CHANNELS, Precision, Result};

const BGR: Step = Step::ChannelOrder(ChannelOrder { order: Order::Bgr });

/// What the keys say on the values of the pixels, the processor's defaults filled in.
pub(super) struct Said {
    /// `rescale_factor`, and whether it is written as a whole number.
    pub(super) factor: Option<(f64, bool)>,
    /// `image_mean`, where the class normalises.
    mean: Option<[f64; CHANNELS]>,
    std: Option<[f64; CHANNELS]>,
}

impl Said {
    /// Whether nothing is normalised.
    pub(super) fn is_plain(&self) -> bool {
        self.mean.is_none()
    }

    /// The largest number, whatever its sign, that a pixel becomes.
    pub(super) fn largest(&self) -> f64 {
        let factor = self.factor.map_or(1.0, |(factor, _)| factor);
        let [mean, std] = [self.mean.unwrap_or_default(), self.std.unwrap_or([1.0; CHANNELS])];
        let ends = (0..CHANNELS).flat_map(|channel| {
            [0.0, 255.0 * factor].map(|value| ((value - mean[channel]) / std[channel]).abs())
        });
        ends.fold(0.0, f64::max)
    }
}

impl Reader<'_> {
    /// What happens to the values of the pixels, and to their order.
    pub(super) fn arithmetic(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        let said = self.said()?;
        match self.processor.values {
            Values::Usual => self.arithmetic_of(steps, &said)?,
            Values::RescaleOnly => {
                let factor = self.factor(said.factor, false, false)?;
                steps.extend(factor.map(|factor| self.rescale(factor, None)));
            }
            Values::Bgr => steps.push(BGR),
            Values::MobileVit => {
                let factor = self.factor(said.factor, false, false)?;
                let cropped = steps.iter().any(|step| matches!(step, Step::CenterCrop(_)));
                if self.backend == Backend::Pillow && cropped && factor.is_some_and(|factor| factor < 0.0) {
                    return Err(self
                        .keys
                        .error("rescale_factor", "is negative")
                        .expected_got("a number above 0", factor.unwrap_or_default())
                        .why("the Pillow backend of this class crops after it, and zeros have a sign then"));
                }
                steps.extend(factor.map(|factor| self.rescale(factor, None)));
                if self.keys.switch("do_flip_channel_order", true)? {
                    steps.push(BGR);
                }
            }
            Values::EfficientNet => self.efficient_net(steps, &said)?,
        }
        Ok(())
    }

    /// Rescale and normalise.
    pub(super) fn arithmetic_of(&self, steps: &mut Vec<Step>, said: &Said) -> Result<()> {
        let fused = said.mean.is_some();
        let factor = self.factor(said.factor, fused, false)?;
        self.fold(steps, factor, None, said);
        Ok(())
    }

    fn efficient_net(&mut self, steps: &mut Vec<Step>, said: &Said) -> Result<()> {
        let offset = self.keys.switch("rescale_offset", false)?;
        let again = self.keys.switch("include_top", true)?;
        let factor = self.factor(said.factor, said.mean.is_some() && !offset, offset)?;
        if again && factor.is_none() && said.mean.is_none() && self.backend == Backend::Torchvision {
            return Err(self
                .keys
                .error("include_top", "divides pixels of 8 bits")
                .expected_got("false, or do_rescale or do_normalize", true)
                .why("transformers then raises"));
        }
        self.fold(steps, factor, offset.then_some(-1.0), said);
        if again {
            let std = match said.std {
                Some(std) => std,
                None => {
                    return Err(self
                        .needed("image_std", "is null")
                        .fix("give image_std, or set include_top to false"));
                }
            };
            let mean = [0.0; CHANNELS];
            steps.push(Step::Normalize(Normalize { mean, std }));
        }
        Ok(())
    }

    pub(super) fn said(&mut self) -> Result<Said> {
        let mut rescale = self.keys.switch("do_rescale", self.processor.rescale)?;
        if self.processor.name == "OwlViT" {
            // The first configs of OWL-ViT had this name for it.
            rescale = self.keys.switch("rescale", rescale)?;
        }
        let whole = self
            .keys
            .peek("rescale_factor")
            .is_some_and(|value| !value.is_f64());
        let factor = self.keys.number("rescale_factor")?;
        let factor = match rescale {
            true => Some((
                self.or_default("rescale_factor", factor, self.processor.factor)?,
                whole,
            )),
            false => None,
        };
        if factor.is_some_and(|(factor, _)| factor as f32 == 0.0) {
            return Err(self.keys.zero("rescale_factor"));
        }
        let normalize = self.keys.switch("do_normalize", self.processor.normalize)?;
        let mean = self.keys.per_channel("image_mean")?;
        let std = self.keys.divisors("image_std")?;
        let default = |part: usize| self.processor.statistics.map(|statistics| statistics[part]);
        let [default_mean, default_std] = [default(0), default(1)];
        let mut said = Said {
            factor,
            mean: None,
            std: None,
        };
        if normalize {
            said.mean = Some(self.or_default("image_mean", mean, default_mean)?);
            said.std = Some(self.or_default("image_std", std, default_std)?);
        } else if self.processor.values == Values::EfficientNet {
            said.std = match std {
                Given::Is(std) => Some(std),
                Given::Absent => default_std,
                Given::Null => None,
            };
        }
        Ok(said)
    }

    /// The factor that pixels are multiplied by. The torchvision backend multiplies 8-bit pixels by
    /// a whole number in 8 bits, unless it fuses the factor with the normalisation.
    fn factor(&self, factor: Option<(f64, bool)>, fused: bool, offset: bool) -> Result<Option<f64>> {
        match factor {
            Some((factor, true)) if self.backend == Backend::Torchvision && !fused => {
                if factor == 1.0 && !offset {
                    return Ok(None);
                }
                Err(self
                    .keys
                    .error("rescale_factor", "is a whole number")
                    .expected_got(format_args!("{factor:?}"), factor)
                    .why("the torchvision backend then stays in 8 bits, where products overflow")
                    .fix("add --resampler pillow, or write the number with a point"))
            }
            other => Ok(other.map(|(factor, _)| factor)),
        }
    }

    /// Rescale and normalise in the arithmetic of the backend.
    pub(super) fn fold(&self, steps: &mut Vec<Step>, factor: Option<f64>, offset: Option<f64>, said: &Said) {
        match (factor, said.mean.zip(said.std)) {
            (Some(factor), Some((mean, std))) if self.backend == Backend::Torchvision && offset.is_none() => {
                steps.push(Step::RescaleNormalize(RescaleNormalize { factor, mean, std }));
            }
            (factor, statistics) => {
                steps.extend(factor.map(|factor| self.rescale(factor, offset)));
                steps.extend(statistics.map(|(mean, std)| Step::Normalize(Normalize { mean, std })));
            }
        }
    }

    /// Rescale, then normalise, each rounded.
    pub(super) fn fold_unfused(&self, steps: &mut Vec<Step>, factor: Option<f64>, said: &Said) {
        steps.extend(factor.map(|factor| self.rescale(factor, None)));
        let statistics = said.mean.zip(said.std);
        steps.extend(statistics.map(|(mean, std)| Step::Normalize(Normalize { mean, std })));
    }

    fn rescale(&self, factor: f64, offset: Option<f64>) -> Step {
        Step::Rescale(Rescale {
            factor: Some(factor),
            divisor: None,
            offset,
            precision: match self.backend {
                Backend::Torchvision => Precision::Float32,
                Backend::Pillow => Precision::Float64,
            },
        })
    }
}
