//! Values as the text that they display as.

use serde::Serializer;

/// Serialises a value as the text that it displays as.
pub(crate) fn as_text<S: Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
