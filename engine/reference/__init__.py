"""The reference genome and the knowledge that comes with it, as files and values."""
