//! Whether the Huffman tables of a scan are those of values that 8-bit samples give.
//!
//! A block with coefficients in its first row alone, two of which add up to more than 8191 once they are
//! multiplied by their steps, leaves 16 bits in libjpeg's vector code, and not in the fast decoder. Samples
//! never give half of that; the tables show it before any coefficient is read.

use super::headers::Headers;
use super::huffman::Spec;

/// The most bits of a value: of a difference of averages, and of any other coefficient.
const DC_BITS: u32 = 11;
const AC_BITS: u32 = 10;

/// What a coefficient may be after multiplication where a table was made for its file: three times the
/// largest that samples give, and half of what leaves 16 bits.
const LARGEST: u32 = 4095;

/// Decides for the scan that the headers have just read.
pub(super) fn are_usual(headers: &Headers<'_>) -> bool {
    let Ok(frame) = headers.frame() else {
        return false;
    };
    let scan = &headers.scan;
    let low = u32::from(scan.low);
    let steps = headers.quant.iter().flatten().flat_map(|table| &table[1..]);
    let step = steps.map(|&step| u32::from(step)).min().unwrap_or(0);
    let usual_ac = |spec: &Spec| {
        let category = spec.largest_category();
        let bits = category + low;
        bits <= AC_BITS && (((1 << bits) - 1) * step <= LARGEST || spec.has_all_runs(category))
    };
    scan.components.iter().all(|&index| {
        let component = &frame.components[index];
        let dc = headers.dc.get(component.dc_table).and_then(Option::as_ref);
        let ac = headers.ac.get(component.ac_table).and_then(Option::as_ref);
        // A refinement has one bit more of each value, and a table that is left out is one of the standard.
        let usual_dc = dc.is_none_or(|spec| spec.largest_symbol() + low <= DC_BITS);
        (scan.first > 0 || scan.high > 0 || usual_dc)
            && (scan.last == 0 || scan.high > 0 || ac.is_none_or(usual_ac))
    })
}
