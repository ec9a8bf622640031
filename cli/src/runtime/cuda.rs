//! The libraries that the CUDA execution provider of a runtime needs.

use std::path::{Path, PathBuf};

use super::Runtime;

/// The provider's library, which lies beside that of ONNX Runtime.
const PROVIDER: &str = if cfg!(windows) {
    "onnxruntime_providers_cuda.dll"
} else {
    "libonnxruntime_providers_cuda.so"
};

/// What the provider links to or opens, those that others need first; versions are left out.
const NEEDED: [&str; 15] = [
    "cudart",
    "cublasLt",
    "cublas",
    "nvJitLink",
    "nvrtc-builtins",
    "nvrtc",
    "curand",
    "cufft",
    "cudnn",
    "cudnn_graph",
    "cudnn_ops",
    "cudnn_heuristic",
    "cudnn_adv",
    "cudnn_cnn",
    "cudnn_engines_precompiled",
];

/// Whether the CUDA execution provider lies beside the library of ONNX Runtime.
pub(super) fn has_provider(library: &Path) -> bool {
    library
        .parent()
        .is_some_and(|folder| folder.join(PROVIDER).is_file())
}

/// Loads the CUDA libraries of NVIDIA's Python packages beside a runtime that lies in a Python package, so that the
/// provider finds them without `LD_LIBRARY_PATH`. What is not there is left to the dynamic loader.
pub(crate) fn preload_cuda(runtime: &Runtime) {
    // site-packages/onnxruntime/capi/libonnxruntime.so
    let Some(packages) = runtime.path.ancestors().nth(3) else {
        return;
    };
    let folders = libraries_folders(&packages.join("nvidia"));
    for name in NEEDED {
        for library in folders.iter().flat_map(|folder| named(folder, name)) {
            // The provider names what it lacks.
            let _ = ort::util::preload_dylib(&library);
        }
    }
}

fn libraries_folders(nvidia: &Path) -> Vec<PathBuf> {
    let inside = if cfg!(windows) { "bin" } else { "lib" };
    let mut folders: Vec<PathBuf> = entries(nvidia).map(|package| package.join(inside)).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

/// The files `libNAME.so.VERSION`, or `NAME64_VERSION.dll`.
fn named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let (before, after) = if cfg!(windows) {
        (format!("{name}64_"), ".dll")
    } else {
        (format!("lib{name}.so."), "")
    };
    let mut files: Vec<PathBuf> = entries(folder)
        .filter(|file| {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(&before) && file.ends_with(after)
        })
        .collect();
    files.sort();
    files
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_provider_lies_beside_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libonnxruntime.so.1.31.1");
        std::fs::write(&library, "").unwrap();
        assert!(!has_provider(&library));
        std::fs::write(folder.path().join("libonnxruntime_providers_cuda.so"), "").unwrap();
        assert!(has_provider(&library));
    }

    #[test]
    fn the_libraries_of_python_packages_are_found_by_name() {
        let packages = tempfile::tempdir().unwrap();
        for file in [
            "nvidia/cu13/lib/libcublas.so.13",
            "nvidia/cu13/lib/libcublasLt.so.13",
            "nvidia/cudnn/lib/libcudnn.so.9",
            "nvidia/cudnn/lib/libcudnn_ops.so.9",
            "nvidia/cudnn/include/cudnn.h",
        ] {
            let path = packages.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let folders = libraries_folders(&packages.path().join("nvidia"));
        let found =
            |name: &str| -> Vec<PathBuf> { folders.iter().flat_map(|folder| named(folder, name)).collect() };
        let lib = |file: &str| vec![packages.path().join("nvidia").join(file)];
        assert_eq!(found("cublas"), lib("cu13/lib/libcublas.so.13"));
        assert_eq!(found("cudnn"), lib("cudnn/lib/libcudnn.so.9"));
        assert_eq!(found("cufft"), Vec::<PathBuf>::new());
    }
}
