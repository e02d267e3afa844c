//! Streams with taps on them, over a network in memory and in paused time.

use squall_protocol::{PacketType, Role};
use squall_transport::{
    Accept, BoxStream, Endpoint, Memory, MemoryListener, Stream,
    tap::{Cut, Ending, Part, Place, Shape, Tapped, Taps},
};
use std::{cell::RefCell, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

const PUBACK: [u8; 4] = [0x40, 2, 0, 1];
const PINGREQ: [u8; 2] = [0xC0, 0];

struct Pair {
    taps: Taps,
    near: Tapped<BoxStream>,
    far: Box<dyn Stream>,
    cuts: Rc<RefCell<Vec<Cut>>>,
    _listener: MemoryListener,
}

/// A client's end with taps on it, and the server's.
async fn pair() -> Pair {
    let (memory, mut listener) = Memory::listen();
    let near = Endpoint::from(memory).dial().await.unwrap();
    let far = Box::new(listener.accept().await.unwrap());
    let taps = Taps::new();
    let cuts = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&cuts);
    let near = taps.on(near, Role::Client, move |cut| noted.borrow_mut().push(cut));
    Pair {
        taps,
        near,
        far,
        cuts,
        _listener: listener,
    }
}

const fn at(packet: PacketType, from: Role, part: Part) -> Place {
    Place::Packet {
        packet,
        from,
        nth: 1,
        part,
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut buf = [0; 1024];
    let n = stream.read(&mut buf).await.unwrap();
    buf[..n].to_vec()
}

#[tokio::test(start_paused = true)]
async fn what_the_server_sends_is_cut_where_it_was_armed() {
    for (part, passed) in [(Part::Nothing, 2), (Part::Half, 4), (Part::Whole, 6)] {
        for by in [Ending::Reset, Ending::Close] {
            let mut pair = pair().await;
            let place = at(PacketType::PubAck, Role::Server, part);
            pair.taps.arm(place, by);
            let sent = [&[0xD0, 0][..], &PUBACK, &[0xD0, 0]].concat();
            pair.far.write_all(&sent).await.unwrap();
            assert_eq!(read(&mut pair.near).await, sent[..passed]);
            let end = pair.near.read(&mut [0; 8]).await;
            match by {
                Ending::Reset => {
                    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
                    let far = pair.far.read(&mut [0; 8]).await.unwrap_err();
                    assert_eq!(far.kind(), io::ErrorKind::ConnectionReset);
                }
                _ => assert_eq!((end.unwrap(), read(&mut pair.far).await.len()), (0, 0)),
            }
            let packet = Some(PacketType::PubAck);
            assert_eq!(*pair.cuts.borrow(), [Cut { by, packet }]);
            assert!(pair.taps.waited()[0].bit);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn half_of_what_the_client_sends_arrives_before_the_end() {
    let mut pair = pair().await;
    let place = at(PacketType::PubAck, Role::Client, Part::Half);
    pair.taps.arm(place, Ending::Close);
    // In two writes: the cut lies in the second.
    pair.near.write_all(&PUBACK[..1]).await.unwrap();
    pair.near.write_all(&PUBACK[1..]).await.unwrap();
    pair.near.write_all(&PINGREQ).await.unwrap();
    let mut arrived = Vec::new();
    pair.far.read_to_end(&mut arrived).await.unwrap();
    assert_eq!(arrived, PUBACK[..2]);
    assert!(read(&mut pair.near).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_silence_nobody_is_told_and_nothing_passes() {
    let mut pair = pair().await;
    let (from, nth) = (Role::Client, 3);
    pair.taps.arm(Place::Byte { from, nth }, Ending::Silence);
    pair.near.write_all(&PUBACK).await.unwrap();
    assert_eq!(read(&mut pair.far).await, PUBACK[..3]);
    pair.far.write_all(&PUBACK).await.unwrap();
    pair.near.write_all(&PUBACK).await.unwrap();
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, read(&mut pair.near)).await.is_err());
    assert!(timeout(hour, read(&mut pair.far)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_once_wakes_the_reader() {
    let mut pair = pair().await;
    let taps = pair.taps.clone();
    let cut = async {
        sleep(ms(50)).await;
        assert!(taps.cut(Ending::Reset));
        assert_eq!(pair.cuts.borrow().len(), 1);
        assert!(!taps.cut(Ending::Close), "it is cut already");
    };
    let mut buf = [0; 8];
    let (end, ()) = tokio::join!(pair.near.read(&mut buf), cut);
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(pair.far.read(&mut [0; 8]).await.is_err());
    drop(pair.near);
    assert!(!taps.cut(Ending::Reset), "there is no connection");
}

#[tokio::test(start_paused = true)]
async fn both_directions_take_their_time() {
    let mut pair = pair().await;
    let shape = |latency| Shape {
        latency: ms(latency),
        ..Shape::default()
    };
    pair.taps.shape(Role::Client, shape(30));
    pair.taps.shape(Role::Server, shape(100));
    let began = Instant::now();
    pair.near.write_all(&PINGREQ).await.unwrap();
    pair.far.write_all(&PUBACK).await.unwrap();
    // What was written moves while its writer reads.
    let (near, far) = tokio::join!(
        async { (read(&mut pair.near).await, began.elapsed()) },
        async { (read(&mut pair.far).await, began.elapsed()) }
    );
    assert_eq!(near, (PUBACK.to_vec(), ms(100)));
    assert_eq!(far, (PINGREQ.to_vec(), ms(30)));
    // An end takes its time too.
    drop(pair.far);
    assert!(read(&mut pair.near).await.is_empty());
    assert_eq!(began.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn bytes_come_in_fragments_or_together() {
    let mut pair = pair().await;
    let fragments = Shape {
        fragment: 3,
        ..Shape::default()
    };
    pair.taps.shape(Role::Server, fragments);
    let both = [PUBACK, PUBACK].concat();
    pair.far.write_all(&both).await.unwrap();
    for size in [3, 3, 2] {
        assert_eq!(read(&mut pair.near).await.len(), size);
    }
    let together = Shape {
        coalesce: ms(40),
        ..Shape::default()
    };
    pair.taps.shape(Role::Server, together);
    let began = Instant::now();
    let send = async {
        pair.far.write_all(&PUBACK).await.unwrap();
        sleep(ms(10)).await;
        pair.far.write_all(&PUBACK).await.unwrap();
    };
    let (all, ()) = tokio::join!(read(&mut pair.near), send);
    assert_eq!((all, began.elapsed()), (both, ms(40)));
}

#[tokio::test(start_paused = true)]
async fn a_stall_ends_by_itself_or_when_it_is_resumed() {
    let mut pair = pair().await;
    let taps = pair.taps.clone();
    taps.stall(Role::Server, Some(ms(500)));
    let began = Instant::now();
    pair.far.write_all(&PUBACK).await.unwrap();
    assert_eq!(read(&mut pair.near).await, PUBACK);
    assert_eq!(began.elapsed(), ms(500));
    taps.stall(Role::Server, None);
    pair.far.write_all(&PUBACK).await.unwrap();
    let resume = async {
        sleep(ms(200)).await;
        taps.resume(Role::Server);
    };
    let (came, ()) = tokio::join!(read(&mut pair.near), resume);
    assert_eq!((came, began.elapsed()), (PUBACK.to_vec(), ms(700)));
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_stream_is_dropped_or_shut_down_still_arrives() {
    for shut_down in [false, true] {
        let mut pair = pair().await;
        let shape = Shape {
            latency: ms(1000),
            ..Shape::default()
        };
        pair.taps.shape(Role::Client, shape);
        pair.near.write_all(&PINGREQ).await.unwrap();
        if shut_down {
            pair.near.shutdown().await.unwrap();
        }
        drop(pair.near);
        let mut arrived = Vec::new();
        pair.far.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, PINGREQ);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_takes_no_more_than_a_window() {
    let mut pair = pair().await;
    pair.taps.stall(Role::Client, None);
    let megabyte = vec![0; 1 << 20];
    let written = timeout(ms(1000), pair.near.write_all(&megabyte)).await;
    assert!(written.is_err(), "it has to wait");
    pair.taps.resume(Role::Client);
    let (mut near, mut far) = (pair.near, pair.far);
    let (mut one, mut other) = (vec![0; 4096], vec![0; 65536]);
    let moved = tokio::join!(timeout(ms(10), near.read(&mut one)), far.read(&mut other));
    assert!(moved.1.unwrap() > 0, "the reader of this end moves it on");
}
