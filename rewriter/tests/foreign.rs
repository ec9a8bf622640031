//! Files that people give as models and that are something else: recognised, named, with what to do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::on_disk;
use prep_onnx_rewriter::Model;

/// (the first bytes, what the file is, a word of what to do)
const FILES: &[(&[u8], &str, &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102\n",
        "a Git LFS pointer",
        "git lfs pull",
    ),
    (
        b"\x1c\0\0\0ORTM\0\0\0\0",
        "a model in ONNX Runtime's own format (.ort)",
        "convert",
    ),
    (b"\x1c\0\0\0TFL3\0\0\0\0", "a TensorFlow Lite model", "tf2onnx"),
    (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compressed with gzip", "gunzip"),
    (b"\x28\xb5\x2f\xfd\x04\0", "compressed with zstd", "unzstd"),
    (b"\xfd7zXZ\0\0\x04", "compressed with xz", "unxz"),
    (b"BZh91AY&SY", "compressed with bzip2", "bunzip2"),
    (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7-Zip archive", "unpack"),
    (b"PK\x03\x04\x14\0\0\0\x08\0model.onnx", "a zip archive", "unpack"),
    (
        b"PK\x03\x04\0\0\x08\x08\0\0archive/data.pkl\x80\x02ctorch",
        "a PyTorch file (a zip archive of pickles)",
        "torch.onnx.export",
    ),
    (
        b"PK\x03\x04\x14\0\0\0\0\0arr_0.npy\x93NUMPY",
        "an archive of numpy arrays (.npz)",
        ".onnx",
    ),
    (b"<!DOCTYPE html>\n<html>", "an HTML page", "download"),
    (b"\n  <html lang=\"en\"><head>", "an HTML page", "download"),
    (
        b"<?xml version=\"1.0\"?>\n<net name=\"m\">",
        "an XML file",
        "OpenVINO",
    ),
    (b"{\"error\": \"not found\"}", "a JSON file", "--pipeline"),
    (b"\xef\xbb\xbf[1, 2]", "a JSON file", "--pipeline"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG image", "the model first"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image", "the model first"),
    (b"GIF89a\x01\0\x01\0", "a GIF image", "the model first"),
    (b"RIFF\x1a\0\0\0WEBPVP8L", "a WebP image", "the model first"),
    (b"II*\0\x08\0\0\0\0\0\0\0", "a TIFF image", "the model first"),
    (b"MM\0*\0\0\0\x08", "a TIFF image", "the model first"),
    (
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        "a BMP image",
        "the model first",
    ),
    (
        b"\0\0\0\x20ftypheic\0\0\0\0",
        "a HEIC or AVIF image, or a video",
        "the model first",
    ),
    (
        b"\x20\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}",
        "a safetensors file, which holds weights without a graph",
        "torch.onnx.export",
    ),
    (
        b"GGUF\x03\0\0\0",
        "a GGUF file, which holds weights without a graph",
        "torch.onnx.export",
    ),
    (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "a Python pickle, as torch.save writes it",
        "torch.onnx.export",
    ),
    (
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0",
        "a Python pickle, as torch.save writes it",
        "torch.onnx.export",
    ),
    (
        b"\x89HDF\r\n\x1a\n\0",
        "an HDF5 file, as Keras writes it",
        "tf2onnx",
    ),
    (b"\x93NUMPY\x01\0v\0{'descr'", "a numpy array (.npy)", ".onnx"),
    (b"%PDF-1.7\n", "a PDF document", ".onnx"),
    (b"\x7fELF\x02\x01\x01\0", "a program or shared library", ".onnx"),
    (b"backend: onnx\nname: net\n", "a text file", ".onnx"),
    ("modèle\n".as_bytes(), "a text file", ".onnx"),
];

#[test]
fn every_kind_is_named_with_what_to_do() {
    for (bytes, kind, advice) in FILES {
        // As it is, and with enough behind it that nothing is recognised by being short.
        for padding in [0, 4000] {
            let mut whole = bytes.to_vec();
            let is_text = str::from_utf8(bytes).is_ok_and(|text| !text.contains(|c| c < '\t'));
            let filler = if is_text { b' ' } else { 0 };
            whole.resize(whole.len() + padding, filler);
            let file = on_disk(&whole);
            let error = Model::open(&file.path).unwrap_err();
            let said = error.to_string();
            let end = format!("model.onnx: is no ONNX model: expected a protobuf ModelProto, got {kind}");
            assert!(said.ends_with(&end), "{said}\n{end}");
            assert!(error.help().unwrap().contains(advice), "{error:?}");
        }
    }
}

#[test]
fn a_tar_archive() {
    let mut bytes = vec![0; 512];
    bytes[..10].copy_from_slice(b"model.onnx");
    bytes[257..262].copy_from_slice(b"ustar");
    let file = on_disk(&bytes);
    let error = Model::open(&file.path).unwrap_err();
    assert!(error.to_string().ends_with("got a tar archive"), "{error}");
}

/// Bytes that begin like another kind do not matter in a model.
#[test]
fn what_reads_as_a_model_is_one() {
    use common::raw;
    // An operator set import of 77 bytes first: "BM".
    let import = raw::encode(&[raw::bytes(1, vec![b'd'; 73]), raw::integer(2, 1)], 0);
    assert_eq!(import.len(), 77);
    let model = raw::encode(&[raw::bytes(8, import), raw::integer(1, 8), raw::bytes(7, "")], 0);
    assert!(model.starts_with(b"BM"));
    let file = on_disk(&model);
    assert_eq!(Model::open(&file.path).unwrap().ir_version(), Some(8));
}
