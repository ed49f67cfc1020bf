"""A clean tree of a Debian release, made with debootstrap, in which commands run by chroot."""

import os
import shutil
import subprocess
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian unstable"}

# What invoke-rc.d asks before a package starts or reloads a service. Where there is neither an init
# system nor an answer it does nothing.
POLICY = "#!/bin/sh\nexit {}\n"
ALLOWED, FORBIDDEN = 0, 101

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def make_base(release, folder):
    """The untouched tree of a release as a tarball, which is made once."""
    tarball = folder / f"{release}.tar"
    if not tarball.exists():
        fresh = folder / f"{release}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", release, str(fresh), MIRROR],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["tar", "-C", str(fresh), "-cf", f"{tarball}.new", "."], check=True)
        os.rename(f"{tarball}.new", tarball)
        shutil.rmtree(fresh)
    return tarball


class Tree:
    """One copy of it. /proc and /dev are mounted for as long as the object is entered."""

    def __init__(self, release, name, folder):
        self.release, self.name = release, name
        self.path = folder / f"{release}-{name}"
        self.log = open(folder / f"{release}-{name}.log", "w", encoding="utf-8")
        self._base = make_base(release, folder)

    def __enter__(self):
        mounted = [name for name in ("proc", "dev") if os.path.ismount(self.path / name)]
        assert not mounted, f"{mounted} of {self.path} are mounted"
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        subprocess.run(["tar", "-C", str(self.path), "-xf", str(self._base)], check=True)
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", str(self.path / name)], check=True)
        self.write("/etc/resolv.conf", Path("/etc/resolv.conf").read_text())
        self.allow_services(False)
        # A mirror may be frozen at a day long ago.
        self.run("apt-get", "-qq", "-o", "Acquire::Check-Valid-Until=false", "update")
        return self

    def __exit__(self, *_):
        for name in ("proc", "dev"):
            subprocess.run(["umount", "-R", str(self.path / name)], check=True)
        self.log.close()

    def inside(self, path):
        """Where a path of the tree is outside of it."""
        return self.path / path.lstrip("/")

    def write(self, path, text):
        """Writes a file anew. An absolute link in its place would lead out of the tree."""
        file = self.inside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)

    def read(self, path):
        return self.inside(path).read_text(errors="replace")

    def run(self, *command, check=True, env=None):
        """Runs a command in the tree; its status and all that it said."""
        self.log.write(f"$ {' '.join(command)}\n")
        self.log.flush()
        done = subprocess.run(["chroot", str(self.path), *command], env={**ENVIRONMENT, **(env or {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        self.log.write(done.stdout)
        self.log.flush()
        assert not check or done.returncode == 0, \
            f"{' '.join(command)} ended with {done.returncode} in {self.path}:\n{done.stdout[-3000:]}"
        return done.returncode, done.stdout

    def install(self, *packages):
        self.run("apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages)

    def version_of(self, package):
        return self.run("dpkg-query", "-f", "${Version}", "-W", package)[1]

    def allow_services(self, allowed):
        """Whether packages may start and reload services."""
        self.write("/usr/sbin/policy-rc.d", POLICY.format(ALLOWED if allowed else FORBIDDEN))
        self.inside("/usr/sbin/policy-rc.d").chmod(0o755)
