"""Find the grid behind columns that were shuffled, or say that there is none.

``recover`` is the entrance; read on in this order: ``columns`` (values made comparable, constant ones set aside),
``affinity`` (which columns belong side by side), ``growth`` (a lattice grown from four columns), ``likelihood`` (how
well neighbours explain each other, the yardstick of everything below), ``swaps`` (small repairs), ``search`` (many
growths, then ruin and rebuild), ``shapes`` (height and width where nobody says them), ``seriation`` (a line),
``colour`` and ``channels`` (several columns per cell), ``leftovers`` (columns that hardly vary go last) and ``belief``
(whether two halves of the rows tell the same story).
"""
