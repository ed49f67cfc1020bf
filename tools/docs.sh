# shellcheck shell=bash
# The documentation as HTML. Read by build.sh.

cmd_docs() {
    need build test docs
    locked build_module
    locked install_node_packages
    run_suite "$nginx" "$module" -q t/settings/test_readme.py t/settings/test_examples.py
    /usr/bin/python3 -B tools/docs.py "$root/build/docs/pages"
    mkdocs build --quiet --strict --clean
    echo "$root/build/docs/html/index.html"
}
