#!/usr/bin/env bash
# Undulator and elastix side by side on the battery pair: [UNDULATOR_DATA=FOLDER] ./benches/alignment/run.sh [STARTS]
# The pair is that of tests/data, or that of FOLDER.
# Makes its own virtual environment below target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/alignment-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement benches/alignment/requirements.txt
program=$(cargo bench --bench alignment --no-run --message-format json |
    "$venv/bin/python" -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "alignment":
        print(message["executable"])')
exec "$venv/bin/python" benches/alignment/compare.py "$program" "${1:-4}"
