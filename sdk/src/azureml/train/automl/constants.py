"""Names that AutoML code shares."""


class Scenarios:
    """Which curated environment a configuration runs in."""

    AUTOML = "AutoML"
    SDK = "SDK"
    SDK_COMPATIBLE = "SDK-1.13.0"
    VISION = "Vision"
    TEXT_DNN = "TextDNN"

    def __init__(self, *args, **kwargs):
        """Holds nothing: the names belong to the class."""
