"""A step that does nothing but declare and write one file."""

import argparse
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
args = parser.parse_args()
pathlib.Path(args.out).write_text("done")
