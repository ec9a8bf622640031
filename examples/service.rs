//! The service on a port. `cargo run --release -p prep-onnx-examples --example service -- --help`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use prep_onnx::runtime::{self, Search};
use prep_onnx_examples::{Config, Model, serve};
use prep_onnx_pipeline::{Error, Result};

/// Serve a model that `prep-onnx embed --accept ragged` wrote
#[derive(Parser)]
struct Options {
    /// The embedded model
    model: PathBuf,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Images inside at once; one more is answered 503
    #[arg(long, default_value_t = Config::default().queue)]
    queue: usize,
    /// Longest body in bytes; a longer one is answered 413
    #[arg(long, default_value_t = Config::default().body)]
    body: usize,
    /// Bytes of bodies in memory at once, and bytes of pixels
    #[arg(long, default_value_t = Config::default().memory)]
    memory: usize,
    /// Most images of a batch
    #[arg(long, default_value_t = Config::default().batch)]
    batch: usize,
    /// Milliseconds that the first image of a batch waits for others
    #[arg(long, default_value_t = 2)]
    wait: u64,
    /// Threads of the model [default: one per core]
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for (label, text) in [("why", error.reason()), ("fix", error.help())] {
                if let Some(text) = text {
                    eprintln!("  {label}: {text}");
                }
            }
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let library = runtime::ensure(&Search::from_env(), &mut |line| eprintln!("{line}"))?;
    let loaded = runtime::load(&library)?;
    let model = Model::open(loaded.environment(), &options.model, options.threads)?;
    let config = Config {
        queue: options.queue,
        body: options.body,
        memory: options.memory,
        batch: options.batch,
        wait: Duration::from_millis(options.wait),
        ..Config::default()
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Error::new("service", error))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen)
            .await
            .map_err(|error| {
                Error::new(options.listen, format_args!("cannot be listened on: {error}"))
                    .fix("choose another address with --listen; port 0 is any free one")
            })?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::new("service", error))?;
        println!("listening on http://{address}");
        let answers = serve(listener, model, config, stop()).await?;
        println!("stopped after {answers} answers");
        Ok(())
    })
}

/// Ctrl-C, or the signal that asks a process to end.
async fn stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut ended) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = ended.recv() => {}
            }
            return;
        }
    }
    // A signal that cannot be waited for leaves the service running.
    if interrupted.await.is_err() {
        std::future::pending::<()>().await;
    }
}
