//! Takes the keys of a config one by one, so that what is left over is what was not understood.

use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::size::MAX_EDGE;
use crate::{CHANNELS, Error, Result};

/// The keys of one table of a config.
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

    /// Whether the key is there and not null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether the key is there and false.
    pub(super) fn is_false(&self, key: &str) -> bool {
        self.map.get(key) == Some(&Value::Bool(false))
    }

    /// Whether the key holds a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_object)
    }

    /// The value of a key; null counts as absent, as in the libraries.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.taken.push(key);
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// A key that holds true or false.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// A key that holds a number.
    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<f64>> {
        self.typed(key, "a number", Value::as_f64)
    }

    /// A key that holds a whole number, not negative.
    pub(super) fn whole(&mut self, key: &'static str) -> Result<Option<u64>> {
        self.typed(key, "a whole number", Value::as_u64)
    }

    /// A key that holds text.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        self.typed(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A key that holds a number other than 0.
    pub(super) fn divisor(&mut self, key: &'static str) -> Result<Option<f64>> {
        match self.number(key)? {
            Some(number) if number as f32 == 0.0 => Err(self.zero(key)),
            number => Ok(number),
        }
    }

    /// A key that holds one number per channel, or one for all.
    pub(super) fn per_channel(&mut self, key: &'static str) -> Result<Option<[f64; CHANNELS]>> {
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
    pub(super) fn divisors(&mut self, key: &'static str) -> Result<Option<[f64; CHANNELS]>> {
        let numbers = self.per_channel(key)?;
        match numbers.and_then(|numbers| numbers.iter().position(|number| *number as f32 == 0.0)) {
            Some(channel) => Err(self.zero(&format!("{key}[{channel}]"))),
            None => Ok(numbers),
        }
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

    /// Refuses every key that was not taken and is not in `harmless`.
    pub(super) fn finish(mut self, harmless: &[&str]) -> Result<()> {
        self.map.retain(|key, _| !harmless.contains(&key.as_str()));
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

    fn typed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.error(key, "has another type").expected_got(expected, value)),
        }
    }

    fn zero(&self, key: &str) -> Error {
        self.error(key, "is zero")
            .expected_got("a number other than 0", 0)
            .why("pixels are divided by it")
    }
}
