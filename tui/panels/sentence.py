"""The sentence that says what the numbers mean just now."""

from rich.text import Text

from tui.panels.words import Words
from tui.scene.narrate import narrate
from tui.scene.scene import Scene


class Sentence(Words):
    """What the race means at the cursor, in as many words as there is room for."""

    def show(self, scene: Scene) -> None:
        """Say it of a scene."""
        self.say(Text(narrate(scene, max(1, self.size.width))))
