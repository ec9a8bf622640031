//! Random pipelines: the plan gives what the steps give, and survives its JSON.
#![cfg(feature = "random")]

use ndarray::ArrayView3;
use prep_onnx_pipeline::{Notation, Pipeline, Plan, Version, random};

#[test]
fn plans_equal_their_steps() {
    let cases: u64 = std::env::var("PREP_CASES").map_or(2000, |cases| cases.parse().unwrap());
    let (mut made, mut refused, mut later) = (0, 0, 0);
    for seed in 0..cases {
        let (pipeline, layout, dtype) = random::pipeline(seed);
        let json = pipeline.to_json();
        assert_eq!(
            Pipeline::parse(&json, Notation::Json).unwrap(),
            pipeline,
            "seed {seed}: {json}"
        );
        let plan = pipeline.compile(layout, dtype).unwrap();
        let text = plan.to_json();
        assert_eq!(Plan::from_json(&text).unwrap(), plan, "seed {seed}: {text}");
        later += u32::from(plan.version() == Version::V2);
        let images = random::batch(seed, &plan);
        let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
        match (
            pipeline.reference_batch(&views, layout, dtype),
            plan.reference(&views),
        ) {
            (Ok(steps), Ok(planned)) => {
                assert!(steps == planned, "seed {seed}: {json}");
                made += 1;
            }
            (Err(_), Err(_)) => refused += 1,
            (steps, planned) => panic!(
                "seed {seed}: {json}\nsteps {:?}\nplan {:?}",
                steps.err(),
                planned.err()
            ),
        }
    }
    assert!(
        made > 3 * refused && later > made / 3,
        "{made} made, {refused} refused, {later} of version 2"
    );
    eprintln!("{made} batches are equal, {refused} are refused by both; {later} plans are of version 2");
}
