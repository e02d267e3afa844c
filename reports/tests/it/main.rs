//! What the renderers write: snapshots of a report with one of everything, and properties over any report.

mod documents;
mod markup;
mod properties;
mod sample;
mod snapshots;
