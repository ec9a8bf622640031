//! The first directory of a TIFF or EXIF block: just enough to read a few integer tags.

/// One image file directory of classic TIFF, borrowed from the file.
pub(super) struct Ifd<'a> {
    tiff: &'a [u8],
    big_endian: bool,
    /// Offset of the first 12-byte entry.
    entries: usize,
    count: usize,
}

/// The block is no classic TIFF, or ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IfdError;

impl<'a> Ifd<'a> {
    /// The first directory of `tiff`, which begins with the byte order mark.
    pub(super) fn first(tiff: &'a [u8]) -> Result<Self, IfdError> {
        let big_endian = match tiff.get(..4) {
            Some([b'I', b'I', 42, 0]) => false,
            Some([b'M', b'M', 0, 42]) => true,
            _ => return Err(IfdError),
        };
        let mut ifd = Self {
            tiff,
            big_endian,
            entries: 0,
            count: 0,
        };
        let at = ifd.unsigned(4, 4).ok_or(IfdError)? as usize;
        ifd.count = ifd.unsigned(at, 2).ok_or(IfdError)? as usize;
        ifd.entries = at + 2;
        Ok(ifd)
    }

    /// The values of an integer tag (BYTE, SHORT or LONG); `None` when it is absent or of another type.
    pub(super) fn values(&self, tag: u16) -> Option<impl Iterator<Item = u64> + '_> {
        let entry = self.entry(tag)?;
        let width = match self.unsigned(entry + 2, 2)? {
            1 => 1,
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let count = self.unsigned(entry + 4, 4)? as usize;
        let start = self.value_offset(entry, count.checked_mul(width)?)?;
        Some((0..count).map_while(move |i| self.unsigned(start + i * width, width)))
    }

    /// Offset in the file of the values of a tag.
    #[cfg(feature = "tiff")]
    pub(super) fn offset_of(&self, tag: u16) -> Option<usize> {
        self.value_offset(self.entry(tag)?, 1)
    }

    #[cfg(feature = "tiff")]
    pub(super) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    fn entry(&self, tag: u16) -> Option<usize> {
        (0..self.count)
            .map(|i| self.entries + 12 * i)
            .take_while(|&at| at + 12 <= self.tiff.len())
            .find(|&at| self.unsigned(at, 2) == Some(u64::from(tag)))
    }

    fn value_offset(&self, entry: usize, bytes: usize) -> Option<usize> {
        if bytes <= 4 {
            Some(entry + 8)
        } else {
            self.unsigned(entry + 8, 4).map(|at| at as usize)
        }
    }

    fn unsigned(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.tiff.get(at..at.checked_add(width)?)?;
        let fold = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    }
}
