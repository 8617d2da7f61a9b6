"""Where it is worth assembling: the activity of each position, and the regions cut from its profile.

Looks at single positions of aligned reads, never at haplotypes. Specification 2-5.
"""
