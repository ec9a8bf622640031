//! Huffman tables as a file defines them, and made ready for decoding.

use super::source::Fault;

/// A table as it stands in the file: codes per length, and the symbols in the order of the codes.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    /// Codes of 1 to 16 bits.
    pub(super) counts: [u8; 16],
    pub(super) symbols: [u8; 256],
}

impl Spec {
    /// The symbols that have a code.
    fn used(&self) -> &[u8] {
        let codes: usize = self.counts.iter().map(|&count| usize::from(count)).sum();
        &self.symbols[..codes.min(256)]
    }

    /// The most bits that a value takes behind one of the codes.
    pub(super) fn largest_category(&self) -> u32 {
        let categories = self.used().iter().map(|&symbol| u32::from(symbol & 15));
        categories.max().unwrap_or(0)
    }

    /// The largest symbol of the codes: of averages, the most bits that one takes.
    pub(super) fn largest_symbol(&self) -> u32 {
        self.used()
            .iter()
            .map(|&symbol| u32::from(symbol))
            .max()
            .unwrap_or(0)
    }

    /// Whether values of 1 to `category` bits have a code behind every run of zeros: a table for any file,
    /// as the standard ones and those of Photoshop, and not for the values of one.
    pub(super) fn has_all_runs(&self, category: u32) -> bool {
        let mut runs = [0_u16; 16];
        for &symbol in self.used() {
            runs[usize::from(symbol & 15)] |= 1 << (symbol >> 4);
        }
        (1..=category as usize).all(|category| runs[category] == u16::MAX)
    }

    fn standard(counts: [u8; 16], list: &[u8]) -> Self {
        let mut symbols = [0; 256];
        symbols[..list.len()].copy_from_slice(list);
        Self { counts, symbols }
    }

    /// The table of T.81 annex K.3 that motion JPEG leaves out, for luma (0) or chroma (1).
    pub(super) fn standard_dc(chroma: bool) -> Self {
        let counts = if chroma {
            [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
        } else {
            [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
        };
        Self::standard(counts, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    }

    /// The same for the other coefficients.
    pub(super) fn standard_ac(chroma: bool) -> Self {
        if chroma {
            Self::standard([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &AC_CHROMA)
        } else {
            Self::standard([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], &AC_LUMA)
        }
    }
}

/// A table made ready.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Length and symbol for each value of the next bits; length 0 for longer codes.
    lookup: [(u8, u8); 1 << Self::LOOKAHEAD],
    /// The largest code of each length, -1 for none.
    largest: [i32; 18],
    /// What a code of each length needs added to become an index of `symbols`.
    offset: [i32; 18],
    symbols: [u8; 256],
}

impl Table {
    /// Bits that one look-up sees.
    pub(super) const LOOKAHEAD: u32 = 8;

    /// `jpeg_make_d_derived_tbl`: refuses counts that are no code, and DC categories above 15.
    pub(super) fn new(spec: &Spec, is_dc: bool) -> Result<Self, Fault> {
        const BAD: Fault = Fault::Corrupt("a Huffman table is impossible");
        let mut table = Self {
            lookup: [(0, 0); 256],
            largest: [-1; 18],
            offset: [0; 18],
            symbols: spec.symbols,
        };
        table.largest[17] = 0xF_FFFF;
        let (mut code, mut index) = (0_i32, 0_usize);
        for (length, &count) in (1..).zip(&spec.counts) {
            let count = usize::from(count);
            if index + count > 256 {
                return Err(BAD);
            }
            if count > 0 {
                table.offset[length] = index as i32 - code;
                if length <= 8 {
                    let free = 8 - length;
                    for (i, &symbol) in spec.symbols[index..index + count].iter().enumerate() {
                        let first = (code as usize + i) << free;
                        let Some(entries) = table.lookup.get_mut(first..first + (1 << free)) else {
                            return Err(BAD);
                        };
                        entries.fill((length as u8, symbol));
                    }
                }
                code += count as i32;
                index += count;
                table.largest[length] = code - 1;
            }
            // No code may be all ones.
            if count > 0 && code >= 1 << length {
                return Err(BAD);
            }
            code <<= 1;
        }
        if is_dc && spec.symbols[..index].iter().any(|&symbol| symbol > 15) {
            return Err(BAD);
        }
        Ok(table)
    }

    /// Symbol and length of a code that begins the next eight bits, if it is no longer than these.
    pub(super) fn short(&self, bits: u32) -> Option<(u8, u32)> {
        let (length, symbol) = self.lookup[bits as usize & 0xFF];
        (length != 0).then_some((symbol, u32::from(length)))
    }

    /// Whether the bits so far are no whole code.
    pub(super) fn continues(&self, code: u32, length: u32) -> bool {
        code as i32 > self.largest[length as usize]
    }

    /// The symbol of a long code; 0 beyond 16 bits.
    pub(super) fn long(&self, code: u32, length: u32) -> u8 {
        if length > 16 {
            return 0;
        }
        self.symbols[(code as i32 + self.offset[length as usize]) as usize & 0xFF]
    }
}

/// Symbols of T.81 table K.5.
#[rustfmt::skip]
const AC_LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

/// Symbols of T.81 table K.6.
#[rustfmt::skip]
const AC_CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];
