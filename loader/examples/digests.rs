//! Prints one line per image: id, height, width and the SHA-256 of the pixels, or the error. For comparing
//! with another decoder over a large folder.
//!
//! ```text
//! cargo run --release -p prep-onnx-loader --example digests -- [--part 2|4|8] FOLDER|GLOB|FILE...
//! ```
//!
//! With `--part`, JPEGs are decoded to that part of their size.

use prep_onnx_loader::decode::ScaleRule;
use prep_onnx_loader::{DecodeOptions, Loader, Sources};
use prep_onnx_pipeline::{Error, Result};
use sha2::{Digest, Sha256};

fn main() -> Result<()> {
    let mut sources = Sources::new();
    let mut options = DecodeOptions::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--part" {
            let part = arguments.next().and_then(|part| part.parse::<usize>().ok());
            let by = part
                .ok_or_else(|| Error::new("--part", "needs 2, 4 or 8"))?
                .max(1);
            options = options.scale(ScaleRule::new(move |height, width| {
                (height.div_ceil(by), width.div_ceil(by))
            }));
            continue;
        }
        let path = std::path::Path::new(&argument);
        sources = if path.is_dir() {
            sources.directory_all(path)
        } else {
            sources.expand(&argument)?
        };
    }
    for batch in Loader::builder().decode(options).build(sources)? {
        let mut images = batch.images();
        for item in batch.items() {
            match (&item.size, item.size.is_ok().then(|| images.next()).flatten()) {
                (Ok((height, width)), Some(image)) => {
                    let digest = Sha256::digest(image.as_slice().unwrap_or_default());
                    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                    println!("{}\t{height}\t{width}\t{hex}", item.id);
                }
                (Err(error), _) => println!("{}\t{}\t{error}", item.id, error.kind()),
                (Ok(_), None) => println!("{}\tinternal\tno pixels", item.id),
            }
        }
    }
    Ok(())
}
