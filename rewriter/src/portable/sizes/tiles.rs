//! Rules whose image is cut into tiles afterwards.

use super::Size;
use crate::portable::formula::{N, Sheet};

pub(super) fn idefics3<'s>(sheet: &'s Sheet, image: Size<'s>, longest: usize) -> Size<'s> {
    let aspect = image.columns / image.rows;
    let long = sheet.number(longest);
    let tall = image.columns.below(image.rows);
    let even = |edge: N<'s>| ((edge.floor() / 2.0).ceil() * 2.0).max(1.0);
    Size {
        rows: tall.pick(long, even(long / aspect)),
        columns: tall.pick(even(long * aspect), long),
    }
}

pub(super) fn idefics3_tiles<'s>(image: Size<'s>, multiple: usize) -> Size<'s> {
    let up = |edge: N<'s>| (edge + (multiple - 1)) / multiple;
    let aspect = image.columns / image.rows;
    let tall = image.columns.below(image.rows);
    let raised = image.both(|edge| up(edge).floor() * multiple);
    Size {
        rows: tall.pick(
            raised.rows,
            up((raised.columns / aspect).floor()).floor() * multiple,
        ),
        columns: tall.pick(
            up((raised.rows * aspect).floor()).floor() * multiple,
            raised.columns,
        ),
    }
}
