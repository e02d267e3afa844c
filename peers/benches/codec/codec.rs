//! What every codec under measurement is driven through.

/// One codec for one version of MQTT, reading what a client sends.
pub(crate) trait Codec: Clone {
    /// The codec's own packet.
    type Packet;
    /// What encoding consumes besides packets by reference; made anew, outside the measured time, for each run.
    type Job;
    /// Where encoded bytes go; kept from run to run.
    type Output: Default;

    /// Copies bytes into the receive buffer, as reading from a socket would.
    fn receive(&mut self, bytes: &[u8]);

    /// The next whole packet, owned. Panics where the codec refuses one: workloads are valid.
    fn next(&mut self) -> Option<Self::Packet>;

    /// What [`Self::encode`] consumes.
    fn job(&self, packets: &[Self::Packet]) -> Self::Job;

    /// Encodes all packets, in place of what `out` held; gives the number of bytes.
    fn encode(job: Self::Job, packets: &[Self::Packet], out: &mut Self::Output) -> usize;

    /// The bytes of the last [`Self::encode`], where they are kept.
    fn written(out: &Self::Output) -> Option<&[u8]>;
}

/// Where the first packet's body begins and ends, for codecs that leave framing to their caller.
pub(crate) fn frame(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut remaining = 0;
    for at in 1..5 {
        let byte = *bytes.get(at)?;
        remaining |= usize::from(byte & 0x7F) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            let body = at + 1..at + 1 + remaining;
            return (body.end <= bytes.len()).then_some(body);
        }
    }
    panic!("workloads are valid");
}
