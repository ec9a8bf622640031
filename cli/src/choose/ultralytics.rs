//! The pipeline of a model of Ultralytics, by its metadata and its input.

use prep_onnx_pipeline::steps::Step;
use prep_onnx_pipeline::{Error, ErrorKind, Import, ImportOptions, Pipeline, SizeRule, preset};
use prep_onnx_rewriter::{Dimension, ImageInput, Model, Value, ValueType};

use super::evidence::size_of;
use crate::answer::Outcome;
use crate::recognise::{Task, Ultralytics};

/// What `predict` takes where neither the file nor the caller says a size.
const USUAL_SIZE: usize = 640;
/// The stride of a model that does not say it.
const USUAL_STRIDE: usize = 32;

/// The pipeline, and the few words that it came from.
///
/// # Errors
/// A task of a later version, or a number of channels, whose preprocessing is not known here.
pub(super) fn pipeline(
    model: &Model,
    input: &ImageInput,
    seen: &Ultralytics,
    asked: &ImportOptions<'_>,
) -> Outcome<(Import, String)> {
    check(model, seen)?;
    let name = preset_for(model, seen);
    let dynamic = is_dynamic(model, input);
    let mut notes = Vec::new();
    let size = match asked.size {
        Some(size) => size,
        None => size_for(input, seen, dynamic, &mut notes),
    };
    let mut import = preset(name)?.import_with(&ImportOptions { size: None, ..*asked })?;
    resize(&mut import.pipeline, size)?;
    if dynamic && name == "yolo" && seen.task.is_some() {
        let stride = seen.stride.unwrap_or(USUAL_STRIDE);
        for step in &mut import.pipeline.steps {
            if let Step::Letterbox(letterbox) = step {
                letterbox.stride = Some(stride);
            }
        }
        import.pipeline.check()?;
        notes.push(format!(
            "the model takes any size, so only whole strides of {stride} pixels are filled, as Ultralytics' predict does for images \
             of one size (rect=True): --pipeline yolo fills the whole {} x {}",
            size[0], size[1]
        ));
    }
    notes.append(&mut import.notes);
    import.notes = notes;
    let made_for = seen.task.as_ref().map_or("YOLOv5", Task::name);
    Ok((
        import,
        format!(
            "preset {name} at {} x {}, for Ultralytics' {made_for}",
            size[0], size[1]
        ),
    ))
}

/// Gives a preset of Ultralytics another size: `classify_transforms` has the shorter edge for squares alone.
fn resize(pipeline: &mut Pipeline, [height, width]: [usize; 2]) -> Outcome<()> {
    let steps = &mut pipeline.steps;
    if let [Step::Resize(resize), Step::CenterCrop(crop), ..] = steps.as_mut_slice()
        && height != width
    {
        resize.size = SizeRule::Exact { height, width };
        crop.size = [height, width];
    } else {
        *pipeline = pipeline.clone().at_size([height, width])?.0;
    }
    Ok(pipeline.check()?)
}

/// Refuses what Ultralytics prepares in a way that is not known here.
fn check(model: &Model, seen: &Ultralytics) -> Outcome<()> {
    let refuse = |what: String| {
        Error::new(model.path().display(), what)
            .expected_got(
                "--pipeline PRESET|FILE",
                format_args!(
                    "metadata of Ultralytics ({}), and no --pipeline",
                    Ultralytics::shown(model)
                ),
            )
            .with_kind(ErrorKind::Config)
    };
    if let Some(Task::Other(task)) = &seen.task {
        return Err(refuse(format!(
            "how Ultralytics prepares images for the task {task} is not known here"
        ))
        .why("its tasks have different preprocessing: letterbox, stretch or centre crop")
        .fix("name it: --pipeline yolo where images are letterboxed, yolo-stretched, or yolo-cls")
        .into());
    }
    if seen.channels != 3 {
        return Err(refuse(format!("it takes images of {} channels", seen.channels))
            .why("Ultralytics reads such images itself, gray or from files of many channels")
            .fix("for gray images write a file that begins with input = \"gray\", or has the step grayscale, before letterbox and rescale; name it with --pipeline")
            .into());
    }
    Ok(())
}

fn preset_for(model: &Model, seen: &Ultralytics) -> &'static str {
    match &seen.task {
        _ if seen.stretches() => "yolo-stretched",
        None if gives_one_row(model) => "yolov5-cls",
        Some(Task::Classify) => "yolo-cls",
        None
        | Some(
            Task::Detect
            | Task::Segment
            | Task::Pose
            | Task::Obb
            | Task::Semantic
            | Task::Depth
            | Task::Other(_),
        ) => "yolo",
    }
}

/// Whether the only output is [N, classes]: YOLOv5's classifiers have the metadata of its detectors.
fn gives_one_row(model: &Model) -> bool {
    matches!(
        model.outputs(),
        [Value { value_type: ValueType::Tensor { shape: Some(shape), .. }, .. }] if shape.len() == 2
    )
}

/// What Ultralytics takes for an export of open sizes: the first axis of the first output has a name.
fn is_dynamic(model: &Model, input: &ImageInput) -> bool {
    let named = |value: &Value| {
        matches!(&value.value_type, ValueType::Tensor { shape: Some(shape), .. }
            if matches!(shape.first(), Some(Dimension::Symbolic(_))))
    };
    let fixed = matches!(size_of(input), (Some(_), Some(_)));
    !fixed && model.outputs().first().is_some_and(named)
}

/// The height and width that images get.
fn size_for(input: &ImageInput, seen: &Ultralytics, dynamic: bool, notes: &mut Vec<String>) -> [usize; 2] {
    if let (Some(height), Some(width)) = size_of(input) {
        if let Some([h, w]) = seen.imgsz.filter(|imgsz| *imgsz != [height, width]) {
            notes.push(format!(
                "its metadata say {h} x {w} (imgsz), its input takes {height} x {width}: took the input's"
            ));
        }
        return [height, width];
    }
    match seen.imgsz {
        Some(imgsz) if !dynamic => imgsz,
        Some([height, width]) if [height, width] != [USUAL_SIZE; 2] => {
            notes.push(format!(
                "the model takes any size: took {USUAL_SIZE} x {USUAL_SIZE}, as Ultralytics' predict does for such exports; it was \
                 exported at {height} x {width}, which --size {height}x{width} takes"
            ));
            [USUAL_SIZE; 2]
        }
        Some(imgsz) => imgsz,
        None => {
            notes.push(format!(
                "the model takes any size: took {USUAL_SIZE} x {USUAL_SIZE}, the default of Ultralytics; --size says otherwise"
            ));
            [USUAL_SIZE; 2]
        }
    }
}
