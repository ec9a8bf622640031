//! The steps of a pipeline. One file is one step; the list below is the only one.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

mod arithmetic;
mod blocks;
mod center_crop;
mod channel_order;
mod crop;
mod fold;
mod grayscale;
mod keys;
mod letterbox;
mod normalize;
mod overview;
mod pad;
mod pixels;
mod rescale;
mod rescale_normalize;
mod resize;
mod rotate_to;

pub use arithmetic::{Arithmetic, Term};
pub use blocks::Blocks;
pub use center_crop::CenterCrop;
pub use channel_order::{ChannelOrder, Order};
pub use crop::Crop;
pub use grayscale::Grayscale;
pub use keys::KeyInfo;
pub use letterbox::Letterbox;
pub use normalize::Normalize;
pub use overview::{Overview, OverviewOf};
pub use pad::{Pad, PadAnchor};
pub use pixels::{Context, Pixels};
pub use rescale::Rescale;
pub use rescale_normalize::RescaleNormalize;
pub use resize::Resize;
pub use rotate_to::RotateTo;

pub(crate) use fold::PlanBuilder;
pub(crate) use pixels::to_float;
use pixels::{apply_operations, only_uint8};

/// What one step is.
pub(crate) trait StepKind: Serialize + DeserializeOwned {
    /// The name in a pipeline file: `step = "…"`.
    const NAME: &'static str;
    /// One line for lists: what it does and the library call it equals.
    const SUMMARY: &'static str;
    /// What it does to a pixel, a size or a place.
    const FORMULA: &'static str;
    /// The step in a pipeline file.
    const EXAMPLE: &'static str;
    /// What a reader needs beyond the summary.
    const DESCRIPTION: &'static str;
    /// Every parameter.
    const KEYS: &'static [KeyInfo];

    /// Checks the parameters; errors name the key.
    fn check(&self) -> Result<()>;

    /// Adds the step to the fused plan, or refuses with the reason why it cannot be part of one.
    fn fold(&self, plan: &mut PlanBuilder) -> Result<()>;

    /// The scalar reference.
    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels>;
}

/// A line of the list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInfo {
    /// The name in a pipeline file.
    pub name: &'static str,
    /// What it does and the library call it equals.
    pub summary: &'static str,
    /// The step in a pipeline file.
    pub example: &'static str,
    /// What a reader needs beyond the summary.
    pub description: &'static str,
    /// Every parameter.
    pub keys: &'static [KeyInfo],
}

impl Step {
    /// The line of the list for the step of this name.
    ///
    /// # Errors
    /// On an unknown name, with those that it may be a slip of.
    ///
    /// ```
    /// use prep_onnx_pipeline::steps::Step;
    ///
    /// assert_eq!(Step::info("pad")?.keys[0].name, "to");
    /// assert_eq!(Step::info("leterbox").unwrap_err().help(), Some("did you mean letterbox?"));
    /// # Ok::<(), prep_onnx_pipeline::Error>(())
    /// ```
    pub fn info(name: &str) -> Result<&'static StepInfo> {
        Self::ALL
            .iter()
            .find(|step| step.name == name)
            .ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> Error {
    let names = || Step::ALL.iter().map(|step| step.name);
    let error = Error::new("step", "unknown step").expected_got(
        format_args!("one of {}", names().collect::<Vec<_>>().join(", ")),
        format_args!("{name:?}"),
    );
    let near = crate::nearest::nearest(&name.replace('-', "_"), names());
    if near.is_empty() {
        return error;
    }
    error.fix(format_args!("did you mean {}?", near.join(", ")))
}

macro_rules! steps {
    ($($step:ident),+ $(,)?) => {
        /// A step of a pipeline.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "each variant is documented at its type")]
        pub enum Step {
            $($step($step),)+
        }

        impl Step {
            /// Every step that a pipeline can have.
            pub const ALL: &'static [StepInfo] = &[$(StepInfo {
                name: <$step as StepKind>::NAME,
                summary: <$step as StepKind>::SUMMARY,
                example: <$step as StepKind>::EXAMPLE,
                description: <$step as StepKind>::DESCRIPTION,
                keys: <$step as StepKind>::KEYS,
            }),+];

            /// What each of [`Step::ALL`] does to a pixel, a size or a place.
            pub const FORMULAS: &'static [&'static str] = &[$(<$step as StepKind>::FORMULA),+];

            /// The name in a pipeline file.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$step(_) => <$step as StepKind>::NAME,)+ }
            }

            /// Checks the parameters.
            ///
            /// # Errors
            /// Names the key.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$step(step) => step.check(),)+ }
            }

            /// The scalar reference.
            ///
            /// # Errors
            /// When the image has no pixels or would be resized to none.
            pub fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
                match self { $(Self::$step(step) => step.apply(pixels, at),)+ }
            }

            pub(crate) fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
                match self { $(Self::$step(step) => step.fold(plan),)+ }
            }

            pub(crate) fn parse(name: &str, keys: serde_json::Value) -> Result<Self> {
                $(if name == <$step as StepKind>::NAME {
                    return crate::schema::typed(keys).map(Self::$step);
                })+
                Err(unknown(name))
            }
        }
    };
}

steps!(
    Resize,
    CenterCrop,
    Crop,
    Pad,
    Letterbox,
    RotateTo,
    Grayscale,
    ChannelOrder,
    Rescale,
    Normalize,
    RescaleNormalize,
    Overview,
    Arithmetic,
    Blocks
);
