//! Encoded messages, field by field, in any order and with padded integers.

/// A field: its number, its wire type and its value, a payload without its length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawField {
    pub(crate) number: u32,
    pub(crate) wire_type: u8,
    pub(crate) value: Vec<u8>,
}

pub(crate) fn bytes(number: u32, value: impl Into<Vec<u8>>) -> RawField {
    RawField {
        number,
        wire_type: 2,
        value: value.into(),
    }
}

pub(crate) fn integer(number: u32, value: u64) -> RawField {
    RawField {
        number,
        wire_type: 0,
        value: varint(value, 0),
    }
}

/// `value` in the shortest form, or in `padding` bytes more.
pub(crate) fn varint(mut value: u64, padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    for _ in 0..padding {
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
    out
}

pub(crate) fn encode(fields: &[RawField], padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        let tag = u64::from(field.number) << 3 | u64::from(field.wire_type);
        // A tag has at most five bytes.
        out.extend(varint(tag, padding.min(5 - varint(tag, 0).len())));
        if field.wire_type == 2 {
            out.extend(varint(field.value.len() as u64, padding));
        }
        out.extend(&field.value);
    }
    out
}

pub(crate) fn decode(mut bytes: &[u8]) -> Vec<RawField> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (tag, _) = take_varint(&mut bytes);
        let value = match tag & 7 {
            0 => take_varint(&mut bytes).1,
            1 => take(&mut bytes, 8),
            5 => take(&mut bytes, 4),
            2 => {
                let (len, _) = take_varint(&mut bytes);
                take(&mut bytes, len as usize)
            }
            other => panic!("wire type {other}"),
        };
        fields.push(RawField {
            number: (tag >> 3) as u32,
            wire_type: (tag & 7) as u8,
            value,
        });
    }
    fields
}

fn take(bytes: &mut &[u8], len: usize) -> Vec<u8> {
    let (taken, rest) = bytes.split_at(len);
    *bytes = rest;
    taken.to_vec()
}

fn take_varint(bytes: &mut &[u8]) -> (u64, Vec<u8>) {
    let len = bytes.iter().position(|byte| *byte < 0x80).unwrap() + 1;
    let raw = take(bytes, len);
    let value = raw.iter().enumerate().fold(0, |value, (index, byte)| {
        value | u64::from(byte & 0x7f) << (7 * index)
    });
    (value, raw)
}
