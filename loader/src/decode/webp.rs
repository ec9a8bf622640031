//! WebP through `image-webp`: still pictures and the first frame of animations.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::{DecodeOptions, Header, Orientation, Scratch, to_rgb};
use crate::{ErrorKind, ImageError};

pub(super) struct WebPReader<'a> {
    decoder: WebPDecoder<Cursor<&'a [u8]>>,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, WebPReader<'a>), ImageError> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(error)?;
    decoder.set_memory_limit(usize::try_from(options.limits.max_memory).unwrap_or(usize::MAX));
    let (width, height) = decoder.dimensions();
    // RGB output, an RGBA canvas and, in the codec, up to one more frame of RGBA.
    options
        .limits
        .check_size(u64::from(height), u64::from(width), 3 + 4 + 4)?;
    let orientation = if options.exif_transpose {
        let exif = decoder.exif_metadata().map_err(error)?;
        let xmp = decoder.xmp_metadata().map_err(error)?;
        Orientation::find(exif.as_deref(), xmp.as_deref())
    } else {
        Orientation::UPRIGHT
    };
    let header = Header {
        height: height as usize,
        width: width as usize,
        orientation,
    };
    Ok((header, WebPReader { decoder }))
}

impl WebPReader<'_> {
    pub(super) fn read(mut self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        if !self.decoder.has_alpha() {
            return self.decoder.read_image(out).map_err(error);
        }
        let rgba = scratch.staging(out.len() / 3 * 4);
        self.decoder.read_image(rgba).map_err(error)?;
        to_rgb::rgb_of(rgba, 4, out);
        Ok(())
    }
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::truncated("the WebP data end early")
        }
        DecodingError::MemoryLimitExceeded => {
            ImageError::new(ErrorKind::Limit, "WebP: the image does not fit in memory")
        }
        other => ImageError::corrupt(format_args!("WebP: {other}")),
    }
}
