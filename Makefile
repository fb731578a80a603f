# make dist  builds dist/Undulator_-<version>.jar, the plugin with the native library inside, and the command line dist/undulator
# make quick  as make dist, for a change to the core: it is compiled again in parts, so that the plugin is there in half a minute, and runs slower
# make demo  builds, then runs macros/demo.ijm in ImageJ: demo/undulator-demo.png
# make test  passes all tests
# make test-aarch64  passes the library's own tests on an emulated AArch64, most of all the kernels for NEON
# make test-nvrtc  has NVIDIA's own compilers, from PyPI, compile the kernels of the networks for cards of every kind
# make model  trains the model that comes with the plugin anew: models/sample-cathode.zip
# make reproduction  trains every network of the paper on a simulated pair: reproduction/comparison.csv and its figure
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
PLATFORM := $(word 1, $(shell tools/platform.sh))
BUILT := $(word 2, $(shell tools/platform.sh))
LIBRARY := $(word 3, $(shell tools/platform.sh))
JAR := Undulator_-$(VERSION).jar
MAVEN := mvn --batch-mode --no-transfer-progress --file java-shim/pom.xml
PYTHON := .venv/bin/python
PEERS := .venv/installed
IMAGEJ := demo/ImageJ
RUN_MACRO := xvfb-run --auto-servernum java -Xmx2g -Dplugins.dir=$(IMAGEJ) -cp $(IMAGEJ)/ij.jar ij.ImageJ -batch

# The model that comes with the plugin. What it yields is kept in the repository.
model: imagej
	$(RUN_MACRO) $(CURDIR)/macros/shipped-model.ijm $(CURDIR)/models/
	rm -f models/*.checkpoint

.PHONY: model dist quick demo reproduction imagej test test-aarch64 test-nvrtc build-tools test-tools native lint rust-tests java-tests clean

dist: build-tools native
	$(MAVEN) --quiet package -DskipTests
	mkdir -p dist
	cp java-shim/target/$(JAR) target/release/undulator dist/

quick: CARGO_FLAGS := --config profile.release.package.undulator.incremental=true
quick: dist

build-tools:
	tools/require.sh rust compiler jdk maven

# All of Cargo's work is in the release profile and for the whole workspace, so that Burn is built once for the tests and the plugin:
# alone, the plugin would have dependencies with fewer features.
native: build-tools
	cargo build --release --workspace $(CARGO_FLAGS)
	mkdir -p target/natives/$(PLATFORM)
	cp target/release/$(BUILT) target/natives/$(PLATFORM)/$(LIBRARY)

demo: imagej
	rm -f demo/undulator-demo.png
	$(RUN_MACRO) $(CURDIR)/macros/demo.ijm $(CURDIR)/demo/
	test -s demo/undulator-demo.png

reproduction: imagej
	mkdir -p reproduction
	$(RUN_MACRO) $(CURDIR)/macros/reproduction.ijm $(CURDIR)/reproduction/

# ImageJ with the plugin in its folder.
imagej: dist
	tools/require.sh windows xvfb fonts
	mkdir -p $(IMAGEJ)/plugins
	rm -f $(IMAGEJ)/plugins/Undulator_*
	cp java-shim/target/imagej/ij.jar $(IMAGEJ)/
	cp dist/$(JAR) $(IMAGEJ)/plugins/

test: lint rust-tests java-tests

test-tools: build-tools $(PEERS)
	tools/require.sh windows xvfb fonts imagemagick

# The tests check numbers against scipy, scikit-image and others.
$(PEERS): tests/requirements.txt
	tools/require.sh python
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --requirement tests/requirements.txt
	touch $(PEERS)

lint: build-tools
	cargo fmt --check --all
	cargo clippy --release --workspace --all-targets -- -D warnings
	cargo check --release -p undulator-plugin --no-default-features

rust-tests: test-tools
	UNDULATOR_PYTHON=$(CURDIR)/$(PYTHON) cargo test --release --workspace

java-tests: test-tools native
	$(MAVEN) verify

# Not a part of `make test`: everything is built anew for it.
test-aarch64: build-tools
	tools/require.sh aarch64
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
	cargo test --release -p undulator-compute -p undulator-onnx -p undulator --target aarch64-unknown-linux-gnu --lib

# Not a part of `make test`: it takes most of an hour on two cores, and the compilers are large. EVERY=20 tries each 20th kernel.
test-nvrtc: build-tools
	tools/require.sh python
	python3 -m venv target/nvrtc
	target/nvrtc/bin/python -m pip install --quiet --requirement crates/gpu/tests/cuda/requirements.txt
	target/nvrtc/bin/python crates/gpu/tests/cuda/nvrtc.py $(EVERY)

clean:
	rm -rf dist demo reproduction java-shim/target target .venv
