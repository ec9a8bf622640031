//! The SIMD levels and how one is chosen.

use std::fmt;
use std::str::FromStr;

use prep_onnx_pipeline::{Error, Result};

/// Which instructions the kernels use. All levels give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SimdLevel {
    /// No SIMD: plainly the definition.
    Scalar,
    /// SSSE3 and SSE4.1.
    Sse41,
    /// AVX2 and FMA.
    Avx2,
    /// AVX2 and FMA, and VNNI of 256 bits: AVX-VNNI, or AVX-512 VNNI and VL.
    Vnni,
    /// AVX-512 F, BW, VL, DQ, VBMI, VBMI2 and VNNI.
    Avx512,
    /// NEON, on every 64-bit ARM processor.
    Neon,
}

/// The environment variable that forces a level.
const VARIABLE: &str = "PREP_ONNX_SIMD";

impl SimdLevel {
    /// Every level, of one processor the plainest first.
    pub const ALL: [Self; 6] = [
        Self::Scalar,
        Self::Sse41,
        Self::Avx2,
        Self::Vnni,
        Self::Avx512,
        Self::Neon,
    ];

    /// The name in `PREP_ONNX_SIMD` and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse41 => "sse41",
            Self::Avx2 => "avx2",
            Self::Vnni => "vnni",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Whether this processor has the level.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Sse41 => super::sse41::Sse41::new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::avx2::Avx2::new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => super::vnni::Vnni::new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::avx512::Avx512::new().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Sse41 | Self::Avx2 | Self::Vnni | Self::Avx512 => false,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => super::neon::Neon::new().is_some(),
            #[cfg(not(target_arch = "aarch64"))]
            Self::Neon => false,
        }
    }

    /// The level named by `PREP_ONNX_SIMD`, or else the highest that this processor has.
    ///
    /// # Errors
    /// When the variable names no level, or one that this processor lacks.
    pub fn best() -> Result<Self> {
        match std::env::var_os(VARIABLE) {
            Some(name) if !name.is_empty() => name
                .to_string_lossy()
                .parse::<Self>()
                .and_then(Self::checked)
                .map_err(|error| error.within(VARIABLE)),
            _ => Ok(Self::ALL
                .into_iter()
                .rfind(|level| level.is_available())
                .unwrap_or(Self::Scalar)),
        }
    }

    /// The level itself.
    ///
    /// # Errors
    /// When this processor lacks it.
    pub fn checked(self) -> Result<Self> {
        if self.is_available() {
            return Ok(self);
        }
        Err(Error::new(self, "this processor lacks the instructions")
            .expected_got(names(Self::is_available), self)
            .fix("choose one of these, or none to get the fastest"))
    }
}

fn names(keep: impl Fn(SimdLevel) -> bool) -> String {
    let names: Vec<_> = SimdLevel::ALL
        .into_iter()
        .filter(|level| keep(*level))
        .map(SimdLevel::name)
        .collect();
    format!("one of {}", names.join(", "))
}

impl fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SimdLevel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or_else(|| {
                Error::new("SIMD level", "unknown name")
                    .expected_got(names(|_| true), format_args!("{name:?}"))
            })
    }
}
