"""Builds the Debian package in a clean tree of each release, and lives with it in another one: it is
installed, used, upgraded beside a running session, removed and purged. The steps by hand of
docs/install.md are taken too. As root: try_packages.py OUT SOURCE [RELEASE...]; SOURCE is the folder
that `./build.sh deb` builds from."""

import os
import re
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "t"), str(ROOT / "t" / "harness"), str(ROOT / "packaging")]

from harness.backends import EchoBackend  # noqa: E402
from harness.gateway import free_port  # noqa: E402
from harness.raw import BINARY, RawClient  # noqa: E402
from tree import RELEASES, Tree  # noqa: E402

PACKAGE = "libnginx-mod-http-ws"
LINK = "/etc/nginx/modules-enabled/50-mod-http-ws.conf"
MODULE = "/usr/lib/nginx/modules/ngx_http_ws_module.so"
SITE = "/etc/nginx/sites-enabled/default"


def wait_until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def step(tree, text):
    print(f"{tree.release}: {text}", flush=True)


# --- building


def build(tree, source, out):
    """The package of the version in `source` and one of a higher revision, built in the tree."""
    tree.install("build-essential", "debhelper", "nginx-dev", "libssl-dev", "zlib1g-dev", "lintian")
    versions = []
    for revision in ("1", "2"):
        shutil.copytree(source, tree.inside("/srv/tree"))
        changelog = tree.inside("/srv/tree/debian/changelog")
        changelog.write_text(changelog.read_text().replace("-1)", f"-{revision})", 1))
        tree.run("sh", "-c", "cd /srv/tree && dpkg-buildpackage -us -uc -b")
        shutil.rmtree(tree.inside("/srv/tree"))
        versions.append(re.search(r"\((.*?)\)", source_changelog(source))[1][:-1] + revision)
    tree.run("sh", "-c", "lintian --fail-on error,warning"
             " --suppress-tags initial-upload-closes-no-bugs /srv/*-1_*.changes")
    out.mkdir(exist_ok=True)
    return [shutil.copy(next(tree.inside("/srv").glob(f"{PACKAGE}_{version}_*.deb")), out)
            for version in versions]


def source_changelog(source):
    return (source / "debian" / "changelog").read_text()


# --- using


class Nginx:
    """The tree's nginx, started by its init script, on a port of loopback."""

    def __init__(self, tree, port):
        self.tree, self.port = tree, port

    def site(self, text):
        self.tree.write(SITE, f"server {{ listen 127.0.0.1:{self.port}; {text} }}\n")

    def __enter__(self):
        self.site("location / { return 204; }")
        self.tree.run("service", "nginx", "start")
        wait_until(self.workers, "nginx's workers")
        return self

    def __exit__(self, *_):
        self.tree.run("service", "nginx", "stop", check=False)

    def workers(self):
        """Those that take new connections."""
        pid = self.tree.read("/run/nginx.pid").strip()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {child for child in children
                if "shutting down" not in Path(f"/proc/{child}/cmdline").read_text()}

    def replaced(self, before):
        """Whether there are new workers, and none of the old ones takes new connections."""
        now = self.workers()
        return now and not now & before

    def reload(self):
        before = self.workers()
        self.tree.run("nginx", "-s", "reload")
        wait_until(lambda: self.replaced(before), "new workers")

    def log(self):
        return self.tree.read("/var/log/nginx/error.log")


def exchange(client, data):
    client.send_frame(BINARY, data)
    assert client.read_data(len(data)) == data


def use(nginx, echo):
    """A session that stays open."""
    nginx.site(f"location / {{ ws_pass {echo.address}; }}")
    nginx.reload()
    client = RawClient(nginx.port)
    client.open("/")
    exchange(client, b"hello")
    return client


def copy_in(tree, package):
    """Below the name of its release: packages of two releases have the same name."""
    name = f"/root/{os.path.basename(os.path.dirname(package))}/{os.path.basename(package)}"
    tree.inside(name).parent.mkdir(exist_ok=True)
    shutil.copy(package, tree.inside(name))
    return name


def live_with(tree, packages, foreign):
    """Installs, uses, upgrades, removes and purges; `foreign` are packages of other releases."""
    tree.install("nginx")
    tree.allow_services(True)
    first, second = [copy_in(tree, package) for package in packages]
    with EchoBackend() as echo, Nginx(tree, free_port()) as nginx:
        for package in foreign:
            step(tree, f"apt refuses {os.path.basename(os.path.dirname(package))}'s package")
            status, said = tree.run("apt-get", "install", "-y", copy_in(tree, package), check=False)
            assert status != 0 and "nginx-abi" in said, said

        step(tree, "installed, loaded by the trigger's reload")
        before = nginx.workers()
        tree.install(first)
        assert tree.inside(MODULE).exists() and os.path.islink(tree.inside(LINK))
        wait_until(lambda: nginx.replaced(before), "the reload")
        for name in ("docs/install.md", "README.md", "copyright"):
            assert tree.inside(f"/usr/share/doc/{PACKAGE}/{name}").exists(), name
        client = use(nginx, echo)

        step(tree, "upgraded beside a running session")
        before = nginx.workers()
        tree.install(second)
        wait_until(lambda: nginx.replaced(before), "the reload")
        exchange(client, b"still there")
        with RawClient(nginx.port) as another:
            another.open("/")
            exchange(another, b"and anew")
        client.close()

        step(tree, "removed and purged")
        nginx.site("location / { return 204; }")
        nginx.reload()
        tree.run("apt-get", "-qq", "purge", "-y", PACKAGE)
        left = [path for path in tree.inside("/etc/nginx").rglob("*http-ws*")]
        assert not left and not tree.inside(MODULE).exists(), left
        tree.run("nginx", "-t")
        assert "exited on signal" not in nginx.log(), nginx.log()


# --- by hand


def blocks_of(page, heading):
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)[1]
    return re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)


def install_by_hand(tree, source):
    """Whatever docs/install.md says, as root and without systemd."""
    shutil.copytree(source, tree.inside("/root/ngx_ws_filter"))
    tree.run("apt-get", "-qq", "install", "-y", "--no-install-recommends", "nginx")
    tree.write(SITE, f"server {{ listen 127.0.0.1:{free_port()}; }}\n")
    tree.allow_services(True)
    page = (ROOT / "docs" / "install.md").read_text()
    blocks = blocks_of(page, "By hand into Debian's nginx")
    assert len(blocks) >= 3
    for block in blocks:
        script = block.replace("sudo ", "").replace("systemctl restart nginx",
                                                    "service nginx restart")
        script = script.replace("systemctl reload nginx", "service nginx reload")
        script = script.replace("apt-get install", "apt-get -qq install -y --no-install-recommends")
        tree.run("bash", "-euc", f"cd /root/ngx_ws_filter\n{script}")
    step(tree, "installed and updated by hand")
    port = free_port()
    with EchoBackend() as echo:
        nginx = Nginx(tree, port)
        use(nginx, echo).close()
        assert "exited on signal" not in nginx.log(), nginx.log()
        tree.run("service", "nginx", "stop")


def main():
    out, source = Path(sys.argv[1]), Path(sys.argv[2])
    releases = sys.argv[3:] or list(RELEASES)
    out.mkdir(parents=True, exist_ok=True)
    built = {}
    for release in releases:
        with Tree(release, "build", out) as tree:
            step(tree, f"builds with nginx {tree_nginx(tree)}")
            built[release] = build(tree, source, out / f"{release}-packages")
    for release in releases:
        foreign = [packages[0] for other, packages in built.items() if other != release]
        with Tree(release, "use", out) as tree:
            live_with(tree, built[release], foreign)
        with Tree(release, "hand", out) as tree:
            install_by_hand(tree, source)
    print("passed: " + ", ".join(RELEASES.get(release, release) for release in releases))


def tree_nginx(tree):
    return re.search(r"Version: (\S+)", tree.run("apt-cache", "show", "nginx")[1])[1]


if __name__ == "__main__":
    main()
