//! Where a centre crop lies.

use crate::named::named_enum;

named_enum! {
    /// Whose rule places a centre crop, inside a larger image and around a smaller one.
    pub enum CropRule("offset") {
        /// `torchvision.transforms.CenterCrop`, timm: excess / 2 rounded half to even; a smaller
        /// image lies deficit / 2 rounded down from the edge.
        Torchvision = "torchvision",
        /// Hugging Face's torchvision backend: excess / 2 rounded down; a smaller image as in torchvision.
        HuggingFace = "huggingface",
        /// Hugging Face's Pillow backend: excess / 2 rounded down; a smaller image lies deficit / 2 rounded up.
        HuggingFacePil = "huggingface_pil",
    }
}

impl CropRule {
    /// The first image row (or column) inside a crop of `crop` pixels from `size` pixels.
    ///
    /// Negative where the image is smaller than the crop; the pixels outside the image are 0.
    pub fn offset(self, size: usize, crop: usize) -> i64 {
        let (size, crop) = (size as i64, crop as i64);
        if crop > size {
            let deficit = crop - size;
            return match self {
                Self::Torchvision | Self::HuggingFace => -(deficit / 2),
                Self::HuggingFacePil => -((deficit + 1) / 2),
            };
        }
        let excess = size - crop;
        match self {
            // Half to even of excess / 2: of the two neighbours of a half, the even one.
            Self::Torchvision if excess % 4 == 3 => excess / 2 + 1,
            Self::Torchvision | Self::HuggingFace | Self::HuggingFacePil => excess / 2,
        }
    }
}
