//! The connections: how many there are, how long each may say nothing, and how they end.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper::{Request, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often a connection that is to end is looked at; one that waits for its client twice in a row is closed.
const AT_STOP: Duration = Duration::from_secs(1);
/// The same where its place is wanted.
const AT_ONCE: Duration = Duration::from_millis(100);
/// How long to wait for a place or a descriptor.
const RETRY: Duration = Duration::from_millis(20);

/// One connection, as others see it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Requests that have arrived as a whole and are not answered.
    busy: AtomicUsize,
    /// Set once: it is to end, and is looked at so often.
    ending: OnceLock<Duration>,
    end: Notify,
}

/// A request that has arrived as a whole: its connection is not closed before it is answered.
pub(crate) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    fn end(&self, every: Duration) {
        // The first reason stays.
        let _ = self.ending.set(every);
        self.end.notify_one();
    }
}

/// The connections that are open, the oldest first.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<BTreeMap<u64, Arc<Connection>>>>);

impl Open {
    fn with<T>(&self, use_it: impl FnOnce(&mut BTreeMap<u64, Arc<Connection>>) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the older half of those that wait for their clients.
    fn make_room(&self) {
        self.with(|open| {
            let waiting: Vec<_> = open.values().filter(|one| !one.is_busy()).collect();
            let older = waiting.len().div_ceil(2);
            waiting.into_iter().take(older).for_each(|one| one.end(AT_ONCE));
        });
    }
}

/// The bounds of connections.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Most at once; one more closes those that wait for their clients.
    pub(crate) most: usize,
    /// How long the head of a request may take, and how long a connection may be idle.
    pub(crate) head: Duration,
    /// How long they may take to end.
    pub(crate) drain: Duration,
}

/// Serves connections until `stop` is done, then takes no more of them and ends those that there are. Whether each of
/// them ended by itself in time.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) -> bool {
    let open = Open::default();
    let mut tasks = JoinSet::new();
    let mut stop = pin!(stop);
    for id in 0.. {
        while tasks.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = accept(&listener, &open, bounds.most) => accepted,
        };
        let connection = Arc::new(Connection::default());
        open.with(|open| open.insert(id, Arc::clone(&connection)));
        let (open, router) = (open.clone(), router.clone());
        tasks.spawn(async move {
            hold(accepted, router, connection, bounds.head).await;
            open.with(|open| open.remove(&id));
        });
    }
    drop((listener, router));
    open.with(|open| open.values().for_each(|one| one.end(AT_STOP)));
    let all = async { while tasks.join_next().await.is_some() {} };
    tokio::time::timeout(bounds.drain, all).await.is_ok()
}

/// The next connection, once there is a place and a descriptor for it.
async fn accept(listener: &TcpListener, open: &Open, most: usize) -> TcpStream {
    loop {
        if open.with(|open| open.len()) < most.max(1) {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // The client has gone again.
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset
                    ) =>
                {
                    continue;
                }
                // Most likely no descriptor is left.
                Err(_) => {}
            }
        }
        open.make_room();
        tokio::time::sleep(RETRY).await;
    }
}

/// Serves one connection to its end.
async fn hold(stream: TcpStream, router: Router, connection: Arc<Connection>, head: Duration) {
    let router = TowerToHyperService::new(router);
    let shared = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&shared));
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // What goes wrong on a connection concerns its client, who sees it.
        _ = serving.as_mut() => return,
        () = connection.end.notified() => {}
    }
    serving.as_mut().graceful_shutdown();
    let every = connection.ending.get().copied().unwrap_or(AT_STOP);
    let mut waiting = 0;
    while waiting < 2 {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = tokio::time::sleep(every) => {}
        }
        waiting = if connection.is_busy() { 0 } else { waiting + 1 };
    }
}
