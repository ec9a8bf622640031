//! http(s) addresses, with limits on time and size.

use std::sync::LazyLock;
use std::time::Duration;

use super::limited::read_limited;
use crate::{ErrorKind, ImageError, Limits};

/// From the connection to the last byte, redirects included.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: u32 = 5;

static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
    ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .max_redirects(MAX_REDIRECTS)
        .build()
        .into()
});

pub(super) fn get(url: &str, limits: &Limits, buffer: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    let failed =
        |error: &ureq::Error| ImageError::new(ErrorKind::Network, format_args!("cannot be fetched: {error}"));
    let response = AGENT.get(url).call().map_err(|error| failed(&error))?;
    if let Some(length) = response.body().content_length() {
        limits.check_file(length)?;
    }
    let body = response.into_body().into_with_config().limit(u64::MAX).reader();
    read_limited(body, limits, buffer).map_err(|error| match error.kind() {
        ErrorKind::Io => ImageError::new(ErrorKind::Network, error),
        _ => error,
    })
}
