#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one command-line test in an empty folder, removed afterwards.
set -uo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" && bash "$1"
