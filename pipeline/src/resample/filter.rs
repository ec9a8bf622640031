//! Resampling filters: the kernel functions of Pillow's `Resample.c`.

use std::f64::consts::PI;

use crate::named::named_enum;

named_enum! {
    /// A resampling filter. All but the two nearest ones are antialiased, unless that is turned off or the
    /// resampler is `opencv`: the kernel widens with the scale.
    pub enum Filter("filter") {
        /// `PIL.Image.NEAREST`; with the resampler `torchvision`, `InterpolationMode.NEAREST`.
        Nearest = "nearest",
        /// `InterpolationMode.NEAREST_EXACT`; resampler `torchvision` only.
        NearestExact = "nearest_exact",
        /// Triangle kernel of support 1.
        Bilinear = "bilinear",
        /// Cubic convolution with a = -0.5, support 2.
        Bicubic = "bicubic",
        /// Windowed sinc, support 3.
        Lanczos = "lanczos",
        /// Constant kernel of support 0.5; resampler `pillow` only.
        Box = "box",
        /// Hamming-windowed sinc of support 1; resampler `pillow` only.
        Hamming = "hamming",
        /// `cv2.INTER_AREA`; resampler `opencv` only.
        Area = "area",
    }
}

impl Filter {
    /// Half the width of the kernel in source pixels at scale 1; `None` for the nearest filters, and for `area`, which is not
    /// one of windows.
    pub fn support(self) -> Option<f64> {
        match self {
            Self::Nearest | Self::NearestExact | Self::Area => None,
            Self::Box => Some(0.5),
            Self::Bilinear | Self::Hamming => Some(1.0),
            Self::Bicubic => Some(2.0),
            Self::Lanczos => Some(3.0),
        }
    }

    /// The kernel at distance `x`, in the order of operations that Pillow's C code has.
    pub fn kernel(self, x: f64) -> f64 {
        match self {
            Self::Nearest | Self::NearestExact | Self::Area => 0.0,
            Self::Box => f64::from(x > -0.5 && x <= 0.5),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Hamming => hamming(x.abs()),
            Self::Bicubic => bicubic(x.abs()),
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

/// Pillow writes these two constants as C floats.
pub const HAMMING: [f64; 2] = [0.54_f32 as f64, 0.46_f32 as f64];

fn hamming(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * PI;
    x.sin() / x * (HAMMING[0] + HAMMING[1] * x.cos())
}

fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}
