//! The commands of `docs/tokenctl.md`, run as they stand, one after the other.

use service_tests::Service;

use crate::shell::Shell;

const PAGE: &str = include_str!("../../docs/tokenctl.md");

/// The command lines of the page's `sh` blocks, each with the exit code that is expected.
fn commands() -> Vec<(&'static str, i32)> {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let shell = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    let command = |line: &'static str| {
        let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
        let exit = comment.strip_prefix("exit ").map(|exit| {
            let digits: String = exit.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        });
        (command.trim(), exit.unwrap_or(0))
    };
    shell.flat_map(str::lines).map(command).collect()
}

#[tokio::test]
async fn every_command_of_the_page_does_what_it_says() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let commands = commands();
    assert!(commands.len() > 20, "{} commands", commands.len());
    for (command, exit) in commands {
        let arguments = command.strip_prefix("tokenctl ").expect(command);
        let ended = shell.run(arguments).await;
        assert_eq!(ended.exit, exit, "{command}\n{ended:?}");
    }
}
