//! The first directory of a TIFF file or an EXIF block, by the rules of Pillow's `ImageFileDirectory_v2`:
//! which entries it takes, which it skips and where it stops reading.

use std::collections::BTreeMap;

/// One image file directory, classic or BigTIFF, borrowed from the file.
pub(super) struct Ifd<'a> {
    order: Order,
    entries: BTreeMap<u16, Entry<'a>>,
}

struct Entry<'a> {
    kind: Kind,
    /// At least one value, whole.
    data: &'a [u8],
}

/// The byte order mark is none that Pillow takes, or the header ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoTiff;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn unsigned(self, bytes: &[u8]) -> u64 {
        let fold = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
        match self {
            Self::Big => bytes.iter().fold(0, fold),
            Self::Little => bytes.iter().rev().fold(0, fold),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte,
    Ascii,
    Short,
    Long,
    Rational,
    SignedByte,
    Undefined,
    SignedShort,
    SignedLong,
    SignedRational,
    Float,
    Double,
    Ifd,
    Long8,
}

impl Kind {
    fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            1 => Self::Byte,
            2 => Self::Ascii,
            3 => Self::Short,
            4 => Self::Long,
            5 => Self::Rational,
            6 => Self::SignedByte,
            7 => Self::Undefined,
            8 => Self::SignedShort,
            9 => Self::SignedLong,
            10 => Self::SignedRational,
            11 => Self::Float,
            12 => Self::Double,
            13 => Self::Ifd,
            16 => Self::Long8,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::Byte | Self::Ascii | Self::SignedByte | Self::Undefined => 1,
            Self::Short | Self::SignedShort => 2,
            Self::Long | Self::SignedLong | Self::Float | Self::Ifd => 4,
            Self::Rational | Self::SignedRational | Self::Double | Self::Long8 => 8,
        }
    }

    /// Pillow gives bytes or a string for these, which equal no number.
    #[cfg(feature = "tiff")]
    fn is_text(self) -> bool {
        matches!(self, Self::Byte | Self::Ascii | Self::Undefined)
    }
}

impl<'a> Ifd<'a> {
    /// The first directory of an EXIF block, which begins with the byte order mark. A directory that is cut
    /// off has the entries that come before the cut. To Pillow no EXIF block is a BigTIFF.
    pub(super) fn in_exif(block: &'a [u8]) -> Result<Self, NoTiff> {
        let order = match block.get(..4) {
            // The 42 may be in the other byte order than the mark says.
            Some(b"II\x2a\0" | b"II\0\x2a") => Order::Little,
            Some(b"MM\0\x2a" | b"MM\x2a\0" | b"MM\0\x2b") => Order::Big,
            _ => return Err(NoTiff),
        };
        Self::load(block, order, false)
    }

    /// The first directory of a TIFF file, classic or BigTIFF.
    #[cfg(feature = "tiff")]
    pub(super) fn in_file(file: &'a [u8]) -> Result<Self, NoTiff> {
        match file.get(..4) {
            Some(b"II\x2b\0") => Self::load(file, Order::Little, true),
            Some(b"MM\0\x2b") => Self::load(file, Order::Big, true),
            _ => Self::in_exif(file),
        }
    }

    fn load(tiff: &'a [u8], order: Order, big: bool) -> Result<Self, NoTiff> {
        let at = if big { tiff.get(8..16) } else { tiff.get(4..8) };
        let at = order.unsigned(at.ok_or(NoTiff)?);
        let mut ifd = Self {
            order,
            entries: BTreeMap::new(),
        };
        ifd.read_entries(tiff, usize::try_from(at).unwrap_or(usize::MAX), big);
        Ok(ifd)
    }

    /// `None` where the directory ends early.
    fn read_entries(&mut self, tiff: &'a [u8], at: usize, big: bool) -> Option<()> {
        let order = self.order;
        let (count_bytes, entry_bytes, inline) = if big { (8, 20, 8) } else { (2, 12, 4) };
        let mut rest = tiff.get(at..)?;
        let count = order.unsigned(rest.split_off(..count_bytes)?);
        let mut total = 0usize;
        for _ in 0..count {
            let entry = rest.split_off(..entry_bytes)?;
            let tag = order.unsigned(&entry[..2]) as u16;
            if self.entries.contains_key(&tag) {
                continue;
            }
            let Some(kind) = Kind::from_code(order.unsigned(&entry[2..4])) else {
                continue;
            };
            let values = order.unsigned(&entry[4..entry_bytes - inline]);
            let value = &entry[entry_bytes - inline..];
            let size = usize::try_from(values).unwrap_or(usize::MAX);
            let size = size.saturating_mul(kind.size());
            let data = if size > inline {
                // All data together are no more than the file, even where they overlap.
                let sum = total.saturating_add(size);
                if order.unsigned(value) >= 1 << 63 {
                    continue;
                }
                total = sum;
                if sum > tiff.len() {
                    continue;
                }
                let start = usize::try_from(order.unsigned(value)).ok()?;
                tiff.get(start..start.checked_add(size)?)?
            } else {
                &value[..size]
            };
            if !data.is_empty() {
                self.entries.insert(tag, Entry { kind, data });
            }
        }
        Some(())
    }

    pub(super) fn contains(&self, tag: u16) -> bool {
        self.entries.contains_key(&tag)
    }

    /// The first value of a tag as a number; `None` where it is absent or text.
    pub(super) fn number(&self, tag: u16) -> Option<f64> {
        let Entry { kind, data } = self.entries.get(&tag)?;
        let raw = self.order.unsigned(&data[..kind.size()]);
        let half = |at: usize| self.order.unsigned(&data[at..at + 4]) as u32;
        Some(match kind {
            Kind::Byte | Kind::Ascii | Kind::Undefined => return None,
            Kind::Short | Kind::Long | Kind::Ifd | Kind::Long8 => raw as f64,
            Kind::SignedByte => f64::from(raw as u8 as i8),
            Kind::SignedShort => f64::from(raw as u16 as i16),
            Kind::SignedLong => f64::from(raw as u32 as i32),
            Kind::Float => f64::from(f32::from_bits(raw as u32)),
            Kind::Double => f64::from_bits(raw),
            Kind::Rational => f64::from(half(0)) / f64::from(half(4)),
            Kind::SignedRational => f64::from(half(0) as i32) / f64::from(half(4) as i32),
        })
    }
}

#[cfg(feature = "tiff")]
impl<'a> Ifd<'a> {
    /// The bytes of a tag of type BYTE, ASCII or UNDEFINED.
    pub(super) fn text(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entries.get(&tag).filter(|entry| entry.kind.is_text())?;
        Some(entry.data)
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// The values of a tag of an unsigned integer type, of which Pillow takes SHORT and larger; `None` where it
    /// is absent or of another type.
    pub(super) fn unsigned(&self, tag: u16) -> Option<impl ExactSizeIterator<Item = u64> + '_> {
        let Entry { kind, data } = self.entries.get(&tag)?;
        if !matches!(kind, Kind::Short | Kind::Long | Kind::Ifd | Kind::Long8) {
            return None;
        }
        let order = self.order;
        Some(
            data.chunks_exact(kind.size())
                .map(move |value| order.unsigned(value)),
        )
    }
}
