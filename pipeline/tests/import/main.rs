//! Reading configs of other libraries: what they become, and how refusals read.

mod huggingface;
mod refusals;
mod sizes;
mod timm;

use prep_onnx_pipeline::{Filter, Import, Notation, Pipeline, Resampler, Result, SizeRule, import, steps::*};
use serde_json::{Value, json};

pub(crate) fn read(config: &Value, resampler: Option<Resampler>) -> Result<Import> {
    import(&config.to_string(), Notation::Json, resampler)
}

pub(crate) fn vit() -> Value {
    json!({
        "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
        "rescale_factor": 1.0 / 255.0, "size": {"height": 224, "width": 224}
    })
}

pub(crate) fn edited(mut config: Value, changes: Value) -> Value {
    let (Value::Object(config_map), Value::Object(changes)) = (&mut config, changes) else {
        unreachable!("both are tables");
    };
    config_map.extend(changes);
    config
}

pub(crate) fn resize(size: SizeRule, filter: Filter, resampler: Resampler) -> Step {
    Step::Resize(Resize::new(size, filter, resampler))
}

#[test]
fn our_own_pipelines_change_their_resampler() {
    let text = "[[steps]]\nstep = \"resize\"\nsize = { exact = [8, 8] }\nfilter = \"box\"\n";
    let plain = import(text, Notation::Toml, None).unwrap();
    assert_eq!(plain.pipeline, Pipeline::parse(text, Notation::Toml).unwrap());
    assert_eq!(plain.notes, [""; 0]);
    let swapped = import(text, Notation::Toml, Some(Resampler::Pillow12)).unwrap();
    assert_eq!(
        swapped.notes,
        ["the resize is pillow12's now, not the one that the pipeline names"]
    );
    let error = import(text, Notation::Toml, Some(Resampler::Torchvision)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: steps[0].filter: resampler torchvision has no such filter: expected one of nearest, nearest_exact, bilinear, bicubic, lanczos, got box"
    );
}
