//! Which colour stands for what.

use super::colours::of_value;
use super::{Block, Sheet};

/// What is behind names and numbers.
const PAPER: [u8; 3] = [24; 3];
const INK: [u8; 3] = [255; 3];

fn block(row: i64, column: i64, tall: i64, wide: i64) -> Block {
    Block {
        row,
        column,
        tall,
        wide,
    }
}

impl Sheet<'_> {
    /// Names beside their colours in the upper left; those without room are counted.
    pub(super) fn legend(&mut self, entries: &[(String, [u8; 3])]) {
        let (pad, letter) = self.letter();
        let (height, width, _) = self.picture.dim();
        let line = letter + 2 * pad;
        // Half of the picture stays free.
        let room = (height as i64 / 2 / line).max(1) as usize;
        let shown = if entries.len() > room {
            room.saturating_sub(1).max(1)
        } else {
            entries.len()
        };
        let columns = ((width as i64 - line - 2 * pad) / letter.max(1)).max(1) as usize;
        let cut = |text: &str| text.chars().take(columns).collect::<String>();
        let mut lines: Vec<(String, Option<[u8; 3]>)> = entries
            .iter()
            .take(shown)
            .map(|(text, colour)| (cut(text), Some(*colour)))
            .collect();
        if entries.len() > shown {
            lines.push((cut(&format!("and {} more", entries.len() - shown)), None));
        }
        let wide = lines.iter().map(|(text, _)| self.text_size(text).1).max();
        let Some(wide) = wide else { return };
        self.fill(block(0, 0, line * lines.len() as i64, line + wide), PAPER);
        for (index, (text, colour)) in lines.iter().enumerate() {
            let row = index as i64 * line;
            if let Some(colour) = colour {
                self.fill(block(row + pad, pad, letter, letter), *colour);
            }
            self.text((row, line), text, INK);
        }
    }

    /// The colours from the least to the greatest value along the lower edge, with both.
    pub(super) fn value_scale(&mut self, [low, high]: [f64; 2]) {
        let (pad, letter) = self.letter();
        let (height, width, _) = self.picture.dim();
        let line = letter + 2 * pad;
        let [least, greatest] = [low, high].map(number);
        let [left, right] = [&least, &greatest].map(|text| self.text_size(text).1);
        let bar = width as i64 - left - right;
        let top = height as i64 - line;
        if bar < line || top < line {
            return;
        }
        self.fill(block(top, 0, line, width as i64), PAPER);
        self.text((top, 0), &least, INK);
        self.text((top, left + bar), &greatest, INK);
        for column in 0..bar {
            let colour = of_value(column as f64 / (bar - 1).max(1) as f64);
            self.fill(block(top + pad, left + column, letter, 1), colour);
        }
    }
}

/// A number in three or four digits.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}");
    }
    let digits = if size < 1.0 {
        3
    } else if size < 10.0 {
        2
    } else {
        usize::from(size < 100.0)
    };
    format!("{value:.digits$}")
}
