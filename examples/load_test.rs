//! Load on the service over loopback: rates and latencies, and what must hold meanwhile.
//!
//! `cargo build --release -p prep-onnx-examples --examples && target/release/examples/load_test`
//! starts the `service` beside it, so that memory and signals are those of a process of its own.

#[path = "common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use common::{Client, Picture, Seen, is_of, load};
use prep_onnx::runtime::{self, Search};
use prep_onnx_pipeline::{Error, Result};

/// Put load on the service that lies beside this program
#[derive(Parser)]
struct Options {
    /// Seconds for each number of connections
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    connections: Vec<usize>,
}

/// The service as a process; it is ended when this is dropped.
struct Service {
    process: Child,
    said: BufReader<std::process::ChildStdout>,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn failed(what: impl std::fmt::Display) -> Error {
    Error::new("load test", what)
}

impl Service {
    fn start(model: &Path) -> Result<Self> {
        let program = std::env::current_exe()
            .map_err(failed)?
            .with_file_name(format!("service{}", std::env::consts::EXE_SUFFIX));
        let mut process = Command::new(&program)
            .arg(model)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Error::new(program.display(), format_args!("does not start: {error}"))
                    .fix("build it: cargo build --release -p prep-onnx-examples --examples")
            })?;
        let said = process
            .stdout
            .take()
            .ok_or_else(|| failed("the service has no output"))?;
        let mut service = Self {
            process,
            said: BufReader::new(said),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let line = service.line()?;
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.parse().ok());
        service.address = address.ok_or_else(|| failed(format_args!("the service said: {line}")))?;
        Ok(service)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line).map_err(failed)?;
        Ok(line.trim_end().to_owned())
    }

    /// Resident memory in megabytes.
    fn memory(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes / 1e3)
    }

    /// Asks it to end, and returns how many answers it says that it gave.
    fn stop(mut self) -> Result<u64> {
        self.ask_to_end()?;
        self.answers()
    }

    fn ask_to_end(&self) -> Result<()> {
        let status = Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(failed(format_args!("kill: {other:?}"))),
        }
    }

    fn answers(&mut self) -> Result<u64> {
        let line = self.line()?;
        let answers = line
            .strip_prefix("stopped after ")
            .and_then(|rest| rest.split(' ').next()?.parse().ok());
        let status = self.process.wait().map_err(failed)?;
        match answers {
            Some(answers) if status.success() => Ok(answers),
            _ => Err(failed(format_args!(
                "the service ended with {status} and said: {line}"
            ))),
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(fix) = error.help() {
                eprintln!("  fix: {fix}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("prep-onnx-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let result = measure(options, &folder);
    // What cannot be removed only takes space.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

/// Megabytes that an allocator may hold more after a load than before it, where nothing is lost.
const MAX_GROWTH: f64 = 64.0;

fn measure(options: &Options, folder: &Path) -> Result<()> {
    let library = runtime::ensure(&Search::from_env(), &mut |line| eprintln!("{line}"))?;
    let loaded = runtime::load(&library)?;
    let model = common::model(folder)?;
    let pictures = common::pictures(&loaded, &model, 200)?;
    let service = Service::start(&model)?;

    // Pools of threads and memory are filled before memory is looked at.
    let most = options.connections.iter().copied().max().unwrap_or(1);
    check(&load(service.address, most, &pictures, &|begun| {
        begun < 40 * most
    }))?;
    let before = service.memory();
    println!(
        "| connections | requests/s | p50 ms | p99 ms | answered | bad images | lost or mixed up | resident MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for connections in &options.connections {
        let end = Instant::now() + Duration::from_secs(options.seconds);
        let seen = load(service.address, *connections, &pictures, &|_| {
            Instant::now() < end
        });
        let megabytes = service
            .memory()
            .map_or_else(|| "unknown".to_owned(), |mb| format!("{mb:.0}"));
        println!(
            "| {connections} | {:.0} | {:.2} | {:.2} | {} | {} | {} | {megabytes} |",
            seen.rate(),
            seen.quantile(0.5).as_secs_f64() * 1e3,
            seen.quantile(0.99).as_secs_f64() * 1e3,
            seen.right,
            seen.bad,
            seen.wrong.len() + seen.closed,
        );
        check(&seen)?;
    }
    println!();
    if let (Some(before), Some(after)) = (before, service.memory()) {
        println!("resident memory: {before:.0} MB before, {after:.0} MB after");
        if after > before + MAX_GROWTH {
            return Err(failed(format_args!(
                "resident memory grew from {before:.0} to {after:.0} MB"
            )));
        }
    }
    oversized(&service, &pictures)?;
    let answers = service.stop()?;
    println!("idle stop: ended after {answers} answers");
    stop_under_load(&model, &pictures, most)
}

/// Everything answered rightly.
fn check(seen: &Seen) -> Result<()> {
    match (seen.wrong.first(), seen.closed, seen.refused) {
        (None, 0, 0) => Ok(()),
        (wrong, closed, refused) => Err(failed(format_args!(
            "{} wrong answers, first {wrong:?}; {closed} connections closed; {refused} refused",
            seen.wrong.len()
        ))),
    }
}

/// A body that is too long is refused in JSON; the next image is answered.
fn oversized(service: &Service, pictures: &[Picture]) -> Result<()> {
    let post = |body: &[u8]| Client::connect(service.address)?.post("image/png", body);
    let refused = post(&vec![0; (16 << 20) + 1]).map_err(failed)?;
    if refused.status != 413 || refused.json()["error"]["kind"] != "body_too_long" {
        return Err(failed(format_args!(
            "a body that is too long was answered {}",
            refused.status
        )));
    }
    println!(
        "a body of 16 MiB + 1: {} {}",
        refused.status,
        refused.json()["error"]["what"]
    );
    match post(&pictures[0].file) {
        Ok(answer) if is_of(&answer.json(), &pictures[0]) => Ok(()),
        _ => Err(failed(
            "the service does not answer after a body that was too long",
        )),
    }
}

/// The service is asked to end while every connection is busy.
fn stop_under_load(model: &Path, pictures: &[Picture], connections: usize) -> Result<()> {
    let mut service = Service::start(model)?;
    let begun = AtomicUsize::new(0);
    let seen = std::thread::scope(|scope| {
        let clients = scope.spawn(|| {
            load(service.address, connections, pictures, &|index| {
                begun.store(index, Ordering::Relaxed);
                true
            })
        });
        while begun.load(Ordering::Relaxed) < 1000 && !clients.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        service.ask_to_end()?;
        clients.join().map_err(|_| failed("a client panicked"))
    })?;
    let answers = service.answers()?;
    if !seen.wrong.is_empty() || answers != seen.answered() as u64 {
        return Err(failed(format_args!(
            "the service gave {answers} answers, the clients got {}; wrong: {:?}",
            seen.answered(),
            seen.wrong.first()
        )));
    }
    println!(
        "stop under load, {connections} connections: {answers} answers given, {} received, all right",
        seen.answered()
    );
    Ok(())
}
