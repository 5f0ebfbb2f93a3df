//! Makes the variants of `src/partner.rs`: as it is, and each with one bug that tells something by its time.

use std::{env, error::Error, fs, path::Path};

/// A bug's module, what it replaces, and what by.
const BUGS: [(&str, &str, &str); 3] = [
    (
        "stops_at_the_first_other_byte",
        "found | self.0.ct_eq(&*digest.0)",
        "found | Choice::from(u8::from(self.0.iter().zip(&*digest.0).all(|(a, b)| a == b)))",
    ),
    (
        "stops_at_the_partner",
        "                found = Some(partner);\n",
        "                found = Some(partner);\n                break;\n",
    ),
    (
        "compares_by_operator",
        "found | self.0.ct_eq(&*digest.0)",
        "if found.into() || *self.0 == *digest.0 { Choice::from(1) } else { found }",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../src/partner.rs");
    println!("cargo:rerun-if-changed=build.rs");
    let source = fs::read_to_string("../src/partner.rs")?;
    // Inner documentation has no place in an included file, nor have unit tests.
    let lines = source.lines().filter(|line| !line.starts_with("//!"));
    let source = lines.collect::<Vec<_>>().join("\n") + "\n";
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let out = env::var("OUT_DIR")?;
    let write = |name: &str, text: &str| fs::write(Path::new(&out).join(name), text);
    write("as_it_is.rs", source)?;
    for (name, from, to) in BUGS {
        if source.matches(from).count() != 1 {
            return Err(format!("src/partner.rs has not once: {from}").into());
        }
        write(&format!("{name}.rs"), &source.replace(from, to))?;
    }
    Ok(())
}
