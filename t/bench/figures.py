"""The results of all runs, and what is derived from them."""

from statistics import median

from peers import BASE


class Spread:
    """The median of some values, the least and the greatest."""

    def __init__(self, values):
        self.median = median(values)
        self.least = min(values)
        self.most = max(values)


class Figures:
    def __init__(self, names, loads):
        self.names = names
        self.loads = loads
        self._runs = {}  # (load, peer) -> {round: result}

    def add(self, number, load, name, result):
        self._runs.setdefault((load.name, name), {})[number] = result

    def _good(self, load, name):
        runs = self._runs.get((load.name, name), {})
        return {number: one for number, one in runs.items() if "error" not in one}

    def failures(self, name):
        """(load, round, error) of each run that gave no figures."""
        return [(load, number, result["error"])
                for (load, peer), runs in self._runs.items() if peer == name
                for number, result in runs.items() if "error" in result]

    def ran(self, load, name):
        return (load.name, name) in self._runs

    def values(self, load, name, key):
        """A Spread over the rounds, or None. A peer that failed once has no figure."""
        good = self._good(load, name)
        if not good or len(good) < len(self._runs[load.name, name]):
            return None
        return Spread([one[key] for one in good.values()])

    def values_of(self, key):
        return lambda load, name: self.values(load, name, key)

    def rates(self, load, name):
        """Work for each second of server CPU."""
        return self._spread(load, name, lambda one: one["work"] / one["server_cpu"])

    def busy(self, load, name):
        """The part of its CPU that the server used."""
        return self._spread(load, name, lambda one: one["server_cpu"] / one["seconds"])

    def _spread(self, load, name, value):
        good = self._good(load, name)
        if not good or len(good) < len(self._runs[load.name, name]):
            return None
        return Spread([value(one) for one in good.values()])

    def ratios(self, load, name):
        """The rate, or for idle connections the memory, in relation to BASE in the same round."""
        return self._compared(load, name, lambda one: worth(load, one))

    def beside(self, load, base):
        """Ours, as ratios() but in relation to another server."""
        return self._compared(load, "ours", lambda one: worth(load, one), base)

    def paces(self, load, name):
        """Work in the same time by the clock, in relation to BASE in the same round. Low where
        a server waits without need, whatever its processor time."""
        return self._compared(load, name, lambda one: one["work"] / one["seconds"])

    def _compared(self, load, name, value, base=BASE):
        good, base = self._good(load, name), self._good(load, base)
        rounds = good.keys() & base.keys()
        if not rounds or len(good) < len(self._runs[load.name, name]):
            return None
        return Spread([value(good[number]) / value(base[number]) for number in rounds])

    def as_json(self, titles):
        return {
            "peers": titles,
            "loads": [self._load_as_json(load) for load in self.loads],
        }

    def _load_as_json(self, load):
        told = {"name": load.name, "title": load.title, "goal": load.goal or None, "peers": {}}
        for name in self.names:
            runs = self._runs.get((load.name, name), {})
            ratio = self.ratios(load, name) if rated(load) else None
            told["peers"][name] = {
                "ratio": ratio and vars(ratio),
                "runs": [runs[number] for number in sorted(runs)],
            }
        return told


def rated(load):
    return load.mode in ("echo", "upload", "download", "connects", "idle")


def worth(load, result):
    if load.mode == "idle":
        return result["memory_opened"]
    return result["work"] / result["server_cpu"]
