//! Another output size in the place of the config's.

use super::Reader;
use super::Size;
use crate::import::huggingface::processors::Resizing;
use crate::import::no_size;
use crate::{Result, at_size};

impl Reader<'_> {
    /// Puts the size that is asked for in the place of `size` and `crop_size`, in their proportion.
    pub(in crate::import::huggingface) fn at_size(
        &mut self,
        size: &mut Size,
        crop: &mut Option<[usize; 2]>,
    ) -> Result<()> {
        let Some(asked) = self.options.size else {
            return Ok(());
        };
        let [height, width] = asked;
        match (*size, *crop) {
            (Size::Exact(old), None) => {
                self.note_size(asked, old);
                *size = Size::Exact(asked);
            }
            (Size::Shortest(old), None) if self.processor.resizing == Resizing::ConvNext => {
                if height != width {
                    return Err(no_size(asked).why("ConvNextImageProcessor makes squares"));
                }
                self.note_size(asked, [old, old]);
                *size = Size::Shortest(height);
            }
            (Size::Shortest(_), None) => {
                return Err(no_size(asked).why("the size of the result follows from the image"));
            }
            (Size::Longest(_) | Size::Both(_) | Size::Within(_) | Size::Pixels(_), _) => {
                return Err(no_size(asked).why("its size rule keeps to more than a size"));
            }
            (Size::Exact(old), Some(cut)) => {
                let scaled = |axis: usize| proportion(old[axis], cut[axis], asked[axis]);
                *size = Size::Exact([scaled(0)?, scaled(1)?]);
                self.note_size(asked, cut);
                *crop = Some(asked);
            }
            (Size::Shortest(old), Some(cut)) => {
                if cut[0] != cut[1] || height != width {
                    return Err(
                        no_size(asked).why("a shortest edge and a crop scale together only as squares")
                    );
                }
                *size = Size::Shortest(proportion(old, cut[0], height)?);
                self.note_size(asked, cut);
                *crop = Some(asked);
            }
        }
        Ok(())
    }

    /// Refuses another size for this reason.
    pub(in crate::import::huggingface) fn no_other_size(&self, why: &str) -> Result<()> {
        match self.options.size {
            Some(asked) => Err(no_size(asked).why(why)),
            None => Ok(()),
        }
    }

    /// The same where nothing is resized.
    pub(in crate::import::huggingface) fn at_size_without_resize(
        &mut self,
        crop: &mut Option<[usize; 2]>,
    ) -> Result<()> {
        let Some(asked) = self.options.size else {
            return Ok(());
        };
        let Some(old) = crop else {
            return Err(no_size(asked).why("the config does not resize"));
        };
        let old = *old;
        *crop = Some(asked);
        self.note_size(asked, old);
        Ok(())
    }

    fn note_size(&mut self, asked: [usize; 2], old: [usize; 2]) {
        self.notes.extend(crate::import::size_note(asked, old));
    }
}

/// [`at_size::proportion`] as an error about the size.
fn proportion(resize: usize, crop: usize, asked: usize) -> Result<usize> {
    at_size::proportion(resize, crop, asked).map_err(|why| no_size([asked; 2]).why(why))
}
