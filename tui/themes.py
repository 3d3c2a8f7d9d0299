"""The themes of gdsim's own, beside Textual's, and the app that has them."""

from dataclasses import replace

from textual.app import App
from textual.color import Color
from textual.theme import Theme

from tui.draw.palette import DARK, DARK_256, LIGHT, LIGHT_256, Palette

_TROUBLE = "#c03030"  # of no run


def _theme(name: str, palette: Palette, *, dark: bool, surface: str, panel: str) -> Theme:
    return Theme(
        name=name,
        primary=f"#{palette.runs[0]:06x}",
        secondary=f"#{palette.runs[1]:06x}",
        error=_TROUBLE,
        accent=f"#{palette.runs[2]:06x}",
        foreground=f"#{palette.text:06x}",
        background=f"#{palette.background:06x}",
        surface=surface,
        panel=panel,
        dark=dark,
    )


THEMES = (
    _theme("gdsim-dark", DARK, dark=True, surface="#12151d", panel="#222a36"),
    _theme("gdsim-light", LIGHT, dark=False, surface="#f4f4f4", panel="#dde3ea"),
)


def palette_of(theme: Theme, color_system: str | None) -> Palette:
    """The colours for what is drawn under a theme, on a terminal with rich's name for the colours it can show."""
    few = color_system in ("256", "standard")
    palette = (DARK_256 if few else DARK) if theme.dark else (LIGHT_256 if few else LIGHT)
    background = Color.parse(theme.background or "ansi_default")
    if background.ansi is not None:  # the terminal's own, which nobody knows
        return palette
    return replace(palette, background=int(background.hex6[1:], 16))


class ThemedApp(App[None]):
    """An app in our own themes, of which the first is the usual one."""

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:
        """See `App`, which calls it also as it starts: the style sheet was parsed just now, in the same colours."""
        if self.get_css_variables() != self.stylesheet._variables:
            super().refresh_css(animate)
