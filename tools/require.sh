#!/usr/bin/env bash
# Checks for the tools named on the command line. What a Debian package brings is installed when root runs this;
# all else that is missing is named, with what to do, and the check fails.
#   tools/require.sh rust jdk maven xvfb imagemagick python
set -u

java_home() {
    dirname "$(dirname "$(readlink -f "$(command -v java)")")"
}

# name | how to see that it is there | Debian package | what to do without one
described() {
    case $1 in
        rust) echo 'cargo fmt --version && cargo clippy --version|-|Rust 1.92 or newer with rustfmt and clippy (from rustup)' ;;
        compiler) echo 'cc --version && g++ --version|gcc g++ libc6-dev|a C compiler for linking, and g++ for the emulated GPU of the tests' ;;
        jdk) echo 'javac --version|openjdk-17-jdk|a Java development kit, 17 or newer' ;;
        maven) echo 'mvn --version|maven|Maven 3.8 or newer' ;;
        xvfb) echo 'command -v Xvfb && command -v xvfb-run && command -v xauth|xvfb xauth|the virtual screen Xvfb' ;;
        windows) echo 'test -e "$(java_home)/lib/libawt_xawt.so"|openjdk-17-jre|a Java that can open windows' ;;
        imagemagick) echo 'command -v compare|imagemagick|ImageMagick' ;;
        python) echo 'python3 -c "import ensurepip, venv"|python3 python3-venv|Python 3 with venv' ;;
        aarch64) echo 'aarch64-linux-gnu-gcc --version && qemu-aarch64 --version|gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user|the compiler and emulator for AArch64 (and: rustup target add aarch64-unknown-linux-gnu)' ;;
        fonts) echo 'test -n "$(fc-list)"|fontconfig fonts-dejavu-core|a font' ;;
        *) echo "false|-|the unknown tool $1" ;;
    esac
}

packages=() missing=()
for name in "$@"; do
    IFS='|' read -r check package advice <<< "$(described "$name")"
    eval "$check" > /dev/null 2>&1 && continue
    if [ "$package" != - ] && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        read -r -a needed <<< "$package"
        packages+=("${needed[@]}")
    else
        hint=$([ "$package" = - ] || echo " (Debian and Ubuntu: apt-get install $package)")
        missing+=("$advice$hint")
    fi
done

if [ ${#packages[@]} -gt 0 ]; then
    echo "Installing ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null \
        || missing+=("the Debian packages ${packages[*]}, which apt-get could not install")
fi
for advice in ${missing[@]+"${missing[@]}"}; do
    echo "Missing: $advice" >&2
done
[ ${#missing[@]} -eq 0 ]
