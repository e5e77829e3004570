# install_sanitized KIND LIBRARY: installs the package into a new folder, $where, with the extension under a sanitizer.
# It builds in a copy of the sources, so that others may build beside it.
install_sanitized() {
    where=$(mktemp -d)
    trap 'rm -rf "$where"' EXIT
    export PYTEST_DEBUG_TEMPROOT="$where"
    mkdir "$where/sources"
    git ls-files -z | xargs -0 cp --parents -t "$where/sources"
    ALERT_SANITIZE=$1 pip install -q --no-deps --no-build-isolation --target "$where" "$where/sources"
    ldd "$where"/alert/_core*.so | grep "$2" >/dev/null # else it tests nothing
}
