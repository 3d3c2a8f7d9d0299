"""The line of keys along the bottom."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding

from tui.panels.words import Words

if TYPE_CHECKING:
    from tui.scene.scene import Scene  # with numpy, for which the curtain does not wait

_WHILE_PLAYING = {"play": "pause"}
_WIDE = 100  # columns; below that all stands close together, and the palette has to be known


class KeyLine(Words):
    """What the most needed keys do, and each of them to be clicked: as many as there is room for, none of them cut.

    Textual's own footer cuts the last one, and is a widget for each key, made anew with each change of the screen.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key"}

    _playing = False

    def show(self, scene: "Scene") -> None:
        """Say of a scene what its keys do now."""
        if scene.playing != self._playing:
            self._playing = scene.playing
            self._show()

    def on_mount(self) -> None:
        """See what the keys are as soon as it is known."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._show())

    def on_resize(self) -> None:
        """Use the room there is."""
        self._show()

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.size:
            return
        active, wide = self.screen.active_bindings, self.size.width >= _WIDE
        line, palette, gap = Text(" ", no_wrap=True), Text(), "  " if wide else " "
        if wide and (known := active.get(self.app.COMMAND_PALETTE_BINDING)):
            palette = Text.assemble(" ", self._key(known.binding), " palette ")
        room = self.size.width - palette.cell_len
        for group in self._groups([one.binding for one in active.values() if one.binding.show]):
            if line.cell_len + group.cell_len > room:
                break
            line.append_text(group).append(gap)
        line.truncate(room, pad=True)
        self.say(line.append_text(palette))

    def _groups(self, bindings: list[Binding]) -> Iterator[Text]:
        """Keys that do something of the same kind, and the words for it."""
        between = " " if self.size.width >= _WIDE else ""
        for words, same in groupby(bindings, lambda binding: binding.description):
            # a binding that has several keys comes once for each
            keys = {binding.action: binding for binding in reversed(list(same))}
            words = _WHILE_PLAYING.get(words, words) if self._playing else words
            yield Text.assemble(Text(between).join(map(self._key, reversed(keys.values()))), " ", words)

    def _key(self, binding: Binding) -> Text:
        click = Style(meta={"@click": f"app.{binding.action}"})
        return Text(self.app.get_key_display(binding), self.get_component_rich_style("key-line--key") + click)
