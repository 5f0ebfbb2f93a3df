//! Compact JWEs with `alg` `dir` and `enc` `A256GCM` (RFC 7516), as a partner and a resource server
//! see them.
//!
//! It says precisely what is wrong with a JWE: right for whoever has the key, and just what a
//! service must not tell a stranger.

use aes_gcm::{
    AeadInPlace, Aes256Gcm, KeyInit, Nonce,
    aead::{OsRng, rand_core::RngCore},
    aes::{Aes256, Block, cipher::BlockDecrypt},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::pasted::CURLY_QUOTES;

/// AES-GCM's IV in JOSE: 96 bits (RFC 7518 section 5.3).
const IV_BYTES: usize = 12;
/// AES-GCM's tag in JOSE: 128 bits.
const TAG_BYTES: usize = 16;

/// A JWE that its key opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The protected header.
    pub header: Value,
    /// What was sealed.
    pub plaintext: Vec<u8>,
}

impl Opened {
    /// The plaintext as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.plaintext)
    }
}

/// Why a JWE does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// JSON where a JWE is due.
    #[error("it is plain JSON and not encrypted as a compact JWE: nothing vouches for it")]
    PlainJson,
    /// HTML where a JWE is due.
    #[error("it is a web page and no JWE: is the URL the token service's?")]
    WebPage,
    /// Quotes of any kind, as around a string in a document or in JSON.
    #[error("it has quotes in it, straight or curly: give the JWE alone")]
    Quotes,
    /// Not the five segments of a compact JWE.
    #[error("it has {0} of the 5 segments of a compact JWE: is it cut off?")]
    Segments(usize),
    /// A segment is not unpadded canonical base64url.
    #[error("its {segment} is not base64url")]
    Base64 {
        /// The segment's name in RFC 7516.
        segment: &'static str,
        /// What the decoder found.
        source: base64::DecodeError,
    },
    /// The header is not JSON.
    #[error("its header is not JSON")]
    Header(#[source] serde_json::Error),
    /// Another algorithm than the protocol's.
    #[error("its header must say alg `dir` and enc `A256GCM`, but it is {0}")]
    Algorithm(Value),
    /// An extension that must be understood (RFC 7516 section 4.1.13), or compression.
    #[error("its header has crit or zip, which this protocol does not: {0}")]
    Extension(Value),
    /// A key was sent along, which `dir` does not do.
    #[error("its encrypted key must be empty with alg `dir`")]
    EncryptedKey,
    /// An IV or a tag of another length.
    #[error("its {segment} has {actual} bytes instead of {expected}")]
    Length {
        /// The segment's name in RFC 7516.
        segment: &'static str,
        /// Its length.
        actual: usize,
        /// A256GCM's length.
        expected: usize,
    },
    /// The key that it names is not at hand.
    #[error("it is encrypted with the payload key {0}, which the credentials do not have")]
    UnknownKey(Value),
    /// Another key, or a changed header, IV, ciphertext or tag.
    #[error("the key does not open it: it was sealed with another key, or changed on its way")]
    Unauthentic,
}

/// Seals with a random IV. `kid` names the key in the header, or is left out.
pub fn seal(plaintext: &[u8], key: &[u8; 32], kid: Option<&str>) -> String {
    let mut iv = [0; IV_BYTES];
    OsRng.fill_bytes(&mut iv);
    seal_with_iv(plaintext, key, kid, iv)
}

/// Seals with an IV of the caller's. Two messages under one key and IV reveal both and let anybody
/// forge more, so this is for test vectors and for samples under development keys only.
pub fn seal_with_iv(
    plaintext: &[u8],
    key: &[u8; 32],
    kid: Option<&str>,
    iv: [u8; IV_BYTES],
) -> String {
    let header = match kid {
        Some(kid) => format!(
            r#"{{"alg":"dir","enc":"A256GCM","kid":{}}}"#,
            Value::from(kid)
        ),
        None => r#"{"alg":"dir","enc":"A256GCM"}"#.to_owned(),
    };
    seal_with_header(&header, plaintext, key, iv)
}

/// Seals under any header, valid or not, byte for byte as given.
#[expect(
    clippy::expect_used,
    reason = "AES-GCM refuses only plaintexts of 64 GiB and more, which no memory here holds"
)]
pub fn seal_with_header(
    header: &(impl AsRef<[u8]> + ?Sized),
    plaintext: &[u8],
    key: &[u8; 32],
    iv: [u8; IV_BYTES],
) -> String {
    let header = URL_SAFE_NO_PAD.encode(header);
    let mut ciphertext = plaintext.to_vec();
    let tag = Aes256Gcm::new(key.into())
        .encrypt_in_place_detached(&Nonce::from(iv), header.as_bytes(), &mut ciphertext)
        .expect("a plaintext under 64 GiB");
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // The segment between header and IV is the encrypted key: empty, as `dir` sends none.
    format!(
        "{header}..{}.{}.{}",
        encode(&iv),
        encode(&ciphertext),
        encode(&tag)
    )
}

/// The protected header, without opening the JWE: nothing vouches for it yet.
///
/// # Errors
/// Not five segments, or the header is not base64url of JSON.
pub fn header(jwe: &str) -> Result<Value, OpenError> {
    let [header, ..] = segments(jwe)?;
    let header = decode(header, "header")?;
    serde_json::from_slice(&header).map_err(OpenError::Header)
}

/// Opens a JWE.
///
/// # Errors
/// It breaks the compact form or the protocol's algorithms, or `key` does not open it: see
/// [`OpenError`].
pub fn open(jwe: &str, key: &[u8; 32]) -> Result<Opened, OpenError> {
    let [protected, encrypted_key, iv, ciphertext, tag] = segments(jwe)?;
    let header = header(jwe)?;
    if header.get("alg") != Some(&"dir".into()) || header.get("enc") != Some(&"A256GCM".into()) {
        return Err(OpenError::Algorithm(header));
    }
    if ["crit", "zip"]
        .iter()
        .any(|name| header.get(name).is_some())
    {
        return Err(OpenError::Extension(header));
    }
    if !encrypted_key.is_empty() {
        return Err(OpenError::EncryptedKey);
    }
    let iv = decode_exactly(iv, "IV")?;
    let tag = decode_exactly(tag, "tag")?;
    let ciphertext = decode(ciphertext, "ciphertext")?;
    // AAD is the header as received (RFC 7516 section 5.2): encoding it again may differ.
    let plaintext = open_a256gcm(key, &iv, protected.as_bytes(), ciphertext, &tag)?;
    Ok(Opened { header, plaintext })
}

fn segments(jwe: &str) -> Result<[&str; 5], OpenError> {
    match jwe.chars().next() {
        None => return Err(OpenError::Empty),
        Some('{') => return Err(OpenError::PlainJson),
        Some('<') => return Err(OpenError::WebPage),
        _ if jwe.contains(|c| "\"'".contains(c) || CURLY_QUOTES.contains(c)) => {
            return Err(OpenError::Quotes);
        }
        _ => {}
    }
    let segments: Vec<&str> = jwe.split('.').collect();
    let count = segments.len();
    segments.try_into().map_err(|_| OpenError::Segments(count))
}

fn decode(text: &str, segment: &'static str) -> Result<Vec<u8>, OpenError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|source| OpenError::Base64 { segment, source })
}

fn decode_exactly<const N: usize>(text: &str, segment: &'static str) -> Result<[u8; N], OpenError> {
    let bytes = decode(text, segment)?;
    let actual = bytes.len();
    bytes.try_into().map_err(|_| OpenError::Length {
        segment,
        actual,
        expected: N,
    })
}

/// A256GCM alone (RFC 7518 section 5.3), for who looks for what went wrong: under which AAD, or cut
/// elsewhere, it would open. [`open`] is for everything else.
///
/// # Errors
/// [`OpenError::Unauthentic`]
pub fn open_a256gcm(
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    mut ciphertext: Vec<u8>,
    tag: &[u8; TAG_BYTES],
) -> Result<Vec<u8>, OpenError> {
    Aes256Gcm::new(key.into())
        .decrypt_in_place_detached(&Nonce::from(*iv), aad, &mut ciphertext, tag.into())
        .map_err(|_| OpenError::Unauthentic)?;
    Ok(ciphertext)
}

/// A key of 32 bytes that `A256KW` wraps (RFC 3394 section 2.2.2), which this protocol does not
/// use: for who looks for what went wrong.
pub fn unwrap_a256kw(key: &[u8; 32], wrapped: &[u8]) -> Option<[u8; 32]> {
    let wrapped: &[u8; 40] = wrapped.try_into().ok()?;
    let (mut check, mut registers) = wrapped.split_first_chunk::<8>().map(|(check, rest)| {
        let mut registers = [[0; 8]; 4];
        for (register, chunk) in registers.iter_mut().zip(rest.chunks_exact(8)) {
            register.copy_from_slice(chunk);
        }
        (*check, registers)
    })?;
    let cipher = Aes256::new(key.into());
    for step in (1..=24_u64).rev() {
        let register = registers.get_mut(usize::try_from((step - 1) % 4).ok()?)?;
        let masked = u64::from_be_bytes(check) ^ step;
        let mut block = Block::default();
        for (to, from) in block
            .iter_mut()
            .zip(masked.to_be_bytes().iter().chain(&*register))
        {
            *to = *from;
        }
        cipher.decrypt_block(&mut block);
        let (first, second) = block.split_first_chunk::<8>()?;
        check = *first;
        *register = second.try_into().ok()?;
    }
    (check == [0xa6; 8]).then(|| {
        let mut unwrapped = [0; 32];
        for (to, from) in unwrapped.iter_mut().zip(registers.iter().flatten()) {
            *to = *from;
        }
        unwrapped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// RFC 7516 appendix A.1. Its RSA-OAEP only wraps the content key; the content is A256GCM like
    /// ours.
    #[test]
    fn opens_the_content_of_rfc_7516_a_1() {
        let key = [
            177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7,
            110, 91, 112, 46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
        ];
        let plaintext = open_a256gcm(
            &key,
            &decode_exactly("48V1_ALb6US04U3b", "IV").unwrap(),
            b"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ",
            decode(
                "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A",
                "ciphertext",
            )
            .unwrap(),
            &decode_exactly("XFBoMYUZodetZdvTiFvSkQ", "tag").unwrap(),
        );
        assert_eq!(
            plaintext.unwrap(),
            b"The true sign of intelligence is not knowledge but imagination."
        );
    }

    /// RFC 7520 section 5.6 is `dir` too, but with a 128-bit key.
    #[test]
    fn reads_the_header_of_rfc_7520_5_6_and_refuses_its_algorithm() {
        let jwe = "eyJhbGciOiJkaXIiLCJraWQiOiI3N2M3ZTJiOC02ZTEzLTQ1Y2YtODY3Mi02MTdiNWI0NTI0M2EiLCJlbmMiOiJBMTI4R0NNIn0.\
            .refa467QzzKx6QAB.JW_i_f52hww_ELQPGaYyeAB6HYGcR559l9TYnSovc23XJoBcW29rHP8yZOZG7YhLpT1bjFuvZPjQS-m0IF\
            tVcXkZXdH_lr_FrdYt9HRUYkshtrMmIUAyGmUnd9zMDB2n0cRDIHAzFVeJUDxkUwVAE7_YGRPdcqMyiBoCO-FBdE-Nceb4h3-FtB\
            P-c_BIwCPTjb9o0SbdcdREEMJMyZBH8ySWMVi1gPD9yxi-aQpGbSv_F9N4IZAxscj5g-NJsUPbjk29-s7LJAGb15wEBtXphVCgyy\
            53CoIKLHHeJHXex45Uz9aKZSRSInZI-wjsY0yu3cT4_aQ3i1o-tiE-F8Ios61EKgyIQ4CWao8PFMj8TTnp.vbb32Xvllea2OtmHA\
            dccRQ";
        assert_eq!(
            header(jwe).unwrap()["kid"],
            "77c7e2b8-6e13-45cf-8672-617b5b45243a"
        );
        assert!(matches!(open(jwe, &KEY), Err(OpenError::Algorithm(_))));
    }

    /// RFC 3394 section 4.6.
    #[test]
    fn unwraps_the_key_of_rfc_3394_4_6() {
        let bytes = |hex: &str| -> Vec<u8> {
            let pairs = hex.as_bytes().chunks(2);
            let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            pairs.map(byte).collect()
        };
        let key = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let wrapped = bytes(
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        );
        let data = bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        let key = key.try_into().unwrap();
        assert_eq!(unwrap_a256kw(&key, &wrapped).unwrap().to_vec(), data);
        assert_eq!(unwrap_a256kw(&KEY, &wrapped), None);
        assert_eq!(unwrap_a256kw(&key, &wrapped[1..]), None);
    }

    #[test]
    fn opens_what_it_sealed() {
        let opened = open(&seal(b"hello", &KEY, Some("k1")), &KEY).unwrap();
        assert_eq!(opened.plaintext, b"hello");
        assert_eq!(opened.header["kid"], "k1");
        let opened = open(&seal(b"", &KEY, None), &KEY).unwrap();
        assert_eq!(opened.plaintext, b"");
        assert_eq!(opened.header.get("kid"), None);
    }

    #[test]
    fn seals_with_another_iv_each_time() {
        assert_ne!(seal(b"hello", &KEY, None), seal(b"hello", &KEY, None));
    }

    #[test]
    fn refuses_a_change_in_any_segment() {
        let jwe = seal_with_iv(b"hello", &KEY, None, [0; 12]);
        let header = seal_with_iv(b"hello", &KEY, Some("k"), [0; 12]);
        let (_, rest) = jwe.split_once('.').unwrap();
        let (header, _) = header.split_once('.').unwrap();
        assert!(matches!(
            open(&format!("{header}.{rest}"), &KEY),
            Err(OpenError::Unauthentic)
        ));
        for segment in 2..5 {
            let mut segments: Vec<String> = jwe.split('.').map(str::to_owned).collect();
            let first = if segments[segment].starts_with('A') {
                "B"
            } else {
                "A"
            };
            segments[segment].replace_range(..1, first);
            assert!(matches!(
                open(&segments.join("."), &KEY),
                Err(OpenError::Unauthentic)
            ));
        }
    }

    #[test]
    fn refuses_another_key() {
        assert!(matches!(
            open(&seal(b"hello", &KEY, None), &[8; 32]),
            Err(OpenError::Unauthentic)
        ));
    }

    #[test]
    fn refuses_what_is_not_the_compact_form() {
        let jwe = seal(b"hello", &KEY, None);
        assert!(matches!(open("{}", &KEY), Err(OpenError::PlainJson)));
        assert!(matches!(open("a.b", &KEY), Err(OpenError::Segments(2))));
        assert!(matches!(
            open(&jwe.replace("..", ".AAAA."), &KEY),
            Err(OpenError::EncryptedKey)
        ));
        assert!(matches!(
            open(&format!("{jwe}="), &KEY),
            Err(OpenError::Base64 { segment: "tag", .. })
        ));
        let (rest, _) = jwe.rsplit_once('.').unwrap();
        let short_tag = URL_SAFE_NO_PAD.encode([0; 15]);
        assert!(matches!(
            open(&format!("{rest}.{short_tag}"), &KEY),
            Err(OpenError::Length {
                segment: "tag",
                actual: 15,
                expected: 16
            })
        ));
    }
}
