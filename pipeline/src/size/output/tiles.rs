//! Rules whose image is cut into tiles afterwards.

use super::Size;
use super::edges::up_to_multiple;

pub(super) fn idefics3((height, width): Size, longest: usize) -> Size {
    let aspect = width as f64 / height as f64;
    let even = |edge: f64| (edge as usize).next_multiple_of(2).max(1);
    if width >= height {
        (even(longest as f64 / aspect), longest)
    } else {
        (longest, even(longest as f64 * aspect))
    }
}

pub(super) fn idefics3_tiles((height, width): Size, multiple: usize) -> Size {
    let aspect = width as f64 / height as f64;
    if width >= height {
        let columns = up_to_multiple(width, multiple);
        (
            up_to_multiple((columns as f64 / aspect) as usize, multiple),
            columns,
        )
    } else {
        let rows = up_to_multiple(height, multiple);
        (rows, up_to_multiple((rows as f64 * aspect) as usize, multiple))
    }
}

pub(super) fn ultravbert(image: Size, mut longest: usize, tile: usize, tiles: usize) -> Size {
    while longest > tile {
        let (rows, columns) = idefics3_tiles(idefics3(image, longest), tile);
        if (rows / tile) * (columns / tile) <= tiles {
            break;
        }
        longest -= tile;
    }
    idefics3(image, longest)
}
