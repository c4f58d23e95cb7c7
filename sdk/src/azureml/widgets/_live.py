"""Showing HTML in a notebook and changing it there while a run goes on: by anywidget where it is installed, else by IPython's own display.

Knows notebooks; must not know what is shown.
"""

import sys
import threading

SECONDS = 1.0
SCRIPT = """
function render({ model, el }) {
  const draw = () => { el.innerHTML = model.get("html"); };
  model.on("change:html", draw);
  draw();
}
export default { render };
"""
"""The front end's part: it shows what the kernel says. The HTML is ours, with everything in it escaped."""


def in_notebook():
    """Whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def show(make):
    """Displays `make()`, (HTML, whether it is final), and again every second and after each cell until it is final."""
    html, is_over = make()
    place = _Place(html)
    if not is_over:
        _Following(make, place, html).start()


class _Place:
    """Where the HTML is displayed: a widget, which is told of each change, beside HTML for whoever shows no widgets."""

    def __init__(self, html):
        from IPython.display import display

        self._widget = _widget(html)
        self._handle = display(self._bundle(html), raw=True, display_id=True)

    def change(self, html, is_final):
        """Displays other HTML there. The widget alone while it goes on: displaying anew would make the page jump. In the end the HTML
        takes the widget's place, for a saved notebook is read without its kernel, and so without the widget."""
        if self._widget is not None:
            self._widget.html = html
        if self._widget is None or is_final:
            from IPython.display import update_display

            update_display(self._bundle(html, not is_final), display_id=self._handle.display_id, raw=True)

    def _bundle(self, html, with_widget=True):
        bundle = {"text/html": html, "text/plain": "The details of a run, for a notebook that shows HTML"}
        if self._widget is not None and with_widget:
            view = self._widget._repr_mimebundle_()
            view = view[0] if isinstance(view, tuple) else view
            bundle.update({k: v for k, v in (view or {}).items() if k.endswith("+json")})
        return bundle


def _widget(html):
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class Details(anywidget.AnyWidget):
        _esm = SCRIPT
        html = traitlets.Unicode("").tag(sync=True)

    return Details(html=html)


class _Following:
    """Asks again until the answer is final: in a thread, and when a cell has ended, so that a notebook is saved as it stands."""

    def __init__(self, make, place, html):
        self._make, self._place, self._shown = make, place, html
        self._lock, self._over = threading.Lock(), threading.Event()
        self._events = sys.modules["IPython"].get_ipython().events

    def start(self):
        self._events.register("post_run_cell", self._after_cell)
        threading.Thread(target=self._go_on, name="penstock-run-details", daemon=True).start()

    def _go_on(self):
        while not self._over.wait(SECONDS):
            self._look()

    def _after_cell(self, *_):
        if self._over.is_set():
            self._events.unregister("post_run_cell", self._after_cell)
        else:
            self._look()

    def _look(self):
        with self._lock:
            if self._over.is_set():
                return
            try:
                html, is_over = self._make()
            except Exception as error:  # the notebook's own calls will meet it, and say it where it is read
                html, is_over = "<p>This view has stopped ({}). Show it again.</p>".format(type(error).__name__), True
            if html != self._shown or is_over:
                self._place.change(html, is_over)
                self._shown = html
            if is_over:
                self._over.set()
