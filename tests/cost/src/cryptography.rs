//! What the cryptography of one token costs at the least, on this machine: what no service that
//! does the job can do without.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    rand::SystemRandom,
};

/// How many tokens' worth is timed at once.
const TOKENS: u32 = 200;

/// Bytes that each of the four passes goes over, about: request, token, record, answer.
const PASSES: [usize; 4] = [500, 500, 700, 900];

/// The time that one token's takes: a P-256 key pair, an agreement, and four passes of AES-256-GCM.
pub(crate) fn time() -> Result<Duration, Unspecified> {
    let rng = SystemRandom::new();
    let theirs = EphemeralPrivateKey::generate(&ECDH_P256, &rng)?.compute_public_key()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, theirs);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32])?);
    let mut texts = PASSES.map(|len| vec![0; len]);

    let started = Instant::now();
    for _ in 0..TOKENS {
        let ours = EphemeralPrivateKey::generate(&ECDH_P256, &rng)?;
        black_box(ours.compute_public_key()?);
        agree_ephemeral(ours, &theirs, |shared| {
            black_box(shared);
        })?;
        for text in &mut texts {
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let _ = black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), text)?);
        }
    }
    Ok(started.elapsed() / TOKENS)
}
