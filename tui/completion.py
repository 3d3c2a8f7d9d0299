"""`gdsim --install-completion`, which `cli` names to cyclopts, and nobody waits for."""

from cyclopts.completion.install import create_install_completion_command

from tui.cli import app

install = create_install_completion_command(app.install_completion, add_to_startup=True)
