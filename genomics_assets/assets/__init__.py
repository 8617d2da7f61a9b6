"""The assets, one file a stage, in the order in which data walks through them."""
