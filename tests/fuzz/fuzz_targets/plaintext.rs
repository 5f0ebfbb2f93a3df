//! A decrypted body, as bytes: `request::RequestFields`. The rules are in `src/plaintext.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token_service_fuzz::{budget::watched, plaintext};

fuzz_target!(|bytes: &[u8]| watched(bytes, |bytes| {
    let _ = plaintext::check(bytes);
}));
