//! A grid of tiles that is chosen from several by the size of the image.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::check_edge;
use crate::named::named_enum;
use crate::{Error, Result};

type Size = (usize, usize);

named_enum! {
    /// By what a grid is chosen.
    pub enum GridChoice("choice") {
        /// The most pixels of the image inside its tiles, then the least area, then the first: `select_best_resolution` of
        /// LLaVA-NeXT and LLaVA-OneVision.
        Effective = "effective",
        /// The nearest proportion; of equally near ones the last whose area is less than twice that of the image, else the first:
        /// GotOcr2, InternVL, Granite-Docling.
        Aspect = "aspect",
        /// The least enlargement, or the least reduction where there is none: Cohere2 Vision, Mllama.
        Scale = "scale",
        /// The one that holds the image and leaves its shorter edge the longest, else the largest of the nearest proportion:
        /// Perception LM.
        Holding = "holding",
    }
}

named_enum! {
    /// What becomes of the image in its grid.
    pub enum GridFit("fit") {
        /// It fills it.
        Filled = "filled",
        /// It keeps its proportion inside it, `min(ceil(edge * scale), grid)`: LLaVA-NeXT.
        Inside = "inside",
        /// It keeps its proportion and is enlarged to one tile at most, `max(floor(edge * scale), 1)`: Mllama.
        Clipped = "clipped",
    }
}

/// The most grids of a list.
const LISTED: usize = 64;
/// The most tiles of a grid.
const TILES: usize = 255;

/// Grids in the order in which they are looked at.
#[derive(Clone, Copy, PartialEq)]
pub enum Grids {
    /// Every grid of so many tiles, with at most so many along an edge.
    Within {
        /// The least number of tiles.
        least: usize,
        /// The largest number of tiles.
        most: usize,
        /// The largest number along an edge.
        side: usize,
    },
    /// These.
    Listed(GridList),
}

/// Rows and columns of up to 64 grids.
#[derive(Clone, Copy, PartialEq)]
pub struct GridList {
    grids: [[u8; 2]; LISTED],
    count: usize,
}

impl GridList {
    /// These grids, each as (rows, columns).
    ///
    /// # Errors
    /// On none, on more than 64, and on one without tiles or with more than 255 along an edge.
    pub fn new(grids: &[Size]) -> Result<Self> {
        let mut list = Self {
            grids: [[0; 2]; LISTED],
            count: grids.len(),
        };
        if grids.is_empty() || grids.len() > LISTED {
            return Err(Error::new("grids", "are not a list of grids")
                .expected_got(format_args!("1 to {LISTED} of them"), grids.len()));
        }
        for (place, (rows, columns)) in list.grids.iter_mut().zip(grids) {
            let edge = |edge: usize| u8::try_from(edge).ok().filter(|edge| *edge > 0);
            let (Some(rows), Some(columns)) = (edge(*rows), edge(*columns)) else {
                return Err(
                    Error::new("grids", "has one without tiles, or with too many").expected_got(
                        format_args!("1 to {TILES} along an edge"),
                        format_args!("{rows} x {columns}"),
                    ),
                );
            };
            *place = [rows, columns];
        }
        Ok(list)
    }

    fn all(&self) -> Vec<Size> {
        let grids = self.grids.iter().take(self.count);
        grids
            .map(|[rows, columns]| (usize::from(*rows), usize::from(*columns)))
            .collect()
    }
}

impl Grids {
    /// Every grid of up to `most` tiles.
    pub const fn up_to(most: usize) -> Self {
        Self::Within {
            least: 1,
            most,
            side: most,
        }
    }

    /// The (rows, columns) that are looked at, in the order of the libraries with this choice.
    pub fn candidates(self, choice: GridChoice) -> Vec<Size> {
        let (least, most, side) = match self {
            Self::Listed(list) => return list.all(),
            Self::Within { least, most, side } => (least, most, side.min(most)),
        };
        let grids = (1..=side).flat_map(|columns| (1..=side).map(move |rows| (rows, columns)));
        let mut grids: Vec<Size> = grids
            .filter(|(rows, columns)| (least..=most).contains(&(rows * columns)))
            .collect();
        match choice {
            GridChoice::Effective | GridChoice::Aspect | GridChoice::Scale => {
                grids.sort_by_key(|(rows, columns)| rows * columns);
                grids
            }
            // From many tiles to few, and all of one proportion where the first of them stands.
            GridChoice::Holding => {
                grids.sort_by_key(|(rows, columns)| (usize::MAX - rows * columns, *columns));
                let mut grouped: Vec<Size> = Vec::with_capacity(grids.len());
                for (index, (rows, columns)) in grids.iter().enumerate() {
                    let same = |other: &&Size| rows * other.1 == columns * other.0;
                    if !grids.iter().take(index).any(|other| same(&other)) {
                        grouped.extend(grids.iter().skip(index).filter(same));
                    }
                }
                grouped
            }
        }
    }

    pub(super) fn check(self, (height, width): Size) -> Result<()> {
        if let Self::Within { least, most, side } = self {
            let numbers = [("least", least), ("most", most), ("side", side)];
            if let Some((key, number)) = numbers.iter().find(|(_, number)| !(1..=TILES).contains(number)) {
                return Err(Error::new(*key, "is not a number of tiles")
                    .expected_got(format_args!("1 to {TILES}"), number)
                    .within_key("grids"));
            }
            if self.candidates(GridChoice::Scale).is_empty() {
                return Err(Error::new("grids", "are none").expected_got(
                    format_args!("a grid of {least} to {most} tiles with at most {side} along an edge"),
                    "none",
                ));
            }
        }
        for (rows, columns) in self.candidates(GridChoice::Scale) {
            check_edge("height", rows.saturating_mul(height))?;
            check_edge("width", columns.saturating_mul(width))?;
        }
        Ok(())
    }
}

/// (rows, columns) for an image, in the loops of the libraries.
pub(super) fn chosen((height, width): Size, tile: Size, grids: Grids, choice: GridChoice) -> Size {
    let candidates = grids.candidates(choice);
    match choice {
        GridChoice::Effective => effective((height, width), tile, &candidates),
        GridChoice::Aspect => aspect((height, width), tile, &candidates),
        GridChoice::Scale => scale((height, width), tile, &candidates),
        GridChoice::Holding => holding((height, width), tile, &candidates),
    }
}

/// `min(width / old width, height / old height)` of a grid.
fn scale_to((height, width): Size, tile: Size, grid: Size) -> f64 {
    let down = (grid.0 * tile.0) as f64 / height as f64;
    let across = (grid.1 * tile.1) as f64 / width as f64;
    across.min(down)
}

fn effective(image: Size, tile: Size, candidates: &[Size]) -> Size {
    let mut best = (1, 1);
    let mut seen = None;
    for grid in candidates {
        let scale = scale_to(image, tile, *grid);
        let edge = |edge: usize| (edge as f64 * scale) as usize;
        let effective = (edge(image.0) * edge(image.1)).min(image.0 * image.1);
        let wasted = (grid.0 * tile.0 * grid.1 * tile.1) as i128 - effective as i128;
        let better =
            seen.is_none_or(|(most, least)| effective > most || (effective == most && wasted < least));
        if better {
            seen = Some((effective, wasted));
            best = *grid;
        }
    }
    best
}

fn aspect((height, width): Size, tile: Size, candidates: &[Size]) -> Size {
    let aspect = width as f64 / height as f64;
    let area = (width * height) as f64;
    let mut best = ((1, 1), f64::INFINITY);
    for (rows, columns) in candidates {
        let apart = (aspect - *columns as f64 / *rows as f64).abs();
        let half = 0.5 * (tile.0 * tile.1) as f64 * (rows * columns) as f64;
        if apart < best.1 || (apart == best.1 && area > half) {
            best = ((*rows, *columns), apart);
        }
    }
    best.0
}

fn scale(image: Size, tile: Size, candidates: &[Size]) -> Size {
    let scales: Vec<f64> = candidates
        .iter()
        .map(|grid| scale_to(image, tile, *grid))
        .collect();
    let up = scales
        .iter()
        .copied()
        .filter(|scale| *scale >= 1.0)
        .fold(f64::INFINITY, f64::min);
    let wanted = if up.is_finite() {
        up
    } else {
        scales.iter().copied().fold(0.0, f64::max)
    };
    let first = scales.iter().position(|scale| *scale == wanted).unwrap_or(0);
    candidates.get(first).copied().unwrap_or((1, 1))
}

fn holding((height, width): Size, tile: Size, candidates: &[Size]) -> Size {
    let aspect = width as f64 / height as f64;
    let mut best: Option<(Size, f64)> = None;
    for grid in candidates {
        if grid.0 * tile.0 < height || grid.1 * tile.1 < width {
            continue;
        }
        let scale = scale_to((height, width), tile, *grid);
        let shorter = if aspect > 1.0 {
            (scale * width as f64 / aspect).floor()
        } else if aspect < 1.0 {
            (scale * height as f64 * aspect).floor()
        } else {
            scale * height as f64
        };
        if best.is_none_or(|(_, longest)| shorter >= longest) {
            best = Some((*grid, shorter));
        }
    }
    if let Some((grid, _)) = best {
        return grid;
    }
    let proportion = |grid: &Size| grid.1 as f64 / grid.0 as f64;
    let mut near = (1, 1);
    let mut nearest: Option<f64> = None;
    for grid in candidates {
        let other = proportion(grid);
        let closer = if aspect >= 1.0 {
            other <= aspect && nearest.is_none_or(|nearest| other > nearest)
        } else {
            other > aspect && nearest.is_none_or(|nearest| other < nearest)
        };
        let larger = nearest == Some(other) && grid.0 * grid.1 > near.0 * near.1;
        if closer || larger {
            nearest = Some(other);
            near = *grid;
        }
    }
    near
}

/// The size of the image in a grid of `to` pixels.
pub(super) fn fitted((height, width): Size, tile: Size, to: Size, fit: GridFit) -> Size {
    let (rows, columns) = (height as f64, width as f64);
    match fit {
        GridFit::Filled => to,
        GridFit::Inside => {
            let (down, across) = (to.0 as f64 / rows, to.1 as f64 / columns);
            if across < down {
                (((rows * across).ceil() as usize).min(to.0), to.1)
            } else {
                (to.0, ((columns * down).ceil() as usize).min(to.1))
            }
        }
        GridFit::Clipped => {
            let to = (height.max(tile.0).min(to.0), width.max(tile.1).min(to.1));
            let (down, across) = (to.0 as f64 / rows, to.1 as f64 / columns);
            if across < down {
                (((rows * across) as usize).max(1).min(to.0), to.1)
            } else {
                (to.0, ((columns * down) as usize).max(1).min(to.1))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Within {
    #[serde(default = "one")]
    least: usize,
    most: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    side: Option<usize>,
}

fn one() -> usize {
    1
}

impl Serialize for Grids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Within { least, most, side } => Within {
                least,
                most,
                side: (side != most).then_some(side),
            }
            .serialize(serializer),
            Self::Listed(list) => list.all().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Grids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(grids) => {
                let grids: Vec<Size> = crate::schema::typed(grids.into()).map_err(D::Error::custom)?;
                GridList::new(&grids).map(Self::Listed).map_err(D::Error::custom)
            }
            value => {
                let Within { least, most, side } = crate::schema::typed(value).map_err(D::Error::custom)?;
                Ok(Self::Within {
                    least,
                    most,
                    side: side.unwrap_or(most),
                })
            }
        }
    }
}

impl std::fmt::Debug for Grids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Within { least, most, side } => write!(f, "{least} to {most} tiles, {side} along an edge"),
            Self::Listed(list) => write!(f, "{:?}", list.all()),
        }
    }
}
