//! All scans of a file, to the coefficients of the whole image or, for the plain kind of file, at once to
//! samples (jdinput.c, jdcoefct.c).

use super::arithmetic::Arithmetic;
use super::entropy::{Block, Huffman};
use super::frame::{Coding, Frame, MAX_BLOCKS};
use super::headers::{Headers, Stop};
use super::source::{Fault, Source};

/// Where the blocks of a scan are kept.
pub(super) trait Blocks {
    /// The block of a component before this scan.
    fn take(&mut self, component: usize, x: usize, y: usize) -> Block;
    /// The block after it.
    fn put(&mut self, frame: &Frame, component: usize, x: usize, y: usize, block: &Block);
}

/// The coefficients of one component.
#[derive(Debug, Default)]
pub(super) struct Coefficients {
    pub(super) blocks: Vec<Block>,
    /// Blocks in a row, those that fill up an MCU included.
    pub(super) stride: usize,
}

/// The coefficients of all components.
pub(super) struct Whole(pub(super) Vec<Coefficients>);

impl Whole {
    pub(super) fn new(frame: &Frame) -> Result<Self, Fault> {
        let mut whole = Vec::new();
        for component in &frame.components {
            let (columns, rows) = frame.blocks(component);
            let stride = columns.next_multiple_of(component.h);
            let blocks = zeroed(stride * rows.next_multiple_of(component.v), [0; 64])?;
            whole.push(Coefficients { blocks, stride });
        }
        Ok(Self(whole))
    }
}

impl Blocks for Whole {
    fn take(&mut self, component: usize, x: usize, y: usize) -> Block {
        let kept = &self.0[component];
        kept.blocks[y * kept.stride + x]
    }

    fn put(&mut self, _: &Frame, component: usize, x: usize, y: usize, block: &Block) {
        let kept = &mut self.0[component];
        kept.blocks[y * kept.stride + x] = *block;
    }
}

/// How far the progression of each component has come (`coef_bits`): the lowest bit known of each
/// coefficient, -1 for none.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) now: Vec<[i32; 64]>,
    pub(super) before: Vec<[i32; 64]>,
    /// The last row of MCUs that had data of its own.
    pub(super) last_good_row: usize,
}

impl Progress {
    pub(super) fn new(frame: &Frame) -> Self {
        Self {
            now: vec![[-1; 64]; frame.components.len()],
            before: vec![[-1; 64]; frame.components.len()],
            last_good_row: 0,
        }
    }

    fn begin(&mut self, headers: &Headers<'_>) {
        let scan = &headers.scan;
        for &component in &scan.components {
            let (now, before) = (&mut self.now[component], &mut self.before[component]);
            for at in scan.first.min(1)..=scan.last.max(9) {
                before[at] = if headers.scans > 1 { now[at] } else { 0 };
            }
            now[scan.first..=scan.last].fill(i32::from(scan.low));
        }
    }
}

/// Decodes the scan whose header was read last.
pub(super) fn decode_scan(
    source: &mut Source<'_>,
    headers: &mut Headers<'_>,
    blocks: &mut dyn Blocks,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let Some(mut frame) = headers.frame.take() else {
        return Err(Fault::Corrupt("a scan comes before the frame"));
    };
    let result = begin_scan(&mut frame, headers, progress).and_then(|entropy| {
        read_scan(
            entropy,
            source,
            &frame,
            &headers.scan.components,
            blocks,
            progress,
        )
    });
    headers.frame = Some(frame);
    result
}

/// The decoder of a scan.
enum Entropy {
    Huffman(Box<Huffman>),
    Arithmetic(Box<Arithmetic>),
}

impl Entropy {
    fn decode(&mut self, source: &mut Source<'_>, mcu: &mut [Block], owners: &[usize]) -> Result<(), Fault> {
        match self {
            Self::Huffman(decoder) => decoder.decode(source, mcu, owners),
            Self::Arithmetic(decoder) => decoder.decode(source, mcu, owners),
        }
    }

    /// Whether the data of this segment ran out. An arithmetic coder never knows.
    fn insufficient(&self) -> bool {
        match self {
            Self::Huffman(decoder) => decoder.insufficient,
            Self::Arithmetic(_) => false,
        }
    }
}

fn begin_scan(frame: &mut Frame, headers: &Headers<'_>, progress: &mut Progress) -> Result<Entropy, Fault> {
    let scan = &headers.scan.components;
    let in_mcu: usize = scan
        .iter()
        .map(|&index| frame.components[index].h * frame.components[index].v)
        .sum();
    if scan.len() > 1 && in_mcu > MAX_BLOCKS {
        return Err(Fault::Corrupt("an MCU has more than 10 blocks"));
    }
    for &index in scan {
        let component = &mut frame.components[index];
        if component.quant.is_none() {
            let table = headers.quant.get(component.quant_number).copied().flatten();
            component.quant = Some(table.ok_or(Fault::Corrupt("a quantisation table is missing"))?);
        }
    }
    let entropy = match frame.coding {
        Coding::Huffman => Entropy::Huffman(Box::new(Huffman::new(frame, headers)?)),
        Coding::Arithmetic => Entropy::Arithmetic(Box::new(Arithmetic::new(frame, headers)?)),
    };
    if frame.progressive {
        progress.begin(headers);
    }
    Ok(entropy)
}

fn read_scan(
    mut entropy: Entropy,
    source: &mut Source<'_>,
    frame: &Frame,
    scan: &[usize],
    blocks: &mut dyn Blocks,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let single = match scan {
        [index] => Some(&frame.components[*index]),
        _ => None,
    };
    // An MCU of a single component is one block, and no block beyond the image is coded.
    let (columns, rows) = match single {
        Some(component) => frame.blocks(component),
        None => (frame.mcu_columns(), frame.mcu_rows()),
    };
    let mut owners = Vec::new();
    let mut places = Vec::new();
    for (owner, &index) in scan.iter().enumerate() {
        let component = &frame.components[index];
        let (h, v) = if single.is_some() {
            (1, 1)
        } else {
            (component.h, component.v)
        };
        for y in 0..v {
            for x in 0..h {
                owners.push(owner);
                places.push((index, h, v, x, y));
            }
        }
    }
    let mut mcu = [[0; 64]; MAX_BLOCKS];
    let Some(mcu) = mcu.get_mut(..owners.len()) else {
        return Err(Fault::Corrupt("an MCU has more than 10 blocks"));
    };
    for row in 0..rows {
        let mcu_row = single.map_or(row, |component| row / component.v);
        for column in 0..columns {
            if !entropy.insufficient() {
                progress.last_good_row = mcu_row;
            }
            for (block, &(index, h, v, x, y)) in mcu.iter_mut().zip(&places) {
                *block = blocks.take(index, column * h + x, row * v + y);
            }
            entropy.decode(source, mcu, &owners)?;
            for (block, &(index, h, v, x, y)) in mcu.iter().zip(&places) {
                blocks.put(frame, index, column * h + x, row * v + y, block);
            }
        }
    }
    Ok(())
}

/// Reads the scans from the first, whose header was read, to the end of the image. `most`: how many there
/// may be.
pub(super) fn decode_all<'a>(
    source: &mut Source<'a>,
    headers: &mut Headers<'a>,
    blocks: &mut dyn Blocks,
    progress: &mut Progress,
    most: u32,
) -> Result<(), Fault> {
    loop {
        if headers.scans > most {
            return Err(Fault::Scans);
        }
        decode_scan(source, headers, blocks, progress)?;
        if headers.read(source)? == Stop::End {
            return Ok(());
        }
    }
}

/// A vector of one value, or the fault that there is no memory for it.
pub(super) fn zeroed<T: Clone>(count: usize, value: T) -> Result<Vec<T>, Fault> {
    let mut vector = Vec::new();
    vector
        .try_reserve_exact(count)
        .map_err(|_| Fault::Memory(count.saturating_mul(size_of::<T>())))?;
    vector.resize(count, value);
    Ok(vector)
}
