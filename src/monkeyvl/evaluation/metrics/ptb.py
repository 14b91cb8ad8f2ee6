"""Words of a caption as the Penn Treebank tokeniser gives them to CIDEr, BLEU and ROUGE-L, without Java.

Lower case; punctuation is dropped after tokenising; clitics, currency and per cent signs stand alone;
brackets become -lrb- and -rrb- and stay, because the list of dropped punctuation has them in capitals only.
"""

from __future__ import annotations

import re

_CLITIC = re.compile(r"(?<=\w)(n't|'(?:s|re|ve|ll|d|m))\b")
_MERGED = {
    "cannot": "can not",
    "gimme": "gim me",
    "gonna": "gon na",
    "gotta": "got ta",
    "lemme": "lem me",
    "wanna": "wan na",
}
_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "{": "-lcb-", "}": "-rcb-", "[": "-lsb-", "]": "-rsb-"}
_DROPPED = frozenset("'' ' `` ` . ? ! , : - -- ... ;".split()) | {'"', "“", "”", "‘", "’"}
_TOKEN = re.compile(
    r"\.{2,}|-{2,}"
    r"|n't\b|'(?:s|re|ve|ll|d|m)\b"
    r"|(?:[^\W\d_]\.){2,}"  # u.s.
    r"|\b(?:mr|mrs|ms|dr|st|jr|sr|vs)\."
    r"|\d+(?:[.,:/]\d+)*(?=$|\W)"
    r"|\w+(?:-\w+)*"
    r"|\S"
)


def ptb_tokens(caption: str) -> list[str]:
    """Lower-case tokens of a caption without punctuation."""
    text = _CLITIC.sub(r" \1", caption.lower().replace("’", "'"))
    tokens: list[str] = []
    for token in _TOKEN.findall(text):
        if token in _DROPPED or token.startswith("..") or token.startswith("--"):
            continue
        tokens += _MERGED.get(token, _BRACKETS.get(token, token)).split()
    return tokens
