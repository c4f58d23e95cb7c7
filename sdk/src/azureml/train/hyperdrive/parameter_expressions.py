"""Distributions of hyperparameters, as [name, arguments]."""

from azureml.exceptions import UserErrorException


def choice(*options):
    """One of the options; a single list counts as the options."""
    if len(options) == 1 and isinstance(options[0], (list, tuple, range)):
        options = list(options[0])
    if not options:
        raise UserErrorException("choice needs at least one option.")
    return ["choice", [list(options)]]


def randint(upper):
    """A whole number from 0 up to but not including `upper`."""
    return ["randint", [_whole(upper, "upper")]]


def uniform(min_value, max_value):
    return ["uniform", _range(min_value, max_value)]


def quniform(min_value, max_value, q):
    return ["quniform", _range(min_value, max_value) + [_number(q, "q")]]


def loguniform(min_value, max_value):
    """exp(uniform(min_value, max_value))."""
    return ["loguniform", _range(min_value, max_value)]


def qloguniform(min_value, max_value, q):
    return ["qloguniform", _range(min_value, max_value) + [_number(q, "q")]]


def normal(mu, sigma):
    return ["normal", [_number(mu, "mu"), _number(sigma, "sigma")]]


def qnormal(mu, sigma, q):
    return ["qnormal", [_number(mu, "mu"), _number(sigma, "sigma"), _number(q, "q")]]


def lognormal(mu, sigma):
    return ["lognormal", [_number(mu, "mu"), _number(sigma, "sigma")]]


def qlognormal(mu, sigma, q):
    return ["qlognormal", [_number(mu, "mu"), _number(sigma, "sigma"), _number(q, "q")]]


def _range(low, high):
    low, high = _number(low, "min_value"), _number(high, "max_value")
    if low > high:
        raise UserErrorException("min_value ({}) is greater than max_value ({}).".format(low, high))
    return [low, high]


def _number(value, what):
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or hasattr(value, "item")):
        raise UserErrorException("{} must be a number, but is {!r}.".format(what, value))
    return value.item() if hasattr(value, "item") else value


def _whole(value, what):
    value = _number(value, what)
    if not isinstance(value, int) or value < 1:
        raise UserErrorException("{} must be a whole number of 1 or more, but is {!r}.".format(what, value))
    return value
