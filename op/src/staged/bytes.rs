//! Pixel values to the bytes of a quantised model, where they lie.

use prep_onnx_pipeline::plan::ByteTable;
use prep_onnx_pipeline::{CHANNELS, Plan};

use crate::SimdLevel;
#[cfg(target_arch = "x86_64")]
use crate::kernel::avx512::Avx512;
use crate::kernel::pixels;

/// The tables of a plan.
pub(super) struct Bytes {
    table: ByteTable,
    /// Whether all channels have one table.
    uniform: bool,
    #[cfg(target_arch = "x86_64")]
    avx512: Option<Avx512>,
}

impl Bytes {
    pub(super) fn new(plan: &Plan, level: SimdLevel) -> Option<Self> {
        let table = plan.values.bytes()?;
        let uniform = (1..plan.channels()).all(|channel| table.channel(channel) == table.channel(0));
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
        Some(Self {
            table,
            uniform,
            #[cfg(target_arch = "x86_64")]
            avx512: Avx512::new().filter(|_| level == SimdLevel::Avx512),
        })
    }

    /// Makes of the pixels of one image, a tensor of the plan of `shape`, what the model takes.
    pub(super) fn apply(&self, plan: &Plan, shape: &[usize], pixels: &mut [u8]) {
        if self.uniform {
            return self.one(0, pixels);
        }
        let (stride, channels) = (plan.channel_stride(shape), plan.channels());
        if stride == 1 && channels == CHANNELS {
            return self.in_turn(pixels);
        }
        for (run, pixels) in pixels.chunks_mut(stride).enumerate() {
            self.one(run % channels, pixels);
        }
    }

    fn one(&self, channel: usize, values: &mut [u8]) {
        let table = self.table.channel(channel);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = self.avx512 {
            return avx512.look_up(table, values);
        }
        pixels::look_up(table, values);
    }

    fn in_turn(&self, values: &mut [u8]) {
        let tables = [0, 1, 2].map(|channel| self.table.channel(channel));
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = self.avx512 {
            return avx512.look_up_in_turn(tables, values);
        }
        pixels::look_up_in_turn(tables, values);
    }
}
