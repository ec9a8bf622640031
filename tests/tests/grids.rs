//! Grids of tiles where the size of the image is not known beforehand: standard ops choose as the scalar reference does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ndarray::Array3;
use prep_onnx::host::Array;
use prep_onnx_pipeline::steps::{Resize, Step};
use prep_onnx_pipeline::{
    Accept, Dtype, Elements, Filter, GridChoice, GridFit, GridList, Grids, Layout, Pipeline, Resampler,
    SizeRule,
};
use prep_onnx_tests::planned::Planned;
use prep_onnx_tests::runtime;

/// Images that fit a grid, that none holds, and whose proportion none has on its side.
const SIZES: [(usize, usize); 8] = [
    (126, 100),
    (230, 142),
    (100, 126),
    (10, 10),
    (300, 20),
    (20, 300),
    (64, 64),
    (1, 1),
];

#[test]
fn standard_ops_choose_the_grid_of_the_reference() {
    let Some(loaded) = runtime() else { return };
    let lists: [&[(usize, usize)]; 3] = [&[(4, 2), (4, 3)], &[(2, 4), (3, 4)], &[(1, 1), (2, 3)]];
    for choice in GridChoice::ALL {
        for list in lists {
            let size = SizeRule::Grid {
                height: 9,
                width: 5,
                grids: Grids::Listed(GridList::new(list).unwrap()),
                choice: *choice,
                fit: GridFit::Filled,
            };
            let pipeline = Pipeline {
                steps: vec![Step::Resize(Resize::new(
                    size,
                    Filter::Bilinear,
                    Resampler::Pillow,
                ))],
                ..Pipeline::default()
            };
            let plan = pipeline.compile(Layout::Nchw, Dtype::Uint8).unwrap();
            let planned = Planned::new(&pipeline, &plan, 17, true);
            let mut backends = planned.backends(loaded, Accept::Batch, None);
            for (height, width) in SIZES {
                let image = Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
                    (row * 7 + column * 11 + channel * 90) as u8
                });
                let expected = planned.plan.reference(&[image.view()]).unwrap();
                let tensor = &expected.tensors[0];
                for (backend, session) in &mut backends {
                    let outputs = planned.run_batch(session, &[image.view()]).unwrap();
                    let (Array::Uint8(got), Elements::Uint8(values)) = (&outputs[0], &tensor.elements) else {
                        panic!("{:?}", outputs[0]);
                    };
                    assert_eq!(
                        got.shape(),
                        tensor.shape,
                        "{backend} {choice} {list:?} {height} x {width}"
                    );
                    assert!(
                        got.iter().eq(values),
                        "{backend} {choice} {list:?} {height} x {width}"
                    );
                }
            }
        }
    }
}
