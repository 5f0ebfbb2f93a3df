//! Some sequences, always the same ones. `simulation` itself runs as many others as one likes.

use sandbox::Trusted;
use service_tests::clocks::Shim;
use simulation::{
    Setting,
    crew::{End, Plan, run_all},
    noise::Noise,
};

#[tokio::test(flavor = "multi_thread")]
async fn some_sequences_hold() {
    let setting = Setting {
        shim: Shim::compile().unwrap(),
        noise: Noise::listen(),
        // What `make simulate` does without.
        tls: Some(Trusted::new().unwrap()),
    };
    let plan = Plan {
        seed: 1,
        sequences: 20,
        jobs: 10,
        tells_every: None,
    };
    let ended = run_all(plan, &setting, std::future::pending()).await;
    match ended.unwrap() {
        (figures, End::Held) => assert!(figures.all_faults() > 50, "{figures}"),
        (_, End::Failed { seed, report }) => {
            panic!(
                "seed {seed}: {}\n{:?}",
                report.story.join("\n"),
                report.violation
            )
        }
        (_, stopped) => panic!("{stopped:?}"),
    }
}
