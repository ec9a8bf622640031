//! The reference in `pipeline/reference` is what the code says. `UPDATE=1` writes it.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::path::Path;

use prep_onnx_pipeline::pages::pages;
use prep_onnx_pipeline::steps::Step;

#[test]
fn the_reference_is_what_the_code_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference");
    let update = std::env::var_os("UPDATE").is_some();
    let mut names = BTreeSet::new();
    let mut stale = Vec::new();
    for (name, text) in pages() {
        let path = folder.join(&name);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            stale.push(name.clone());
        }
        names.insert(name);
    }
    assert!(stale.is_empty(), "UPDATE=1 writes {stale:?}");
    for entry in std::fs::read_dir(folder.join("steps")).unwrap() {
        let name = format!("steps/{}", entry.unwrap().file_name().to_str().unwrap());
        assert!(names.contains(&name), "{name} is of no step");
    }
    assert_eq!(names.len(), Step::ALL.len() + 2);
}
