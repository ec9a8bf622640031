//! The lines that round to given values: a polygon of slopes and intercepts, cut by two half-planes for each value.

/// A slope and an intercept such that `slope * pixel + intercept` lies between the bounds of every pixel value, as far from them as the
/// middle of all such lines is; `None` where there is none. `bounds` holds (pixel, least, largest).
pub(super) fn line(bounds: &[(f64, f64, f64)], about: (f64, f64)) -> Option<(f64, f64)> {
    // Around a line that is nearly right, and in units of its uncertainty: float64 has digits to spare then.
    let width = bounds
        .iter()
        .map(|(_, least, largest)| largest - least)
        .fold(0.0, f64::max);
    let unit = (width / 256.0, width);
    if !(width > 0.0 && width.is_finite()) {
        return None;
    }
    let reach = 4096.0 * 256.0;
    let mut corners = vec![(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)];
    for (pixel, least, largest) in bounds {
        let at = about.0 * pixel + about.1;
        let (a, b) = (unit.0 * pixel, unit.1);
        // a * x + b * y <= largest - at, and the reverse for the least.
        // A value near 0 leaves a strip that is thinner than the digits of a corner: what comes of it is checked by its user.
        let slack = width * 1e-9;
        corners = cut(&corners, (a, b, largest - at + slack));
        corners = cut(&corners, (-a, -b, at - least + slack));
        if corners.is_empty() {
            return None;
        }
    }
    let count = corners.len() as f64;
    let x = corners.iter().map(|corner| corner.0).sum::<f64>() / count;
    let y = corners.iter().map(|corner| corner.1).sum::<f64>() / count;
    Some((about.0 + unit.0 * x, about.1 + unit.1 * y))
}

/// The part of a polygon where `a * x + b * y <= c`.
fn cut(corners: &[(f64, f64)], (a, b, c): (f64, f64, f64)) -> Vec<(f64, f64)> {
    let over = |corner: &(f64, f64)| a * corner.0 + b * corner.1 - c;
    let mut kept = Vec::with_capacity(corners.len() + 1);
    for (index, corner) in corners.iter().enumerate() {
        let next = &corners[(index + 1) % corners.len()];
        let (here, there) = (over(corner), over(next));
        if here <= 0.0 {
            kept.push(*corner);
        }
        if (here <= 0.0) != (there <= 0.0) {
            let part = here / (here - there);
            kept.push((
                corner.0 + part * (next.0 - corner.0),
                corner.1 + part * (next.1 - corner.1),
            ));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_that_rounds_to_every_value() {
        for (slope, intercept) in [
            (0.017_124_753_831_663_667, -2.117_903_930_131_004),
            (-0.031_415_926_535_897, 3.2),
            (0.003_921_568_627, 0.000_1),
        ] {
            let values: Vec<f32> = (0..256)
                .map(|pixel| (slope * f64::from(pixel) + intercept) as f32)
                .collect();
            let bounds: Vec<_> = values
                .iter()
                .enumerate()
                .map(|(pixel, value)| {
                    let middle = |other: f32| (f64::from(*value) + f64::from(other)) / 2.0;
                    (pixel as f64, middle(value.next_down()), middle(value.next_up()))
                })
                .collect();
            let (a, b) = line(&bounds, (slope + 1e-8, intercept - 1e-7)).unwrap();
            for (pixel, value) in values.iter().enumerate() {
                assert_eq!((a * pixel as f64 + b) as f32, *value);
            }
        }
        assert_eq!(
            line(&[(0.0, 0.0, 0.1), (1.0, 5.0, 5.1), (2.0, 0.0, 0.1)], (0.0, 0.0)),
            None
        );
    }
}
