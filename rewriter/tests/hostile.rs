//! Damaged and hostile files: an error or a result, never a panic, never a long wait.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::time::{Duration, Instant};

use common::{OnDisk, insertion, on_disk, raw, zoo};
use onnx_protobuf::Message;
use prep_onnx_rewriter::{ImageInput, Model, insert, inspect, strip};

/// Everything that reads a file.
fn exercise(path: &std::path::Path) -> Result<(), String> {
    let model = Model::open(path).map_err(|error| error.to_string())?;
    serde_json::to_string(&inspect(&model)).unwrap();
    let _ = strip(&model).and_then(|edit| edit.write(path.with_extension("stripped")));
    let input = ImageInput::find(&model, None).map_err(|error| error.to_string())?;
    let edit =
        insert(&model, &input.name, &insertion(&model, &input.name)).map_err(|error| error.to_string())?;
    let out = path.with_extension("embedded");
    edit.write(&out).map_err(|error| error.to_string())?;
    // What was embedded comes back, whatever it was.
    let back = path.with_extension("back");
    strip(&Model::open(&out).unwrap()).unwrap().write(&back).unwrap();
    assert!(std::fs::read(back).unwrap() == std::fs::read(path).unwrap());
    Ok(())
}

fn error_of(bytes: &[u8]) -> String {
    let file = on_disk(bytes);
    let start = Instant::now();
    let error = exercise(&file.path).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!error.contains('\n') && error.contains("model.onnx: "), "{error}");
    error.split_once("model.onnx: ").unwrap().1.to_owned()
}

fn embedded(entry: &zoo::Entry) -> (OnDisk, Vec<u8>) {
    let file = on_disk(&entry.bytes);
    let model = Model::open(&file.path).unwrap();
    insert(&model, entry.image_input, &insertion(&model, entry.image_input))
        .unwrap()
        .write(file.out())
        .unwrap();
    let bytes = std::fs::read(file.out()).unwrap();
    (file, bytes)
}

fn small_models() -> Vec<zoo::Entry> {
    let small = |entry: &zoo::Entry| entry.bytes.len() < 4000 && entry.data.is_empty();
    zoo::all().into_iter().filter(small).collect()
}

#[test]
fn files_that_are_no_models() {
    assert_eq!(
        error_of(b""),
        "the file is empty: expected an ONNX model, got 0 bytes"
    );
    assert!(error_of(&[0; 64]).starts_with("byte 0: holds no valid field number"));
    assert!(
        error_of(&[0xff; 64])
            .starts_with("byte 0: an integer is too long: expected at most 5 bytes, got more")
    );
    assert_eq!(
        error_of(&raw::encode(&[raw::integer(1, 8), raw::bytes(2, "tool")], 0)),
        "is not an ONNX model: expected a protobuf ModelProto with a graph, got no graph"
    );
    let missing = Model::open("no/such/model.onnx").unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("no/such/model.onnx: cannot be read: ")
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(
        Model::open(folder.path())
            .unwrap_err()
            .to_string()
            .ends_with("is not a file: expected an ONNX model, got a folder")
    );
}

#[test]
fn claims_about_lengths() {
    // A graph of 2^40 bytes.
    let mut bytes = vec![0x3a];
    bytes.extend(raw::varint(1 << 40, 0));
    assert_eq!(
        error_of(&bytes),
        "byte 0: a field claims more bytes than its message or the file has: field 7: expected at most 0 bytes, got 1099511627776"
    );
    let mut bytes = vec![0x3a];
    bytes.extend(raw::varint(u64::MAX, 0));
    bytes.extend([0; 100]);
    assert!(error_of(&bytes).contains("got 18446744073709551615"));
    // A name that ends after its node.
    let node = [0x0a, 20, b'x'];
    let graph = raw::encode(&[raw::bytes(1, node), raw::bytes(2, "graph name and more")], 0);
    assert!(error_of(&raw::encode(&[raw::bytes(7, graph)], 0)).contains("expected at most 1 bytes, got 20"));
}

#[test]
fn deep_nesting() {
    const SIZE: usize = 2 << 20;
    // Groups: start tags of field 1 (wire type 3), at the top and inside the graph.
    assert!(error_of(&[0x0b; SIZE]).starts_with("byte 0: field 1 is a group"));
    assert!(error_of(&raw::encode(&[raw::bytes(7, vec![0x0b; SIZE])], 0)).contains("is a group"));

    let nest = |path: &[u32]| {
        let mut fields: Vec<u8> = Vec::new();
        // From the inside out, built backwards: prepending to 2 MB again and again takes too long.
        let mut len = 0;
        'full: loop {
            for number in path.iter().rev() {
                let mut header = raw::varint(u64::from(number << 3 | 2), 0);
                header.extend(raw::varint(len as u64, 0));
                len += header.len();
                fields.extend(header.iter().rev());
                if len > SIZE {
                    break 'full;
                }
            }
        }
        fields.reverse();
        fields
    };
    // graph -> node -> attribute -> graph
    let error = error_of(&raw::encode(&[raw::bytes(7, nest(&[1, 5, 6]))], 0));
    assert!(
        error.ends_with("messages are nested too deeply: expected at most 100 levels, got more"),
        "{error}"
    );
}

#[test]
fn nested_types_in_an_input() {
    let mut value_type = Vec::new();
    for _ in 0..2000 {
        value_type = raw::encode(&[raw::bytes(4, raw::encode(&[raw::bytes(1, value_type)], 0))], 0);
    }
    let input = raw::encode(&[raw::bytes(1, "x"), raw::bytes(2, value_type)], 0);
    let graph = raw::encode(&[raw::bytes(11, input)], 0);
    let error = error_of(&raw::encode(&[raw::integer(1, 8), raw::bytes(7, graph)], 0));
    assert!(error.contains("messages are nested too deeply"), "{error}");
}

#[test]
fn a_plan_in_a_node_with_deeply_nested_types() {
    // inspect reads the plan of a node of ours, whatever else the node holds.
    let mut value_type = Vec::new();
    for _ in 0..2000 {
        value_type = raw::encode(&[raw::bytes(4, raw::encode(&[raw::bytes(1, value_type)], 0))], 0);
    }
    let odd = raw::bytes(
        5,
        raw::encode(&[raw::bytes(1, "type"), raw::bytes(14, value_type)], 0),
    );
    let plan = raw::bytes(
        5,
        raw::encode(&[raw::bytes(1, "plan"), raw::bytes(4, "{\"version\":1}")], 0),
    );
    let node = raw::encode(&[odd, plan, raw::bytes(4, "Op"), raw::bytes(7, "prep.onnx")], 0);
    let opset = raw::encode(&[raw::bytes(1, "prep.onnx"), raw::integer(2, 1)], 0);
    let graph = raw::encode(&[raw::bytes(1, node)], 0);
    let file = on_disk(&raw::encode(&[raw::bytes(7, graph), raw::bytes(8, opset)], 0));
    let embedded = inspect(&Model::open(&file.path).unwrap()).embedded.unwrap();
    assert_eq!(embedded.plan.unwrap()["version"], 1);
}

#[test]
fn many_names_and_many_data_files() {
    // 2 MB of names that are all candidates for what embedding would call its own.
    let mut fields = Vec::new();
    for index in 1..60_000 {
        fields.push(raw::bytes(
            1,
            raw::encode(&[raw::bytes(2, format!("prep_onnx_{index}/x"))], 0),
        ));
    }
    fields.push(raw::bytes(1, raw::encode(&[raw::bytes(2, "prep_onnx/x")], 0)));
    let file = on_disk(&raw::encode(&[raw::bytes(7, raw::encode(&fields, 0))], 0));
    let start = Instant::now();
    assert_eq!(
        Model::open(&file.path).unwrap().free_prefix("prep_onnx"),
        "prep_onnx_60000/"
    );

    let entry =
        |key: &str, value: &str| raw::bytes(13, raw::encode(&[raw::bytes(1, key), raw::bytes(2, value)], 0));
    let tensor = |index: i32| {
        raw::encode(
            &[entry("location", &format!("{index}.bin")), raw::integer(14, 1)],
            0,
        )
    };
    let fields: Vec<_> = (0..40_000).map(|index| raw::bytes(5, tensor(index))).collect();
    std::fs::write(
        &file.path,
        raw::encode(&[raw::bytes(7, raw::encode(&fields, 0))], 0),
    )
    .unwrap();
    assert_eq!(Model::open(&file.path).unwrap().external_files().len(), 40_000);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());

    let inputs: Vec<_> = (0..100)
        .map(|index| {
            let name = format!("x{index}");
            raw::bytes(
                11,
                common::build::tensor_info(&name, 1, &["b", "3", "h", "w"])
                    .write_to_bytes()
                    .unwrap(),
            )
        })
        .collect();
    let error = error_of(&raw::encode(&[raw::bytes(7, raw::encode(&inputs, 0))], 0));
    assert!(
        error.ends_with("`x19` float32 [b, 3, h, w]; and 80 more"),
        "{error}"
    );
}

#[test]
fn cut_at_every_byte() {
    let models = small_models();
    let entry = models.iter().min_by_key(|entry| entry.bytes.len()).unwrap();
    for bytes in [&entry.bytes, &embedded(entry).1] {
        let file = on_disk(b"");
        for len in 0..bytes.len() {
            std::fs::write(&file.path, &bytes[..len]).unwrap();
            let _ = exercise(&file.path);
        }
    }
}

#[test]
fn flipped_bits() {
    // A linear congruential generator: the same flips in every run.
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let file = on_disk(b"");
    let models = small_models();
    let (mut read, mut refused) = (0, 0);
    for round in 0..2500 {
        let entry = &models[round % models.len()];
        let mut bytes = if round % 3 == 0 {
            embedded(entry).1
        } else {
            entry.bytes.clone()
        };
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] ^= 1 << random(8);
        }
        std::fs::write(&file.path, bytes).unwrap();
        match exercise(&file.path) {
            Ok(()) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}

#[test]
fn a_record_with_impossible_numbers() {
    let models = small_models();
    let (file, bytes) = embedded(&models[0]);
    let text = |record: &str| {
        let mut fields = raw::decode(&bytes);
        fields.last_mut().unwrap().value =
            raw::encode(&[raw::bytes(1, "prep_onnx.strip"), raw::bytes(2, record)], 0);
        std::fs::write(file.out(), raw::encode(&fields, 0)).unwrap();
        strip(&Model::open(file.out()).unwrap()).unwrap_err().to_string()
    };
    for changes in [
        "[[18446744073709551615,18446744073709551615,\"\"]]",
        "[[0,9223372036854775808,\"\"],[0,9223372036854775808,\"\"]]",
        "[[10,1,\"00\"],[5,1,\"00\"]]",
        "[[0,0,\"0\"]]",
        "[[0,0,\"zz\"]]",
        "[]",
    ] {
        for length in [0, 1, u64::MAX] {
            let error = text(&format!(
                "{{\"version\":1,\"length\":{length},\"sha256\":\"\",\"changes\":{changes}}}"
            ));
            assert!(error.contains("changed after embedding"), "{error}");
        }
    }
    assert!(text("{}").contains("prep_onnx.strip: is not what embed writes"));
    assert!(
        text("{\"version\":2,\"length\":1,\"sha256\":\"\",\"changes\":[]}")
            .contains("has an unknown version: expected 1, got 2")
    );
}
