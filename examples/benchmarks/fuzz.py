"""Call every public entrance with odd arguments and damaged files, and count what comes of it.

Each call ends in an error of the package's own (what came, what was expected, what to do), a result, a raw error from
deep inside, a result where there can be none (of complex numbers, say), no end within a limit, or the end of the
process. The inputs are those of ``tests/oddities.py`` and ``tests/entrances.py``; processes of their own make the
calls, so that one that crashes or hangs is counted and the rest goes on.

    python examples/benchmarks/fuzz.py --inputs 10000 --out build/fuzz.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests"
OUTCOMES = ("own error", "result", "raw error", "wrong result", "hang", "crash")
BATCH = 250  # calls of one process
_LONGEST = 3600  # seconds of a batch, also on a busy machine
MEMORY = 6 * 2**30  # bytes that a process may map; what wants more raises a MemoryError there


def main() -> None:
    """Run the inputs, or one batch of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of processor time that a call may take")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz.jsonl"))
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.batch is not None:
        run_batch(arguments.batch, arguments.inputs, arguments.limit, arguments.out)
        return
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("")
    done = 0
    while done < arguments.inputs:
        many = min(BATCH, arguments.inputs - done)
        finished = supervise(arguments.seed * 1_000_003 + done, many, arguments.limit, arguments.out)
        done += max(finished, 1)
    print(table(read(arguments.out)))


def supervise(seed: int, many: int, limit: float, out: Path) -> int:
    """Run a batch in a process; note a crash for the call that it was in; return the number of calls."""
    before = len(read(out))
    command = [sys.executable, __file__, "--batch", str(seed), "--inputs", str(many), "--limit", str(limit)]
    with subprocess.Popen([*command, "--out", str(out)], stdin=subprocess.DEVNULL) as process:
        try:
            status = process.wait(timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            status = -signal.SIGXCPU  # it waits for something that never comes
    begun = read(out)[before:]
    if status and begun and begun[-1]["outcome"] == "begun":
        kind = "hang" if status == -signal.SIGXCPU else "crash"
        write(out, {**begun[-1], "outcome": kind, "detail": f"status {status}"})
    elif status and not begun:
        raise SystemExit(f"no call could be made (status {status})")
    return sum(record["outcome"] != "begun" for record in read(out)[before:])


def run_batch(seed: int, many: int, limit: float, out: Path) -> None:
    """Make the calls of a batch; a line before each, and one after it."""
    sys.path.insert(0, str(TESTS))
    import hypothesis
    from entrances import calls, file_calls, outcome
    from hypothesis import HealthCheck, Phase, given, settings

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))

    @hypothesis.seed(seed)
    @settings(
        max_examples=many,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(call=calls() | calls() | calls() | calls() | file_calls())
    def run(call: tuple) -> None:
        words, function, never = call
        entrance = words.partition("(")[0]
        write(out, {"entrance": entrance, "call": words, "outcome": "begun"})
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        # beyond the limit the kernel ends the process, wherever it is
        resource.setrlimit(resource.RLIMIT_CPU, (int(spent + limit) + 1, resource.RLIM_INFINITY))
        kind, detail = outcome(function, never)
        seconds = time.process_time() - spent
        record = {"entrance": entrance, "call": words, "outcome": kind, "seconds": round(seconds, 3)}
        write(out, {**record, "detail": detail if kind != "own error" else detail[:300]})

    run()
    sys.stdout.flush()
    os._exit(0)  # what a call has left behind must not keep the process


def write(out: Path, record: dict) -> None:
    """Append a line."""
    with out.open("a") as file:
        file.write(json.dumps(record) + "\n")


def read(out: Path) -> list[dict]:
    """All lines, without those of calls that have ended."""
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return [
        line
        for line, after in zip(lines, [*lines[1:], None], strict=False)
        if line["outcome"] != "begun" or after is None or after["outcome"] == "begun"
    ]


def table(records: list[dict]) -> str:
    """Counts by entrance, as markdown."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for record in records:
        counts[record["entrance"]][record["outcome"]] += 1
    counts["all"] = sum((counts[name] for name in list(counts)), Counter())
    lines = ["| Entrance | inputs | " + " | ".join(OUTCOMES) + " |", "| --- |" + " ---: |" * (len(OUTCOMES) + 1)]
    for name, found in sorted(counts.items(), key=lambda item: (item[0] == "all", item[0])):
        cells = [sum(found.values()), *(found[kind] for kind in OUTCOMES)]
        lines.append(f"| {name} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
