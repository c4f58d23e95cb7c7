"""A pipeline's graph as SVG: a row for each depth, an arrow for each dependency. Pure; nothing in it runs when it is shown."""

from azureml._runs.html import escaped

WIDTH, HEIGHT, GAP_X, GAP_Y, PAD = 176, 34, 18, 40, 6
MOST_NODES = 150
COLORS = {
    "Completed": ("#e2f4e9", "#17713f"),
    "Failed": ("#fdeae8", "#b8261f"),
    "Canceled": ("#fbf0da", "#855400"),
    "Running": ("#e3effb", "#0a5fae"),
    "Finalizing": ("#e3effb", "#0a5fae"),
}
PLAIN = ("#f3f5f7", "#586673")


def drawing(nodes, edges, statuses=None):
    """SVG of `nodes`, (id, name), and `edges`, (from id, to id, whether data goes along). `statuses`: {id: status}."""
    left_out = len(nodes) - MOST_NODES
    nodes = nodes[:MOST_NODES]
    names = dict(nodes)
    edges = [e for e in dict.fromkeys(edges) if e[0] in names and e[1] in names]
    rows = _rows([node_id for node_id, _ in nodes], edges)
    widest = max([len(row) for row in rows] or [1])
    width = widest * (WIDTH + GAP_X) - GAP_X + 2 * PAD
    height = len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * PAD
    places = {}
    for depth, row in enumerate(rows):
        start = (width - (len(row) * (WIDTH + GAP_X) - GAP_X)) / 2.0
        for place, node_id in enumerate(row):
            places[node_id] = (start + place * (WIDTH + GAP_X), PAD + depth * (HEIGHT + GAP_Y))
    parts = [_line(places[a], places[b], is_data) for a, b, is_data in edges]
    parts += [_box(places[i], names[i], (statuses or {}).get(i)) for row in rows for i in row]
    more = "<p>and {} more</p>".format(left_out) if left_out > 0 else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{}" viewBox="0 0 {:g} {:g}" width="{:g}" height="{:g}" '
        'style="max-width:100%;height:auto;font:13px system-ui,sans-serif">{}</svg>{}'
    ).format(_words(nodes, edges), width, height, width, height, "".join(parts), more)


def of_graph(graph):
    """(nodes, edges) of a Graph as JSON (docs/graph.md)."""
    nodes = [(n["id"], n["name"]) for n in graph.get("nodes") or []]
    edges = []
    for node in graph.get("nodes") or []:
        edges += [(p["source"]["node"], node["id"], True) for p in node.get("inputs") or [] if p["source"].get("node")]
        edges += [(before, node["id"], False) for before in node.get("after") or []]
    return nodes, edges


def _rows(ids, edges):
    """The ids by depth; within a row near what they depend on. A cycle, which no run has, ends up in the last row."""
    above = {i: set() for i in ids}
    below = {i: set() for i in ids}
    for before, after, _ in edges:
        if before != after:
            above[after].add(before)
            below[before].add(after)
    waiting = {i: len(above[i]) for i in ids}
    rows, row, place = [], [i for i in ids if not waiting[i]], {}
    while row:
        row.sort(key=lambda i: sum(place[a] for a in above[i]) / len(above[i]) if above[i] else 0)
        place.update((node_id, (n + 0.5) / len(row)) for n, node_id in enumerate(row))
        rows.append(row)
        following = []
        for node_id in row:
            for after in sorted(below[node_id], key=ids.index):
                waiting[after] -= 1
                if not waiting[after]:
                    following.append(after)
        row = following
    left = [i for i in ids if i not in place]
    return rows + ([left] if left else [])


def _line(start, end, is_data):
    x1, y1, x2, y2 = start[0] + WIDTH / 2.0, start[1] + HEIGHT, end[0] + WIDTH / 2.0, end[1] - 1
    middle = (y1 + y2) / 2.0
    dashes = "" if is_data else ' stroke-dasharray="4 3"'
    return (
        '<path d="M{:g} {:g}C{:g} {:g} {:g} {:g} {:g} {:g}" fill="none" stroke="#8a97a3" stroke-width="1.4"{}/>'
        '<path d="M{:g} {:g}l-4 -7h8z" fill="#8a97a3"/>'
    ).format(x1, y1, x1, middle, x2, middle, x2, y2 - 6, dashes, x2, y2)


def _box(place, name, status):
    fill, ink = COLORS.get(status, PLAIN)
    shown = name if len(name) <= 24 else name[:23] + "…"
    says = "{} ({})".format(name, status) if status else name
    return (
        '<g><title>{}</title><rect x="{:g}" y="{:g}" width="{}" height="{}" rx="6" fill="{}" stroke="{}"/>'
        '<text x="{:g}" y="{:g}" text-anchor="middle" fill="#17212b">{}</text></g>'
    ).format(
        escaped(says),
        place[0],
        place[1],
        WIDTH,
        HEIGHT,
        fill,
        ink,
        place[0] + WIDTH / 2.0,
        place[1] + 21.5,
        escaped(shown),
    )


def _words(nodes, edges):
    names = dict(nodes)
    told = ", ".join("{} before {}".format(names[a], names[b]) for a, b, _ in edges[:20])
    return escaped("Steps: {}. {}".format(", ".join(name for _, name in nodes[:20]), told))
