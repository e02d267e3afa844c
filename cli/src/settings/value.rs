//! The kinds of values that settings have, each as it is read and shown.

use super::field::Value;
use squall_broker::WhenFull;
use squall_protocol::QoS;
use std::{
    fmt::{self, Display},
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// What a type of Rust is as a value, and back.
macro_rules! stands_for {
    ($($value:ty: $type:ty;)+) => {$(
        impl From<$type> for $value {
            fn from(value: $type) -> Self {
                Self(value)
            }
        }
        impl From<$value> for $type {
            fn from(value: $value) -> Self {
                value.0
            }
        }
    )+};
}

stands_for! {
    Switch: bool;
    Number<u16>: u16;
    Positive: u16;
    Number<usize>: usize;
    Size<u32>: u32;
    Size<usize>: usize;
    Seconds<u16>: Option<u16>;
    Seconds<u32>: Option<u32>;
    Wait: Duration;
    Level: QoS;
    Dropped: WhenFull;
}

/// Yes or no; its flag alone says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switch(pub(crate) bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| "write true or false".into())
    }
}

impl Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Switch {
    const IS_SWITCH: bool = true;
}

/// A whole number that fits into this type.
pub(super) trait Whole: TryFrom<u64> + TryInto<u64> + Copy {
    /// The largest.
    const LARGEST: Self;
}

impl Whole for u16 {
    const LARGEST: Self = Self::MAX;
}

impl Whole for u32 {
    const LARGEST: Self = Self::MAX;
}

impl Whole for usize {
    const LARGEST: Self = Self::MAX;
}

fn wide<T: Whole>(number: T) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<T>(pub(crate) T);

impl<T: Whole> FromStr for Number<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok();
        let number = number.and_then(|n: u64| n.try_into().ok());
        number
            .map(Self)
            .ok_or_else(|| format!("write a whole number from 0 to {}", wide(T::LARGEST)))
    }
}

impl<T: Whole> Display for Number<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wide(self.0).fmt(f)
    }
}

impl<T: Whole> Value for Number<T> {}

/// How many, one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Positive(pub(crate) u16);

impl FromStr for Positive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number @ 1..) => Ok(Self(number)),
            _ => Err(format!("write a whole number from 1 to {}", u16::MAX)),
        }
    }
}

impl Display for Positive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Positive {}

/// So many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size<T>(pub(crate) T);

/// Units of sizes, the largest first.
const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
];

impl<T: Whole> FromStr for Size<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = || {
            format!(
                "write bytes as a whole number, with KiB, MiB or GiB if you like, such as 16MiB; up to {}",
                Self(T::LARGEST)
            )
        };
        let of_unit = |(unit, factor): &(&str, u64)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(*factor)?.try_into().ok()
        };
        UNITS.iter().find_map(of_unit).map(Self).ok_or_else(help)
    }
}

/// In the largest unit that says it exactly.
impl<T: Whole> Display for Size<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = wide(self.0);
        let fits = UNITS
            .iter()
            .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
        let (unit, factor) = fits.unwrap_or(&UNITS[3]);
        write!(f, "{}{unit}", bytes / factor)
    }
}

impl<T: Whole> Value for Size<T> {}

/// A time in whole seconds, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds<T>(pub(crate) Option<T>);

impl<T: Whole> FromStr for Seconds<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let longest = wide(T::LARGEST);
        let time = squall_scenarios::duration(text)?;
        let whole = time.subsec_nanos() == 0;
        let seconds = time.as_secs().try_into().ok().filter(|_| whole);
        seconds
            .map(|n| Self(Some(n)))
            .ok_or_else(|| format!("write whole seconds, up to {longest}s, or none"))
    }
}

impl<T: Whole> Display for Seconds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(seconds) => Wait(Duration::from_secs(wide(seconds))).fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl<T: Whole> Value for Seconds<T> {}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        squall_scenarios::duration(text).map(Self)
    }
}

/// In the largest unit that says it exactly.
impl Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            0 => f.write_str("0s"),
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            _ if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl Value for Wait {}

/// A Quality of Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(QoS);

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = text.parse().ok().and_then(QoS::from_bits);
        level.map(Self).ok_or_else(|| "write 0, 1 or 2".into())
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_u8().fmt(f)
    }
}

impl Value for Level {}

/// Which message goes when there is no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped(WhenFull);

impl FromStr for Dropped {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop-newest" => Ok(Self(WhenFull::DropNewest)),
            "drop-oldest" => Ok(Self(WhenFull::DropOldest)),
            _ => Err("write drop-newest or drop-oldest".into()),
        }
    }
}

impl Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            WhenFull::DropNewest => "drop-newest",
            WhenFull::DropOldest => "drop-oldest",
        })
    }
}

impl Value for Dropped {}

/// Where somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            "write an IP address and a port, such as 127.0.0.1:1883 or [::1]:1883".into()
        })
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Address {}

/// A file. Its name is UTF-8, so that it can stand in a file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.is_empty() {
            true => Err("write the name of a file".into()),
            false => Ok(Self(text.into())),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Value for Place {}

/// Text that a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told(pub(crate) String);

impl FromStr for Told {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > usize::from(u16::MAX) || text.contains('\0') {
            return Err("write a text of 1 to 65,535 bytes without the character U+0000".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Told {}

/// Text in which values of a client have places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) String);

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Told(text) = text.parse()?;
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once('%') {
            rest = after
                .strip_prefix(['c', 'u', '%'])
                .ok_or("a percent sign stands before c, u or another percent sign")?;
        }
        Ok(Self(text))
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Value for Template {}

/// How much is told in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// What the broker had to do on its own account.
    Warn,
    /// Who comes and goes, too.
    Info,
}

impl FromStr for Verbosity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            _ => Err("write warn or info".into()),
        }
    }
}

impl Display for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warn => "warn",
            Self::Info => "info",
        })
    }
}

impl Value for Verbosity {}
