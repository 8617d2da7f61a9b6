"""The checks of each stage, one file a stage; ``gates.py`` says how a threshold becomes a check."""
