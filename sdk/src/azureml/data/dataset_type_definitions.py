"""Names for the ways a file may be written."""

from enum import Enum


class PromoteHeadersBehavior(Enum):
    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class FileEncoding(Enum):
    UTF8 = "utf8"
    ISO88591 = "iso88591"
    LATIN1 = "latin1"
    ASCII = "ascii"
    UTF16 = "utf16"
    UTF32 = "utf32"
    UTF8BOM = "utf8bom"
    WINDOWS1252 = "windows1252"


class SkipLinesBehavior(Enum):
    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class HistogramCompareMethod(Enum):
    WASSERSTEIN = 0
    ENERGY = 1


class FileType(Enum):
    GENERIC_CSV = "GenericCSV"
    PARQUET = "Parquet"
    JSON_LINES = "JsonLines"
    ZIP = "Zip"
