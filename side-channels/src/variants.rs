//! The variants of `src/partner.rs`, behind one face.

/// Partners in the table, near the most that fit into a secret; each with two API keys, as during a rotation.
pub(crate) const PARTNERS: usize = 190;

/// SHA-256 of an API key.
pub(crate) type Digest = [u8; 32];

/// What a table of partners answers.
pub(crate) trait Table {
    /// Whether the key is an enabled partner's.
    fn authenticate(&self, api_key: Option<&str>) -> bool;
    /// Whether the key is one of the first partner's `sdkApiKey`s.
    fn has_sdk_api_key(&self, key: &str) -> bool;
}

/// A partner: digests of its two API keys (and of its `sdkApiKey`s, the same), and whether it is enabled.
pub(crate) type Entry = ([Digest; 2], bool);

/// Makes a table of these partners.
pub(crate) type Make = fn(&[Entry]) -> Option<Box<dyn Table>>;

/// SHA-256 of a key, as the service makes it.
pub(crate) fn digest(key: &str) -> Digest {
    *as_it_is::KeyDigest::of(key).as_bytes()
}

macro_rules! variants {
    ($($name:ident),*) => {
        $(
            #[allow(
                dead_code,
                unused_imports,
                unreachable_pub,
                reason = "a module of the service, with a bug or without"
            )]
            mod $name {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));

                struct Checked {
                    partners: Partners,
                    first: Arc<Partner>,
                }

                fn partner(at: usize, (digests, enabled): &super::Entry) -> Option<Partner> {
                    let kid = crate::keys::KeyId::new("key")?;
                    let key = SealingKey::new(kid, &[1; 32]).ok()?;
                    let digests = || digests.iter().copied().map(KeyDigest::from_bytes).collect();
                    Some(Partner {
                        id: PartnerId::new(&format!("partner-{at}"))?,
                        program_id: 1,
                        payload_keys: KeyRing::new([key])?,
                        token_ttl: None, session_ttl: None,
                        api_keys: digests(),
                        sdk_api_keys: digests(),
                        enabled: *enabled,
                    })
                }

                pub(super) fn make(entries: &[super::Entry]) -> Option<Box<dyn super::Table>> {
                    let partners = entries.iter().enumerate();
                    let partners: Option<Vec<_>> = partners.map(|(at, entry)| partner(at, entry)).collect();
                    let first = Arc::new(partner(0, entries.first()?)?);
                    let partners = Partners::new(partners?);
                    Some(Box::new(Checked { partners, first }))
                }

                impl super::Table for Checked {
                    #[inline(never)]
                    fn authenticate(&self, api_key: Option<&str>) -> bool {
                        self.partners.authenticate(api_key).is_ok()
                    }

                    #[inline(never)]
                    fn has_sdk_api_key(&self, key: &str) -> bool {
                        self.first.has_sdk_api_key(&KeyDigest::of(key))
                    }
                }
            }
        )*

        /// Every variant by its name; the first is the service's own.
        pub(crate) const ALL: &[(&str, Make)] = &[$((stringify!($name), $name::make)),*];
    };
}

variants!(
    as_it_is,
    stops_at_the_first_other_byte,
    stops_at_the_partner,
    compares_by_operator
);
