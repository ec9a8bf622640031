//! The one list of known defects.

use prep_onnx_op::cuda::without_kernel;
use prep_onnx_pipeline::{DOMAIN, PLAN_ATTRIBUTE, Plan};
use prep_onnx_rewriter::portable::EXACT_PRODUCT;
use prep_onnx_rewriter::{ElementType, Node};

use super::{Effect, Lint, Target, kernels};

const CPU: &[Target] = &[Target::Cpu];
const CUDA: &[Target] = &[Target::Cuda];
/// Those whose kernels are ONNX Runtime's own, and were read or measured.
const OWN: &[Target] = &[Target::Cpu, Target::Cuda];
const ALL: &[Target] = &[
    Target::Cpu,
    Target::Cuda,
    Target::Tensorrt,
    Target::Openvino,
    Target::Webgpu,
    Target::Directml,
    Target::Coreml,
    Target::Qnn,
    Target::Xnnpack,
    Target::Mnn,
];

const FLOAT64: ElementType = ElementType(11);
const INT8: ElementType = ElementType(3);

/// Every known defect. The sources that are named were read or measured; nothing here was seen on a GPU but a software one.
pub const LINTS: &[Lint] = &[
    Lint {
        id: "resize-antialias-opset",
        providers: ALL,
        effect: Effect::Fails,
        finds: "Resize with antialias before opset 18",
        happens: "the model does not load: the attribute came with opset 18",
        versions: "all (measured)",
        fix: "embed with prep-onnx, whose body antialiases at every opset from 11, or convert the model to opset 18",
        matches: |node| antialias(node) && node.opset < 18,
    },
    Lint {
        id: "resize-antialias-float64",
        providers: CPU,
        effect: Effect::Fails,
        finds: "Resize with antialias of float64",
        happens: "the run fails: not implemented",
        versions: "1.32 and before (measured)",
        fix: "cast to float32 before it",
        matches: |node| antialias(node) && node.element(0) == Some(FLOAT64),
    },
    Lint {
        id: "resize-antialias-nhwc-8bit",
        providers: CUDA,
        effect: Effect::Fails,
        finds: "Resize with antialias of 8-bit pixels with the channels last",
        happens: "the kernel is registered for them and refuses them when it runs; nothing falls back to the CPU",
        versions: "1.31 (the refusal read in the library, not seen on a GPU)",
        fix: "transpose to NCHW before the Resize, or embed with prep-onnx, which does not use Resize",
        matches: |node| antialias(node) && is_8bit(node) && channels_last(node),
    },
    Lint {
        id: "resize-antialias-cubic",
        providers: CUDA,
        effect: Effect::Wrong,
        finds: "Resize with antialias, mode cubic",
        happens: "part of the output is not written, and cubic_coeff_a is ignored (microsoft/onnxruntime#25264)",
        versions: "builds before August 2025 (microsoft/onnxruntime#25265)",
        fix: "use a newer onnxruntime-gpu, or embed with prep-onnx, which does not use Resize",
        matches: |node| antialias(node) && mode(node) == "cubic",
    },
    Lint {
        id: "float64-trigonometry",
        providers: CUDA,
        effect: Effect::Wrong,
        finds: "Sin or Cos of float64",
        happens: "the last bit can differ from the CPU's; in the weights of a portable Lanczos or Hamming resize that \
                  can change a pixel by one step",
        versions: "all (CUDA's own bound is 2 ulp)",
        fix: "register the op library: the fused op computes these weights on the CPU on every provider",
        matches: |node| ["Sin", "Cos"].iter().any(|op| node.is(op)) && node.element(0) == Some(FLOAT64),
    },
    Lint {
        id: "cast-to-float16-dropped",
        providers: CPU,
        effect: Effect::Wrong,
        finds: "Cast to float16 whose result is cast back to float32 at once",
        happens: "ONNX Runtime removes both: the value is not rounded to float16",
        versions: "1.17 to 1.32 (measured), at the default optimisation level",
        fix: "put a Reshape to the same shape between them, as prep-onnx does",
        matches: |node| {
            node.is("Cast")
                && node.int("to") == Some(i64::from(ElementType::FLOAT32.0))
                && node.element(0) == Some(ElementType::FLOAT16)
                && node.inputs.first().and_then(|input| input.made_by.as_deref()) == Some("Cast")
        },
    },
    Lint {
        id: "float64-unsupported",
        providers: &[Target::Qnn],
        effect: Effect::Fails,
        finds: "an operator on float64",
        happens: "the session fails: Unsupported FP64",
        versions: "2.7 (measured on the Htp backend)",
        fix: "embed with --image-size HxW, whose body has no float64, or register the op library, which replaces the body",
        matches: has_float64,
    },
    Lint {
        id: "float64-web",
        providers: &[Target::Webgpu],
        effect: Effect::Fails,
        finds: "an operator on float64",
        happens: "the /webgpu and /jspi builds of onnxruntime-web have no Cast to float64: the session fails. The /wasm and /all \
                  builds and onnxruntime-node run it on the CPU, with equal bits",
        versions: "1.30 (measured in Chromium and Node)",
        fix: "embed with --image-size HxW, whose body has no float64, or import onnxruntime-web or its /wasm or /all",
        matches: has_float64,
    },
    Lint {
        id: "float64-as-float32",
        providers: &[Target::Tensorrt, Target::Openvino],
        effect: Effect::Wrong,
        finds: "an operator on float64",
        happens: "float64 is computed in float32, so positions and weights are not exact any more, nor sums of pixels in files of the \
                  first release: up to one step of uint8 in OpenVINO's reader",
        versions: "TensorRT: all (read); OpenVINO: reader 2026.4 and provider 1.24.1 (measured)",
        fix: "embed with --image-size HxW, whose body has no float64, or register the op library in ONNX Runtime, which replaces \
              the body",
        matches: has_float64,
    },
    Lint {
        id: "float64-other-image",
        providers: &[Target::Mnn],
        effect: Effect::Wrong,
        finds: "an operator on float64",
        happens: "a body for any size is converted and gives another image: of three sizes three quarters of all values and more were wrong, by up to 4.4 after normalising",
        versions: "3.6.1 (measured)",
        fix: "embed with --lower standard --image-size HxW, whose body has no float64",
        matches: has_float64,
    },
    Lint {
        id: "float64-doubtful",
        providers: &[Target::Directml, Target::Coreml],
        effect: Effect::Unknown,
        finds: "an operator on float64",
        happens: "the provider has no float64 arithmetic: whether it leaves these nodes to the CPU or computes them in float32 \
                  was not seen",
        versions: "read, not run",
        fix: "embed with --image-size HxW, whose body has no float64, and compare with verify --expected",
        matches: has_float64,
    },
    Lint {
        id: "constants-rewritten",
        providers: &[Target::Openvino, Target::Mnn],
        effect: Effect::Differs,
        finds: "Div or Sub of float32",
        happens: "OpenVINO rewrites a division by a constant, and a difference with one: up to 7e-7 off; MNN the division: \
                  up to 5e-7 off",
        versions: "reader 2026.4 and provider 1.24.1, MNN 3.6.1 (measured)",
        fix: "embed with --image-size HxW and --lower standard, whose values come from tables, or register the op library in ONNX Runtime",
        matches: |node| {
            ["Div", "Sub"].iter().any(|op| node.is(op)) && node.element(0) == Some(ElementType::FLOAT32)
        },
    },
    Lint {
        id: "function-unknown",
        providers: &[Target::Mnn],
        effect: Effect::Fails,
        finds: "an op of prep-onnx",
        happens: "the conversion fails, \"These Op Not Support\": MNN knows no function of a model",
        versions: "3.6.1 (measured)",
        fix: "embed with --lower standard --image-size HxW",
        matches: |node| node.domain == DOMAIN,
    },
    Lint {
        id: "quantise-by-computed-scale",
        providers: &[Target::Mnn],
        effect: Effect::Fails,
        finds: "QuantizeLinear whose scale another op computes",
        happens: "the converter ends with a segmentation fault: it reads the scale as a constant without asking whether it is one",
        versions: "3.6.1 (measured); bodies that prep-onnx writes now have constant scales",
        fix: "embed with --lower standard --image-size HxW",
        matches: |node| {
            let scale = node.inputs.get(1).and_then(|input| input.made_by.as_deref());
            node.is("QuantizeLinear") && scale.is_some_and(|op| op != "Constant")
        },
    },
    Lint {
        id: "branches-of-other-ranks",
        providers: &[Target::Openvino],
        effect: Effect::Unknown,
        finds: "If",
        happens: "a session fails where the two branches give other ranks",
        versions: "provider 1.24.1 (measured); bodies that prep-onnx writes now have no If",
        fix: "embed again with this version, or flatten both branches",
        matches: |node| node.is("If"),
    },
    Lint {
        id: "resize-antialias-absent",
        providers: &[Target::Tensorrt],
        effect: Effect::Unknown,
        finds: "Resize with antialias",
        happens: "TensorRT has no antialias: whether the provider leaves the node to another one was not seen",
        versions: "all (onnx/onnx-tensorrt, NVIDIA/TensorRT#3560, read)",
        fix: "embed with prep-onnx, which does not use Resize",
        matches: antialias,
    },
    Lint {
        id: "resize-antialias-other",
        providers: &[Target::Directml],
        effect: Effect::Differs,
        finds: "Resize with antialias",
        happens: "DirectML antialiases by another algorithm than the CPU",
        versions: "all (microsoft/onnxruntime#19071, read)",
        fix: "embed with prep-onnx, which does not use Resize",
        matches: antialias,
    },
    Lint {
        id: "tf32",
        providers: CUDA,
        effect: Effect::Setting,
        finds: "MatMul, Gemm, Einsum, Conv or ConvTranspose of float32",
        happens: "from compute capability 8.0 on, factors are rounded to 11 bits (TF32) unless that is switched off, \
                  and results have fewer digits than on the CPU",
        versions: "the provider option use_tf32 is there from 1.18 on, and 1 by default",
        fix: "set use_tf32=0 in the options of the CUDA provider where that matters; of embedded preprocessing only resizes of floats, as torch does them, lose by it",
        matches: |node| {
            let name = node.name.rsplit('/').next().unwrap_or_default();
            ["MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose"]
                .iter()
                .any(|op| node.is(op))
                && node.element(0) == Some(ElementType::FLOAT32)
                && !name.starts_with(EXACT_PRODUCT)
        },
    },
    Lint {
        id: "resize-antialias-border",
        providers: OWN,
        effect: Effect::Differs,
        finds: "Resize with antialias, without exclude_outside",
        happens: "pixels at the border are up to 11 steps of uint8 off Pillow and torchvision",
        versions: "1.32 (measured on the CPU); the default of the op",
        fix: "set exclude_outside to 1 (then up to 2 steps), or embed with prep-onnx, which is exact",
        matches: |node| {
            antialias(node) && mode(node) != "nearest" && node.int("exclude_outside").unwrap_or(0) == 0
        },
    },
    Lint {
        id: "resize-cubic-coefficient",
        providers: OWN,
        effect: Effect::Differs,
        finds: "Resize with antialias, mode cubic, cubic_coeff_a other than -0.5",
        happens: "up to 18 steps of uint8 off Pillow and torchvision, in a third of the pixels",
        versions: "1.32 (measured on the CPU); -0.75 is the default of the op",
        fix: "set cubic_coeff_a to -0.5, or embed with prep-onnx, which is exact",
        matches: |node| {
            antialias(node)
                && mode(node) == "cubic"
                && node.float("cubic_coeff_a").unwrap_or(-0.75).to_bits() != (-0.5_f32).to_bits()
        },
    },
    Lint {
        id: "resize-without-antialias",
        providers: OWN,
        effect: Effect::Differs,
        finds: "linear or cubic Resize of 8-bit pixels without antialias",
        happens: "images that are shrunk are up to 127 steps of uint8 off Pillow and torchvision",
        versions: "1.32 (measured on the CPU); the default of the op",
        fix: "embed with prep-onnx, which is exact, or set antialias to 1 at opset 18 or newer",
        matches: |node| node.is("Resize") && !antialias(node) && mode(node) != "nearest" && is_8bit(node),
    },
    Lint {
        id: "resize-aspect-policy",
        providers: ALL,
        effect: Effect::Differs,
        finds: "Resize with keep_aspect_ratio_policy",
        happens: "the output has another size than torchvision's and Hugging Face's in half of all images",
        versions: "all (196 of 400 random shapes measured)",
        fix: "compute the sizes in int64 in the graph, or embed with prep-onnx, which does",
        matches: |node| {
            node.is("Resize")
                && node
                    .text("keep_aspect_ratio_policy")
                    .is_some_and(|policy| policy != "stretch")
        },
    },
    Lint {
        id: "resize-float16",
        providers: OWN,
        effect: Effect::Differs,
        finds: "Resize of float16",
        happens: "the CPU has no float16 kernel and computes in float32 between casts, CUDA computes in its own \
                  kernel: the two differ in the last bits",
        versions: "all (kernel lists read)",
        fix: "resize in float32 or uint8 and cast afterwards",
        matches: |node| node.is("Resize") && node.element(0) == Some(ElementType::FLOAT16),
    },
    Lint {
        id: "resize-antialias-opset-19",
        providers: CUDA,
        effect: Effect::Slow,
        finds: "Resize with antialias at opset 19 or newer",
        happens: "there is no CUDA kernel: the node runs on the CPU, with copies, and nothing says so",
        versions: "builds before February 2026 (before 2024 at opset 18, too)",
        fix: "use a newer onnxruntime-gpu, opset 18, or embed with prep-onnx",
        matches: |node| antialias(node) && node.opset >= 19,
    },
    Lint {
        id: "no-cuda-kernel",
        providers: CUDA,
        effect: Effect::Slow,
        finds: "a standard op that the CUDA provider has no kernel for, at this opset or for this element type",
        happens: "the node runs on the CPU, with copies to it and back",
        versions: "kernel list of 2026 read; older versions have fewer",
        fix: "replace the op, cast to float32 before it, or keep it where its inputs are on the CPU anyway",
        matches: kernels::is_missing,
    },
    Lint {
        id: "plan-without-cuda-kernel",
        providers: CUDA,
        effect: Effect::Slow,
        finds: "an op of prep-onnx with a resize that has no CUDA kernel: of floats, as torch does it, or OpenCV's cubic or by area",
        happens: "where the op library is registered, the op copies the images to the CPU, computes there, and copies the \
                  tensor back; a CUDA graph cannot be captured",
        versions: "all",
        fix: "run the preprocessing on the CPU, or choose another resampler where the model allows it",
        matches: |node| {
            let plan = node.text(PLAN_ATTRIBUTE).filter(|_| node.domain == DOMAIN);
            plan.and_then(|text| Plan::from_json(text).ok())
                .is_some_and(|plan| without_kernel(&plan).is_some())
        },
    },
    Lint {
        id: "control-flow",
        providers: CUDA,
        effect: Effect::Slow,
        finds: "If, Loop or Scan",
        happens: "the condition or count is copied to the host and waited for; a CUDA graph cannot be captured",
        versions: "all",
        fix: "with prep-onnx: register the op library, which replaces the portable body, control flow included",
        matches: |node| ["If", "Loop", "Scan"].iter().any(|op| node.is(op)),
    },
];

fn has_float64(node: &Node) -> bool {
    let to = node.is("Cast") && node.int("to") == Some(i64::from(FLOAT64.0));
    to || node.inputs.iter().any(|input| input.element == Some(FLOAT64))
}

fn antialias(node: &Node) -> bool {
    node.is("Resize") && node.int("antialias").unwrap_or(0) != 0
}

fn mode(node: &Node) -> &str {
    node.text("mode").unwrap_or("nearest")
}

fn is_8bit(node: &Node) -> bool {
    matches!(node.element(0), Some(ElementType::UINT8 | INT8))
}

/// Whether the axes that are resized, or the known shape, say that the channels come last.
fn channels_last(node: &Node) -> bool {
    let channels = |extent: Option<&Option<i64>>| matches!(extent, Some(Some(1 | 3 | 4)));
    match node.ints("axes") {
        Some(axes) => matches!(axes, [1, 2] | [-3, -2] | [0, 1]),
        None => node
            .inputs
            .first()
            .and_then(|input| input.shape.as_deref())
            .is_some_and(|shape| {
                shape.len() > 2 && channels(shape.last()) && !channels(shape.get(shape.len() - 3))
            }),
    }
}
