//! What an output of the new file is.

use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal,)+) => {
        /// What an output that comes after the model is; the output is called like it, or like it where that name is taken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Role {
            $($(#[$doc])* $role,)+
        }

        impl Role {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$role),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$role => $name,)+ }
            }
        }
    };
}

roles! {
    /// float32 [M, 4]: x1 y1 x2 y2 in pixels of the source image.
    Boxes = "boxes",
    /// float32 `[M]` of detections, [N, K] of the highest classes.
    Scores = "scores",
    /// int64 `[M]` of detections, `[N]` of images.
    Labels = "labels",
    /// int64 `[M]`: which image of the batch a detection is of.
    Image = "image",
    /// float32 [M, 5]: centre, width and height in pixels of the source image, and the angle in radians.
    Rotated = "rotated",
    /// float32 [M, points, 2 or 3]: x and y in pixels of the source image, and how sure the model is.
    Keypoints = "keypoints",
    /// uint8 [M, rows, columns]: 1 where the object is, in the size of the source image, or of the largest of the batch.
    Masks = "masks",
    /// float32: between 0 and 1.
    Probabilities = "probabilities",
    /// float32 [N, D]: of length 1.
    Embeddings = "embeddings",
    /// int64 [N, K]: the classes with the highest scores.
    Indices = "indices",
    /// int64 [N, rows, columns]: the class of each place.
    Classes = "classes",
    /// uint8: 1 where the value is above the threshold.
    Above = "above",
    /// float32 [N, channels, rows, columns] or [N, rows, columns] in the size of the source image.
    Resized = "resized",
}

impl std::str::FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|role| role.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|role| role.name()).collect();
            Error::new("role", "is none of an output").expected_got(names.join(", "), text)
        })
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
