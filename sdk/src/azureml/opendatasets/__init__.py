"""Azure Open Datasets: the names import and construct; reading one says what to do, because its bytes lie in Azure."""

import azureml._sentinel  # noqa: F401


def _refuse(name, call):
    from azureml.exceptions import UserErrorException

    raise UserErrorException(
        "{name}.{call}: Azure Open Datasets are not part of Penstock, and {name} was not downloaded. Download its files once "
        "(https://learn.microsoft.com/azure/open-datasets), put them on a datastore (penstock datastore upload), and read "
        "them with Dataset.Tabular.from_parquet_files((datastore, 'path')) or Dataset.File.from_files.".format(
            name=name, call=call
        ),
        code="NotSupported",
    )


class _OpenDataset:
    """What was asked for is kept; nothing is fetched."""

    def __init__(self, *args, **kwargs):
        self._args = args
        self._options = dict(kwargs)

    def to_pandas_dataframe(self):
        _refuse(type(self).__name__, "to_pandas_dataframe")

    def to_spark_dataframe(self):
        _refuse(type(self).__name__, "to_spark_dataframe")

    @classmethod
    def get_tabular_dataset(cls, *args, **kwargs):
        _refuse(cls.__name__, "get_tabular_dataset")

    @classmethod
    def get_file_dataset(cls, *args, **kwargs):
        _refuse(cls.__name__, "get_file_dataset")

    def __repr__(self):
        return "{}({})".format(type(self).__name__, ", ".join("{}={!r}".format(k, v) for k, v in self._options.items()))


class _OfTime(_OpenDataset):
    """Rows between two moments."""

    def __init__(self, start_date=None, end_date=None, cols=None, *args, **kwargs):
        _OpenDataset.__init__(self, *args, start_date=start_date, end_date=end_date, cols=cols, **kwargs)
        self.start_date = start_date
        self.end_date = end_date
        self.cols = cols


class NycTlcGreen(_OfTime):
    """New York's green taxis."""


class NycTlcYellow(_OfTime):
    """New York's yellow taxis."""


class NycTlcFhv(_OfTime):
    """New York's for-hire vehicles."""


class NoaaIsdWeather(_OfTime):
    """Hourly weather of the world's stations."""


class NoaaGfsWeather(_OfTime):
    """Weather forecasts."""


class PublicHolidays(_OfTime):
    """Public holidays by country."""


class MNIST(_OpenDataset):
    """Handwritten digits."""


class Diabetes(_OpenDataset):
    """442 patients: scikit-learn's load_diabetes has the same rows."""


class OjSalesSimulated(_OpenDataset):
    """Simulated sales of orange juice."""
