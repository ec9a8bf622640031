//! Addresses, against a server on the loopback: limits and failures are values.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;

use prep_onnx_loader::{DecodeOptions, ErrorKind, Limits, Loader, Source};

/// Serves an image, a body without end, and 404 for the rest.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0; 2048];
            let read = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let body = common::read("jpeg/gray.jpg");
            let head = |status: &str, length: usize| {
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
            };
            if request.starts_with("GET /image ") {
                let _ = stream.write_all(head("200 OK", body.len()).as_bytes());
                let _ = stream.write_all(&body);
            } else if request.starts_with("GET /short ") {
                let _ = stream.write_all(head("200 OK", body.len() + 10).as_bytes());
                let _ = stream.write_all(&body);
            } else if request.starts_with("GET /endless ") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                while stream.write_all(&[0xFF; 4096]).is_ok() {}
            } else {
                let _ = stream.write_all(head("404 Not Found", 0).as_bytes());
            }
        }
    });
    address
}

#[test]
fn addresses_load_or_fail_as_values() {
    let base = serve();
    let paths = ["/image", "/absent", "/endless", "/short"];
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| Source::url(format!("{base}{path}")))
        .collect();
    sources.push(Source::url("http://127.0.0.1:1/refused"));
    let options = DecodeOptions::default().limits(Limits::default().max_file_bytes(100_000));
    let batch = Loader::builder()
        .threads(2)
        .decode(options)
        .build(sources)
        .unwrap()
        .next()
        .unwrap();
    let kinds: Vec<Option<ErrorKind>> = batch
        .items()
        .iter()
        .map(|item| item.size.as_ref().err().map(|error| error.kind()))
        .collect();
    let network = Some(ErrorKind::Network);
    assert_eq!(
        kinds,
        [None, network, Some(ErrorKind::Limit), network, network],
        "{batch:?}"
    );
    assert_eq!(batch.items()[0].id, format!("{base}/image"));
    assert_eq!(batch.len(), 1);
}
