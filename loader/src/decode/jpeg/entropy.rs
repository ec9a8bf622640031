//! The Huffman decoders of one scan (jdhuff.c, jdphuff.c).

use super::bits::{Bits, Fast, Reader, Slow, extend};
use super::frame::{Frame, Scan};
use super::headers::{Headers, NATURAL};
use super::huffman::Table;
use super::source::{Fault, Source};

/// Coefficients of a block, in the order of rows.
pub(super) type Block = [i16; 64];

/// Bytes that a block can take in the data, at most: with so many in memory the fast reader is safe.
const BLOCK_BYTES: usize = 512;

/// What a scan brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Sequential,
    DcFirst,
    DcRefine,
    AcFirst,
    AcRefine,
}

impl Pass {
    /// The checks of a scan header, which only a progression has.
    pub(super) fn of(frame: &Frame, scan: &Scan) -> Result<Self, Fault> {
        if !frame.progressive {
            return Ok(Self::Sequential);
        }
        let dc = scan.first == 0;
        let band = if dc {
            scan.last == 0
        } else {
            scan.first <= scan.last && scan.last < 64 && scan.components.len() == 1
        };
        let refines = scan.high != 0;
        if !band || (refines && scan.low + 1 != scan.high) || scan.low > 13 {
            return Err(Fault::Corrupt("a scan of the progression is impossible"));
        }
        Ok(match (dc, refines) {
            (true, false) => Self::DcFirst,
            (true, true) => Self::DcRefine,
            (false, false) => Self::AcFirst,
            (false, true) => Self::AcRefine,
        })
    }
}

pub(super) struct Huffman {
    pass: Pass,
    first: usize,
    last: usize,
    low: u8,
    restart_interval: u32,
    restarts_to_go: u32,
    /// The tables of each component of the scan.
    dc: Vec<Option<Table>>,
    ac: Vec<Option<Table>>,
    bits: Bits,
    dc_before: [i32; 4],
    /// Blocks that end before their first coefficient.
    empty_run: u32,
    /// Data of this segment ran out: what is left of it is zeros.
    pub(super) insufficient: bool,
}

impl Huffman {
    /// Checks a scan header and prepares its tables.
    pub(super) fn new(frame: &Frame, headers: &Headers<'_>) -> Result<Self, Fault> {
        let scan = &headers.scan;
        let pass = Pass::of(frame, scan)?;
        let needs_dc = matches!(pass, Pass::Sequential | Pass::DcFirst);
        let needs_ac = matches!(pass, Pass::Sequential | Pass::AcFirst | Pass::AcRefine);
        let table = |needed: bool, is_dc: bool, number: usize| {
            let specs = if is_dc { &headers.dc } else { &headers.ac };
            match (needed, specs.get(number).and_then(Option::as_ref)) {
                (false, _) => Ok(None),
                (true, Some(spec)) => Table::new(spec, is_dc).map(Some),
                (true, None) => Err(Fault::Corrupt("a Huffman table is missing")),
            }
        };
        let (mut dc, mut ac) = (Vec::new(), Vec::new());
        for &index in &scan.components {
            let component = &frame.components[index];
            dc.push(table(needs_dc, true, component.dc_table)?);
            ac.push(table(needs_ac, false, component.ac_table)?);
        }
        Ok(Self {
            pass,
            first: scan.first,
            last: scan.last,
            low: scan.low,
            restart_interval: headers.restart_interval,
            restarts_to_go: headers.restart_interval,
            dc,
            ac,
            bits: Bits::default(),
            dc_before: [0; 4],
            empty_run: 0,
            insufficient: false,
        })
    }

    /// Decodes one MCU into `blocks`, each of which belongs to the component of the scan that `owners`
    /// names. Begins again with more of the file where what is in memory ends inside the MCU.
    pub(super) fn decode(
        &mut self,
        source: &mut Source<'_>,
        blocks: &mut [Block],
        owners: &[usize],
    ) -> Result<(), Fault> {
        if self.restart_interval > 0 && self.restarts_to_go == 0 {
            self.restart(source)?;
        }
        // Refining a DC coefficient by a zero bit changes nothing, so libjpeg goes on there.
        if !self.insufficient || self.pass == Pass::DcRefine {
            let start = source.at;
            loop {
                match self.attempt(source, blocks, owners) {
                    Err(Fault::Ended) if source.grow() => source.at = start,
                    other => break other?,
                }
            }
        }
        self.restarts_to_go = self.restarts_to_go.wrapping_sub(1);
        Ok(())
    }

    fn restart(&mut self, source: &mut Source<'_>) -> Result<(), Fault> {
        self.bits = Bits::default();
        source.restart()?;
        self.dc_before = [0; 4];
        self.empty_run = 0;
        self.restarts_to_go = self.restart_interval;
        if source.unread == 0 {
            self.insufficient = false;
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        source: &mut Source<'_>,
        blocks: &mut [Block],
        owners: &[usize],
    ) -> Result<(), Fault> {
        let mut dc_before = self.dc_before;
        let roomy = source.unread == 0 && source.in_buffer() >= BLOCK_BYTES * blocks.len();
        if self.pass == Pass::Sequential && self.restart_interval == 0 && roomy {
            let mut fast = Fast {
                bits: self.bits,
                at: source.at,
                source,
                met_marker: false,
            };
            self.sequential(&mut fast, blocks, owners, &mut dc_before)?;
            if !fast.met_marker {
                (self.bits, source.at) = (fast.bits, fast.at);
                self.dc_before = dc_before;
                return Ok(());
            }
            dc_before = self.dc_before;
        }
        let mut slow = Slow {
            bits: self.bits,
            source,
            insufficient: self.insufficient,
        };
        let mut empty_run = self.empty_run;
        match self.pass {
            Pass::Sequential => self.sequential(&mut slow, blocks, owners, &mut dc_before)?,
            Pass::DcFirst => self.dc_first(&mut slow, blocks, owners, &mut dc_before)?,
            Pass::DcRefine => {
                for block in &mut *blocks {
                    if slow.receive(1)? != 0 {
                        block[0] |= 1 << self.low;
                    }
                }
            }
            Pass::AcFirst => self.ac_first(&mut slow, &mut blocks[0], &mut empty_run)?,
            Pass::AcRefine => {
                // An attempt that fails leaves no trace.
                let mut block = blocks[0];
                self.ac_refine(&mut slow, &mut block, &mut empty_run)?;
                blocks[0] = block;
            }
        }
        (self.bits, self.insufficient) = (slow.bits, slow.insufficient);
        self.dc_before = dc_before;
        self.empty_run = empty_run;
        Ok(())
    }

    fn sequential(
        &self,
        reader: &mut impl Reader,
        blocks: &mut [Block],
        owners: &[usize],
        dc_before: &mut [i32; 4],
    ) -> Result<(), Fault> {
        for (block, &owner) in blocks.iter_mut().zip(owners) {
            let (Some(dc), Some(ac)) = (&self.dc[owner], &self.ac[owner]) else {
                return Err(Fault::Corrupt("a Huffman table is missing"));
            };
            let difference = difference(reader, dc)?;
            dc_before[owner] = dc_before[owner].wrapping_add(difference);
            block[0] = dc_before[owner] as i16;
            let mut k = 1;
            while k < 64 {
                let symbol = reader.symbol(ac)?;
                let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
                if size != 0 {
                    k += run;
                    let value = extend(reader.receive(size)?, size);
                    block[usize::from(NATURAL[k])] = value as i16;
                } else if run == 15 {
                    k += 15;
                } else {
                    break;
                }
                k += 1;
            }
        }
        Ok(())
    }

    fn dc_first(
        &self,
        reader: &mut impl Reader,
        blocks: &mut [Block],
        owners: &[usize],
        dc_before: &mut [i32; 4],
    ) -> Result<(), Fault> {
        for (block, &owner) in blocks.iter_mut().zip(owners) {
            let Some(dc) = &self.dc[owner] else {
                return Err(Fault::Corrupt("a Huffman table is missing"));
            };
            let value = dc_before[owner].checked_add(difference(reader, dc)?);
            dc_before[owner] = value.ok_or(Fault::Corrupt("a DC coefficient is out of bounds"))?;
            block[0] = (dc_before[owner] << self.low) as i16;
        }
        Ok(())
    }

    fn ac_first(
        &self,
        reader: &mut impl Reader,
        block: &mut Block,
        empty_run: &mut u32,
    ) -> Result<(), Fault> {
        if *empty_run > 0 {
            *empty_run -= 1;
            return Ok(());
        }
        let Some(ac) = &self.ac[0] else {
            return Err(Fault::Corrupt("a Huffman table is missing"));
        };
        let mut k = self.first;
        while k <= self.last {
            let symbol = reader.symbol(ac)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size != 0 {
                k += run as usize;
                let value = extend(reader.receive(size)?, size);
                block[usize::from(NATURAL[k])] = (value << self.low) as i16;
            } else if run == 15 {
                k += 15;
            } else {
                *empty_run = end_of_band(reader, run)? - 1;
                break;
            }
            k += 1;
        }
        Ok(())
    }

    fn ac_refine(
        &self,
        reader: &mut impl Reader,
        block: &mut Block,
        empty_run: &mut u32,
    ) -> Result<(), Fault> {
        let Some(ac) = &self.ac[0] else {
            return Err(Fault::Corrupt("a Huffman table is missing"));
        };
        let bit = 1_i16 << self.low;
        let mut k = self.first;
        if *empty_run == 0 {
            while k <= self.last {
                let symbol = reader.symbol(ac)?;
                let (mut run, size) = (i32::from(symbol >> 4), symbol & 15);
                let mut new = 0;
                if size != 0 {
                    new = if reader.receive(1)? != 0 { bit } else { -bit };
                } else if run != 15 {
                    *empty_run = end_of_band(reader, run as u32)?;
                    break;
                }
                // Over the coefficients that are not zero, each with a bit of its own, and `run` zeros.
                while k <= self.last {
                    let coefficient = &mut block[usize::from(NATURAL[k])];
                    if *coefficient != 0 {
                        refine(reader, coefficient, bit)?;
                    } else {
                        run -= 1;
                        if run < 0 {
                            break;
                        }
                    }
                    k += 1;
                }
                if new != 0 {
                    block[usize::from(NATURAL[k])] = new;
                }
                k += 1;
            }
        }
        if *empty_run > 0 {
            for &at in NATURAL.get(k..=self.last).unwrap_or_default() {
                let coefficient = &mut block[usize::from(at)];
                if *coefficient != 0 {
                    refine(reader, coefficient, bit)?;
                }
            }
            *empty_run -= 1;
        }
        Ok(())
    }
}

fn difference(reader: &mut impl Reader, dc: &Table) -> Result<i32, Fault> {
    match u32::from(reader.symbol(dc)?) {
        0 => Ok(0),
        size => Ok(extend(reader.receive(size)?, size)),
    }
}

fn end_of_band(reader: &mut impl Reader, run: u32) -> Result<u32, Fault> {
    let more = if run > 0 { reader.receive(run)? } else { 0 };
    Ok((1 << run) + more)
}

/// One more bit for a coefficient that is not zero.
fn refine(reader: &mut impl Reader, coefficient: &mut i16, bit: i16) -> Result<(), Fault> {
    if reader.receive(1)? != 0 && *coefficient & bit == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient >= 0 { bit } else { -bit });
    }
    Ok(())
}
