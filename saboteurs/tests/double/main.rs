//! The double by itself: that it obeys when it is plain, that every fault and oddity shows, and that every statement a
//! server decides has a fault that breaks it.

mod limits;
mod plain;
mod robust;
mod scripts;
mod shows;
mod stage;
mod statements;
mod streams;
