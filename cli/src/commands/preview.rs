//! What the model sees.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_loader::{Loader, Source};
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::picture::{in_words, no_pixels, side_by_side, write_png};
use crate::seen::Seen;
use crate::ui;

/// Draw what the model sees, beside the original
///
/// Left the image, dark where the pipeline cuts it off; right the pixels that the model gets, before
/// rescale and normalize, with stripes over the padding. Needs no ONNX Runtime.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  prep-onnx preview model.prep.onnx photo.jpg -o seen.png")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// An image file
    image: PathBuf,
    /// The PNG file to write
    #[arg(short = 'o', long, value_name = "PNG")]
    out: PathBuf,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let embedded = EmbeddedModel::open_alone(&options.model)?;
    let seen = Seen::of(&embedded.pipeline)?;
    let name = options.image.display().to_string();
    let mut loader = Loader::builder()
        .threads(1)
        .batch_size(1)
        .build([Source::path(&options.image)])?;
    let batch = loader.next().ok_or_else(|| no_pixels(&name))?;
    if let Some(Err(error)) = batch.items().first().map(|item| &item.size) {
        return Err(prep_onnx_pipeline::Error::from(error.clone()).into());
    }
    let image = batch.images().next().ok_or_else(|| no_pixels(&name))?;
    let (sheet, geometry) = side_by_side(image, &seen)?;
    write_png(&options.out, &sheet)?;
    let size = |(height, width): (usize, usize)| format!("{height} x {width}");
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    line("image", size(geometry.image));
    line("resized", size(geometry.resized));
    line("cut", in_words(&geometry));
    line("seen", size(geometry.output));
    let text = format!("{} {}\n{table}", ui::good("wrote"), options.out.display());
    let pair = |(height, width): (usize, usize)| json!({ "height": height, "width": width });
    let (top, left) = geometry.offset;
    let json = json!({
        "output": options.out.display().to_string(),
        "image": pair(geometry.image),
        "resized": pair(geometry.resized),
        "offset": { "top": top, "left": left },
        "seen": pair(geometry.output),
    });
    Ok(Answer::report(text, json))
}
