"""Work that is done on other machines: given out, looked after, and given out again where a machine is lost.

What the work computes is its own module's business; nothing here knows genomes. :mod:`.work` is the contract,
:mod:`.perform` the process that any machine starts, :mod:`.slurm` and :mod:`.dask_cluster` are who starts it,
:mod:`.named` chooses between them. Every machine sees the files under the same paths, and has the same release.
"""
