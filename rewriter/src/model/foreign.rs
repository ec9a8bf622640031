//! Files that are given as models and are something else.

use prep_onnx_pipeline::Error;

/// How many bytes of a file tell what it is.
pub(super) const HEAD: usize = 1024;

/// What a file is, and what to do about it.
struct Kind {
    name: &'static str,
    fix: &'static str,
    is: fn(&[u8]) -> bool,
}

const IMAGE: &str = "give the model first and the images after it";
const UNPACK: &str = "unpack it and give the .onnx file in it";
const EXPORT: &str = "export it to ONNX first (torch.onnx.export), and give the .onnx file";
const DOWNLOAD: &str =
    "download the file itself: this is what the server said instead, for example that it asks for a login";
const PICKLE: [&[u8]; 4] = [b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"];

/// Every kind that is told apart, the more telling ones first.
const KINDS: &[Kind] = &[
    kind(
        "a Git LFS pointer",
        "fetch the file that it stands for: git lfs pull",
        |head| head.starts_with(LFS),
    ),
    kind("a JPEG image", IMAGE, |head| head.starts_with(b"\xff\xd8\xff")),
    kind("a PNG image", IMAGE, |head| head.starts_with(b"\x89PNG\r\n")),
    kind("a GIF image", IMAGE, |head| {
        head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
    }),
    kind("a WebP image", IMAGE, |head| {
        head.starts_with(b"RIFF") && has(head, 8, b"WEBP")
    }),
    kind("a TIFF image", IMAGE, |head| {
        [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]
            .iter()
            .any(|magic| head.starts_with(*magic))
    }),
    kind("a BMP image", IMAGE, |head| {
        head.starts_with(b"BM") && has(head, 6, &[0; 4])
    }),
    kind("a JPEG XL image", IMAGE, |head| {
        head.starts_with(b"\xff\x0a") || has(head, 4, b"JXL ")
    }),
    kind("a JPEG 2000 image", IMAGE, |head| {
        has(head, 4, b"jP  ") || head.starts_with(b"\xff\x4f\xff\x51")
    }),
    kind("a HEIC or AVIF image, or a video", IMAGE, |head| {
        has(head, 4, b"ftyp")
    }),
    kind(
        "a model in ONNX Runtime's own format (.ort)",
        "embed into the .onnx file that it was made from, and convert the result: \
         python -m onnxruntime.tools.convert_onnx_models_to_ort",
        |head| has(head, 4, b"ORTM"),
    ),
    kind(
        "a TensorFlow Lite model",
        "convert it to ONNX first (tf2onnx --tflite), and give the .onnx file",
        |head| has(head, 4, b"TFL3"),
    ),
    kind("a PyTorch file (a zip archive of pickles)", EXPORT, |head| {
        head.starts_with(ZIP) && holds(head, b"data.pkl")
    }),
    kind(
        "an archive of numpy arrays (.npz)",
        "give the .onnx file",
        |head| head.starts_with(ZIP) && holds(head, b".npy"),
    ),
    kind("a zip archive", UNPACK, |head| {
        head.starts_with(ZIP) || head.starts_with(b"PK\x05\x06")
    }),
    kind("compressed with gzip", "unpack it first: gunzip", |head| {
        head.starts_with(b"\x1f\x8b")
    }),
    kind("compressed with zstd", "unpack it first: unzstd", |head| {
        head.starts_with(b"\x28\xb5\x2f\xfd")
    }),
    kind("compressed with xz", "unpack it first: unxz", |head| {
        head.starts_with(b"\xfd7zXZ\0")
    }),
    kind("compressed with bzip2", "unpack it first: bunzip2", |head| {
        head.starts_with(b"BZh") && has(head, 4, b"1AY&SY")
    }),
    kind("a 7-Zip archive", UNPACK, |head| {
        head.starts_with(b"7z\xbc\xaf\x27\x1c")
    }),
    kind("a tar archive", UNPACK, |head| has(head, 257, b"ustar")),
    kind(
        "a safetensors file, which holds weights without a graph",
        EXPORT,
        |head| {
            let length = head.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            length.is_some_and(|length| (2..1 << 32).contains(&length)) && has(head, 8, b"{\"")
        },
    ),
    kind(
        "a GGUF file, which holds weights without a graph",
        EXPORT,
        |head| head.starts_with(b"GGUF"),
    ),
    kind("a Python pickle, as torch.save writes it", EXPORT, |head| {
        PICKLE.iter().any(|magic| head.starts_with(magic))
    }),
    kind(
        "an HDF5 file, as Keras writes it",
        "convert it to ONNX first (tf2onnx), and give the .onnx file",
        |head| head.starts_with(b"\x89HDF\r\n"),
    ),
    kind("a numpy array (.npy)", "give the .onnx file", |head| {
        head.starts_with(b"\x93NUMPY")
    }),
    kind("a PDF document", "give the .onnx file", |head| {
        head.starts_with(b"%PDF")
    }),
    kind("a program or shared library", "give the .onnx file", |head| {
        head.starts_with(b"\x7fELF") || (head.starts_with(b"MZ") && head.len() > 64 && holds(head, b"PE\0\0"))
    }),
    kind("an HTML page", DOWNLOAD, |head| {
        let text = opening(head);
        text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head")
    }),
    kind(
        "an XML file",
        "an OpenVINO .xml describes a model in its own format: give the .onnx file that it was made from; \
         an error message of a server says so in its text",
        |head| {
            let text = opening(head);
            text.starts_with("<?xml") || text.starts_with("<error") || text.starts_with("<net ")
        },
    ),
    kind(
        "a JSON file",
        "give the model; a config is named with --pipeline",
        |head| {
            let text = opening(head);
            (text.starts_with('{') || text.starts_with('[')) && is_text(head)
        },
    ),
    kind("a text file", "give the .onnx file", |head| {
        head.len() > 1 && is_text(head)
    }),
];

const ZIP: &[u8] = b"PK\x03\x04";
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

const fn kind(name: &'static str, fix: &'static str, is: fn(&[u8]) -> bool) -> Kind {
    Kind { name, fix, is }
}

/// Whether `bytes` lie at position `at`.
fn has(head: &[u8], at: usize, bytes: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
}

fn holds(head: &[u8], bytes: &[u8]) -> bool {
    head.windows(bytes.len()).any(|window| window == bytes)
}

/// The first characters after a byte order mark and white space, in lower case.
fn opening(head: &[u8]) -> String {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = String::from_utf8_lossy(head.get(..64).unwrap_or(head)).to_ascii_lowercase();
    text.trim_start().to_owned()
}

/// Whether it is UTF-8 without control characters, but for a character that is cut off, or UTF-16 with its mark.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return true;
    }
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty()
        && whole
            .chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c'))
}

/// Whether a file that begins with `head` is a pointer of Git LFS in the place of the file.
pub(super) fn is_lfs_pointer(head: &[u8]) -> bool {
    head.starts_with(LFS)
}

/// The error for a file that begins with `head` and is no ONNX model; none where it is nothing known.
pub(super) fn error(head: &[u8]) -> Option<Error> {
    let kind = KINDS.iter().find(|kind| (kind.is)(head))?;
    Some(
        Error::new("", "is no ONNX model")
            .expected_got("a protobuf ModelProto", kind.name)
            .fix(kind.fix),
    )
}
