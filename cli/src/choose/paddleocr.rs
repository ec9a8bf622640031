//! The pipeline of a reader of RapidOCR.

use prep_onnx_pipeline::{Import, ImportOptions, preset};
use prep_onnx_rewriter::ImageInput;

use super::evidence::size_of;
use crate::answer::Outcome;

/// The height of lines where the model leaves it open: that of PP-OCRv3 and later.
const USUAL_HEIGHT: usize = 48;
/// The least width of lines.
const LEAST_WIDTH: usize = 320;

/// The pipeline, and the few words that it came from.
pub(super) fn pipeline(input: &ImageInput, asked: &ImportOptions<'_>) -> Outcome<(Import, String)> {
    let (height, width) = size_of(input);
    let size = asked
        .size
        .unwrap_or([height.unwrap_or(USUAL_HEIGHT), width.unwrap_or(LEAST_WIDTH)]);
    let mut import = preset("paddleocr-rec")?.import_with(&ImportOptions { size: None, ..*asked })?;
    import.pipeline = import.pipeline.at_size(size)?.0;
    if height.is_none() && asked.size.is_none() {
        import.notes.push(format!(
            "the model leaves the height of lines open: took {USUAL_HEIGHT}, that of PP-OCRv3 and later; --size 32x{LEAST_WIDTH} for older ones"
        ));
    }
    Ok((import, format!("preset paddleocr-rec, lines {} high", size[0])))
}
