"""What is asked for: the words, the configuration, what it comes to, what was changed on the way, all as a document.

And what every room above needs for it: points and windows (`geometry`), a mistake in one sentence (`errors`), how much
memory there is (`memory`).
"""
