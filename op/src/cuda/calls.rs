//! The parameters of the kernels: the structs of `op/cuda/preprocess.cu`, whose sizes both sides check.

use super::tiling::Tiling;

/// Threads of a block.
pub(super) const THREADS: u32 = 256;

/// Images of one launch when each has its own record: what fits into 4 KB of parameters.
pub(super) const MAX_IMAGES: usize = 64;

/// Images of one launch of a batch: the most blocks along y.
pub(super) const MAX_BATCH: usize = 65_535;

/// Entries of the value table: pixel values times channels.
pub(super) const VALUES: usize = 768;

/// `Image`: an image, its resized part that the canvas shows, and the canvas.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(super) struct ImageRecord {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) columns: u64,
    pub(super) rows: u64,
    pub(super) height: i32,
    pub(super) width: i32,
    pub(super) top: i32,
    pub(super) left: i32,
    pub(super) vertical_first: u32,
    pub(super) tiles: i32,
}

/// `Form`: what becomes of pixels.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct FormRecord {
    /// The address of the value table; 0 for pixels as they are.
    pub(super) values: u64,
    pub(super) used: u64,
    pub(super) all: u64,
    pub(super) around: [u32; 3],
    pub(super) outputs: i32,
    pub(super) channels: [i32; 3],
    pub(super) element_size: i32,
    pub(super) channels_last: i32,
    pub(super) merge: i32,
    pub(super) block_height: i32,
    pub(super) block_width: i32,
    pub(super) repeat: i32,
    pub(super) reserved: i32,
}

impl FormRecord {
    /// Pixels of three channels as they are, channels last.
    pub(super) const BYTES: Self = Self {
        values: 0,
        used: 0,
        all: 0,
        around: [0; 3],
        outputs: 3,
        channels: [0, 1, 2],
        element_size: 1,
        channels_last: 1,
        merge: 0,
        block_height: 0,
        block_width: 0,
        repeat: 1,
        reserved: 0,
    };
}

/// `Call`: the parameter of `preprocess` and `sample`.
#[repr(C)]
pub(super) struct ResizeCall {
    pub(super) pixels: u64,
    pub(super) output: u64,
    pub(super) from_stride: u64,
    pub(super) to_stride: u64,
    pub(super) form: FormRecord,
    pub(super) batch: i32,
    pub(super) tiles: i32,
    pub(super) tiling: Tiling,
    pub(super) images: [ImageRecord; MAX_IMAGES],
}

/// `PlacedImage`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub(super) struct PlacedRecord {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) rows: i32,
    pub(super) columns: i32,
    pub(super) top: i32,
    pub(super) left: i32,
    pub(super) height: i32,
    pub(super) width: i32,
    pub(super) turned: i32,
    pub(super) reserved: i32,
}

/// `PlaceCall`: the parameter of `place`.
#[repr(C)]
pub(super) struct PlaceCall {
    pub(super) pixels: u64,
    pub(super) output: u64,
    pub(super) from_stride: u64,
    pub(super) to_stride: u64,
    pub(super) batch: i32,
    pub(super) format: i32,
    pub(super) gray: i32,
    pub(super) mirror: i32,
    pub(super) around: [u8; 4],
    pub(super) over: [u8; 4],
    /// Of YCbCr: offset, luma, blue_cb, green_cb, green_cr, red_cr.
    pub(super) coefficients: [i32; 6],
    pub(super) images: [PlacedRecord; MAX_IMAGES],
}

/// Records of one launch of `mask`.
pub(super) const MAX_INNERS: usize = 240;

/// Words of one launch of `store`.
pub(super) const MAX_STORED: usize = 960;

/// `MaskCall`: the parameter of `mask`. Each record is top, left, height, width.
#[repr(C)]
pub(super) struct MaskCall {
    pub(super) output: u64,
    pub(super) height: i32,
    pub(super) width: i32,
    pub(super) batch: i32,
    pub(super) reserved: i32,
    pub(super) images: [[i32; 4]; MAX_INNERS],
}

/// `StoreCall`: the parameter of `store`.
#[repr(C)]
pub(super) struct StoreCall {
    pub(super) output: u64,
    pub(super) count: i32,
    pub(super) reserved: i32,
    pub(super) words: [u32; MAX_STORED],
}

const _: () = assert!(size_of::<ImageRecord>() == 56 && size_of::<FormRecord>() == 80);
const _: () = assert!(size_of::<PlacedRecord>() == 48 && size_of::<Tiling>() == 24);
const _: () = assert!(size_of::<ResizeCall>() == 144 + 56 * MAX_IMAGES);
const _: () = assert!(size_of::<PlaceCall>() == 80 + 48 * MAX_IMAGES);
const _: () = assert!(size_of::<MaskCall>() == 24 + 16 * MAX_INNERS);
const _: () = assert!(size_of::<StoreCall>() == 16 + 4 * MAX_STORED);
// The limit of a kernel's parameters before CUDA 12.1.
const _: () = assert!(size_of::<ResizeCall>() <= 4096 && size_of::<PlaceCall>() <= 4096);
const _: () = assert!(size_of::<MaskCall>() <= 4096 && size_of::<StoreCall>() <= 4096);
