#!/usr/bin/env bash
# Applies a tiny network to a virtual stack of 20,000 slices that is never in memory, in real ImageJ under a heap of
# 1 GiB, with the result in a file; then does it again, killed ten times on the way, and compares the two files.
# Prints the most memory that ImageJ ever had. Build the plugin first: make
set -euo pipefail
cd "$(dirname "$0")/../.."
mvn --batch-mode --no-transfer-progress --file java-shim/pom.xml verify \
    -Dit.test='LargeStackIT#aStackBeyondTheHeapGoesToAFileAndSurvivesKills' \
    -Dundulator.slices=20000 -Dundulator.edge=256 -Dundulator.heap=1g -Dundulator.kills=10 |
    grep -E '^peak of|Tests run|ERROR|BUILD'
