//! One HTML page that needs nothing else: styles, charts and the little script are in it.
//!
//! The page is complete without its script, which only filters, unfolds and copies. All text from outside passes
//! `visible` in `view` and is escaped by the templates; the only markup taken as it is are the charts and
//! bars that this crate draws itself.

mod bar;
mod packets;
mod view;

use crate::{
    model::Report,
    sink::{Row, whole},
};
use askama::Template;

/// This format.
pub(crate) const ROW: Row = Row {
    name: "html",
    ending: "html",
    what: "a web page",
    begin: |out, _| whole(out, render),
};

/// The report as one self-contained page.
#[must_use]
pub fn render(report: &Report) -> String {
    view::Page::new(report)
        .render()
        .expect("the template writes text to memory, which cannot fail")
}
