//! Checks the models, then plants every bug and shows how it is caught. Fails if a property does
//! not hold, or if a bug is not caught.

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use model::{
    check::{Exploration, Finding, Narrated, counterexample, explore},
    rotation, session,
};

fn main() -> ExitCode {
    if let Some(argument) = env::args().nth(1) {
        eprintln!("model takes no arguments, and was given {argument:?}");
        return ExitCode::from(2);
    }
    match run(&mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("model: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything is as it must be.
fn run(out: &mut impl Write) -> io::Result<bool> {
    let mut sound = check(out, &session::models())?;
    sound &= check(out, &rotation::models())?;
    sound &= plant(out, &session::planted())?;
    sound &= plant(out, &rotation::planted())?;
    let verdict = if sound {
        "every property holds, and every planted bug is caught"
    } else {
        "NOT SOUND: see above"
    };
    writeln!(out, "{verdict}")?;
    Ok(sound)
}

fn check<M: Narrated>(out: &mut impl Write, models: &[(String, M)]) -> io::Result<bool> {
    let mut sound = true;
    for (name, model) in models {
        let progress = |states| eprintln!("{name}: {states} states so far");
        let exploration = explore(model, progress);
        let Exploration {
            generated,
            unique,
            depth,
            took,
            ..
        } = exploration;
        let seconds = took.as_secs_f32();
        writeln!(out, "{name}")?;
        writeln!(
            out,
            "  {unique} states ({generated} with repeats), at most {depth} steps deep, {seconds:.1} s"
        )?;
        for finding in &exploration.findings {
            show(out, finding)?;
        }
        writeln!(out)?;
        sound &= exploration.is_sound();
    }
    Ok(sound)
}

fn show(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    let verdict = match (finding.always, finding.holds) {
        (true, true) => "holds     ",
        (true, false) => "VIOLATED  ",
        (false, true) => "possible  ",
        (false, false) => "IMPOSSIBLE",
    };
    writeln!(out, "  {verdict}  {}", finding.property)?;
    list(out, finding.counterexample.as_deref().unwrap_or_default())
}

fn plant<M: Narrated>(
    out: &mut impl Write,
    planted: &[(String, M, &'static str)],
) -> io::Result<bool> {
    let mut sound = true;
    for (name, model, property) in planted {
        writeln!(out, "planted in {name}")?;
        match counterexample(model, property) {
            Some(steps) => {
                writeln!(out, "  violates    {property}:")?;
                list(out, &steps)?;
            }
            None => {
                writeln!(out, "  NOT CAUGHT  {property}")?;
                sound = false;
            }
        }
        writeln!(out)?;
    }
    Ok(sound)
}

fn list(out: &mut impl Write, steps: &[String]) -> io::Result<()> {
    for (number, step) in (1..).zip(steps) {
        writeln!(out, "    {number:>2}. {step}")?;
    }
    Ok(())
}
