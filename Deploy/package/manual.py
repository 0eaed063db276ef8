"""Prints a manual page: a template of it, with the commands and options that a program tells itself.

    manual.py footfall.1 path/to/footfall

In the template, a line `@COMMANDS@` stands for the commands, `@VERSION@` for the version, and `@DATE@`
for the day (of SOURCE_DATE_EPOCH, if that is set). Pages are in mdoc (groff_mdoc(7)).
"""

import json
import os
import subprocess
import sys
import time


def escaped(text):
    """Text as the formatter prints it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return text.replace('"', "\\(dq").replace("~", "\\(ti").replace("^", "\\(ha")


def paragraph(text):
    """Text as lines of a page: one a sentence, and none that begins like a request."""
    text = " ".join(text.split())
    lines = escaped(text).replace(". ", ".\n").split("\n")
    return ["\\&" + line if line[:1] in ".'" else line for line in lines]


def flag(name):
    """`Fl` puts one dash in front of what it is given."""
    return "Fl " + ("" if name["kind"] == "short" else "\\-") + escaped(name["name"])


def item(argument):
    """An option or an argument, with what it is for."""
    value = "Ar " + escaped(argument["valueName"])
    if argument["kind"] == "positional":
        head = value
    else:
        head = " , ".join(flag(name) for name in argument["names"])
        if argument["kind"] == "option":
            head += " " + value
    text = argument.get("abstract", "")
    default = argument.get("defaultValue")
    if default is not None and not text.endswith("]"):
        text = f"{text} [{default}]".strip()
    return [".It " + head, *paragraph(text)]


def is_common(argument):
    return any(name["name"] in ("help", "version") for name in argument.get("names", []))


def synopsis(command):
    """What follows `.Nm footfall verify`: options in short, and arguments."""
    parts = []
    arguments = [each for each in command["arguments"] if not is_common(each)]
    if any(each["kind"] != "positional" for each in arguments):
        parts.append("Oo Ar options Oc")
    for each in arguments:
        if each["kind"] == "positional":
            parts.append("Ar " + escaped(each["valueName"]) + (" ..." if each["isRepeating"] else ""))
    return " ".join(parts)


def sections(command):
    """Its options in the order of `--help`, each section with its title, the untitled ones first."""
    titles = {}
    for argument in command["arguments"]:
        if argument["shouldDisplay"] and not is_common(argument):
            titles.setdefault(argument.get("sectionTitle", ""), []).append(argument)
    return sorted(titles.items(), key=lambda pair: pair[0] != "")


def commands(program):
    """Every command but `help`. Two that take the same options have them once."""
    lines, known = [], []
    for command in program["subcommands"]:
        name = command["commandName"]
        if name == "help" or not command["shouldDisplay"]:
            continue
        lines += [f".Ss {escaped(name)} {synopsis(command)}"]
        lines += paragraph(command["abstract"])
        if "discussion" in command:
            lines += [".Pp", *paragraph(command["discussion"])]
        same = next((other for other, its in known if its == command["arguments"]), None)
        if same:
            lines += [".Pp", "The options are those of", f".Cm {escaped(same)} ."]
            continue
        known.append((name, command["arguments"]))
        for title, arguments in sections(command):
            if title:
                lines += [".Pp", f".Em {escaped(title)}"]
            lines += [".Bl -tag -width Ds"]
            for argument in arguments:
                lines += item(argument)
            lines += [".El"]
    return lines


def main(template, binary):
    told = subprocess.run(
        [binary, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    version = subprocess.run(
        [binary, "--version"], check=True, capture_output=True, text=True).stdout
    number = next(word for word in version.split() if word[0].isdigit())
    seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    day = time.strftime("%B %d, %Y", time.gmtime(seconds))
    with open(template, encoding="utf-8") as file:
        for line in file:
            if line == "@COMMANDS@\n":
                print("\n".join(commands(json.loads(told)["command"])))
            else:
                print(line.replace("@VERSION@", number).replace("@DATE@", day), end="")


main(*sys.argv[1:])
