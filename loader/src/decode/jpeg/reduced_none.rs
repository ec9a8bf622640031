//! A build without the parts of `libjpeg-turbo-rs`: nothing is read in this way.

use super::frame::Frame;
use super::stream::Stream;

pub(super) fn read(_: &Stream<'_>, _: &Frame, _: usize, _: &mut [u8]) -> bool {
    false
}
