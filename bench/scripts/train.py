"""Clean rows in, a model out."""

import argparse
import pickle

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--rows", required=True)
parser.add_argument("--out", required=True)
args = parser.parse_args()
rows = pd.read_csv(args.rows)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows.drop(columns=["Diabetic"]), rows["Diabetic"])
with open(args.out, "wb") as file:
    pickle.dump(model, file)
