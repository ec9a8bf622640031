//! The bytes of a file as libjpeg meets them under Pillow: in blocks, with a pending marker.

/// Why a decode stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Bytes are needed beyond those that there are.
    Ended,
    /// libjpeg gives up here, and so Pillow refuses the file.
    Corrupt(&'static str),
    /// The structure is known and not decoded.
    Unsupported(&'static str),
    /// So many bytes of memory cannot be had.
    Memory(usize),
    /// More scans than allowed.
    Scans,
}

/// Bytes that Pillow hands to libjpeg at a time. A decoder that needs more than it was given so far stops
/// and begins the MCU again, which decides how far it looks ahead of the pixels.
const BLOCK: usize = 65_536;

#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    available: usize,
    frozen: bool,
    /// A marker that was read and not yet acted upon; 0 for none.
    pub(super) unread: u8,
    /// The restart marker that is due, 0 to 7.
    pub(super) next_restart: u8,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            available: 0,
            frozen: false,
            unread: 0,
            next_restart: 0,
        }
    }

    /// Bytes that were handed over and not yet consumed.
    pub(super) fn in_buffer(&self) -> usize {
        self.available.saturating_sub(self.at)
    }

    /// Hands over another block; false where none is left.
    pub(super) fn grow(&mut self) -> bool {
        if self.frozen || self.available == self.bytes.len() {
            return false;
        }
        self.available = self.bytes.len().min(self.available + BLOCK);
        true
    }

    /// No further block: what comes after the pixels is only looked at where it is in memory already.
    pub(super) fn freeze(&mut self) {
        self.frozen = true;
    }

    /// All bytes that follow, handed over or not.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The byte at a position that a caller knows to be in memory; 0 beyond the end.
    pub(super) fn peek(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The next byte of the blocks handed over so far.
    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if self.at < self.available => {
                self.at += 1;
                Ok(byte)
            }
            _ => Err(Fault::Ended),
        }
    }

    /// The next byte, from a further block if need be.
    #[inline(never)]
    pub(super) fn await_byte(&mut self) -> Result<u8, Fault> {
        while self.at >= self.available {
            if !self.grow() {
                return Err(Fault::Ended);
            }
        }
        self.byte()
    }

    pub(super) fn await_u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes([self.await_byte()?, self.await_byte()?]))
    }

    /// The next `count` bytes or what there is of them, which are passed.
    pub(super) fn skip(&mut self, count: usize) -> &'a [u8] {
        let start = self.at.min(self.bytes.len());
        self.at = self.at.saturating_add(count);
        &self.bytes[start..self.at.min(self.bytes.len())]
    }

    /// Finds the next marker and leaves it in `unread` (`next_marker` of jdmarker.c).
    pub(super) fn next_marker(&mut self) -> Result<(), Fault> {
        loop {
            while self.await_byte()? != 0xFF {}
            let mut code = self.await_byte()?;
            while code == 0xFF {
                code = self.await_byte()?;
            }
            if code != 0 {
                self.unread = code;
                return Ok(());
            }
        }
    }

    /// Passes the restart marker that is due, or recovers where another one is there
    /// (`read_restart_marker` and `jpeg_resync_to_restart` of jdmarker.c).
    pub(super) fn restart(&mut self) -> Result<(), Fault> {
        if self.unread == 0 {
            self.next_marker()?;
        }
        let due = self.next_restart;
        loop {
            match self.unread {
                0..0xC0 => self.next_marker()?,
                code @ 0xD0..=0xD7 => match (code - 0xD0).wrapping_sub(due) & 7 {
                    // One of the next two: the one that is due was lost, and its segment counts as empty.
                    1 | 2 => break,
                    // One that has been: the next marker decides.
                    6 | 7 => self.next_marker()?,
                    // The right one, or one too far away to mean anything.
                    _ => {
                        self.unread = 0;
                        break;
                    }
                },
                // The end of the scan, before its time.
                _ => break,
            }
        }
        self.next_restart = (due + 1) & 7;
        Ok(())
    }
}
