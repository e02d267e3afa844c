//! The settings of `squall broker`. Each is declared once, in `table.rs`: its flag, its key in a file, its help, its
//! default and its place among those of the broker follow from that.

mod field;
mod file;
mod table;
mod value;

pub(crate) use file::read;
pub(crate) use table::Settings;
pub(crate) use value::{Place, Verbosity};

/// Makes the settings of their table. A line is
///
/// ```text
/// /// What it is.
/// name: Option<Type>, "VALUE" => place;
/// ```
///
/// with `Vec<Type>` for what may be said several times, and without a place for what is no field of
/// [`squall_broker::Config`]. The flag is `--name` and the key `name`, both with `-` for `_`.
macro_rules! settings {
    ($($heading:literal {
        $($(#[doc = $doc:literal])+ $name:ident: $type:ty, $value:literal $(=> $($place:ident).+)?;)+
    })+) => {
        /// What was said about the broker, or all that there is to say.
        #[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, serde::Deserialize, serde::Serialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub(crate) struct Settings {
            $($(
                #[arg(
                    long,
                    value_name = $value,
                    help = $crate::settings::field::help(concat!($($doc),+), &Self::standard().$name),
                    help_heading = $heading,
                    num_args = <$type as $crate::settings::field::Field>::arguments(),
                    require_equals = <$type as $crate::settings::field::Field>::IS_SWITCH,
                    default_missing_value = "true"
                )]
                #[serde(
                    deserialize_with = "Field::read",
                    serialize_with = "Field::write",
                    skip_serializing_if = "Field::is_silent"
                )]
                pub(crate) $name: $type,
            )+)+
        }

        impl Settings {
            /// These, and those of `below` where nothing is said here.
            pub(crate) fn over(self, below: Self) -> Self {
                Self { $($($name: Field::over(self.$name, below.$name),)+)+ }
            }

            /// What this configuration says.
            fn of(config: &Config) -> Self {
                let mut said = Self::default();
                $($($(said.$name = Some(config.$($place).+.into());)?)+)+
                said
            }

            /// Says it in a configuration.
            fn put(&self, config: &mut Config) {
                $($($(
                    if let Some(value) = &self.$name {
                        config.$($place).+ = value.clone().into();
                    }
                )?)+)+
            }
        }
    };
}
use settings;
