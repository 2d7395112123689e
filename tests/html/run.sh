#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The HTML report in a browser. Usage: run.sh SOURCE MAKE_PAGE NODE_FOLDER SKIPJOULE [few]; few: at the narrowest and at one other size, for builds whose pages are the same; works in the current folder. Exit 77, which counts as skipped, where something is missing that is not part of the project.
set -euo pipefail
source=$1 make_page=$2 skipjoule=$4
export SJ_NODE_FOLDER=$3

skip() {
  echo "skipped: $1"
  exit 77
}
command -v node > /dev/null || skip "no node (Debian: nodejs)"
command -v npm > /dev/null || skip "no npm (Debian: npm)"
SJ_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no chromium"
export SJ_CHROMIUM

# Installed beside its place, so that what an interrupted npm leaves is not taken for the whole.
if ! cmp -s "$source/tests/html/package-lock.json" "$SJ_NODE_FOLDER/package-lock.json" || ! [ -d "$SJ_NODE_FOLDER/node_modules/playwright-core" ]; then
  new=$SJ_NODE_FOLDER.new
  rm -rf "$new"
  mkdir -p "$new"
  cp "$source/tests/html/package.json" "$source/tests/html/package-lock.json" "$new"
  if ! (cd "$new" && npm ci --no-audit --no-fund --fetch-retries=1 > npm.log 2>&1); then
    skip "npm ci could not fetch playwright-core: $(grep -m1 -i 'error' "$new/npm.log" || tail -1 "$new/npm.log")"
  fi
  rm -rf "$SJ_NODE_FOLDER"
  mv "$new" "$SJ_NODE_FOLDER"
fi

for kind in plain nasty one; do
  mkdir -p $kind
  status=0
  "$make_page" $kind $kind || status=$?
  [ $status -ne 77 ] || skip "this build has no Vega (Debian: libjs-vega)"
  [ $status -eq 0 ] || exit $status
done
source "$source/tests/html/real_pages.sh"
node "$source/tests/html/test_page.mjs" ${5:-all} plain nasty one runs whole sweep
