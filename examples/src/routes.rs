//! The requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use prep_onnx_pipeline::{Error, Plan};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::answer::{Part, Parts, Prediction, Refusal};
use crate::batcher::Batcher;
use crate::budget::{Budget, Taken};
use crate::connections::Connection;
use crate::decoding::Decoder;
use crate::metrics::Metrics;

/// What requests share.
pub(crate) struct Inside {
    /// One permit for each image that is inside.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) bodies: Budget,
    pub(crate) decoder: Decoder,
    pub(crate) batcher: Batcher,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) body: usize,
    pub(crate) read: Duration,
    pub(crate) pause: Duration,
    /// Says which sizes can be run.
    pub(crate) plan: Arc<Plan>,
}

/// A place for images, counted while it is held.
struct Place {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.left(1);
    }
}

pub(crate) fn router(inside: Inside) -> Router {
    Router::new()
        .route("/predict", post(predict))
        .route("/health", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        // Bodies are limited while they are read.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(inside))
}

async fn metrics(State(inside): State<Arc<Inside>>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4";
    ([(header::CONTENT_TYPE, kind)], inside.metrics.text())
}

async fn predict(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let started = Instant::now();
    let response = answer(&inside, request).await.unwrap_or_else(|refusal| {
        inside.metrics.image(refusal.kind);
        refusal.into_response()
    });
    inside
        .metrics
        .request(response.status().as_u16(), started.elapsed());
    response
}

async fn answer(inside: &Arc<Inside>, request: Request) -> Result<Response, Refusal> {
    // Not worth reading where no image would get in. The place is taken once the body is here: what a client does
    // not send holds none.
    inside.place()?;
    let (parts, body) = request.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > inside.body.saturating_mul(2)) {
        // Not worth reading: a client that asks first (`Expect: 100-continue`) gets its answer at once.
        return Err(too_long(inside.body));
    }
    let (body, _taken) = inside.read(body).await?;
    let _busy = parts.extensions.get::<Arc<Connection>>().map(Connection::busy);
    let place = inside.place()?;
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let is_multipart = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if is_multipart {
        let request = Request::from_parts(parts, Body::from(body));
        return several(inside, request, place).await;
    }
    let prediction = one(Arc::clone(inside), body, place).await?;
    inside.metrics.image("ok");
    Ok(Json(prediction).into_response())
}

impl Inside {
    /// A place for one image.
    fn place(&self) -> Result<Place, Refusal> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::busy())?;
        self.metrics.entered(1);
        Ok(Place {
            metrics: Arc::clone(&self.metrics),
            _permit: permit,
        })
    }
}

impl Inside {
    /// The whole body, if it is not longer than allowed, and its part of the budget, which grows with what arrives.
    async fn read(&self, body: Body) -> Result<(Bytes, Taken), Refusal> {
        let whole = whole(body, self.body, self.pause, &self.bodies);
        tokio::time::timeout(self.read, whole)
            .await
            .unwrap_or_else(|_| Err(too_slow(format_args!("all of it within {:?}", self.read))))
    }
}

/// The rest of a body that is too long is read and dropped, up to the same length again, since a client that is still
/// writing would not see the answer.
async fn whole(
    mut body: Body,
    limit: usize,
    pause: Duration,
    budget: &Budget,
) -> Result<(Bytes, Taken), Refusal> {
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    let mut taken = budget.try_take(0).ok_or_else(Refusal::busy)?;
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow(format_args!("some of it within {pause:?}")))? else {
            break;
        };
        let frame = frame.map_err(|error| {
            let error = Error::new("body", format_args!("was not read: {error}"));
            Refusal::new(StatusCode::BAD_REQUEST, "body", error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= limit {
            if length > bytes.capacity() {
                let capacity = length.max(bytes.capacity() * 2).min(limit);
                let more = budget.try_take(capacity - bytes.capacity());
                taken.add(more.ok_or_else(Refusal::busy)?);
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
            if length > limit.saturating_mul(2) {
                break;
            }
        }
    }
    if length <= limit {
        return Ok((Bytes::from(bytes), taken));
    }
    Err(too_long(limit))
}

fn too_slow(expected: impl std::fmt::Display) -> Refusal {
    let error = Error::new("body", "did not arrive in time").expected_got(expected, "less");
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", error)
}

fn too_long(limit: usize) -> Refusal {
    let error = Error::new("body", "is too long")
        .expected_got(format_args!("at most {limit} bytes"), "more")
        .fix("send fewer or smaller images");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", error)
}

async fn one(inside: Arc<Inside>, file: Bytes, place: Place) -> Result<Prediction, Refusal> {
    let decoded = inside.decoder.decode(file, &inside.plan).await?;
    let (height, width) = (decoded.image.height, decoded.image.width);
    let output = inside.batcher.run(decoded).await.map_err(Refusal::model)?;
    drop(place);
    Ok(Prediction {
        height,
        width,
        output,
    })
}

/// The images of a form, each with its own result.
async fn several(inside: &Arc<Inside>, request: Request, place: Place) -> Result<Response, Refusal> {
    let malformed = |error: &dyn std::fmt::Display| {
        let error = Error::new("form", format_args!("cannot be read: {error}"))
            .fix("send multipart/form-data with one image per field: curl -F a=@a.jpg -F b=@b.jpg");
        Refusal::new(StatusCode::BAD_REQUEST, "form", error)
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| malformed(&error))?;
    let mut files = Vec::new();
    let mut first = Some(place);
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
        let place = match first.take() {
            Some(place) => place,
            None => inside.place()?,
        };
        let name = field.name().or(field.file_name()).unwrap_or_default().to_owned();
        let file = field.bytes().await.map_err(|error| malformed(&error))?;
        files.push((name, file, place));
    }
    let mut running = JoinSet::new();
    let count = files.len();
    for (index, (name, file, place)) in files.into_iter().enumerate() {
        let inside = Arc::clone(inside);
        running.spawn(async move { (index, name, one(inside, file, place).await) });
    }
    let mut results: Vec<Option<Part>> = (0..count).map(|_| None).collect();
    while let Some(ended) = running.join_next().await {
        // A task that panicked leaves its image without a result, which is said below.
        let Ok((index, name, result)) = ended else {
            continue;
        };
        inside
            .metrics
            .image(result.as_ref().map_or_else(|refusal| refusal.kind, |_| "ok"));
        if let Some(slot) = results.get_mut(index) {
            *slot = Some(Part::new(name, result));
        }
    }
    let lost = || Refusal::model(Error::new("image", "has no result"));
    let results = results
        .into_iter()
        .map(|part| part.unwrap_or_else(|| Part::new(String::new(), Err(lost()))))
        .collect();
    Ok(Json(Parts { results }).into_response())
}
