//! Prints what the last `cargo bench --bench codec` measured: nanoseconds a packet, and ours against the peers.
//!
//! `cargo run --release --example ratios [path to target/criterion]`

use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs, io,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

const OURS: &str = "squall";
/// Ours with the raw bytes of each packet, which no peer gives: shown, not compared.
const FRAMES: &str = "squall frames";

/// Nanoseconds a packet by codec, by workload.
type Table = BTreeMap<String, BTreeMap<String, f64>>;

fn main() -> ExitCode {
    let folder = env::args()
        .nth(1)
        .map_or_else(default_folder, PathBuf::from);
    let printed = read(&folder).and_then(|table| print(&table));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(
                io::stderr(),
                "no figures in {}: {e}; run `cargo bench --bench codec` first",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}

fn default_folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    target.join("criterion")
}

/// Reads every `<workload>/<codec>/new` that criterion left.
fn read(folder: &Path) -> io::Result<Table> {
    let mut table = Table::new();
    for workload in fs::read_dir(folder)? {
        for codec in fs::read_dir(workload?.path()).into_iter().flatten() {
            let new = codec?.path().join("new");
            let (Ok(benchmark), Ok(estimates)) = (
                json(&new.join("benchmark.json")),
                json(&new.join("estimates.json")),
            ) else {
                continue;
            };
            let (Some(group), Some(name)) = (
                benchmark["group_id"].as_str(),
                benchmark["function_id"].as_str(),
            ) else {
                continue;
            };
            let packets = benchmark["throughput"]["Elements"].as_f64();
            let (Some(packets), Some(run)) =
                (packets, estimates["median"]["point_estimate"].as_f64())
            else {
                continue;
            };
            table
                .entry(group.to_owned())
                .or_default()
                .insert(name.to_owned(), run / packets);
        }
    }
    if table.is_empty() {
        return Err(io::Error::other("the folder holds no results"));
    }
    Ok(table)
}

fn json(path: &Path) -> io::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn print(table: &Table) -> io::Result<()> {
    let mut codecs: Vec<_> = table.values().flat_map(BTreeMap::keys).collect();
    codecs.sort_unstable();
    codecs.dedup();
    let peers: Vec<_> = codecs
        .into_iter()
        .filter(|name| *name != OURS && *name != FRAMES)
        .collect();
    let mut out = io::stdout().lock();
    write!(out, "| workload, ns a packet | {OURS} | with bytes |")?;
    peers.iter().try_for_each(|name| write!(out, " {name} |"))?;
    writeln!(out, " fastest peer / ours | mean of peers / ours |")?;
    writeln!(out, "|---|{}", "---:|".repeat(peers.len() + 4))?;
    for (workload, times) in table {
        let cell = |name: &str| {
            times
                .get(name)
                .map_or_else(String::new, |ns| format!("{ns:.1}"))
        };
        write!(out, "| {workload} | {} | {} |", cell(OURS), cell(FRAMES))?;
        peers
            .iter()
            .try_for_each(|name| write!(out, " {} |", cell(name)))?;
        let theirs: Vec<f64> = peers
            .iter()
            .filter_map(|name| times.get(*name).copied())
            .collect();
        match times.get(OURS) {
            Some(ours) if !theirs.is_empty() => {
                let fastest = theirs.iter().copied().fold(f64::INFINITY, f64::min);
                writeln!(
                    out,
                    " {:.2} | {:.2} |",
                    fastest / ours,
                    geometric_mean(&theirs) / ours
                )?;
            }
            _ => writeln!(out, " | |")?,
        }
    }
    Ok(())
}

fn geometric_mean(values: &[f64]) -> f64 {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (logarithms / values.len() as f64).exp()
}
