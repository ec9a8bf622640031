//! A tensor of any element type.

use std::io::Write;

use half::f16;
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, concatenate};
use ort::session::SessionInputValue;
use ort::value::{DynValue, TensorElementType, TensorRef, ValueType};
use prep_onnx_pipeline::{Elements, Error, Result, Tensor};

/// What an element type needs to go to and from ONNX Runtime and .npy files.
pub(super) trait Element: Copy {
    /// The type in the header of a .npy file, little-endian.
    const NPY: &'static str;
    /// What stands for an element that there is not: NaN, else 0.
    const MISSING: Self;
    fn write(self, out: &mut dyn Write) -> std::io::Result<()>;
    fn read(bytes: &[u8]) -> Option<Self>;
    fn to_f64(self) -> f64;
}

macro_rules! element {
    ($($type:ty = $npy:literal, $missing:expr, $to_f64:expr;)+) => {$(
        impl Element for $type {
            const NPY: &'static str = $npy;
            const MISSING: Self = $missing;

            fn write(self, out: &mut dyn Write) -> std::io::Result<()> {
                out.write_all(&self.to_le_bytes())
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }

            fn to_f64(self) -> f64 {
                let convert: fn(Self) -> f64 = $to_f64;
                convert(self)
            }
        }
    )+};
}

element! {
    f32 = "<f4", Self::NAN, f64::from;
    f64 = "<f8", Self::NAN, |value| value;
    f16 = "<f2", Self::NAN, f64::from;
    i8 = "|i1", 0, f64::from;
    i16 = "<i2", 0, f64::from;
    i32 = "<i4", 0, f64::from;
    i64 = "<i8", 0, |value| value as f64;
    u8 = "|u1", 0, f64::from;
    u16 = "<u2", 0, f64::from;
    u32 = "<u4", 0, f64::from;
    u64 = "<u8", 0, |value| value as f64;
}

impl Element for bool {
    const NPY: &'static str = "|b1";
    const MISSING: Self = false;

    fn write(self, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&[u8::from(self)])
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first().map(|byte| *byte != 0)
    }

    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}

macro_rules! array {
    ($($variant:ident($type:ty) = $name:literal,)+) => {
        /// A tensor of any of the element types that go in and out of models.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is named after its element type")]
        pub enum Array {
            $($variant(ArrayD<$type>),)+
        }

        impl Array {
    /// float64 [rows, width].
    pub(crate) fn table(numbers: &[f64], width: usize) -> Self {
        let width = width.max(1);
        let rows = numbers.len() / width;
        let numbers = numbers.iter().take(rows * width).copied().collect();
        Self::Float64(
            ArrayD::from_shape_vec(IxDyn(&[rows, width]), numbers)
                .unwrap_or_else(|_| ArrayD::zeros(IxDyn(&[0, width]))),
        )
    }

            /// The name of the element type, as numpy has it.
            pub fn dtype(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// The extent of each axis.
            pub fn shape(&self) -> &[usize] {
                match self { $(Self::$variant(array) => array.shape(),)+ }
            }

            /// The elements along the first axis at `index`, an array of one axis less.
            pub fn row(&self, index: usize) -> Option<Self> {
                if self.shape().first().is_none_or(|rows| index >= *rows) {
                    return None;
                }
                Some(match self {
                    $(Self::$variant(array) => Self::$variant(array.index_axis(Axis(0), index).to_owned()),)+
                })
            }

            /// The elements in C order, as float64; 64-bit integers are rounded.
            pub fn to_f64(&self) -> Vec<f64> {
                match self { $(Self::$variant(array) => array.iter().map(|value| value.to_f64()).collect(),)+ }
            }

            /// The element type as the header of a .npy file has it.
            pub(crate) fn npy_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$type>::NPY,)+ }
            }

            /// Writes the elements in C order, little-endian.
            ///
            /// # Errors
            /// Those of `out`.
            pub fn write_le(&self, out: &mut dyn Write) -> std::io::Result<()> {
                match self {
                    $(Self::$variant(array) => array.iter().try_for_each(|value| value.write(out)),)+
                }
            }

            /// An array of the same form, whose elements stand for none: NaN, else 0.
            pub(crate) fn missing(&self) -> Self {
                match self {
                    $(Self::$variant(array) => {
                        Self::$variant(ArrayD::from_elem(array.raw_dim(), <$type>::MISSING))
                    })+
                }
            }

            /// The array of the little-endian bytes `data` in C order; `None` for another type or length.
            pub(crate) fn from_npy(npy_type: &str, shape: &[usize], data: &[u8]) -> Option<Self> {
                $(if npy_type == <$type>::NPY {
                    let values = data.chunks_exact(size_of::<$type>()).map(<$type>::read);
                    let values: Vec<$type> = values.collect::<Option<_>>()?;
                    return ArrayD::from_shape_vec(IxDyn(shape), values).ok().map(Self::$variant);
                })+
                None
            }

            /// A tensor that ONNX Runtime made.
            pub(super) fn from_value(name: &str, value: &DynValue) -> Result<Self> {
                let extract = |error: ort::Error| Error::new(format!("output `{name}`"), error);
                match value.dtype() {
                    $(ValueType::Tensor { ty: TensorElementType::$variant, .. } => {
                        let view: ArrayViewD<'_, $type> = value.try_extract_array().map_err(extract)?;
                        Ok(Self::$variant(view.to_owned()))
                    })+
                    other => Err(Error::new(format!("output `{name}`"), "has a type that cannot be read")
                        .expected_got("a tensor of numbers", other)),
                }
            }

            /// The tensor as an input of a session, without a copy.
            pub(super) fn as_input(&self) -> Result<SessionInputValue<'_>, ort::Error> {
                match self { $(Self::$variant(array) => Ok(TensorRef::from_array_view(array)?.into()),)+ }
            }

            /// Stacks arrays of one shape and type along a new first axis.
            ///
            /// # Errors
            /// When shapes or element types differ.
            pub fn stack(rows: &[Self]) -> Result<Self> {
                let Some(first) = rows.first() else {
                    return Err(Error::new("outputs", "there are none"));
                };
                if let Some(other) = rows.iter().find(|row| row.shape() != first.shape() || row.dtype() != first.dtype()) {
                    return Err(Error::new("outputs", "differ in shape from image to image").expected_got(
                        format_args!("{} {:?}", first.dtype(), first.shape()),
                        format_args!("{} {:?}", other.dtype(), other.shape()),
                    ));
                }
                match first {
                    $(Self::$variant(_) => {
                        let views: Vec<_> = rows
                            .iter()
                            .filter_map(|row| match row {
                                Self::$variant(array) => Some(array.view().insert_axis(Axis(0))),
                                _ => None,
                            })
                            .collect();
                        concatenate(Axis(0), &views)
                            .map(Self::$variant)
                            .map_err(|error| Error::new("outputs", error))
                    })+
                }
            }

            /// The elements and shape as nested JSON lists. JSON has no NaN and no infinity: they become null.
            pub fn to_json(&self) -> serde_json::Value {
                match self { $(Self::$variant(array) => nested(array.view(), &|value: &$type| Number::json(*value)),)+ }
            }
        }
    };
}

array! {
    Float32(f32) = "float32",
    Float64(f64) = "float64",
    Float16(f16) = "float16",
    Int8(i8) = "int8",
    Int16(i16) = "int16",
    Int32(i32) = "int32",
    Int64(i64) = "int64",
    Uint8(u8) = "uint8",
    Uint16(u16) = "uint16",
    Uint32(u32) = "uint32",
    Uint64(u64) = "uint64",
    Bool(bool) = "bool",
}

/// The JSON form of an element.
trait Number {
    fn json(self) -> serde_json::Value;
}

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Number for $type {
            fn json(self) -> serde_json::Value {
                self.into()
            }
        }
    )+};
}

number!(f64, i8, i16, i32, i64, u8, u16, u32, u64, bool);

impl Number for f32 {
    /// The shortest decimal that reads back as the same float32.
    fn json(self) -> serde_json::Value {
        self.to_string()
            .parse::<f64>()
            .map_or(serde_json::Value::Null, serde_json::Value::from)
    }
}

impl Number for f16 {
    fn json(self) -> serde_json::Value {
        self.to_f64().into()
    }
}

fn nested<T>(array: ArrayViewD<'_, T>, json: &dyn Fn(&T) -> serde_json::Value) -> serde_json::Value {
    match array.ndim() {
        0 => array.first().map_or(serde_json::Value::Null, json),
        _ => array.outer_iter().map(|row| nested(row, json)).collect(),
    }
}

impl From<Tensor> for Array {
    fn from(tensor: Tensor) -> Self {
        let shape = IxDyn(&tensor.shape);
        // A tensor's elements fill its shape; were they not to, the empty array compares unequal.
        match tensor.elements {
            Elements::Float32(values) => {
                Self::Float32(ArrayD::from_shape_vec(shape, values).unwrap_or_default())
            }
            Elements::Float16(values) => {
                Self::Float16(ArrayD::from_shape_vec(shape, values).unwrap_or_default())
            }
            Elements::Uint8(values) => Self::Uint8(ArrayD::from_shape_vec(shape, values).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float32_json_reads_back_as_the_same_bits() {
        for value in [0.1_f32, -2.117_904, f32::MIN_POSITIVE, 1.0e-45, f32::MAX] {
            let json = value.json().to_string();
            assert_eq!(json.parse::<f32>().unwrap().to_bits(), value.to_bits(), "{json}");
        }
        assert_eq!(f32::NAN.json(), serde_json::Value::Null);
    }

    #[test]
    fn rows_stack_back_to_the_whole() {
        let whole = Array::Int64(ArrayD::from_shape_vec(IxDyn(&[2, 3]), (0..6).collect()).unwrap());
        let rows = [whole.row(0).unwrap(), whole.row(1).unwrap()];
        assert_eq!(whole.row(2), None);
        assert_eq!(Array::stack(&rows).unwrap(), whole);
        assert_eq!(whole.to_json().to_string(), "[[0,1,2],[3,4,5]]");
        let other = Array::Int64(ArrayD::zeros(IxDyn(&[4])));
        let error = Array::stack(&[whole, other]).unwrap_err();
        assert!(
            error.to_string().contains("expected int64 [2, 3], got int64 [4]"),
            "{error}"
        );
    }
}
