//! Takes the keys of a config one by one, so that what is left over is what was not understood.

use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::size::MAX_EDGE;
use crate::{CHANNELS, Error, Result};

/// What a key holds. Libraries tell a key that is null from one that is not there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given<T> {
    /// The key is not there.
    Absent,
    /// The key is there and null.
    Null,
    /// The value.
    Is(T),
}

impl<T> Given<T> {
    /// The value, where there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Is(value) => Some(value),
        }
    }
}

impl<T> Given<T> {
    /// Absence or null, of another type.
    pub(super) fn into_unit<U>(self) -> Given<U> {
        match self {
            Self::Null => Given::Null,
            Self::Absent | Self::Is(_) => Given::Absent,
        }
    }
}

/// The keys of one table of a config.
#[derive(Clone)]
pub(super) struct Keys {
    prefix: String,
    map: Map<String, Value>,
    taken: Vec<&'static str>,
}

impl Keys {
    /// The keys of `map`, which stands at `prefix` (empty for the root).
    pub(super) fn new(prefix: &str, map: Map<String, Value>) -> Self {
        Self {
            prefix: prefix.to_owned(),
            map,
            taken: Vec::new(),
        }
    }

    /// The whole path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        if self.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.prefix)
        }
    }

    /// An error about a key, with its whole path.
    pub(super) fn error(&self, key: &str, what: impl std::fmt::Display) -> Error {
        Error::new(self.path(key), what)
    }

    /// A look at a key that stays.
    pub(super) fn peek(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    /// Leaves a null out.
    pub(super) fn forget_null(&mut self, key: &str) {
        if self.peek(key).is_some_and(Value::is_null) {
            self.map.remove(key);
        }
    }

    /// Gives a key a value where it is not there.
    pub(super) fn set_default(&mut self, key: &str, value: Value) {
        self.map.entry(key).or_insert(value);
    }

    /// Puts another value in the place of one that a library takes for it.
    pub(super) fn read_as(&mut self, key: &str, other: impl Fn(&Value) -> Option<Value>) {
        if let Some(value) = self.map.get_mut(key)
            && let Some(other) = other(value)
        {
            *value = other;
        }
    }

    /// What a key holds.
    pub(super) fn given(&mut self, key: &'static str) -> Given<Value> {
        self.taken.push(key);
        match self.map.remove(key) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => Given::Is(value),
        }
    }

    /// The value of a key, where null and absence are the same.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.given(key).value()
    }

    /// A key that switches something on: null is off, as Python tests it.
    pub(super) fn switch(&mut self, key: &'static str, default: bool) -> Result<bool> {
        match self.given(key) {
            Given::Absent => Ok(default),
            Given::Null => Ok(false),
            Given::Is(Value::Bool(on)) => Ok(on),
            Given::Is(value) => Err(self.other_type(key, "true or false", &value)),
        }
    }

    /// A key that holds a number.
    pub(super) fn number(&mut self, key: &'static str) -> Result<Given<f64>> {
        self.typed(key, "a number", Value::as_f64)
    }

    /// A key that holds a whole number, not negative.
    pub(super) fn whole(&mut self, key: &'static str) -> Result<Given<u64>> {
        self.typed(key, "a whole number", Value::as_u64)
    }

    /// A key that holds text; null and absence are the same.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        let text = self.typed(key, "a string", |value| value.as_str().map(str::to_owned))?;
        Ok(text.value())
    }

    /// A key that holds one number per channel, or one for all.
    pub(super) fn per_channel(&mut self, key: &'static str) -> Result<Given<[f64; CHANNELS]>> {
        self.typed(
            key,
            "a number, or one for each of 3 channels",
            |value| match value {
                Value::Array(items) => {
                    let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
                    numbers?.try_into().ok()
                }
                value => value.as_f64().map(|number| [number; CHANNELS]),
            },
        )
    }

    /// Like [`Keys::per_channel`], but none may be 0.
    pub(super) fn divisors(&mut self, key: &'static str) -> Result<Given<[f64; CHANNELS]>> {
        let numbers = self.per_channel(key)?;
        if let Given::Is(numbers) = numbers
            && let Some(channel) = numbers.iter().position(|number| *number as f32 == 0.0)
        {
            return Err(self.zero(&format!("{key}[{channel}]")));
        }
        Ok(numbers)
    }

    /// A number of pixels.
    pub(super) fn edge(&self, path: &str, value: &Value) -> Result<usize> {
        value
            .as_u64()
            .and_then(|edge| usize::try_from(edge).ok())
            .filter(|edge| (1..=MAX_EDGE).contains(edge))
            .ok_or_else(|| {
                self.error(path, "is not a size in pixels")
                    .expected_got(format_args!("1 to {MAX_EDGE}"), value)
            })
    }

    /// Refuses a key that switches on what no pipeline can express.
    pub(super) fn off(&mut self, key: &'static str, why: &str) -> Result<()> {
        match self.take(key) {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(value) => Err(self
                .error(key, "cannot be expressed")
                .expected_got("false, or no such key", value)
                .why(why)),
        }
    }

    /// Refuses every key that was not taken and is not `harmless` with its value.
    pub(super) fn finish(mut self, harmless: impl Fn(&str, &Value) -> bool) -> Result<()> {
        self.map.retain(|key, value| !harmless(key, value));
        let Some(key) = self.map.keys().next() else {
            return Ok(());
        };
        let error = self
            .error(key, "is an unknown key")
            .why("a key that is not understood may change the pixels");
        let near = nearest(key, self.taken.iter().copied());
        Err(match near.first() {
            Some(near) => error.fix(format_args!("write {near} if it is meant, or remove the key")),
            None => error.fix("remove the key if it does not change the pixels"),
        })
    }

    /// An error about a number that pixels are divided by.
    pub(super) fn zero(&self, key: &str) -> Error {
        self.error(key, "is zero")
            .expected_got("a number other than 0", 0)
            .why("pixels are divided by it")
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Given<T>> {
        Ok(match self.given(key) {
            Given::Absent => Given::Absent,
            Given::Null => Given::Null,
            Given::Is(value) => {
                Given::Is(read(&value).ok_or_else(|| self.other_type(key, expected, &value))?)
            }
        })
    }

    fn other_type(&self, key: &str, expected: &str, got: &Value) -> Error {
        self.error(key, "has another type").expected_got(expected, got)
    }
}
