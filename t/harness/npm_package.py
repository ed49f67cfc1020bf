"""The npm package of client/, packed once a process."""

import functools
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness.gateway import ROOT


@functools.cache
def _folder():
    folder = tempfile.TemporaryDirectory(prefix="ngx_ws_npm_")
    done = subprocess.run([ROOT / "build.sh", "client"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shutil.copy(done.stdout.split()[-1], folder.name)
    return folder


def package():
    """The path of the package."""
    path, = Path(_folder().name).glob("*.tgz")
    return path


def files():
    """The folder of what is in it."""
    where = Path(_folder().name) / "package"
    if not where.exists():
        with tarfile.open(package()) as archive:
            archive.extractall(where.parent)
    return where


# For a node that has the packages: clients of mqtt.js whose socket is this package's, one of which
# reads.
MQTT_READER = """
    const { MqttClient } = require('mqtt');
    const { once } = require('node:events');
    const { connect } = await import(args.client);
    const open = async () => {
        const client = new MqttClient(() => connect(args.url, { protocols: 'mqtt' }), { reconnectPeriod: 0 });
        await once(client, 'connect');
        return client;
    };
    const reader = await open();
    await reader.subscribeAsync('a', { qos: 2 });
"""
