//! Enums whose values have one name each: parsing, printing, help texts and JSON derive from it.

/// Declares an enum with a name per value, `ALL`, `name`, `Display`, `FromStr` and serde support.
macro_rules! named_enum {
    ($(#[$meta:meta])* pub enum $type:ident($what:literal) {
        $($(#[$value_meta:meta])* $value:ident = $name:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        pub enum $type {
            $($(#[$value_meta])* #[serde(rename = $name)] $value,)+
        }

        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The name in pipelines, options and messages.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }

        // Not derived: serde would ask for a string or a map, and take a map with a single key.
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const NAMES: &[&str] = &[$($name),+];
                let index = deserializer.deserialize_str($crate::named::OneOf(NAMES))?;
                Ok(Self::ALL[index])
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|value| value.name()).collect();
                    $crate::Error::new($what, "unknown name")
                        .expected_got(format_args!("one of {}", names.join(", ")), format_args!("{name:?}"))
                        .with_kind($crate::ErrorKind::Config)
                })
            }
        }
    };
}

pub(crate) use named_enum;

/// Reads one of these names; gives its index.
pub(crate) struct OneOf(pub(crate) &'static [&'static str]);

impl serde::de::Visitor<'_> for OneOf {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one of {}", self.0.join(", "))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        let found = self.0.iter().position(|known| *known == name);
        found.ok_or_else(|| E::unknown_variant(name, self.0))
    }
}
