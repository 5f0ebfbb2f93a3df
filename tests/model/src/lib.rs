//! The service's design as two state machines, each checked in every state that it can reach by
//! [stateright](https://docs.rs/stateright). [`check`] runs them.
//!
//! - [`session`] models one `(partner, referenceId)`: Get Tokens with the same or different
//!   content, renewals of any token that anyone has, invalidations, introspections; late and lost
//!   writes, lost answers, crashes, retries, time, deletion by `ttl`, a shortened lifetime of
//!   tokens.
//! - [`rotation`] models one key ring through two rotations. Two holders each use a copy up to its
//!   maximum age, a request keeps the copy that it began with, instances start and end, and secrets
//!   are written badly and mended. The properties hold because an instance reads `AWSPREVIOUS` only
//!   where `AWSCURRENT` is refused: in a mere outage the previous version could lack a key that
//!   others seal with, or seal with one that the operator removes.
//!
//! A service that does nothing has every safety property, so each model must also reach first
//! answers, replays, each kind of refusal, recognised lost writes, a pair that is used again, and
//! completed rotations.
//!
//! # Bounds
//!
//! No depth, number of states or time cuts the search off. `session` ends at tick 3: the pair is
//! used, its session ends, it becomes free and is used again. [`session::models`] checks it within
//! several bounds, as all kinds of requests at once are too many states. With two attempts of two
//! renewals and an invalidation (2,483,751 states, run by hand) all properties hold too. `rotation`
//! has no horizon: its ages and waits saturate, so its state space is closed. A 64-bit hash
//! identifies a state; two of two million share one with a probability of about 1 in 10 million.
//!
//! Nothing of a request is under way any more when the record that it finds or writes can be free
//! ([`session::UNDER_WAY`]). An attempt to write a new record that came even later could bring back
//! the first token of a session that was renewed, has ended and was deleted.
//!
//! # What is left out
//!
//! Cryptography, bytes, parsing and several partners; clocks that differ; durations, as a tick is
//! any time; the early refresh of an instance that meets an unknown `sealedBy`; the emergency
//! removal of a key. Liveness is that waiting requests *can* go on until they are answered:
//! stateright's `eventually` misses counterexamples on cycles and where paths join. A wait also
//! counts the requests under way, at most the function's timeout of 15 s; `tokenctl` adds 30 s to
//! every wait.

pub mod check;
pub mod rotation;
pub mod session;
