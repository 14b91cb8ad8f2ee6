"""One module a study; see `monkeyvl.ablation.study`."""
