//! The option `--size`.

use prep_onnx_pipeline::{Error, MAX_EDGE, Result};

/// Height and width of `HxW`, or of `N` for a square.
///
/// # Errors
/// Another form, and an edge that no image has.
pub(crate) fn parse_size(text: &str) -> Result<[usize; 2]> {
    let edge = |text: &str| {
        let edge = text.trim().parse::<usize>().ok();
        edge.filter(|edge| (1..=MAX_EDGE).contains(edge))
    };
    let size = match text.split_once(['x', 'X', '\u{d7}']) {
        Some((height, width)) => edge(height).zip(edge(width)),
        None => edge(text).map(|edge| (edge, edge)),
    };
    size.map(|(height, width)| [height, width]).ok_or_else(|| {
        Error::new("--size", "is not a size").expected_got(
            format_args!("HEIGHTxWIDTH or one number, each 1 to {MAX_EDGE}"),
            format_args!("{text:?}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_edges_or_one() {
        assert_eq!(parse_size("384").ok(), Some([384, 384]));
        assert_eq!(parse_size("480x640").ok(), Some([480, 640]));
        for wrong in ["", "0", "x", "480x", "-1", "3.5", "70000", "1x2x3"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
