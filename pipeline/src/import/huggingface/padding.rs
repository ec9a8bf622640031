//! Padding of a Hugging Face config: it may be on where it has nothing to do.

use super::processors::{Padding, Size};
use super::{Backend, Reader};
use crate::import::keys::Given;
use crate::steps::Step;
use crate::{Result, SizeRule};

impl Reader<'_> {
    /// Lets `do_pad` pass where it has nothing to pad.
    pub(super) fn pad(&mut self, steps: &[Step]) -> Result<()> {
        let on = self.keys.switch("do_pad", false)?;
        let to = self.keys.take("pad_size");
        let divisor = self.keys.whole("size_divisor")?;
        if !on || self.processor.padding == Padding::Ignored {
            return Ok(());
        }
        let fixed = fixed(steps);
        let why = match self.processor.padding {
            Padding::Ignored => return Ok(()),
            Padding::Refused(why) => why,
            Padding::Divisor => match (divisor, fixed) {
                (Given::Is(divisor), Some(size))
                    if divisor > 0 && size.iter().all(|edge| (*edge as u64).is_multiple_of(divisor)) =>
                {
                    return Ok(());
                }
                (Given::Is(_), _) => "it pads to a multiple of size_divisor",
                (Given::Absent | Given::Null, _)
                    if self.processor.name == "DPT" && self.backend == Backend::Torchvision =>
                {
                    return Err(self.needed("size_divisor", "is missing"));
                }
                (Given::Absent | Given::Null, _) => return Ok(()),
            },
            Padding::End => {
                let to = to.map(|to| self.size("pad_size", &to, true)).transpose()?;
                match (fixed, to) {
                    (Some(_), None) if divisor.value().is_none() => return Ok(()),
                    (Some(size), Some(to)) if to == Size::Exact(size) => return Ok(()),
                    _ => "it pads after the normalisation",
                }
            }
        };
        Err(self
            .keys
            .error("do_pad", "cannot be expressed")
            .expected_got("false, or no such key", true)
            .why(why))
    }
}

/// Height and width of the result, where they do not depend on the image.
fn fixed(steps: &[Step]) -> Option<[usize; 2]> {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::CenterCrop(crop) => Some(Some(crop.size)),
        Step::Resize(resize) => Some(match resize.size {
            SizeRule::Exact { height, width } => Some([height, width]),
            _ => None,
        }),
        _ => None,
    });
    last.flatten()
}
