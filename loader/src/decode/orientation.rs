//! EXIF orientation, as `PIL.ImageOps.exif_transpose` applies it.

use super::ifd::Ifd;

const ORIENTATION_TAG: u16 = 0x0112;

/// How the stored pixels must be turned to stand upright: EXIF tag 0x0112, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orientation(u8);

impl Orientation {
    /// The pixels are stored upright.
    pub const UPRIGHT: Self = Self(1);

    /// The orientation of an EXIF value; values other than 2 to 8 change nothing.
    pub fn from_exif(value: u64) -> Self {
        match value {
            2..=8 => Self(value as u8),
            _ => Self::UPRIGHT,
        }
    }

    /// The EXIF value, 1 to 8.
    pub fn exif(self) -> u8 {
        self.0
    }

    /// Whether turning changes the pixels.
    pub fn is_upright(self) -> bool {
        self == Self::UPRIGHT
    }

    /// Whether turning exchanges height and width.
    pub fn swaps_axes(self) -> bool {
        self.0 >= 5
    }

    /// From an EXIF block; the XMP packet answers where EXIF has no such tag.
    pub(super) fn find(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Self {
        let block = exif.map(without_prefixes).filter(|block| !block.is_empty());
        match block.map(Ifd::in_exif) {
            // What is no directory makes Pillow fail, or give up looking, before it comes to XMP.
            Some(Err(_)) => Self::UPRIGHT,
            Some(Ok(ifd)) => Self::in_ifd(&ifd, xmp),
            None => Self::in_xmp(xmp),
        }
    }

    /// The same for a directory that is parsed already.
    pub(super) fn in_ifd(ifd: &Ifd<'_>, xmp: Option<&[u8]>) -> Self {
        if ifd.contains(ORIENTATION_TAG) {
            // Python compares numbers of all types by value.
            let value = ifd.number(ORIENTATION_TAG);
            let code = (2..=8).find(|&code| value == Some(f64::from(code)));
            return code.map_or(Self::UPRIGHT, Self);
        }
        Self::in_xmp(xmp)
    }

    fn in_xmp(packet: Option<&[u8]>) -> Self {
        packet.and_then(in_xmp).map_or(Self::UPRIGHT, Self::from_exif)
    }

    /// Writes the `height` x `width` RGB pixels of `stored` upright to `out`, which has the same length.
    pub(super) fn apply(self, stored: &[u8], height: usize, width: usize, out: &mut [u8]) {
        let row_bytes = width * 3;
        if row_bytes == 0 {
            return;
        }
        match self.0 {
            2 => {
                for (row, target) in stored
                    .chunks_exact(row_bytes)
                    .zip(out.chunks_exact_mut(row_bytes))
                {
                    reverse_pixels(row, target);
                }
            }
            3 => {
                for (row, target) in stored
                    .chunks_exact(row_bytes)
                    .rev()
                    .zip(out.chunks_exact_mut(row_bytes))
                {
                    reverse_pixels(row, target);
                }
            }
            4 => {
                for (row, target) in stored
                    .chunks_exact(row_bytes)
                    .rev()
                    .zip(out.chunks_exact_mut(row_bytes))
                {
                    target.copy_from_slice(row);
                }
            }
            5..=8 => self.turn(stored, height, width, out),
            _ => out.copy_from_slice(stored),
        }
    }

    /// The four orientations that exchange the axes, in square blocks that stay in the cache.
    fn turn(self, stored: &[u8], height: usize, width: usize, out: &mut [u8]) {
        const BLOCK: usize = 32;
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                for x in left..(left + BLOCK).min(width) {
                    let out_y = if matches!(self.0, 5 | 6) { x } else { width - 1 - x };
                    for y in top..(top + BLOCK).min(height) {
                        let out_x = if matches!(self.0, 5 | 8) {
                            y
                        } else {
                            height - 1 - y
                        };
                        let from = (y * width + x) * 3;
                        let to = (out_y * height + out_x) * 3;
                        out[to..to + 3].copy_from_slice(&stored[from..from + 3]);
                    }
                }
            }
        }
    }
}

fn reverse_pixels(row: &[u8], out: &mut [u8]) {
    for (pixel, target) in row.chunks_exact(3).rev().zip(out.chunks_exact_mut(3)) {
        target.copy_from_slice(pixel);
    }
}

/// Pillow takes up to two `Exif\0\0` away.
fn without_prefixes(block: &[u8]) -> &[u8] {
    const PREFIX: &[u8] = b"Exif\0\0";
    let block = block.strip_prefix(PREFIX).unwrap_or(block);
    block.strip_prefix(PREFIX).unwrap_or(block)
}

/// `tiff:Orientation="6"` or `<tiff:Orientation>6</tiff:Orientation>`.
fn in_xmp(packet: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"tiff:Orientation";
    let mut rest = packet;
    while let Some(at) = rest.windows(KEY.len()).position(|window| window == KEY) {
        rest = &rest[at + KEY.len()..];
        let digit = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"));
        if let Some(&digit) = digit
            .and_then(<[u8]>::first)
            .filter(|digit| digit.is_ascii_digit())
        {
            return Some(u64::from(digit - b'0'));
        }
    }
    None
}
