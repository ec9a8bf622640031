//! Bits of the entropy-coded data, with the look-ahead of libjpeg-turbo (jdhuff.c).
//!
//! Two readers give the same bits. They differ in how far they read ahead, which decides whether a file that
//! ends early is still whole, so both are kept: `Fast` where a whole MCU is certainly in memory, else `Slow`.

use super::huffman::Table;
use super::source::{Fault, Source};

/// Bits that a refill of the slow reader aims at.
const FILLED: u32 = 57;

/// The bit buffer, as it is between two MCUs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bits {
    buffer: u64,
    left: u32,
}

impl Bits {
    fn peek(&self, count: u32) -> u32 {
        ((self.buffer >> (self.left - count)) & ((1 << count) - 1)) as u32
    }

    fn take(&mut self, count: u32) -> u32 {
        let value = self.peek(count);
        self.left -= count;
        value
    }
}

pub(super) trait Reader {
    /// The next Huffman symbol; 0 for a code that the table does not have.
    fn symbol(&mut self, table: &Table) -> Result<u8, Fault>;
    /// The next `count` bits, 1 to 16.
    fn receive(&mut self, count: u32) -> Result<u32, Fault>;
}

pub(super) struct Slow<'s, 'a> {
    pub(super) bits: Bits,
    pub(super) source: &'s mut Source<'a>,
    /// A marker came before the bits that were asked for; they are zeros from there on.
    pub(super) insufficient: bool,
}

impl Slow<'_, '_> {
    #[inline(never)]
    fn fill(&mut self, needed: u32) -> Result<(), Fault> {
        while self.source.unread == 0 && self.bits.left < FILLED {
            let mut byte = self.source.byte()?;
            if byte == 0xFF {
                while byte == 0xFF {
                    byte = self.source.byte()?;
                }
                if byte != 0 {
                    self.source.unread = byte;
                    break;
                }
                byte = 0xFF;
            }
            self.bits.buffer = self.bits.buffer << 8 | u64::from(byte);
            self.bits.left += 8;
        }
        if needed > self.bits.left {
            self.insufficient = true;
            self.bits.buffer <<= FILLED - self.bits.left;
            self.bits.left = FILLED;
        }
        Ok(())
    }

    fn ensure(&mut self, count: u32) -> Result<(), Fault> {
        if self.bits.left < count {
            self.fill(count)?;
        }
        Ok(())
    }
}

impl Reader for Slow<'_, '_> {
    // Called from many places, and not the fast one.
    #[inline(never)]
    fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        let mut length = 1;
        if self.bits.left < Table::LOOKAHEAD {
            self.fill(0)?;
        }
        if self.bits.left >= Table::LOOKAHEAD {
            if let Some((symbol, length)) = table.short(self.bits.peek(Table::LOOKAHEAD)) {
                self.bits.left -= length;
                return Ok(symbol);
            }
            length = Table::LOOKAHEAD + 1;
        }
        self.ensure(length)?;
        let mut code = self.bits.take(length);
        while table.continues(code, length) {
            self.ensure(1)?;
            code = code << 1 | self.bits.take(1);
            length += 1;
        }
        Ok(table.long(code, length))
    }

    #[inline(never)]
    fn receive(&mut self, count: u32) -> Result<u32, Fault> {
        self.ensure(count)?;
        Ok(self.bits.take(count))
    }
}

pub(super) struct Fast<'s, 'a> {
    pub(super) bits: Bits,
    pub(super) source: &'s Source<'a>,
    pub(super) at: usize,
    /// A marker was met: the slow reader has to do this MCU.
    pub(super) met_marker: bool,
}

impl Fast<'_, '_> {
    fn fill(&mut self) {
        if self.bits.left > 16 {
            return;
        }
        for _ in 0..6 {
            let byte = self.source.peek(self.at);
            let stuffed = byte == 0xFF && self.source.peek(self.at + 1) == 0;
            let marker = byte == 0xFF && !stuffed;
            self.bits.buffer = self.bits.buffer << 8 | u64::from(if marker { 0 } else { byte });
            self.bits.left += 8;
            self.met_marker |= marker;
            // A marker is never passed.
            self.at += if marker { 0 } else { 1 + usize::from(stuffed) };
        }
    }
}

impl Reader for Fast<'_, '_> {
    fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        self.fill();
        if let Some((symbol, length)) = table.short(self.bits.peek(Table::LOOKAHEAD)) {
            self.bits.left -= length;
            return Ok(symbol);
        }
        let mut length = Table::LOOKAHEAD + 1;
        let mut code = self.bits.take(length);
        while table.continues(code, length) {
            code = code << 1 | self.bits.take(1);
            length += 1;
        }
        Ok(table.long(code, length))
    }

    fn receive(&mut self, count: u32) -> Result<u32, Fault> {
        self.fill();
        Ok(self.bits.take(count))
    }
}

/// The value of `count` received bits (T.81 figure F.12).
pub(super) fn extend(value: u32, count: u32) -> i32 {
    let value = value as i32;
    if value < 1 << (count - 1) {
        value - (1 << count) + 1
    } else {
        value
    }
}
