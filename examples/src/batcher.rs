//! Single images to batches: the thread of the session.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prep_onnx_pipeline::{Error, Result};
use tokio::sync::oneshot;

use crate::budget::Taken;
use crate::decoding::Decoded;
use crate::metrics::Metrics;
use crate::model::{Image, Model};
use crate::output::Output;

/// An image that waits for its row.
struct Job {
    image: Image,
    /// Given back when the image has been run.
    taken: Taken,
    reply: oneshot::Sender<Result<Output>>,
}

/// How images become batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Most images of a batch.
    pub(crate) images: usize,
    /// How long the first image waits for others that are inside.
    pub(crate) wait: Duration,
}

/// Where images are handed in; the thread ends when every one of these is gone.
#[derive(Clone)]
pub(crate) struct Batcher {
    jobs: Sender<Job>,
}

impl Batcher {
    /// Starts the thread of the session.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn start(model: Model, rule: Rule, metrics: Arc<Metrics>) -> Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("session".to_owned())
            .spawn(move || work(model, rule, &queue, &metrics))
            .map_err(|error| Error::new("session thread", error))?;
        Ok((Self { jobs }, thread))
    }

    /// What the model gives of one image.
    ///
    /// # Errors
    /// What ONNX Runtime says about the run.
    pub(crate) async fn run(&self, Decoded { image, taken }: Decoded) -> Result<Output> {
        let (reply, row) = oneshot::channel();
        let stopped = || Error::new("model", "was stopped before it ran the image");
        self.jobs
            .send(Job { image, taken, reply })
            .map_err(|_| stopped())?;
        row.await.map_err(|_| stopped())?
    }
}

fn work(mut model: Model, rule: Rule, queue: &Receiver<Job>, metrics: &Metrics) {
    while let Ok(first) = queue.recv() {
        let mut jobs = vec![first];
        let deadline = Instant::now() + rule.wait;
        // Waiting helps only while some image is inside that has not come here yet.
        while jobs.len() < rule.images && metrics.inside() > jobs.len() as u64 {
            match queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(job) => jobs.push(job),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        // Those whose clients have gone.
        jobs.retain(|job| !job.reply.is_closed());
        if !jobs.is_empty() {
            run(&mut model, jobs, metrics);
        }
    }
}

fn run(model: &mut Model, jobs: Vec<Job>, metrics: &Metrics) {
    let (mut images, mut replies) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
    let mut held = Vec::with_capacity(jobs.len());
    for Job { image, taken, reply } in jobs {
        images.push(image);
        held.push(taken);
        replies.push(reply);
    }
    metrics.batch(images.len());
    let rows = match model.run(&images) {
        Ok(rows) => rows.into_iter().map(Ok).collect(),
        // One image must not take the others along: each is run alone.
        Err(_) if images.len() > 1 => images.iter().map(|image| alone(model, image)).collect(),
        Err(error) => vec![Err(error)],
    };
    for (reply, row) in replies.into_iter().zip(rows) {
        // Nobody waits any more where the client has gone.
        let _ = reply.send(row);
    }
}

fn alone(model: &mut Model, image: &Image) -> Result<Output> {
    let mut rows = model.run(std::slice::from_ref(image))?;
    rows.pop().ok_or_else(|| Error::new("model", "gave no row"))
}
