"""Training configurations: estimators, HyperDrive, AutoML."""
