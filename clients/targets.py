"""The `make` commands of the project's pages: each names a target of the Makefile, and each target runs in CI or has a reason here.

A page's indented blocks are commands and shapes to read; of these, and of `make ...` in a sentence, the target is looked up.
"""

import re

NOT_IN_CI = {
    "help": "lists the targets",
    "check": "CI runs its parts",
    "nightly": "takes hours, and has a workflow of its own",
    "local": "stays until it is ended; every check of a client runs `token-sandbox local`",
    "events": "writes files; a test holds events/ against what it would write",
    "reproducible": "two more builds of the package",
    "refresh": "needs an AWS account; make policy and make e2e test deploy/stage.py",
    "env": "needs an AWS account; make policy and make e2e test deploy/stage.py",
    "delete": "needs an AWS account; make policy and make e2e test deploy/stage.py",
    "adopt": "needs an AWS account; make e2e adopts on the emulator",
    "model": "its figures; make test checks the model and each planted bug",
    "rotate-under-load": "waits for 8 minutes; make test rotates with shorter waits",
    "fuzz": "needs an instrumented build and time; make fuzz-replay runs its seeds",
    "tls": "needs AWS's endpoints",
    "planted": "builds the function once for each bug; make test sees that each patch applies",
    "taint": "make test runs the same tests, without their figures",
    "mutants": "an hour",
    "bench": "times, which other work on the machine changes",
    "bench-variants": "half an hour",
    "bench-scale": "fills a table with a million items, which takes minutes",
    "bench-memory": "needs root and a quiet machine",
    "bench-load": "times, which other work on the machine changes",
    "clean": "removes what the other targets made",
}
"""Targets that CI does not run, and why."""

RULE = re.compile(r"^([a-z0-9-]+):(?!=)([^#\n]*)(## .*)?$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# In an indented block, after `$` or `&&` too; or in a sentence.
COMMAND = re.compile(r"(?:^ {4,}(?:.*?(?:&&|\$\(|\$) *)?|`)make ([a-z][a-z0-9-]*)", re.MULTILINE)


def faults(makefile, ci, pages, not_in_ci=NOT_IN_CI):
    """What is wrong with texts: the Makefile's, those that CI runs, and the pages' by name."""
    makefile = makefile.replace("\\\n", " ")
    rules = {}
    for name, after, _ in RULE.findall(makefile):
        rules.setdefault(name, []).extend(after.split())
    listed = {name for name, _, words in RULE.findall(makefile) if words}
    if not listed:
        yield "Makefile: no target is found"
    found = 0
    for page, text in pages.items():
        # A fenced block is of pages.py; its lines are kept, so that they count.
        text = FENCED.sub(lambda block: "\n" * block[0].count("\n"), text)
        for command in COMMAND.finditer(text):
            found += 1
            if command[1] not in rules:
                line = text.count("\n", 0, command.start(1)) + 1
                yield f"{page}:{line}: the Makefile has no target {command[1]}"
    if not found:
        yield "the pages: no make command is found"
    recipes = re.findall(r"^\t\$\(MAKE\) (.*)$", makefile, re.MULTILINE)
    run = in_ci([*ci, *(f"make {words}" for words in recipes)], rules)
    for name in sorted(listed - run - set(not_in_ci)):
        yield f"Makefile: neither .ci/run nor a workflow runs {name}: have it run, or say why not in clients/targets.py"
    for name in sorted(set(not_in_ci) & run):
        yield f"clients/targets.py: CI runs {name}, which NOT_IN_CI says that it does not"
    for name in sorted(set(not_in_ci) - listed):
        yield f"clients/targets.py: the Makefile lists no target {name}"


def in_ci(ci, rules):
    """The targets that these texts run, with those that they need."""
    lines = [re.split(r"[;&|]", line)[0] for text in ci for line in re.findall(r"^ *(?:- run: )?make (.*)$", text, re.MULTILINE)]
    left, run = {word for line in lines for word in line.split() if word in rules}, set()
    while left:
        name = left.pop()
        run.add(name)
        left |= {other for other in rules[name] if other in rules} - run
    return run


def check(project, pages):
    """The faults of the project, and each planted one that is not found."""
    makefile = (project / "Makefile").read_text()
    ci = [path.read_text() for path in (project / ".ci" / "run", *sorted((project / ".github" / "workflows").glob("*.yml")))]
    pages = {str(page.relative_to(project)): page.read_text() for page in pages}
    yield from faults(makefile, ci, pages)
    for name, found in planted(makefile, ci, pages):
        if not found:
            yield f"clients/targets.py: it does not find {name}"


def planted(makefile, ci, pages):
    """(what is planted, whether it is found) for each."""
    readme = pages["README.md"]
    known = len(list(faults(makefile, ci, pages)))

    def more(makefile=makefile, ci=ci, readme=readme, not_in_ci=NOT_IN_CI):
        return len(list(faults(makefile, ci, {**pages, "README.md": readme}, not_in_ci))) > known

    yield "a target that is not there, in a block", more(readme=readme + "\n    make no-such-target\n")
    yield "a target that is not there, after another command", more(readme=readme + "\n    cd x && make no-such-target\n")
    yield "a target that is not there, in a sentence", more(readme=readme + "\nSee `make no-such-target`.\n")
    yield "a target that nothing runs", more(makefile=makefile + "\nnobodys: rust ## Nobody runs it\n")
    yield "CI without one of its targets", more(makefile=makefile.replace(" attacks ", " "))
    yield "a reason for what CI runs", more(not_in_ci={**NOT_IN_CI, "test": "too long"})
    yield "a reason for what is gone", more(not_in_ci={**NOT_IN_CI, "gone": "too long"})
