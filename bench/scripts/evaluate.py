"""Rows and a model in, one number out."""

import argparse
import pathlib
import pickle

import pandas as pd
from sklearn.metrics import roc_auc_score

parser = argparse.ArgumentParser()
parser.add_argument("--rows", required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--out", required=True)
args = parser.parse_args()
rows = pd.read_csv(args.rows)
with open(args.model, "rb") as file:
    model = pickle.load(file)
score = roc_auc_score(rows["Diabetic"], model.predict_proba(rows.drop(columns=["Diabetic"]))[:, 1])
pathlib.Path(args.out).write_text(f"{score:.4f}")
