//! What one file may cost: memory that is bounded whatever the metadata say, and that may not be there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};
use prep_onnx_loader::{DecodeOptions, ErrorKind, Limits, Loader, Scratch, Source, decode};

const MIB: usize = 1 << 20;

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length, name.as_slice(), data, &crc.sum().to_be_bytes()].concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Zlib data of that many MiB of zeros.
fn zeros(mib: usize) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(64 << 10);
    encoder
        .compress_vec(&vec![0; MIB], &mut block, FlushCompress::Full)
        .unwrap();
    let mut data = vec![0x78, 0x9C];
    for _ in 0..mib {
        data.extend(&block);
    }
    data.extend([3, 0]);
    data.extend((((mib * MIB % 65_521) as u32) << 16 | 1).to_be_bytes());
    data
}

fn png(height: u32, width: u32, before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let rows = vec![0; (height * (width + 1)) as usize];
    let parts = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        before.to_vec(),
        chunk(b"IDAT", &deflated(&rows)),
        after.to_vec(),
        chunk(b"IEND", b""),
    ];
    parts.concat()
}

#[test]
fn compressed_texts_are_never_unpacked_without_bound() {
    let bomb = zeros(1024);
    assert!(bomb.len() < 2 * MIB, "{}", bomb.len());
    let texts = [
        chunk(
            b"iTXt",
            &[b"XML:com.adobe.xmp\0\x01\0\0\0".as_slice(), &bomb].concat(),
        ),
        chunk(b"zTXt", &[b"XML:com.adobe.xmp\0\0".as_slice(), &bomb].concat()),
        chunk(
            b"zTXt",
            &[b"Raw profile type exif\0\0".as_slice(), &bomb].concat(),
        ),
        chunk(b"iTXt", &[b"Comment\0\x01\0\0\0".as_slice(), &bomb].concat()),
        chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &bomb].concat()),
        chunk(b"iCCP", &[b"profile\0\0".as_slice(), &bomb].concat()),
    ];
    let before = common::peak_rss();
    for (i, text) in texts.iter().enumerate() {
        for file in [png(4, 4, text, b""), png(4, 4, b"", text)] {
            let started = Instant::now();
            let result = decode(
                &file,
                &DecodeOptions::default(),
                &mut Scratch::default(),
                Vec::new(),
            );
            assert!(
                started.elapsed() < Duration::from_millis(500),
                "{i}: {:?}",
                started.elapsed()
            );
            // Only what may tell the orientation is looked into; Pillow refuses all of them.
            match result {
                Ok(image) => assert!(i >= 3, "{i}: {}", image.data.len()),
                Err(error) => assert_eq!((error.kind(), i < 3), (ErrorKind::Limit, true), "{i}: {error}"),
            }
            let stored = DecodeOptions::default().exif_transpose(false);
            assert!(
                decode(&file, &stored, &mut Scratch::default(), Vec::new()).is_ok(),
                "{i}"
            );
        }
    }
    if let (Some(before), Some(after)) = (before, common::peak_rss()) {
        assert!(after - before < 32 << 20, "{before} {after}");
    }
}

#[test]
fn many_small_texts_are_bounded_together() {
    let text = chunk(
        b"zTXt",
        &[
            b"XML:com.adobe.xmp\0\0".as_slice(),
            &deflated(&vec![b'x'; MIB - 1]),
        ]
        .concat(),
    );
    let file = png(4, 4, &text.repeat(100), b"");
    let error = decode(
        &file,
        &DecodeOptions::default(),
        &mut Scratch::default(),
        Vec::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn large_canvases_count_against_the_limits() {
    let gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;";
    let mut webp =
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xfe\xff\0\xfe\xff\0ANIM\x06\0\0\0\0\0\0\0\0\0ANMF"
            .to_vec();
    let still = common::read("webp/lossless_1x1.webp");
    webp.extend(((16 + still.len() - 12) as u32).to_le_bytes());
    webp.extend([0; 16]);
    webp.extend(&still[12..]);
    let length = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&length);
    for file in [gif.as_slice(), &webp] {
        let error = decode(
            file,
            &DecodeOptions::default(),
            &mut Scratch::default(),
            Vec::new(),
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
}

/// A tile of 2 GiB in an image of 16 x 16.
#[test]
fn tiles_count_with_what_lies_outside_the_image() {
    let side = u32::MAX / 2;
    let entries: [(u16, u32); 9] = [
        (256, 16),
        (257, 16),
        (258, 8),
        (259, 8),
        (262, 1),
        (322, side),
        (323, 16),
        (324, 8),
        (325, 0),
    ];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, value) in entries {
        file.extend([tag.to_le_bytes(), 4u16.to_le_bytes()].concat());
        file.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    let error = decode(
        &file,
        &DecodeOptions::default(),
        &mut Scratch::default(),
        Vec::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

/// Runs the test below in a process that may have no more than 400 MB of addresses.
#[test]
fn a_failed_allocation_fails_one_image() {
    if !cfg!(unix) {
        eprintln!("skipped: no address-space limit on this system");
        return;
    }
    let child = Command::new("sh")
        .args(["-c", "ulimit -v 400000 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "under_an_address_space_limit",
            "--ignored",
            "--test-threads",
            "1",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(
        child.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn under_an_address_space_limit() {
    // 450 MB of pixels each, from a few bytes.
    let large = png(1, 1, b"", b"");
    let mut large_png = large.clone();
    large_png[16..24].copy_from_slice(&[12_000u32.to_be_bytes(), 12_500u32.to_be_bytes()].concat());
    let crc = {
        let mut crc = Crc::new();
        crc.update(&large_png[12..29]);
        crc.sum().to_be_bytes()
    };
    large_png[29..33].copy_from_slice(&crc);
    let large_gif =
        b"GIF89a\xe0\x2e\xd4\x30\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;"
            .to_vec();
    let small = png(4, 4, b"", b"");

    for file in [&large_png, &large_gif] {
        let error = decode(
            file,
            &DecodeOptions::default(),
            &mut Scratch::default(),
            Vec::new(),
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    let files = [&small, &large_png, &small, &large_gif, &small];
    let sources: Vec<Source> = files
        .iter()
        .enumerate()
        .map(|(i, file)| Source::bytes(i.to_string(), file.to_vec()))
        .collect();
    let options = DecodeOptions::default().limits(Limits::default());
    let mut loader = Loader::builder()
        .threads(1)
        .batch_size(8)
        .decode(options)
        .build(sources)
        .unwrap();
    let batch = loader.next().unwrap();
    let read: Vec<bool> = batch.items().iter().map(|item| item.size.is_ok()).collect();
    assert_eq!(read, [true, false, true, false, true]);
    assert_eq!(batch.bytes().len(), 3 * 4 * 4 * 3);
    for item in batch.items() {
        if let Err(error) = &item.size {
            assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        }
    }
}
