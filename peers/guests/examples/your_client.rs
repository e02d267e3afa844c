//! Plays a folder of stories with somebody else's client:
//! `cargo run --manifest-path peers/guests/Cargo.toml --example your_client -- scenarios/qos1`

fn main() {
    let folder = std::env::args().nth(1).expect("a folder of stories");
    squall_guests::client::storm(&folder, false).check();
}
