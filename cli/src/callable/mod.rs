//! A Python callable, asked about images in a process of its own.

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use half::f16;
use ndarray::ArrayView3;
use prep_onnx_pipeline::{Elements, Error, ErrorKind, Result, Tensor};

/// What runs in the process.
const ASK: &str = include_str!("ask.py");
/// The largest tensor that is read, in bytes.
const MOST: usize = 1 << 30;

/// How a callable is given an image; "auto" tries them in turn.
pub(crate) const WAYS: [&str; 8] = [
    "auto",
    "pillow",
    "array",
    "array-bgr",
    "albumentations",
    "processor",
    "tensor",
    "buffer",
];

/// A callable of Python.
pub(crate) struct Callable {
    child: Child,
    // Closed before the process is waited for: that ends it.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    name: String,
    /// How it was called, once that is known.
    pub(crate) way: Option<String>,
    /// Whether it gave float64, which is rounded to float32.
    pub(crate) was_double: bool,
}

impl Callable {
    /// Starts `python` and finds `name` = MODULE:CALLABLE in it.
    ///
    /// # Errors
    /// Where Python cannot be started, or has no such callable.
    pub(crate) fn start(python: &Path, name: &str, way: &str) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", ASK, name, way])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Error::io(python.display(), "cannot be started", &error).fix("name a Python 3 with --python")
            })?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| Error::new(name, "has no output"))?;
        let mut callable = Self {
            child,
            input,
            output: BufReader::new(output),
            name: name.to_owned(),
            way: None,
            was_double: false,
        };
        callable.status().map_err(|error| {
            error
                .fix("name a module and what is in it, as in preprocess:transform, or a file, as in preprocess.py:transform; --python names the Python that has its packages")
                .with_kind(ErrorKind::Usage)
        })?;
        Ok(callable)
    }

    /// The tensor that it makes of an RGB image.
    ///
    /// # Errors
    /// What the callable raised, or that its process ended.
    pub(crate) fn call(&mut self, image: ArrayView3<'_, u8>) -> Result<Tensor> {
        let (height, width, _) = image.dim();
        let mut question = Vec::with_capacity(8 + image.len());
        for edge in [height, width] {
            question.extend(u32::try_from(edge).unwrap_or(u32::MAX).to_le_bytes());
        }
        question.extend(image.iter());
        let sent = match &mut self.input {
            Some(input) => input.write_all(&question).and_then(|()| input.flush()),
            None => Ok(()),
        };
        // Of a process that is gone, its status says more.
        if sent.is_err() {
            return Err(self.gone());
        }
        self.status()?;
        let [kind, length] = self.bytes()?;
        let way = self.text(usize::from(length))?;
        self.way = Some(way);
        let [rank] = self.bytes()?;
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(usize::try_from(u64::from_le_bytes(self.bytes()?)).unwrap_or(usize::MAX));
        }
        let size = [4, 2, 1, 8]
            .get(usize::from(kind))
            .copied()
            .ok_or_else(|| self.gone())?;
        let count = shape
            .iter()
            .try_fold(1_usize, |count, extent| count.checked_mul(*extent))
            .filter(|count| *count <= MOST / size)
            .ok_or_else(|| {
                Error::new(&self.name, "gives a tensor that is too large")
                    .expected_got(format_args!("at most {MOST} bytes"), format_args!("{shape:?}"))
                    .with_kind(ErrorKind::Limit)
            })?;
        let mut data = vec![0; count * size];
        self.output.read_exact(&mut data).map_err(|_| self.gone())?;
        let elements = match kind {
            0 => Elements::Float32(chunks(&data).map(f32::from_le_bytes).collect()),
            1 => Elements::Float16(chunks(&data).map(f16::from_le_bytes).collect()),
            2 => Elements::Uint8(data),
            _ => {
                self.was_double = true;
                Elements::Float32(
                    chunks(&data)
                        .map(|bytes| f64::from_le_bytes(bytes) as f32)
                        .collect(),
                )
            }
        };
        Ok(Tensor { shape, elements })
    }

    /// What the callable raised, where it did.
    fn status(&mut self) -> Result<()> {
        let [status] = self.bytes()?;
        if status == 0 {
            return Ok(());
        }
        let length = u32::from_le_bytes(self.bytes()?);
        let text = self.text(length.min(1 << 16) as usize)?;
        Err(Error::new(&self.name, text))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.output.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(_) => Err(self.gone()),
        }
    }

    fn text(&mut self, length: usize) -> Result<String> {
        let mut bytes = vec![0; length];
        match self.output.read_exact(&mut bytes) {
            Ok(()) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => Err(self.gone()),
        }
    }

    fn gone(&mut self) -> Error {
        self.input = None;
        let status = self
            .child
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        Error::new(&self.name, format_args!("its Python ended: {status}"))
            .fix("see what it said on standard error")
            .with_kind(ErrorKind::Other)
    }
}

impl Drop for Callable {
    fn drop(&mut self) {
        self.input = None;
        // A callable that does not end by itself is ended; whether it was there is of no use any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn chunks<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    data.chunks_exact(N).map(|chunk| {
        let mut bytes = [0; N];
        bytes.copy_from_slice(chunk);
        bytes
    })
}
