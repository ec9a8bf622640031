//! Any valid wire form of a model comes back identical.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::{self, FLOAT};
use common::raw::{self, RawField};
use common::{flat, insertion, on_disk, parse_bytes};
use onnx_protobuf::Message;
use prep_onnx_rewriter::{Model, insert, strip};
use proptest::collection::vec;
use proptest::prelude::*;

/// A field that no version of ONNX has.
fn unknown() -> impl Strategy<Value = RawField> {
    let payload = vec(any::<u8>(), 0..40);
    prop_oneof![
        (100..500_000_000_u32, payload).prop_map(|(number, value)| raw::bytes(number, value)),
        (100..500_000_000_u32, any::<u64>(), 0..3_usize).prop_map(|(number, value, padding)| {
            let value = if value >> 40 == 0 {
                raw::varint(value, padding)
            } else {
                raw::varint(value, 0)
            };
            RawField {
                number,
                wire_type: 0,
                value,
            }
        }),
        (100..500_000_000_u32, any::<[u8; 8]>()).prop_map(|(number, value)| RawField {
            number,
            wire_type: 1,
            value: value.to_vec()
        }),
        (100..500_000_000_u32, any::<[u8; 4]>()).prop_map(|(number, value)| RawField {
            number,
            wire_type: 5,
            value: value.to_vec()
        }),
    ]
}

/// Fields of a graph beside its image input.
fn graph_field() -> impl Strategy<Value = RawField> {
    let message = |number, message: Vec<u8>| raw::bytes(number, message);
    prop_oneof![
        4 => ("[a-z]{1,6}", "[a-z]{1,6}").prop_map(move |(from, to)| message(1, build::node("Relu", &[&from], &[&to]).write_to_bytes().unwrap())),
        2 => ("w[a-z]{1,6}", 0..200_i64).prop_map(move |(name, len)| message(5, build::zeros(&name, FLOAT, &[len]).write_to_bytes().unwrap())),
        1 => "t[a-z]{1,6}".prop_map(move |name| message(11, build::tensor_info(&name, 7, &["b", "s"]).write_to_bytes().unwrap())),
        1 => "[a-z]{1,6}".prop_map(move |name| message(12, build::tensor_info(&name, FLOAT, &["?"]).write_to_bytes().unwrap())),
        1 => "[a-z]{1,6}".prop_map(move |name| message(13, build::tensor_info(&name, FLOAT, &["?"]).write_to_bytes().unwrap())),
        1 => "[a-z ]{0,12}".prop_map(|text| raw::bytes(10, text)),
        1 => "[a-z ]{0,12}".prop_map(|text| raw::bytes(2, text)),
        2 => unknown(),
    ]
}

/// Fields of a model beside its graph.
fn model_field() -> impl Strategy<Value = RawField> {
    prop_oneof![
        2 => (0..2_u64, 1..11_u64, 0..3_usize).prop_map(|(_, version, padding)| RawField { number: 1, wire_type: 0, value: raw::varint(version, padding) }),
        1 => "[a-z ]{0,12}".prop_map(|text| raw::bytes(2, text)),
        1 => "[a-z ]{0,12}".prop_map(|text| raw::bytes(6, text)),
        1 => ("[a-z]{1,8}", "[a-z]{0,30}").prop_map(|(key, value)| raw::bytes(14, build::entry(&key, &value).write_to_bytes().unwrap())),
        1 => "com[.][a-z]{1,8}".prop_map(|domain| raw::bytes(8, build::opset(&domain, 1).write_to_bytes().unwrap())),
        1 => Just(raw::integer(5, 0)),
        2 => unknown(),
    ]
}

prop_compose! {
    /// A model whose image input `IMAGE` lies anywhere in one of one to three graph fields.
    fn model()(
        graphs in vec((vec(graph_field(), 0..8), 0..4_usize), 1..4),
        fields in vec(model_field(), 0..8),
        input_padding in 0..4_usize,
        holder in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        spots in vec(any::<prop::sample::Index>(), 5),
        padding in 0..4_usize,
    ) -> Vec<u8> {
        let info = raw::decode(&build::tensor_info("IMAGE", FLOAT, &["b", "3", "8", "8"]).write_to_bytes().unwrap());
        let input = raw::bytes(11, raw::encode(&info, input_padding));
        let holder = holder.index(graphs.len());
        let graphs = graphs.into_iter().enumerate().map(|(index, (mut fields, padding))| {
            if index == holder {
                fields.insert(place.index(fields.len() + 1), input.clone());
            }
            raw::bytes(7, raw::encode(&fields, padding))
        });
        let mut all = fields;
        let needed = [raw::integer(1, 7), raw::bytes(8, build::opset("", 17).write_to_bytes().unwrap())];
        for (field, spot) in needed.into_iter().chain(graphs).zip(spots) {
            all.insert(spot.index(all.len() + 1), field);
        }
        raw::encode(&all, padding)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn embedding_then_stripping_is_the_identity(bytes in model(), standard in any::<bool>()) {
        let file = on_disk(&bytes);
        let model = Model::open(&file.path).unwrap();
        let insertion = if standard { flat(&model, "IMAGE") } else { insertion(&model, "IMAGE") };
        insert(&model, "IMAGE", &insertion).unwrap().write(file.out()).unwrap();

        let parsed = parse_bytes(&std::fs::read(file.out()).unwrap());
        prop_assert_eq!(&parsed.graph.node[..insertion.nodes.len()], &insertion.nodes[..]);
        prop_assert!(parsed.graph.input.contains(&insertion.inputs[0]));
        prop_assert!(!parsed.graph.input.iter().any(|input| input.name == "IMAGE"));
        prop_assert!(parsed.graph.value_info.iter().any(|info| info.name == "IMAGE"));
        prop_assert!(standard || parsed.ir_version >= 8);

        let back = file.folder.path().join("back.onnx");
        strip(&Model::open(file.out()).unwrap()).unwrap().write(&back).unwrap();
        prop_assert!(std::fs::read(&back).unwrap() == bytes);
    }
}
