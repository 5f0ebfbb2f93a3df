"""The programs and commands of the project's pages, run as a reader would.

After `<!-- run: LANGUAGE -->`, up to the next such mark, a page's fenced blocks are gone through in order, in a fresh folder
that holds credentials.json (the sandbox's partner acme), resource-server.json (its resource server wallet), token-ring.json and
the language's files:

    ```js get-token.mjs     is saved under that name
    ```sh                   is run, line by line; `# exit N` behind a line is how it must end, where that is not 0
    ```text                 is what the lines before it print; `...` stands for anything

tools/dist-trial runs the blocks of ELSEWHERE. Indented blocks are not run: targets.py looks up their `make` commands.
"""

import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import targets

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent
SECRETS = PROJECT / "events" / "secrets"
SECONDS = 120
FILES = {
    "node": ["node/token-client.mjs", "node/resource-server.mjs", "node/checks/token.mjs"],
    "python": ["python/token_client.py"],
    "java": ["java/TokenClient.java", "java/ResourceServer.java"],
    "go": ["go/tokenclient.go"],
    "php": ["php/TokenClient.php"],
    "curl": ["curl/get-token.sh"],
}
"""What a reader copies."""
ELSEWHERE = {"sums", "pip", "npm"}
"""What tools/dist-trial runs, on what `make dist` made."""
FOLDERS = {"go": "tokenclient"}
"""Where to, if not beside the program."""

PART = re.compile(
    r"^(?:<!-- (?P<mark>run|example|not run): (?P<value>.*) -->|```(?P<info>.*)\n(?P<text>(?:.*\n)*?)```)$", re.MULTILINE
)

LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Block:
    def __init__(self, page, line, info, text):
        self.where, self.text = f"{page.relative_to(PROJECT)}:{line}", text
        self.language, _, self.file = info.partition(" ")


def pages():
    """Every page that a reader may take a command from."""
    folders = (".", "docs", "docs/vectors", "clients", "clients/*", "events", "events/secrets", "tests")
    return sorted(page for folder in folders for page in PROJECT.glob(f"{folder}/*.md"))


def parts(page):
    """(the mark `run` that holds there, the other mark right before it, the block) for each block."""
    run, mark, text = None, None, page.read_text()
    for part in PART.finditer(text):
        if part["mark"] == "run":
            run = part
        elif part["mark"]:
            mark = part
        else:
            yield run, mark, Block(page, text.count("\n", 0, part.start()) + 1, part["info"], part["text"])
            mark = None


def check_all(language, url):
    """Runs what the pages have for a language: how many runs passed, and what is wrong with the others."""
    passed, faults = 0, []
    for page in pages():
        for mark, blocks in itertools.groupby(parts(page), lambda part: part[0]):
            if mark and mark["value"] == language:
                try:
                    run(language, url, [block for *_, block in blocks])
                    passed += 1
                except AssertionError as fault:
                    faults.append(str(fault))
    return passed, faults


def broken_links(page):
    """Links to what the project does not have: a file, or a heading of a page."""
    for path, _, anchor in (link.partition("#") for link in LINK.findall(page.read_text())):
        to = (page.parent / path) if path else page
        if not to.exists():
            yield f"{page.relative_to(PROJECT)}: there is no {path}"
        elif anchor and anchor not in (slug(heading) for heading in HEADING.findall(to.read_text())):
            yield f"{page.relative_to(PROJECT)}: {to.name} has no heading #{anchor}"


def slug(heading):
    """How GitHub names a heading in a link."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def unchecked():
    """What is wrong with the pages before anything is run: blocks that nobody runs, links, make commands."""
    yield from targets.check(PROJECT, pages())
    for page in pages():
        yield from broken_links(page)
        for run, mark, block in parts(page):
            if run and run["value"] not in FILES.keys() | ELSEWHERE:
                yield f"{block.where}: nothing runs {run['value']}"
            if not (run or mark or block.language == "mermaid" or page.name == "tokenctl.md"):
                yield f"{block.where}: nothing runs this block. clients/pages.py says how to have it run"


def run(language, url, blocks):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prepare(folder, language, url)
        printed = ""
        for block in blocks:
            if block.file:
                (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
                (folder / block.file).write_text(block.text)
            elif block.language == "sh":
                printed = "".join(line_printed(line, folder, language, block) for line in block.text.splitlines())
            elif block.language == "text":
                pattern = ".*".join(map(re.escape, block.text.split("...")))
                assert re.fullmatch(pattern, printed, re.DOTALL), f"{block.where}: it prints\n{printed}"


def prepare(folder, language, url):
    for file, secret in {"credentials.json": "partner.json", "resource-server.json": "resource-server.json"}.items():
        (folder / file).write_text(json.dumps({**json.loads((SECRETS / secret).read_text()), "url": url}))
    (folder / "token-ring.json").write_text(json.dumps(json.loads((SECRETS / "server-keys.json").read_text())["token"]))
    to = folder / FOLDERS.get(language, "")
    to.mkdir(exist_ok=True)
    for file in FILES[language]:
        shutil.copy(HERE / file, to)
    if language == "node":
        (folder / "node_modules").symlink_to(HERE / "node" / "node_modules")


def line_printed(line, folder, language, block):
    command, _, comment = line.partition(" # ")
    expected = int(comment.split()[1]) if comment.startswith("exit ") else 0
    path = os.pathsep.join([str(PROJECT / ".venv" / "tools" / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path if language == "python" else os.environ["PATH"]}
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == expected, f"{block.where}: {command} ended with {ended.returncode}\n{ended.stdout}"
    return ended.stdout
