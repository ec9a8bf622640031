//! What an op for encoded images does with an image that cannot be read.

use crate::named::named_enum;

/// The string attribute of the op for encoded images that holds [`OnBadImage::name`]; `fail` where it is absent.
pub const ON_BAD_IMAGE_ATTRIBUTE: &str = "on_bad_image";

/// The usual name of the output that holds [`ImageStatus::code`] for each image.
pub const STATUS_OUTPUT: &str = "status";

named_enum! {
    /// What becomes of a batch with an image that cannot be read.
    pub enum OnBadImage("on_bad_image") {
        /// The run fails with the index and the reason of the first such image.
        Fail = "fail",
        /// The elements of that image are 0 and its status says why; the others are as ever.
        Zero = "zero",
    }
}

named_enum! {
    /// Whether an image was read, and why not.
    pub enum ImageStatus("status") {
        /// It was read.
        Good = "good",
        /// The first bytes are those of no format that is read, or there are none.
        NotAnImage = "not_an_image",
        /// The format is known, this variant of it is not read.
        Unsupported = "unsupported",
        /// The data end before the last pixel.
        Truncated = "truncated",
        /// The data contradict themselves.
        Corrupt = "corrupt",
        /// The image is larger than the limits.
        Limit = "limit",
        /// A decoder failed in a way that it should not.
        Internal = "internal",
        /// The pipeline makes nothing of an image of this size.
        Size = "size",
    }
}

impl ImageStatus {
    /// The number in the status output: 0 is good, the others are 1 to 7 in the order above. They never change.
    pub const fn code(self) -> i64 {
        match self {
            Self::Good => 0,
            Self::NotAnImage => 1,
            Self::Unsupported => 2,
            Self::Truncated => 3,
            Self::Corrupt => 4,
            Self::Limit => 5,
            Self::Internal => 6,
            Self::Size => 7,
        }
    }

    /// The status of a number; `None` for a number of a newer version.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_unique() {
        let codes: Vec<_> = ImageStatus::ALL.iter().map(|status| status.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
        for status in ImageStatus::ALL {
            assert_eq!(ImageStatus::from_code(status.code()), Some(*status));
        }
        assert_eq!(ImageStatus::from_code(8), None);
        assert_eq!(ImageStatus::Good.code(), 0);
    }
}
