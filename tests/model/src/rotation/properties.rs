//! What must hold in every state, and what must be possible.

use stateright::Property;

use super::{RETENTION, Ring, Rotation, STEPS, Sealed, State, Version, ring_at};

/// No kept record and no live token becomes unopenable.
pub(super) const RING_OPENS: &str = "the ring opens all that is kept";
/// Every instance has the key of each kept record and of each live token. So has every resource
/// server with a copy of the token ring.
pub(super) const EVERYBODY_OPENS: &str = "everybody who may meet it opens all that is kept";

/// Every property.
pub(super) fn every(ring: Ring) -> Vec<Property<Rotation>> {
    let mut properties = vec![
        Property::<Rotation>::always(RING_OPENS, |model, state| {
            model.opens_everything(state.step, state)
        }),
        Property::<Rotation>::always(EVERYBODY_OPENS, |model, state| {
            state.holders.iter().all(|holder| {
                let mut copies = holder.copy.iter().chain(&holder.request);
                copies.all(|copy| model.opens_everything(copy.step, state))
            })
        }),
        Property::<Rotation>::sometimes("both rotations are completed", |_, state| {
            is_completed(state)
        }),
        Property::<Rotation>::sometimes("what two keys have sealed is kept", |_, state| {
            state.sealed.iter().filter(|sealed| sealed.kept > 0).count() == 2
        }),
        Property::<Rotation>::sometimes("a key is removed, and the next one seals", |_, state| {
            is_completed(state)
                && state.sealed.map(|sealed| sealed.kept > 0) == [false, false, true]
        }),
        Property::<Rotation>::sometimes(
            "after a bad write a new instance begins a request",
            |_, state| {
                let mut holders = state.holders.iter();
                state.is_bad
                    && holders.any(|holder| {
                        holder.last_read == Some(Version::Previous) && holder.request.is_some()
                    })
            },
        ),
        Property::<Rotation>::sometimes("nobody has a copy that may be used", |_, state| {
            state.holders.iter().all(|holder| holder.copy.is_none())
        }),
    ];
    if ring == Ring::Record {
        properties.push(Property::<Rotation>::sometimes(
            "a session goes on whose record began with a key that has left the front",
            |_, state| {
                let front = ring_at(state.step).first();
                let mut keys = (0..).zip(&state.sealed);
                let goes_on = |sealed: &Sealed| sealed.is_renewable() && sealed.kept > RETENTION;
                keys.any(|(key, sealed)| Some(&key) != front && goes_on(sealed))
            },
        ));
        properties.push(Property::<Rotation>::sometimes(
            "a request still seals with a key that has left the front",
            |model, state| {
                let front = ring_at(state.step).first().copied();
                state.holders.iter().any(|holder| {
                    holder
                        .request
                        .is_some_and(|copy| model.sealer(copy) != front)
                })
            },
        ));
    }
    properties
}

fn is_completed(state: &State) -> bool {
    state.step + 1 == STEPS.len()
}
