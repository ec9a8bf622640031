//! Colours that are told apart, also by who sees fewer of them.

/// Okabe and Ito's colours, without black, and lighter and darker ones between them.
const PALETTE: [[u8; 3]; 12] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
    [255, 255, 255],
    [148, 0, 211],
    [0, 255, 255],
    [139, 69, 19],
    [127, 255, 0],
];

/// The colour of a class.
pub(crate) fn of_class(class: i64) -> [u8; 3] {
    let place = class.rem_euclid(PALETTE.len() as i64);
    PALETTE[place as usize]
}

/// Black or white, whichever is read on a colour.
pub(super) fn ink_on(colour: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = colour.map(u32::from);
    if red * 299 + green * 587 + blue * 114 > 128_000 {
        [0; 3]
    } else {
        [255; 3]
    }
}

/// From dark blue over red to light yellow, for 0 to 1.
pub(super) fn of_value(part: f64) -> [u8; 3] {
    const STOPS: [[f64; 3]; 4] = [
        [0.0, 0.0, 40.0],
        [120.0, 28.0, 109.0],
        [237.0, 105.0, 37.0],
        [252.0, 255.0, 164.0],
    ];
    let place = part.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let low = (place as usize).min(STOPS.len() - 2);
    let rest = place - low as f64;
    std::array::from_fn(|channel| {
        let (from, to) = (STOPS[low][channel], STOPS[low + 1][channel]);
        (from + (to - from) * rest).round() as u8
    })
}
