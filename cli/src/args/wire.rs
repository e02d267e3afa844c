//! The command lines of `squall decode` and `squall encode`.

use super::value::{Format, role, version};
use clap::Args as ClapArgs;
use squall_protocol::{Role, Version};

pub(super) const DECODE_HELP: &str = "\
The bytes are what one end of a connection sent, from any point on. Hex digits may stand together or apart; C arrays, \
\\x30 strings and the dumps of xxd, hexdump -C and Wireshark are read as well. A file whose name is hex digits is \
written ./3004.

Each packet is judged by itself: whether it may come now is not. A CONNECT says its version, and what follows it is \
read so; --mqtt is for bytes without one. Offsets are those in the packet. Exit code 1 when a packet breaks a rule.

Raw bytes are read packet by packet without a limit, hex up to 8 MiB of text. A packet of more than 1 MiB is shown as far \
as that, a PUBLISH with its payload cut; one that cannot be judged for it means exit code 3, and --format json refuses \
it. After 1,000 packets that break a rule decoding stops.

  squall decode 30 04 0001 61 00
  squall decode capture.bin --from server --mqtt 3.1.1 --format json";

pub(super) const ENCODE_HELP: &str = "\
Prints a line of hex for each packet. Objects may stand one after the other or in a list. Bits, QoS, codes, properties \
and packet_identifier may be left out. A packet that breaks a rule is written all the same, with a note on standard \
error, as long as its fields have a place on the wire; for anything else write the bytes: {\"hex\": \"30 ff\"}. The JSON of \
one packet may take 16 MiB; how many there are does not matter.

  squall encode '{\"packet\": \"PUBACK\", \"fields\": {\"packet_identifier\": 7}}' --mqtt 3.1.1
  squall decode capture.bin --format json | squall encode -";

#[derive(Debug, ClapArgs)]
pub(crate) struct Decode {
    /// Hex digits, a file of raw bytes or hex digits, or - for standard input.
    #[arg(required = true, value_name = "HEX|FILE|-")]
    pub(crate) input: Vec<String>,
    /// Version of packets that no CONNECT stands before: 3.1.1 or 5.0; assumed to be 5.0 when absent.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) mqtt: Option<Version>,
    /// Who sent the bytes: client or server; told from the first packet when absent.
    #[arg(long, value_name = "END", value_parser = role)]
    pub(crate) from: Option<Role>,
    /// How to print them; json prints one object a line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Encode {
    /// JSON, a file with JSON, or - for standard input.
    #[arg(value_name = "JSON|FILE|-")]
    pub(crate) input: String,
    /// Version of packets that do not say one, if no CONNECT stands before them: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) mqtt: Option<Version>,
    /// Write the bytes themselves instead of hex digits.
    #[arg(long)]
    pub(crate) raw: bool,
}
