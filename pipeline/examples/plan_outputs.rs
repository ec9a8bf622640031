//! Writes what the reference makes of the cases that `tests/goldens/make_plan_goldens.py --measure` compares with the libraries
//! value by value: FOLDER/NAME.HEIGHTxWIDTH.json has the pipeline; NAME.HEIGHTxWIDTH.in the pixels, [height, width, 3];
//! the tensor goes to NAME.HEIGHTxWIDTH.out.

use std::error::Error;
use std::path::Path;

use ndarray::Array3;
use prep_onnx_pipeline::{Dtype, Layout, Notation, Pipeline};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: plan_outputs FOLDER")?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            write(&path)?;
        }
    }
    Ok(())
}

fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let stem = path.with_extension("");
    let named = |ending: &str| format!("{}.{ending}", stem.display());
    let size = stem.extension().and_then(|size| size.to_str()).ok_or("no size")?;
    let (height, width) = size.split_once('x').ok_or("no size")?;
    let pixels = std::fs::read(named("in"))?;
    let image = Array3::from_shape_vec((height.parse()?, width.parse()?, 3), pixels)?;
    let pipeline = Pipeline::parse(&std::fs::read_to_string(path)?, Notation::Json)?;
    let dtype = pipeline.output.dtype.unwrap_or(Dtype::Float32);
    let tensor = pipeline.reference(image.view(), Layout::Nchw, dtype)?;
    std::fs::write(named("out"), tensor.to_le_bytes())?;
    Ok(())
}
