//! A build without a fast decoder: the plain one reads all files, and no `unsafe` decoder code is linked.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::super::Limits;
use super::headers::Color;
use crate::ImageError;

pub(super) struct Fast<'a> {
    never: Infallible,
    bytes: PhantomData<&'a [u8]>,
}

impl Fast<'_> {
    pub(super) fn open(_: &[u8], _: &Limits, _: Color, _: usize) -> Result<Self, ImageError> {
        Err(
            ImageError::unsupported("JPEG: this build does not read lossless coding")
                .map(|e| e.fix("build with the feature rust-jpeg or c-jpeg")),
        )
    }

    pub(super) fn read(self, _: u32, _: bool, _: usize, _: &mut [u8]) -> Result<(), ImageError> {
        match self.never {}
    }
}
