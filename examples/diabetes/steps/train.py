"""Trains one scikit-learn pipeline and writes it down with how well it does on the test rows."""

import argparse
import json
import os
import pickle

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--prepared", required=True)
parser.add_argument("--reg", type=float, required=True, help="regularization rate: larger is simpler")
parser.add_argument("--model", required=True, help="folder to write model.pkl and scores.json to")
args = parser.parse_args()

train = pd.read_csv(os.path.join(args.prepared, "train.csv"))
test = pd.read_csv(os.path.join(args.prepared, "test.csv"))
model = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression(C=1 / args.reg))])
model.fit(train.drop(columns=["Diabetic"]), train["Diabetic"])

chances = model.predict_proba(test.drop(columns=["Diabetic"]))[:, 1]
accuracy = float(((chances > 0.5) == test["Diabetic"]).mean())
auc = float(roc_auc_score(test["Diabetic"], chances))
false_positives, true_positives, _ = roc_curve(test["Diabetic"], chances)

run = Run.get_context()
run.log("regularization", args.reg)
run.log("accuracy", accuracy)
run.log("AUC", auc)
print(f"regularization {args.reg:g}: accuracy {accuracy:.4f}, AUC {auc:.4f}")

os.makedirs(args.model, exist_ok=True)
with open(os.path.join(args.model, "model.pkl"), "wb") as file:
    pickle.dump(model, file)
scores = {
    "regularization": args.reg,
    "accuracy": accuracy,
    "AUC": auc,
    "curve": [false_positives.tolist(), true_positives.tolist()],
}
with open(os.path.join(args.model, "scores.json"), "w") as file:
    json.dump(scores, file)
