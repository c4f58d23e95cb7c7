"""Splits the patients into rows to learn from and rows to judge by."""

import argparse
import os

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--patients", help="the dataset's id; the rows come from run.input_datasets")
parser.add_argument("--prepared", required=True, help="folder to write train.csv and test.csv to")
args = parser.parse_args()

run = Run.get_context()
patients = run.input_datasets["patients"].to_pandas_dataframe()
print(f"{len(patients)} rows, {len(patients.columns)} columns")

rows = patients.drop(columns=["PatientID"]).drop_duplicates().sample(frac=1.0, random_state=0)
n_train = int(0.7 * len(rows))
parts = {"train": rows[:n_train], "test": rows[n_train:]}

os.makedirs(args.prepared, exist_ok=True)
for name, part in parts.items():
    part.to_csv(os.path.join(args.prepared, name + ".csv"), index=False)
    run.log_row("rows", part=name, n=len(part), diabetic=round(float(part["Diabetic"].mean()), 4))
    print(f"{name}: {len(part)} rows")
