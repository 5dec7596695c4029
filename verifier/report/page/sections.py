"""The page's parts from the verdict to the last chart, in the order in which people ask."""

from __future__ import annotations

from html import escape
from typing import Any

from verifier.checks.registry import FAMILIES
from verifier.findings import Standing
from verifier.report.json import standing_of
from verifier.report.page.run import Run, RunDocument
from verifier.report.page.words import NOTHING, badge, figure, table
from verifier.report.text import about, summary, word_of
from verifier.showing import shown

STATUS = '<p class="status" role="status"></p>'
"""Where a chart says what is in view, and what is aggregated in it."""

KEY = (
    '<ul class="key">'
    '<li><i class="preferred"></i>unchokes the neighbor (preferred)</li>'
    '<li><i class="optimistic"></i>unchokes the neighbor (optimistic)</li>'
    '<li><i class="unchoked"></i>is unchoked by the neighbor</li>'
    '<li><i class="downloads"></i>downloads a piece</li>'
    '<li><i class="connections"></i>connected</li>'
    '<li><i class="progress"></i>pieces so far</li>'
    '<li><i class="complete">★</i>complete</li>'
    '<li><i class="witness">①</i>lines of a broken rule, cause before effect</li></ul>\n'
    '<p class="detail">Each peer has a lane. Its top row shows the pieces that it has; below is a row for'
    " each neighbor. The upper bar of a row shows when the peer unchokes that neighbor, and is thin for an"
    " optimistic unchoke. The lower bar and the marks show what the peer gets. <b>Look for marks without a"
    " bar (pieces from a neighbor that chokes the peer), for bars without marks (nobody uses the slot), and"
    " for empty rows.</b></p>"
    '<p class="overview">Each peer has a lane for all its neighbors together. The upper half shows how many'
    " neighbors it unchokes, on the shade of how many are connected. The lower half shows how many unchoke"
    " it, and the pieces that it downloads. <b>Look for halves that stay flat while others' don't: peers"
    " that give nothing, or that nobody serves.</b> Show a single peer to see each of its neighbors.</p>"
)
"""What is drawn how, and what to look for: with a row for each neighbor, and without."""


def head(run: Run) -> str:
    """What was judged, and the verdict in one line."""
    verdict = run.verdict
    word = word_of(verdict)
    name = f"{shown(verdict.folder)}{', ' * bool(verdict.run)}{verdict.run}"
    mode = ", judged leniently" if verdict.case.swarm.lenient else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in verdict.notes)
    return (
        f'<header>\n<p class="verdict {word.lower()}">{badge(word.lower(), word)}'
        f" <span>{escape(summary(verdict))}</span></p>\n"
        f"<h1>{escape(name + mode)}</h1>\n"
        f'<p class="about">{escape(about(verdict))}</p>\n'
        f"{f'<ul>{notes}</ul>' if notes else ''}</header>"
    )


def families(run: RunDocument) -> str:
    """A row for each family, with how its rules came out; the worst in the second column."""
    rows = []
    for letter, name in FAMILIES.items():
        checks = [one for one in run.document["checks"] if one["id"][0] == letter]
        found = {
            standing: [one["id"] for one in checks if standing_of(one) is standing]
            for standing in Standing
        }
        worst = next((one for one in Standing if found[one]), Standing.NOT_APPLIED)
        named = (Standing.FAIL, Standing.WARNING, Standing.UNDECIDED)
        cells = [_rules(run, found[standing]) for standing in (*named, Standing.NOT_APPLIED)]
        passed = _folded(run, found[Standing.PASS])
        rows.append([f"{letter} {escape(name)}", badge(worst.value), passed, *cells])
    titles = ("Family", "Outcome", "pass", "fail", "warning", "undecided", "not applied")
    return (
        f"<section><h2>All rules, by family</h2>\n{table(titles, rows, kind='families')}</section>"
    )


def _folded(run: RunDocument, ids: list[str]) -> str:
    """How many rules passed; unfolded, which."""
    if not ids:
        return NOTHING
    rules = "rule" if len(ids) == 1 else "rules"
    names = _rules(run, ids)
    return f"<details><summary>{len(ids)} {rules}</summary>{names}</details>"


def _rules(run: RunDocument, ids: list[str]) -> str:
    """Some rules by their names; those that have something to say lead to it."""
    parts = []
    for one in (check for check in run.document["checks"] if check["id"] in ids):
        title = escape(f"{one['name']}: {one['rule']}")
        text = f'<abbr title="{title}">{one["id"]}</abbr>'
        linked = one["findings"] or one["unknown"]
        text = f'<a href="#{run.id}-{one["id"]}">{text}</a>' if linked else text
        parts.append(f"{text} {escape(one['name'])}")
    return ", ".join(parts) or NOTHING


def timeline(run: Run) -> str:
    """The timeline's place, with the tools to move about in it."""
    choices = "".join(
        f'<option value="{index}">peer {peer["id"]}</option>'
        for index, peer in enumerate(run.document["peers"])
    )
    buttons = "".join(
        f'<button type="button" data-zoom="{name}">{text}</button>'
        for name, text in (
            ("whole", "Whole run"),
            ("in", "Zoom in"),
            ("out", "Zoom out"),
            ("earlier", "Earlier"),
            ("later", "Later"),
        )
    )
    look = "Drag across the chart to zoom; double-click it for the whole run."
    tools = (
        '<div class="tools"><label>Show <select class="lanes"><option value="">all peers</option>'
        '<option value="involved" hidden>the peers involved</option>'
        f"{choices}</select></label>{buttons}</div>\n"
        f'{STATUS}\n<p class="chosen" hidden></p>'
    )
    title = "Timeline: who unchokes whom, and do pieces follow?"
    return figure("timeline", title, look, tools=KEY + tools, more=_remarks(run))


def _remarks(run: Run) -> str:
    """How the data was changed so that it can be drawn."""
    told = "; ".join(run.data["aggregated"])
    small = f"<p>To keep this page small: {told}.</p>" if told else ""
    lives = run.verdict.case.lives
    coarse = [life.file.label for life in lives if run.axis.spread(life)]
    if coarse:
        which = "all logs" if len(coarse) == len(lives) else escape(", ".join(coarse))
        small += (
            f"<p>The times in {which} are whole seconds or minutes. Lines with the same time are spread"
            " evenly over it, in their order.</p>"
        )
    lost = [life.file.label for life in lives if not run.axis.placed(life)]
    if lost:
        small += f"<p>Not in the charts, because they have no times: {escape(', '.join(lost))}.</p>"
    if run.axis.unit == "lines":
        small += "<p>No log has times. Each lane counts its own lines, and only their order is known.</p>"
    return small


def peers(run: Run) -> str:
    """A row for each log: its clock against the first log's, and what its peer reached when."""
    rows = []
    places = {row["log"]: nth for nth, row in enumerate(run.document["offsets"])}
    for peer in run.document["peers"]:
        if not peer["logs"]:
            rows.append([_peer(peer), "no log", *[NOTHING] * 6])
        for label in peer["logs"]:
            last = label == peer["logs"][-1]
            rows.append(
                [
                    _peer(peer),
                    escape(label),
                    *_clock(run, places[label]),
                    *_reached(run, peer, last=last),
                ]
            )
    titles = (
        "Peer",
        "Log",
        "Clock offset",
        "Correction",
        "First piece after",
        "Complete after",
        "Pieces up",
        "Pieces down",
    )
    text = (
        "Clocks on different machines disagree. The verifier estimates how far each clock is ahead of"
        " the first log's, from messages that appear in two logs. Where a clock is certainly ahead or"
        " behind, all charts show that log's times corrected by the middle of the estimate."
    )
    return (
        f"<section><h2>Peers, and the clocks of their logs</h2>\n<p>{text}</p>\n"
        f"{table(titles, rows, kind='peers')}</section>"
    )


def _peer(peer: dict[str, Any]) -> str:
    return f"{peer['id']}{' seed' if peer['has_file'] else ''}"


def _clock(run: Run, place: int) -> list[str]:
    """How far a log's clock is ahead of the first one's, and what was made of it."""
    numbers = run.numbers
    if not run.axis.placed(run.verdict.case.lives[place]) or run.axis.unit == "lines":
        return ["no times", NOTHING]
    if place == 0:
        return ["reference for all charts", NOTHING]
    least = numbers.show("offsets", place, "least", form="+.3f")
    most = numbers.show("offsets", place, "most", form="+.3f", unit=" s")
    moved = run.axis.corrections[place]
    known = any(numbers.value("offsets", place, end) is not None for end in ("least", "most"))
    between = f"{least} to {most}" if known else "not known"
    return [between, f"{-moved:+.3f} s" if moved else "nothing"]


def _reached(run: Run, peer: dict[str, Any], *, last: bool) -> list[str]:
    """When a peer's last life had its first piece and all, and how much it gave and got."""
    if not last:
        return [NOTHING] * 4
    numbers, one = run.numbers, peer["id"]
    table = run.document["metrics"]["uploads"]
    return [
        numbers.show("metrics", "first_piece", one, form=".2f", unit=" s"),
        numbers.show("metrics", "completion", one, form=".2f", unit=" s"),
        str(sum(table.get(one, {}).values())),
        str(sum(row.get(one, 0) for row in table.values())),
    ]


def pieces(_run: Run) -> str:
    """Pieces over time."""
    look = (
        "A line for each peer, from its first piece to the whole file."
        " <b>Look for flat stretches: that peer waits, although others have what it needs.</b>"
        " In a swarm that shares well, the lines end close together."
    )
    return figure("pieces", "Pieces over time: who waits?", look, tools=STATUS)


def copies(run: Run) -> str:
    """Copies of each piece over time, and the metric's four moments."""
    numbers = run.numbers
    rows = [
        [
            name,
            numbers.show("metrics", "copies", quarter, 0),
            numbers.show("metrics", "copies", quarter, 1, form=".2f"),
            numbers.show("metrics", "copies", quarter, 2),
        ]
        for quarter, name in enumerate(("a quarter", "half", "three quarters", "all"))
    ]
    titles = ("After this part of all downloads", "Fewest", "Mean", "Most")
    look = (
        "How many peers have the rarest piece, the average piece, and the most common one."
        " <b>Look at the lowest line: while it is at the number of seeds, a piece would be lost if the"
        " seeds left.</b>"
    )
    title = "Copies of each piece: when could the seed have left?"
    return figure("copies", title, look, tools=STATUS, more=table(titles, rows, kind="quarters"))


def uploads(run: Run) -> str:
    """Who gave whom how much."""
    numbers = run.numbers
    look = (
        "Pieces sent by the peer of the row to the peer of the column, with the sums at the edges."
        " <b>Look for rows that are nearly empty: that peer downloads and uploads nothing.</b> Two peers"
        " that send each other about the same number reciprocate."
    )
    told = (
        "<p>Leechers only: fairness of their uploads (Jain's index, 1 is equal) "
        f"{numbers.show('metrics', 'fairness', form='.2f')}; correlation of pieces sent and received "
        f"{numbers.show('metrics', 'reciprocation', form='+.2f')}; pieces that came only"
        f" through an optimistic unchoke {numbers.show('metrics', 'optimistic_share', form='.0%')}."
        "</p>"
    )
    return figure("uploads", "Who sent how much to whom: does anybody only take?", look, more=told)


def fairness(run: Run) -> str:
    """Choke fairness."""
    numbers = run.numbers
    wait = numbers.show("metrics", "longest_wait", form=".1f", unit=" s")
    look = (
        "Each row is a peer that chooses, and each dot one of its neighbors: the part of the neighbor's"
        " interested time during which this peer unchoked it. The bar across the line is the median, and"
        " the number at the right is Jain's index (1: equal shares)."
        " <b>Look for dots far to the left of the others: neighbors that wait in vain.</b>"
    )
    more = f"<p>Longest time that a peer was interested and choked: {wait}.</p>"
    churn = [
        f"{peer['id']}: {run.numbers.show('metrics', 'churn', peer['id'], form='.2f')}"
        for peer in run.document["peers"]
        if numbers.value("metrics", "churn", peer["id"]) is not None
    ]
    if churn:
        more += f"<p>Changes of the set of unchoked neighbors, per choice: {', '.join(churn)}.</p>"
    return figure(
        "fairness", "Fairness: does every interested neighbor get a turn?", look, more=more
    )
