//! Marker segments, read as libjpeg reads them (jdmarker.c): same tolerance, same refusals.

use std::borrow::Cow;

use super::conditioning::Conditioning;
use super::frame::{Coding, Component, Frame, Scan};
use super::huffman::Spec;
use super::source::{Fault, Source};

/// What the components mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

impl Color {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::YCbCr => "YCbCr",
            Self::Rgb => "RGB",
            Self::Cmyk => "CMYK",
            Self::Ycck => "YCCK",
        }
    }
}

/// Where the reading of markers stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Scan,
    End,
}

/// All that the markers so far have said.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers<'a> {
    started: bool,
    pub(super) frame: Option<Frame>,
    pub(super) scan: Scan,
    /// Scan headers so far.
    pub(super) scans: u32,
    pub(super) restart_interval: u32,
    /// Quantisation tables in the order of rows.
    pub(super) quant: [Option<[u16; 64]>; 4],
    pub(super) dc: [Option<Spec>; 4],
    pub(super) ac: [Option<Spec>; 4],
    pub(super) conditioning: Conditioning,
    jfif: bool,
    adobe: Option<u8>,
    /// `Exif\0\0` and what follows it; further segments of the kind are appended without their prefix.
    pub(super) exif: Option<Cow<'a, [u8]>>,
    /// The last XMP packet.
    pub(super) xmp: Option<&'a [u8]>,
}

/// Positions of the coefficients in a block, in the order of the file. Damaged data run over the end.
#[rustfmt::skip]
pub(super) const NATURAL: [u8; 80] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
];

const BAD_LENGTH: Fault = Fault::Corrupt("a marker segment has a wrong length");

impl<'a> Headers<'a> {
    /// Reads up to the first scan, over streams of tables alone.
    pub(super) fn read_to_first_scan(&mut self, source: &mut Source<'a>) -> Result<(), Fault> {
        while self.read(source)? == Stop::End {
            if self.frame.is_some() {
                return Err(Fault::Corrupt("there is no scan"));
            }
            self.started = false;
        }
        Ok(())
    }

    /// Reads on, from a pending marker or the next, to a scan or the end of the image.
    pub(super) fn read(&mut self, source: &mut Source<'a>) -> Result<Stop, Fault> {
        loop {
            if source.unread == 0 {
                if self.started {
                    source.next_marker()?;
                } else if source.await_u16()? == 0xFFD8 {
                    source.unread = 0xD8;
                } else {
                    return Err(Fault::Corrupt("there is no start of an image"));
                }
            }
            let code = std::mem::take(&mut source.unread);
            match code {
                0xD8 => self.start()?,
                0xC0 | 0xC1 => self.frame_header(source, Coding::Huffman, false, false)?,
                0xC2 => self.frame_header(source, Coding::Huffman, true, false)?,
                0xC3 => self.frame_header(source, Coding::Huffman, false, true)?,
                0xC9 => self.frame_header(source, Coding::Arithmetic, false, false)?,
                0xCA => self.frame_header(source, Coding::Arithmetic, true, false)?,
                0xCB => self.frame_header(source, Coding::Arithmetic, false, true)?,
                0xC5..=0xC8 | 0xCD..=0xCF => {
                    return Err(Fault::Unsupported("hierarchical coding"));
                }
                0xDA => {
                    self.scan_header(source)?;
                    return Ok(Stop::Scan);
                }
                0xD9 => return Ok(Stop::End),
                0xC4 => self.huffman_tables(source)?,
                0xDB => self.quantisation_tables(source)?,
                0xDD => {
                    if source.await_u16()? != 4 {
                        return Err(BAD_LENGTH);
                    }
                    self.restart_interval = u32::from(source.await_u16()?);
                }
                0xE0..=0xEF => self.application(source, code)?,
                0xCC => self.conditioning(source)?,
                // Comments and the number of lines. Lengths below 2 are let pass.
                0xFE | 0xDC => {
                    let length = usize::from(source.await_u16()?);
                    source.skip(length.saturating_sub(2));
                }
                0xD0..=0xD7 | 0x01 => {}
                _ => return Err(Fault::Corrupt("there is a marker of no known meaning")),
            }
        }
    }

    fn start(&mut self) -> Result<(), Fault> {
        if self.started {
            return Err(Fault::Corrupt("an image starts inside the image"));
        }
        self.started = true;
        self.restart_interval = 0;
        self.conditioning = Conditioning::default();
        self.jfif = false;
        self.adobe = None;
        Ok(())
    }

    fn frame_header(
        &mut self,
        source: &mut Source<'a>,
        coding: Coding,
        progressive: bool,
        lossless: bool,
    ) -> Result<(), Fault> {
        if self.frame.is_some() {
            return Err(Fault::Corrupt("there are two frames"));
        }
        let length = usize::from(source.await_u16()?);
        let precision = source.await_byte()?;
        let height = usize::from(source.await_u16()?);
        let width = usize::from(source.await_u16()?);
        let count = usize::from(source.await_byte()?);
        if height == 0 || width == 0 || count == 0 {
            return Err(Fault::Corrupt("the frame is empty"));
        }
        if length != 8 + 3 * count {
            return Err(BAD_LENGTH);
        }
        let mut components = Vec::with_capacity(count);
        for _ in 0..count {
            let id = source.await_byte()?;
            let sampling = source.await_byte()?;
            let quant = source.await_byte()?;
            components.push(Component::new(id, sampling, quant));
        }
        self.frame = Some(Frame {
            coding,
            progressive,
            lossless,
            precision,
            height,
            width,
            components,
        });
        Ok(())
    }

    pub(super) fn scan_header(&mut self, source: &mut Source<'a>) -> Result<(), Fault> {
        let Some(frame) = &mut self.frame else {
            return Err(Fault::Corrupt("a scan comes before the frame"));
        };
        let length = usize::from(source.await_u16()?);
        let count = usize::from(source.await_byte()?);
        if length != 6 + 2 * count || !(1..=4).contains(&count) {
            return Err(BAD_LENGTH);
        }
        const UNKNOWN: Fault = Fault::Corrupt("a scan names a component that there is not");
        self.scan.components.clear();
        for i in 0..count {
            let id = source.await_byte()?;
            let tables = source.await_byte()?;
            // As in libjpeg, the i-th of a scan is not looked for among the first i of the frame.
            let found = frame.components.iter().take(4).skip(i).position(|c| c.id == id);
            let index = found.ok_or(UNKNOWN)? + i;
            if self.scan.components.contains(&index) {
                return Err(UNKNOWN);
            }
            let component = &mut frame.components[index];
            component.dc_table = usize::from(tables >> 4);
            component.ac_table = usize::from(tables & 15);
            self.scan.components.push(index);
        }
        self.scan.first = usize::from(source.await_byte()?);
        self.scan.last = usize::from(source.await_byte()?);
        let approximation = source.await_byte()?;
        self.scan.high = approximation >> 4;
        self.scan.low = approximation & 15;
        source.next_restart = 0;
        self.scans += 1;
        Ok(())
    }

    pub(super) fn huffman_tables(&mut self, source: &mut Source<'a>) -> Result<(), Fault> {
        const BAD: Fault = Fault::Corrupt("a Huffman table is impossible");
        let mut left = i32::from(source.await_u16()?) - 2;
        while left > 16 {
            let index = source.await_byte()?;
            let mut spec = Spec {
                counts: [0; 16],
                symbols: [0; 256],
            };
            for count in &mut spec.counts {
                *count = source.await_byte()?;
            }
            let total: i32 = spec.counts.iter().map(|&count| i32::from(count)).sum();
            left -= 17;
            if total > 256 || total > left {
                return Err(BAD);
            }
            for symbol in &mut spec.symbols[..total as usize] {
                *symbol = source.await_byte()?;
            }
            left -= total;
            let (tables, index) = if index & 0x10 != 0 {
                (&mut self.ac, index - 0x10)
            } else {
                (&mut self.dc, index)
            };
            *tables.get_mut(usize::from(index)).ok_or(BAD)? = Some(spec);
        }
        if left == 0 { Ok(()) } else { Err(BAD_LENGTH) }
    }

    fn quantisation_tables(&mut self, source: &mut Source<'a>) -> Result<(), Fault> {
        let mut left = i32::from(source.await_u16()?) - 2;
        while left > 0 {
            let byte = source.await_byte()?;
            let wide = byte >> 4 != 0;
            let mut table = [0; 64];
            let index = usize::from(byte & 15);
            if index >= self.quant.len() {
                return Err(Fault::Corrupt("a quantisation table has a number above 3"));
            }
            for &at in &NATURAL[..64] {
                table[usize::from(at)] = if wide {
                    source.await_u16()?
                } else {
                    u16::from(source.await_byte()?)
                };
            }
            self.quant[index] = Some(table);
            left -= if wide { 129 } else { 65 };
        }
        if left == 0 { Ok(()) } else { Err(BAD_LENGTH) }
    }

    fn conditioning(&mut self, source: &mut Source<'a>) -> Result<(), Fault> {
        const BAD: Fault = Fault::Corrupt("the conditioning of the arithmetic coder is impossible");
        let mut left = i32::from(source.await_u16()?) - 2;
        while left > 0 {
            let index = usize::from(source.await_byte()?);
            let value = source.await_byte()?;
            left -= 2;
            match index {
                0..16 => {
                    let (low, high) = (value & 15, value >> 4);
                    if low > high {
                        return Err(BAD);
                    }
                    self.conditioning.low[index] = low;
                    self.conditioning.high[index] = high;
                }
                16..32 => self.conditioning.last_low[index - 16] = value,
                _ => return Err(BAD),
            }
        }
        if left == 0 { Ok(()) } else { Err(BAD_LENGTH) }
    }

    fn application(&mut self, source: &mut Source<'a>, code: u8) -> Result<(), Fault> {
        let length = usize::from(source.await_u16()?);
        let data = source.skip(length.saturating_sub(2));
        match code {
            0xE0 if data.len() >= 14 && data.starts_with(b"JFIF\0") => self.jfif = true,
            0xEE if data.len() >= 12 && data.starts_with(b"Adobe") => self.adobe = Some(data[11]),
            0xE1 => {
                if let Some(more) = data.strip_prefix(b"Exif\0\0") {
                    match &mut self.exif {
                        Some(exif) => exif.to_mut().extend_from_slice(more),
                        None => self.exif = Some(Cow::Borrowed(data)),
                    }
                } else if let Some(packet) = data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.xmp = Some(packet);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The frame header, which comes before the first scan.
    pub(super) fn frame(&self) -> Result<&Frame, Fault> {
        self.frame
            .as_ref()
            .ok_or(Fault::Corrupt("a scan comes before the frame"))
    }

    /// Fills in the usual Huffman tables where the file has none before its first scan, as motion JPEG.
    pub(super) fn standard_tables(&mut self) {
        for (number, chroma) in [(0, false), (1, true)] {
            self.dc[number].get_or_insert_with(|| Spec::standard_dc(chroma));
            self.ac[number].get_or_insert_with(|| Spec::standard_ac(chroma));
        }
    }

    /// `default_decompress_parms` of jdapimin.c; `None` for numbers of components that have no meaning.
    pub(super) fn color(&self) -> Option<Color> {
        let frame = self.frame.as_ref()?;
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        Some(match (ids.as_slice(), self.adobe) {
            ([_], _) => Color::Gray,
            ([_, _, _], _) if self.jfif => Color::YCbCr,
            ([_, _, _], Some(0)) => Color::Rgb,
            ([_, _, _], Some(_)) => Color::YCbCr,
            ([1, 2, 3], None) if !frame.lossless => Color::YCbCr,
            ([b'R', b'G', b'B'], None) => Color::Rgb,
            ([_, _, _], None) if frame.lossless => Color::Rgb,
            ([_, _, _], None) => Color::YCbCr,
            ([_, _, _, _], Some(0) | None) => Color::Cmyk,
            ([_, _, _, _], Some(_)) => Color::Ycck,
            _ => return None,
        })
    }
}
