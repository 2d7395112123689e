# SPDX-License-Identifier: Apache-2.0
"""guide_commands.py GUIDE [--skip WORD]... [--show]: does in the current folder what a guide tells its reader to do, block by block.

A fenced block's info string says what it is:
  LANGUAGE file=NAME   a file that the reader writes: written out as NAME
  sh                   commands: run with bash -e -o pipefail, and must succeed
  text                 shown output of the commands above: these lines must stand in their stdout one below the other; a line "..." stands for any lines
  text free            the same with every number free, its unit of time and what bounds a layer too, for output that hangs on how a processor rounds a training
Other blocks (console, plain) are prose. A further word in an sh or file block (h5py) tells what it needs: --skip WORD leaves such blocks out, with the output shown after them, and counts them.
--show prints what each block wrote, for whoever edits the guide. Exit 1 at the first block that is wrong.
"""
import pathlib, re, subprocess, sys, time

FENCE = re.compile(r"^```(.*)$")
NUMBER = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?[kMG]?")
TIME = re.compile(r"# (ns|us|ms|s)\b")
BOUND = re.compile(r"#%? (work|drain|dram|a|b) #")


def blocks(path):
    """(line number, words of the info string, text) of each fenced block."""
    inside, text = None, []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if inside is None and fence:
            inside, text = (number, fence.group(1).split()), []
        elif inside is not None and fence:
            if fence.group(1):
                sys.exit(f"{path}:{number}: a block begins within the one of line {inside[0]}")
            yield (*inside, "\n".join(text) + "\n")
            inside = None
        elif inside is not None:
            text.append(line)
    if inside is not None:
        sys.exit(f"{path}:{inside[0]}: the block does not end")


def shape(line, free):
    """What of a line is compared: all of it but blanks at its end, or with free numbers its words."""
    if not free:
        return line.rstrip()
    line = re.sub(r"-{5,}", "---", " ".join(line.replace(" ?", "").split()))
    return BOUND.sub("# BOUND #", TIME.sub("# TIME", NUMBER.sub("#", line)))


def missing_line(shown, output, free):
    """The first shown line that the output does not hold in this order, and None where it holds all. Lines must follow each other directly unless "..." stands between."""
    lines, at, gap = [shape(l, free) for l in output.splitlines()], 0, True
    for line in shown.splitlines():
        if line.strip() == "...":
            gap = True
            continue
        want = shape(line, free)
        places = range(at, len(lines)) if gap else range(at, min(at + 1, len(lines)))
        found = next((i for i in places if lines[i] == want), None)
        if found is None:
            return line
        at, gap = found + 1, False
    return None


def main(argv):
    path, show = argv[0], "--show" in argv
    skipped = {argv[i + 1] for i, a in enumerate(argv) if a == "--skip"}
    counts = {"files": 0, "commands": 0, "outputs": 0, "skipped": 0}
    output = ""                      # of the commands above; None: they were left out
    for number, words, text in blocks(path):
        kind, options = (words[0] if words else ""), words[1:]
        name = next((o[5:] for o in options if o.startswith("file=")), None)
        if kind != "text" and skipped & set(options):
            output = None
            counts["skipped"] += 1
        elif name is not None:
            pathlib.Path(name).write_text(text, encoding="utf-8")
            counts["files"] += 1
        elif kind == "sh":
            begin = time.monotonic()
            run = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], capture_output=True, text=True, check=False)
            output = run.stdout
            if show:
                print(f"---- line {number}, {time.monotonic() - begin:.1f} s\n{text}----\n{output}", end="")
            if run.returncode != 0:
                sys.exit(f"{path}:{number}: exit {run.returncode}:\n{text}{run.stdout[-2000:]}{run.stderr[-2000:]}")
            counts["commands"] += sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        elif kind == "text" and output is not None:
            line = missing_line(text, output, "free" in options)
            if line is not None and not show:
                sys.exit(f"{path}:{number}: the commands above do not print this line there:\n{line}\nthey print:\n{output}")
            counts["outputs"] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
