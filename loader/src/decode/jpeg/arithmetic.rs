//! The arithmetic decoder of one scan (T.81 annexes D and F, jdarith.c).

use super::conditioning::Conditioning;
use super::entropy::{Block, Pass};
use super::frame::Frame;
use super::headers::{Headers, NATURAL};
use super::source::{Fault, Source};

/// Adaptive bins: the probability in the low bits, the likelier symbol in the high one.
type Bins = [u8; 256];

/// Places in the bins of the averages and of the other coefficients.
const DC_MAGNITUDES: usize = 20;
const AC_LOW: usize = 189;
const AC_HIGH: usize = 217;
/// From the bin of a magnitude to that of its bits.
const MAGNITUDE_BITS: usize = 14;

pub(super) struct Arithmetic {
    pass: Pass,
    first: usize,
    last: usize,
    shift: u8,
    restart_interval: u32,
    restarts_to_go: u32,
    conditioning: Conditioning,
    /// The tables of each component of the scan, as numbers of bins.
    dc_table: Vec<usize>,
    ac_table: Vec<usize>,
    dc_bins: Vec<Bins>,
    ac_bins: Vec<Bins>,
    dc_before: [i32; 4],
    dc_context: [usize; 4],
    coder: Coder,
    /// The data made no sense: nothing more of this segment is decoded.
    failed: bool,
}

/// What is wrong inside a segment: its rest is left as it is.
struct Overflow;

enum Stop {
    Fault(Fault),
    Overflow,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Overflow> for Stop {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl Arithmetic {
    pub(super) fn new(frame: &Frame, headers: &Headers<'_>) -> Result<Self, Fault> {
        let scan = &headers.scan;
        let components = scan.components.iter().map(|&index| &frame.components[index]);
        let (dc_table, ac_table) = components.map(|c| (c.dc_table, c.ac_table)).unzip();
        Ok(Self {
            pass: Pass::of(frame, scan)?,
            first: scan.first,
            last: scan.last,
            shift: scan.low,
            restart_interval: headers.restart_interval,
            restarts_to_go: headers.restart_interval,
            conditioning: headers.conditioning,
            dc_table,
            ac_table,
            dc_bins: vec![[0; 256]; 16],
            ac_bins: vec![[0; 256]; 16],
            dc_before: [0; 4],
            dc_context: [0; 4],
            coder: Coder::default(),
            failed: false,
        })
    }

    pub(super) fn decode(
        &mut self,
        source: &mut Source<'_>,
        blocks: &mut [Block],
        owners: &[usize],
    ) -> Result<(), Fault> {
        if self.restart_interval > 0 {
            if self.restarts_to_go == 0 {
                self.restart(source)?;
            }
            self.restarts_to_go -= 1;
        }
        if self.failed && self.pass != Pass::DcRefine {
            return Ok(());
        }
        match self.attempt(source, blocks, owners) {
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Overflow) => self.failed = true,
            Ok(()) => {}
        }
        Ok(())
    }

    fn restart(&mut self, source: &mut Source<'_>) -> Result<(), Fault> {
        source.restart()?;
        self.dc_bins.fill([0; 256]);
        self.ac_bins.fill([0; 256]);
        self.dc_before = [0; 4];
        self.dc_context = [0; 4];
        self.coder = Coder::default();
        self.failed = false;
        self.restarts_to_go = self.restart_interval;
        Ok(())
    }

    fn attempt(
        &mut self,
        source: &mut Source<'_>,
        blocks: &mut [Block],
        owners: &[usize],
    ) -> Result<(), Stop> {
        match self.pass {
            Pass::Sequential => {
                for (block, &owner) in blocks.iter_mut().zip(owners) {
                    block[0] = self.average(source, owner)? as i16;
                    self.coefficients(source, owner, block, 1, 63, 0)?;
                }
            }
            Pass::DcFirst => {
                for (block, &owner) in blocks.iter_mut().zip(owners) {
                    block[0] = (self.average(source, owner)? << self.shift) as i16;
                }
            }
            Pass::DcRefine => {
                for block in blocks {
                    if self.coder.even(source)? {
                        block[0] |= 1 << self.shift;
                    }
                }
            }
            Pass::AcFirst => {
                self.coefficients(source, 0, &mut blocks[0], self.first, self.last, self.shift)?;
            }
            Pass::AcRefine => self.refine(source, &mut blocks[0])?,
        }
        Ok(())
    }

    /// The average of a block, from the difference to the one before (figures F.19 to F.24).
    fn average(&mut self, source: &mut Source<'_>, owner: usize) -> Result<i32, Stop> {
        let table = self.dc_table[owner];
        let (coder, bins) = (&mut self.coder, &mut self.dc_bins[table]);
        let mut at = self.dc_context[owner];
        if !coder.decode(source, &mut bins[at])? {
            self.dc_context[owner] = 0;
            return Ok(self.dc_before[owner]);
        }
        let negative = coder.decode(source, &mut bins[at + 1])?;
        at += 2 + usize::from(negative);
        let mut magnitude = 0;
        if coder.decode(source, &mut bins[at])? {
            (magnitude, at) = coder.magnitude(source, bins, 1, DC_MAGNITUDES)?;
        }
        let sign = 4 * usize::from(negative);
        let small = (1 << self.conditioning.low[table]) >> 1;
        let large = (1 << self.conditioning.high[table]) >> 1;
        self.dc_context[owner] = if magnitude < small {
            0
        } else if magnitude > large {
            12 + sign
        } else {
            4 + sign
        };
        let value = coder.value(source, bins, magnitude, at, negative)?;
        self.dc_before[owner] = (self.dc_before[owner] + value) & 0xFFFF;
        Ok(self.dc_before[owner])
    }

    /// The coefficients of a band (figure F.20).
    fn coefficients(
        &mut self,
        source: &mut Source<'_>,
        owner: usize,
        block: &mut Block,
        first: usize,
        last: usize,
        shift: u8,
    ) -> Result<(), Stop> {
        let table = self.ac_table[owner];
        let last_low = usize::from(self.conditioning.last_low[table]);
        let (coder, bins) = (&mut self.coder, &mut self.ac_bins[table]);
        let mut k = first;
        while k <= last {
            if coder.decode(source, &mut bins[3 * (k - 1)])? {
                break;
            }
            while !coder.decode(source, &mut bins[3 * (k - 1) + 1])? {
                k += 1;
                if k > last {
                    return Err(Overflow.into());
                }
            }
            let negative = coder.even(source)?;
            let mut at = 3 * (k - 1) + 2;
            let mut magnitude = 0;
            if coder.decode(source, &mut bins[at])? {
                magnitude = 1;
                if coder.decode(source, &mut bins[at])? {
                    let start = if k <= last_low { AC_LOW } else { AC_HIGH };
                    (magnitude, at) = coder.magnitude(source, bins, 2, start)?;
                }
            }
            let value = coder.value(source, bins, magnitude, at, negative)?;
            block[usize::from(NATURAL[k])] = (value << shift) as i16;
            k += 1;
        }
        Ok(())
    }

    /// One more bit of the coefficients of a band (figure G.10).
    fn refine(&mut self, source: &mut Source<'_>, block: &mut Block) -> Result<(), Stop> {
        let (coder, bins) = (&mut self.coder, &mut self.ac_bins[self.ac_table[0]]);
        let bit = 1_i16 << self.shift;
        let place = |k: usize| usize::from(NATURAL[k]);
        let end = (1..=self.last).rev().find(|&k| block[place(k)] != 0).unwrap_or(0);
        let mut k = self.first;
        while k <= self.last {
            if k > end && coder.decode(source, &mut bins[3 * (k - 1)])? {
                break;
            }
            loop {
                let coefficient = &mut block[place(k)];
                if *coefficient != 0 {
                    if coder.decode(source, &mut bins[3 * (k - 1) + 2])? {
                        let more = if *coefficient < 0 { -bit } else { bit };
                        *coefficient = coefficient.wrapping_add(more);
                    }
                    break;
                }
                if coder.decode(source, &mut bins[3 * (k - 1) + 1])? {
                    *coefficient = if coder.even(source)? { -bit } else { bit };
                    break;
                }
                k += 1;
                if k > self.last {
                    return Err(Overflow.into());
                }
            }
            k += 1;
        }
        Ok(())
    }
}

/// The registers of the decoder (T.81 D.2).
struct Coder {
    code: i64,
    interval: i64,
    /// Bits left in the low part of `code`; -16 asks for the first two bytes.
    left: i32,
}

impl Default for Coder {
    fn default() -> Self {
        Self {
            code: 0,
            interval: 0,
            left: -16,
        }
    }
}

impl Coder {
    /// The next decision, which also moves the bin.
    #[inline(never)]
    fn decode(&mut self, source: &mut Source<'_>, bin: &mut u8) -> Result<bool, Fault> {
        while self.interval < 0x8000 {
            self.left -= 1;
            if self.left < 0 {
                self.code = self.code << 8 | i64::from(next_byte(source)?);
                self.left += 8;
                if self.left < 0 {
                    self.left += 1;
                    if self.left == 0 {
                        self.interval = 0x8000;
                    }
                }
            }
            self.interval <<= 1;
        }
        let state = *bin;
        let (step, if_less, if_more, switch) = STATES[usize::from(state & 0x7F)];
        let likely = state & 0x80;
        let step = i64::from(step);
        self.interval -= step;
        let bound = self.interval << self.left;
        let (less, more) = (likely ^ (if_less | switch << 7), likely ^ if_more);
        let exchanged = self.interval < step;
        let mut symbol = likely;
        if self.code >= bound {
            self.code -= bound;
            self.interval = step;
            *bin = if exchanged { more } else { less };
            if !exchanged {
                symbol ^= 0x80;
            }
        } else if self.interval < 0x8000 {
            *bin = if exchanged { less } else { more };
            if exchanged {
                symbol ^= 0x80;
            }
        }
        Ok(symbol != 0)
    }

    /// A decision without adaptation.
    fn even(&mut self, source: &mut Source<'_>) -> Result<bool, Fault> {
        self.decode(source, &mut 113)
    }

    /// The category of a magnitude (figure F.23), doubled as often as the bins from `at` on say; and the last bin.
    fn magnitude(
        &mut self,
        source: &mut Source<'_>,
        bins: &mut Bins,
        mut magnitude: i32,
        mut at: usize,
    ) -> Result<(i32, usize), Stop> {
        while self.decode(source, &mut bins[at])? {
            magnitude <<= 1;
            if magnitude == 0x8000 {
                return Err(Overflow.into());
            }
            at += 1;
        }
        Ok((magnitude, at))
    }

    /// The value of a magnitude's category and bits (figure F.24).
    fn value(
        &mut self,
        source: &mut Source<'_>,
        bins: &mut Bins,
        magnitude: i32,
        at: usize,
        negative: bool,
    ) -> Result<i32, Fault> {
        let mut value = magnitude;
        let mut bit = magnitude >> 1;
        while bit != 0 {
            if self.decode(source, &mut bins[at + MAGNITUDE_BITS])? {
                value |= bit;
            }
            bit >>= 1;
        }
        value += 1;
        Ok(if negative { -value } else { value })
    }
}

/// The next byte of the data, or zero once a marker was met.
fn next_byte(source: &mut Source<'_>) -> Result<u8, Fault> {
    if source.unread != 0 {
        return Ok(0);
    }
    let mut byte = source.await_byte()?;
    if byte == 0xFF {
        while byte == 0xFF {
            byte = source.await_byte()?;
        }
        if byte != 0 {
            source.unread = byte;
            return Ok(0);
        }
        byte = 0xFF;
    }
    Ok(byte)
}

/// T.81 table D.3: the size of the less probable interval, the next states after the less and the more
/// probable symbol, and whether the two change places. The last is the probability of a half.
#[rustfmt::skip]
const STATES: [(u16, u8, u8, u8); 114] = [
    (0x5A1D, 1, 1, 1), (0x2586, 14, 2, 0), (0x1114, 16, 3, 0), (0x080B, 18, 4, 0), (0x03D8, 20, 5, 0),
    (0x01DA, 23, 6, 0), (0x00E5, 25, 7, 0), (0x006F, 28, 8, 0), (0x0036, 30, 9, 0), (0x001A, 33, 10, 0),
    (0x000D, 35, 11, 0), (0x0006, 9, 12, 0), (0x0003, 10, 13, 0), (0x0001, 12, 13, 0), (0x5A7F, 15, 15, 1),
    (0x3F25, 36, 16, 0), (0x2CF2, 38, 17, 0), (0x207C, 39, 18, 0), (0x17B9, 40, 19, 0), (0x1182, 42, 20, 0),
    (0x0CEF, 43, 21, 0), (0x09A1, 45, 22, 0), (0x072F, 46, 23, 0), (0x055C, 48, 24, 0), (0x0406, 49, 25, 0),
    (0x0303, 51, 26, 0), (0x0240, 52, 27, 0), (0x01B1, 54, 28, 0), (0x0144, 56, 29, 0), (0x00F5, 57, 30, 0),
    (0x00B7, 59, 31, 0), (0x008A, 60, 32, 0), (0x0068, 62, 33, 0), (0x004E, 63, 34, 0), (0x003B, 32, 35, 0),
    (0x002C, 33, 9, 0), (0x5AE1, 37, 37, 1), (0x484C, 64, 38, 0), (0x3A0D, 65, 39, 0), (0x2EF1, 67, 40, 0),
    (0x261F, 68, 41, 0), (0x1F33, 69, 42, 0), (0x19A8, 70, 43, 0), (0x1518, 72, 44, 0), (0x1177, 73, 45, 0),
    (0x0E74, 74, 46, 0), (0x0BFB, 75, 47, 0), (0x09F8, 77, 48, 0), (0x0861, 78, 49, 0), (0x0706, 79, 50, 0),
    (0x05CD, 48, 51, 0), (0x04DE, 50, 52, 0), (0x040F, 50, 53, 0), (0x0363, 51, 54, 0), (0x02D4, 52, 55, 0),
    (0x025C, 53, 56, 0), (0x01F8, 54, 57, 0), (0x01A4, 55, 58, 0), (0x0160, 56, 59, 0), (0x0125, 57, 60, 0),
    (0x00F6, 58, 61, 0), (0x00CB, 59, 62, 0), (0x00AB, 61, 63, 0), (0x008F, 61, 32, 0), (0x5B12, 65, 65, 1),
    (0x4D04, 80, 66, 0), (0x412C, 81, 67, 0), (0x37D8, 82, 68, 0), (0x2FE8, 83, 69, 0), (0x293C, 84, 70, 0),
    (0x2379, 86, 71, 0), (0x1EDF, 87, 72, 0), (0x1AA9, 87, 73, 0), (0x174E, 72, 74, 0), (0x1424, 72, 75, 0),
    (0x119C, 74, 76, 0), (0x0F6B, 74, 77, 0), (0x0D51, 75, 78, 0), (0x0BB6, 77, 79, 0), (0x0A40, 77, 48, 0),
    (0x5832, 80, 81, 1), (0x4D1C, 88, 82, 0), (0x438E, 89, 83, 0), (0x3BDD, 90, 84, 0), (0x34EE, 91, 85, 0),
    (0x2EAE, 92, 86, 0), (0x299A, 93, 87, 0), (0x2516, 86, 71, 0), (0x5570, 88, 89, 1), (0x4CA9, 95, 90, 0),
    (0x44D9, 96, 91, 0), (0x3E22, 97, 92, 0), (0x3824, 99, 93, 0), (0x32B4, 99, 94, 0), (0x2E17, 93, 86, 0),
    (0x56A8, 95, 96, 1), (0x4F46, 101, 97, 0), (0x47E5, 102, 98, 0), (0x41CF, 103, 99, 0), (0x3C3D, 104, 100, 0),
    (0x375E, 99, 93, 0), (0x5231, 105, 102, 0), (0x4C0F, 106, 103, 0), (0x4639, 107, 104, 0), (0x415E, 103, 99, 0),
    (0x5627, 105, 106, 1), (0x50E7, 108, 107, 0), (0x4B85, 109, 103, 0), (0x5597, 110, 109, 0), (0x504F, 111, 107, 0),
    (0x5A10, 110, 111, 1), (0x5522, 112, 109, 0), (0x59EB, 112, 111, 1), (0x5A1D, 113, 113, 0),
];
