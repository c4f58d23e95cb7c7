"""wait_for_completion: what is printed while a run goes on, in the words and the order of the original.

One step is shown at a time, in the order they started. Knows the stream's lines; never reads all steps again for an event.
"""

import json
import sys
import time

from azureml._runs.details import details_of
from azureml._runs.follow import TimedOut, follow
from azureml._runs.kinds import TERMINAL

LOG_NAMES = ("azureml-logs/70_stdout.txt", "azureml-logs/75_stderr.txt")
AGAIN_SECONDS = 2.0  # a second Ctrl-C within this cancels the run
FINISHED = {"Completed": "Finished", "Failed": "Failed", "Canceled": "Canceled", "NotStarted": "NotStarted"}


class LogView:
    """What of one run's logs has been printed. Text comes by offset, so nothing is printed twice."""

    def __init__(self, run):
        self.run = run
        self.seen = {}  # name -> bytes printed
        self._last = "\n"

    def show(self, name, offset, content):
        """Prints what of `content` (bytes at `offset` of the log `name`) is new."""
        done = self.seen.get(name)
        if done is None:
            done = 0
            print("\nStreaming {}\n{}".format(name, "=" * (len(name) + 10)))
        # The server replaced bytes that are no text by a mark of three: there were at least so many bytes.
        end = offset + max(1, len(content) - 2 * content.count(b"\xef\xbf\xbd"))
        self.seen[name] = max(done, end)
        if end <= done:
            return
        text = content[max(0, done - offset) :].decode("utf-8", "replace")
        sys.stdout.write(text)
        sys.stdout.flush()
        self._last = text[-1:] or self._last

    def begin_again(self, event):
        """The step is to be tried again: what it prints from here on is another log."""
        self.end_line()
        print("\nStepRun( {} ) will be tried again. {}".format(self.run.name, event["body"].get("message") or ""))
        sys.stdout.flush()
        self.seen.clear()

    def catch_up(self, names):
        """Prints from the files what the stream will not bring again."""
        import io

        from azureml.exceptions import UserErrorException

        for name in names:
            done = self.seen.get(name, 0)
            target = io.BytesIO()
            try:
                self.run._client.get_file(self.run._files_path(name), target, {"offset": done} if done else None)
            except UserErrorException:
                continue  # it has no such log
            content = target.getvalue()
            if content:
                self.show(name, done, content)

    def end_line(self):
        if self._last != "\n":
            print()
            self._last = "\n"


class PipelineWatch:
    """The printing of one pipeline run's wait."""

    def __init__(self, run, show_output):
        self.run = run
        self.show = show_output
        self.live = not show_output and sys.stdout.isatty()
        self.steps = {}  # run id -> what the server said of it
        self.status = None
        self.queue = []  # started, not shown yet
        self.current = None
        self.view = None
        self.unseen = {}  # run id -> names of logs that have something
        self.missed = False
        self.failed = []
        self.began = time.monotonic()
        self.n_done = self.n_reused = 0
        self.running = {}  # run id -> name
        self.drawn = ""

    def start(self):
        dto = self.run._run_dto
        self._head(dto)
        for step in self._steps_of(dto):
            self.steps[step["id"]] = dict(step, status="NotStarted")

    def _head(self, dto):
        print("PipelineRunId: {}".format(dto["id"]))
        print("Link to Azure Machine Learning Portal: {}".format(dto.get("url") or ""))
        self._status("Running" if dto["status"] in ("Running", "Finalizing") else dto["status"])

    def all_stand(self):
        """Nothing ran and nothing is to be shown of it: what the stream would tell of each step is known."""
        names = self.run._step_names
        self._head(self.run._run_dto)
        if not self.live:
            line = "StepRun( {} ) Status: " + FINISHED["Completed"]
            print("\n".join(line.format(name) for name in names.values()))
        return self._close(self.run._run_dto, len(names), len(names))

    def _steps_of(self, dto):
        """What is needed of each step: where its output is not shown, what the submission told is enough."""
        if self.run._step_names is not None and not self.show:
            same = {"type": "step", "experiment": dto["experiment"], "root_id": dto["id"]}
            return [dict(same, id=run_id, name=name) for run_id, name in self.run._step_names.items()]
        return self.run._call("GET", "runs/{}/children".format(dto["id"]))["value"]

    def _status(self, status):
        word = FINISHED.get(status, "Running")
        known = self.status is None or (self.status == "NotStarted" and word == "Running")  # it never goes back
        if known and word not in ("Finished", "Failed", "Canceled"):
            print("PipelineRun Status: {}".format(word))
            self.status = word
        sys.stdout.flush()

    def take(self, line):
        """One line of the stream."""
        if "reconnected" in line:
            self.missed = True
        elif "event" in line:
            self._event(line["event"])
        elif "log" in line and self.show:
            self._log(line["log"])
        if self.live:
            self._progress()

    def _event(self, event):
        status = event["body"].get("status")
        if status is None:
            return
        if event["run_id"] == self.run.id:
            self.n_reused = event["body"].get("n_reused") or 0
            if status not in TERMINAL:
                self._status(status)
            return
        step = self.steps.get(event["run_id"])
        if step is None or step["status"] in TERMINAL:
            return
        before, step["status"] = step["status"], status
        self._count(step)
        if event["name"] == "requeued":
            self.unseen.pop(step["id"], None)
            if self.current is step:
                self.view.begin_again(event)
        if before == "NotStarted" and status == "Canceled" and "shown" not in step:
            return  # it never started: there is nothing to show
        if self.show:
            if status == "Running" or status in TERMINAL:
                self._started(step)
            self._advance()
        elif status in TERMINAL:
            self._ended(step)

    def _started(self, step):
        """It is shown when its turn comes."""
        if "shown" not in step:
            step["shown"] = False
            self.queue.append(step)

    def _log(self, log):
        # It has begun, whatever the events have told yet: a try that is over soon tells no more.
        if log["run_id"] in self.steps:
            self._started(self.steps[log["run_id"]])
            self._advance()
        if log["run_id"] != (self.current or {}).get("id"):
            self.unseen.setdefault(log["run_id"], {})[log["name"]] = True
            return
        self.view.show(log["name"], log["offset"], _bytes(log))

    def _advance(self):
        """Ends the step that is shown when it has ended, and goes on to the next that has started."""
        while True:
            if self.current is not None:
                if self.current["status"] not in TERMINAL:
                    return
                self._summary(self.current)
                self.current = None
            if not self.queue:
                return
            self._begin(self.queue.pop(0))

    def _begin(self, step):
        self.current = step
        self.view = LogView(self._run_of(step))
        print("\n\n\n\nStepRunId: {}".format(step["id"]))
        print("Link to Azure Machine Learning Portal: {}".format(step.get("url") or ""))
        print("StepRun( {} ) Status: {}".format(step["name"], FINISHED.get(step["status"], "Running")))
        unseen = self.unseen.pop(step["id"], {})
        self.view.catch_up([n for n in LOG_NAMES if n in unseen] + [n for n in unseen if n not in LOG_NAMES])
        sys.stdout.flush()

    def _run_of(self, step):
        from azureml._runs.kinds import run_of

        return run_of(self.run._workspace, step, self.run.experiment)

    def _summary(self, step):
        if self.missed:
            self.view.catch_up(LOG_NAMES)
        self.view.end_line()
        _heading("\nStepRun({}) Execution Summary".format(step["name"]))
        print("StepRun( {} ) Status: {}".format(step["name"], FINISHED[step["status"]]))
        if step["status"] == "Failed":
            self.failed.append(step)
        details = self.view.run.get_details()
        _reused(details)
        _warnings(details)
        print(details)
        print()
        sys.stdout.flush()

    def _ended(self, step):
        """One line for a step that ended, without its output; a failed one says why."""
        if self.live:
            self._clear()
        if step["status"] == "Failed":
            self.failed.append(step)
            error = (self._run_of(step)._refresh().get("error")) or {}
            details = error.get("details") or {}
            tail = details.get("stderr_tail") or ""
            tail = tail if tail.strip() else details.get("stdout_tail") or ""
            if tail.strip():
                print(tail.rstrip())
            if error.get("message"):
                print(error["message"])
        if not self.live or step["status"] == "Failed":
            print("StepRun( {} ) Status: {}".format(step["name"], FINISHED[step["status"]]))
        sys.stdout.flush()

    def _count(self, step):
        if step["status"] in TERMINAL:
            self.n_done += 1
            self.running.pop(step["id"], None)
        elif step["status"] == "Running":
            self.running[step["id"]] = step["name"]
        else:
            self.running.pop(step["id"], None)

    def _progress(self):
        """One line, drawn over itself."""
        names = list(self.running.values())
        text = "[{}/{} steps] {:.0f} s".format(self.n_done, len(self.steps), time.monotonic() - self.began)
        if names:
            text += "  running: " + ", ".join(names[:4]) + (" and {} more".format(len(names) - 4) if names[4:] else "")
        if text != self.drawn:
            sys.stdout.write("\r\x1b[K" + text[:100])
            sys.stdout.flush()
            self.drawn = text

    def _clear(self):
        sys.stdout.write("\r\x1b[K")
        self.drawn = ""

    def finish(self):
        """The summary at the end; the run as it is then."""
        if self.live:
            self._clear()
        return self._explained(self._close(self.run._refresh(), self.n_reused, len(self.steps)))

    def _close(self, dto, n_reused, n_steps):
        details = details_of(self.run, dto)
        print()
        _heading("\nPipelineRun Execution Summary")
        print("PipelineRun Status: {}".format(FINISHED[dto["status"]]))
        if n_reused:
            print("{} of {} steps reused".format(n_reused, n_steps))
        _warnings(details)
        print(details)
        print()
        sys.stdout.flush()
        return dto

    def _explained(self, dto):
        """The run, its error with what the first failed step said."""
        if dto["status"] != "Failed" or not self.failed:
            return dto
        said = (self._run_of(self.failed[0])._refresh().get("error") or {}).get("message")
        error = dict(dto.get("error") or {})
        if said and said not in str(error.get("message")):
            error["message"] = "{} {}".format(error.get("message") or "", said).strip()
        return dict(dto, error=error)


def _bytes(log):
    return log["text"].encode("utf-8", "surrogatepass")


def _heading(text):
    print(text)
    print("=" * len(text.strip()))


def _reused(details):
    earlier = details["properties"].get("azureml.reusedrunid")
    if earlier:
        print("Reused from run {}, which did the same.".format(earlier))


def _warnings(details):
    if details.get("warnings"):
        print("\nWarnings:")
        for warning in details["warnings"]:
            print(warning["message"])
        print()


def deadline_of(timeout_seconds):
    """time.monotonic() at which a wait gives up; None when it never does."""
    if timeout_seconds is None or timeout_seconds > 10**9:
        return None
    return time.monotonic() + float(timeout_seconds)


def timed_out(began):
    seconds = int(time.monotonic() - began)
    print(
        "Timed out of waiting. Elapsed time: {}:{:02d}:{:02d}".format(seconds // 3600, seconds // 60 % 60, seconds % 60)
    )


def interrupted(run):
    """Says how to go on with the run. Ctrl-C once more, within the time it says, cancels it."""
    try:
        print(
            "\nStopped waiting. Run {0} goes on: follow it with `penstock run logs -f {0}`, cancel it with "
            "`penstock run cancel {0}`, or with Ctrl-C again within {1:g} seconds.".format(run.id, AGAIN_SECONDS)
        )
        sys.stdout.flush()
        time.sleep(AGAIN_SECONDS)
    except KeyboardInterrupt:
        run.cancel()
        print("\nRun {} was asked to stop.".format(run.id))
        sys.stdout.flush()


def wait_for_pipeline(run, show_output, timeout_seconds, raise_on_error):
    """PipelineRun.wait_for_completion: the final status in the words of pipelines."""
    began, deadline = time.monotonic(), deadline_of(timeout_seconds)
    watch = PipelineWatch(run, show_output)
    try:
        if run._all_stand and not show_output:
            dto = watch.all_stand()
        else:
            run._refresh()
            watch.start()
            for line in follow(run._workspace, run.id, show_output, deadline):
                watch.take(line)
            dto = watch.finish()
    except TimedOut:
        timed_out(began)
        return run.get_status()
    except KeyboardInterrupt:
        interrupted(run)
        raise KeyboardInterrupt from None  # the depths of our reading are no news to anybody
    conclude(dto, raise_on_error)
    return FINISHED[dto["status"]]


def wait_for_step(run, show_output, timeout_seconds, raise_on_error):
    """StepRun.wait_for_completion: the final status in the words of steps."""
    began, deadline = time.monotonic(), deadline_of(timeout_seconds)
    try:
        dto = run._refresh()
        print("\n\nStepRunId: {}".format(run.id))
        print("Link to Azure Machine Learning Portal: {}".format(dto.get("url") or ""))
        print("StepRun( {} ) Status: {}".format(dto["name"], FINISHED.get(dto["status"], "Running")))
        sys.stdout.flush()
        _stream(run, show_output, deadline)
        dto = run._refresh()
        _heading("\nStepRun({}) Execution Summary".format(dto["name"]))
        print("StepRun( {} ) Status: {}".format(dto["name"], FINISHED[dto["status"]]))
        _closing(run)
    except TimedOut:
        timed_out(began)
        return run.get_status()
    except KeyboardInterrupt:
        interrupted(run)
        raise KeyboardInterrupt from None  # the depths of our reading are no news to anybody
    conclude(dto, raise_on_error)
    return FINISHED[dto["status"]]


def wait_for_run(run, show_output, raise_on_error):
    """Run.wait_for_completion of a plain run: its details."""
    try:
        dto = run._refresh()
        if show_output:
            print("RunId: {}".format(run.id))
            print("Web View: {}".format(dto.get("url") or ""))
            sys.stdout.flush()
        _stream(run, show_output, None)
        dto = run._refresh()
        if show_output:
            _heading("\nExecution Summary")
            print("RunId: {}".format(run.id))
            print("Web View: {}".format(dto.get("url") or ""))
            _closing(run)
    except KeyboardInterrupt:
        interrupted(run)
        raise KeyboardInterrupt from None  # the depths of our reading are no news to anybody
    conclude(dto, raise_on_error)
    return run.get_details()


def _stream(run, show_output, deadline):
    """Follows one run to its end, printing its logs when asked."""
    view = LogView(run)
    if show_output:
        view.catch_up(LOG_NAMES)
    missed = False
    for line in follow(run._workspace, run.id, show_output, deadline):
        if "log" in line and show_output and line["log"]["run_id"] == run.id:
            view.show(line["log"]["name"], line["log"]["offset"], _bytes(line["log"]))
        elif show_output and line.get("event", {}).get("name") == "requeued" and line["event"]["run_id"] == run.id:
            view.begin_again(line["event"])
        missed = missed or "reconnected" in line
    if show_output and missed:
        view.catch_up(LOG_NAMES)
    view.end_line()


def _closing(run):
    details = run.get_details()
    _reused(details)
    _warnings(details)
    print(details)
    print()
    sys.stdout.flush()


def conclude(dto, raise_on_error):
    """Raises for a run that failed, or prints its error when raising is not wanted. A canceled one ends quietly."""
    if dto["status"] != "Failed":
        return
    text = json.dumps({"error": dto.get("error") or {"code": "Failed", "message": "The run failed."}}, indent=4)
    if not raise_on_error:
        print("Error:")
        print(text)
        return
    from azureml.exceptions import ActivityFailedException

    raise ActivityFailedException(error_details=text)
