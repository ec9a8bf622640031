//! What works here, and what to do where it does not.

mod model;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;
use prep_onnx_op::SimdLevel;
use prep_onnx_pipeline::Error;
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::host::Provider;
use crate::lint::Target;
use crate::runtime::{self, VERSION};
use crate::ui;

/// Show what works on this machine; with a model, what is known against running it
///
/// A model is searched for constructs that an execution provider of ONNX Runtime is known to get wrong, to run on
/// the CPU instead, or that are not what Pillow and torchvision give. Functions and subgraphs are searched too. Its
/// external data is looked for, and it is loaded where ONNX Runtime is at hand.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 1 when something that the commands need is missing,
or the model fails or gives wrong results.

Examples:
  prep-onnx doctor
  prep-onnx doctor --ep cuda
  prep-onnx doctor model.onnx --ep cuda
  # Of providers that this program does not run, what is known
  prep-onnx doctor model.onnx --ep openvino")]
pub(crate) struct Options {
    /// A model, embedded or not
    model: Option<PathBuf>,
    /// The execution provider that is meant
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t = Target::Cpu)]
    ep: Target,
}

struct Check {
    name: &'static str,
    state: State,
    found: String,
    advice: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// Absent, and nothing depends on it.
    Optional,
    Bad,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Optional => "absent",
            Self::Bad => "failed",
        }
    }
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    match &options.model {
        Some(model) => model::examine(model, options.ep, global),
        None => match options.ep.provider() {
            Some(provider) => machine(provider, global),
            None => Err(Failure::usage(
                Error::new("--ep", format_args!("{} needs a model", options.ep.name()))
                    .why("this program runs models on the CPU and CUDA providers alone, and knows of the others what is against a model")
                    .fix(format_args!("name one: prep-onnx doctor MODEL --ep {}", options.ep.name())),
            )),
        },
    }
}

fn machine(provider: Provider, global: &Global) -> Outcome {
    let checks = [
        onnx_runtime(provider, global),
        cache(),
        python(),
        npm(),
        processor(),
        cuda(provider),
    ];
    let ok = checks.iter().all(|check| check.state != State::Bad);
    let mut table = ui::Table::new(&[]);
    for check in &checks {
        let state = match check.state {
            State::Good => ui::good("ok"),
            State::Optional => ui::dim("absent"),
            State::Bad => ui::bad("failed"),
        };
        table.row([ui::bold(check.name), state, check.found.clone()]);
        if let Some(advice) = &check.advice {
            table.row([String::new(), String::new(), ui::dim(advice)]);
        }
    }
    let list: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({ "name": check.name, "state": check.state.name(), "found": check.found, "advice": check.advice })
        })
        .collect();
    let text = format!("{} {}\n{table}", ui::bold("prep-onnx"), env!("CARGO_PKG_VERSION"));
    let json = json!({ "version": env!("CARGO_PKG_VERSION"), "checks": list });
    Ok(Answer::new(text, json).with_verdict(ok))
}

fn onnx_runtime(provider: Provider, global: &Global) -> Check {
    let name = "ONNX Runtime";
    let mut search = global.search();
    search.cuda = provider == Provider::Cuda;
    let failed = |error: prep_onnx_pipeline::Error| Check {
        name,
        state: State::Bad,
        found: error.to_string(),
        advice: error.help().map(str::to_owned),
    };
    match runtime::find(&search) {
        Err(error) => failed(error),
        Ok(None) if search.cuda => Check {
            name,
            state: State::Bad,
            found: "none with the CUDA execution provider was found".to_owned(),
            advice: Some("install onnxruntime-gpu, or name its library with --runtime PATH".to_owned()),
        },
        Ok(None) => Check {
            name,
            state: if search.offline {
                State::Bad
            } else {
                State::Optional
            },
            found: "none found".to_owned(),
            advice: Some(if search.offline {
                "name a library with --runtime PATH or ORT_DYLIB_PATH, or allow the download".to_owned()
            } else {
                format!("commands that need one get {VERSION}; get it now: prep-onnx runtime install")
            }),
        },
        Ok(Some(found)) => match runtime::load(&found) {
            Err(error) => failed(error),
            Ok(loaded) => Check {
                name,
                state: State::Good,
                found: format!(
                    "{}, {}: {}; {}",
                    loaded.version(),
                    found.origin,
                    found.path.display(),
                    prep_onnx_op::host::available_providers()
                        .unwrap_or_default()
                        .join(", ")
                ),
                advice: None,
            },
        },
    }
}

fn cache() -> Check {
    let name = "cache folder";
    let advice = || Some("set PREP_ONNX_CACHE to a folder that is writable".to_owned());
    let Some(folder) = runtime::cache_folder() else {
        return Check {
            name,
            state: State::Bad,
            found: "no home folder is set".to_owned(),
            advice: advice(),
        };
    };
    let writable = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
    match writable {
        Ok(_) => Check {
            name,
            state: State::Good,
            found: folder.display().to_string(),
            advice: None,
        },
        Err(error) => Check {
            name,
            state: State::Bad,
            found: format!("{}: {error}", folder.display()),
            advice: advice(),
        },
    }
}

fn python() -> Check {
    let name = "Python 3";
    match runtime::python() {
        Some(python) => {
            let version = version(
                python,
                &["-c", "import platform; print(platform.python_version())"],
            );
            Check {
                name,
                state: State::Good,
                found: format!("{python} {version}"),
                advice: None,
            }
        }
        None => Check {
            name,
            state: State::Optional,
            found: "not found".to_owned(),
            advice: Some("only needed to get ONNX Runtime and to compare with live Pillow".to_owned()),
        },
    }
}

fn npm() -> Check {
    let name = "npm";
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let version = version(program, &["--version"]);
    let found = !version.is_empty();
    Check {
        name,
        state: if found { State::Good } else { State::Optional },
        found: if found { version } else { "not found".to_owned() },
        advice: (!found).then(|| "only needed to get ONNX Runtime where pip cannot".to_owned()),
    }
}

/// The first line that a program prints; nothing when it does not run.
fn version(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn processor() -> Check {
    let name = "fused op";
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let here: Vec<_> = SimdLevel::ALL
        .into_iter()
        .filter(|level| level.is_available())
        .map(SimdLevel::name)
        .collect();
    match SimdLevel::best() {
        Ok(level) => Check {
            name,
            state: State::Good,
            found: format!(
                "{} kernels of {} on {}, {cores} cores",
                level.name(),
                here.join(", "),
                std::env::consts::ARCH
            ),
            advice: None,
        },
        Err(error) => Check {
            name,
            state: State::Bad,
            found: error.to_string(),
            advice: error.help().map(str::to_owned),
        },
    }
}

fn cuda(provider: Provider) -> Check {
    let name = "CUDA";
    match prep_onnx_op::cuda::status() {
        Ok(found) => Check {
            name,
            state: State::Good,
            found,
            advice: None,
        },
        Err(error) => Check {
            name,
            state: if provider == Provider::Cuda {
                State::Bad
            } else {
                State::Optional
            },
            found: error.to_string(),
            advice: Some(format!(
                "only needed for --ep cuda{}",
                error.help().map(|help| format!(": {help}")).unwrap_or_default()
            )),
        },
    }
}
