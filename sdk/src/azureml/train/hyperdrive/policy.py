"""Policies that end a search's weak children early. Settings only."""

from azureml.core._sections import number
from azureml.exceptions import UserErrorException


class EarlyTerminationPolicy:
    """`to_json` gives the policy as it is sent."""

    def __init__(self, name, properties=None):
        self._name = name
        self._properties = dict(properties or {})

    @property
    def evaluation_interval(self):
        return self._properties.get("evaluation_interval")

    @property
    def delay_evaluation(self):
        return self._properties.get("delay_evaluation")

    def to_json(self):
        return {"name": self._name, "properties": dict(self._properties)}

    def __repr__(self):
        return "{}({})".format(type(self).__name__, self._properties)


class NoTerminationPolicy(EarlyTerminationPolicy):
    def __init__(self):
        EarlyTerminationPolicy.__init__(self, "Default")


class BanditPolicy(EarlyTerminationPolicy):
    """Ends children that fall behind the best by more than the slack."""

    def __init__(self, evaluation_interval=1, slack_factor=None, slack_amount=None, delay_evaluation=0):
        if (slack_factor is None) == (slack_amount is None):
            raise UserErrorException("Give exactly one of slack_factor and slack_amount.")
        slack = {"slack_factor": slack_factor, "slack_amount": slack_amount}
        properties = _timing(evaluation_interval, delay_evaluation)
        properties.update({k: number(v, k, 0, float) for k, v in slack.items() if v is not None})
        EarlyTerminationPolicy.__init__(self, "Bandit", properties)

    @property
    def slack_factor(self):
        return self._properties.get("slack_factor")

    @property
    def slack_amount(self):
        return self._properties.get("slack_amount")


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Ends children whose best is worse than the median of the others."""

    def __init__(self, evaluation_interval=1, delay_evaluation=0):
        EarlyTerminationPolicy.__init__(self, "MedianStopping", _timing(evaluation_interval, delay_evaluation))


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Ends the lowest `truncation_percentage` of the children."""

    def __init__(self, truncation_percentage, evaluation_interval=1, delay_evaluation=0):
        share = number(truncation_percentage, "truncation_percentage", 1)
        if share > 99:
            raise UserErrorException("truncation_percentage must be from 1 to 99, but is {}.".format(share))
        properties = _timing(evaluation_interval, delay_evaluation)
        properties["truncation_percentage"] = share
        EarlyTerminationPolicy.__init__(self, "TruncationSelection", properties)

    @property
    def truncation_percentage(self):
        return self._properties["truncation_percentage"]


def _timing(evaluation_interval, delay_evaluation):
    return {
        "evaluation_interval": number(evaluation_interval, "evaluation_interval", 1),
        "delay_evaluation": number(delay_evaluation, "delay_evaluation", 0),
    }
