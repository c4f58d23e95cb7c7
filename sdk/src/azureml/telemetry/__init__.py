"""Telemetry: Penstock sends none. The switches exist because existing code sets them."""


def set_diagnostics_collection(send_diagnostics=True, verbosity=None):
    """Nothing: no diagnostics are collected, whatever is asked for."""


def get_diagnostics_collection_info(*args, **kwargs):
    """(False, None): nothing is collected."""
    return False, None


def is_diagnostics_collection_info_available():
    return False


def get_telemetry_log_handler(*args, **kwargs):
    """A logging handler that drops what it gets."""
    import logging

    return logging.NullHandler()
