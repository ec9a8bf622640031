//! A file of [`Stream`]'s kind at 1/2, 1/4 or 1/8 of its size: its entropy decoder, and the planes and reduced transforms of the
//! plain decoder, where small components are reduced less.

use libjpeg_turbo_rs::simd;

use super::super::to_rgb;
use super::frame::{BLOCK, Frame};
use super::idct;
use super::planes::Samples;
use super::stream::Stream;

/// Writes RGB of the frame's size divided by `denominator`, rounded up, or gives false where the data are not whole.
pub(super) fn read(stream: &Stream<'_>, frame: &Frame, denominator: usize, out: &mut [u8]) -> bool {
    let Ok(mut samples) = Samples::new(frame, BLOCK / denominator) else {
        return false;
    };
    let Ok(methods) = samples.methods(frame) else {
        return false;
    };
    let routines = simd::detect();
    let mut blocks = stream.blocks(stream.data());
    let mut coefficients = [0; 64];
    let (rows, columns) = stream.mcus();
    for row in 0..rows {
        for column in 0..columns {
            if !blocks.begin_mcu() {
                return false;
            }
            for (index, component) in stream.components().iter().enumerate() {
                let codes = stream.codes_of(component);
                for block in 0..component.h * component.v {
                    if !blocks.next(index, codes, &mut coefficients) {
                        return false;
                    }
                    let x = column * component.h + block % component.h;
                    let y = row * component.v + block / component.h;
                    samples.put((index, x, y), |side, out, stride| {
                        if side < BLOCK {
                            return idct::inverse(&coefficients, &component.quant, side, out, stride);
                        }
                        component.transform(&routines, &coefficients, out, stride);
                    });
                }
            }
        }
        if !blocks.are_whole() {
            return false;
        }
    }
    let written = samples.emit(&methods, out, |rows, out| match rows {
        [luma, blue, red] => routines.ycbcr_to_rgb_row(luma, blue, red, out, out.len() / 3),
        [luma, ..] => to_rgb::gray(luma, out),
        [] => {}
    });
    written.is_ok()
}
