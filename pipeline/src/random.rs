//! Random pipelines and images from seeds: the one generator that every suite draws from (feature `random`).
//!
//! A seed gives the same pipeline everywhere, so a failure is named by its seed.

use ndarray::Array3;

use crate::plan::{
    CanvasSize, GrayRule, Matrix, Mirror, OverviewPlace, PatchOrder, Plan, Range, SourceFormat, Turn,
};
use crate::steps::{
    Arithmetic, Blocks, CenterCrop, ChannelOrder, Crop, Grayscale, Letterbox, Normalize, Order, Overview,
    OverviewOf, Pad, PadAnchor, Rescale, RescaleNormalize, Resize, RotateTo, Step, Term,
};
use crate::{
    CropRule, Dtype, Filter, FitRounding, GridChoice, GridFit, GridList, Grids, Layout, Limit,
    LongestRounding, Pipeline, Precision, Resampler, SizeRule, SmallImage,
};

/// A stream of numbers: SplitMix64.
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to and without `end`.
    pub fn range(&mut self, low: usize, end: usize) -> usize {
        low + (self.bits() % (end - low) as u64) as usize
    }

    /// Whether an event of one chance in `times` happens.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.range(0, times) == 0
    }

    /// One of `items`.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.range(0, items.len())]
    }

    fn real(&mut self, low: f64, end: f64) -> f64 {
        low + (end - low) * (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn edge(&mut self) -> usize {
        if self.one_in(5) {
            self.range(1, 8)
        } else {
            self.range(1, 200)
        }
    }

    fn edges(&mut self) -> [usize; 2] {
        [self.edge(), self.edge()]
    }

    fn color(&mut self) -> [u8; 3] {
        if self.one_in(2) {
            [self.bits() as u8; 3]
        } else {
            [self.bits() as u8, self.bits() as u8, self.bits() as u8]
        }
    }

    fn reals(&mut self, low: f64, end: f64) -> [f64; 3] {
        [self.real(low, end), self.real(low, end), self.real(low, end)]
    }

    /// Tiles of a size, as a listed or a described set of grids.
    fn grid(&mut self, [height, width]: [usize; 2], fit: Option<GridFit>) -> SizeRule {
        let within = Grids::Within {
            least: self.pick(&[1, 2]),
            most: self.pick(&[2, 4, 9]),
            side: self.pick(&[2, 9]),
        };
        let listed: Vec<(usize, usize)> = (0..self.range(1, 9))
            .map(|_| (self.range(1, 5), self.range(1, 5)))
            .collect();
        let grids = match GridList::new(&listed) {
            Ok(list) if self.one_in(2) => Grids::Listed(list),
            _ => within,
        };
        let choice = self.pick(GridChoice::ALL);
        let fit = fit.unwrap_or_else(|| self.pick(GridFit::ALL));
        SizeRule::Grid {
            height: height.div_ceil(4),
            width: width.div_ceil(4),
            grids,
            choice,
            fit,
        }
    }

    fn size(&mut self) -> SizeRule {
        let [height, width] = self.edges();
        let (shortest, longest) = (height.min(width), height.max(width));
        let multiple = self.pick(&[1, 2, 7, 8, 14, 16]);
        match self.range(0, 37) {
            0..=2 => SizeRule::Exact { height, width },
            3 => SizeRule::ShortestEdge {
                size: height,
                max: None,
            },
            4 => SizeRule::ShortestEdge {
                size: shortest,
                max: Some(longest + 1),
            },
            5 => SizeRule::LongestEdge { size: height },
            6 => SizeRule::Cover { height, width },
            7 => SizeRule::CropPct {
                height,
                width,
                fraction: self.pick(&[0.875, 0.9, 0.95, 1.0, 1.15]),
            },
            8 => SizeRule::Detr { shortest, longest },
            9 => SizeRule::Yolos {
                shortest,
                longest,
                multiple,
            },
            10 => SizeRule::Fit {
                height,
                width,
                rounding: self.pick(FitRounding::ALL),
                enlarge: self.one_in(2),
            },
            11 => SizeRule::Dpt {
                height,
                width,
                multiple,
                keep_aspect_ratio: self.one_in(2),
            },
            12 => SizeRule::Textnet { shortest, multiple },
            13 => SizeRule::Glpn { multiple },
            14 => SizeRule::Vilt { shortest, multiple },
            15 => SizeRule::Thumbnail { height, width },
            16 => SizeRule::PaddleocrDet {
                limit: height,
                limit_type: self.pick(Limit::ALL),
                most: self.pick(&[None, Some(longest)]),
            },
            17 => SizeRule::Maskformer {
                shortest,
                longest,
                multiple,
            },
            18 => SizeRule::Longest {
                size: longest,
                least: self.pick(&[0, 1, shortest]),
                rounding: self.pick(LongestRounding::ALL),
            },
            19 => SizeRule::Pixtral {
                height,
                width,
                multiple,
            },
            20 => SizeRule::GlmImage {
                multiple,
                shortest,
                longest,
            },
            21 => SizeRule::Kimi {
                patch: multiple,
                patches: self.pick(&[1, 40, 300]),
                side: self.pick(&[1, 9, 40]),
            },
            22 => SizeRule::Lcnet { shortest, multiple },
            23 => SizeRule::Idefics2 {
                least: shortest,
                longest,
            },
            28 => SizeRule::Idefics3 { longest },
            29 => SizeRule::Idefics3Tiles { multiple },
            31 | 32 => self.grid([height, width], None),
            33 => SizeRule::Ultravbert {
                longest,
                tile: longest.div_ceil(self.pick(&[1, 3, 8])),
                tiles: self.pick(&[1, 4, 20]),
            },
            34 => SizeRule::Nemotron {
                patch: multiple,
                merge: self.pick(&[1, 2, 3]),
                least: self.pick(&[1, 20]),
                most: self.pick(&[8, 20, 300]),
            },
            35 => SizeRule::Glm5Next {
                multiple,
                frames: self.pick(&[1, 2]),
                least: self.pick(&[1, 8]),
                most: self.pick(&[8, 60, 300]),
                inside: self.one_in(2),
            },
            24 => SizeRule::Gemma4 {
                multiple,
                blocks: self.pick(&[1, 20, 140]),
            },
            25 => SizeRule::Naflex {
                patch: multiple,
                patches: self.pick(&[1, 20, 140]),
            },
            26 => SizeRule::PaddleocrCls { height, width },
            27 => SizeRule::Ddddocr { height },
            _ => SizeRule::Smart {
                multiple,
                min_pixels: 100,
                max_pixels: 40_000,
                frames: self.pick(&[1, 2]),
                small: self.pick(SmallImage::ALL),
            },
        }
    }

    fn resize(&mut self) -> Step {
        loop {
            let resampler = self.pick(&[
                Resampler::Pillow,
                Resampler::Pillow12,
                Resampler::Torchvision,
                Resampler::Torchvision,
                Resampler::Opencv,
            ]);
            let (filter, antialias) = (self.pick(Filter::ALL), !self.one_in(4));
            // Area and cubic of OpenCV have no exact form on every backend.
            let exact = resampler != Resampler::Opencv || !matches!(filter, Filter::Area | Filter::Bicubic);
            if exact && resampler.arithmetic(filter, antialias).is_ok() {
                return Step::Resize(Resize {
                    size: self.size(),
                    filter,
                    resampler,
                    antialias,
                });
            }
        }
    }

    fn canvas(&mut self, after_arithmetic: bool) -> Step {
        match self.range(0, 6) {
            0 | 1 => Step::CenterCrop(CenterCrop {
                size: self.edges(),
                offset: self.pick(CropRule::ALL),
            }),
            2 => Step::Crop(if self.one_in(2) {
                Crop {
                    size: Some(self.edges()),
                    top: self.range(0, 40),
                    left: self.range(0, 40),
                    of_shorter_edge: None,
                    offset: CropRule::HuggingFace,
                }
            } else {
                Crop {
                    size: None,
                    top: 0,
                    left: 0,
                    of_shorter_edge: Some([self.real(0.2, 1.2), self.real(0.2, 1.2)]),
                    offset: self.pick(CropRule::ALL),
                }
            }),
            _ => {
                let [height, width] = self.edges();
                let of = self.pick(&[1, 3, 8, 32]);
                let tiles = self.grid([height, width], Some(GridFit::Filled));
                let to = self.pick(&[
                    CanvasSize::Fixed { height, width },
                    CanvasSize::Square,
                    CanvasSize::Multiple { of },
                    CanvasSize::MultipleAbove { of },
                    CanvasSize::BatchLargest { multiple: of },
                    CanvasSize::OfSource { size: tiles },
                ]);
                let (color, value, mode) = match self.range(0, 4) {
                    0 => (None, None, Some(self.pick(Mirror::ALL))),
                    1 => (None, None, None),
                    _ if after_arithmetic => (None, Some(self.reals(-2.0, 2.0)), None),
                    _ => (Some(self.color()), None, None),
                };
                Step::Pad(Pad {
                    to,
                    anchor: self.pick(PadAnchor::ALL),
                    color,
                    value,
                    mode,
                })
            }
        }
    }

    fn arithmetic(&mut self) -> Vec<Step> {
        let (mean, std) = (self.reals(-1.0, 2.0), self.reals(0.05, 2.0));
        let rescale = |factor, divisor, offset, precision| {
            Step::Rescale(Rescale {
                factor,
                divisor,
                offset,
                precision,
            })
        };
        const FACTOR: f64 = 0.00392156862745098;
        match self.range(0, 6) {
            0 => vec![],
            5 => vec![Step::Arithmetic(Arithmetic {
                operations: vec![
                    Term::Divide([255.0; 3]),
                    Term::Subtract(mean),
                    if self.one_in(2) {
                        Term::Divide(std)
                    } else {
                        Term::Multiply(std)
                    },
                ],
                precision: self.pick(&[Precision::Float32, Precision::Float64]),
            })],
            1 => vec![
                rescale(None, Some(255.0), None, Precision::Float32),
                Step::Normalize(Normalize { mean, std }),
            ],
            2 => vec![
                rescale(Some(FACTOR), None, None, Precision::Float64),
                Step::Normalize(Normalize { mean, std }),
            ],
            3 => vec![Step::RescaleNormalize(RescaleNormalize {
                factor: FACTOR,
                mean,
                std,
            })],
            _ => vec![rescale(Some(std[0]), None, Some(mean[0]), Precision::Float64)],
        }
    }

    fn source(&mut self) -> SourceFormat {
        let (matrix, range) = (self.pick(Matrix::ALL), self.pick(Range::ALL));
        match self.range(0, 12) {
            0 => SourceFormat::Bgr,
            1 => SourceFormat::Gray,
            2 => SourceFormat::Rgba { over: None },
            3 => SourceFormat::Rgba {
                over: Some(self.color()),
            },
            4 => SourceFormat::Nv12 { matrix, range },
            5 => SourceFormat::I420 { matrix, range },
            _ => SourceFormat::Rgb,
        }
    }

    fn any_pipeline(&mut self) -> Pipeline {
        let mut steps = Vec::new();
        if self.one_in(12) {
            steps.push(Step::RotateTo(RotateTo {
                orientation: self.pick(Turn::ALL),
            }));
        }
        let gray = Step::Grayscale(Grayscale {
            rule: self.pick(GrayRule::ALL),
            channels: self.pick(&[1, 3]),
        });
        let gray_at = self.range(0, 12);
        if gray_at == 0 {
            steps.push(gray.clone());
        }
        for _ in 0..self.pick(&[0, 1, 1, 2, 2, 3, 4]) {
            steps.push(match self.range(0, 8) {
                0..=3 => self.resize(),
                4..=6 => self.canvas(false),
                _ => Step::Letterbox(Letterbox {
                    size: self.edges(),
                    color: self.color(),
                    scale_up: self.one_in(2),
                    stride: self.pick(&[None, None, Some(32), Some(5)]),
                    anchor: self.pick(&[PadAnchor::Center, PadAnchor::TopLeft]),
                    rounding: self.pick(FitRounding::ALL),
                    filter: Filter::Bilinear,
                    resampler: Resampler::Opencv,
                }),
            });
        }
        if gray_at == 1 {
            steps.push(gray);
        }
        let order = Step::ChannelOrder(ChannelOrder { order: Order::Bgr });
        if self.one_in(4) {
            steps.push(order.clone());
        }
        steps.extend(self.arithmetic());
        if self.one_in(4) {
            steps.push(self.canvas(true));
        }
        if self.one_in(8) {
            steps.push(order);
        }
        if self.one_in(8) {
            let unit = self.pick(&[4, 8]);
            steps.push(Step::CenterCrop(CenterCrop {
                size: [8 * self.range(1, 9), 8 * self.range(1, 9)],
                offset: CropRule::Torchvision,
            }));
            let tiles = self.one_in(2);
            let joined = self.one_in(2);
            let most = if tiles { 81 } else { 2_000 };
            let rows = (!joined && self.one_in(3)).then_some(most);
            let sample = tiles && !joined && self.one_in(3);
            let blocks = Blocks {
                tiles: tiles.then_some([unit; 2]),
                patches: (!tiles).then_some(4),
                frame: false,
                after_channels: false,
                rows,
                sample,
                merge: if tiles { 1 } else { self.pick(&[1, 2]) },
                repeat: if tiles { 1 } else { self.pick(&[1, 2]) },
                order: self.pick(PatchOrder::ALL),
                joined,
            };
            let frame = Blocks {
                tiles: None,
                patches: None,
                frame: true,
                after_channels: joined,
                rows: None,
                sample: false,
                merge: 1,
                repeat: 1,
                order: PatchOrder::ChannelsFirst,
                joined: false,
            };
            let frame = self.one_in(4).then_some(frame);
            if tiles && rows.is_none() && !sample && frame.is_none() && self.one_in(2) {
                let resampler = self.pick(&[Resampler::Pillow, Resampler::Torchvision]);
                let overview = Step::Overview(Overview {
                    size: [unit; 2],
                    filter: self.pick(&[Filter::Bilinear, Filter::Lanczos]),
                    resampler,
                    antialias: true,
                    of: OverviewOf::Source,
                    place: self.pick(OverviewPlace::ALL),
                    always: self.one_in(2),
                });
                if steps.iter().all(|step| !is_of_floats(step)) {
                    let before = steps.iter().position(is_arithmetic).unwrap_or(steps.len());
                    steps.insert(before, overview);
                }
            }
            steps.push(Step::Blocks(frame.unwrap_or(blocks)));
        }
        Pipeline {
            description: None,
            input: self.source(),
            steps,
            ..Pipeline::default()
        }
    }
}

/// A pipeline that compiles, of any version, with the form it compiles to. Without resizes of floats, and without the filters that
/// have no exact form.
pub fn pipeline(seed: u64) -> (Pipeline, Layout, Dtype) {
    let mut random = Random::new(seed);
    loop {
        let pipeline = random.any_pipeline();
        let layout = random.pick(Layout::ALL);
        let dtype = random.pick(&[Dtype::Float32, Dtype::Float32, Dtype::Float16, Dtype::Uint8]);
        if pipeline.check().is_ok() && pipeline.compile(layout, dtype).is_ok() {
            return (pipeline, layout, dtype);
        }
    }
}

/// An image in `format`, [rows, columns, values]: noise, or black and white only, which drives sums to their extremes.
pub fn image(seed: u64, format: SourceFormat) -> Array3<u8> {
    let mut random = Random::new(seed);
    let mut extent = || {
        if random.one_in(4) {
            random.range(1, 6)
        } else {
            random.range(1, 260)
        }
    };
    let (mut height, mut width) = (extent(), extent());
    if format.is_planar() {
        (height, width) = (height.div_ceil(2) * 2, width.div_ceil(2) * 2);
    }
    let extreme = random.one_in(2);
    Array3::from_shape_simple_fn((format.rows(height), width, format.source_channels()), || {
        let byte = (random.bits() >> 56) as u8;
        if extreme { 255 * (byte & 1) } else { byte }
    })
}

/// A batch of up to three images in the format of `plan`, none of which becomes larger than 400,000 pixels in any stage: plain code
/// has to execute it.
pub fn batch(seed: u64, plan: &Plan) -> Vec<Array3<u8>> {
    let mut random = Random::new(seed);
    let mut images = Vec::new();
    let count = random.range(1, 4);
    for _ in 0..24 {
        let image = image(random.bits(), plan.source);
        let size = plan.source.image_size(image.dim().0, image.dim().1);
        let geometry = size.and_then(|(height, width)| plan.geometry(height, width));
        let small = geometry.is_ok_and(|geometry| {
            let sizes = geometry.stages.iter().flat_map(|stage| {
                let resized = stage.resized.map_or(stage.input, |resized| resized.to);
                [resized, stage.output]
            });
            sizes.into_iter().all(|(height, width)| height * width <= 400_000)
        });
        if small {
            images.push(image);
        }
        if images.len() == count {
            break;
        }
    }
    images
}

/// The image that `tests/goldens/make_plan_goldens.py` makes, [height, width, channels]: noise over a slope.
pub fn recorded_image(height: usize, width: usize, channels: usize) -> Array3<u8> {
    let seed = (height * 65_536 + width) as u64;
    let mut index = 0_u64;
    Array3::from_shape_fn((height, width, channels), |(row, column, channel)| {
        index += 1;
        let state = index.wrapping_add(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let noise = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 56;
        ((noise as usize / 3 + 2 * column + 3 * row + 50 * channel) % 256) as u8
    })
}

fn is_arithmetic(step: &Step) -> bool {
    match step {
        Step::Rescale(_) | Step::Normalize(_) | Step::RescaleNormalize(_) | Step::Arithmetic(_) => true,
        Step::Resize(_)
        | Step::CenterCrop(_)
        | Step::Crop(_)
        | Step::Pad(_)
        | Step::Letterbox(_)
        | Step::RotateTo(_)
        | Step::Grayscale(_)
        | Step::ChannelOrder(_)
        | Step::Overview(_)
        | Step::Blocks(_) => false,
    }
}

fn is_of_floats(step: &Step) -> bool {
    matches!(step, Step::Resize(resize) if resize.resampler == Resampler::Torch)
}
