"""Exchange: a case, a classification or joint calls in the formats by which others read them."""
