"""Lays the two models side by side and registers the better one."""

import argparse
import json
import os

from matplotlib.figure import Figure

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--models", nargs="+", required=True, help="folders with model.pkl and scores.json")
args = parser.parse_args()

found = []
for folder in args.models:
    with open(os.path.join(folder, "scores.json")) as file:
        found.append({"folder": folder, **json.load(file)})

run = Run.get_context()
run.log_table("models", {key: [m[key] for m in found] for key in ("regularization", "accuracy", "AUC")})

figure = Figure(figsize=(5, 4))
axes = figure.add_subplot(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
for model in found:
    axes.plot(*model["curve"], label="regularization {regularization:g} (AUC {AUC:.4f})".format(**model))
axes.plot([0, 1], [0, 1], "k:", label="guessing")
axes.legend(loc="lower right")
figure.savefig("outputs/roc.png")
run.log_image("ROC", plot=figure)

best = max(found, key=lambda model: model["AUC"])
print("better: regularization {regularization:g}, AUC {AUC:.4f}".format(**best))
run.parent.log("best AUC", best["AUC"])
run.upload_file("outputs/model.pkl", os.path.join(best["folder"], "model.pkl"))
run.register_model(
    model_name="diabetes-classifier",
    model_path="outputs/model.pkl",
    description="Tells the diabetic patients from the others",
    tags={"regularization": best["regularization"]},
    properties={"AUC": best["AUC"], "accuracy": best["accuracy"]},
)

with open("outputs/comparison.csv", "w") as file:
    file.write("regularization,accuracy,AUC\n")
    file.writelines("{regularization},{accuracy},{AUC}\n".format(**model) for model in found)
