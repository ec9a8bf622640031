//! The entropy decoder of a stream: blocks of whole, ordinary data, and nothing else.
//!
//! Where anything is not as it should be it gives up, and the plain decoder says what libjpeg makes of it. So it can take
//! eight bytes at a time, and most codes together with the bits of their value.

use super::headers::NATURAL;
use super::huffman::Spec;

/// Bits that are looked up at once.
const LOOKED_UP: u32 = 10;

/// The most bits that a code and its value have.
const MOST: u32 = 32;

/// A Huffman table, made ready.
pub(super) struct Codes {
    /// For the next bits: the value in the upper half, which is not 0, the run before it, and the bits of all; or 0, the
    /// symbol, and the bits of its code; or 0 where the code is longer.
    first: [i32; 1 << LOOKED_UP],
    /// For codes of each length: the code behind the last one, shifted to 16 bits, and what is to be added to a code for the
    /// place of its symbol.
    ends: [u32; 17],
    offsets: [i32; 17],
    symbols: [u8; 256],
}

/// The value of `size` bits (F.2.2.1 of T.81).
fn extended(bits: u32, size: u32) -> i32 {
    let bits = bits as i32;
    if bits >> (size - 1) != 0 {
        bits
    } else {
        bits - (1 << size) + 1
    }
}

impl Codes {
    /// `None` for codes that there cannot be.
    pub(super) fn new(spec: &Spec) -> Option<Self> {
        let mut codes = Self {
            first: [0; 1 << LOOKED_UP],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: spec.symbols,
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(&spec.counts) {
            codes.offsets[length as usize] = place as i32 - code as i32;
            for _ in 0..count {
                let symbol = *spec.symbols.get(place)?;
                if code >> length != 0 {
                    return None;
                }
                codes.fill(code, length, symbol);
                code += 1;
                place += 1;
            }
            codes.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(codes)
    }

    fn fill(&mut self, code: u32, length: u32, symbol: u8) {
        let Some(free) = LOOKED_UP.checked_sub(length) else {
            return;
        };
        let (run, size) = (i32::from(symbol >> 4), u32::from(symbol & 15));
        for rest in 0..1 << free {
            let entry = match free.checked_sub(size) {
                Some(unused) if size > 0 => {
                    extended(rest >> unused, size) << 16 | run << 8 | (length + size) as i32
                }
                _ => i32::from(symbol) << 8 | length as i32,
            };
            self.first[(code << free | rest) as usize] = entry;
        }
    }

    /// The symbol and the bits of a code that is too long to be looked up.
    #[cold]
    fn long(&self, bits: u64) -> Option<(u8, u32)> {
        let next = (bits >> 48) as u32;
        let length = (LOOKED_UP + 1..=16).find(|&length| next < self.ends[length as usize])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        Some((*self.symbols.get(place as usize)?, length))
    }
}

/// The bits of a scan.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest on.
    bits: u64,
    count: u32,
    /// Of them, those that stand for the missing ones at the end of an interval.
    missing: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            bits: 0,
            count: 0,
            missing: 0,
        }
    }

    /// Whether all bits so far were there.
    pub(super) fn are_whole(&self) -> bool {
        self.missing <= self.count
    }

    /// Goes on behind the next restart marker; false where another one comes first.
    pub(super) fn restart(&mut self) -> bool {
        (self.bits, self.count, self.missing) = (0, 0, 0);
        while let Some(&[mark, code]) = self.data.get(self.at..self.at + 2) {
            match (mark, code) {
                (0xFF, 0) => self.at += 2,
                (0xFF, 0xD0..=0xD7) => {
                    self.at += 2;
                    return true;
                }
                (0xFF, _) => return false,
                _ => self.at += 1,
            }
        }
        false
    }

    /// Fills up to more than [`MOST`] bits.
    #[inline(always)]
    fn fill(&mut self) {
        if let Some(next) = self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            let next = u64::from_be_bytes(*next);
            const ONES: u64 = u64::MAX / 255;
            // No byte of 0xFF, which would have another one behind it, or a marker.
            if (!next).wrapping_sub(ONES) & next & (ONES << 7) == 0 {
                self.bits |= next >> self.count;
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return;
            }
        }
        self.fill_bytes();
    }

    #[inline(never)]
    fn fill_bytes(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                Some([0xFF, 0, ..]) => {
                    self.at += 2;
                    0xFF
                }
                Some([byte @ ..=0xFE, ..]) => {
                    self.at += 1;
                    *byte
                }
                _ => {
                    self.missing += 8;
                    0
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline(always)]
    fn take(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count;
    }

    /// The next code and the bits of its value: the value, and the run before it. Without a value, 0 and the symbol.
    #[inline(always)]
    fn next(&mut self, codes: &Codes) -> Option<(i32, usize)> {
        if self.count < MOST {
            self.fill();
        }
        let entry = codes.first[(self.bits >> (64 - LOOKED_UP)) as usize];
        if entry >> 16 != 0 {
            self.take(entry as u32 & 255);
            return Some((entry >> 16, (entry >> 8) as usize & 255));
        }
        let (symbol, length) = match entry as u32 & 255 {
            0 => codes.long(self.bits)?,
            length => ((entry >> 8) as u8, length),
        };
        self.take(length);
        let size = u32::from(symbol & 15);
        if size == 0 {
            return Some((0, usize::from(symbol)));
        }
        let value = extended((self.bits >> (64 - size)) as u32, size);
        self.take(size);
        Some((value, usize::from(symbol >> 4)))
    }

    /// Reads a block: its coefficients by rows, and `average`, the first of them, from that of the block before. False where
    /// the data are damaged.
    pub(super) fn block(&mut self, dc: &Codes, ac: &Codes, average: &mut i16, block: &mut [i16; 64]) -> bool {
        // In registers, which a reference is not.
        let mut bits = Bits { ..*self };
        *block = [0; 64];
        let Some((difference, 0)) = bits.next(dc) else {
            return false;
        };
        *average = average.wrapping_add(difference as i16);
        block[0] = *average;
        let mut index = 1;
        while index < 64 {
            match bits.next(ac) {
                Some((0, 0)) => break,
                Some((0, 0xF0)) => index += 16,
                Some((value, run)) if value != 0 && index + run < 64 => {
                    index += run;
                    block[usize::from(NATURAL[index] & 63)] = value as i16;
                    index += 1;
                }
                _ => return false,
            }
        }
        *self = bits;
        index <= 64
    }
}
