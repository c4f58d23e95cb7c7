"""HTML for notebooks: one record as a table. Pure; all that is shown is escaped."""

_LEFT = 'style="text-align:left;padding-right:1.5em"'


def table(rows):
    """HTML of one record: `rows` are (heading, text, link or None). What has no text is left out."""
    rows = [row for row in rows if row[1] not in (None, "")]
    heads = "".join("<th {}>{}</th>".format(_LEFT, escaped(head)) for head, _, _ in rows)
    cells = "".join("<td {}>{}</td>".format(_LEFT, _cell(text, link)) for _, text, link in rows)
    return "<table><tr>{}</tr><tr>{}</tr></table>".format(heads, cells)


def _cell(text, link):
    text = escaped(text)
    if not link or not link.startswith(("http://", "https://")):
        return text
    return '<a href="{}" target="_blank" rel="noopener">{}</a>'.format(escaped(link), text)


def labels(values):
    """Tags or properties as text: `a=1, b`."""
    return ", ".join("{}={}".format(k, v) if v else str(k) for k, v in (values or {}).items())


def escaped(text):
    return (
        str("" if text is None else text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
    )
