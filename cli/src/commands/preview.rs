//! What the model sees.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_loader::{DecodeOptions, Loader, Source};
use prep_onnx_pipeline::plan::Blocks;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::answered::Answered;
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::labels::Labels;
use crate::picture::{in_words, no_pixels, side_by_side, write_png};
use crate::seen::Seen;
use crate::ui;

/// Draw what the model sees, beside the original
///
/// Left the image, dark where the pipeline cuts it off; right the pixels that the model gets, before
/// rescale and normalize, with stripes over the padding. Where the model has answers that are places of the image (boxes, masks,
/// classes or values of pixels) and ONNX Runtime is at hand, they are drawn on the left; else nothing needs it.
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

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let embedded = EmbeddedModel::open_alone(&options.model)?;
    let seen = Seen::of(&embedded.pipeline)?;
    let name = options.image.display().to_string();
    let mut loader = Loader::builder()
        .threads(1)
        .batch_size(1)
        .decode(DecodeOptions::default().background(embedded.background()))
        .build([Source::path(&options.image)])?;
    let batch = loader.next().ok_or_else(|| no_pixels(&name))?;
    if let Some(Err(error)) = batch.items().first().map(|item| &item.size) {
        return Err(prep_onnx_pipeline::Error::from(error.clone()).into());
    }
    let image = batch.images().next().ok_or_else(|| no_pixels(&name))?;
    let answered = match &embedded.after {
        Some(_) => Some(Answered::of(&options.model, &embedded, global, image)?),
        None => None,
    };
    let drawn = answered.as_ref().and_then(|answered| answered.as_ref().ok());
    let names = embedded.after.as_ref().map(|after| after.labels.clone());
    let labels = Labels::of(names.unwrap_or_default());
    let (sheet, view) = side_by_side(image, &seen, drawn.map(|drawn| (drawn, &labels)))?;
    write_png(&options.out, &sheet)?;
    let size = |(height, width): (usize, usize)| format!("{height} x {width}");
    let resized: Vec<_> = view.resized.iter().map(|to| size(*to)).collect();
    let (height, width, _) = image.dim();
    let mut table = ui::Table::new(&[]);
    let mut line = |key: &str, value: String| table.row([ui::bold(key), value]);
    line("image", size((height, width)));
    if view.turned {
        line("turned", size(view.image));
    }
    line(
        "resized",
        if resized.is_empty() {
            "no".to_owned()
        } else {
            resized.join(", then ")
        },
    );
    line("cut", in_words(&view));
    line("seen", size(view.output));
    if let Some(answered) = &answered {
        line(
            "answers",
            match (answered, view.turned) {
                (Ok(_), true) => "not drawn: the pipeline turns the image".to_owned(),
                (Ok(answered), false) => match answered.count() {
                    Some(count) => format!("{count} found"),
                    None => "drawn for each pixel".to_owned(),
                },
                (Err(why), _) => format!("not drawn: {why}"),
            },
        );
    }
    let blocks = embedded
        .pipeline
        .compile(embedded.layout, embedded.dtype)?
        .form
        .blocks;
    if let Some(blocks) = blocks {
        line("blocks", in_blocks(blocks));
    }
    let text = format!("{} {}\n{table}", ui::good("wrote"), options.out.display());
    let pair = |(height, width): (usize, usize)| json!({ "height": height, "width": width });
    let span = |rows: (usize, usize), columns: (usize, usize)| json!({ "top": rows.0, "left": columns.0, "height": rows.1 - rows.0, "width": columns.1 - columns.0 });
    let (top, left) = view.canvas.offset;
    let json = json!({
        "output": options.out.display().to_string(),
        "image": pair((height, width)),
        "turned": view.turned,
        "resized": pair(view.resized.last().copied().unwrap_or(view.image)),
        "offset": { "top": top, "left": left },
        "inner": span(view.shown[0], view.shown[1]),
        "seen": pair(view.output),
        "blocks": blocks,
        "found": drawn.and_then(Answered::count),
    });
    Ok(Answer::report(text, json))
}

/// What the pixels that are drawn are cut into.
fn in_blocks(blocks: Blocks) -> String {
    match blocks {
        Blocks::Tiles { height, width, .. } => format!("cut into tiles of {height} x {width}"),
        Blocks::Frame { .. } => "whole, as one frame".to_owned(),
        Blocks::Patches { size, .. } => format!("cut into patches of {size} x {size}"),
    }
}
