#!/usr/bin/env bash
# Prints this machine's platform in the layout of the scijava native library loader, and the library's file name.
set -eu
case $(uname -m) in
    x86_64 | amd64) words=64 ;;
    aarch64 | arm64) words=arm64 ;;
    *) words=$(uname -m) ;;
esac
case $(uname -s) in
    Linux) echo "linux_$words libundulator.so" ;;
    Darwin) echo "osx_$words libundulator.dylib" ;;
    *) echo "windows_$words undulator.dll" ;;
esac
