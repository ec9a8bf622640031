//! Pillow's `convert("RGB")` for each of its modes, one row or run of pixels at a time.
//!
//! Every function takes packed source pixels and writes as many RGB triples as `out` holds.

/// `L` to `RGB`.
pub(super) fn gray(source: &[u8], out: &mut [u8]) {
    for (&value, rgb) in source.iter().zip(out.chunks_exact_mut(3)) {
        rgb.fill(value);
    }
}

/// Samples of 1, 2 or 4 bits, first pixel in the high bits, scaled to 0..=255 (`1`, `L;2`, `L;4`).
pub(super) fn gray_packed(source: &[u8], bits: u8, out: &mut [u8]) {
    let scale = 255 / ((1u16 << bits) - 1) as u8;
    for (value, rgb) in unpack(source, bits).zip(out.chunks_exact_mut(3)) {
        rgb.fill(value * scale);
    }
}

/// The same, and 8 bits, where white is 0.
#[cfg(feature = "tiff")]
pub(super) fn gray_packed_inverted(source: &[u8], bits: u8, out: &mut [u8]) {
    let max = ((1u16 << bits) - 1) as u8;
    for (value, rgb) in unpack(source, bits).zip(out.chunks_exact_mut(3)) {
        rgb.fill((max - value) * (255 / max));
    }
}

/// `I;16` to `RGB`: Pillow clips at 255, it does not scale.
pub(super) fn gray16(source: impl Iterator<Item = u16>, out: &mut [u8]) {
    for (value, rgb) in source.zip(out.chunks_exact_mut(3)) {
        rgb.fill(value.min(255) as u8);
    }
}

/// The first of every `channels` bytes, repeated: `LA`, and `LA;16B` with four.
pub(super) fn first_of(source: &[u8], channels: usize, out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(channels).zip(out.chunks_exact_mut(3)) {
        rgb.fill(pixel[0]);
    }
}

/// The first three of every `channels` bytes: `RGBA` loses its alpha, nothing is composited.
pub(super) fn rgb_of(source: &[u8], channels: usize, out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(channels).zip(out.chunks_exact_mut(3)) {
        rgb.copy_from_slice(&pixel[..3]);
    }
}

/// The high byte of big-endian 16-bit samples, the first three of every `channels`.
pub(super) fn rgb16_be(source: &[u8], channels: usize, out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(2 * channels).zip(out.chunks_exact_mut(3)) {
        rgb.copy_from_slice(&[pixel[0], pixel[2], pixel[4]]);
    }
}

/// `P` to `RGB`. Indices beyond the palette are black, as in Pillow.
pub(super) fn palette(indices: impl Iterator<Item = u8>, palette: &Palette, out: &mut [u8]) {
    for (index, rgb) in indices.zip(out.chunks_exact_mut(3)) {
        rgb.copy_from_slice(&palette.0[usize::from(index)]);
    }
}

/// `CMYK` to `RGB`, with Pillow's integer arithmetic.
#[cfg(feature = "tiff")]
pub(super) fn cmyk(source: &[u8], channels: usize, out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(channels).zip(out.chunks_exact_mut(3)) {
        let light = 255 - pixel[3];
        for (target, &ink) in rgb.iter_mut().zip(pixel) {
            *target = light - mul_div_255(ink, light);
        }
    }
}

/// `CMYK;I` to `RGB`: the Adobe convention of JPEG, where 255 means no ink.
pub(super) fn cmyk_inverted(source: &[u8], out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
        let light = pixel[3];
        for (target, &ink) in rgb.iter_mut().zip(pixel) {
            *target = light - mul_div_255(255 - ink, light);
        }
    }
}

/// `RGBa` to `RGB`: premultiplied colour divided by its alpha, rounded down and clipped; black where it is 0.
#[cfg(feature = "tiff")]
pub(super) fn rgb_premultiplied(source: &[u8], channels: usize, out: &mut [u8]) {
    for (pixel, rgb) in source.chunks_exact(channels).zip(out.chunks_exact_mut(3)) {
        let alpha = u16::from(pixel[3]);
        for (target, &value) in rgb.iter_mut().zip(pixel) {
            *target = match alpha {
                0 => 0,
                255 => value,
                _ => (255 * u16::from(value) / alpha).min(255) as u8,
            };
        }
    }
}

/// Samples of 1, 2, 4 or 8 bits, first pixel in the high bits.
pub(super) fn unpack(source: &[u8], bits: u8) -> impl Iterator<Item = u8> {
    let per_byte = 8 / bits;
    let mask = ((1u16 << bits) - 1) as u8;
    source
        .iter()
        .flat_map(move |&byte| (0..per_byte).map(move |i| (byte >> (8 - bits * (i + 1))) & mask))
}

/// 256 colours. Pillow fills what a file leaves out with black.
pub(super) struct Palette([[u8; 3]; 256]);

impl Palette {
    /// Packed RGB triples; a last incomplete one is ignored.
    pub(super) fn from_rgb(bytes: &[u8]) -> Self {
        Self::from_colours(bytes.chunks_exact(3).map(|c| [c[0], c[1], c[2]]))
    }

    pub(super) fn from_colours(colours: impl Iterator<Item = [u8; 3]>) -> Self {
        let mut palette = [[0; 3]; 256];
        for (target, colour) in palette.iter_mut().zip(colours) {
            *target = colour;
        }
        Self(palette)
    }

    /// The palette under which an index is its own gray value.
    pub(super) fn gray_ramp() -> Self {
        Self(std::array::from_fn(|i| [i as u8; 3]))
    }

    pub(super) fn colour(&self, index: u8) -> [u8; 3] {
        self.0[usize::from(index)]
    }
}

/// Pillow's `MULDIV255`: `a * b / 255`, rounded.
fn mul_div_255(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}
