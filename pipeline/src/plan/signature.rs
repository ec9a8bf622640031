//! The ops and their names.

use super::Plan;
use super::outputs::{OutputElement, OutputKind};
use super::wire::Version;
use crate::{Accept, Dtype};

/// What decides the inputs and outputs of an op, and their element types: a name of its own each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The inputs.
    pub accept: Accept,
    /// The element type of the tensor.
    pub dtype: Dtype,
    /// Whether bytes are int8, of a quantised model: never in version 1.
    pub signed: bool,
    /// The meaning of the plan.
    pub version: Version,
    /// Whether [`OutputKind::Geometry`], float32, comes before the outputs that are int64. A place among the outputs has
    /// one element type, whatever the plan says: a host cannot be told later, and cannot be asked how many there are.
    pub geometry: bool,
}

impl Signature {
    /// That of the op that executes `plan`.
    pub fn of(plan: &Plan, accept: Accept) -> Self {
        Self {
            accept,
            dtype: plan.form.dtype,
            signed: plan.values.quantize.is_some_and(|quantize| quantize.signed),
            version: plan.version(),
            geometry: plan.outputs.contains(&OutputKind::Geometry),
        }
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let mut all = Vec::new();
        for version in Version::ALL {
            let geometry: &[bool] = match version {
                Version::V1 => &[false],
                Version::V2 => &[false, true],
            };
            for accept in Accept::ALL {
                for dtype in Dtype::ALL {
                    let signed: &[bool] = match (version, dtype) {
                        (Version::V2, Dtype::Uint8) => &[false, true],
                        (Version::V1 | Version::V2, _) => &[false],
                    };
                    for signed in signed {
                        all.extend(geometry.iter().map(|geometry| Self {
                            accept: *accept,
                            dtype: *dtype,
                            signed: *signed,
                            version: *version,
                            geometry: *geometry,
                        }));
                    }
                }
            }
        }
        all.into_iter()
    }

    /// The name of the op in the domain.
    pub fn name(self) -> String {
        let form = self.accept.form().op_word;
        let dtype = match (self.dtype, self.signed) {
            (Dtype::Float32, _) => "Float32",
            (Dtype::Float16, _) => "Float16",
            (Dtype::Uint8, false) => "Uint8",
            (Dtype::Uint8, true) => "Int8",
        };
        let geometry = if self.geometry { "AndGeometry" } else { "" };
        format!("{form}To{dtype}{geometry}V{}", self.version.number())
    }

    /// The element types of the places for outputs that a plan can ask for, behind the tensor and the status of files.
    pub fn extras(self) -> Vec<OutputElement> {
        let places = OutputKind::EXTRA.len();
        match (self.version, self.geometry) {
            (Version::V1, _) => Vec::new(),
            (Version::V2, false) => vec![OutputElement::Int64; places - 1],
            (Version::V2, true) => {
                let mut all = vec![OutputElement::Float32];
                all.resize(places, OutputElement::Int64);
                all
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Signature::all().map(Signature::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().any(|name| name == "ImageBatchToFloat32V1"));
    }

    /// Whatever outputs a plan asks for have the types of their places.
    #[test]
    fn outputs_have_the_types_of_their_places() {
        let kinds = OutputKind::EXTRA;
        for chosen in 0..1_usize << kinds.len() {
            let asked = (0..kinds.len()).filter(|bit| chosen >> bit & 1 == 1);
            let elements: Vec<_> = asked.clone().map(|bit| kinds[bit].element()).collect();
            let signature = Signature {
                accept: Accept::Batch,
                dtype: Dtype::Float32,
                signed: false,
                version: Version::V2,
                geometry: asked.into_iter().any(|bit| kinds[bit] == OutputKind::Geometry),
            };
            assert!(signature.extras().starts_with(&elements), "{elements:?}");
        }
    }
}
