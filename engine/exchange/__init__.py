"""Exchange: a case or a classification in the formats by which laboratories and registries tell each other of them."""
