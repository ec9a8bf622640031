//! What the service says, as JSON.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prep_onnx_loader::{ErrorKind, ImageError};
use prep_onnx_pipeline::Error;
use serde::Serialize;

use crate::output::Output;

/// What the model makes of one image.
#[derive(Debug, Serialize)]
pub(crate) struct Prediction {
    /// Of the image as it was uploaded, turned upright.
    pub(crate) height: usize,
    pub(crate) width: usize,
    #[serde(flatten)]
    pub(crate) output: Output,
}

/// Why an image, or a request, gets no result.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// A stable word for programs and metrics.
    pub(crate) kind: &'static str,
    error: Box<Error>,
}

#[derive(Serialize)]
struct Body {
    error: Details,
}

#[derive(Serialize)]
struct Details {
    kind: &'static str,
    what: String,
    why: Option<String>,
    fix: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, error: Error) -> Self {
        Self {
            status,
            kind,
            error: Box::new(error),
        }
    }

    /// The service has as much to do as it takes.
    pub(crate) fn busy() -> Self {
        let error = Error::new("service", "has all the images that it takes")
            .fix("send the request again after the seconds in the header Retry-After");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error)
    }

    /// The model failed on the image, or the service has stopped.
    pub(crate) fn model(error: Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "model", error)
    }

    fn body(&self) -> Body {
        Body {
            error: Details {
                kind: self.kind,
                what: self.error.to_string(),
                why: self.error.reason().map(str::to_owned),
                fix: self.error.help().map(str::to_owned),
            },
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        let status = match error.kind() {
            ErrorKind::NotAnImage | ErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.kind().as_str(), Error::from(error).within("image"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// The answer to one of several images.
#[derive(Serialize)]
pub(crate) struct Part {
    /// The name of the field that the image was in.
    name: String,
    status: u16,
    #[serde(flatten)]
    result: PartResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PartResult {
    Prediction(Prediction),
    Error(Body),
}

impl Part {
    pub(crate) fn new(name: String, result: Result<Prediction, Refusal>) -> Self {
        let (status, result) = match result {
            Ok(prediction) => (StatusCode::OK, PartResult::Prediction(prediction)),
            Err(refusal) => (refusal.status, PartResult::Error(refusal.body())),
        };
        Self {
            name,
            status: status.as_u16(),
            result,
        }
    }
}

/// The answer to several images, in their order.
#[derive(Serialize)]
pub(crate) struct Parts {
    pub(crate) results: Vec<Part>,
}
