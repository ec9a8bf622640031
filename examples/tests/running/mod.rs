//! A service in the process of a test.
#![allow(dead_code, reason = "each user takes a part of it")]

use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;

use prep_onnx::runtime::{self, Loaded, Search};
use prep_onnx_examples::{Config, Model, serve};
use prep_onnx_pipeline::Result;

use crate::common::{self, Client, Picture};

/// ONNX Runtime; `None`, with a report, where there is none.
pub(crate) fn loaded() -> Option<Loaded> {
    let found = runtime::ensure(&Search::from_env(), &mut |line| eprintln!("{line}"));
    match found.and_then(|found| runtime::load(&found)) {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name == "runtime"), "{error:?}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// A service in this process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) stop: tokio::sync::oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<Result<u64>>,
}

impl Running {
    pub(crate) fn start(config: Config) -> Option<Self> {
        let loaded = loaded()?;
        let folder = tempfile::tempdir().unwrap();
        let path = common::model(folder.path()).unwrap();
        let pictures = common::pictures(&loaded, &path, 24).unwrap();
        Some(Self::of(&loaded, &path, config, pictures))
    }

    /// With a model of one's own.
    pub(crate) fn of(loaded: &Loaded, path: &Path, config: Config, pictures: Vec<Picture>) -> Self {
        let model = Model::open(loaded.environment(), path, 1).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let ended = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, model, config, async {
                    stopped.await.unwrap();
                })
                .await
            })
        });
        Self {
            address: told.recv().unwrap(),
            pictures,
            stop,
            ended,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    pub(crate) fn stop(self) -> u64 {
        self.stop.send(()).unwrap();
        self.ended.join().unwrap().unwrap()
    }
}
