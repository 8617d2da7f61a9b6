"""Which genes explain what is seen in a person: terms of the Human Phenotype Ontology compared with known diseases.

``sources.py`` reads the ontology's files, ``model.py`` makes them into what can be asked quickly, ``ranking.py`` asks.
"""
