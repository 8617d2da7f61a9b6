"""Dashboards: what a lab head sees of all cases together, for Power BI and for the portal, out of one snapshot.

:mod:`.columns` states the snapshot's tables, :mod:`.measures` what is counted in them, :mod:`.pages` where it is shown.
A Power BI project (:mod:`.power_bi`) and the portal's charts (:mod:`.vega_lite`) are made of these three.
"""
