use zeroize::Zeroizing;

use super::*;

const WAITS: Waits = Waits {
    refresh: 100,
    token_lifetime: 1_000,
    session_lifetime: 20_000,
    retention: 10_000,
};

fn key(kid: &str) -> Jwk {
    Jwk {
        kty: "oct".to_owned(),
        kid: kid.to_owned(),
        k: Zeroizing::new(String::new()),
        appended_at: None,
        promoted_at: None,
        demoted_at: None,
        others: Default::default(),
    }
}

fn ring(kids: &[&str]) -> Ring {
    Ring {
        keys: kids.iter().map(|kid| key(kid)).collect(),
    }
}

fn kids(ring: &Ring) -> Vec<&str> {
    ring.keys.iter().map(|key| key.kid.as_str()).collect()
}

fn plan(
    kind: Kind,
    ring: &Ring,
    step: Option<Step>,
    kid: Option<&str>,
) -> Result<Planned, Failure> {
    Planner {
        kind,
        ring,
        waits: WAITS,
        changed_at: 7,
    }
    .plan(step, kid)
}

fn next(kind: Kind, ring: &Ring) -> Planned {
    plan(kind, ring, None, None).unwrap()
}

#[test]
fn a_rotation_is_append_promote_remove_with_the_protocols_waits() {
    for (kind, sealed_for) in [
        (Kind::Payload, 100),
        (Kind::Token, 1_100),
        (Kind::Record, 30_100),
    ] {
        let mut ring = ring(&["old"]);
        let append = next(kind, &ring);
        assert_eq!((append.step, append.due), (Step::Append, 0));
        ring.take(&append, Some(key("new")), 1_000);
        assert_eq!(kids(&ring), ["old", "new"]);

        let promote = next(kind, &ring);
        assert_eq!((promote.step, promote.due), (Step::Promote, 1_100));
        ring.take(&promote, None, 2_000);
        assert_eq!(kids(&ring), ["new", "old"]);

        let remove = next(kind, &ring);
        assert_eq!(
            (remove.step, remove.due),
            (Step::Remove, 2_000 + sealed_for)
        );
        assert_eq!(remove.key.as_deref(), Some("old"));
        ring.take(&remove, None, 20_000);
        assert_eq!(kids(&ring), ["new"]);
        assert!(ring.keys[0].appended_at.is_none() && ring.keys[0].promoted_at.is_none());
        assert_eq!(next(kind, &ring).step, Step::Append);
    }
}

#[test]
fn demoting_makes_the_former_key_seal_again() {
    let mut ring = ring(&["old"]);
    for (kid, now) in [(Some("new"), 0), (None, 200)] {
        let planned = next(Kind::Token, &ring);
        ring.take(&planned, kid.map(key), now);
    }
    let demote = plan(Kind::Token, &ring, Some(Step::Demote), None).unwrap();
    assert_eq!((demote.key.as_deref(), demote.due), (Some("new"), 300));
    ring.take(&demote, None, 400);
    assert_eq!(kids(&ring), ["old", "new"]);
    // It did seal, so it stays until its tokens have ended.
    let remove = next(Kind::Token, &ring);
    assert_eq!(
        (remove.key.as_deref(), remove.due),
        (Some("new"), 400 + 1_100)
    );
}

#[test]
fn a_key_that_never_sealed_can_go_at_once_unless_partners_seal_with_it() {
    let mut ring = ring(&["old"]);
    ring.take(&next(Kind::Token, &ring), Some(key("new")), 1_000);
    let remove = |kind| {
        plan(kind, &ring, Some(Step::Remove), Some("new"))
            .unwrap()
            .due
    };
    assert_eq!(remove(Kind::Token), 0);
    assert_eq!(remove(Kind::Record), 0);
    assert_eq!(remove(Kind::Payload), 1_100);
}

#[test]
fn keys_without_moments_count_from_the_documents_last_change() {
    let ring = ring(&["a", "b"]);
    assert_eq!(
        plan(Kind::Token, &ring, None, None).unwrap_err().exit,
        Exit::Usage
    );
    let promote = plan(Kind::Token, &ring, Some(Step::Promote), Some("b")).unwrap();
    assert_eq!(promote.due, 7 + 100);
    let remove = plan(Kind::Record, &ring, Some(Step::Remove), Some("b")).unwrap();
    assert_eq!(remove.due, 7 + 30_100);
}

#[test]
fn the_key_that_seals_stays() {
    let mut ring = ring(&["only"]);
    for step in [Step::Demote, Step::Remove, Step::Promote] {
        let refused = plan(Kind::Token, &ring, Some(step), Some("only"));
        assert_eq!(refused.unwrap_err().exit, Exit::Usage, "{step:?}");
    }
    ring.keys.push(key("other"));
    assert!(plan(Kind::Token, &ring, Some(Step::Remove), Some("only")).is_err());
    let refused = plan(Kind::Token, &ring, Some(Step::Remove), Some("gone"));
    assert_eq!(refused.unwrap_err().exit, Exit::NotFound);
}

#[test]
fn the_oldest_of_several_is_removed_first() {
    let mut ring = ring(&["a", "b", "c"]);
    ring.keys[1].demoted_at = Some(60);
    ring.keys[2].demoted_at = Some(50);
    assert_eq!(next(Kind::Token, &ring).key.as_deref(), Some("c"));
}
