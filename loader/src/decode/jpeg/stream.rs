//! A baseline JPEG row by row of MCUs: from its data to pixels while the samples are in the cache.
//!
//! `libjpeg-turbo-rs` decodes all planes before it upsamples and converts, into new memory that a large image pays for
//! twice. Its parts are used here instead: its entropy decoder, inverse transform and row kernels, over samples of two
//! rows of MCUs. What lies outside the needed part is decoded, for the faults in it, and nothing more.

use std::ops::Range;

use libjpeg_turbo_rs::simd::{self, SimdRoutines};

use super::super::{Limits, Scratch, Window, Workers, grown};
use super::bands;
use super::chroma::{Chroma, Converter};
use super::codes::{Bits, Codes};
use super::frame::BLOCK;
use super::headers::{Color, Headers};
use super::huffman::Spec;
use super::restarts::Restarts;

/// A file that is decoded in this way.
pub(super) struct Stream<'a> {
    bytes: &'a [u8],
    /// The first byte of each restart interval, and the end of the last.
    starts: &'a [usize],
    end: usize,
    /// MCUs of an interval; more than there are where there are no restart markers.
    interval: usize,
    height: usize,
    width: usize,
    /// Rows and columns of MCUs.
    mcus: (usize, usize),
    chroma: Chroma,
    components: Vec<Component>,
    codes: Vec<(usize, Codes)>,
}

pub(super) struct Component {
    pub(super) h: usize,
    pub(super) v: usize,
    dc: usize,
    ac: usize,
    pub(super) quant: [u16; 64],
}

impl Component {
    /// Writes the samples of a block to rows of `out` that are `stride` apart.
    #[inline]
    pub(super) fn transform(
        &self,
        routines: &SimdRoutines,
        coefficients: &[i16; 64],
        out: &mut [u8],
        stride: usize,
    ) {
        let mut samples = [0; 64];
        (routines.idct_islow)(coefficients, &self.quant, &mut samples);
        for (line, samples) in out.chunks_mut(stride).zip(samples.as_chunks::<BLOCK>().0) {
            line[..BLOCK].copy_from_slice(samples);
        }
    }
}

/// Rows of MCUs, and where their data are.
pub(super) struct Rows {
    pub(super) mcus: Range<usize>,
    pub(super) data: Range<usize>,
}

/// Blocks one after another.
pub(super) struct Blocks<'s> {
    bits: Bits<'s>,
    averages: [i16; 3],
    /// MCUs of an interval, and of the one that is read.
    interval: usize,
    left: usize,
}

impl Blocks<'_> {
    /// Before each MCU; false where the data are not whole.
    #[inline]
    pub(super) fn begin_mcu(&mut self) -> bool {
        if self.left == 0 {
            self.averages = [0; 3];
            if !self.bits.are_whole() || !self.bits.restart() {
                return false;
            }
            self.left = self.interval;
        }
        self.left -= 1;
        true
    }

    /// The coefficients of the next block, of component `index` with these codes; false where the data are damaged.
    #[inline]
    pub(super) fn next(&mut self, index: usize, [dc, ac]: [&Codes; 2], coefficients: &mut [i16; 64]) -> bool {
        self.bits.block(dc, ac, &mut self.averages[index], coefficients)
    }

    /// Whether all bits so far were there.
    pub(super) fn are_whole(&self) -> bool {
        self.bits.are_whole()
    }
}

/// The samples of each component in a row of MCUs.
pub(in super::super) type Samples = [Vec<u8>; 3];

impl<'a> Stream<'a> {
    /// An ordinary file whose scan has all components, or `None` where it is decoded otherwise.
    pub(super) fn of(
        bytes: &'a [u8],
        headers: &Headers<'_>,
        color: Color,
        restarts: &'a Restarts,
    ) -> Option<Self> {
        let frame = headers.frame.as_ref()?;
        if frame.progressive || frame.lossless || restarts.starts.is_empty() || restarts.end > bytes.len() {
            return None;
        }
        let factors: Vec<_> = frame.components.iter().map(|c| (c.h, c.v)).collect();
        let chroma = match (color, factors.as_slice()) {
            (Color::Gray, [(1, 1)]) => Chroma::None,
            (Color::YCbCr, [(1, 1), (1, 1), (1, 1)]) => Chroma::Full,
            (Color::YCbCr, [(2, 1), (1, 1), (1, 1)]) => Chroma::HalfWidth,
            (Color::YCbCr, [(2, 2), (1, 1), (1, 1)]) => Chroma::Quarter,
            _ => return None,
        };
        if !headers.scan.components.iter().copied().eq(0..factors.len()) || !chroma.converts(frame.width) {
            return None;
        }
        let mut codes: Vec<(usize, Codes)> = Vec::with_capacity(4);
        let mut table = |kind: usize, specs: &[Option<Spec>; 4], number: usize| {
            let key = kind + number;
            if let Some(known) = codes.iter().position(|(of, _)| *of == key) {
                return Some(known);
            }
            let spec = specs.get(number)?.as_ref()?;
            codes.push((key, Codes::new(spec)?));
            Some(codes.len() - 1)
        };
        let mut components = Vec::with_capacity(3);
        for component in &frame.components {
            components.push(Component {
                h: component.h,
                v: component.v,
                dc: table(0, &headers.dc, component.dc_table)?,
                ac: table(4, &headers.ac, component.ac_table)?,
                quant: (*headers.quant.get(component.quant_number)?)?,
            });
        }
        Some(Self {
            bytes,
            starts: &restarts.starts,
            end: restarts.end,
            interval: match headers.restart_interval as usize {
                0 => usize::MAX,
                interval => interval,
            },
            height: frame.height,
            width: frame.width,
            mcus: (frame.mcu_rows(), frame.mcu_columns()),
            chroma,
            components,
            codes,
        })
    }

    /// Writes the pixels of `window` to `out`, with the help of `workers` where rows begin with restart intervals, or
    /// gives false where the data are not whole.
    pub(super) fn read(
        &self,
        window: &Window,
        out: &mut [u8],
        (limits, workers): (&Limits, Option<&dyn Workers>),
        scratch: &mut Scratch,
    ) -> bool {
        let shared = workers.filter(|_| {
            limits
                .check_memory(self.height as u64 * self.width as u64 * 6)
                .is_ok()
        });
        if let Some(workers) = shared
            && bands::read(self, window, out, workers)
        {
            return true;
        }
        let all = Rows {
            mcus: 0..self.mcus.0,
            data: self.data(),
        };
        self.read_rows(all, window, out, scratch)
    }

    /// Decodes rows of MCUs, of which the first begins with a restart interval. All rows of `window` are pixels that
    /// they are enough for; there may be none.
    pub(super) fn read_rows(
        &self,
        Rows { mcus, data }: Rows,
        window: &Window,
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> bool {
        let routines = simd::detect();
        let (rows, columns) = self.needed(window);
        let Scratch {
            samples,
            rows: lines,
            sums,
            ..
        } = scratch;
        let [before, now] = samples;
        for samples in [&mut *before, &mut *now] {
            for (samples, component) in samples.iter_mut().zip(&self.components) {
                grown(samples, self.stride(component) * component.v * BLOCK);
            }
        }
        let mut blocks = self.blocks(data);
        let mut coefficients = [0; 64];
        for row in mcus {
            let transformed = rows.contains(&row);
            std::mem::swap(before, now);
            for column in 0..self.mcus.1 {
                if !blocks.begin_mcu() {
                    return false;
                }
                let transformed = transformed && columns.contains(&column);
                for (index, component) in self.components.iter().enumerate() {
                    let stride = self.stride(component);
                    let codes = self.codes_of(component);
                    for block in 0..component.h * component.v {
                        if !blocks.next(index, codes, &mut coefficients) {
                            return false;
                        }
                        if transformed {
                            let (x, y) = (block % component.h, block / component.h);
                            let at = y * BLOCK * stride + (column * component.h + x) * BLOCK;
                            component.transform(&routines, &coefficients, &mut now[index][at..], stride);
                        }
                    }
                }
            }
            if !blocks.are_whole() {
                return false;
            }
            if transformed {
                let converter = Converter {
                    chroma: self.chroma,
                    size: (self.height, self.width),
                    row,
                    before,
                    now,
                    strides: [0, 1, 2].map(|index| self.components.get(index).map_or(0, |c| self.stride(c))),
                };
                converter.convert(&routines, window, out, (lines, sums));
            }
        }
        true
    }

    /// The blocks of some data, which begin with a restart interval.
    pub(super) fn blocks(&self, data: Range<usize>) -> Blocks<'_> {
        Blocks {
            bits: Bits::new(&self.bytes[data]),
            averages: [0; 3],
            interval: self.interval,
            left: self.interval,
        }
    }

    /// The codes of averages, and of the others.
    pub(super) fn codes_of(&self, component: &Component) -> [&Codes; 2] {
        [component.dc, component.ac].map(|codes| &self.codes[codes].1)
    }

    fn stride(&self, component: &Component) -> usize {
        self.mcus.1 * component.h * BLOCK
    }

    /// The rows and columns of MCUs whose samples the pixels of `window` are made of.
    fn needed(&self, window: &Window) -> (Range<usize>, Range<usize>) {
        let mcu = self.chroma.mcu();
        if window.rows.is_empty() || window.columns.is_empty() {
            return (0..0, 0..0);
        }
        let (rows, columns) = (
            self.chroma.rows_around(&window.rows),
            self.chroma.columns_around(&window.columns, self.width),
        );
        let mcus = |pixels: Range<usize>, size: usize| pixels.start / size..pixels.end.div_ceil(size);
        (mcus(rows, mcu.0), mcus(columns, mcu.1))
    }

    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Where the data of all blocks are.
    pub(super) fn data(&self) -> Range<usize> {
        self.starts[0]..self.end
    }

    /// Rows and columns of MCUs.
    pub(super) fn mcus(&self) -> (usize, usize) {
        self.mcus
    }

    /// Rows of pixels in a row of MCUs, and rows of MCUs above and below that it needs.
    pub(super) fn mcu_rows(&self) -> (usize, usize) {
        (self.chroma.mcu().0, self.chroma.margin())
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The first byte of each restart interval, the end of the last, and MCUs of an interval.
    pub(super) fn intervals(&self) -> (&[usize], usize, usize) {
        (self.starts, self.end, self.interval)
    }
}
