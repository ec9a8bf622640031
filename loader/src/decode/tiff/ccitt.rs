//! The facsimile codes of CCITT T.4 and T.6 in TIFF: run lengths with rows on whole bytes, group 3 and group 4.
//! A set bit is black, as libtiff gives it. The code tables are those of the `fax` crate.

use std::convert::Infallible;

use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, Color};

use crate::ImageError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows without end marks, on multiples of `align` bits.
    Rle {
        align: usize,
    },
    Group3 {
        two_dimensional: bool,
    },
    Group4,
}

/// Rows of one strip or tile.
pub(super) struct Fax<'a> {
    kind: Kind,
    bits: Bits<'a>,
    width: usize,
    /// Columns where the colour changes, white first; those of the row before, and of the present one.
    above: Vec<usize>,
    current: Vec<usize>,
    /// Behind the mark that ends the data, rows are white.
    ended: bool,
}

impl<'a> Fax<'a> {
    pub(super) fn new(kind: Kind, data: &'a [u8], width: usize) -> Self {
        Self {
            kind,
            bits: Bits { data, at: 0 },
            width,
            above: Vec::new(),
            current: Vec::new(),
            ended: false,
        }
    }

    /// Whole rows.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), ImageError> {
        for row in out.chunks_exact_mut(self.width.div_ceil(8)) {
            row.fill(0);
            self.current.clear();
            if !self.ended {
                self.row()?;
            }
            for run in self.current.chunks(2) {
                set_bits(
                    row,
                    run[0],
                    run.get(1).copied().unwrap_or(self.width).min(self.width),
                );
            }
            std::mem::swap(&mut self.above, &mut self.current);
        }
        Ok(())
    }

    fn row(&mut self) -> Result<(), ImageError> {
        match self.kind {
            Kind::Rle { align } => {
                self.runs()?;
                self.bits.at = self.bits.at.next_multiple_of(align);
                Ok(())
            }
            Kind::Group3 { two_dimensional } => {
                self.bits.skip_end_of_line()?;
                let by_runs = !two_dimensional || self.bits.take(1) == 1;
                if by_runs { self.runs() } else { self.differences() }
            }
            Kind::Group4 => self.differences(),
        }
    }

    /// One run, of codes for multiples of 64 and one below.
    fn run(&mut self, color: Color) -> Result<usize, ImageError> {
        let mut sum = 0;
        loop {
            let code = match color {
                Color::White => white::decode(&mut self.bits),
                Color::Black => black::decode(&mut self.bits),
            };
            let code = usize::from(code.ok_or_else(|| self.bits.fault())?);
            sum += code;
            if code < 64 {
                return Ok(sum);
            }
            if sum > self.width {
                return Err(self.bits.fault());
            }
        }
    }

    fn runs(&mut self) -> Result<(), ImageError> {
        let (mut at, mut color) = (0, Color::White);
        while at < self.width {
            at += self.run(color)?;
            if at > self.width {
                return Err(self.bits.fault());
            }
            self.change_at(at)?;
            color = !color;
        }
        Ok(())
    }

    /// Runs of no pixels are allowed, but not without end.
    fn change_at(&mut self, column: usize) -> Result<(), ImageError> {
        if self.current.len() > 2 * self.width + 16 {
            return Err(self.bits.fault());
        }
        self.current.push(column);
        Ok(())
    }

    /// A row that is told by what differs from the one above.
    fn differences(&mut self) -> Result<(), ImageError> {
        let (mut at, mut color) = (0, Color::White);
        // The change above to the right of `at` that ends the present colour.
        let mut next = 0;
        while at < self.width {
            while next >= 2 && self.change(next - 2) > at {
                next -= 2;
            }
            let begun = at > 0 || !self.current.is_empty();
            while begun && next < self.above.len() && self.change(next) <= at {
                next += 2;
            }
            match mode::decode(&mut self.bits).ok_or_else(|| self.bits.fault())? {
                Mode::Pass => at = self.change(next + 1),
                Mode::Horizontal => {
                    for color in [color, !color] {
                        at += self.run(color)?;
                        if at > self.width {
                            return Err(self.bits.fault());
                        }
                        self.change_at(at)?;
                    }
                }
                Mode::Vertical(by) => {
                    let to = self.change(next).checked_add_signed(isize::from(by));
                    at = to
                        .filter(|&to| to >= at && to <= self.width)
                        .ok_or_else(|| self.bits.fault())?;
                    self.change_at(at)?;
                    color = !color;
                    next += 1;
                }
                Mode::Extension => return Err(ImageError::unsupported("TIFF: CCITT extension codes")),
                Mode::EOF => {
                    self.ended = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn change(&self, index: usize) -> usize {
        self.above.get(index).copied().unwrap_or(self.width)
    }
}

fn set_bits(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let head = 0xFFu8 >> (from % 8);
    let tail = 0xFFu8 << (7 - (to - 1) % 8);
    if first == last {
        row[first] |= head & tail;
        return;
    }
    row[first] |= head;
    row[first + 1..last].fill(0xFF);
    row[last] |= tail;
}

/// Behind the last bit there are zeros.
struct Bits<'a> {
    data: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, bits: u8) -> u16 {
        let value = self.peek(bits).unwrap_or(0);
        self.at += usize::from(bits);
        value
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.data.len() * 8
    }

    /// Eleven zeros or more, and a one: whatever comes before is skipped, as libtiff does.
    fn skip_end_of_line(&mut self) -> Result<(), ImageError> {
        let mut zeros = 0;
        while !self.is_at_end() {
            match self.take(1) {
                0 => zeros += 1,
                _ if zeros >= 11 => return Ok(()),
                _ => zeros = 0,
            }
        }
        Err(self.fault())
    }

    fn fault(&self) -> ImageError {
        if self.is_at_end() {
            super::ends::ends_early()
        } else {
            ImageError::corrupt("TIFF: a code that CCITT does not know, or a row of the wrong length")
        }
    }
}

impl BitReader for Bits<'_> {
    type Error = Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let byte = |i: usize| u32::from(self.data.get(self.at / 8 + i).copied().unwrap_or(0));
        let three = byte(0) << 16 | byte(1) << 8 | byte(2);
        let shifted = three << (8 + self.at % 8);
        Some((shifted >> 16 >> (16 - u32::from(bits.min(16)))) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), Infallible> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (self.at.wrapping_neg() % 8) as u8
    }
}
