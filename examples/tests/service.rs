//! The service over loopback: every image its own answer, bounds that hold, and a stop that loses nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod running;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Client, bad, is_of, load};
use prep_onnx_examples::Config;
use running::Running;

#[test]
fn every_image_gets_its_own_answer_under_load() {
    let Some(service) = Running::start(Config::default()) else {
        return;
    };
    let outputs = service
        .pictures
        .iter()
        .map(|picture| format!("{:?}", picture.output));
    let different: HashSet<_> = outputs.collect();
    assert_eq!(
        different.len(),
        service.pictures.len(),
        "answers could not be told apart"
    );

    let seen = load(service.address, 8, &service.pictures, &|begun| begun < 400);
    assert_eq!(seen.wrong, Vec::<String>::new());
    assert_eq!((seen.right, seen.bad, seen.refused, seen.closed), (400, 40, 0, 0));

    let mut client = service.client();
    let health = client.get("/health").unwrap();
    assert_eq!((health.status, health.body.as_slice()), (200, b"ok\n".as_slice()));
    let metrics = String::from_utf8(client.get("/metrics").unwrap().body).unwrap();
    for line in [
        "prep_onnx_requests_total{status=\"200\"} 360",
        "prep_onnx_images_total{outcome=\"ok\"} 360",
        "prep_onnx_images_total{outcome=\"truncated\"} 14",
        "prep_onnx_queue_depth 0",
        "prep_onnx_request_seconds_count 400",
    ] {
        assert!(
            metrics.lines().any(|known| known == line),
            "{line} is not in\n{metrics}"
        );
    }
    assert_eq!(service.stop(), 400);
}

#[test]
fn a_bad_image_in_a_form_takes_nobody_along() {
    let Some(service) = Running::start(Config::default()) else {
        return;
    };
    let mut client = service.client();
    let (broken, status, kind) = bad(&service.pictures, 0);
    let files = [
        ("first", service.pictures[0].file.as_slice()),
        ("broken", &broken),
        ("last", &service.pictures[1].file),
    ];
    let answer = client.post_form(&files).unwrap();
    assert_eq!(answer.status, 200);
    let json = answer.json();
    let names: Vec<_> = (0..3)
        .map(|index| json["results"][index]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "broken", "last"]);
    assert!(is_of(&json["results"][0], &service.pictures[0]), "{json}");
    assert!(is_of(&json["results"][2], &service.pictures[1]), "{json}");
    let error = &json["results"][1];
    assert_eq!(
        (error["status"].as_u64(), error["error"]["kind"].as_str()),
        (Some(u64::from(status)), Some(kind))
    );
    assert!(
        error["error"]["what"].as_str().unwrap().starts_with("image: "),
        "{json}"
    );

    let answer = client
        .post("multipart/form-data; boundary=x", b"no form")
        .unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"]["kind"].as_str()),
        (400, Some("form"))
    );
    service.stop();
}

#[test]
fn what_is_too_long_or_too_large_is_refused_and_the_service_goes_on() {
    let config = Config {
        body: 1 << 20,
        pixels: 10_000,
        ..Config::default()
    };
    let Some(service) = Running::start(config) else {
        return;
    };
    let mut client = service.client();
    let answer = client.post("image/png", &vec![0; (1 << 20) + 1]).unwrap();
    let error = &answer.json()["error"];
    assert_eq!(
        (answer.status, error["kind"].as_str()),
        (413, Some("body_too_long"))
    );
    assert_eq!(
        error["what"],
        "body: is too long: expected at most 1048576 bytes, got more"
    );
    let answer = service
        .client()
        .post("image/png", &service.pictures[0].file)
        .unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"]["kind"].as_str()),
        (422, Some("limit"))
    );
    let answer = service.client().ask(1 << 40).unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"]["kind"].as_str()),
        (413, Some("body_too_long"))
    );
    assert_eq!(service.client().get("/health").unwrap().status, 200);
    service.stop();
}

#[test]
fn beyond_the_queue_is_answered_503_with_retry_after() {
    let config = Config {
        queue: 2,
        wait: Duration::from_millis(20),
        ..Config::default()
    };
    let Some(service) = Running::start(config) else {
        return;
    };
    let seen = load(service.address, 12, &service.pictures, &|begun| begun < 200);
    assert_eq!(seen.wrong, Vec::<String>::new());
    assert_eq!(seen.right + seen.refused, 200);
    assert!(
        seen.right > 0 && seen.refused > 0,
        "{} right, {} refused",
        seen.right,
        seen.refused
    );
    // A form needs a place for each image.
    let file = service.pictures[0].file.as_slice();
    let answer = service
        .client()
        .post_form(&[("a", file), ("b", file), ("c", file)])
        .unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    service.stop();
}

#[test]
fn a_stop_under_load_answers_everything_that_was_taken() {
    let Some(service) = Running::start(Config::default()) else {
        return;
    };
    let Running {
        address,
        pictures,
        stop,
        ended,
    } = service;
    let begun = AtomicUsize::new(0);
    let seen = std::thread::scope(|scope| {
        let clients = scope.spawn(|| {
            load(address, 16, &pictures, &|index| {
                begun.store(index, Ordering::Relaxed);
                true
            })
        });
        while begun.load(Ordering::Relaxed) < 200 {
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.send(()).unwrap();
        clients.join().unwrap()
    });
    assert_eq!(seen.wrong, Vec::<String>::new());
    // What the service has answered is what the clients have got: no answer was cut off.
    assert_eq!(ended.join().unwrap().unwrap(), seen.answered() as u64);
    assert!(Client::connect(address).is_err(), "nothing listens any more");
}
