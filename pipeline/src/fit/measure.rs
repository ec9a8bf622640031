//! Where the pixels of an output come from: the scale and the shift of each axis, read off ramps.

use ndarray::Array2;

/// One size of image, as its coded probes came out: pixel values of the output, [height, width] each.
pub(super) struct Planes {
    pub(super) columns: Array2<f64>,
    pub(super) rows: Array2<f64>,
    pub(super) noise: Array2<f64>,
}

/// An axis of the output: source position = `scale` * (position + 1/2) + `shift`, in pixels from the edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) scale: f64,
    pub(super) shift: f64,
    /// The deviation of the scale, as a part of it.
    pub(super) error: f64,
}

/// What the ramps say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Whether the image is turned by 90 degrees clockwise.
    pub(super) turned: bool,
    /// (top, left, height, width) of what is not of one colour along a whole row or column.
    pub(super) inner: [usize; 4],
    pub(super) vertical: Axis,
    pub(super) horizontal: Axis,
}

impl Planes {
    fn all(&self) -> [&Array2<f64>; 3] {
        [&self.columns, &self.rows, &self.noise]
    }

    /// The rectangle that shows the image.
    fn inner(&self) -> Option<[usize; 4]> {
        let (height, width) = self.noise.dim();
        let row_varies = |row: usize| {
            self.all()
                .iter()
                .any(|plane| (1..width).any(|column| plane[[row, column]] != plane[[row, 0]]))
        };
        let column_varies = |column: usize| {
            self.all()
                .iter()
                .any(|plane| (1..height).any(|row| plane[[row, column]] != plane[[0, column]]))
        };
        let rows: Vec<_> = (0..height).filter(|row| row_varies(*row)).collect();
        let columns: Vec<_> = (0..width).filter(|column| column_varies(*column)).collect();
        let (top, bottom) = (rows.first()?, rows.last()?);
        let (left, right) = (columns.first()?, columns.last()?);
        Some([*top, *left, bottom - top + 1, right - left + 1])
    }

    /// What the ramps of an image of `size` = (height, width) say; `None` where there are none to be seen, or mirrored ones.
    pub(super) fn measure(&self, size: (usize, usize)) -> Option<Measured> {
        let inner @ [top, left, height, width] = self.inner()?;
        let (row, column) = (top + height / 2, left + width / 2);
        let along_row =
            |plane: &Array2<f64>| -> Vec<f64> { (left..left + width).map(|at| plane[[row, at]]).collect() };
        let along_column =
            |plane: &Array2<f64>| -> Vec<f64> { (top..top + height).map(|at| plane[[at, column]]).collect() };
        let turned = spread(&along_column(&self.columns)) > spread(&along_row(&self.columns));
        let (vertical, horizontal) = if turned {
            // Clockwise: what was the left is the top, and what was the bottom is the left.
            let mirrored: Vec<f64> = along_row(&self.rows).iter().map(|level| 255.0 - level).collect();
            (
                line(&along_column(&self.columns), top, size.1)?,
                line(&mirrored, left, size.0)?,
            )
        } else {
            (
                line(&along_column(&self.rows), top, size.0)?,
                line(&along_row(&self.columns), left, size.1)?,
            )
        };
        (vertical.scale > 0.0 && horizontal.scale > 0.0).then_some(Measured {
            turned,
            inner,
            vertical,
            horizontal,
        })
    }
}

fn spread(levels: &[f64]) -> f64 {
    let largest = levels.iter().copied().fold(f64::MIN, f64::max);
    largest - levels.iter().copied().fold(f64::MAX, f64::min)
}

/// The line through the positions that levels of a ramp over `length` pixels stand for.
fn line(levels: &[f64], first: usize, length: usize) -> Option<Axis> {
    let unit = (length.max(2) - 1) as f64 / 255.0;
    // The ends, where kernels meet the border of the image or of a crop, say nothing.
    let rim = levels.len() / 16;
    let points = |low: f64, high: f64, rim: usize| -> Vec<(f64, f64)> {
        levels
            .iter()
            .enumerate()
            .filter(|(index, level)| {
                (rim..levels.len() - rim).contains(index) && (low..=high).contains(*level)
            })
            .map(|(index, level)| ((first + index) as f64 + 0.5, level * unit + 0.5))
            .collect()
    };
    let mut found = points(3.0, 252.0, rim);
    if found.len() < 6 {
        found = points(-1.0, 256.0, 0);
    }
    // What a border is mixed with lies off the line.
    for _ in 0..3 {
        let (scale, shift) = fit(&found)?;
        let off = |point: &(f64, f64)| (point.1 - scale * point.0 - shift).abs();
        let mut sorted: Vec<f64> = found.iter().map(off).collect();
        sorted.sort_by(f64::total_cmp);
        let bound = (4.0 * sorted[sorted.len() / 2]).max(0.75 * unit);
        let kept: Vec<_> = found
            .iter()
            .copied()
            .filter(|point| off(point) <= bound)
            .collect();
        if kept.len() < 4 || kept.len() == found.len() {
            break;
        }
        found = kept;
    }
    let (scale, shift) = fit(&found)?;
    let span = found.last()?.0 - found.first()?.0;
    let mut steps: Vec<i64> = found
        .iter()
        .map(|point| (point.1 / unit).round() as i64)
        .collect();
    steps.dedup();
    // A level is rounded, so that its position is off by a third of a step.
    let error = 1.01 * unit / (span.max(1.0) * (steps.len() as f64).sqrt());
    Some(Axis {
        scale,
        shift,
        error: error / scale,
    })
}

/// Slope and intercept of the line through points.
fn fit(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
    let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let scale = covariance / variance;
    (variance > 0.0 && scale.is_finite()).then_some((scale, y - scale * x))
}
