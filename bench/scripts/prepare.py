"""Rows in, clean rows out."""

import argparse
import pathlib

import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
args = parser.parse_args()
rows = pd.read_csv(args.data).drop(columns=["PatientID"]).drop_duplicates()
pathlib.Path(args.out).parent.mkdir(parents=True, exist_ok=True)
rows.to_csv(args.out, index=False)
