//! `config.pbtxt`: the text form of `ModelConfig` in Triton's `model_config.proto`.

use std::fmt::Write;

use prep_onnx_pipeline::Accept;

use super::write::{LIBRARY, WARMUP_FILE, WARMUP_LENGTHS, WARMUP_SHAPES};
use super::{Entry, Settings, Tensor};

/// Height and width of the image that the server warms up with.
pub(super) const WARMUP: (usize, usize) = (48, 64);

/// The text of the file. `file_bytes` is the length of the encoded image to warm up with.
pub(super) fn text(entry: &Entry, settings: &Settings, file_bytes: usize) -> String {
    let mut out = Text::default();
    out.line(&format!("name: {}", quoted(&settings.name)));
    out.line("backend: \"onnxruntime\"");
    out.line(&format!("max_batch_size: {}", entry.max_batch_size));
    for (kind, tensors) in [("input", &entry.inputs), ("output", &entry.outputs)] {
        for tensor in tensors {
            out.tensor(kind, tensor);
        }
    }
    if entry.max_batch_size > 0 {
        out.open("dynamic_batching");
        out.line(&format!("max_queue_delay_microseconds: {}", settings.delay_us));
        out.close();
    }
    out.open("instance_group");
    out.line(&format!("count: {}", settings.instances));
    out.line("kind: KIND_CPU");
    out.close();
    if settings.library.is_some() {
        out.open("model_operations");
        let place = format!("{}/{}/{LIBRARY}", settings.container, settings.name);
        out.line(&format!("op_library_filename: {}", quoted(&place)));
        out.close();
    }
    out.warmup(entry, file_bytes);
    out.text
}

#[derive(Default)]
struct Text {
    text: String,
    depth: usize,
}

impl Text {
    fn line(&mut self, line: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = 2 * self.depth);
    }

    fn open(&mut self, field: &str) {
        self.line(&format!("{field} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn tensor(&mut self, kind: &str, tensor: &Tensor) {
        self.open(kind);
        self.line(&format!("name: {}", quoted(&tensor.name)));
        self.line(&format!("data_type: {}", tensor.data_type));
        self.line(&format!("dims: {:?}", tensor.dims));
        if tensor.drops_axis {
            self.line("reshape { shape: [] }");
        }
        if tensor.ragged {
            self.line("allow_ragged_batch: true");
        }
        self.close();
    }

    /// One image, where the model takes nothing but images: other inputs have values that only their owner knows.
    fn warmup(&mut self, entry: &Entry, file_bytes: usize) {
        if entry.inputs.len() != entry.accept.form().inputs.len() {
            return;
        }
        let axis: &[usize] = if entry.max_batch_size > 0 { &[] } else { &[1] };
        let with_images = |dims: &[usize]| [axis, dims].concat();
        self.open("model_warmup");
        self.line("name: \"one image\"");
        if entry.max_batch_size > 0 {
            self.line("batch_size: 1");
        }
        for (index, tensor) in entry.inputs.iter().enumerate() {
            let (dims, data) = match (entry.accept, index) {
                (Accept::Batch, _) => {
                    // What is fixed is meant: of another number, the server refuses the model.
                    let own = if axis.is_empty() {
                        &tensor.dims[..]
                    } else {
                        tensor.dims.get(1..).unwrap_or_default()
                    };
                    let dims: Vec<usize> = own
                        .iter()
                        .zip(entry.image)
                        .map(|(given, usual)| usize::try_from(*given).unwrap_or(usual))
                        .collect();
                    let count = tensor.dims.first().and_then(|count| usize::try_from(*count).ok());
                    let dims = match axis {
                        [] => dims,
                        _ => [&[count.unwrap_or(1)], &dims[..]].concat(),
                    };
                    (dims, "zero_data: true".to_owned())
                }
                (Accept::Ragged, 0) => (vec![entry.image.iter().product()], "zero_data: true".to_owned()),
                (Accept::Ragged, _) => (with_images(&[3]), file(WARMUP_SHAPES)),
                (Accept::Encoded, 0) => (vec![file_bytes], file(WARMUP_FILE)),
                (Accept::Encoded, _) => (vec![1], file(WARMUP_LENGTHS)),
            };
            self.open("inputs");
            self.line(&format!("key: {}", quoted(&tensor.name)));
            self.open("value");
            self.line(&format!("data_type: {}", tensor.data_type));
            self.line(&format!("dims: {dims:?}"));
            self.line(&data);
            self.close();
            self.close();
        }
        self.close();
    }
}

fn file(name: &str) -> String {
    format!("input_data_file: {}", quoted(name))
}

/// A string of the text form.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "\\{other:03o}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strings_of_the_text_form() {
        assert_eq!(quoted("image"), "\"image\"");
        assert_eq!(quoted("a\"b\\c\n\u{e9}"), "\"a\\\"b\\\\c\\012\\303\\251\"");
    }
}
