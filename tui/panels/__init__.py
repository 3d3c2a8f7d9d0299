"""The panels of the screen, one a file. Each draws a frozen scene and keeps nothing but how it looks at it.

Beside them: what several panels are made of (`picture`, `plot`, `words`, `chart_panel`, `seeking`, `on_the_ground`,
`glide`, `curve_style`), and the fewer panels of a second race (`companion`).
"""
