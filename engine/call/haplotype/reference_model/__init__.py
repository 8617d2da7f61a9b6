"""How surely each position without a call is reference. Specification 14.1-14.4."""
