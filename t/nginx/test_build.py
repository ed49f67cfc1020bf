"""The module for an nginx that others have built: with modules of their own inside, with compiler
options, from a checkout of the repository."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import checker
from harness import gateway as gateway_parts
from harness.backends import EchoBackend
from harness.gateway import ROOT
from harness.raw import BINARY

BUILD = Path(os.environ.get("WS_BUILD", ROOT / "build"))
SOURCES = BUILD / "nginx-debian"

# Of a fork: modules inside it change its structures, and the signature does not tell.
CHANGED_STRUCTURES = {
    "src/http/ngx_http_request.h": (
        "    void                            **ctx;\n",
        "#if (FORK_REQUEST)\n    ngx_uint_t fork[8];\n#endif\n"),
    "src/core/ngx_connection.h": (
        "struct ngx_connection_s {\n",
        "#if (FORK_CONNECTION)\n    void *fork[3];\n#endif\n"),
}

# In its headers stands what is right C, and what our own code may not have.
LENIENT = """
static ngx_inline const char *
fork_last(const char *name, int size)
{
    int         length = (int) ngx_strlen(name);
    ngx_uint_t  count = size * length;
    u_char      low = count;
    char       *base = "no name";

    if (size) {
        int  length = (int) size;
        union { int a; struct { short b; short c; }; } both = { length };

        return both.a > low ? strrchr((const char *) name, '/') : base;
    }

    return name;
}
"""


class Nginx:
    """An nginx that only says how it was configured, and the tree where that was done."""

    def __init__(self, folder, arguments):
        self.tree = folder / "tree"
        self.tree.mkdir()
        self._program = folder / "nginx"
        self.said = " ".join(arguments)
        self._program.write_text("#!/bin/sh\ncat >&2 <<'END'\nnginx version: nginx/1.22.1\n"
                                 f"configure arguments: {self.said}\nEND\n")
        self._program.chmod(0o755)

    def ask(self, function, *words):
        """What a function of tools/nginx.sh says, as bytes, and its error."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c",
             'die() { echo "$*" >&2; exit 1; }; . tools/nginx.sh; "$@"', "bash", function, *words],
            cwd=ROOT, capture_output=True, check=False,
            env={**os.environ, "nginx": str(self._program), "NGINX_SRC": str(self.tree)})
        return done.stdout, done.stderr.decode()

    def arguments(self):
        return self.ask("nginx_arguments")[0].decode().split("\0")[:-1]

    def leave_objects(self, said=None, folder="objs"):
        """What its configure has written."""
        objects = self.tree / folder
        objects.mkdir()
        (objects / "ngx_auto_config.h").write_text(
            f'#define NGX_CONFIGURE " {said or self.said}"\n#define FORK 1\n')
        (objects / "ngx_auto_headers.h").write_text("#define NGX_HAVE_FORK_H 1\n")


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def make_static_module(folder):
    folder.mkdir(parents=True)
    (folder / "config").write_text("ngx_addon_name=fork\nhave=FORK_REQUEST . auto/have\n")
    return folder


# --- the words it was configured with


def test_paths_lead_from_the_tree_of_nginx(tmp_path):
    nginx = Nginx(tmp_path, ["--with-zlib=../zlib", "--with-openssl=ssl", "--prefix=relative"])
    (tmp_path / "zlib").mkdir()
    (nginx.tree / "ssl").mkdir()
    assert nginx.arguments() == [f"--with-zlib={tmp_path}/zlib",
                                 f"--with-openssl={nginx.tree}/ssl", "--prefix=relative"]


def test_library_that_is_gone_is_named(tmp_path):
    _, error = Nginx(tmp_path, ["--with-zlib=../zlib"]).ask("nginx_arguments")
    assert f"--with-zlib={tmp_path}/zlib, which is not there" in error


def test_static_modules_are_kept_and_loadable_ones_left_out(tmp_path):
    nginx = Nginx(tmp_path, ["--add-module=modules/one", "--add-dynamic-module=modules/two",
                             "--with-stream=dynamic", "--with-http_geoip_module=dynamic",
                             "--with-mail", "--builddir=out", "--with-ld-opt=-s"])
    make_static_module(nginx.tree / "modules" / "one")
    assert nginx.arguments() == [f"--add-module={nginx.tree}/modules/one", "--with-stream=dynamic",
                                 "--with-mail"]


def test_static_module_that_is_gone_is_refused(tmp_path):
    said, error = Nginx(tmp_path, ["--add-module=../gone", "--with-threads"]).ask("nginx_arguments")
    assert f"--add-module={tmp_path}/gone, which is not there" in error
    assert "ngx_auto_config.h" in error
    assert b"threads" not in said


def test_static_module_that_is_gone_is_left_out_where_its_macros_are_known(tmp_path):
    nginx = Nginx(tmp_path, ["--add-module=../gone", "--with-threads"])
    nginx.leave_objects()
    assert nginx.arguments() == ["--with-threads"]


@pytest.mark.parametrize("builddir", ["objs", "elsewhere"])
def test_macros_are_those_that_nginx_was_compiled_with(tmp_path, builddir):
    nginx = Nginx(tmp_path, ["--with-threads", f"--builddir={builddir}",
                             r"""--with-cc-opt='-DNAME=\"x\" -O2'"""])
    nginx.leave_objects(folder=builddir)
    nginx.ask("take_macros_of_nginx", str(tmp_path))
    assert "#define FORK 1" in (tmp_path / "ngx_auto_config.h").read_text()
    assert "NGX_HAVE_FORK_H" in (tmp_path / "ngx_auto_headers.h").read_text()


def test_macros_of_another_nginx_are_not_taken(tmp_path):
    nginx = Nginx(tmp_path, ["--with-threads"])
    nginx.leave_objects("--with-threads --with-debug")
    nginx.ask("take_macros_of_nginx", str(tmp_path))
    assert not (tmp_path / "ngx_auto_config.h").exists()


def test_compiler_options_that_change_headers_are_kept(tmp_path):
    nginx = Nginx(tmp_path, ["--with-cc-opt='-O2 -DONE=1 -I ../include -Iinner -D TWO -flto -m64"
                             " -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -Wno-pointer-sign"
                             " -fshort-enums -include fork.h -I/absolute'"])
    said, _ = nginx.ask("header_options")
    assert said.decode().split() == [
        "-DONE=1", "-I", f"{tmp_path}/include", f"-I{nginx.tree}/inner", "-D", "TWO", "-m64",
        "-fshort-enums", "-include", "fork.h", "-I/absolute"]


@pytest.mark.parametrize("option, files", [
    ("zlib", ["libz.a"]),
    ("pcre", ["pcre.h", ".libs/libpcre.a"]),
    ("pcre", ["src/pcre2.h", ".libs/libpcre2-8.a"]),
    ("openssl", [".openssl/include/openssl/ssl.h", ".openssl/lib/libssl.a",
                 ".openssl/lib/libcrypto.a"]),
])
def test_libraries_of_nginx_are_not_made_anew(tmp_path, option, files):
    nginx = Nginx(tmp_path, [])
    library = nginx.tree / "library"
    made = [library / file for file in files]
    for file in made:
        file.parent.mkdir(parents=True, exist_ok=True)
    if "pcre2" in files[0]:
        (library / "src" / "pcre2.h.generic").touch()
    ask = ("libraries_as_they_are", f"--with-{option}={library}", "--with-debug")
    assert f"there is no {made[0]}" in nginx.ask(*ask)[1]
    for file in made:
        file.touch()
    assert nginx.ask(*ask)[0].decode().split("\0")[:-1] == [f"--assume-old={file}" for file in made]


def test_folder_without_sources_is_named(tmp_path):
    _, error = Nginx(tmp_path, []).ask("copy_nginx_tree", str(tmp_path), str(tmp_path / "copy"))
    assert f"{tmp_path} has no sources of nginx" in error


@pytest.mark.skipif(bool(checker.CHECKER), reason="looks at no nginx that runs")
@pytest.mark.time_limit(600)
def test_compdb_knows_each_source_and_what_it_is_compiled_with():
    folders = ("module", "ngx_ws_filter", "t", "demo")
    sources = {str(path) for folder in folders for path in (ROOT / folder).rglob("*.cpp")}
    built_for = {"NGINX": gateway_parts.NGINX} if os.environ.get("NGINX_SRC") else {}
    listed = run("./build.sh", "compdb", cwd=ROOT,
                 env={**os.environ, **built_for, "BUILD": str(BUILD)})
    entries = json.loads(Path(listed.split()[-1]).read_text())
    assert {entry["file"] for entry in entries} == sources
    for entry in entries:
        assert "-std=c++20" in entry["arguments"], entry


# --- a whole nginx


def checkout(tree):
    """A tree as the repository of a fork has it: configure is in auto/."""
    fetched = subprocess.run(["flock", BUILD / "fetch.lock", "t/fetch_nginx.sh", SOURCES],
                             cwd=ROOT, capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        pytest.skip(f"no sources of nginx: {fetched.stderr}")
    for part in ("auto", "conf", "src"):
        shutil.copytree(SOURCES / "src" / part, tree / part)
    shutil.copy(SOURCES / "src" / "configure", tree / "auto" / "configure")
    for name, (before, more) in CHANGED_STRUCTURES.items():
        header = tree / name
        text = header.read_text()
        assert text.count(before) == 1
        header.write_text(text.replace(before, before + more))
    log = tree / "src" / "core" / "ngx_log.h"
    end = "\n#endif /* _NGX_LOG"
    log.write_text(log.read_text().replace(end, LENIENT + end))
    return tree


def make_zlib(folder):
    """The system's, as a tree that nginx's Makefile can make it in."""
    folder.mkdir()
    for header in ("zlib.h", "zconf.h"):
        include = Path("/usr/include")
        shutil.copy(next(iter([*include.glob(header), *include.glob(f"*/{header}")])), folder)
    [library] = Path("/usr/lib").glob("*/libz.a")
    (folder / "Makefile").write_text(f"distclean:\n\trm -f libz.a\nlibz.a:\n\tcp {library} .\n")
    (folder / "configure").write_text("#!/bin/sh\n")
    (folder / "configure").chmod(0o755)


@pytest.mark.skipif(bool(checker.CHECKER), reason="runs an nginx of its own")
@pytest.mark.time_limit(900)
def test_module_fits_a_fork_whose_modules_change_its_structures(tmp_path, monkeypatch, gateway,
                                                               backend, raw):
    tree = checkout(tmp_path / "fork")
    make_zlib(tmp_path / "zlib")
    make_static_module(tree / "modules" / "fork")
    run("auto/configure", "--with-compat", "--without-pcre", "--without-http_rewrite_module",
        "--add-module=modules/fork", "--with-cc-opt=-O0 -DFORK_CONNECTION=1", "--with-zlib=../zlib",
        cwd=tree)
    run("make", "-s", "-j2", "-f", "objs/Makefile", "objs/nginx", cwd=tree)
    library = (tmp_path / "zlib" / "libz.a").stat().st_mtime_ns

    nginx = tree / "objs" / "nginx"
    said = run("./build.sh", "build", cwd=ROOT,
               env={**os.environ, "NGINX": str(nginx), "NGINX_SRC": str(tree),
                    "BUILD": str(tmp_path / "build")})
    monkeypatch.setattr(gateway_parts, "NGINX", str(nginx))
    monkeypatch.setattr(gateway_parts, "LOAD_MODULE", f"load_module {said.split()[-1]};")
    front = gateway(f"location / {{ ws_pass {backend(EchoBackend).address}; }}")
    client = raw(front.port)
    client.open("/")
    client.send_frame(BINARY, b"through the fork")
    assert client.read_data(16) == b"through the fork"
    assert (tmp_path / "zlib" / "libz.a").stat().st_mtime_ns == library
