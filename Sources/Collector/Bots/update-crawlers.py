"""Prints CrawlerPatterns.swift, made from the PyPI package crawler-user-agents.

The package has regular expressions; Footfall has none at run time. What they are expanded to is
strings, some of them bound to the start or the end of the user agent. An expression that has no such
form, because of a gap of unknown length, becomes its longest string, which matches a little more;
those come last and are named on standard error. Anything else that is not understood ends the script.
"""

import importlib.metadata
import re._constants as kind
import re._parser
import sys

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

PACKAGE = "crawler-user-agents"
# The shortest string that may stand for an expression, and the most strings for one.
WIDENED_MIN = 8
STRINGS_MAX = 16

# Tokens beside characters.
START, END, GAP = "^", "$", None


def alternatives(tree):
    """All that a parsed expression may match, as lists of tokens."""
    found = [[]]
    for operation, argument in tree:
        found = [before + after for before in found for after in choices(operation, argument)]
        if len(found) > STRINGS_MAX:
            raise ValueError("too many strings")
    return found


def choices(operation, argument):
    if operation is kind.LITERAL:
        if chr(argument) in "^$" or not 0x20 <= argument < 0x7F:
            raise ValueError(f"the character {argument:#x}")
        return [[chr(argument)]]
    if operation is kind.SUBPATTERN:
        return alternatives(argument[3])
    if operation is kind.BRANCH:
        return [one for branch in argument[1] for one in alternatives(branch)]
    if operation is kind.IN:
        if all(part is kind.LITERAL for part, _ in argument):
            return [one for part in argument for one in choices(*part)]
        return [[GAP]]
    if operation is kind.AT and argument in (kind.AT_BEGINNING, kind.AT_END):
        return [[START if argument is kind.AT_BEGINNING else END]]
    if operation is kind.MAX_REPEAT:
        if argument[:2] == (0, 1):
            return [[]] + alternatives(argument[2])
        return [[GAP]]
    if operation in (kind.ANY, kind.NOT_LITERAL):
        return [[GAP]]
    raise ValueError(f"no way to express {operation}")


def string(tokens):
    """The string for one alternative, and whether it matches more than that."""
    if START in tokens[1:] or END in tokens[:-1]:
        raise ValueError("an anchor inside")
    pieces = [[]]
    for token in tokens:
        if token is GAP:
            pieces.append([])
        else:
            pieces[-1].append(token)
    longest = max(pieces, key=len)
    if len(pieces) > 1 and len(longest) < WIDENED_MIN:
        raise ValueError("too little is left without its gaps")
    return "".join(longest), len(pieces) > 1


def lines():
    """For each expression a line of strings that differ in case at most: exact ones, wider ones."""
    exact, wider = [], []
    for entry in CRAWLER_USER_AGENTS_DATA:
        pattern = entry["pattern"]
        try:
            strings = [string(tokens) for tokens in alternatives(re._parser.parse(pattern))]
        except ValueError as error:
            sys.exit(f"{pattern}: {error}")
        if any(is_wider for _, is_wider in strings):
            # An end that a gap may take the place of adds nothing.
            strings = [pair for pair in strings if pair[1]]
            print(f"wider than in the list: {pattern} -> {strings[0][0]}", file=sys.stderr)
        groups = {}
        for text, is_wider in strings:
            groups.setdefault((text.strip("^$").lower(), is_wider), []).append(text)
        for (_, is_wider), texts in groups.items():
            (wider if is_wider else exact).append("\t".join(texts))
    return exact, wider


def literal(line):
    """A line of a Swift string literal."""
    text = line.replace("\\", "\\\\").replace("\t", "\\t")
    return text[:-1] + "\\u{20}" if text.endswith(" ") else text


distribution = importlib.metadata.distribution(PACKAGE)
licence = next(path for path in distribution.files if path.name == "LICENSE").read_text()
notice = "".join(f"// {line}".rstrip() + "\n" for line in licence.splitlines())
exact, wider = lines()
print(
    f"""\
// swift-format-ignore-file
//
// Made by `make crawlers` from {PACKAGE} {distribution.version} of PyPI, which says:
//
{notice}
/// Parts of the user agents of known programs. `^` and `$` stand for the start and the end of a user
/// agent, a tab between strings that belong to one name. Of the lines that match, the first counts.
enum CrawlerPatterns {{
    static let text: StaticString = \"\"\"
        """
    + "\n        ".join(literal(line) for line in exact + wider)
    + '\n        """\n}'
)
