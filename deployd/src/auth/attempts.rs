//! How often somebody may try to log in: each user name and each address of a client has a number of attempts at hand,
//! and gets them back one by one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Failure, Kind, Result};

/// How many names and addresses are remembered.
const MOST: usize = 10_000;
/// As much of a name counts.
const NAME: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

impl Key {
    fn name(name: &str) -> Self {
        Self::Name(name.chars().take(NAME).collect())
    }

    /// Who has one address of IPv6 has the 2⁶⁴ around it as well.
    fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }

    /// How many attempts are at hand.
    fn at_hand(&self) -> u32 {
        match self {
            Self::Name(_) => 10,
            Self::Address(_) => 30,
        }
    }

    /// How long it takes to get one back.
    fn back_after(&self) -> Duration {
        match self {
            Self::Name(_) => Duration::from_secs(30),
            Self::Address(_) => Duration::from_secs(10),
        }
    }
}

/// For each name and address the moment when all its attempts are at hand again. A restart forgets them: it takes longer
/// than an attempt.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Instant>>);

/// An attempt that counts as failed until it is said to have succeeded.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: [Key; 2],
}

impl Attempts {
    /// Begins an attempt, unless there are none at hand.
    pub(super) fn begin(&self, name: &str, address: IpAddr, now: Instant) -> Result<Attempt<'_>> {
        let keys = [Key::name(name), Key::address(address)];
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = |key: &Key| table.get(key).copied().unwrap_or(now).max(now) + key.back_after();
        let waits = keys.iter().map(|key| full_at(key).duration_since(now + key.back_after() * key.at_hand()));
        let wait = waits.max().unwrap_or_default();
        if !wait.is_zero() {
            let failure = Failure::new(Kind::Limited, "log in").saw("there were too many failed attempts");
            let hint = format!("try again in {} s", wait.as_secs() + 1);
            return Err(failure.hint(hint).retry_after(wait));
        }
        let taken = keys.clone().map(|key| (full_at(&key), key));
        for (at, key) in taken {
            make_room(&mut table, now);
            table.insert(key, at);
        }
        drop(table);
        Ok(Attempt { attempts: self, keys })
    }
}

/// Forgets who has all attempts at hand, and if hardly anybody has, those who will have them first.
fn make_room(table: &mut HashMap<Key, Instant>, now: Instant) {
    if table.len() < MOST {
        return;
    }
    table.retain(|_, at| *at > now);
    let mut surplus = (table.len() + MOST / 10).saturating_sub(MOST);
    let mut ends: Vec<Instant> = table.values().copied().collect();
    if surplus > 0 {
        let (_, last, _) = ends.select_nth_unstable(surplus - 1);
        table.retain(|_, at| {
            let goes = *at <= *last && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

impl Attempt<'_> {
    /// Gives the attempt back.
    pub(super) fn succeeded(self) {
        let mut table = self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Some(at) = table.get_mut(key) {
                *at = at.checked_sub(key.back_after()).unwrap_or(*at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    /// Fails until it is refused; answers how often that was.
    fn fail(
        attempts: &Attempts,
        name: impl Fn(usize) -> String,
        from: impl Fn(usize) -> IpAddr,
        now: Instant,
    ) -> usize {
        (0..1000).take_while(|n| attempts.begin(&name(*n), from(*n), now).is_ok()).count()
    }

    #[test]
    fn a_name_is_limited_from_wherever_it_is_tried_and_others_are_not() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let from = |n| address(u8::try_from(n % 250).unwrap());
        assert_eq!(fail(&attempts, |_| "ann".into(), from, now), 10);
        let failure = attempts.begin("ann", address(251), now).unwrap_err();
        assert_eq!((failure.kind(), failure.wait()), (Kind::Limited, Some(Duration::from_secs(30))));
        attempts.begin("bob", address(251), now).unwrap();
        assert_eq!(fail(&attempts, |_| "ann".into(), from, now + Duration::from_secs(60)), 2);
    }

    #[test]
    fn an_address_is_limited_whatever_names_it_tries() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        assert_eq!(fail(&attempts, |n| format!("user{n}"), |_| address(1), now), 30);
        attempts.begin("ann", address(2), now).unwrap();
        assert_eq!(fail(&attempts, |n| format!("user{n}"), |_| address(1), now + Duration::from_secs(30)), 3);
    }

    #[test]
    fn a_refused_attempt_costs_nothing() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let from = |n| address(u8::try_from(n % 250).unwrap());
        fail(&attempts, |_| "ann".into(), from, now);
        for _ in 0..100 {
            attempts.begin("ann", address(251), now).unwrap_err();
        }
        attempts.begin("bob", address(251), now).unwrap();
        attempts.begin("ann", address(252), now + Duration::from_secs(30)).unwrap();
    }

    #[test]
    fn who_logs_in_may_do_so_as_often_as_they_like() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..1000 {
            attempts.begin("ann", address(1), now).unwrap().succeeded();
        }
        assert_eq!(fail(&attempts, |_| "ann".into(), |_| address(1), now), 10);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_address_is_that_of_ipv4() {
        let key = |text: &str| Key::address(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:3:4:5:6"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }

    #[test]
    fn the_table_does_not_grow_for_ever() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..u32::try_from(MOST).unwrap() {
            let from = IpAddr::from((n + (10 << 24)).to_be_bytes());
            attempts.begin(&format!("user{n}"), from, now).unwrap();
        }
        assert!(attempts.0.lock().unwrap().len() <= MOST);
        attempts.begin("ann", address(1), now + Duration::from_mins(10)).unwrap();
        assert_eq!(attempts.0.lock().unwrap().len(), 2);
    }
}
