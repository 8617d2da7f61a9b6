"""The evidence for or against a variant by the ACMG/AMP guidelines of 2015, and the class that it adds up to.

``criteria.py`` has the codes and their strengths, ``combination.py`` what they add up to, by points and by the
guidelines' own table. Which criteria a variant meets is decided elsewhere.
"""
