//! The geometry of a frame (jdinput.c, jdmaster.c).

use super::source::Fault;

/// Blocks are 8 x 8.
pub(super) const BLOCK: usize = 8;

/// Most blocks in one MCU.
pub(super) const MAX_BLOCKS: usize = 10;

/// What the entropy coder of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Huffman,
    Arithmetic,
}

#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) coding: Coding,
    pub(super) progressive: bool,
    pub(super) lossless: bool,
    pub(super) precision: u8,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4 in a frame that passes [`Frame::check`].
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) quant_number: usize,
    pub(super) dc_table: usize,
    pub(super) ac_table: usize,
    /// The table in effect at the component's first scan.
    pub(super) quant: Option<[u16; 64]>,
}

/// A scan header: which components, and which bits of which coefficients.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// Indices into the frame's components.
    pub(super) components: Vec<usize>,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) high: u8,
    pub(super) low: u8,
}

impl Component {
    pub(super) fn new(id: u8, sampling: u8, quant_number: u8) -> Self {
        Self {
            id,
            h: usize::from(sampling >> 4),
            v: usize::from(sampling & 15),
            quant_number: usize::from(quant_number),
            dc_table: 0,
            ac_table: 0,
            quant: None,
        }
    }
}

impl Frame {
    /// What libjpeg asks of a frame before it decodes a scan.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.width > 65_500 || self.height > 65_500 {
            return Err(Fault::Corrupt("the image is larger than 65500 pixels on a side"));
        }
        let possible = |factor| (1..=4).contains(&factor);
        if !self.components.iter().all(|c| possible(c.h) && possible(c.v)) {
            return Err(Fault::Corrupt("a sampling factor is not 1 to 4"));
        }
        Ok(())
    }

    pub(super) fn max_h(&self) -> usize {
        self.components.iter().map(|c| c.h).max().unwrap_or(1)
    }

    pub(super) fn max_v(&self) -> usize {
        self.components.iter().map(|c| c.v).max().unwrap_or(1)
    }

    /// Rows of MCUs of all components.
    pub(super) fn mcu_rows(&self) -> usize {
        self.height.div_ceil(self.max_v() * BLOCK)
    }

    /// Columns of MCUs of all components.
    pub(super) fn mcu_columns(&self) -> usize {
        self.width.div_ceil(self.max_h() * BLOCK)
    }

    /// Columns and rows of blocks that have pixels of the image.
    pub(super) fn blocks(&self, component: &Component) -> (usize, usize) {
        (
            (self.width * component.h).div_ceil(self.max_h() * BLOCK),
            (self.height * component.v).div_ceil(self.max_v() * BLOCK),
        )
    }

    /// The side of a component's blocks in samples where the largest are reduced to `side`: small
    /// components are reduced less, rather than enlarged afterwards.
    pub(super) fn reduced_side(&self, component: &Component, side: usize) -> usize {
        let (max_h, max_v) = (self.max_h() * side, self.max_v() * side);
        let mut own = side;
        while own < BLOCK
            && max_h.is_multiple_of(component.h * own * 2)
            && max_v.is_multiple_of(component.v * own * 2)
        {
            own *= 2;
        }
        own
    }
}
