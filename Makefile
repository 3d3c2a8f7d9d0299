.PHONY: check ci picture snapshots

check:  ## what CI runs, in the active environment
	.ci/run --here

ci:  ## the same in a fresh virtual environment, as CI does
	.ci/run

picture:  ## the README's picture
	python scripts/make_picture.py docs/screen.svg

snapshots:  ## accept what the screen looks like now; look at the pictures before committing them
	pytest tests/tui/test_snapshots.py --snapshot-update
