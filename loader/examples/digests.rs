//! Prints one line per image: id, height, width and the SHA-256 of the pixels, or the error. For comparing
//! with another decoder over a large folder.
//!
//! ```text
//! cargo run --release -p prep-onnx-loader --example digests -- FOLDER|GLOB|FILE...
//! ```

use prep_onnx_loader::{Loader, Sources};
use prep_onnx_pipeline::Result;
use sha2::{Digest, Sha256};

fn main() -> Result<()> {
    let mut sources = Sources::new();
    for argument in std::env::args().skip(1) {
        let path = std::path::Path::new(&argument);
        sources = if path.is_dir() {
            sources.directory_all(path)
        } else {
            sources.expand(&argument)?
        };
    }
    for batch in Loader::builder().build(sources)? {
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
