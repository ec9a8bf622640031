//! Which format the bytes are, by their first bytes only: a wrong extension does not matter.

use std::fmt;

/// A format that this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JPEG, also the first picture of an MPO.
    Jpeg,
    /// PNG, also the default image of an APNG.
    Png,
    /// WebP, the first frame of an animation.
    WebP,
    /// GIF, the first frame.
    Gif,
    /// Windows and OS/2 bitmaps, also without the file header (DIB).
    Bmp,
    /// TIFF, the first page.
    Tiff,
}

impl Format {
    /// The format that `bytes` begin with.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'B', b'M', ..] | [12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0, ..] => Some(Self::Bmp),
            // Pillow also takes a 42 in the other byte order than the mark says.
            [b'I', b'I', 42 | 43, 0, ..]
            | [b'I', b'I', 0, 42, ..]
            | [b'M', b'M', 0, 42 | 43, ..]
            | [b'M', b'M', 42, 0, ..] => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The name as Pillow spells it: `JPEG`, `PNG`, `WEBP`, `GIF`, `BMP`, `TIFF`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WEBP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        }
    }

    /// The lower-case file extensions that the format usually has.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif", "mpo"],
            Self::Png => &["png", "apng"],
            Self::WebP => &["webp"],
            Self::Gif => &["gif"],
            Self::Bmp => &["bmp", "dib"],
            Self::Tiff => &["tif", "tiff"],
        }
    }

    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Jpeg,
        Self::Png,
        Self::WebP,
        Self::Gif,
        Self::Bmp,
        Self::Tiff,
    ];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
