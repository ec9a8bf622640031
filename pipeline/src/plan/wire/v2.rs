//! Version 2: the keys of [`Plan`] and its parts as they are. `pipeline/tests/wire.rs` has texts of every part.

use serde_json::Value;

use super::{Version, with_version, within};
use crate::plan::Plan;
use crate::{Error, Result};

/// Canonical JSON of `plan`.
pub(super) fn to_json(plan: &Plan) -> String {
    with_version(serde_json::to_value(plan).unwrap_or_default(), Version::V2)
}

/// Reads the keys besides the version.
pub(super) fn read(value: Value) -> Result<Plan> {
    let plan: Plan = serde_json::from_value(value).map_err(|error| within(Error::new("", error)))?;
    plan.check().map_err(within)?;
    Ok(plan)
}
