//! The servers that stories are told to: one, or several of the same product, each of which bears only so many at once.

use crate::world::live::Reach;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};
use tokio::sync::Notify;

/// Who is told what.
#[derive(Debug)]
pub(super) struct Servers {
    first: Reach,
    /// Places at servers, where they are counted; the one that was free longest first.
    free: Option<RefCell<VecDeque<Reach>>>,
    back: Notify,
}

/// A place at a server for one telling. It is free again when this goes.
pub(super) struct Place {
    pub(super) reach: Reach,
    /// Where it is counted.
    of: Option<Rc<Servers>>,
}

impl Servers {
    /// Each of them is told `bears` stories at once, at least 1, or all that there are.
    pub(super) fn new(first: &Reach, others: &[Reach], bears: Option<usize>) -> Rc<Self> {
        let all = || std::iter::once(first).chain(others).cloned();
        let places = |bears: usize| (0..bears.max(1)).flat_map(|_| all()).collect();
        Rc::new(Self {
            first: first.clone(),
            free: bears.map(places).map(RefCell::new),
            back: Notify::new(),
        })
    }

    /// Waits for a place.
    pub(super) async fn place(self: &Rc<Self>) -> Place {
        let Some(free) = &self.free else {
            return Place {
                reach: self.first.clone(),
                of: None,
            };
        };
        loop {
            if let Some(reach) = free.borrow_mut().pop_front() {
                let of = Some(Rc::clone(self));
                return Place { reach, of };
            }
            self.back.notified().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(servers) = &self.of
            && let Some(free) = &servers.free
        {
            free.borrow_mut().push_back(self.reach.clone());
            servers.back.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_transport::{Endpoint, Memory};
    use std::future::Future;
    use tokio::runtime::Builder;

    fn reach() -> Reach {
        Reach {
            endpoint: Endpoint::from(Memory::listen().0),
            login: None,
        }
    }

    fn block_on(what: impl Future<Output = ()>) {
        let runtime = Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(what);
    }

    #[test]
    fn each_server_is_told_so_many_stories_and_the_next_waits() {
        block_on(async {
            let servers = Servers::new(&reach(), &[reach()], Some(2));
            let mut taken = Vec::new();
            for _ in 0..4 {
                taken.push(servers.place().await);
            }
            let left = || servers.free.as_ref().map(|f| f.borrow().len());
            assert_eq!(left(), Some(0));
            let leave = async { drop(taken.pop()) };
            let ((), next) = tokio::join!(biased; leave, servers.place());
            assert_eq!(left(), Some(0));
            drop((taken, next));
            assert_eq!(left(), Some(4));
        });
    }

    #[test]
    fn one_that_bears_all_keeps_nobody_waiting() {
        block_on(async {
            let servers = Servers::new(&reach(), &[], None);
            for _ in 0..1000 {
                std::mem::forget(servers.place().await);
            }
        });
    }
}
