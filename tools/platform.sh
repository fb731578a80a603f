#!/usr/bin/env bash
# Prints this machine's platform in the layout of the scijava native library loader, and the library's file name as Cargo
# builds it and as Java loads it.
set -eu
case $(uname -m) in
    x86_64 | amd64) words=64 ;;
    aarch64 | arm64) words=arm64 ;;
    *) words=$(uname -m) ;;
esac
case $(uname -s) in
    Linux) echo "linux_$words libundulator_plugin.so libundulator.so" ;;
    Darwin) echo "osx_$words libundulator_plugin.dylib libundulator.dylib" ;;
    *) echo "windows_$words undulator_plugin.dll undulator.dll" ;;
esac
