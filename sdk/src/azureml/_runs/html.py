"""A small table for notebooks. Pure."""


def table(rows):
    """HTML of one record: `rows` are (heading, text, link or None)."""
    heads = "".join("<th>{}</th>".format(_escaped(head)) for head, _, _ in rows)
    cells = "".join("<td>{}</td>".format(_cell(text, link)) for _, text, link in rows)
    return '<table style="width:100%"><tr>{}</tr><tr>{}</tr></table>'.format(heads, cells)


def _cell(text, link):
    text = _escaped(text)
    if not link:
        return text
    return '<a href="{}" target="_blank" rel="noopener">{}</a>'.format(_escaped(link), text)


def _escaped(text):
    return (
        str("" if text is None else text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )
