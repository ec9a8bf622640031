//! What the load test and the tests of the service share: images, a model, and a client.
#![allow(dead_code, reason = "each user takes a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2};
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx::runtime::Loaded;
use prep_onnx_pipeline::{Accept, Error, Result, imagenet_at};
use prep_onnx_rewriter::{EmbedOptions, Model, embed};
use serde_json::Value;

/// Embeds the ImageNet pipeline into the shipped classifier, for images of mixed sizes.
pub(crate) fn model(folder: &Path) -> Result<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/shapes-cnn.onnx");
    let options = EmbedOptions {
        accept: Accept::Ragged,
        ..EmbedOptions::default()
    };
    let path = folder.join("shapes-cnn.prep.onnx");
    embed(&Model::open(&shipped)?, &imagenet_at(224, 224)?, &options)?
        .edit
        .write(&path)?;
    Ok(path)
}

/// An image file and what the model makes of it.
pub(crate) struct Picture {
    pub(crate) file: Vec<u8>,
    pub(crate) size: (usize, usize),
    pub(crate) output: Vec<f32>,
}

/// Different images of different sizes, and what the model makes of each, run alone.
pub(crate) fn pictures(loaded: &Loaded, model: &Path, count: usize) -> Result<Vec<Picture>> {
    let options = SessionOptions {
        threads: 1,
        fused: true,
        ..SessionOptions::default()
    };
    let mut session = Session::open(loaded, model, options)?;
    (0..count).map(|index| picture(&mut session, index)).collect()
}

fn picture(session: &mut Session, index: usize) -> Result<Picture> {
    let (height, width) = (180 + 23 * (index % 13), 200 + 31 * (index % 11));
    let pixels = pixels(index, height, width);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .map_err(|error| Error::new("PNG", error))?;
    let pixels = Array1::from(pixels);
    let shape = vec![height as i64, width as i64, 3];
    let shapes = Array2::from_shape_vec((1, 3), shape).map_err(|error| Error::new("shapes", error))?;
    let feeds = [
        ("pixels", Feed::Pixels(pixels.view())),
        ("shapes", Feed::Shapes(shapes.view())),
    ];
    match session.run(&feeds, &[0])?.pop() {
        Some(Array::Float32(output)) => Ok(Picture {
            file,
            size: (height, width),
            output: output.iter().copied().collect(),
        }),
        _ => Err(Error::new("model", "gave no float32 output")),
    }
}

/// A disc on stripes, in colours, places and a width that `index` decides.
fn pixels(index: usize, height: usize, width: usize) -> Vec<u8> {
    let mix = |salt: usize| (index.wrapping_mul(2_654_435_761).wrapping_add(salt * 40_503) >> 7) % 256;
    let (x0, y0, radius) = (
        width * (64 + mix(1) / 2) / 256,
        height * (64 + mix(2) / 2) / 256,
        20 + mix(3) / 4,
    );
    let stripe = 3 + mix(4) % 29;
    let mut pixels = Vec::with_capacity(height * width * 3);
    for y in 0..height {
        for x in 0..width {
            let inside = x.abs_diff(x0).pow(2) + y.abs_diff(y0).pow(2) < radius * radius;
            let dark = ((x + y) / stripe) % 2;
            for channel in 0..3 {
                let value = if inside {
                    mix(5 + channel)
                } else {
                    mix(8 + channel) / (1 + dark)
                };
                pixels.push(value as u8);
            }
        }
    }
    pixels
}

/// An answer of the service.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A connection that is kept open.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        self.call("GET", path, "text/plain", b"")
    }

    pub(crate) fn post(&mut self, kind: &str, body: &[u8]) -> std::io::Result<Answer> {
        self.call("POST", "/predict", kind, body)
    }

    /// A form with one file per field.
    pub(crate) fn post_form(&mut self, files: &[(&str, &[u8])]) -> std::io::Result<Answer> {
        const BOUNDARY: &str = "a-line-that-no-file-has";
        let mut body = Vec::new();
        for (name, file) in files {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(file);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.post(&format!("multipart/form-data; boundary={BOUNDARY}"), &body)
    }

    fn call(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> std::io::Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        self.answer()
    }

    /// Asks whether a body of this length may come, and sends none.
    pub(crate) fn ask(&mut self, length: u64) -> std::io::Result<Answer> {
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<Answer> {
        let broken = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken("no status"))?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        answer.body = vec![0; length.ok_or_else(|| broken("no length"))?];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}

/// Whether an entry of an answer is what the model makes of the picture, bit for bit.
pub(crate) fn is_of(entry: &Value, picture: &Picture) -> bool {
    let output: Option<Vec<u32>> = entry["output"].as_array().map(|values| {
        let values = values.iter().filter_map(Value::as_f64);
        values.map(|value| (value as f32).to_bits()).collect()
    });
    let expected: Vec<u32> = picture.output.iter().map(|value| value.to_bits()).collect();
    output.as_ref() == Some(&expected)
        && entry["height"] == picture.size.0
        && entry["width"] == picture.size.1
}

/// The `index`-th of the images that cannot be read, with the status and the kind of its error.
pub(crate) fn bad(pictures: &[Picture], index: usize) -> (Vec<u8>, u16, &'static str) {
    let file = &pictures[index % pictures.len()].file;
    match index % 3 {
        0 => (file[..file.len() / 2].to_vec(), 422, "truncated"),
        1 => (b"this is no image".to_vec(), 415, "not_an_image"),
        _ => (Vec::new(), 415, "not_an_image"),
    }
}

/// What many clients saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Right answers, bad images included.
    pub(crate) right: usize,
    /// Among them those of bad images.
    pub(crate) bad: usize,
    /// Answered 503.
    pub(crate) refused: usize,
    /// Other answers than the request's own.
    pub(crate) wrong: Vec<String>,
    /// Requests without an answer, since the connection was closed.
    pub(crate) closed: usize,
    /// Of each right answer.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
}

impl Seen {
    /// The latency that a share of the answers stays below.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let place = (share * sorted.len() as f64) as usize;
        sorted
            .get(place.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.right as f64 / self.took.as_secs_f64()
    }

    /// Answers of any kind.
    pub(crate) fn answered(&self) -> usize {
        self.right + self.refused + self.wrong.len()
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.bad += other.bad;
        self.refused += other.refused;
        self.closed += other.closed;
        self.wrong.extend(other.wrong);
        self.latencies.extend(other.latencies);
    }
}

/// Posts one image at a time over each of `connections` until `go_on` says no; one in ten is bad.
///
/// `go_on` is told how many requests were begun before.
pub(crate) fn load(
    address: SocketAddr,
    connections: usize,
    pictures: &[Picture],
    go_on: &(dyn Fn(usize) -> bool + Sync),
) -> Seen {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let mut all = Seen::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| client(address, pictures, &next, go_on)))
            .collect();
        for client in clients {
            match client.join() {
                Ok(seen) => all.add(seen),
                Err(_) => all.wrong.push("a client panicked".to_owned()),
            }
        }
    });
    all.took = started.elapsed();
    all
}

fn client(
    address: SocketAddr,
    pictures: &[Picture],
    next: &AtomicUsize,
    go_on: &(dyn Fn(usize) -> bool + Sync),
) -> Seen {
    let mut seen = Seen::default();
    let mut connection = match Client::connect(address) {
        Ok(connection) => connection,
        Err(error) => {
            seen.wrong.push(format!("no connection: {error}"));
            return seen;
        }
    };
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if !go_on(index) {
            return seen;
        }
        let picture = &pictures[index % pictures.len()];
        let spoilt = index % 10 == 9;
        let (file, status, kind) = if spoilt {
            bad(pictures, index / 10)
        } else {
            (picture.file.clone(), 200, "")
        };
        let began = Instant::now();
        let answer = match connection.post("application/octet-stream", &file) {
            Ok(answer) => answer,
            Err(_) => {
                seen.closed += 1;
                return seen;
            }
        };
        let json = answer.json();
        let own = answer.status == status
            && if spoilt {
                json["error"]["kind"] == kind
            } else {
                is_of(&json, picture)
            };
        if own {
            seen.latencies.push(began.elapsed());
            seen.right += 1;
            seen.bad += usize::from(spoilt);
        } else if answer.status == 503 && answer.header("retry-after").is_some() {
            seen.refused += 1;
        } else {
            seen.wrong
                .push(format!("request {index}: {} {json}", answer.status));
        }
        if answer.header("connection") == Some("close") {
            return seen;
        }
    }
}
