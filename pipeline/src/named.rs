//! Enums whose values have one name each: parsing, printing, help texts and JSON derive from it.

/// Declares an enum with a name per value, `ALL`, `name`, `Display`, `FromStr` and serde support.
macro_rules! named_enum {
    ($(#[$meta:meta])* pub enum $type:ident($what:literal) {
        $($(#[$value_meta:meta])* $value:ident = $name:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
