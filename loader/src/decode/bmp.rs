//! BMP, read here: the arithmetic of 5 and 6 bit channels and the run-length rules are Pillow's.

use super::to_rgb::{self, Palette};
use super::{DecodeOptions, Header, Orientation, Scratch, over};
use crate::ImageError;

const FILE_HEADER: usize = 14;

pub(super) struct BmpReader<'a> {
    bytes: &'a [u8],
    offset: usize,
    height: usize,
    width: usize,
    bits: u32,
    top_down: bool,
    pixels: Pixels,
    /// The colour below transparent pixels, and the byte of each 32-bit pixel that holds alpha.
    over: Option<([u8; 3], usize)>,
}

enum Pixels {
    Indexed(Palette),
    RunLength {
        palette: Palette,
        four_bits: bool,
    },
    Rgb555,
    Rgb565,
    Bgr,
    /// The byte of each 32-bit pixel that holds red, green and blue.
    Bytes([usize; 3]),
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, BmpReader<'a>), ImageError> {
    // A device independent bitmap begins with the second header; its pixels follow at once.
    let (base, mut offset) = if bytes.starts_with(b"BM") {
        (FILE_HEADER, le32(bytes, 10)? as usize)
    } else {
        (0, 0)
    };
    let header_size = le32(bytes, base)?;
    let field = |at: usize| le32(bytes, base + at);
    let core = header_size == 12;
    if !core && !matches!(header_size, 40 | 52 | 56 | 64 | 108 | 124) {
        return Err(ImageError::unsupported(format_args!(
            "BMP with a header of {header_size} bytes"
        )));
    }
    let (width, height, bits, compression, colours, top_down) = if core {
        let half = |at: usize| le16(bytes, base + at).map(u32::from);
        (half(4)?, half(6)?, half(10)?, 0, 0, false)
    } else {
        let height = field(8)?;
        let top_down = height >> 24 == 0xFF;
        let height = if top_down { height.wrapping_neg() } else { height };
        let bits = u32::from(le16(bytes, base + 14)?);
        (field(4)?, height, bits, field(16)?, field(32)?, top_down)
    };
    options
        .limits
        .check_size(u64::from(height), u64::from(width), 4)?;

    let mut after_header = base + header_size as usize;
    let entry = if core { 3 } else { 4 };
    let colours = if colours == 0 {
        1u64 << bits.min(32)
    } else {
        u64::from(colours)
    };
    if bits <= 8 && colours > 65_536 {
        return Err(ImageError::unsupported(format_args!(
            "BMP palette of {colours} colours"
        )));
    }
    if bits <= 8 && offset == FILE_HEADER + header_size as usize {
        offset += entry * colours as usize;
    }
    let pixels = match (bits, compression) {
        (1 | 4 | 8, 0..=2) => {
            let palette = palette(bytes, after_header, entry, colours as usize, bits);
            after_header += entry * colours as usize;
            if compression == 0 {
                Pixels::Indexed(palette)
            } else {
                Pixels::RunLength {
                    palette,
                    four_bits: compression == 2,
                }
            }
        }
        (16, 0) => Pixels::Rgb555,
        (24, 0) => Pixels::Bgr,
        (32, 0) => Pixels::Bytes([2, 1, 0]),
        (16 | 24 | 32, 3) => {
            let at = base + 40;
            if header_size == 40 {
                after_header += 12;
            }
            bit_fields(
                bits,
                [le32(bytes, at)?, le32(bytes, at + 4)?, le32(bytes, at + 8)?],
            )?
        }
        _ => {
            return Err(ImageError::unsupported(format_args!(
                "BMP of {bits} bits, compression {compression}"
            )));
        }
    };
    // Headers of the third version on have a mask of alpha.
    let alpha = match (&pixels, compression) {
        (Pixels::Bytes(_), 3) if header_size >= 56 => {
            alpha_byte(le32(bytes, base + 40)?, le32(bytes, base + 52)?)
        }
        _ => None,
    };
    let reader = BmpReader {
        over: options.background.zip(alpha),
        bytes,
        offset: if offset == 0 { after_header } else { offset },
        height: height as usize,
        width: width as usize,
        bits,
        top_down,
        pixels,
    };
    let header = Header {
        height: reader.height,
        width: reader.width,
        orientation: Orientation::UPRIGHT,
    };
    Ok((header, reader))
}

impl BmpReader<'_> {
    pub(super) fn read(self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        let row_bytes = self.width * 3;
        let data = self.bytes.get(self.offset..).unwrap_or_default();
        if let Pixels::RunLength { palette, four_bits } = &self.pixels {
            let indices = scratch.staging(self.height * self.width)?;
            run_length(data, self.offset, *four_bits, self.width, indices)?;
            for (source, row) in indices.chunks_exact(self.width).zip(self.rows(out, row_bytes)) {
                to_rgb::palette(source.iter().copied(), palette, row);
            }
            return Ok(());
        }
        let stride = (((self.width as u64 * u64::from(self.bits) + 31) >> 3) & !3) as usize;
        let used = (self.width as u64 * u64::from(self.bits)).div_ceil(8) as usize;
        for (y, row) in self.rows(out, row_bytes).enumerate() {
            let source = data.get(y * stride..y * stride + used);
            let source = source.ok_or_else(|| ImageError::truncated("the BMP data end early"))?;
            match &self.pixels {
                Pixels::Indexed(palette) => {
                    to_rgb::palette(to_rgb::unpack(source, self.bits as u8), palette, row)
                }
                Pixels::Rgb555 => packed16(source, row, [10, 5, 0], [31, 31, 31]),
                Pixels::Rgb565 => packed16(source, row, [11, 5, 0], [31, 63, 31]),
                Pixels::Bgr => {
                    for (pixel, rgb) in source.chunks_exact(3).zip(row.chunks_exact_mut(3)) {
                        rgb.copy_from_slice(&[pixel[2], pixel[1], pixel[0]]);
                    }
                }
                Pixels::Bytes(at) => {
                    for (pixel, rgb) in source.chunks_exact(4).zip(row.chunks_exact_mut(3)) {
                        rgb.copy_from_slice(&at.map(|i| pixel[i]));
                    }
                    if let Some((colour, alpha)) = self.over {
                        over::lay(colour, source.chunks_exact(4).map(|pixel| pixel[alpha]), row);
                    }
                }
                Pixels::RunLength { .. } => {}
            }
        }
        Ok(())
    }

    /// The output rows in the order in which the file stores them.
    fn rows<'o>(&self, out: &'o mut [u8], row_bytes: usize) -> Box<dyn Iterator<Item = &'o mut [u8]> + 'o> {
        let rows = out.chunks_exact_mut(row_bytes);
        if self.top_down {
            Box::new(rows)
        } else {
            Box::new(rows.rev())
        }
    }
}

fn packed16(source: &[u8], row: &mut [u8], shifts: [u32; 3], maxima: [u32; 3]) {
    for (pixel, rgb) in source.chunks_exact(2).zip(row.chunks_exact_mut(3)) {
        let value = u32::from(u16::from_le_bytes([pixel[0], pixel[1]]));
        for ((target, shift), max) in rgb.iter_mut().zip(shifts).zip(maxima) {
            *target = (((value >> shift) & max) * 255 / max) as u8;
        }
    }
}

/// Where alpha is, of the masks of red and alpha: Pillow takes a file without any mask for BGRA.
fn alpha_byte(red: u32, alpha: u32) -> Option<usize> {
    match (red, alpha) {
        (0, 0) => Some(3),
        (_, alpha) => (0..4).find(|&i| alpha == 0xFF << (8 * i)),
    }
}

fn bit_fields(bits: u32, masks: [u32; 3]) -> Result<Pixels, ImageError> {
    match (bits, masks) {
        (16, [0xF800, 0x07E0, 0x001F]) => return Ok(Pixels::Rgb565),
        (16, [0x7C00, 0x03E0, 0x001F]) => return Ok(Pixels::Rgb555),
        (24, [0x00FF_0000, 0xFF00, 0xFF]) => return Ok(Pixels::Bgr),
        (32, [0, 0, 0]) => return Ok(Pixels::Bytes([2, 1, 0])),
        (32, masks) if masks[0] != masks[1] && masks[1] != masks[2] && masks[0] != masks[2] => {
            let byte = |mask: u32| (0..4).find(|&i| mask == 0xFF << (8 * i));
            if let [Some(red), Some(green), Some(blue)] = masks.map(byte) {
                return Ok(Pixels::Bytes([red, green, blue]));
            }
        }
        _ => {}
    }
    Err(ImageError::unsupported(format_args!(
        "BMP of {bits} bits with the channel masks {masks:x?}"
    )))
}

fn palette(bytes: &[u8], at: usize, entry: usize, colours: usize, bits: u32) -> Palette {
    let end = at.saturating_add(entry * colours).min(bytes.len());
    let table = bytes.get(at..end).unwrap_or_default();
    let ramp = colours > 2
        && table.len() == entry * colours
        && table
            .chunks_exact(entry)
            .enumerate()
            .all(|(i, c)| c[..3].iter().all(|&v| usize::from(v) == i));
    // Pillow drops such a palette, so that indices beyond it are their gray value too.
    if ramp && bits == 8 {
        return Palette::gray_ramp();
    }
    Palette::from_colours(table.chunks_exact(entry).map(|c| [c[2], c[1], c[0]]))
}

/// Fills `indices` in file order. `start` is the offset of `data` in the file: runs of literals are padded
/// to even file offsets.
fn run_length(
    data: &[u8],
    start: usize,
    four_bits: bool,
    width: usize,
    indices: &mut [u8],
) -> Result<(), ImageError> {
    let (mut at, mut filled, mut x) = (0, 0, 0);
    let end_early = || ImageError::truncated("the BMP data end early");
    indices.fill(0);
    while filled < indices.len() {
        let (Some(&count), Some(&byte)) = (data.get(at), data.get(at + 1)) else {
            return Err(end_early());
        };
        at += 2;
        match (count, byte) {
            (0, 0) => {
                filled = filled.next_multiple_of(width);
                x = 0;
            }
            (0, 1) => return Err(end_early()),
            (0, 2) => {
                let (Some(&right), Some(&up)) = (data.get(at), data.get(at + 1)) else {
                    return Err(end_early());
                };
                at += 2;
                filled = (filled + usize::from(right) + usize::from(up) * width).min(indices.len());
                x = filled % width;
            }
            (0, literals) => {
                let count = usize::from(literals).min(indices.len() - filled);
                let stored = if four_bits { count.div_ceil(2) } else { count };
                let source = data.get(at..at + stored).ok_or_else(end_early)?;
                for (i, target) in indices[filled..filled + count].iter_mut().enumerate() {
                    *target = match (four_bits, i % 2) {
                        (true, 0) => source[i / 2] >> 4,
                        (true, _) => source[i / 2] & 15,
                        (false, _) => source[i],
                    };
                }
                filled += count;
                x += usize::from(literals);
                at += stored;
                at += (start + at) % 2;
            }
            (run, byte) => {
                let run = usize::from(run).min(width.saturating_sub(x));
                let end = (filled + run).min(indices.len());
                for (i, target) in indices[filled..end].iter_mut().enumerate() {
                    *target = match (four_bits, i % 2) {
                        (true, 0) => byte >> 4,
                        (true, _) => byte & 15,
                        (false, _) => byte,
                    };
                }
                filled = end;
                x += run;
            }
        }
    }
    Ok(())
}

fn le16(bytes: &[u8], at: usize) -> Result<u16, ImageError> {
    match bytes.get(at..at + 2) {
        Some(&[a, b]) => Ok(u16::from_le_bytes([a, b])),
        _ => Err(ImageError::truncated("the BMP header ends early")),
    }
}

fn le32(bytes: &[u8], at: usize) -> Result<u32, ImageError> {
    Ok(u32::from(le16(bytes, at)?) | u32::from(le16(bytes, at + 2)?) << 16)
}
