//! One encoded image to RGB pixels.

mod bmp;
mod fast;
mod foreign;
mod format;
mod gif;
mod ifd;
mod jpeg;
mod limits;
mod memory;
mod orientation;
mod over;
mod png;
mod splice;
#[cfg(feature = "tiff")]
mod tiff;
mod to_rgb;
mod webp;
mod window;
mod workers;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use fast::ScaleRule;
pub use format::Format;
pub use limits::Limits;
pub use orientation::Orientation;
pub use window::Window;
pub use workers::{SHARED_PIXELS, Workers};

#[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
use memory::grown;
#[cfg(feature = "threads")]
pub(crate) use memory::none_left;
use memory::{probe, resize, try_grown};

use crate::{ErrorKind, ImageError};

/// How images are decoded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DecodeOptions {
    /// Turn the image upright as `ImageOps.exif_transpose` does. Default true.
    pub exif_transpose: bool,
    /// Bounds on size and memory.
    pub limits: Limits,
    /// Decode JPEGs smaller than stored where the rule allows it: `decode = fast`. Default `None`: exact pixels.
    pub scale: Option<ScaleRule>,
    /// The colour that transparent pixels lie over, as `PIL.Image.alpha_composite` puts them over an opaque image of it.
    /// Default `None`: alpha is dropped, as `convert("RGB")` does.
    pub background: Option<[u8; 3]>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            exif_transpose: true,
            limits: Limits::default(),
            scale: None,
            background: None,
        }
    }
}

impl DecodeOptions {
    /// Whether to turn images upright by their EXIF orientation.
    #[must_use]
    pub fn exif_transpose(mut self, on: bool) -> Self {
        self.exif_transpose = on;
        self
    }

    /// Other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Scaled JPEG decode by a rule.
    #[must_use]
    pub fn scale(mut self, rule: ScaleRule) -> Self {
        self.scale = Some(rule);
        self
    }

    /// Transparent pixels over a colour, or without their alpha.
    #[must_use]
    pub fn background(mut self, colour: Option<[u8; 3]>) -> Self {
        self.background = colour;
        self
    }
}

/// Pixels of one image: RGB, `height` x `width` x 3, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height * width * 3` bytes.
    pub data: Vec<u8>,
}

/// Memory that decodes of one thread share, so that it is allocated once. It holds no result.
#[derive(Debug, Default)]
pub struct Scratch {
    staging: Vec<u8>,
    stored: Vec<u8>,
    whole: Vec<u8>,
    #[cfg(feature = "tiff")]
    planes: Vec<u8>,
    #[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
    samples: [jpeg::Samples; 2],
    #[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
    rows: [Vec<u8>; 2],
    #[cfg(all(feature = "rust-jpeg", not(feature = "c-jpeg")))]
    sums: Vec<u16>,
}

/// Largest buffer that a [`Scratch`] keeps between images, in bytes.
const KEPT_SCRATCH: usize = 64 << 20;

impl Scratch {
    fn staging(&mut self, bytes: usize) -> Result<&mut [u8], ImageError> {
        try_grown(&mut self.staging, bytes)
    }

    fn trim(&mut self) {
        let buffers = [
            &mut self.staging,
            &mut self.stored,
            &mut self.whole,
            #[cfg(feature = "tiff")]
            &mut self.planes,
        ];
        for buffer in buffers {
            if buffer.capacity() > KEPT_SCRATCH {
                *buffer = Vec::new();
            }
        }
    }
}

/// Size as stored, after scaling and before turning.
struct Header {
    height: usize,
    width: usize,
    orientation: Orientation,
}

/// An image whose header has been read and found within the limits. Reading the pixels is the second step,
/// so that a caller can lay out memory for many images first.
pub struct ImageReader<'a> {
    format: Format,
    header: Header,
    limits: Limits,
    codec: Codec<'a>,
}

enum Codec<'a> {
    Jpeg(Box<jpeg::JpegReader<'a>>),
    Png(Box<png::PngReader<'a>>),
    WebP(Box<webp::WebPReader<'a>>),
    Gif(Box<gif::GifReader<'a>>),
    Bmp(Box<bmp::BmpReader<'a>>),
    #[cfg(feature = "tiff")]
    Tiff(Box<tiff::TiffReader<'a>>),
}

impl<'a> ImageReader<'a> {
    /// Recognises the format by its first bytes and reads the header; no pixels are allocated.
    pub fn open(bytes: &'a [u8], options: &DecodeOptions) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::new(ErrorKind::NotAnImage, "the file is empty"));
        }
        options.limits.check_file(bytes.len() as u64)?;
        let format = Format::sniff(bytes).ok_or_else(|| foreign::refusal(bytes))?;
        let (header, codec) = guarded(format, || open_codec(format, bytes, options))?;
        Ok(Self {
            format,
            header,
            limits: options.limits,
            codec,
        })
    }

    /// The format found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows of the upright (and scaled) image.
    pub fn height(&self) -> usize {
        if self.header.orientation.swaps_axes() {
            self.header.width
        } else {
            self.header.height
        }
    }

    /// Columns of the upright (and scaled) image.
    pub fn width(&self) -> usize {
        if self.header.orientation.swaps_axes() {
            self.header.height
        } else {
            self.header.width
        }
    }

    /// Rows and columns of the upright image before scaling.
    pub fn original_size(&self) -> (usize, usize) {
        let (height, width) = match &self.codec {
            Codec::Jpeg(reader) => reader.stored_size(),
            _ => (self.header.height, self.header.width),
        };
        if self.header.orientation.swaps_axes() {
            (width, height)
        } else {
            (height, width)
        }
    }

    /// Bytes of the decoded pixels: height x width x 3.
    pub fn byte_len(&self) -> usize {
        self.header.height * self.header.width * 3
    }

    /// The orientation that [`read_into`](Self::read_into) will undo.
    pub fn orientation(&self) -> Orientation {
        self.header.orientation
    }

    /// Decodes into `out`, which has [`byte_len`](Self::byte_len) bytes. After an error the contents are arbitrary.
    pub fn read_into(self, out: &mut [u8], scratch: &mut Scratch) -> Result<(), ImageError> {
        self.read_whole(out, scratch, None)
    }

    /// Decodes the rows and columns of `window` into `out`, which has [`Window::byte_len`] bytes: the same
    /// pixels as [`read_into`](Self::read_into) gives there, the same errors, but less work where the format
    /// allows it. A baseline JPEG in gray, 4:4:4, 4:2:2 or 4:2:0 is neither transformed nor converted outside
    /// the window; the others are decoded whole and cut.
    pub fn read_window_into(
        self,
        window: &Window,
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<(), ImageError> {
        self.read_part(window, out, scratch, None)
    }

    /// The same pixels and errors as [`read_window_into`](Self::read_window_into) on several threads, where the file
    /// allows it: a baseline JPEG in gray, 4:4:4, 4:2:2 or 4:2:0 whose restart markers begin rows is decoded in bands. That pays
    /// from about [`SHARED_PIXELS`] on.
    pub fn read_window_shared(
        self,
        window: &Window,
        out: &mut [u8],
        scratch: &mut Scratch,
        workers: &dyn Workers,
    ) -> Result<(), ImageError> {
        self.read_part(window, out, scratch, Some(workers))
    }

    fn read_whole(
        self,
        out: &mut [u8],
        scratch: &mut Scratch,
        workers: Option<&dyn Workers>,
    ) -> Result<(), ImageError> {
        if out.len() != self.byte_len() {
            return Err(
                ImageError::new(ErrorKind::Internal, "the pixel buffer has a wrong length")
                    .map(|e| e.expected_got(self.byte_len(), out.len())),
            );
        }
        let Self {
            format,
            header,
            limits,
            codec,
        } = self;
        let result = guarded(format, || {
            if header.orientation.is_upright() {
                return read_codec(codec, out, &limits, scratch, workers);
            }
            let mut stored = std::mem::take(&mut scratch.stored);
            let result = try_grown(&mut stored, out.len()).and_then(|pixels| {
                read_codec(codec, pixels, &limits, scratch, workers)?;
                header.orientation.apply(pixels, header.height, header.width, out);
                Ok(())
            });
            scratch.stored = stored;
            result
        });
        scratch.trim();
        result
    }

    fn read_part(
        self,
        window: &Window,
        out: &mut [u8],
        scratch: &mut Scratch,
        mut workers: Option<&dyn Workers>,
    ) -> Result<(), ImageError> {
        let (height, width) = (self.height(), self.width());
        window.check(height, width, out.len())?;
        if window.is_whole(height, width) {
            return self.read_whole(out, scratch, workers);
        }
        if let Codec::Jpeg(reader) = &self.codec
            && self.header.orientation.is_upright()
        {
            let shared = workers.take();
            let read = guarded(self.format, || {
                Ok(reader.read_window(window, out, (&self.limits, shared), scratch))
            })?;
            if read {
                return Ok(());
            }
        }
        let mut whole = std::mem::take(&mut scratch.whole);
        let result = try_grown(&mut whole, self.byte_len()).and_then(|pixels| {
            self.read_whole(pixels, scratch, workers)?;
            window.cut(pixels, width, out);
            Ok(())
        });
        scratch.whole = whole;
        scratch.trim();
        result
    }
}

/// Decodes one image in memory, as `ImageOps.exif_transpose(Image.open(f)).convert("RGB")`.
///
/// `buffer` becomes [`Decoded::data`]: pass the one of the previous image to save its allocation, or
/// `Vec::new()`.
pub fn decode(
    bytes: &[u8],
    options: &DecodeOptions,
    scratch: &mut Scratch,
    buffer: Vec<u8>,
) -> Result<Decoded, ImageError> {
    let reader = ImageReader::open(bytes, options)?;
    let (height, width) = (reader.height(), reader.width());
    let mut data = buffer;
    resize(&mut data, reader.byte_len())?;
    reader.read_into(&mut data, scratch)?;
    Ok(Decoded { height, width, data })
}

fn open_codec<'a>(
    format: Format,
    bytes: &'a [u8],
    options: &DecodeOptions,
) -> Result<(Header, Codec<'a>), ImageError> {
    Ok(match format {
        Format::Jpeg => jpeg::open(bytes, options).map(|(h, r)| (h, Codec::Jpeg(Box::new(r))))?,
        Format::Png => png::open(bytes, options).map(|(h, r)| (h, Codec::Png(Box::new(r))))?,
        Format::WebP => webp::open(bytes, options).map(|(h, r)| (h, Codec::WebP(Box::new(r))))?,
        Format::Gif => gif::open(bytes, options).map(|(h, r)| (h, Codec::Gif(Box::new(r))))?,
        Format::Bmp => bmp::open(bytes, options).map(|(h, r)| (h, Codec::Bmp(Box::new(r))))?,
        #[cfg(feature = "tiff")]
        Format::Tiff => tiff::open(bytes, options).map(|(h, r)| (h, Codec::Tiff(Box::new(r))))?,
        #[cfg(not(feature = "tiff"))]
        Format::Tiff => {
            return Err(ImageError::unsupported("TIFF is not read by this build")
                .map(|e| e.fix("convert the file to PNG, or decode it outside of the op")));
        }
    })
}

fn read_codec(
    codec: Codec<'_>,
    out: &mut [u8],
    limits: &Limits,
    scratch: &mut Scratch,
    workers: Option<&dyn Workers>,
) -> Result<(), ImageError> {
    match codec {
        Codec::Jpeg(reader) => reader.read(out, limits, scratch, workers),
        Codec::Png(reader) => reader.read(out, scratch),
        Codec::WebP(reader) => reader.read(out, limits, scratch),
        Codec::Gif(reader) => reader.read(out, scratch),
        Codec::Bmp(reader) => reader.read(out, scratch),
        #[cfg(feature = "tiff")]
        Codec::Tiff(reader) => reader.read(out, scratch),
    }
}

/// A panic inside a decoder becomes an error of this one image.
fn guarded<T>(format: Format, work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(ImageError::new(
            ErrorKind::Internal,
            format_args!("the {format} decoder panicked: {message}"),
        ))
    })
}
