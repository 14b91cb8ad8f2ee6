"""TEDS: how alike two tables are, by the edit distance of their trees (table, rows, cells), HTML or Markdown.

The tree edit distance is Zhang and Shasha's; the package apted 1.0.3 is not used, because on some trees it
gives more than the distance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from monkeyvl.evaluation.metrics.base import check_references, check_variant
from monkeyvl.evaluation.metrics.edits import similarity
from monkeyvl.evaluation.metrics.strings import collapse

TEDS_VARIANTS = ("teds", "structure", "sections")

_HTML = re.compile(r"<(table|tr|td)\b", re.IGNORECASE)
_RULE_CELL = re.compile(r":?-+:?")


@dataclass
class Node:
    """A node of a table's tree: tag ("table", "thead", "tr", "td" ...), spans and text of a cell,
    children."""

    tag: str
    text: str = ""
    colspan: int = 1
    rowspan: int = 1
    children: list[Node] = field(default_factory=list)

    def size(self) -> int:
        """Nodes of the tree, this one included."""
        return 1 + sum(child.size() for child in self.children)


def teds(prediction: str, references: Sequence[str], variant: str = "teds") -> float:
    """1 - tree edit distance / nodes of the larger table (without its root), 0..1; the best reference counts.

    Inserting or removing a node costs 1, as does replacing one of another tag or span; replacing a cell by
    one of another text costs their normalised edit distance. "teds" compares rows of cells, so that HTML and
    Markdown of one table are equal: header cells count as cells, thead and tbody are dropped. "structure"
    ignores the texts (TEDS-S). "sections" keeps thead, tbody and header cells apart. A text without a table
    scores 1.0 against another such text and 0.0 against a table. Only the first table of each text counts.
    """
    check_variant("teds", variant, TEDS_VARIANTS)
    check_references("teds", references)
    said = parse_table(prediction, sections=variant == "sections")
    return max(_score(said, parse_table(r, sections=variant == "sections"), variant) for r in references)


def _score(said: Node | None, true: Node | None, variant: str) -> float:
    if said is None or true is None:
        return float(said is None and true is None)
    nodes = max(said.size(), true.size()) - 1
    return max(0.0, 1.0 - tree_distance(said, true, texts=variant != "structure") / nodes)


def parse_table(text: str, sections: bool = False) -> Node | None:
    """The first HTML table, else the first Markdown table of a text as a tree; None where it has no row.

    `sections` keeps thead, tbody and th; otherwise rows hang from the table and every cell is a td.
    """
    rows = _html_rows(text) if _HTML.search(text) else _markdown_rows(text)
    root = Node("table")
    for section, cells in rows:
        parent = root
        if sections and section:
            if not root.children or root.children[-1].tag != section:
                root.children.append(Node(section))
            parent = root.children[-1]
        if not sections:
            for cell in cells:
                cell.tag = "td"
        parent.children.append(Node("tr", children=cells))
    return root if root.children else None


class _TableParser(HTMLParser):
    """Rows of the first outermost table; tags left open end where the next one begins."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[str, list[Node]]] = []
        self.section = ""
        self.depth = 0
        self.finished = False
        self.cell: Node | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.depth += 1
        if self.finished or self.depth > 1:
            return
        if tag in ("thead", "tbody", "tfoot"):
            self.section, self.cell = tag, None
        elif tag == "tr":
            self.rows.append((self.section, []))
            self.cell = None
        elif tag in ("td", "th"):
            if not self.rows:
                self.rows.append((self.section, []))
            values = dict(attrs)
            self.cell = Node(tag, "", _span(values.get("colspan")), _span(values.get("rowspan")))
            self.rows[-1][1].append(self.cell)
        elif tag == "br" and self.cell is not None:
            self.cell.text += " "

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.depth -= 1
            self.finished = self.finished or self.depth <= 0
        elif self.depth > 1:
            return
        elif tag in ("thead", "tbody", "tfoot"):
            self.section = ""
        if tag in ("td", "th", "tr", "table") and self.depth <= 1:
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.finished:
            self.cell.text += data


def _span(value: str | None) -> int:
    return int(value) if value is not None and value.isdecimal() and int(value) > 0 else 1


def _html_rows(text: str) -> list[tuple[str, list[Node]]]:
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    for _, cells in parser.rows:
        for cell in cells:
            cell.text = collapse(cell.text)
    return parser.rows


def _markdown_rows(text: str) -> list[tuple[str, list[Node]]]:
    rows: list[tuple[str, list[Node]]] = []
    for line in text.splitlines():
        line = line.strip()
        if not line.startswith("|"):
            if rows:
                break
            continue
        parts = re.split(r"(?<!\\)\|", line[1:])
        if len(parts) > 1 and not parts[-1].strip():
            parts.pop()
        texts = [collapse(part.replace("\\|", "|")) for part in parts]
        if all(_RULE_CELL.fullmatch(cell) for cell in texts) and len(rows) <= 1:
            rows = [("thead", [Node("th", cell.text) for cell in cells]) for _, cells in rows]
            continue
        rows.append(("tbody", [Node("td", cell) for cell in texts]))
    return rows


def tree_distance(a: Node, b: Node, texts: bool = True) -> float:
    """Edit distance of two ordered trees (Zhang and Shasha); `texts` False ignores the texts of cells."""
    left, right = _Ordered(a), _Ordered(b)
    known: dict[tuple[str, str], float] = {}

    def replace(x: Node, y: Node) -> float:
        if (x.tag, x.colspan, x.rowspan) != (y.tag, y.colspan, y.rowspan):
            return 1.0
        if not texts or x.text == y.text:
            return 0.0
        pair = (x.text, y.text)
        if pair not in known:
            known[pair] = 1.0 - similarity(x.text, y.text)
        return known[pair]

    whole = [[0.0] * len(right.nodes) for _ in left.nodes]
    for i in left.keyroots:
        for j in right.keyroots:
            _subtree_distances(left, right, i, j, replace_cost=replace, whole=whole)
    return whole[-1][-1]


class _Ordered:
    """Nodes in postorder, each one's leftmost leaf, and the keyroots: the root and every node with a left
    sibling."""

    def __init__(self, root: Node) -> None:
        self.nodes: list[Node] = []
        self.leftmost: list[int] = []
        self._visit(root)
        last: dict[int, int] = {leaf: i for i, leaf in enumerate(self.leftmost)}
        self.keyroots = sorted(last.values())

    def _visit(self, node: Node) -> int:
        leaves = [self._visit(child) for child in node.children]
        self.nodes.append(node)
        self.leftmost.append(leaves[0] if leaves else len(self.nodes) - 1)
        return self.leftmost[-1]


def _subtree_distances(
    left: _Ordered,
    right: _Ordered,
    i: int,
    j: int,
    replace_cost: Callable[[Node, Node], float],
    whole: list[list[float]],
) -> None:
    """Fill whole[x][y] for the subtrees whose leftmost leaf is that of i and of j."""
    first_i, first_j = left.leftmost[i], right.leftmost[j]
    above = [float(y) for y in range(j - first_j + 2)]
    forest = [above]  # forest[x][y]: distance of the first x nodes of the one and the first y of the other
    for x in range(first_i, i + 1):
        row = [above[0] + 1.0]
        before_x = left.leftmost[x] - first_i
        for y in range(first_j, j + 1):
            column = y - first_j
            best = min(above[column + 1], row[column]) + 1.0
            if before_x == 0 and right.leftmost[y] == first_j:
                best = min(best, above[column] + replace_cost(left.nodes[x], right.nodes[y]))
                whole[x][y] = best
            else:
                best = min(best, forest[before_x][right.leftmost[y] - first_j] + whole[x][y])
            row.append(best)
        forest.append(row)
        above = row
