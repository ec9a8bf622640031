//! What Ultralytics' exporters write into a model's metadata: YOLOv5 two keys, its successors many more.

use std::collections::BTreeMap;

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::Model;
use serde::{Serialize, Serializer};

use super::literal::Literal;

/// What a model of Ultralytics is made for: `task` of its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Detect,
    Segment,
    Pose,
    /// Oriented boxes.
    Obb,
    Classify,
    /// A class for each pixel.
    Semantic,
    Depth,
    /// One of a later version, by its name.
    Other(String),
}

impl Task {
    fn named(name: &str) -> Self {
        match name {
            "detect" => Self::Detect,
            "segment" => Self::Segment,
            "pose" => Self::Pose,
            "obb" => Self::Obb,
            "classify" => Self::Classify,
            "semantic" => Self::Semantic,
            "depth" => Self::Depth,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// Its name in the metadata.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Detect => "detect",
            Self::Segment => "segment",
            Self::Pose => "pose",
            Self::Obb => "obb",
            Self::Classify => "classify",
            Self::Semantic => "semantic",
            Self::Depth => "depth",
            Self::Other(name) => name,
        }
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What the metadata of a model of Ultralytics says. What they leave out is `None`, or empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Ultralytics {
    /// None in those of YOLOv5, which has a detector, a segmenter and a classifier.
    pub(crate) task: Option<Task>,
    /// Height and width that it was exported for.
    pub(crate) imgsz: Option<[usize; 2]>,
    /// The largest stride of the model in pixels.
    pub(crate) stride: Option<usize>,
    /// The labels by class.
    pub(crate) names: BTreeMap<usize, String>,
    /// The class of the last layer, such as `Detect`, `RTDETRDecoder`.
    pub(crate) head: Option<String>,
    /// Channels of an image: 3 where they are not named.
    pub(crate) channels: usize,
    /// Whether the outputs are final detections: the model has no duplicates, or its own NMS.
    pub(crate) end_to_end: bool,
    /// Number of key points, and of values for each.
    pub(crate) key_points: Option<[usize; 2]>,
    /// The version of the package that exported it.
    pub(crate) version: Option<String>,
    /// What it calls itself, such as `Ultralytics YOLO11n model`.
    pub(crate) description: Option<String>,
}

/// The keys that tell most, in the order in which they are shown.
const SHOWN: [&str; 4] = ["stride", "task", "imgsz", "names"];

impl Ultralytics {
    /// Reads the metadata of a model; `None` where they are not those of Ultralytics.
    ///
    /// # Errors
    /// On a key of theirs with a value that is not.
    pub(crate) fn read(model: &Model) -> Result<Option<Self>> {
        let value = |key: &str| model.metadata_value(key);
        Self::of(&value).map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
    }

    fn of<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> Result<Option<Self>> {
        if !is_theirs(value) {
            return Ok(None);
        }
        let number = |key: &'static str| {
            let read = |text: &str| {
                let number = Literal::parse(text).and_then(|value| value.int());
                number
                    .and_then(|number| usize::try_from(number).ok())
                    .filter(|number| *number > 0)
                    .ok_or_else(|| unreadable(key, text, "a number above 0"))
            };
            value(key).map(read).transpose()
        };
        let args = value("args").and_then(Literal::parse);
        let is_true = |value: Option<&Literal>| value == Some(&Literal::Bool(true));
        let end_to_end = value("end2end").and_then(Literal::parse);
        Ok(Some(Self {
            task: value("task").map(Task::named),
            imgsz: value("imgsz").map(|text| pair("imgsz", text)).transpose()?,
            stride: number("stride")?,
            names: value("names").map(names).transpose()?.unwrap_or_default(),
            head: value("head").map(str::to_owned),
            channels: number("channels")?.unwrap_or(3),
            end_to_end: is_true(end_to_end.as_ref())
                || is_true(args.as_ref().and_then(|args| args.get("nms"))),
            key_points: value("kpt_shape")
                .map(|text| pair("kpt_shape", text))
                .transpose()?,
            version: value("version").map(str::to_owned),
            description: value("description").map(|text| text.trim().to_owned()),
        }))
    }

    /// Whether it is an RT-DETR, which its package loads by another class.
    pub(crate) fn is_rtdetr(&self) -> bool {
        let called = self
            .description
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.head
            .as_ref()
            .map_or(called.contains("rtdetr"), |head| head == "RTDETRDecoder")
    }

    /// Whether images are stretched to the size of the model, not letterboxed: RT-DETR and depth.
    pub(crate) fn stretches(&self) -> bool {
        self.is_rtdetr() || self.task == Some(Task::Depth)
    }

    /// The keys and values that tell that a model is theirs, in words.
    pub(crate) fn shown(model: &Model) -> String {
        const MOST: usize = 40;
        let entry = |key: &str| {
            let value = model.metadata_value(key)?;
            let cut: String = value.chars().take(MOST).collect();
            let dots = if cut.len() < value.len() { "…" } else { "" };
            Some(format!("{key} = {cut}{dots}"))
        };
        SHOWN.into_iter().filter_map(entry).collect::<Vec<_>>().join(", ")
    }
}

/// YOLOv5 writes `stride` and `names`, its successors say who they are.
fn is_theirs<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> bool {
    let has = |key: &str| value(key).is_some();
    let says = |key: &str| {
        value(key)
            .unwrap_or_default()
            .to_ascii_lowercase()
            .contains("ultralytics")
    };
    says("author") || says("description") || (has("stride") && has("names")) || (has("task") && has("imgsz"))
}

fn unreadable(key: &str, text: &str, expected: &str) -> Error {
    let cut: String = text.chars().take(60).collect();
    Error::new(format_args!("metadata {key}"), "is not what Ultralytics writes")
        .expected_got(expected, format_args!("{cut:?}"))
        .fix("name the pipeline with --pipeline, such as yolo")
}

/// One number for both, or two.
fn pair(key: &'static str, text: &str) -> Result<[usize; 2]> {
    let wrong = || unreadable(key, text, "a number, or two such as [640, 640]");
    let number = |value: &Literal| {
        let number = value.int().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| (1..=65_535).contains(number))
            .ok_or_else(wrong)
    };
    match Literal::parse(text).ok_or_else(wrong)? {
        Literal::List(items) => match items.as_slice() {
            [one] => Ok([number(one)?; 2]),
            [first, second] => Ok([number(first)?, number(second)?]),
            _ => Err(wrong()),
        },
        one => Ok([number(&one)?; 2]),
    }
}

/// A dictionary from class to label, or a list of labels.
fn names(text: &str) -> Result<BTreeMap<usize, String>> {
    let wrong = || unreadable("names", text, "labels by class such as {0: 'person'}");
    let label = |value: Literal| match value {
        Literal::Text(label) => Ok(label),
        other => other.int().map(|number| number.to_string()).ok_or_else(wrong),
    };
    match Literal::parse(text).ok_or_else(wrong)? {
        Literal::Dict(entries) => entries
            .into_iter()
            .map(|(class, name)| {
                let class = class.int().and_then(|class| usize::try_from(class).ok());
                Ok((class.ok_or_else(wrong)?, label(name)?))
            })
            .collect(),
        Literal::List(items) => items
            .into_iter()
            .enumerate()
            .map(|(class, name)| Ok((class, label(name)?)))
            .collect(),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Option<Ultralytics>> {
        let value = |key: &str| {
            pairs
                .iter()
                .find(|(known, _)| *known == key)
                .map(|(_, value)| *value)
        };
        Ultralytics::of(&value)
    }

    #[test]
    fn every_generation_is_known() {
        let five = read(&[("stride", "32"), ("names", "{0: 'person', 1: 'bus'}")])
            .unwrap()
            .unwrap();
        assert_eq!(
            (five.task.clone(), five.imgsz, five.stride),
            (None, None, Some(32))
        );
        assert_eq!(five.names.into_values().collect::<Vec<_>>(), ["person", "bus"]);
        let pose = read(&[
            ("author", "Ultralytics"),
            ("stride", "32"),
            ("task", "pose"),
            ("imgsz", "[384, 640]"),
            ("names", "['person']"),
            ("kpt_shape", "[17, 3]"),
            ("head", "Pose"),
            ("args", "{'batch': 1, 'nms': True, 'dynamic': False}"),
            ("channels", "3"),
            ("end2end", "False"),
        ]);
        let pose = pose.unwrap().unwrap();
        assert_eq!(pose.task, Some(Task::Pose));
        assert_eq!(pose.imgsz, Some([384, 640]));
        assert_eq!(pose.key_points, Some([17, 3]));
        assert!(pose.end_to_end && !pose.stretches());
        assert_eq!(pose.names.get(&0).map(String::as_str), Some("person"));
        let rt_detr = read(&[
            ("description", "Ultralytics rtdetr-l model trained on COCO"),
            ("task", "detect"),
        ]);
        assert!(rt_detr.unwrap().unwrap().stretches());
        let later = read(&[("task", "hologram"), ("imgsz", "640")]).unwrap().unwrap();
        assert_eq!(later.task.as_ref().map(Task::name), Some("hologram"));
        assert_eq!(later.imgsz, Some([640, 640]));
        assert_eq!(read(&[("stride", "32")]).unwrap(), None);
        assert_eq!(read(&[("names", "{0: 'person'}")]).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (key, value) in [
            ("imgsz", "[640"),
            ("imgsz", "[640, 640, 3]"),
            ("imgsz", "[0, 640]"),
            ("imgsz", "'big'"),
            ("stride", "fast"),
            ("stride", "-32"),
            ("names", "{'person': 0}"),
            ("names", "3"),
            ("kpt_shape", "[17]]"),
        ] {
            let error = read(&[("author", "Ultralytics"), (key, value)]).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            assert!(error.to_string().contains(value), "{error}");
        }
    }
}
