"""What `./build.sh matrix` takes its nginx from: Debian's releases by their role, or a source tree."""

import os
import subprocess

import pytest

from harness.gateway import ROOT

SCRIPT = """
die() { echo "$*" >&2; exit 1; }
build=$OUT
. tools/tests.sh
need() { :; }
nginx_arguments() { printf '%s\\0' --with-stream=dynamic --with-threads; }
locked() { [ $# -lt 2 ] || { echo "$*" >&2; return 1; }; }
cmd_matrix "$@"
"""


def matrix(folder, *words, tree=""):
    """What is built, by which script with which arguments, of what cannot be built: its status and lines."""
    done = subprocess.run(["bash", "-uo", "pipefail", "-c", SCRIPT, "bash", *words], cwd=ROOT, text=True,
                          capture_output=True, check=False,
                          env={**os.environ, "OUT": str(folder), "NGINX_SRC": tree})
    return done.returncode, done.stderr.splitlines(), done.stdout.splitlines()


RELEASES = [f"t/matrix.sh {release} {compiler}" for release in ("bookworm", "trixie", "sid")
            for compiler in ("gcc", "clang")]


def test_roles_are_debians_releases_of_today(tmp_path):
    assert matrix(tmp_path)[:2] == (1, RELEASES)
    assert matrix(tmp_path, "oldest", "stable", "newest")[1] == RELEASES


@pytest.mark.parametrize(("words", "built"), [
    (["newest-clang"], ["t/matrix.sh sid clang"]),
    (["trixie-gcc", "oldest-gcc"], ["t/matrix.sh trixie gcc", "t/matrix.sh bookworm gcc"]),
    (["forky"], ["t/matrix.sh forky gcc", "t/matrix.sh forky clang"]),
    (["stable-gcc", "--", "-k", "smoke"], ["t/matrix.sh trixie gcc"]),
])
def test_release_and_compiler_can_be_named(tmp_path, words, built):
    assert matrix(tmp_path, *words)[1] == built


def test_tree_is_tried_alone_with_its_stream_module_inside(tmp_path):
    arguments = "--with-stream --with-threads"
    assert matrix(tmp_path, tree="/src/nginx")[1] == [
        f"t/matrix_tree.sh /src/nginx gcc {arguments}", f"t/matrix_tree.sh /src/nginx clang {arguments}"]
    assert matrix(tmp_path, "tree-clang", "newest-gcc", tree="/src/nginx")[1] == [
        f"t/matrix_tree.sh /src/nginx clang {arguments}", "t/matrix.sh sid gcc"]


def test_what_is_not_built_is_a_line_of_the_table(tmp_path):
    status, _, table = matrix(tmp_path, "newest-gcc")
    assert (status, table) == (1, ["sid, gcc: not built"])


def test_tree_without_a_name_is_refused(tmp_path):
    status, said, _ = matrix(tmp_path, "tree")
    assert status == 1 and said == ["set NGINX_SRC to the tree of nginx's sources that is to be tried"]
