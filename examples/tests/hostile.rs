//! Clients that send half of something, or nothing: the service answers others meanwhile, and stops in time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod running;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use common::is_of;
use prep_onnx_examples::Config;
use running::Running;

/// A connection that has sent these bytes and then says nothing.
fn silent(address: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

const HALF_A_HEAD: &str = "POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Half: ";
const CHUNKED: &str = "POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
const LONG: &str = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n12345";

/// Whether the picture gets its own answer.
fn answers(service: &Running) -> bool {
    let picture = &service.pictures[0];
    let answer = service.client().post("image/png", &picture.file).unwrap();
    answer.status == 200 && is_of(&answer.json(), picture)
}

#[test]
fn half_a_head_is_closed_in_time() {
    let config = Config {
        head: Duration::from_millis(300),
        ..Config::default()
    };
    let Some(service) = Running::start(config) else {
        return;
    };
    let started = Instant::now();
    let mut half = silent(service.address, HALF_A_HEAD);
    assert!(answers(&service));
    let mut rest = Vec::new();
    // Closed, with or without a word.
    let _ = half.read_to_end(&mut rest);
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    service.stop();
}

#[test]
fn bodies_that_do_not_come_hold_no_place() {
    let config = Config {
        queue: 4,
        memory: 8 << 20,
        pause: Duration::from_secs(2),
        ..Config::default()
    };
    let Some(service) = Running::start(config) else {
        return;
    };
    let mut silent: Vec<_> = [CHUNKED, LONG]
        .into_iter()
        .cycle()
        .take(40)
        .map(|sent| silent(service.address, sent))
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    assert!(answers(&service), "while 40 bodies do not come");
    for stream in &mut silent {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    service.stop();
}

#[test]
fn connections_that_wait_make_room_for_others() {
    let config = Config {
        connections: 8,
        head: Duration::from_secs(60),
        ..Config::default()
    };
    let Some(service) = Running::start(config) else {
        return;
    };
    let started = Instant::now();
    let held: Vec<_> = (0..40).map(|_| silent(service.address, HALF_A_HEAD)).collect();
    assert!(answers(&service));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    drop(held);
    service.stop();
}

#[test]
fn shapes_that_the_model_cannot_take_are_422() {
    let Some(service) = Running::start(Config::default()) else {
        return;
    };
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels = vec![0; 65_535];
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .unwrap();
        let answer = service.client().post("image/png", &file).unwrap();
        let json = answer.json();
        assert_eq!(
            (answer.status, json["error"]["kind"].as_str()),
            (422, Some("size")),
            "{json}"
        );
        let form = service.client().post_form(&[("thin", &file)]).unwrap();
        assert_eq!(
            (form.status, &form.json()["results"][0]["status"]),
            (200, &422.into())
        );
    }
    assert!(answers(&service));
    service.stop();
}

#[test]
fn silent_clients_do_not_hold_up_a_stop() {
    let Some(service) = Running::start(Config::default()) else {
        return;
    };
    let held: Vec<_> = ["", HALF_A_HEAD, CHUNKED, LONG]
        .into_iter()
        .cycle()
        .take(40)
        .map(|sent| silent(service.address, sent))
        .collect();
    assert!(answers(&service));
    let started = Instant::now();
    service.stop();
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    drop(held);
}

/// The service as a process with few descriptors, more of which are wanted than there are.
#[cfg(target_os = "linux")]
#[test]
fn few_descriptors_are_enough() {
    use std::io::BufRead;
    use std::process::{Command, Stdio};

    let program = std::env::current_exe().unwrap();
    let program = program
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/service");
    if !program.is_file() || running::loaded().is_none() {
        let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|name| name == "runtime"),
            "{}",
            program.display()
        );
        eprintln!("skipped: no {}", program.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let model = common::model(folder.path()).unwrap();
    let mut process = Command::new("sh")
        .args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""])
        .arg(&program)
        .arg(&model)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let held: Vec<_> = (0..120).map(|_| silent(address, HALF_A_HEAD)).collect();
    let started = Instant::now();
    let answer = common::Client::connect(address).unwrap().get("/health").unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    let killed = Command::new("kill")
        .args(["-TERM", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let started = Instant::now();
    let status = process.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    drop(held);
}
