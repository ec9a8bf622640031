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

/// How much black (0) or white (255) is in the colours of the classes behind those of the palette, round by round.
const ROUNDS: [(u8, f32); 4] = [(0, 0.0), (0, 0.5), (255, 0.5), (0, 0.25)];

/// The colour of a class.
pub(super) fn of_class(class: i64) -> [u8; 3] {
    let count = PALETTE.len() as i64;
    let colour = PALETTE[class.rem_euclid(count) as usize];
    let (other, part) = ROUNDS[class.div_euclid(count).rem_euclid(ROUNDS.len() as i64) as usize];
    colour.map(|value| (f32::from(value) * (1.0 - part) + f32::from(other) * part) as u8)
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

/// matplotlib's `inferno` at 13 places: as far apart to the eye as the values are, on gray paper too.
const VALUES: [[u8; 3]; 13] = [
    [0, 0, 4],
    [17, 10, 48],
    [50, 10, 94],
    [87, 16, 110],
    [120, 28, 109],
    [154, 40, 101],
    [188, 55, 84],
    [216, 76, 62],
    [237, 105, 37],
    [249, 140, 10],
    [252, 180, 24],
    [244, 223, 83],
    [252, 255, 164],
];

/// From black over red to light yellow, for 0 to 1.
pub(super) fn of_value(part: f64) -> [u8; 3] {
    let place = part.clamp(0.0, 1.0) * (VALUES.len() - 1) as f64;
    let low = (place as usize).min(VALUES.len() - 2);
    let rest = place - low as f64;
    std::array::from_fn(|channel| {
        let [from, to] = [low, low + 1].map(|at| f64::from(VALUES[at][channel]));
        (from + (to - from) * rest).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE lightness, 0 to 100.
    fn lightness(colour: [u8; 3]) -> f64 {
        let linear = colour.map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        let light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        if light <= 0.008_856 {
            903.3 * light
        } else {
            116.0 * light.cbrt() - 16.0
        }
    }

    #[test]
    fn values_grow_lighter_evenly() {
        let light: Vec<f64> = (0..=100)
            .map(|part| lightness(of_value(f64::from(part) / 100.0)))
            .collect();
        let whole = light[100] - light[0];
        for (part, pair) in light.windows(2).enumerate() {
            let step = (pair[1] - pair[0]) / whole;
            assert!((0.002..0.025).contains(&step), "{part}: {step}");
        }
    }

    #[test]
    fn classes_of_one_picture_have_colours_of_their_own() {
        let mut seen = std::collections::HashSet::new();
        // White stays white.
        assert_eq!((0..24).filter(|class| seen.insert(of_class(*class))).count(), 24);
        assert_eq!(of_class(i64::MIN), of_class(i64::MIN));
    }
}
