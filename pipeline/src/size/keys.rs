//! A size as people write it.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::SizeRule;

/// A number, for both edges, or [height, width].
pub(crate) fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    struct Pair;

    impl<'de> Visitor<'de> for Pair {
        type Value = [usize; 2];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of pixels, or [height, width]")
        }

        fn visit_u64<E: serde::de::Error>(self, edge: u64) -> Result<Self::Value, E> {
            Ok([usize::try_from(edge).map_err(E::custom)?; 2])
        }

        // Not through a Value, so that errors name `size[1]`.
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let edges = (items.next_element()?, items.next_element()?);
            match (edges, items.next_element::<serde::de::IgnoredAny>()?) {
                ((Some(height), Some(width)), None) => Ok([height, width]),
                _ => Err(A::Error::custom("is not a number of pixels, or [height, width]")),
            }
        }
    }

    deserializer.deserialize_any(Pair)
}

/// (De)serialises a [`SizeRule`] with the keys of a pipeline file.
pub(crate) mod size_keys {
    use super::{Deserialize, Deserializer, Keys, SizeRule, Value, read};

    pub(crate) fn serialize<S: serde::Serializer>(rule: &SizeRule, serializer: S) -> Result<S::Ok, S::Error> {
        match Keys::of(*rule) {
            Some(keys) => serde::Serialize::serialize(&keys, serializer),
            None => serde::Serialize::serialize(rule, serializer),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SizeRule, D::Error> {
        read(Value::deserialize(deserializer)?)
    }
}

impl SizeRule {
    /// The rule with the keys of a pipeline file.
    pub(super) fn to_keys(self) -> Value {
        size_keys::serialize(&self, serde_json::value::Serializer).unwrap_or_default()
    }
}

const FORMS: &str = "a size is a number of pixels, [height, width], or exactly one of { exact = [height, width] }, { shortest_edge }, \
    { shortest_edge, max_edge }, { shortest_edge, longest_edge }, { longest_edge }, { cover = [height, width] }, \
    { target = [height, width], crop_pct }, { rule = … }";

fn read<E: serde::de::Error>(value: Value) -> Result<SizeRule, E> {
    match value {
        Value::Object(map) if map.contains_key("rule") => typed(map),
        Value::Object(map) => typed::<Keys, E>(map)?.rule().ok_or_else(|| E::custom(FORMS)),
        value => {
            let [height, width] = pair(value).map_err(E::custom)?;
            Ok(SizeRule::Exact { height, width })
        }
    }
}

fn typed<T: DeserializeOwned, E: serde::de::Error>(map: Map<String, Value>) -> Result<T, E> {
    // In plain words, and with the key: what a custom error says is kept as it is.
    crate::schema::typed(Value::Object(map)).map_err(E::custom)
}

/// The rules that are told by their keys.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortest_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_edge: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cover: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<[usize; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop_pct: Option<f64>,
}

impl Keys {
    /// The rule of these keys, and no others.
    fn rule(&self) -> Option<SizeRule> {
        let given = [
            self.exact.is_some(),
            self.shortest_edge.is_some(),
            self.max_edge.is_some(),
            self.longest_edge.is_some(),
            self.cover.is_some(),
            self.target.is_some(),
            self.crop_pct.is_some(),
        ];
        let rule = if let Some([height, width]) = self.exact {
            SizeRule::Exact { height, width }
        } else if let Some([height, width]) = self.cover {
            SizeRule::Cover { height, width }
        } else if let (Some([height, width]), Some(fraction)) = (self.target, self.crop_pct) {
            SizeRule::CropPct {
                height,
                width,
                fraction,
            }
        } else {
            match (self.shortest_edge, self.longest_edge) {
                (Some(shortest), Some(longest)) => SizeRule::Detr { shortest, longest },
                (Some(size), None) => SizeRule::ShortestEdge {
                    size,
                    max: self.max_edge,
                },
                (None, Some(size)) => SizeRule::LongestEdge { size },
                (None, None) => return None,
            }
        };
        // What the rule does not say back was given besides.
        let said = serde_json::to_value(Self::of(rule)?).ok()?;
        (said.as_object()?.len() == given.iter().filter(|given| **given).count()).then_some(rule)
    }

    fn of(rule: SizeRule) -> Option<Self> {
        let keys = Self::default();
        Some(match rule {
            SizeRule::Exact { height, width } => Self {
                exact: Some([height, width]),
                ..keys
            },
            SizeRule::ShortestEdge { size, max } => Self {
                shortest_edge: Some(size),
                max_edge: max,
                ..keys
            },
            SizeRule::LongestEdge { size } => Self {
                longest_edge: Some(size),
                ..keys
            },
            SizeRule::Detr { shortest, longest } => Self {
                shortest_edge: Some(shortest),
                longest_edge: Some(longest),
                ..keys
            },
            SizeRule::Cover { height, width } => Self {
                cover: Some([height, width]),
                ..keys
            },
            SizeRule::CropPct {
                height,
                width,
                fraction,
            } => Self {
                target: Some([height, width]),
                crop_pct: Some(fraction),
                ..keys
            },
            SizeRule::Yolos { .. }
            | SizeRule::Fit { .. }
            | SizeRule::Dpt { .. }
            | SizeRule::Textnet { .. }
            | SizeRule::Glpn { .. }
            | SizeRule::Vilt { .. }
            | SizeRule::Thumbnail { .. }
            | SizeRule::PaddleocrDet { .. }
            | SizeRule::PaddleocrRec { .. }
            | SizeRule::PaddleocrCls { .. }
            | SizeRule::Ddddocr { .. }
            | SizeRule::Height { .. }
            | SizeRule::Smart { .. }
            | SizeRule::Maskformer { .. }
            | SizeRule::Longest { .. }
            | SizeRule::Pixtral { .. }
            | SizeRule::GlmImage { .. }
            | SizeRule::Kimi { .. }
            | SizeRule::Lcnet { .. }
            | SizeRule::Idefics2 { .. }
            | SizeRule::Idefics3 { .. }
            | SizeRule::Idefics3Tiles { .. }
            | SizeRule::Grid { .. }
            | SizeRule::Ultravbert { .. }
            | SizeRule::Nemotron { .. }
            | SizeRule::Glm5Next { .. }
            | SizeRule::Gemma4 { .. }
            | SizeRule::Naflex { .. } => return None,
        })
    }
}
