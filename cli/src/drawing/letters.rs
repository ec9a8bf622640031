//! Letters of 8 x 8 dots.

use font8x8::UnicodeFonts;

/// Rows and columns of a letter.
pub(super) const EDGE: usize = 8;

/// The rows of a letter, a bit for each dot.
type Font = fn(char) -> Option<[u8; EDGE]>;

/// The dots of a letter, (row, column) each; those of a question mark for one that there is not.
pub(super) fn dots(character: char) -> Vec<(usize, usize)> {
    let fonts: [Font; 4] = [
        |letter| font8x8::BASIC_FONTS.get(letter),
        |letter| font8x8::LATIN_FONTS.get(letter),
        |letter| font8x8::GREEK_FONTS.get(letter),
        |letter| font8x8::HIRAGANA_FONTS.get(letter),
    ];
    let rows = fonts
        .iter()
        .find_map(|font| font(character))
        .or_else(|| font8x8::BASIC_FONTS.get('?'))
        .unwrap_or_default();
    let mut dots = Vec::new();
    for (row, bits) in rows.iter().enumerate() {
        dots.extend(
            (0..EDGE)
                .filter(|column| bits >> column & 1 == 1)
                .map(|column| (row, column)),
        );
    }
    dots
}
